"""Runs `install` in each situation of situations.yaml."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.machines.node_host import DRIVER, Node
from tests.support.machines.node_image import make_image
from tests.support.machines.node_programs import MODULE_FOLDER
from tests.support.machines.node_report import without_failure

SITUATIONS: list[dict[str, Any]] = yaml.safe_load(Path(__file__).parent.with_name("situations.yaml").read_text())
KEYS = (
    *("name", "driver", "gpus", "nvswitches", "image", "supported", "programs", "settings", "modules", "files"),
    *("exit", "changes", "type", "says", "silent"),
)


def put_on_the_bus(node: Node, devices: Sequence[str], bus: str, pci_class: str) -> None:
    """Add devices, each `10de:2330`, `10de:2330 vfio-pci` or `8 x 10de:2330`, at 0000:30:00.0 and so on."""
    place = int(bus, 16)
    for words in devices:
        match = re.fullmatch(r"(?:(\d+) x )?10de:([0-9a-f]{4})(?: (\S+))?", words)
        assert match, words
        for _ in range(int(match[1] or 1)):
            folder = node.add_to_bus(f"0000:{place:02x}:00.0", match[2], pci_class)
            if match[3]:
                (folder / "driver").symlink_to(f"../../../bus/pci/drivers/{match[3]}")
            place += 1


def change_manifest(node: Node, changes: Mapping[str, str]) -> None:
    file = node.image / "manifest.env"
    lines = dict(line.split("=", 1) for line in file.read_text().splitlines())
    file.write_text("".join(f"{key}={value}\n" for key, value in {**lines, **changes}.items()))


def load(node: Node, modules: Mapping[str, int | None]) -> None:
    for name, references in modules.items():
        if name == "nvidia":
            node.pretend_loaded("535.54.03")
            continue
        folder = node.sysfs / "module" / name
        (folder / "holders").mkdir(parents=True)
        if references is not None:
            (folder / "refcnt").write_text(f"{references}\n")


def set_up(node: Node, situation: Mapping[str, Any]) -> None:
    driver = situation.get("driver", DRIVER)
    make_image(node, driver=driver, programs=dict.fromkeys(situation.get("programs", ()), "exit 1"))
    change_manifest(node, situation.get("image", {}))
    if "supported" in situation:
        (node.image / "supported-gpus.txt").write_text("".join(f"{line}\n" for line in situation["supported"]))
    if "gpus" in situation:
        node.empty_bus()
        put_on_the_bus(node, situation["gpus"], "30", "030200")
    put_on_the_bus(node, situation.get("nvswitches", ()), "50", "068000")
    load(node, situation.get("modules", {}))
    for name, text in situation.get("files", {}).items():
        file = node.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text.replace("@", str(node.folder)))
    node.environment.update(situation.get("settings", {}))
    # The folder of the lock; a run that makes it removes it again, which shows in the times of /run.
    (node.host / "run/nvidia").mkdir()


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda situation: situation["name"].replace(" ", "-"))
def test_install_ends_as_the_table_says(node: Node, situation: dict[str, Any]) -> None:
    assert set(situation) <= set(KEYS)
    set_up(node, situation)
    before = without_failure(node.stat())
    done = node.run("install")
    after = without_failure(node.stat())

    assert done.returncode == situation["exit"], done.stderr
    assert [part for part in situation.get("says", ()) if part not in done.stderr] == [], done.stderr
    if situation["exit"]:
        changed = {path for path in (*before, *after) if before.get(path) != after.get(path)}
        assert changed == set(situation.get("changes", ()))
    else:
        assert (node.drivers / "current" / MODULE_FOLDER / "type").read_text() == situation["type"]
    if situation.get("silent"):
        assert "NVLink" not in done.stderr
        assert "unknown" not in done.stderr
        assert "does not work" not in done.stderr


def test_each_situation_has_a_name_of_its_own() -> None:
    names = [situation["name"] for situation in SITUATIONS]

    assert sorted(names) == sorted(set(names))
