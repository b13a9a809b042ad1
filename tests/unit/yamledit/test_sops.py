"""Files that SOPS encrypts."""

import pytest

from lifecycle.yamledit.key_path import KeyPath
from lifecycle.yamledit.list_items import copy_items, remove_items
from lifecycle.yamledit.sops import EncryptedFileError
from lifecycle.yamledit.values_file import ValuesFile

CLEAR = "image: {tag: old}\npassword: ENC[AES256_GCM,data:x,type:str]\nlist:\n- {n: 1}\n- {n: 2}\n"
MAC = "sops:\n  mac: ENC[AES256_GCM,data:y,type:str]\n  version: 3.9.4\n"
ONLY = f"{MAC}  mac_only_encrypted: true\n"
TAG, PASSWORD, LIST = KeyPath.parse("image.tag"), KeyPath.parse("password"), KeyPath.parse("list")


@pytest.mark.parametrize("text", [CLEAR + MAC, CLEAR + ONLY.replace("true", "false"), f"{CLEAR}---\na: 1\n{MAC}"])
def test_a_clear_value_below_a_mac_is_refused(text: str) -> None:
    line = text.splitlines().index("  mac: ENC[AES256_GCM,data:y,type:str]") + 1
    with pytest.raises(
        EncryptedFileError, match=rf"f\.yaml:{line}: the MAC of SOPS covers all values .*: edit it with `sops`"
    ):
        ValuesFile(text, "f.yaml").set(TAG, "new")


@pytest.mark.parametrize("text", [CLEAR + ONLY, CLEAR, f"{CLEAR}sops: {{enabled: true}}\n"])
def test_a_clear_value_that_no_mac_covers_is_edited(text: str) -> None:
    assert ValuesFile(text, "f").set(TAG, "new").text == text.replace("old", "new")


@pytest.mark.parametrize("text", [CLEAR + ONLY, CLEAR])
def test_an_encrypted_value_is_refused(text: str) -> None:
    with pytest.raises(EncryptedFileError, match=r"f\.yaml:2: the value is encrypted by SOPS: edit it with `sops`"):
        ValuesFile(text, "f.yaml").set(PASSWORD, "new")


def test_a_value_that_is_there_already_is_no_edit() -> None:
    text = CLEAR + MAC

    assert ValuesFile(text, "f").set(TAG, "old").text == text


def test_items_below_a_mac_are_neither_copied_nor_removed() -> None:
    file = ValuesFile(CLEAR + MAC, "f")

    with pytest.raises(EncryptedFileError):
        copy_items(file, LIST, {0: {}})
    with pytest.raises(EncryptedFileError):
        remove_items(file, LIST, [0])


def test_an_item_with_an_encrypted_value_is_not_copied() -> None:
    file = ValuesFile(CLEAR.replace("{n: 2}", "{n: 'ENC[x]'}") + ONLY, "f.yaml")

    with pytest.raises(EncryptedFileError, match=r"f\.yaml:5: the value is encrypted"):
        copy_items(file, LIST, {1: {}})
    assert copy_items(file, LIST, {0: {}}).text == file.text.replace("- {n: 1}\n", "- {n: 1}\n- {n: 1}\n")
