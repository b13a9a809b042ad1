import re
from dataclasses import replace
from pathlib import Path

import pytest

from lifecycle.cache.results import Archive
from lifecycle.config.schema import ModuleType
from lifecycle.pipeline.image import Contents, environment_file, installer_manifest, signer_of
from tests.support.builders.projects import component, project

COMBINATION = project().matrix.combinations[3]
USERSPACE = Archive(path=Path("u"), contents={}, modes={}, unpacked_bytes=0, about={})


def contents(signer: str | None) -> Contents:
    signature = {"signature": {"signer": signer, "fingerprint": "abc", "hash": "sha256"}} if signer else {}
    about = {"modules": {"nvidia.ko": {"vermagic": "6.1 SMP", **signature}}}
    return Contents(userspace=USERSPACE, modules={ModuleType.OPEN: replace(USERSPACE, about=about)})


def test_an_image_of_signed_modules_names_the_signer_and_its_certificate() -> None:
    manifest = installer_manifest(component(), COMBINATION, "digest", contents("Our modules"), "tag")

    assert manifest["signer"] == {"name": "Our modules", "fingerprint": "abc"}
    assert "SIGNER=Our modules\n" in environment_file(COMBINATION, contents("Our modules"), "tag")


def test_an_image_of_unsigned_modules_names_no_signer() -> None:
    assert signer_of(contents(None)) is None
    assert "signer" not in installer_manifest(component(), COMBINATION, "digest", contents(None), "tag")
    assert "SIGNER" not in environment_file(COMBINATION, contents(None), "tag")


@pytest.mark.parametrize("name", ["Größe & Co. (modules)", 'a"b\\c$(d)\ne', "Team/CN=x"])
def test_a_signers_name_is_narrowed_to_what_the_scripts_on_the_node_take(name: str) -> None:
    lines = environment_file(COMBINATION, contents(name), "tag").splitlines()

    assert len([line for line in lines if line.startswith("SIGNER=")]) == 1
    assert [line for line in lines if not re.fullmatch(r"[A-Z][A-Z0-9_]*=[A-Za-z0-9._+~:@/ -]*", line)] == []
