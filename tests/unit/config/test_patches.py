from pathlib import Path

import pytest

from lifecycle.config.patches import Patch, PatchSeries, load_patches
from lifecycle.config.schema import ModuleType
from lifecycle.errors import ConfigurationError
from tests.support.checkout import ROOT

OPEN, PROPRIETARY = ModuleType.OPEN, ModuleType.PROPRIETARY
PCI = "pci-resize-resource.patch"


def load(tmp_path: Path, text: str, *files: str) -> PatchSeries:
    folder = tmp_path / "patches"
    folder.mkdir(parents=True)
    (folder / "series.yaml").write_text(text)
    for name in files:
        (folder / name).write_text("--- a\n+++ b\n")
    return load_patches(folder)


def problems(tmp_path: Path, text: str, *files: str) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path, text, *files)
    return caught.value.problems


def test_a_series_is_read_in_its_order(tmp_path: Path) -> None:
    text = """\
patches:
  - {file: b.patch, reason: it does not compile}
  - {file: a.patch, moduleType: open, driverVersion: "5[35]*", kernel: ">=6.12", reason: neither does this}
"""

    assert load(tmp_path, text, "a.patch", "b.patch") == PatchSeries(
        patches=[
            Patch(file="b.patch", reason="it does not compile"),
            Patch(
                file="a.patch", module_type=OPEN, driver_version="5[35]*", kernel=">=6.12", reason="neither does this"
            ),
        ]
    )


def test_no_folder_means_no_patches(tmp_path: Path) -> None:
    assert load_patches(tmp_path / "patches") == PatchSeries()


def test_all_that_is_wrong_with_a_series_is_said_at_once(tmp_path: Path) -> None:
    text = """\
patches:
  - {file: ../a.patch, reason: it does not compile}
  - {file: a.diff, reason: short}
  - {file: a.patch, kernel: 6.x, reason: it does not compile}
  - {file: a.patch, modultype: open, reason: it does not compile}
"""

    assert problems(tmp_path, text, "a.patch") == (
        "patches/series.yaml:2:6: patches[0].file: '../a.patch' is not the name of a .patch file beside series.yaml",
        "patches/series.yaml:3:6: patches[1].file: 'a.diff' is not the name of a .patch file beside series.yaml",
        "patches/series.yaml:3:20: patches[1].reason: 'short' is too short: say more",
        "patches/series.yaml:4:21: patches[2].kernel: '6.x' is not a range: write an operator and a version, "
        "such as '>=6.1.190,<6.2'",
        "patches/series.yaml:5:21: patches[3].modultype: unknown key; did you mean 'moduleType'?",
    )


def test_every_patch_that_is_not_there_is_named(tmp_path: Path) -> None:
    text = """\
patches:
  - {file: a.patch, reason: it does not compile}
  - {file: b.patch, reason: it does not compile}
  - {file: c.patch, reason: it does not compile}
"""

    assert problems(tmp_path, text, "b.patch") == (
        "patches/series.yaml:2:6: no file 'a.patch' in patches/: add it, or take the entry out",
        "patches/series.yaml:4:6: no file 'c.patch' in patches/: add it, or take the entry out",
    )


@pytest.mark.parametrize(
    ("conditions", "applies"),
    [
        ({}, True),
        ({"driver_version": "550"}, True),
        ({"driver_version": "550.163.01"}, True),
        ({"driver_version": "550.1*"}, True),
        ({"driver_version": "535"}, False),
        ({"driver_version": "55"}, False),
        ({"module_type": OPEN}, True),
        ({"module_type": PROPRIETARY}, False),
        ({"kernel": ">=6.12.97,<6.13"}, True),
        ({"kernel": "<6.12.97 | >=6.13"}, False),
        ({"driver_version": "550", "module_type": OPEN, "kernel": ">=6.12"}, True),
        ({"driver_version": "550", "module_type": OPEN, "kernel": ">=6.13"}, False),
    ],
)
def test_a_patch_applies_where_all_of_its_conditions_hold(conditions: dict[str, str], applies: bool) -> None:
    patch = Patch.model_validate({"file": "a.patch", "reason": "it does not compile", **conditions})

    assert patch.applies(driver="550.163.01", module_type=OPEN, kernel="6.12.117") is applies


@pytest.mark.parametrize(
    ("driver", "module_type", "patched"),
    [
        ("550.163.01", OPEN, True),
        ("535.261.03", OPEN, True),
        ("570.133.20", OPEN, True),
        ("550.163.01", PROPRIETARY, False),
        ("580.105.08", OPEN, False),
    ],
)
@pytest.mark.parametrize("kernel", ["6.1.192", "6.12.60", "6.18.41", "7.3.4"])
def test_whether_the_pci_patch_is_needed_is_asked_of_each_kernel(
    driver: str, module_type: ModuleType, kernel: str, *, patched: bool
) -> None:
    series = load_patches(ROOT / "patches")

    found = series.for_modules(driver=driver, module_type=module_type, kernel=kernel)
    assert [p.probe for p in found if p.file == PCI] == (["pci-resize-resource.c"] if patched else [])


def test_a_missing_probe_and_a_probe_that_is_no_source_are_named(tmp_path: Path) -> None:
    text = "patches:\n  - {file: a.patch, probe: a.c, reason: it does not compile}\n"

    assert problems(tmp_path, text, "a.patch") == (
        "patches/series.yaml:2:21: no file 'a.c' in patches/: add it, or take the entry out",
    )
    assert problems(tmp_path / "other", text.replace("a.c", "a.sh"), "a.patch") == (
        "patches/series.yaml:2:21: patches[0].probe: 'a.sh' is not the name of a .c file beside series.yaml",
    )


def test_the_patches_of_this_checkout_ask_the_kernel() -> None:
    assert [patch.file for patch in load_patches(ROOT / "patches").patches if not patch.probe] == []
