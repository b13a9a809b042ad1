"""compile: NVIDIA's kernel modules, in a builder container without network."""

import io
import re
import shutil
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lifecycle.cache.cache import Cache
from lifecycle.cache.patch_states import read_patch_states
from lifecycle.cache.results import Result
from lifecycle.checks.fit import Expectation, check_modules
from lifecycle.checks.kernel_module import read_module
from lifecycle.checks.symvers import read_symvers
from lifecycle.config.lock import LockedFile
from lifecycle.config.schema import ModuleType
from lifecycle.errors import InstallerError
from lifecycle.pipeline.compile_errors import (
    CompileFailedError,
    IncompatibleModulesError,
    InvalidHeadersError,
    UnusableBuilderError,
    UnusablePatchError,
    error_lines,
)
from lifecycle.pipeline.step_results import keep
from lifecycle.planning.builder_tags import builder_tag, kernel_tag
from lifecycle.planning.matrix import Combination
from lifecycle.planning.recipes import ARCHIVE_INSTALLER
from lifecycle.planning.targets import Kind, Target, Targets
from lifecycle.tools.archive import extract_safely, write_members
from lifecycle.tools.engine.engine import Engine
from lifecycle.tools.file_format import FileFormat, format_of
from lifecycle.tools.labels import LABEL_DIGEST
from lifecycle.tools.reproducible import SOURCE_DATE_EPOCH

_PATCH_LINE = re.compile(r"(?:compile\.sh|ask-probes): error: ((?:patch|probe) .*)")
_BUILDER_LINE = re.compile(r"^compile\.sh: error: (this builder .*)$", re.MULTILINE)
_SHOWN = 8
_COMMAND = ["compile.sh", "/in", "/out"]
MODULES = ("nvidia", "nvidia-uvm", "nvidia-modeset", "nvidia-drm", "nvidia-peermem")


@dataclass(frozen=True, kw_only=True)
class CompileJob:
    """The work of one container: the module types of one driver for one kernel, which share conftest's answers."""

    combination: Combination
    types: tuple[ModuleType, ...]

    @property
    def title(self) -> str:
        """The title of the job in logs and on the display."""
        c = self.combination
        return f"{c.id} {'+'.join(self.types)}"


@dataclass(frozen=True, kw_only=True)
class CompileResult:
    """The modules of a job by type, or the error of a type that failed.

    `asked` is the number of conftest's questions that the compiler answered; 0 if a type failed.
    """

    modules: Mapping[ModuleType, Result | InstallerError]
    asked: int


# ----- pure


def input_files(job: CompileJob, targets: Targets, cache: Cache) -> dict[str, bytes | Path]:
    """Return the files for the container, below /in. NVIDIA's installer, with the sources of all types, comes once.

    A redistributable archive comes with a script that unpacks it as the installer unpacks itself.
    """
    project, driver = targets.project, targets.project.lock.driver_for(job.combination)

    def put(folder: str, files: Sequence[LockedFile]) -> dict[str, bytes | Path]:
        return {f"in/{folder}/{index}-{file.file_name}": cache.blob(file.sha256) for index, file in enumerate(files)}

    result: dict[str, bytes | Path] = {}
    for module_type in job.types:
        sources = driver.modules[module_type]
        result |= put(f"{module_type}/sources", [f for f in sources if format_of(f.file_name) is FileFormat.DEB])
        result |= put("runfile", [f for f in sources if format_of(f.file_name) is FileFormat.RUNFILE])
        archives = put("runfile", [f for f in sources if format_of(f.file_name) is FileFormat.REDISTRIBUTABLE])
        if archives:
            result |= {"in/runfile/archive.run": project.root / ARCHIVE_INSTALLER, **archives}
        patches = [p.patch for p in job.combination.patches if p.module_type is module_type]
        for index, patch in enumerate(patches):
            stem = f"in/{module_type}/patches/{index:03}-{patch.file.removesuffix('.patch')}"
            result[f"{stem}.patch"] = project.root / "patches" / patch.file
            if patch.probe:
                result[f"{stem}.c"] = project.root / "patches" / patch.probe
    return result


def environment_of(job: CompileJob, jobs: int) -> dict[str, str]:
    """Return the environment variables of compile.sh; `jobs` is make's --jobs."""
    return {
        "KERNEL_RELEASE": job.combination.kernel,
        "ARCHITECTURE": str(job.combination.architecture),
        "DRIVER_VERSION": job.combination.driver,
        "MODULE_TYPES": " ".join(job.types),
        "JOBS": str(jobs),
        "SOURCE_DATE_EPOCH": str(SOURCE_DATE_EPOCH),
    }


# ----- effects


@dataclass(frozen=True, kw_only=True)
class Compiler:
    """The compiler of modules, in images that are built on the release's builder."""

    targets: Targets
    cache: Cache
    engine: Engine

    def builder(self, base: str, name: str) -> str:
        """Build the builder image on a base (a tag), unless the engine has it, and return its tag."""
        root = self.targets.project.root
        tag = builder_tag(base, name, self.targets.recipe(Kind.MODULES))
        if self.engine.image(tag) is None:
            context = io.BytesIO()
            scripts = {f"scripts/builder/{path.name}": path for path in sorted((root / "scripts/builder").iterdir())}
            with tarfile.open(fileobj=context, mode="w") as tar:
                files: dict[str, bytes | Path] = {"Dockerfile": root / "dockerfiles/builder/Dockerfile", **scripts}
                write_members(tar, files, executables=scripts)
            context.seek(0)
            self.engine.build(
                context,
                tag=tag,
                base=base,
                labels={LABEL_DIGEST: tag.rpartition(":")[2]},
                log=self.cache.log("builder", name),
            )
        return tag

    def kernel(self, combination: Combination, builder: str) -> str:
        """Build the image with a kernel's headers on a builder (a tag), unless the engine has it, and return its tag.

        Raises InvalidHeadersError.
        """
        headers = self.targets.project.lock.kernel_for(combination).headers
        tag = kernel_tag(builder, combination.kernel, headers)
        if self.engine.image(tag) is None:
            files = {f"in/{index}-{file.file_name}": self.cache.blob(file.sha256) for index, file in enumerate(headers)}
            command = ["headers.sh", combination.kernel, *(f"/{name}" for name in files)]
            log = self.cache.log("headers", combination.kernel_name)
            with (
                self.cache.scratch("headers") as folder,
                self.engine.container(builder, env={}, entrypoint=command) as container,
            ):
                container.put(files, scratch=folder)
                if container.run(log):
                    raise InvalidHeadersError(combination, log)
                container.commit(tag, {LABEL_DIGEST: tag.rpartition(":")[2]})
        return tag

    def compile(self, job: CompileJob, image: str, jobs: int) -> CompileResult:
        """Compile the module types of a job in the image with its kernel's headers; `jobs` is make's --jobs.

        Raises EngineRefusedError, EngineUnreachableError. Other failures are in the result.
        """
        with self.cache.scratch("compile") as folder:
            out = folder / "out"
            log = self.cache.log("compile", job.combination.id)
            files = input_files(job, self.targets, self.cache)
            if self.cache.conftest_answers(image).exists():
                files["in/answers"] = self.cache.conftest_answers(image)
            with self.engine.container(image, env=environment_of(job, jobs), entrypoint=_COMMAND) as container:
                container.put(files, folders=["in", "out"], scratch=folder)
                code = container.run(log)
                with container.get("/out") as result:
                    extract_safely(result, folder, archive="the builder's output")
            said = _BUILDER_LINE.search(log.read_text(encoding="utf-8", errors="replace"))
            unusable = UnusableBuilderError(job.combination, log, said[1]) if said else None
            made = {t: unusable or self._finish(job, t, out, log, code) for t in job.types}
            # A fault of the machine may have failed a compile, and made its answers wrong.
            failed = any(isinstance(result, InstallerError) for result in made.values())
            asked = 0 if failed else self.cache.add_answers(image, out / "answers")
            return CompileResult(modules=made, asked=asked)

    def _finish(
        self, job: CompileJob, module_type: ModuleType, out: Path, log: Path, code: int
    ) -> Result | InstallerError:
        target = self.targets.compiled(job.combination, module_type)
        made, whole_log = out / module_type, self.cache.log(target.kind, target.name)
        if not (made / "make.log").exists():
            return CompileFailedError(
                job.combination, module_type, log, log.read_text(errors="replace").splitlines()[-_SHOWN:]
            )
        shutil.copyfile(made / "make.log", whole_log)
        if code and (made / "failed").exists():
            lines = error_lines(whole_log.read_text(encoding="utf-8", errors="replace"))
            if lines and (said := _PATCH_LINE.fullmatch(lines[0])):
                return UnusablePatchError(job.combination, module_type, whole_log, [said[1], *lines[1:]])
            return CompileFailedError(job.combination, module_type, whole_log, lines)
        unfit = self._findings(job.combination, made, out / "kernel.symvers")
        if unfit:
            return IncompatibleModulesError(job.combination, module_type, unfit)
        return self._keep(target, made, out / "kernel.symvers")

    def _findings(self, combination: Combination, made: Path, symvers: Path) -> list[str]:
        missing = [f"{name}.ko was not built" for name in MODULES if not (made / f"{name}.ko").exists()]
        expected = Expectation(
            symvers=read_symvers(symvers),
            kernel_release=combination.kernel,
            architecture=combination.architecture,
            driver_version=combination.driver,
        )
        findings = check_modules([read_module(path) for path in sorted(made.glob("*.ko"))], expected)
        return [*missing, *(f"{finding.module}: {finding.message}" for finding in findings)]

    def _keep(self, target: Target, made: Path, symvers: Path) -> Result:
        about: dict[str, object] = {"name": target.name, "inputs": target.inputs}
        with self.cache.making(target.kind, target.digest, about) as folder:
            modules: dict[str, Mapping[str, object]] = {}
            for path in sorted(made.glob("*.ko")):
                shutil.copyfile(path, folder / path.name)
                module = read_module(path)
                modules[path.name] = {"vermagic": module.vermagic, "version": module.version, "size": module.size}
            shutil.copyfile(symvers, folder / "kernel.symvers")
            about |= {"modules": modules, "patches": read_patch_states(made / "patches")}
        return keep(self.cache, target)
