"""Machines with nothing in common but a registry: a checkout, a cache and a container engine each.

Kernel headers, compiler and command are the real ones. The drivers are tiny, so that a compile takes seconds.
"""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import docker
import yaml

from lifecycle.cache.cache import Cache, default_cache_dir
from lifecycle.config.lock import Lock, LockedFile, LockedKernel
from lifecycle.config.store import MODE_VARIABLE, STORE_VARIABLE, Mode
from lifecycle.pipeline.compile import MODULES
from lifecycle.planning.locked_project import load_locked_project
from lifecycle.planning.project import LOCK
from lifecycle.planning.targets import Kind, Targets, base_tag
from lifecycle.tools.engine.address import ENGINE_VARIABLE
from lifecycle.tools.engine.docker_engine import DockerEngine
from tests.support.builders.push_session import copied_checkout
from tests.support.builders.runfiles import make_runfile
from tests.support.servers.container_engine import another_engine
from tests.support.servers.registry_server import RegistryServer, registry_server
from tests.support.servers.web_server import web_server

VERSIONS = ("990.10", "991.10")
REPOSITORY = "team/store"
# So that one compiles two module types in one container, and the other is done long before.
_EXCLUDED = {"driverVersion": VERSIONS[1], "moduleType": "proprietary", "reason": "one that is smaller yet"}
_RELEASE, _BUILDER, _RUNTIME = "debian-13", "BUILDER_DEBIAN_13", "RUNTIME"
_MAKEFILE = b"modules:\n\t$(MAKE) -C $(SYSOUT) M=$(CURDIR) CONFIG_DEBUG_INFO_BTF_MODULES= modules\n"
_QUESTIONS = 20
OPTIONS_FOUND = "conftest's options"
# As NVIDIA's: the options of a question are put together where it is asked, each time anew.
_KBUILD = f"""\
obj-m := {" ".join(f"{name}.o" for name in MODULES)}
NV_CONFTEST_CFLAGS = $(info {OPTIONS_FOUND})-O2
NV_CONFTEST_HEADERS := {" ".join(f"$(obj)/conftest/{number}.h" for number in range(_QUESTIONS))}
$(NV_CONFTEST_HEADERS):
	@mkdir -p $(dir $@); echo '// $(NV_CONFTEST_CFLAGS)' >$@
$(obj)/nvidia.o: | $(NV_CONFTEST_HEADERS)
"""
_MODULE = """\
#include <linux/module.h>

static int __init start(void)
{{
	pr_info("{of}\\n");
	return 0;
}}

module_init(start);
MODULE_DESCRIPTION("{of}");
MODULE_LICENSE("Dual MIT/GPL");
MODULE_VERSION("{version}");
"""
_COMPILED = re.compile(r"^✓ compile (.+) \([0-9.]+ s\)$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Ran:
    """The result of a command: its exit code and its output."""

    code: int
    stdout: str
    stderr: str

    @property
    def compiled(self) -> list[str]:
        """Return the titles of the compiles that stderr reports, one per container."""
        return _COMPILED.findall(self.stderr)

    @property
    def warnings(self) -> list[str]:
        """Return the lines of stderr that begin with WARNING."""
        return [line for line in self.stderr.splitlines() if line.startswith("WARNING: ")]


@dataclass(frozen=True, kw_only=True)
class Machine:
    """A machine: its checkout, cache, engine address (empty for this machine's engine), and additional environment."""

    checkout: Path
    cache: Path
    address: str = ""
    environ: Mapping[str, str]

    def invoke(self, *words: str) -> Ran:
        """Run an Invoke command in the checkout, with the machine's cache, engine and environment."""
        command = [sys.executable, "-m", "invoke", *words, "--cache-dir", str(self.cache)]
        env = {**os.environ, MODE_VARIABLE: "", STORE_VARIABLE: "", **self._engine, **self.environ}
        done = subprocess.run(command, cwd=self.checkout, env=env, capture_output=True, text=True, check=False)
        return Ran(code=done.returncode, stdout=done.stdout, stderr=done.stderr)

    def results(self) -> dict[str, bytes]:
        """Return the content of all files of all results in the cache, by path."""
        folder = self.cache / "results"
        return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    def images(self) -> dict[str, object]:
        """Return the configuration and layers of the installer images in the engine, by tag, without build times."""
        with closing(docker.DockerClient(self.address)) as client:
            found = [image for image in client.images.list() if "org.opencontainers.image.title" in image.labels]
            return {tag: _contents(image.attrs) for image in found for tag in image.tags}

    def compiles(self) -> list[str]:
        """Return the image of each compile container that the engine has created, according to its recorded events."""
        with closing(docker.DockerClient(self.address)) as client:
            made = {"type": "container", "event": "create"}
            events = client.events(since=0, until=int(time.time()), filters=made, decode=True)
            images = [event["Actor"]["Attributes"]["image"] for event in events]
        return [image for image in images if image.startswith("nvidia-installer/kernel-")]

    def make_logs(self) -> list[str]:
        """Return the output of the module compiles, one log per set of modules, ordered by file name."""
        return [path.read_text() for path in sorted((self.cache / "logs" / Kind.MODULES).iterdir())]

    @property
    def _engine(self) -> Mapping[str, str]:
        return {ENGINE_VARIABLE: self.address} if self.address else {}


def _contents(image: Mapping[str, object]) -> object:
    config, root = image["Config"], image["RootFS"]
    assert isinstance(config, dict)
    return {key: config[key] for key in ("Cmd", "Entrypoint", "Env", "Labels", "WorkingDir")}, root


@dataclass(frozen=True, kw_only=True)
class Farm:
    """A checkout with a lock, the cache with all files in the lock, and a registry; `folder` is for machines."""

    folder: Path
    checkout: Path
    cache: Cache
    registry: RegistryServer

    @contextmanager
    def worker(self, number: int) -> Iterator[Machine]:
        """Start a machine with the base images and kernel headers but no results; stop its engine at the end."""
        with self._machine(number, [_BUILDER, _RUNTIME], self._headers) as machine:
            yield machine

    @contextmanager
    def newcomer(self, number: int) -> Iterator[Machine]:
        """Start a machine with read-only store, no builder image and no files; stop its engine at the end."""
        with self._machine(number, [_RUNTIME], []) as machine:
            yield replace(machine, environ={MODE_VARIABLE: Mode.READ_ONLY})

    def emptied(self, machine: Machine, cache: str, **environ: str) -> Machine:
        """Return a worker with another cache that has no results, and with additional environment variables."""
        found = replace(machine, cache=machine.cache.with_name(cache), environ={**machine.environ, **environ})
        _link(self._headers, self.cache, Cache(found.cache))
        return found

    @contextmanager
    def _machine(self, number: int, bases: Sequence[str], files: Sequence[LockedFile]) -> Iterator[Machine]:
        folder = self.folder / f"machine-{number}"
        shutil.copytree(self.checkout, folder / "checkout")
        _link(files, self.cache, Cache(folder / "cache"))
        targets = Targets(load_locked_project(self.checkout))
        with another_engine(number) as (_, address):
            for name in bases:
                DockerEngine({"DOCKER_HOST": address}).load(self._saved(base_tag(targets.base(name))))
            yield Machine(checkout=folder / "checkout", cache=folder / "cache", address=address, environ={})

    @property
    def _headers(self) -> Sequence[LockedFile]:
        return _kernel(self.checkout).headers

    def _saved(self, tag: str) -> Path:
        path = self.folder / f"{tag.rpartition(':')[2]}.tar"
        if not path.exists():
            DockerEngine(os.environ).save(tag, path)
        return path


@contextmanager
def farm_in(folder: Path) -> Iterator[Farm]:
    """Start a farm in an empty folder, and stop its registry and web server at the end."""
    with registry_server(folder / "registry") as registry, web_server(folder / "web") as web:
        for version in VERSIONS:
            make_runfile(folder / "web" / version, version, _driver(version))
        checkout = copied_checkout(registry.host, folder / "checkout")
        _declare(checkout / "component.yaml", registry.host, web.address)
        _link(
            [*_kernel(checkout).headers, *_base_packages(checkout)],
            Cache(default_cache_dir(os.environ)),
            Cache(folder / "cache"),
        )
        fetched = Machine(checkout=checkout, cache=folder / "cache", environ={}).invoke("fetch")
        assert fetched.code == 0, fetched.stderr
        yield Farm(folder=folder, checkout=checkout, cache=Cache(folder / "cache"), registry=registry)


def together(*commands: Callable[[], Ran]) -> list[Ran]:
    """Run commands at the same time."""
    with ThreadPoolExecutor(len(commands)) as pool:
        return [running.result() for running in [pool.submit(command) for command in commands]]


def _declare(component: Path, host: str, drivers: str) -> None:
    """Have a component.yaml declare one release, the tiny drivers, and a store in a registry."""
    text = yaml.safe_load(component.read_text())
    releases = [release for release in text["context"]["releases"] if release["name"] == _RELEASE]
    source = {"kind": "runfile", "url": f"{drivers}/{{version}}/NVIDIA-Linux-{{arch}}-{{version}}.run"}
    text["context"] |= {"releases": releases, "driverVersion": list(VERSIONS), "exclude": [_EXCLUDED]}
    text["sources"]["drivers"] = {"*": source}
    text["store"] = {"registry": host, "repository": REPOSITORY}
    del text["gitops"]
    component.write_text(yaml.safe_dump(text))


def _driver(version: str) -> dict[str, bytes]:
    """Return the files of a driver: the sources of five modules of each type, and its user-space files."""
    files = {"nvidia-smi": b"#!/bin/sh\n", f"libcuda.so.{version}": os.urandom(100_000), "LICENSE": b"Take it.\n"}
    for folder in ("kernel", "kernel-open"):
        files[f"{folder}/Makefile"] = _MAKEFILE
        files[f"{folder}/Kbuild"] = _KBUILD.rstrip().encode()
        for name in MODULES:
            files[f"{folder}/{name}.c"] = _MODULE.format(of=f"{folder}/{name}", version=version).encode()
    return files


def _kernel(checkout: Path) -> LockedKernel:
    (kernel,) = (k for key, k in Lock.load(checkout / LOCK).kernels.items() if key.partition("/")[0] == _RELEASE)
    return kernel


def _base_packages(checkout: Path) -> list[LockedFile]:
    bases = Lock.load(checkout / LOCK).bases
    return list({file.sha256: file for name in (_BUILDER, _RUNTIME) for file in bases[name].packages}.values())


def _link(files: Sequence[LockedFile], source: Cache, target: Cache) -> None:
    for file in files:
        if source.has_blob(file.sha256):
            target.blob(file.sha256).parent.mkdir(parents=True, exist_ok=True)
            target.blob(file.sha256).hardlink_to(source.blob(file.sha256))
