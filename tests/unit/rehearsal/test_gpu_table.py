"""The table of GPUs in Python against the node's own script, which is run."""

import subprocess
from itertools import cycle
from pathlib import Path

import pytest

from lifecycle.errors import ConfigurationError
from lifecycle.rehearsal.gpu_table import GpuTable, UnknownTableError, read_gpu_table
from tests.support.checkout import ROOT

MODULES = ROOT / "scripts/node/lib/modules"
DRIVERS = ("470.256.02", "535.309.01", "550.163.01", "570.211.01", "575.64.05", "580.105.08", "595.44.03")
SUPPORT = ("", "open", "proprietary", "both", "legacy:470", "legacy:580", "unheard-of")
SCRIPT = f"""
set -euo pipefail
log() {{ :; }}
NVIDIA_INSTALLER_HOME=/nowhere
source {MODULES}/supported-gpus.sh
source {MODULES}/module-type.sh
declare -A IMAGE=()
while IFS=, read -r driver architecture id support; do
  IMAGE[DRIVER_VERSION]=$driver IMAGE[ARCHITECTURE]=$architecture
  find_fit gpu "$id" "$support"
  printf '%s|%s|%s|%s\\n' "${{FITS[gpu]}}" "${{NEEDS[gpu]}}" "${{GENERATIONS[gpu]}}" "$(preferred_types)"
done
"""


@pytest.fixture(scope="module")
def table() -> GpuTable:
    return read_gpu_table(ROOT)


def ids(table: GpuTable) -> list[str]:
    """Return the borders of all ranges, and some other ids. The script takes some 20 ms for each."""
    borders = {number for first, last, _ in table.ranges for number in (first, last)}
    some = range(0x0F00, 0x4000, 0x0333)
    return [f"{number:04x}" for number in sorted({*borders, *some}) if 0 <= number <= 0xFFFF]


def test_each_gpu_needs_what_the_node_says(table: GpuTable) -> None:
    drivers, architectures, supports = cycle(DRIVERS), cycle(("amd64", "arm64", "amd64")), cycle(SUPPORT)
    cases = [
        (next(drivers), next(architectures), device, support)
        for device in ids(table)
        for support in ("", next(supports))
    ]
    done = subprocess.run(
        ["bash", "-c", SCRIPT],
        input="".join(f"{','.join(case)}\n" for case in cases),
        capture_output=True,
        text=True,
        check=True,
    )

    expected = []
    for driver, architecture, device, support in cases:
        need = table.need(device, {device: support} if support else {})
        types = [t for t in ("open", "proprietary") if t in need.module_types(driver)]
        preferred = " ".join(table.preferred_types(driver, architecture))
        expected.append(f"{' '.join(types)}|{need}|{need.generation}|{preferred}")
    assert len(cases) > 100
    assert done.stdout.splitlines() == expected


def test_every_row_of_the_script_is_read(table: GpuTable) -> None:
    rows = (MODULES / "supported-gpus.sh").read_text().partition("GPU_RANGES=(")[2].partition("\n)")[0]

    assert len(table.ranges) == sum(line.startswith('  "') for line in rows.splitlines()) > 20


@pytest.mark.parametrize("family", ["maxwell", "volta", "turing", "ampere", "ada-lovelace", "hopper", "blackwell"])
def test_a_family_has_the_needs_of_its_generations(table: GpuTable, family: str) -> None:
    assert {need.generation.split()[-1].lower() for need in table.needs_of_family(family)} & {
        family,
        family.partition("-")[0],
    }


@pytest.mark.parametrize("family", ["", "undefined", "tesla"])
def test_a_family_that_the_table_does_not_know_has_no_needs(table: GpuTable, family: str) -> None:
    assert table.needs_of_family(family) == ()


def test_a_script_without_the_table_is_one_sentence(tmp_path: Path) -> None:
    folder = tmp_path / "scripts/node/lib/modules"
    folder.mkdir(parents=True)
    for name in ("supported-gpus.sh", "module-type.sh"):
        (folder / name).write_text("# nothing\n")

    with pytest.raises(UnknownTableError, match=r"supported-gpus\.sh is not in the known form"):
        read_gpu_table(tmp_path)


def test_a_checkout_without_the_script_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"supported-gpus\.sh"):
        read_gpu_table(tmp_path)
