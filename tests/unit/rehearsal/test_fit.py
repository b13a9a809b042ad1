from dataclasses import replace

import pytest

from lifecycle.config.schema import ModuleType
from lifecycle.rehearsal.fit import Fit, find_fit
from lifecycle.rehearsal.gpu_table import GpuTable, read_gpu_table
from lifecycle.rehearsal.node_groups import Gpus
from tests.support.builders.projects import project
from tests.support.checkout import ROOT
from tests.support.machines.node_host import B200, H100, V100

BOTH = (ModuleType.PROPRIETARY, ModuleType.OPEN)
LIMIT = "needs a driver of branch 580 or older with proprietary modules"
NEWER = "needs a driver of branch 570 or newer with open modules"


@pytest.fixture(scope="module")
def table() -> GpuTable:
    return read_gpu_table(ROOT)


def fit(table: GpuTable, gpus: Gpus, driver: str, types: tuple[ModuleType, ...] = BOTH, **listed: str) -> Fit:
    combination = replace(project().matrix.combinations[0], driver=driver, module_types=types)
    return find_fit(gpus, combination, table, {key.removeprefix("x"): value for key, value in listed.items()})


@pytest.mark.parametrize(
    ("ids", "driver", "types", "module_type"),
    [
        ([H100], "550.163.01", BOTH, "proprietary"),
        ([H100], "580.105.08", BOTH, "open"),
        ([V100], "580.105.08", BOTH, "proprietary"),
        ([H100, V100], "580.105.08", BOTH, "proprietary"),
        ([H100], "550.163.01", (ModuleType.OPEN,), "open"),
        ([B200], "580.105.08", BOTH, "open"),
    ],
)
def test_the_module_type_is_that_which_the_node_chooses(
    table: GpuTable, ids: list[str], driver: str, types: tuple[ModuleType, ...], module_type: str
) -> None:
    assert fit(table, Gpus(ids=tuple(ids)), driver, types) == Fit(module_type=module_type)


@pytest.mark.parametrize(
    ("ids", "driver", "types", "misfits"),
    [
        ([B200], "550.163.01", BOTH, (f"10de:2901 (Blackwell) {NEWER}",)),
        ([V100], "580.105.08", (ModuleType.OPEN,), (f"10de:1db6 (Volta) {LIMIT}",)),
        ([V100, B200], "580.105.08", BOTH, (f"10de:1db6 (Volta) {LIMIT}", f"10de:2901 (Blackwell) {NEWER}")),
        ([V100], "590.48.01", BOTH, (f"10de:1db6 (Volta) {LIMIT}",)),
    ],
)
def test_gpus_that_no_type_drives_are_named_with_their_need(
    table: GpuTable, ids: list[str], driver: str, types: tuple[ModuleType, ...], misfits: tuple[str, ...]
) -> None:
    assert fit(table, Gpus(ids=tuple(ids)), driver, types) == Fit(misfits=misfits)


def test_the_drivers_own_list_counts_more_than_the_table(table: GpuTable) -> None:
    found = fit(table, Gpus(ids=(H100,)), "550.163.01", x2330="open")

    assert found.module_type == "open"


def test_an_unknown_id_is_a_doubt_and_taken_for_a_newer_gpu(table: GpuTable) -> None:
    found = fit(table, Gpus(ids=("3fff",)), "550.163.01")

    assert found.module_type == "open"
    assert found.doubts[0].startswith("10de:3fff is unknown to this project")


@pytest.mark.parametrize("gpus", [Gpus(), Gpus(product="NVIDIA-H100"), Gpus(family="undefined")])
def test_unknown_gpus_are_a_doubt_and_no_module_type(table: GpuTable, gpus: Gpus) -> None:
    assert fit(table, gpus, "550.163.01") == Fit(doubts=("no label tells which GPUs the nodes have",))


def test_a_family_that_a_driver_drives_whole_has_a_module_type(table: GpuTable) -> None:
    assert fit(table, Gpus(family="turing"), "550.163.01") == Fit(module_type="proprietary")


def test_a_family_that_a_driver_does_not_drive_is_a_misfit(table: GpuTable) -> None:
    assert fit(table, Gpus(family="volta"), "590.48.01").misfits == (
        f"volta GPUs (Volta) {LIMIT.replace('needs', 'need')}",
    )


def test_a_family_of_which_a_driver_drives_a_part_is_a_doubt(table: GpuTable) -> None:
    found = fit(table, Gpus(family="blackwell"), "570.211.01")

    assert (found.module_type, found.misfits) == ("", ())
    assert any("(Blackwell Ultra) need a driver of branch 580 or newer" in doubt for doubt in found.doubts)


def test_a_family_whose_module_type_depends_on_ids_is_a_doubt(table: GpuTable) -> None:
    found = fit(table, Gpus(family="hopper"), "550.163.01", (ModuleType.PROPRIETARY, ModuleType.OPEN))

    assert found == Fit(module_type="open")
    assert fit(table, Gpus(family="hopper"), "550.163.01", (ModuleType.PROPRIETARY,)).doubts == (
        "hopper GPUs (Grace Hopper) need a driver of branch 535 or newer with open modules",
    )
