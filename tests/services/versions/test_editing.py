"""Versions added, promoted, retired and updated, proven against a source before anything is written."""

import shutil
from functools import partial
from pathlib import Path

import pytest

from lifecycle.commands.build import show_fetch
from lifecycle.config.lock import Lock
from lifecycle.errors import UsageError
from lifecycle.sources.open_index import FolderNotFoundError
from lifecycle.versions import edits
from lifecycle.versions.apply_edit import show_edit
from lifecycle.versions.edits import new_release
from lifecycle.versions.outdated import outdated_items, show_update
from tests.support.builders.apt_archive import Archive, make_deb
from tests.support.checkouts.source_checkout import KERNEL, SourceCheckout, make_source_checkout

DATE = "2026-11-24"
FILES = ("component.yaml", "image_versions", "versions.lock")


@pytest.fixture
def checkout(garden: Archive, tmp_path: Path) -> SourceCheckout:
    """Return a checkout with Garden Linux 1592.9 resolved; the packages of 1592.10 and 1800.0 are available too."""
    made = make_source_checkout(tmp_path, "{kind: directory, path: 'inputs/{version}'}", environ={})
    for version in ("1592.9", "1592.10", "1800.0"):
        shutil.copytree(garden.folder / "pool", made.root / "inputs" / version)
    made.resolve()
    return made


def texts(checkout: SourceCheckout) -> list[str]:
    return [(checkout.root / name).read_text() for name in FILES]


def add(checkout: SourceCheckout, name: str, *, dry_run: bool = False) -> None:
    new = new_release(name, channel="canary", kernel="newest", flavour="cloud")
    show_edit(checkout.session(), partial(edits.add_release, release=new, builder="", date=DATE), dry_run=dry_run)


def test_a_release_is_added_with_its_builder_and_its_lock(
    checkout: SourceCheckout, capsys: pytest.CaptureFixture[str]
) -> None:
    component, images, _ = texts(checkout)
    add(checkout, "gardenlinux-1592.10")
    said = capsys.readouterr().out

    line = "    - {name: gardenlinux-1592.10, kernelFlavour: cloud, channel: canary}"
    assert [new for new in texts(checkout)[0].splitlines() if new not in component.splitlines()] == [line]
    builder = "BUILDER_GARDENLINUX_1592_10=registry.example/kmodbuild:1592.10"
    assert [new for new in texts(checkout)[1].splitlines() if new not in images.splitlines()] == [builder]
    assert {f"+{line}", f"+{builder}"} <= set(said.splitlines())
    lock = Lock.load(checkout.root / "versions.lock")
    assert lock.kernels["gardenlinux-1592.10/amd64"].release == KERNEL
    assert checkout.resolve(locked=True).lock == lock


def test_a_release_with_headers_and_no_kernel_image_is_added_and_said(
    checkout: SourceCheckout, capsys: pytest.CaptureFixture[str]
) -> None:
    for image in (checkout.root / "inputs/1592.10").glob("linux-image-*"):
        image.unlink()
    add(checkout, "gardenlinux-1592.10")
    said = (
        f"gardenlinux-1592.10: its source has the headers of {KERNEL}, but no kernel image: `nox -s test_node` leaves"
    )
    assert said in capsys.readouterr().err

    show_fetch(checkout.session(), "", "", update=False, kernel_images=True, locked=True, as_json=False)
    kernels = Lock.load(checkout.root / "versions.lock").kernels
    assert f"WARNING: {said}" in capsys.readouterr().err
    assert [len(kernels[f"gardenlinux-{version}/amd64"].image) for version in ("1592.9", "1592.10")] == [1, 0]


def test_a_dry_run_shows_the_same_and_writes_nothing(
    checkout: SourceCheckout, capsys: pytest.CaptureFixture[str]
) -> None:
    before = texts(checkout)
    add(checkout, "gardenlinux-1592.10", dry_run=True)
    shown = capsys.readouterr().out

    assert texts(checkout) == before
    add(checkout, "gardenlinux-1592.10")
    assert capsys.readouterr().out == shown


def test_a_release_that_the_source_lacks_is_refused_and_nothing_is_written(checkout: SourceCheckout) -> None:
    before = texts(checkout)
    with pytest.raises(FolderNotFoundError, match=r"inputs/1592\.11"):
        add(checkout, "gardenlinux-1592.11")
    assert texts(checkout) == before


def test_a_driver_that_the_source_lacks_is_refused_and_nothing_is_written(checkout: SourceCheckout) -> None:
    before = texts(checkout)
    with pytest.raises(UsageError, match=r"does not carry the driver 550\.999\.01: it has 550\.163\.01"):
        show_edit(checkout.session(), partial(edits.add_driver, version="550.999.01", date=DATE), dry_run=False)
    assert texts(checkout) == before


def test_what_is_outdated_is_found_and_taken(checkout: SourceCheckout) -> None:
    folder = checkout.root / "made"
    for name, version in {"nvidia-kernel-dkms": "550.170.01-1", "libcuda1": "550.170.01-1"}.items():
        make_deb(_pool(folder), name, version, "")
    for deb in (folder / "pool").iterdir():
        shutil.copy(deb, checkout.root / "inputs/1592.9")
    found = [(str(f.kind), f.current, f.available) for f in outdated_items(checkout.session())]

    assert found == [
        ("driver", "550.163.01", "550.170.01"),
        ("release", "gardenlinux-1592.9", "gardenlinux-1592.10"),
        ("release", "", "gardenlinux-1800.0"),
    ]
    show_update(checkout.session(), dry_run=False, as_json=False)
    project = checkout.resolve(locked=True)
    assert [(r.name, str(r.channel)) for r in project.component.context.releases] == [
        ("gardenlinux-1592.10", "current"),
        ("gardenlinux-1800.0", "canary"),
    ]
    assert project.component.context.driver_version == ["550.170.01"]


def _pool(folder: Path) -> Path:
    (folder / "pool").mkdir(parents=True, exist_ok=True)
    return folder


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["retire", "gardenlinux-1592.9"], "gardenlinux-1592.9 is the only one: add another before you retire it"),
        (["retire", "nothing"], "component.yaml has no 'nothing': it has gardenlinux-1592.9, 550.163.01"),
        (["promote", "x-1"], "component.yaml has no 'x-1'"),
        (["add-driver", "550.x"], "'550.x' is not a driver version: write a branch such as '535'"),
        (["add-driver", "999"], "no source for driver '999': add its branch under sources.drivers, or remove it"),
        (["add-release", "gardenlinux-1592.10", "--channel", "beta"], "a channel out of previous, current, canary"),
        (["add-release", "suse-1"], "name the image that its modules are compiled in with --builder"),
    ],
)
def test_a_mistake_is_one_sentence_and_changes_nothing(
    checkout: SourceCheckout, words: list[str], sentence: str
) -> None:
    before = texts(checkout)
    done = checkout.invoke(*words)

    assert (done.returncode, "Traceback" in done.stderr) == (2, False)
    assert sentence in done.stderr
    assert texts(checkout) == before
