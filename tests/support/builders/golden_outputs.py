"""Each kind of target, made from the fixed inputs by the real code: everything that shapes its bytes, as plain data."""

import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import zstandard

from lifecycle.cache.cache import Cache
from lifecycle.cache.results import Archive
from lifecycle.checks.kernel_module import KernelModule
from lifecycle.checks.signature import MARKER, Signature
from lifecycle.config.schema import ModuleType
from lifecycle.pipeline import compile as compile_step
from lifecycle.pipeline import package, sign
from lifecycle.pipeline.base import make_base
from lifecycle.pipeline.compile import CompileJob, Compiler
from lifecycle.pipeline.image import Contents, ImageBuilder
from lifecycle.pipeline.package import Packager
from lifecycle.pipeline.sign import ModuleSigner
from lifecycle.pipeline.signing_key import SigningKey
from lifecycle.pipeline.unpack import Unpacker
from lifecycle.planning.targets import Kind
from lifecycle.tools.archive import write_tar_zst
from tests.support.builders.golden_inputs import SIGNER, GoldenInputs
from tests.support.fakes.recording_engine import RecordingEngine, sha256

OPEN = ModuleType.OPEN
_MODULES = ("nvidia", "nvidia-uvm", "nvidia-modeset", "nvidia-drm", "nvidia-peermem")
_SONAMES = {"libnvidia-ml.so.999.88.77": "libnvidia-ml.so.1"}
_TRAILER = struct.pack(">BBBBB3xI", 0, 0, 2, 0, 0, 3) + MARKER


def make_base_image(inputs: GoldenInputs) -> object:
    """Bootstrap a base; the image's configuration, labels and layer are in the archive that the engine loads."""
    engine = RecordingEngine()
    make_base(inputs.project, inputs.targets.base("RUNTIME"), inputs.cache, engine)
    return [engine.events, (inputs.project.root / "scripts/base/called").read_text()]


def make_modules(inputs: GoldenInputs) -> object:
    """Compile both module types, starting with the builder's image; the module checks are not part of the result."""
    out = {f"out/{t}/{name}.ko": f"{t} {name}".encode() for t in ModuleType for name in _MODULES}
    out |= {f"out/{t}/make.log": b"" for t in ModuleType} | {"out/kernel.symvers": b"symvers", "out/answers": b""}
    out |= {f"out/{t}/patches": b"000-a applied\n" for t in ModuleType}
    engine = RecordingEngine(out)
    compiler = Compiler(targets=inputs.targets, cache=inputs.cache, engine=engine)
    with (
        patch.object(compile_step, "read_module", _module),
        patch.object(compile_step, "read_symvers", lambda _: {}),
        patch.object(compile_step, "check_modules", lambda *_: []),
    ):
        image = compiler.kernel(inputs.combination, compiler.builder("base:1", "os_1"))
        compiler.compile(CompileJob(combination=inputs.combination, types=tuple(ModuleType)), image, 2)
    results = [
        _result(inputs.cache, Kind.MODULES, inputs.targets.compiled(inputs.combination, t).digest) for t in ModuleType
    ]
    return [engine.events, list(compile_step.MODULES), results]


def _patched(modules: Mapping[str, object]) -> dict[str, object]:
    """Return the description of a result with modules, to which a patch was applied."""
    return {"modules": modules, "patches": {"a.patch": "applied"}}


def make_signed(inputs: GoldenInputs) -> object:
    """Sign the modules of one type; the signature is three fixed bytes, which only OpenSSL would reject."""
    modules = _compiled(inputs)
    engine = RecordingEngine({f"out/{path.name}": path.read_bytes() + b"sig" + _TRAILER for path in modules})
    signer = ModuleSigner(
        targets=inputs.targets,
        cache=inputs.cache,
        engine=engine,
        key=SigningKey(signer=SIGNER, name="name", pem=b"key"),
    )
    with patch.object(sign, "read_signature", lambda *_: Signature(signer="", hash="", checked=True, problem="")):
        result = signer.sign(inputs.combination, OPEN, "builder:1")
    return [engine.events, _result(inputs.cache, result.kind, result.digest)]


def make_userspace(inputs: GoldenInputs) -> object:
    """Pack user space from a package, a redistributable archive and an installer."""
    engine = RecordingEngine({"driver/nvidia-smi": b"smi of run", "driver/libnvidia-ml.so.999.88.77": b"ml"})
    unpacker = Unpacker(root=inputs.project.root, cache=inputs.cache, engine=engine, base="base:1")
    with _compression() as used, patch.object(package, "soname_of", lambda path: _SONAMES.get(path.name)):
        made = _packager(inputs).userspace(inputs.combination, unpacker)
    return [engine.events, used, _archive(made)]


def make_archive(inputs: GoldenInputs) -> object:
    """Pack the modules of one type."""
    signed = inputs.targets.modules(inputs.combination, OPEN)
    with inputs.cache.making(signed.kind, signed.digest, _patched({"nvidia.ko": {"size": 2}})) as folder:
        (folder / "nvidia.ko").write_bytes(b"ko")
        (folder / "nvidia-uvm.ko").write_bytes(b"uvm")
    with _compression() as used:
        made = _packager(inputs).modules(inputs.combination, OPEN)
    return [used, _archive(made)]


def make_image(inputs: GoldenInputs) -> object:
    """Build an image of small archives: the archive that the engine loads, and the image's tags."""
    engine = RecordingEngine()
    (inputs.folder / "archive").write_bytes(b"archive")
    signature = {"signer": "name", "fingerprint": "fingerprint", "hash": "sha256"}
    module = {"vermagic": "vermagic", "version": "999.88.77", "size": 2, "signature": signature}
    made = Archive(
        path=inputs.folder / "archive",
        contents={"lib/file": "sha256", "lib/link": "-> file"},
        modes={"lib": "0755", "lib/file": "0644"},
        unpacked_bytes=4096,
        about=_patched({"nvidia.ko": module}),
    )
    contents = Contents(userspace=made, modules=dict.fromkeys(ModuleType, made))
    builder = ImageBuilder(inputs.targets, inputs.cache, engine, inputs.folder)
    builder.build(inputs.combination, contents, "base:1")
    return engine.events


MAKERS: Mapping[Kind, Callable[[GoldenInputs], object]] = {
    Kind.BASE: make_base_image,
    Kind.MODULES: make_modules,
    Kind.SIGNED: make_signed,
    Kind.USERSPACE: make_userspace,
    Kind.ARCHIVE: make_archive,
    Kind.IMAGE: make_image,
}


def _module(path: Path) -> KernelModule:
    return KernelModule(
        name=path.stem,
        path=path,
        architecture="amd64",
        vermagic="vermagic",
        version="999.88.77",
        srcversion="srcversion",
        license="licence",
        depends=(),
        firmware=(),
        namespaces=(),
        signed=False,
        size=2,
        has_debug_info=False,
        has_versions=True,
        layout_crc=1,
        imports={},
        exports={},
    )


def _compiled(inputs: GoldenInputs) -> list[Path]:
    """Put compiled modules into the cache and return their paths."""
    compiled = inputs.targets.compiled(inputs.combination, OPEN)
    modules = {f"{name}.ko": {"vermagic": "vermagic", "version": "999.88.77", "size": 2} for name in _MODULES[:2]}
    with inputs.cache.making(compiled.kind, compiled.digest, _patched(modules)) as folder:
        for name in modules:
            (folder / name).write_text(f"module {name}")
    return sorted((inputs.cache.root / "results" / compiled.kind / compiled.digest).glob("*.ko"))


def _packager(inputs: GoldenInputs) -> Packager:
    return Packager(targets=inputs.targets, cache=inputs.cache, threads=1)


@contextmanager
def _compression() -> Iterator[dict[str, object]]:
    """Yield the settings passed to zstd; the bytes of one level differ between versions of the library."""
    used: dict[str, object] = {}
    write, compressor = write_tar_zst, zstandard.ZstdCompressor

    def noted(tree: Path, out: Path, *, level: int, threads: int) -> None:
        used["level"] = level
        write(tree, out, level=level, threads=threads)

    def made(*, compression_params: zstandard.ZstdCompressionParameters) -> zstandard.ZstdCompressor:
        names = ("window_log", "enable_ldm", "write_checksum", "write_content_size")
        used.update((name, int(getattr(compression_params, name))) for name in names)
        return compressor(compression_params=compression_params)

    with patch.object(package, "write_tar_zst", noted), patch.object(zstandard, "ZstdCompressor", made):
        yield used


def _archive(made: Archive) -> object:
    with made.path.open("rb") as raw, zstandard.ZstdDecompressor().stream_reader(raw) as stream:
        return {"tar": sha256(stream.read()), "about": _about(made.about)}


def _result(cache: Cache, kind: str, digest: str) -> object:
    result = cache.result(kind, digest)
    assert result is not None
    return {"about": dict(result.about), "files": sorted(path.name for path in result.folder.iterdir())}


def _about(about: Mapping[str, object]) -> dict[str, object]:
    """Return the metadata of an archive, without the sha256 of its compressed file."""
    return {key: value for key, value in about.items() if key != "files"}
