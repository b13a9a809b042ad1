"""`invoke verify`: prove offline that the kernels would load the modules that ship.

The modules are read from the images. If the engine has no image with the same inputs, they are read from the archives in the
cache, from which images are made.
"""

import io
import json
import os
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import zstandard

from lifecycle.app.session import Session
from lifecycle.cache.results import archive_of
from lifecycle.checks.fit import Expectation, ModuleReport, examine_modules
from lifecycle.checks.kernel_module import KernelModule, UnreadableModuleError, read_module
from lifecycle.checks.symvers import Symvers, symvers_of_headers
from lifecycle.config.schema import ModuleType
from lifecycle.errors import InstallerError
from lifecycle.pipeline.build_state import BuildState
from lifecycle.pipeline.compile import MODULES
from lifecycle.pipeline.image import HOME
from lifecycle.planning.matrix import Combination
from lifecycle.planning.selector import select
from lifecycle.planning.targets import Targets
from lifecycle.tools.archive import extract_safely, file_digests
from lifecycle.tools.engine.engine import Container, LocalImage
from lifecycle.tools.engine.errors import EngineUnreachableError


class ProofFailedError(InstallerError):
    """Modules that fail a check or are missing, one sentence each."""

    def __init__(self, problems: Sequence[str]) -> None:
        count = f"{len(problems)} problem{'s' if len(problems) > 1 else ''}"
        super().__init__(f"not all modules are proven: {count}", details="\n".join(f"  {line}" for line in problems))


class HeadersMissingError(InstallerError):
    """A kernel's headers that are not in the cache."""

    def __init__(self, combination: Combination) -> None:
        super().__init__(
            f"the headers of {combination.kernel}, which its modules are checked against, are not in the cache",
            resolution=f"Run `invoke fetch --only {combination.release}`.",
        )


@dataclass(frozen=True, kw_only=True)
class Proof:
    """The proof for one module type of a combination.

    `source` is `image` or `archive`, from which the modules were read, or None if neither exists. `problems` are sentences.
    """

    combination: str
    module_type: str
    source: str | None
    modules: tuple[ModuleReport, ...]
    problems: tuple[str, ...]


# ----- pure


def not_built(combination: Combination, module_type: ModuleType) -> Proof:
    """Return the proof for modules that do not exist yet."""
    problem = f"is not built: run `invoke build --only {combination.id}`"
    return Proof(combination=combination.id, module_type=module_type, source=None, modules=(), problems=(problem,))


def differences(found: Mapping[str, str], manifest_files: Mapping[str, str]) -> list[str]:
    """Return a sentence for each file in which an archive and its manifest (both path to sha256) differ."""
    lines = [f"{name} is in the manifest but not in the archive" for name in manifest_files if name not in found]
    lines += [f"{name} is in the archive but not in the manifest" for name in found if name not in manifest_files]
    return lines + [
        f"{name} differs from the sha256 in the manifest"
        for name in found
        if manifest_files.get(name, "") != found[name] and name in manifest_files
    ]


def sentences(proofs: Iterable[Proof]) -> list[str]:
    """Return all problems, each with its combination and module type."""
    return [f"{proof.combination} {proof.module_type}: {line}" for proof in proofs for line in proof.problems]


# ----- effects


class Prover:
    """The reader and examiner of modules. It reads the symbols of each kernel once."""

    def __init__(self, session: Session, targets: Targets, images: Mapping[str, LocalImage]) -> None:
        self._session, self._targets, self._images = session, targets, images

    def prove(self, combinations: Sequence[Combination]) -> list[Proof]:
        """Return a proof for each module type of each combination, in order. Raises HeadersMissingError."""
        kernels = {c.kernel_name: c for c in combinations}
        symvers = {name: self._symvers(c) for name, c in kernels.items()}
        with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
            found = list(pool.map(lambda c: list(self._prove(c, symvers[c.kernel_name])), combinations))
        return [proof for proofs in found for proof in proofs]

    def _symvers(self, combination: Combination) -> Symvers:
        headers = self._targets.project.lock.kernel_for(combination).headers
        # The flavour's own package usually has Module.symvers; the others are read only if it does not.
        headers = sorted(headers, key=lambda file: not file.name.endswith(combination.kernel))
        if not all(self._session.cache.has_blob(file.sha256) for file in headers):
            raise HeadersMissingError(combination)
        return symvers_of_headers({file.name: self._session.cache.blob(file.sha256) for file in headers})

    def _prove(self, combination: Combination, symvers: Symvers) -> Iterator[Proof]:
        image = self._images.get(self._targets.image(combination).digest)
        if image is None:
            yield from (self._prove_archive(combination, t, symvers) for t in combination.module_types)
            return
        with self._session.engine.container(image.id, env={}) as container:
            with _file_of(container, "manifest.json") as file:
                manifest = json.load(file)
            for module_type in combination.module_types:
                manifest_files = manifest["module_types"][str(module_type)]["files"]
                with _file_of(container, f"modules-{module_type}.tar.zst") as archive:
                    yield self._examine(combination, module_type, symvers, archive, manifest_files, "image")

    def _prove_archive(self, combination: Combination, module_type: ModuleType, symvers: Symvers) -> Proof:
        target = self._targets.archive(combination, module_type)
        result = self._session.cache.result(target.kind, target.digest)
        if result is None:
            return not_built(combination, module_type)
        archive = archive_of(result)
        with archive.path.open("rb") as file:
            return self._examine(combination, module_type, symvers, file, archive.contents, "archive")

    def _examine(
        self,
        combination: Combination,
        module_type: ModuleType,
        symvers: Symvers,
        packed: IO[bytes],
        manifest_files: Mapping[str, str],
        source: str,
    ) -> Proof:
        expected = Expectation(
            symvers=symvers,
            kernel_release=combination.kernel,
            architecture=combination.architecture,
            driver_version=combination.driver,
            signer=self._targets.project.signer,
        )
        with self._session.cache.scratch("verify") as folder:
            with zstandard.ZstdDecompressor().stream_reader(packed) as stream:
                extract_safely(io.BufferedReader(stream), folder, archive=f"the {module_type} modules")
            problems = differences(file_digests(folder), manifest_files)
            modules, unreadable = read_all(folder)
            examined = examine_modules(modules, expected)
        problems += unreadable
        problems += [f"{finding.module} {finding.message}" for e in examined for finding in e.findings]
        return Proof(
            combination=combination.id,
            module_type=module_type,
            source=source,
            modules=examined,
            problems=tuple(problems),
        )


def read_all(folder: Path) -> tuple[list[KernelModule], list[str]]:
    """Return the modules below a folder, and a sentence for each that is unreadable or missing."""
    modules, problems = [], []
    paths = {path.name: path for path in sorted(folder.rglob("*.ko"))}
    for path in paths.values():
        try:
            modules.append(read_module(path))
        except UnreadableModuleError as error:
            problems.append(error.brief)
    return modules, problems + [f"{name}.ko is missing" for name in MODULES if f"{name}.ko" not in paths]


@contextmanager
def _file_of(container: Container, name: str) -> Iterator[IO[bytes]]:
    """Yield a file of the installer's folder in an image, as a stream."""
    with container.get(f"/{HOME}/{name}") as stream, tarfile.open(fileobj=stream, mode="r|") as tar:
        file = next((tar.extractfile(member) for member in tar), None)
        if file is None:
            raise InstallerError(f"the image has no file /{HOME}/{name}")
        yield file


def prove(session: Session, only: str) -> list[Proof]:
    """Prove the modules of the selected combinations. Without an engine, a warning is printed and archives are read."""
    project = session.locked_project
    combinations = select(project.matrix, only)
    return Prover(session, Targets(project), _images(session, session.state())).prove(combinations)


def _images(session: Session, state: BuildState) -> Mapping[str, LocalImage]:
    try:
        return state.images
    except EngineUnreachableError as error:
        session.progress.warn(f"{error.brief}: reading the archives in the cache, not the images")
        return {}
