"""The two builds that are compared, `invoke build` and a plain Dockerfile per combination, and `make` alone."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import docker
from docker.models.containers import Container

from lifecycle.config.lock import LockedDriver, LockedFile
from lifecycle.config.schema import Architecture
from lifecycle.config.sources.package_sources import AptRepository, AptSource
from lifecycle.planning.declarations import apt_repositories
from lifecycle.planning.locked_project import LockedProject
from lifecycle.planning.matrix import Combination
from lifecycle.sources.apt.machine import MachineArchives, repositories_of
from lifecycle.tools.archive import tar_bytes
from lifecycle.tools.process import run

PLAIN = Path(__file__).parent / "plain"
# The folders that debian:*-slim leaves out too.
_SLIM = ["man", "info", "locale", "doc", "lintian", "i18n"]


@dataclass(frozen=True, kw_only=True)
class OurBuild:
    """`invoke build` in a copy of the checkout, with its own cache and engine."""

    checkout: Path
    cache: Path
    engine: str

    @classmethod
    def prepare(cls, root: Path, folder: Path, engine: str) -> "OurBuild":
        """Copy the files that git tracks, as they are in the working tree, and return the build there."""
        listed = subprocess.run(["git", "-C", str(root), "ls-files", "-z"], check=True, capture_output=True, text=True)
        for name in filter(None, listed.stdout.split("\0")):
            to = folder / "checkout" / name
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, to)
        return cls(checkout=folder / "checkout", cache=folder / "cache", engine=engine)

    def build(self, *, only: str = "", remote_cache: str = "", mode: str = "read-write") -> tuple[float, list[str]]:
        """Run `invoke build`, and return its wall seconds and the images.

        `remote_cache` is a repository `host/name`, or "" for the one in component.yaml.
        """
        command = [sys.executable, "-m", "invoke", "build", "--json", "--cache-dir", str(self.cache), "--only", only]
        started = time.monotonic()
        done = subprocess.run(
            command,
            cwd=self.checkout,
            env={**os.environ, "DOCKER_HOST": self.engine, "INVOKE_STORE": remote_cache, "INVOKE_STORE_MODE": mode},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        seconds = time.monotonic() - started
        return seconds, [row["image"] for row in json.loads(done.stdout)]


@dataclass(frozen=True, kw_only=True)
class PlainBuild:
    """The loop over plain Dockerfiles, with its own engine."""

    project: LockedProject
    machine: MachineArchives
    engine: str

    def import_bases(self, folder: Path, releases: Sequence[str]) -> None:
        """Import a base image like debian:bookworm-slim for each release. A user would pull it, so this is not timed."""
        folder.mkdir(parents=True)
        client = docker.DockerClient(base_url=self.engine, timeout=600)
        for release in releases:
            tar = folder / f"{release}.tar"
            source = self.project.component.source_of(release)
            repositories = source.repositories if isinstance(source, AptSource) else []
            lines = [self._line(repository) for repository in repositories]
            slim = [f'--dpkgopt=path-exclude="/usr/share/{name}/*"' for name in _SLIM]
            run(["mmdebstrap", "--quiet", "--variant=minbase", *slim, repositories[0].suite, str(tar), *lines])
            with tar.open("rb") as stream:
                client.api.import_image_from_data(stream, repository="plain-base", tag=release)

    def _line(self, repository: AptRepository) -> str:
        archive = self.machine.archive(repository, Architecture.AMD64)
        return f"deb {archive.uris[0]} {repository.suite} {' '.join(repository.components)}"

    def build(self, combination: Combination) -> tuple[float, str]:
        """Build one combination, and return the wall seconds and the image."""
        userspace = " ".join(self._address(file) for file in self._driver(combination).userspace)
        arguments = {
            "BASE": f"plain-base:{combination.release}",
            "KERNEL": combination.kernel,
            "MODULES": self._modules(combination),
            "USERSPACE": userspace,
        }
        tag = f"plain:{combination.driver}-{combination.release}"
        client = docker.DockerClient(base_url=self.engine, timeout=3600)
        started = time.monotonic()
        try:
            client.images.build(
                path=str(PLAIN), tag=tag, buildargs=arguments, network_mode="host", rm=True, forcerm=True
            )
        except docker.errors.BuildError as error:
            log = "".join(line.get("stream", "") for line in error.build_log)
            raise SystemExit(f"the plain build of {combination.id} failed:\n{log[-3000:]}") from error
        return time.monotonic() - started, tag

    def time_make(self, combination: Combination) -> float:
        """Return the wall seconds of `make` alone. Compilers, headers and sources are installed before the clock starts."""
        client = docker.DockerClient(base_url=self.engine, timeout=3600)
        container = client.containers.create(
            f"plain-base:{combination.release}",
            ["sleep", "infinity"],
            environment={"KERNEL": combination.kernel, "MODULES": self._modules(combination)},
            network_mode="host",
            init=True,
        )
        try:
            script = Path(__file__).with_name("floor.sh")
            container.put_archive("/", tar_bytes({script.name: script}, executables=[script.name]))
            container.start()
            self._run(container, "prepare")
            started = time.monotonic()
            self._run(container, "compile")
            return time.monotonic() - started
        finally:
            container.remove(force=True)

    def _run(self, container: Container, step: str) -> None:
        code, printed = container.exec_run(["/floor.sh", step])
        if code:
            raise SystemExit(f"floor.sh {step} failed:\n{str(printed)[-3000:]}")

    def _driver(self, combination: Combination) -> LockedDriver:
        return self.project.lock.driver_for(combination)

    def _modules(self, combination: Combination) -> str:
        files = self._driver(combination).modules
        return "\n".join(f"{t} {self._address(file)}" for t in combination.module_types for file in files[t])

    def _address(self, file: LockedFile) -> str:
        repository = repositories_of(file.origin, apt_repositories(self.project.component))[0]
        archive = self.machine.archive(repository, Architecture.AMD64)
        return archive.uris[0] + file.origin.removeprefix(f"{repository.label}/").replace("+", "%2b")
