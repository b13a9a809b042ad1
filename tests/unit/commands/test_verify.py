"""`invoke verify` on real archives of small modules, and on an engine that holds images of them."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from lifecycle.commands.verify import HeadersMissingError, Proof, differences, prove
from lifecycle.planning.selector import NothingSelectedError
from lifecycle.tools.archive import file_digests
from tests.support.builders.driver_modules import ID, ONLY, RELEASE, gone, in_an_image, ko, pack
from tests.support.builders.signing_keys import Pair, sign
from tests.support.fakes.sessions import FakeSession


def proof(session: FakeSession) -> Proof:
    (found,) = prove(session, ONLY)
    return found


def test_modules_that_fit_are_proven_from_the_cache_where_there_is_no_image(
    proving: FakeSession, modules: Path
) -> None:
    pack(proving, modules)
    found = proof(proving)

    assert (found.combination, found.module_type, found.source, found.problems) == (ID, "proprietary", "archive", ())
    assert {e.module.path.name: (e.matching, e.kernel_symbols, e.sibling_symbols) for e in found.modules} == {
        "nvidia.ko": (2, 2, 0),
        "nvidia-uvm.ko": (2, 2, 1),
        "nvidia-modeset.ko": (2, 2, 0),
        "nvidia-drm.ko": (2, 2, 0),
        "nvidia-peermem.ko": (2, 2, 0),
    }


def test_what_is_in_the_image_counts_where_there_is_one(proving: FakeSession, modules: Path) -> None:
    found = proof(in_an_image(proving, modules))

    assert (found.source, found.problems, len(found.modules)) == ("image", (), 5)


def test_nothing_is_left_in_the_cache(proving: FakeSession, modules: Path) -> None:
    pack(proving, modules)
    proof(proving)

    assert list(proving.cache.tmp.glob("verify-*")) == []


def test_without_an_engine_the_cache_is_read_and_it_is_said(proving: FakeSession, modules: Path) -> None:
    pack(proving, modules)
    proving.engine.unreachable = True

    assert proof(proving).source == "archive"
    assert proving.said.getvalue() == (
        "WARNING: no container engine answers at unix:///nobody: reading the archives in the cache, not the images\n"
    )


def crc(tree: Path) -> None:
    path = ko(tree, "nvidia-drm")
    path.write_bytes(path.read_bytes().replace(bytes.fromhex("11111111"), bytes.fromhex("99111111")))


def cut(tree: Path) -> None:
    path = ko(tree, "nvidia-uvm")
    path.write_bytes(path.read_bytes()[:100])


@pytest.mark.parametrize(
    ("corrupt", "said"),
    [
        (crc, ["nvidia-drm.ko expects printk with CRC 0x11111199, the kernel has 0x11111111"]),
        (cut, ["nvidia-uvm.ko is not a readable kernel module: it is not an ELF file, or is truncated"]),
        (gone, ["nvidia-peermem.ko is missing"]),
    ],
)
@pytest.mark.parametrize("have", [pack, in_an_image])
def test_what_a_kernel_would_refuse_is_a_sentence(
    proving: FakeSession,
    modules: Path,
    have: Callable[[FakeSession, Path], object],
    corrupt: Callable[[Path], None],
    said: list[str],
) -> None:
    corrupt(modules)
    have(proving, modules)
    found = proof(proving).problems

    assert len(found) == len(said)
    assert all(line.startswith(beginning) for line, beginning in zip(found, said, strict=True))


@pytest.mark.parametrize("have", [pack, in_an_image])
def test_an_archive_that_is_not_what_its_manifest_names_is_found(
    proving: FakeSession, modules: Path, have: Callable[..., object]
) -> None:
    named = file_digests(modules)
    first, second = sorted(named)[:2]
    have(proving, modules, named={**{k: v for k, v in named.items() if k != first}, second: "0" * 64, "lib/x": "1"})

    assert proof(proving).problems == (
        "lib/x is in the manifest but not in the archive",
        f"{first} is in the archive but not in the manifest",
        f"{second} differs from the sha256 in the manifest",
    )


def test_equal_manifests_do_not_differ() -> None:
    assert differences({"a": "1", "b": "-> a"}, {"b": "-> a", "a": "1"}) == []


def test_the_error_for_missing_headers_names_the_command_that_fetches_them(proving: FakeSession) -> None:
    shutil.rmtree(proving.cache.root / "blobs")
    with pytest.raises(HeadersMissingError, match=rf"the headers of {RELEASE}.*\n.*`invoke fetch --only old-1`"):
        proof(proving)


def test_a_selector_that_means_nothing_is_refused(proving: FakeSession) -> None:
    with pytest.raises(NothingSelectedError):
        prove(proving, "no-such")


def signed(session: FakeSession, pair: Pair) -> None:
    recipes = {**session.given.recipes, "signed": {"sign": "1"}}
    session.given = replace(session.given, signer=pair.signer, recipes=recipes)


def test_signed_modules_are_proven_with_signer_and_hash(proving: FakeSession, modules: Path, ours: Pair) -> None:
    signed(proving, ours)
    for path in modules.rglob("*.ko"):
        sign(path, ours)
    pack(proving, modules)
    found = proof(proving)

    assert found.problems == ()
    assert {(e.signature.state, e.signature.signer, e.signature.hash) for e in found.modules if e.signature} == {
        ("valid", "Our modules", "sha256")
    }


def test_an_unsigned_module_and_one_of_somebody_else_are_sentences(
    proving: FakeSession, modules: Path, ours: Pair, theirs: Pair
) -> None:
    signed(proving, ours)
    for path in modules.rglob("*.ko"):
        if path.name != "nvidia.ko":
            sign(path, theirs if path.name == "nvidia-uvm.ko" else ours)
    pack(proving, modules)

    assert proof(proving).problems == (
        "nvidia-uvm.ko is signed by O=Team, CN=Somebody else, but the signature is not valid: "
        "signer certificate not found",
        "nvidia.ko is not signed, though component.yaml declares signing",
    )
