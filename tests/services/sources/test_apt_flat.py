"""Flat archives, such as NVIDIA's own."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.builders.apt_archive import Archive, make_flat_archive
from tests.support.checkouts.apt_checkout import SUITE, fetch
from tests.support.checkouts.source_checkout import make_source_checkout
from tests.support.machines.apt_machine import AptMachine
from tests.support.servers.web_server import Web

NVIDIA = [
    ("nvidia-kernel-dkms", "580.105.08-1", ""),
    ("libcuda1", "580.105.08-1", "libc6"),
    ("nvidia-modprobe", "580.105.08-1", ""),
]


@pytest.mark.parametrize("suite", ["/", "./"])
@pytest.mark.parametrize("declared", ["by the machine", "in component.yaml"])
def test_a_driver_comes_from_a_flat_archive_like_nvidias(
    apt_machine: AptMachine, web: Web, garden: Archive, tmp_path: Path, suite: str, declared: str
) -> None:
    folder = "compute/cuda/repos/debian12/x86_64"
    make_flat_archive(web.folder / folder, garden.keyring.parent, NVIDIA, "NVIDIA CUDA")
    address = f"{web.address}/{folder}/"
    apt_machine.write("sources.list.d/cuda.list", f"deb [signed-by={garden.keyring}] {address} {suite}\n")
    apt_machine.update()
    labels: Mapping[str, str] = {"archive": "NVIDIA CUDA"}
    if declared == "in component.yaml":
        labels = {"uri": address, "keyring": str(garden.keyring)}
    garden_linux = {"uri": web.address, "keyring": str(garden.keyring), "suite": SUITE, "components": ["main"]}
    source = json.dumps({"kind": "apt", "repositories": [garden_linux, {**labels, "suite": suite}]})
    driver = "{kind: packages, release: gardenlinux-1592.9}"
    apt_checkout = make_source_checkout(
        tmp_path, source, environ={}, driver=f"{driver}\n    580: {driver}", driver_version="580"
    )
    files = fetch(apt_checkout)

    nvidia = [file for file in files if file.version == "580.105.08-1"]
    assert {file.name for file in nvidia} == {name for name, _, _ in NVIDIA}
    assert all(file.origin.startswith(("NVIDIA CUDA/", address)) for file in nvidia)
