from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from lifecycle.cache.cache import Cache
from lifecycle.cache.results import Result
from lifecycle.config.patches import Patch
from lifecycle.config.schema import ModuleType
from lifecycle.errors import InstallerError
from lifecycle.pipeline.compile import MODULES, CompileJob, Compiler, environment_of, input_files
from lifecycle.pipeline.compile_errors import (
    CompileFailedError,
    IncompatibleModulesError,
    InvalidHeadersError,
    UnusableBuilderError,
    UnusablePatchError,
)
from lifecycle.planning.matrix import ModulePatch
from lifecycle.planning.targets import Targets
from lifecycle.tools.labels import LABEL_DIGEST
from tests.support.builders.projects import local_image, project
from tests.support.fakes.engine import FakeEngine

OPEN, PROPRIETARY = ModuleType.OPEN, ModuleType.PROPRIETARY
COMBINATIONS = project().matrix.combinations
IMAGE = "nvidia-installer/kernel-6-12-117-amd64:0123456789abcdef"


def test_the_container_finds_sources_and_patches_in_their_order() -> None:
    patches = [
        Patch(file="z.patch", reason="it does not compile"),
        Patch(file="a.patch", probe="asks.c", reason="it does not compile"),
    ]
    combination = replace(COMBINATIONS[3], patches=tuple(ModulePatch(module_type=OPEN, patch=p) for p in patches))
    files = input_files(
        CompileJob(combination=combination, types=(PROPRIETARY, OPEN)), Targets(project()), Cache(Path("/cache"))
    )

    assert sorted(files) == [
        "in/open/patches/000-z.patch",
        "in/open/patches/001-a.c",
        "in/open/patches/001-a.patch",
        "in/open/sources/0-nvidia-open-dkms_550.163.01.deb",
        "in/proprietary/sources/0-nvidia-proprietary-dkms_550.163.01.deb",
    ]
    assert files["in/open/patches/000-z.patch"] == Path("/checkout/patches/z.patch")
    assert files["in/open/patches/001-a.c"] == Path("/checkout/patches/asks.c")


def test_an_archive_comes_once_with_the_script_that_unpacks_it() -> None:
    now, combination = project(), COMBINATIONS[3]
    driver = now.lock.driver_for(combination)
    (source, *_) = driver.modules[OPEN]
    archive = source.model_copy(update={"origin": "https://nvidia.example/nvidia_driver-1-archive.tar.xz"})
    changed = driver.model_copy(update={"modules": {OPEN: [archive], PROPRIETARY: [archive]}})
    key = f"{combination.declared_driver}/{combination.architecture}"
    lock = now.lock.model_copy(update={"drivers": {**now.lock.drivers, key: changed}})
    job = CompileJob(combination=combination, types=(PROPRIETARY, OPEN))
    files = input_files(job, Targets(replace(now, lock=lock)), Cache(Path("/cache")))

    assert files == {
        "in/runfile/0-nvidia_driver-1-archive.tar.xz": Cache(Path("/cache")).blob(archive.sha256),
        "in/runfile/archive.run": Path("/checkout/scripts/redistributable/archive.run"),
    }


def test_the_environment_says_all_that_the_script_reads() -> None:
    job = CompileJob(combination=COMBINATIONS[3], types=(PROPRIETARY, OPEN))

    assert environment_of(job, 2) == {
        "ARCHITECTURE": "amd64",
        "KERNEL_RELEASE": "6.12.117-amd64",
        "DRIVER_VERSION": "550.163.01",
        "MODULE_TYPES": "proprietary open",
        "JOBS": "2",
        "SOURCE_DATE_EPOCH": "1704067200",
    }


def builder(out: Mapping[str, bytes], *, code: int = 0, prints: bytes = b"") -> FakeEngine:
    """Return an engine with the images of a builder whose containers leave files in /out, print something and end."""
    files = {f"/out/{name}": content for name, content in out.items()}
    return FakeEngine(local_image(IMAGE), local_image("builder:1"), files=files, exit_code=code, output=prints)


def compile_in(engine: FakeEngine, cache: Cache) -> Mapping[ModuleType, Result | InstallerError]:
    targets = Targets(project())
    driver = targets.project.lock.driver_for(COMBINATIONS[3])
    for file in [
        *targets.project.lock.kernel_for(COMBINATIONS[3]).headers,
        *(f for files in driver.modules.values() for f in files),
    ]:
        cache.part(file.sha256).write_text(file.name)
        cache.keep_blob(cache.part(file.sha256), file.sha256)
    hands = Compiler(targets=targets, cache=cache, engine=engine)
    return hands.compile(CompileJob(combination=COMBINATIONS[3], types=(PROPRIETARY, OPEN)), IMAGE, 2).modules


def test_each_type_that_fails_has_its_own_error_with_its_own_log(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    out = {
        "proprietary/make.log": b"nv.c:1:1: error: one\n",
        "proprietary/failed": b"",
        "open/make.log": b"nv.c:2:2: error: two\n",
        "open/failed": b"",
    }
    engine = builder(out, code=1)
    results = compile_in(engine, cache)

    for module_type, said in ((PROPRIETARY, "one"), (OPEN, "two")):
        error = results[module_type]
        log = cache.log("modules", f"6.12.117-amd64/550.163.01/{module_type}")
        assert isinstance(error, CompileFailedError)
        assert f"error: {said}\n  the whole log: {log}" in str(error)
        assert log.read_text().endswith(f"error: {said}\n")
    (container,) = engine.containers
    assert container.received["in/open/sources/0-nvidia-open-dkms_550.163.01.deb"] == b"nvidia-open-dkms"
    assert "out" in container.folders
    assert (container.image, container.entrypoint) == (IMAGE, ["compile.sh", "/in", "/out"])
    assert list(cache.tmp.glob("compile-*")) == []


def test_a_patch_that_does_not_apply_is_named_and_no_exclusion_is_offered(tmp_path: Path) -> None:
    said = "patch 000-pci.patch does not apply to the open sources of 550.163.01"
    out = {f"{t}/{name}": text for t in (PROPRIETARY, OPEN) for name, text in {"failed": b"", "make.log": b""}.items()}
    error = compile_in(
        builder({**out, "open/make.log": f"Hunk #1 FAILED\ncompile.sh: error: {said}\n".encode()}, code=1),
        Cache(tmp_path),
    )[OPEN]

    assert isinstance(error, UnusablePatchError)
    assert said in str(error)
    assert "context.exclude" not in str(error)


def test_a_probe_without_an_answer_is_named_with_the_compilers_words(tmp_path: Path) -> None:
    said = "probe 000-pci.c compiles neither as it is nor with NEEDS_PATCH"
    out = {f"{t}/{name}": text for t in (PROPRIETARY, OPEN) for name, text in {"failed": b"", "make.log": b""}.items()}
    log = f"ask-probes: error: {said}\n000-pci-after.c:1:10: fatal error: linux/none.h: No such file or directory\n"
    error = compile_in(builder({**out, "open/make.log": log.encode()}, code=1), Cache(tmp_path))[OPEN]

    assert isinstance(error, UnusablePatchError)
    assert said in str(error)
    assert "  000-pci-after.c:1:10: fatal error: linux/none.h" in str(error)


def test_the_error_for_a_container_that_ends_early_quotes_its_last_lines(tmp_path: Path) -> None:
    error = compile_in(builder({"empty": b""}, code=3, prints=b"first\ndpkg: no space left\n"), Cache(tmp_path))[OPEN]

    assert isinstance(error, CompileFailedError)
    assert "  dpkg: no space left\n" in str(error)


def test_a_builder_without_the_kernels_compiler_is_no_fault_of_the_driver(tmp_path: Path) -> None:
    said = b"compile.sh: error: this builder has no gcc-16, which the kernel is compiled with\n"
    error = compile_in(builder({"empty": b""}, code=2, prints=said), Cache(tmp_path))[OPEN]

    assert isinstance(error, UnusableBuilderError)
    assert error.brief.endswith("550.163.01: this builder has no gcc-16, which the kernel is compiled with")
    assert "as BUILDER_NEW_2 in image_versions" in str(error)
    assert "context.exclude" not in str(error)


def test_modules_that_were_not_built_are_named_and_nothing_is_kept(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    out = {"open/make.log": b"", "proprietary/make.log": b"", "kernel.symvers": b""}
    results = compile_in(builder(out), cache)

    for error in results.values():
        assert isinstance(error, IncompatibleModulesError)
        assert all(f"  {name}.ko was not built" in str(error) for name in MODULES)
    assert not (tmp_path / "results").exists()


def test_output_that_leads_out_of_its_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InstallerError, match="the builder's output contains"):
        compile_in(builder({"../../escaped": b""}), Cache(tmp_path))
    assert not list(tmp_path.rglob("escaped"))


def headers_in(engine: FakeEngine, cache: Cache) -> str:
    targets = Targets(project())
    for file in targets.project.lock.kernel_for(COMBINATIONS[3]).headers:
        cache.part(file.sha256).write_text(file.name)
        cache.keep_blob(cache.part(file.sha256), file.sha256)
    return Compiler(targets=targets, cache=cache, engine=engine).kernel(COMBINATIONS[3], "builder:1")


def test_a_kernels_headers_are_unpacked_once_and_are_an_image_then(tmp_path: Path) -> None:
    engine = builder({})
    tag = headers_in(engine, Cache(tmp_path))
    file = "in/0-linux-headers-6.12.117-amd64_6.12.117.deb"

    (container,) = engine.containers
    assert (container.image, container.env, list(container.received)) == ("builder:1", {}, [file])
    assert container.entrypoint == ["headers.sh", "6.12.117-amd64", f"/{file}"]
    assert engine.images_there[-1].tags == (tag,)
    assert engine.images_there[-1].labels == {LABEL_DIGEST: tag.rpartition(":")[2]}
    assert (headers_in(engine, Cache(tmp_path)), len(engine.containers)) == (tag, 1)


def test_headers_of_another_kernel_are_refused_and_make_no_image(tmp_path: Path) -> None:
    engine = builder({}, code=2, prints=b"headers.sh: these headers are not those of kernel 6.12.117-amd64\n")
    with pytest.raises(InvalidHeadersError, match=r"(?s)new-2/6\.12.*are not those of kernel.*`invoke update`"):
        headers_in(engine, Cache(tmp_path))

    assert len(engine.images_there) == 2


def test_the_container_is_given_what_is_known_of_the_kernel(tmp_path: Path) -> None:
    cache, engine = Cache(tmp_path), builder({})
    (tmp_path / "new").write_text("b yes\n")
    cache.add_answers(IMAGE, tmp_path / "new")
    compile_in(engine, cache)

    assert engine.containers[0].received["in/answers"] == b"b yes\n"


def test_of_a_compile_that_failed_nothing_is_learnt(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    compile_in(builder({"open/failed": b"", "open/make.log": b"", "answers": b"a no\n"}, code=1), cache)

    assert not cache.conftest_answers(IMAGE).exists()
