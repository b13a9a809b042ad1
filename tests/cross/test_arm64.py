"""arm64, declared beside amd64 and built on an amd64 machine: real headers, a real driver, Debian's cross compiler.

The image is made of arm64 packages and never started here; that the kernel would take its modules is proven offline.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

import docker
import pytest

from lifecycle.planning.locked_project import load_locked_project
from lifecycle.planning.selector import select
from lifecycle.planning.tags import references
from tests.support.checkout import PARTS, ROOT, copy_parts

RELEASE, BRANCH = "debian-12", "535"


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the checkout whose component has one release and one driver, for both architectures."""
    folder = tmp_path_factory.mktemp("cross")
    copy_parts(folder, [*PARTS, "tasks.py"])
    text = (ROOT / "component.yaml").read_text().replace("architecture: [amd64]", "architecture: [amd64, arm64]")
    text = re.sub(rf"^    - \{{name: (?!{RELEASE},).*\n", "", text, flags=re.MULTILINE)
    (folder / "component.yaml").write_text(re.sub(r"^    - 550.*\n", "", text, flags=re.MULTILINE))
    return folder


def invoke(checkout: Path, *words: str) -> str:
    command = [sys.executable, "-m", "invoke", *words]
    done = subprocess.run(command, cwd=checkout, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout


@pytest.fixture(scope="module")
def built(checkout: Path) -> Path:
    invoke(checkout, "fetch")
    invoke(checkout, "build", "--only", "*-arm64")
    return checkout


def test_the_matrix_has_both(built: Path) -> None:
    rows = json.loads(invoke(built, "matrix", "--json"))["combinations"]

    assert [(row["architecture"], row["kernel"].rpartition("-")[2]) for row in rows] == [
        ("amd64", "amd64"),
        ("arm64", "arm64"),
    ]


def test_the_programs_that_compile_are_those_of_the_machine_that_does(built: Path) -> None:
    kernel = load_locked_project(built).lock.kernels[f"{RELEASE}/arm64"]

    assert {file.name.split("-")[1]: file.file_name.rpartition("_")[2] for file in kernel.headers} == {
        "headers": "all.deb",
        "kbuild": "amd64.deb",
    }
    assert kernel.headers[0].file_name.endswith("_arm64.deb")


def test_the_arm64_kernel_would_take_the_modules(built: Path) -> None:
    proofs = json.loads(invoke(built, "verify", "--only", "*-arm64", "--json"))

    assert [(proof["source"], proof["problems"]) for proof in proofs] == [("image", [])] * len(proofs)
    modules = [module for proof in proofs for module in proof["modules"]]
    assert {module["architecture"] for module in modules} == {"arm64"}
    assert len(modules) == 5 * len(proofs) > 0


def test_the_image_is_for_arm64_and_shares_nothing_with_amd64s(built: Path) -> None:
    project = load_locked_project(built)
    (combination,) = select(project.matrix, "*-arm64")
    client = docker.from_env()
    image = client.images.get(references(project.component.image, combination)[0])
    try:
        assert image.attrs["Architecture"] == "arm64"
        container = client.containers.create(image)
        try:
            stream, _ = container.get_archive("/usr/bin/bash")
            # e_machine of the ELF header, after the tar's own: 183 is EM_AARCH64.
            header = b"".join(stream)[512:]
            assert header[:4] == b"\x7fELF"
            assert int.from_bytes(header[18:20], "little") == 183
        finally:
            container.remove()
    finally:
        client.close()
