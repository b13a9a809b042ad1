"""`invoke verify` on real archives of small modules, and on an engine that holds images of them."""

import io
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO

import pytest

from lifecycle.build.proof_table import show_proof
from lifecycle.build.verify import HeadersMissingError, Proof, ProofFailedError, differences, prove
from lifecycle.model.lock import LockedFile
from lifecycle.model.matrix import Combination
from lifecycle.model.schema import ModuleType
from lifecycle.model.select import NothingSelectedError
from lifecycle.model.tags import references
from lifecycle.model.targets import Targets
from lifecycle.steps.compile import MODULES
from lifecycle.steps.image import HOME
from lifecycle.tools.archive import manifest_of, tar_bytes, write_tar_zst
from lifecycle.tools.engine import LocalImage
from lifecycle.tools.engine_errors import EngineUnreachableError
from lifecycle.tools.result_files import sha256_of
from tests.unit.build.benches import Bench
from tests.unit.builders import ListedImages, kernel, local_image, lock, project
from tests.unit.checks.conftest import module_maker
from tests.unit.signers import Pair, sign

RELEASE = "6.1.0-56-cloud-amd64"
ONLY = "old-1/535"
ID = f"old-1/{RELEASE}/535.309.01"
SYMVERS = """\
0xaaaa0001\tmodule_layout\tvmlinux\tEXPORT_SYMBOL\t
0x11111111\tprintk\tvmlinux\tEXPORT_SYMBOL\t
0x33333333\tdma_buf_get\tvmlinux\tEXPORT_SYMBOL\tDMA_BUF
"""
CONTROL = "Package: headers\nVersion: 1\nArchitecture: all\nMaintainer: a <a@b.c>\nDescription: x\n"


@pytest.fixture(scope="session")
def headers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A kernel's headers package."""
    root = tmp_path_factory.mktemp("headers")
    for path, text in {"DEBIAN/control": CONTROL, f"usr/src/linux-headers-{RELEASE}/Module.symvers": SYMVERS}.items():
        (root / "tree" / path).parent.mkdir(parents=True, exist_ok=True)
        (root / "tree" / path).write_text(text)
    subprocess.run(["dpkg-deb", "--build", root / "tree", root / "h.deb"], check=True, capture_output=True)
    return root / "h.deb"


@dataclass
class Engine(ListedImages):
    """An engine whose images hold files, by name."""

    local: tuple[LocalImage, ...] = ()
    files: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    @contextmanager
    def container(self, image: str, *, env: Mapping[str, str]) -> Iterator["Engine"]:
        assert (image, env) == (self.local[0].id, {})
        yield self

    @contextmanager
    def get(self, path: str) -> Iterator[IO[bytes]]:
        yield io.BytesIO(tar_bytes({Path(path).name: self.files[path]}))


@pytest.fixture
def bench(tmp_path: Path, headers: Path) -> Bench:
    """A cache that has the headers, and nothing else."""
    file = LockedFile(
        name=f"linux-headers-{RELEASE}", version="1", origin="Debian/h", size=1, sha256=sha256_of(headers)
    )
    one = kernel(RELEASE, "6.1.192").model_copy(update={"headers": [file]})
    bench = Bench(project(lock=lock(kernels={**lock().kernels, "old-1/amd64": one})), tmp_path / "cache", Engine())
    shutil.copyfile(headers, bench.store.part(file.sha256))
    bench.store.keep_blob(bench.store.part(file.sha256), file.sha256)
    return bench


@pytest.fixture(scope="session")
def fitting(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A driver's modules that fit, in a tree as it is packed; nvidia-uvm uses nvidia."""
    make_module = module_maker(tmp_path_factory.mktemp("modules"))
    tree = tmp_path_factory.mktemp("tree")
    place = tree / "lib/modules" / RELEASE
    place.mkdir(parents=True)
    for name in MODULES:
        imports = {"printk": 0x11111111, **({"nvidia_register": 5} if name == "nvidia-uvm" else {})}
        exports = {"nvidia_register": 5} if name == "nvidia" else {}
        shutil.copyfile(make_module(name, imports=imports, exports=exports), place / f"{name}.ko")
    return tree


@pytest.fixture
def modules(fitting: Path, tmp_path: Path) -> Path:
    """The same, to be spoilt."""
    return Path(shutil.copytree(fitting, tmp_path / "tree"))


def combination(bench: Bench) -> Combination:
    return bench.given.matrix().combinations[0]


def pack(bench: Bench, tree: Path, *, named: Mapping[str, str] | None = None) -> Path:
    """Have the tree as the combination's archive in the cache."""
    target = Targets(bench.given).archive(combination(bench), ModuleType.PROPRIETARY)
    about: dict[str, object] = {"contents": dict(named or manifest_of(tree)), "unpacked_bytes": 1}
    with bench.store.making(target.kind, target.digest, about) as folder:
        write_tar_zst(tree, folder / "archive.tar.zst", level=1, threads=1)
    return bench.store.root / "results" / target.kind / target.digest / "archive.tar.zst"


def in_an_image(bench: Bench, tree: Path, *, named: Mapping[str, str] | None = None) -> Bench:
    """Have the tree in an image of the combination, and nothing in the cache."""
    archive = pack(bench, tree)
    reference = references(bench.given.component.image, combination(bench))[0]
    image = local_image(reference, digest=Targets(bench.given).image(combination(bench)).digest)
    manifest = {"module_types": {"proprietary": {"files": dict(named or manifest_of(tree))}}}
    files = {"manifest.json": json.dumps(manifest).encode(), "modules-proprietary.tar.zst": archive.read_bytes()}
    bench.engine = Engine((image,), {f"/{HOME}/{name}": data for name, data in files.items()})  # type: ignore[assignment]
    shutil.rmtree(bench.store.root / "results")
    return bench


def proof(bench: Bench) -> Proof:
    (found,) = prove(bench, ONLY)
    return found


def test_modules_that_fit_are_proven_from_the_cache_where_there_is_no_image(bench: Bench, modules: Path) -> None:
    pack(bench, modules)
    found = proof(bench)

    assert (found.combination, found.module_type, found.source, found.problems) == (ID, "proprietary", "archive", ())
    assert {e.module.path.name: (e.agreeing, e.kernel_symbols, e.sibling_symbols) for e in found.modules} == {
        "nvidia.ko": (2, 2, 0),
        "nvidia-uvm.ko": (2, 2, 1),
        "nvidia-modeset.ko": (2, 2, 0),
        "nvidia-drm.ko": (2, 2, 0),
        "nvidia-peermem.ko": (2, 2, 0),
    }


def test_what_is_in_the_image_counts_where_there_is_one(bench: Bench, modules: Path) -> None:
    found = proof(in_an_image(bench, modules))

    assert (found.source, found.problems, len(found.modules)) == ("image", (), 5)


def test_nothing_is_left_in_the_cache(bench: Bench, modules: Path) -> None:
    pack(bench, modules)
    proof(bench)

    assert list(bench.store.tmp.glob("verify-*")) == []


def test_without_an_engine_the_cache_is_read_and_it_is_said(bench: Bench, modules: Path) -> None:
    class Gone(Engine):
        def images(self, label: str) -> list[LocalImage]:
            raise EngineUnreachableError("unix:///no.sock", label)

    pack(bench, modules)
    bench.engine = Gone()  # type: ignore[assignment]

    assert proof(bench).source == "archive"
    assert bench.said.getvalue() == (
        "WARNING: no container engine answers at unix:///no.sock: reading the archives in the cache, not the images\n"
    )


def ko(tree: Path, name: str) -> Path:
    return next(tree.rglob(f"{name}.ko"))


def crc(tree: Path) -> None:
    path = ko(tree, "nvidia-drm")
    path.write_bytes(path.read_bytes().replace(bytes.fromhex("11111111"), bytes.fromhex("99111111")))


def cut(tree: Path) -> None:
    path = ko(tree, "nvidia-uvm")
    path.write_bytes(path.read_bytes()[:100])


def gone(tree: Path) -> None:
    ko(tree, "nvidia-peermem").unlink()


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (crc, ["nvidia-drm.ko expects printk with CRC 0x11111199, the kernel has 0x11111111"]),
        (cut, ["nvidia-uvm.ko is not a readable kernel module: not an ELF file, or cut off"]),
        (gone, ["nvidia-peermem.ko is missing"]),
    ],
)
@pytest.mark.parametrize("have", [pack, in_an_image])
def test_what_a_kernel_would_refuse_is_a_sentence(
    bench: Bench,
    modules: Path,
    have: Callable[[Bench, Path], object],
    spoil: Callable[[Path], None],
    said: list[str],
) -> None:
    spoil(modules)
    have(bench, modules)
    found = proof(bench).problems

    assert len(found) == len(said)
    assert all(line.startswith(beginning) for line, beginning in zip(found, said, strict=True))


@pytest.mark.parametrize("have", [pack, in_an_image])
def test_an_archive_that_is_not_what_its_manifest_names_is_found(
    bench: Bench, modules: Path, have: Callable[..., object]
) -> None:
    named = manifest_of(modules)
    first, second = sorted(named)[:2]
    have(bench, modules, named={**{k: v for k, v in named.items() if k != first}, second: "0" * 64, "lib/x": "1"})

    assert proof(bench).problems == (
        "lib/x is in the manifest and not in the archive",
        f"{first} is in the archive and not in the manifest",
        f"{second} is not the bytes that the manifest names",
    )


def test_equal_manifests_do_not_differ() -> None:
    assert differences({"a": "1", "b": "-> a"}, {"b": "-> a", "a": "1"}) == []


def test_what_is_not_built_names_the_command_that_builds_it(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ProofFailedError) as caught:
        show_proof(bench, ONLY, as_json=False)

    assert str(caught.value) == (
        f"not all modules are proven: 1 finding\n  {ID} proprietary: is not built: run `invoke build --only {ID}`"
    )
    assert capsys.readouterr().out == ""


def test_headers_that_are_not_in_the_cache_name_the_command_that_fetches_them(bench: Bench) -> None:
    shutil.rmtree(bench.store.root / "blobs")
    with pytest.raises(HeadersMissingError, match=rf"the headers of {RELEASE}.*\n.*`invoke fetch --only old-1`"):
        proof(bench)


def test_a_selector_that_means_nothing_is_refused(bench: Bench) -> None:
    with pytest.raises(NothingSelectedError):
        prove(bench, "no-such")


def signed(bench: Bench, pair: Pair) -> None:
    recipes = {**bench.given.recipes, "signed": {"sign": "1"}}
    bench.given = replace(bench.given, signer=pair.signer, recipes=recipes)


def test_signed_modules_are_proven_with_signer_and_hash(bench: Bench, modules: Path, ours: Pair) -> None:
    signed(bench, ours)
    for path in modules.rglob("*.ko"):
        sign(path, ours)
    pack(bench, modules)
    found = proof(bench)

    assert found.problems == ()
    assert {(e.signature.state, e.signature.signer, e.signature.hash) for e in found.modules if e.signature} == {
        ("valid", "Our modules", "sha256")
    }


def test_an_unsigned_module_and_one_of_somebody_else_are_sentences(
    bench: Bench, modules: Path, ours: Pair, theirs: Pair
) -> None:
    signed(bench, ours)
    for path in modules.rglob("*.ko"):
        if path.name != "nvidia.ko":
            sign(path, theirs if path.name == "nvidia-uvm.ko" else ours)
    pack(bench, modules)

    assert proof(bench).problems == (
        "nvidia-uvm.ko is signed by O=Team, CN=Somebody else, and the signature does not hold: "
        "signer certificate not found",
        "nvidia.ko is not signed, though component.yaml declares signing",
    )


# ----- what is printed


def test_a_proof_is_a_table_a_line_a_module(bench: Bench, modules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pack(bench, modules)
    show_proof(bench, ONLY, as_json=False)
    lines = capsys.readouterr().out.splitlines()
    cells = [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in lines]

    assert lines[0].strip() == f"{ID} proprietary, from the archive: all of it holds"
    assert " ".join(cells[1]) == "module kernel vermagic arch symbols of siblings namespaces licence signature size"
    assert cells[5][:3] == ["nvidia-uvm.ko", RELEASE, "SMP preempt mod_unload modversions"]
    assert cells[5][3:] == ["amd64", "2 of 2", "1", "–", "GPL", "–", "0.00 MB"]
    assert len(cells) == 7


def test_a_proof_as_data_has_the_keys_that_the_reference_promises(
    bench: Bench, modules: Path, ours: Pair, capsys: pytest.CaptureFixture[str]
) -> None:
    sign(ko(modules, "nvidia-drm"), ours)
    gone(modules)
    pack(bench, modules)
    with pytest.raises(ProofFailedError):
        show_proof(bench, ONLY, as_json=True)
    (found,) = json.loads(capsys.readouterr().out)

    assert {key: value for key, value in found.items() if key != "modules"} == {
        "combination": ID,
        "module_type": "proprietary",
        "source": "archive",
        "problems": ["nvidia-peermem.ko is missing"],
    }
    assert found["modules"][0] == {
        "file": "nvidia-drm.ko",
        "kernel_release": RELEASE,
        "vermagic": f"{RELEASE} SMP preempt mod_unload modversions",
        "architecture": "amd64",
        "version": "535.309.01",
        "license": "GPL",
        "namespaces": [],
        "size": os.path.getsize(ko(modules, "nvidia-drm")),  # noqa: PTH202 - one number
        "kernel_symbols": 2,
        "agreeing_symbols": 2,
        "sibling_symbols": 0,
        "signature": {"state": "unknown", "signer": "O=Team, CN=Our modules", "hash": "sha256"},
    }
    assert found["modules"][1]["signature"] is None


def test_what_is_not_built_is_data_too(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ProofFailedError):
        show_proof(bench, ONLY, as_json=True)

    assert json.loads(capsys.readouterr().out) == [
        {
            "combination": ID,
            "module_type": "proprietary",
            "source": None,
            "modules": [],
            "problems": [f"is not built: run `invoke build --only {ID}`"],
        }
    ]
