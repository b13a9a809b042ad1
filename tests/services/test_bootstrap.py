"""The root file system of the runtime base, bootstrapped by the real script from the locked packages."""

import os
import subprocess
import tarfile
from pathlib import Path

import pytest

from lifecycle.cache.cache import Cache, default_cache_dir
from lifecycle.config.image_versions import RUNTIME
from lifecycle.pipeline.base import package_file_name
from lifecycle.planning.locked_project import load_locked_project
from lifecycle.tools.digest import sha256_of
from lifecycle.tools.process import root_prefix
from tests.support.checkout import ROOT


def bootstrap(folder: Path, *, umask: int = 0o022, **environ: str) -> Path:
    """Bootstrap the runtime base in a folder, and return the tar."""
    project, cache = load_locked_project(ROOT), Cache(default_cache_dir(os.environ))
    (folder / "debs").mkdir(parents=True)
    for file in project.lock.bases[RUNTIME].packages:
        (folder / "debs" / package_file_name(file)).symlink_to(cache.blob(file.sha256))
    suite, out = str(project.base_of(RUNTIME).release), folder / "root.tar"
    script: list[str | Path] = [*root_prefix(), ROOT / "scripts/base/bootstrap"]
    subprocess.run(
        [*script, folder / "debs", suite, out, "amd64", *project.runtime_packages.leave_out],
        env={**os.environ, "SOURCE_DATE_EPOCH": "1704067200", **environ},
        umask=umask,
        check=True,
        capture_output=True,
    )
    return out


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bootstrap(tmp_path_factory.mktemp("base") / "plain")


def test_the_bytes_do_not_depend_on_folder_umask_locale_or_time_zone(root: Path, tmp_path: Path) -> None:
    other = bootstrap(tmp_path / "with a space", umask=0o077, TZ="Asia/Tokyo", LC_ALL="C")

    assert sha256_of(other) == sha256_of(root)


def test_nothing_of_the_building_machine_is_in_it(root: Path) -> None:
    with tarfile.open(root) as tar:
        names = set(tar.getnames())

    assert not names & {"./etc/hostname", "./etc/resolv.conf"}


def test_each_package_has_a_record_that_scanners_find(root: Path) -> None:
    project = load_locked_project(ROOT)
    left_out = set(project.runtime_packages.leave_out)
    with tarfile.open(root) as tar:
        records = {Path(name).name for name in tar.getnames() if name.startswith("./var/lib/dpkg/status.d/")}
        sums = tar.extractfile("./var/lib/dpkg/status.d/bash.md5sums")
        assert sums
        lines = sums.read().decode().splitlines()
        present = set(tar.getnames())

    packages = {file.name for file in project.lock.bases[RUNTIME].packages} - left_out
    assert records == packages | {f"{name}.md5sums" for name in packages}
    assert lines
    assert all(f"./{line.split('  ')[1]}" in present for line in lines)
