"""Tests of nodes whose kernel refuses the driver: each case has its message and its documented exit code."""

import pytest

from tests.support.machines.guest.boots import Boots

BEFORE_LOADING = ["no GPU", "other kernel", "signatures enforced"]


@pytest.mark.parametrize(
    ("boot", "section", "code", "sentence"),
    [
        ("no GPU", "install", 22, "this node has no NVIDIA GPU"),
        ("no GPU", "install all the same", 25, "NVRM: No NVIDIA GPU found."),
        ("other kernel", "install", 10, "this node needs the image with the tag"),
        ("signatures enforced", "install", 23, "this kernel loads signed modules only (module.sig_enforce)"),
        ("corrupted modules", "other-release", 20, "compiled for another kernel with the same release"),
        ("corrupted modules", "wrong-crc", 20, "disagrees about version of symbol module_layout"),
        ("corrupted modules", "missing-symbol", 20, "Unknown symbol missing_"),
    ],
    ids=lambda value: str(value).replace(" ", "-"),
)
def test_the_installer_says_why_and_ends_with_the_documented_code(
    refusals: Boots, boot: str, section: str, code: int, sentence: str
) -> None:
    said = refusals[boot][section]

    assert said.code == code, said.text
    assert sentence in said.text


@pytest.mark.parametrize("boot", BEFORE_LOADING)
def test_a_refusal_before_loading_leaves_the_host_alone(refusals: Boots, boot: str) -> None:
    result = refusals[boot]

    assert result["listing after"].text == result["listing before"].text


@pytest.mark.parametrize("boot", [*BEFORE_LOADING, "corrupted modules"])
def test_nothing_is_loaded_after_a_refusal(refusals: Boots, boot: str) -> None:
    assert "nvidia" not in refusals[boot]["loaded"].text
