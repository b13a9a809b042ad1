"""Tests of NVIDIA's supported-gpus.json as lines for the node's scripts, with entries of the lists of 550 and of 590 or newer."""

import pytest

from lifecycle.pipeline.supported_gpus import UnreadableListError, supported_gpus

# From driver 550.163.01, which knows no `gsp_proprietary_supported`.
LIST_OF_550 = """{"chips":[
{"devid":"0x0040","name":"GeForce 6800 Ultra","legacybranch":"304.xx","features":[]},
{"devid":"0x102D","name":"Tesla K80","legacybranch":"470.xx","features":["hdmi4k","vdpaufeaturesetD"]},
{"devid":"0x1DB6","name":"Tesla V100-PCIE-32GB","features":["dpycbcr420","dpgsynccompatible","hdmi4k60rgb444","vdpaufeaturesetI"]},
{"devid":"0x20B0","name":"NVIDIA A100-SXM4-40GB",
 "features":["dpycbcr420","runtimepm","vdpaufeaturesetJ","kernelopen"]},
{"devid":"0x20B0","subdevid":"0x1450","subvendorid":"0x10DE","name":"NVIDIA A100-PG509-200",
 "features":["vdpaufeaturesetJ","kernelopen"]},
{"devid":"0x2330","subdevid":"0x16C0","subvendorid":"0x10DE","name":"NVIDIA H100 80GB HBM3",
 "features":["vdpaufeaturesetK","kernelopen"]},
{"devid":"0x2342","subdevid":"0x16EB","subvendorid":"0x10DE","name":"NVIDIA GH200 120GB",
 "features":["vdpaufeaturesetK","kernelopen"]}
]}"""
LIST_OF_590 = """{"chips":[
{"devid":"0x1DB6","name":"Tesla V100-PCIE-32GB","legacybranch":"580.xx","features":["kernelopen"]},
{"devid":"0x1EB8","subdevid":"0x12A2","subvendorid":"0x10DE","name":"Tesla T4",
 "features":["vdpaufeaturesetJ","kernelopen","gsp_proprietary_supported"]},
{"devid":"0x2342","subdevid":"0x16EB","subvendorid":"0x10DE","name":"NVIDIA GH200 120GB",
 "features":["vdpaufeaturesetK","kernelopen"]},
{"devid":"0x2E12","subdevid":"0x21EC","subvendorid":"0x10DE","name":"NVIDIA GB10",
 "features":["dpycbcr420","runtimepm","kernelopen"]}
]}"""


def test_a_list_without_proprietary_flags_names_open_only_gpus_by_id() -> None:
    assert supported_gpus(LIST_OF_550) == [
        "0040 legacy:304",
        "102d legacy:470",
        "1db6 proprietary",
        "20b0 both",
        "2330 both",
        "2342 open",
    ]


def test_a_list_with_proprietary_flags_is_believed() -> None:
    assert supported_gpus(LIST_OF_590) == ["1db6 legacy:580", "1eb8 both", "2342 open", "2e12 open"]


def test_a_branch_that_ended_counts_more_than_open_modules() -> None:
    assert supported_gpus('{"chips":[{"devid":"0x1DB6","legacybranch":"580.xx","features":["kernelopen"]}]}') == [
        "1db6 legacy:580"
    ]


def test_a_blackwell_gpu_is_open_only_in_a_list_without_proprietary_flags() -> None:
    assert supported_gpus('{"chips":[{"devid":"0x2B85","features":["kernelopen"]}]}') == ["2b85 open"]


def test_an_entry_may_lack_features() -> None:
    assert supported_gpus('{"chips":[{"devid":"0x1DB6"}]}') == ["1db6 proprietary"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it is no JSON: Expecting value"),
        ("<html>", "it is no JSON: Expecting value"),
        ('{"chips":[', "it is no JSON: "),
        ("[]", "it has no list of `chips`"),
        ('{"gpus":[]}', "it has no list of `chips`"),
        ('{"chips":{}}', "it has no list of `chips`"),
        ('{"chips":["0x2330"]}', "it has no list of `chips`"),
        ('{"chips":[]}', "it has no GPU"),
        ('{"chips":[{"name":"x"}]}', 'an entry without a devid or features: {"name": "x"}'),
        ('{"chips":[{"devid":"2330"}]}', "an entry without a devid or features"),
        ('{"chips":[{"devid":"0x2330","features":"kernelopen"}]}', "an entry without a devid or features"),
        ('{"chips":[{"devid":"0x2330","legacybranch":"old"}]}', "legacybranch 'old' of 10de:2330 is no branch"),
    ],
)
def test_another_format_is_told_in_one_sentence(text: str, reason: str) -> None:
    with pytest.raises(UnreadableListError) as raised:
        supported_gpus(text)

    assert str(raised.value).startswith(f"supported-gpus.json is not in the known format: {reason}")
