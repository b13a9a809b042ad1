"""Proof, without booting anything, that the kernels would take the modules that ship. `invoke verify`.

What is read are the modules in the images themselves; where the engine has no image of the very inputs, those in the
cache's archives, of which images are made.
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
from lifecycle.checks.fit import Examined, Expectation, examine_modules
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
    """Modules that do not hold, or are not there: a sentence each."""

    def __init__(self, problems: Sequence[str]) -> None:
        count = f"{len(problems)} finding{'s' if len(problems) > 1 else ''}"
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
    """What was found of one module type of a combination.

    `source` is what was read: `image`, `archive`, or nothing where neither is there; `problems` are sentences.
    """

    combination: str
    module_type: str
    source: str | None
    modules: tuple[Examined, ...]
    problems: tuple[str, ...]


# ----- pure


def not_built(combination: Combination, module_type: ModuleType) -> Proof:
    """The proof that cannot be given."""
    said = f"is not built: run `invoke build --only {combination.id}`"
    return Proof(combination=combination.id, module_type=module_type, source=None, modules=(), problems=(said,))


def differences(found: Mapping[str, str], named: Mapping[str, str]) -> list[str]:
    """A sentence for each file, by path to sha256, in which an archive and its manifest differ."""
    lines = [f"{name} is in the manifest and not in the archive" for name in named if name not in found]
    lines += [f"{name} is in the archive and not in the manifest" for name in found if name not in named]
    return lines + [
        f"{name} is not the bytes that the manifest names"
        for name in found
        if named.get(name, "") != found[name] and name in named
    ]


def sentences(proofs: Iterable[Proof]) -> list[str]:
    """All that is wrong, each with the combination and module type that it is wrong with."""
    return [f"{proof.combination} {proof.module_type}: {line}" for proof in proofs for line in proof.problems]


# ----- effects


class Prover:
    """Reads modules where they are and examines them, against kernels whose symbols are read once."""

    def __init__(self, session: Session, targets: Targets, images: Mapping[str, LocalImage]) -> None:
        self._bench, self._targets, self._images = session, targets, images

    def prove(self, combinations: Sequence[Combination]) -> list[Proof]:
        """A proof for each module type of each combination, in order; raises HeadersMissingError, or what a tool says."""
        kernels = {c.kernel: c for c in combinations}
        symvers = {name: self._symvers(c) for name, c in kernels.items()}
        with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
            found = list(pool.map(lambda c: list(self._prove(c, symvers[c.kernel])), combinations))
        return [proof for proofs in found for proof in proofs]

    def _symvers(self, combination: Combination) -> Symvers:
        headers = self._targets.project.lock.kernel_for(combination).headers
        # The package of the flavour holds it; the others are read only where it does not.
        headers = sorted(headers, key=lambda file: not file.name.endswith(combination.kernel))
        if not all(self._bench.cache.has_blob(file.sha256) for file in headers):
            raise HeadersMissingError(combination)
        return symvers_of_headers({file.name: self._bench.cache.blob(file.sha256) for file in headers})

    def _prove(self, combination: Combination, symvers: Symvers) -> Iterator[Proof]:
        image = self._images.get(self._targets.image(combination).digest)
        if image is None:
            yield from (self._prove_archive(combination, t, symvers) for t in combination.module_types)
            return
        with self._bench.engine.container(image.id, env={}) as container:
            with _file_of(container, "manifest.json") as file:
                manifest = json.load(file)
            for module_type in combination.module_types:
                named = manifest["module_types"][str(module_type)]["files"]
                with _file_of(container, f"modules-{module_type}.tar.zst") as archive:
                    yield self._examine(combination, module_type, symvers, archive, named, "image")

    def _prove_archive(self, combination: Combination, module_type: ModuleType, symvers: Symvers) -> Proof:
        target = self._targets.archive(combination, module_type)
        result = self._bench.cache.result(target.kind, target.digest)
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
        named: Mapping[str, str],
        source: str,
    ) -> Proof:
        expected = Expectation(
            symvers=symvers,
            kernel_release=combination.kernel,
            architecture=combination.architecture,
            driver_version=combination.driver,
            signer=self._targets.project.signer,
        )
        with self._bench.cache.scratch("verify") as folder:
            with zstandard.ZstdDecompressor().stream_reader(packed) as stream:
                extract_safely(io.BufferedReader(stream), folder, archive=f"the {module_type} modules")
            problems = differences(file_digests(folder), named)
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
    """The modules below a folder, and a sentence for each that cannot be read or is not there."""
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
    """A file of the image's own folder, as it comes."""
    with container.get(f"/{HOME}/{name}") as stream, tarfile.open(fileobj=stream, mode="r|") as tar:
        file = next((tar.extractfile(member) for member in tar), None)
        if file is None:
            raise InstallerError(f"/{HOME}/{name} is no file in the image")
        yield file


def prove(session: Session, only: str) -> list[Proof]:
    """Prove the modules of the chosen combinations; without an engine those in the cache, and says so."""
    project = session.locked_project
    combinations = select(project.matrix, only)
    return Prover(session, Targets(project), _images(session, session.state())).prove(combinations)


def _images(session: Session, state: BuildState) -> Mapping[str, LocalImage]:
    try:
        return state.images
    except EngineUnreachableError as error:
        session.progress.warn(f"{error.brief}: reading the archives in the cache, not the images")
        return {}
