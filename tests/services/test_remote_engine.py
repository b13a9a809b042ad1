"""An engine on another machine: sshd on loopback, and behind it a dockerd with data of its own."""

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import docker
import pytest

from lifecycle.cache.cache import default_cache_dir
from lifecycle.planning.locked_project import load_locked_project
from lifecycle.planning.tags import references
from lifecycle.planning.targets import Targets, base_tag
from lifecycle.tools.engine.docker_engine import DockerEngine
from lifecycle.tools.labels import LABEL_DIGEST
from tests.support.checkout import ROOT
from tests.support.servers.container_engine import engine_in
from tests.support.servers.ssh_server import SshServer, ssh_server

PROJECT = load_locked_project(ROOT)
FIRST = PROJECT.matrix.combinations[0]
REFERENCE = references(PROJECT.component.image, FIRST)[0]


@dataclass(frozen=True)
class Remote:
    """The other machine: sshd, the engine's own client, its address as we write it, and the environment that lets us in."""

    ssh: SshServer
    engine: docker.DockerClient
    address: str
    environ: Mapping[str, str]
    cache: Path

    def invoke(self, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run a task with a cache of its own, in which the results of this machine's are."""
        return subprocess.run(
            [sys.executable, "-m", "invoke", *words, f"--cache-dir={self.cache}"],
            cwd=ROOT,
            env={**self.environ, **environ},
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture(scope="module")
def remote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Remote]:
    folder = tmp_path_factory.mktemp("remote")
    cache, mine = folder / "cache", default_cache_dir(os.environ)
    for name in ("blobs", "results"):
        shutil.copytree(mine / name, cache / name, copy_function=os.link)
    shutil.copy2(mine / "verified.json", cache)
    with ssh_server(folder / "ssh") as server, engine_in(folder) as engine:
        # What a person would write into ~/.ssh/config, which ssh looks for in the home of the user, whatever HOME is.
        program = folder / "bin" / "ssh"
        program.parent.mkdir()
        words = [str(shutil.which(server.command[0])), *server.command[1:]]
        program.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n')
        program.chmod(0o755)
        environ = {**os.environ, "PATH": f"{program.parent}:{os.environ['PATH']}", "DOCKER_CONFIG": str(folder)}
        yield Remote(server, engine, f"ssh://{server.place}{folder}/socket", environ, cache)


@pytest.fixture
def client(remote: Remote, monkeypatch: pytest.MonkeyPatch) -> DockerEngine:
    """Return a client of the engine on the other machine."""
    monkeypatch.setenv("PATH", remote.environ["PATH"])
    return DockerEngine({"INVOKE_ENGINE": remote.address})


def have_runtime(client: DockerEngine, folder: Path) -> str:
    """Load the base of images into the other machine's engine if it is missing, and return its tag."""
    runtime = base_tag(Targets(PROJECT).runtime(FIRST))
    if client.image(runtime) is None:
        DockerEngine(os.environ).save(runtime, folder / "base.tar")
        client.load(folder / "base.tar")
    return runtime


def layers(engine: docker.DockerClient) -> list[list[str]]:
    """Return the layers of all images with the first combination's exact inputs, which `invoke build` has made."""
    label = f"{LABEL_DIGEST}={Targets(PROJECT).image(FIRST).digest}"
    return [image.attrs["RootFS"]["Layers"] for image in engine.images.list(all=True, filters={"label": label})]


def ids(engine: docker.DockerClient) -> set[str]:
    # Not `images.list()`, which asks for each image, also for those that others remove meanwhile.
    return {str(image["Id"]) for image in engine.api.images()}


def test_an_image_is_built_on_another_machine_the_same_as_here(remote: Remote, engine: docker.DockerClient) -> None:
    before = ids(engine)
    done = remote.invoke("build", "--locked", f"--only={FIRST.id}", "--json", f"--engine={remote.address}")
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(done.stdout)

    assert (row["made"], row["failed"]) == (["base", "image"], [])
    assert remote.engine.images.get(REFERENCE).id == row["id"]
    assert layers(remote.engine)[0] in layers(engine)
    # Other tests have their own images come and go here meanwhile.
    assert (ids(engine) - before).isdisjoint(ids(remote.engine))
    assert remote.engine.containers.list(all=True) == []


def test_a_context_leads_there_by_the_option_and_by_the_environment(remote: Remote) -> None:
    made = ["docker", "context", "create", "far", f"--docker=host={remote.address}"]
    subprocess.run(made, env=dict(remote.environ), check=True, capture_output=True)
    plans = [
        remote.invoke("build", "--dry-run", "--json", f"--only={FIRST.id}", *words, **environ)
        for words, environ in ((["--engine=far"], {}), ([], {"DOCKER_CONTEXT": "far"}))
    ]

    assert [done.stderr for done in plans] == ["", ""]
    assert plans[0].stdout == plans[1].stdout
    assert {action["kind"] for action in json.loads(plans[0].stdout) if action["run"]} <= {"base", "image"}


def test_what_a_program_there_is_told_and_says_comes_through(
    remote: Remote, client: DockerEngine, tmp_path: Path
) -> None:
    runtime = have_runtime(client, tmp_path)
    said = os.urandom(1 << 16).hex().encode()
    with client.container(runtime, env={}, entrypoint=["sh", "-c", "wc -c; exit 7"], stdin=True) as container:
        code = container.run(tmp_path / "log", stdin=said)

    assert (code, (tmp_path / "log").read_text()) == (7, f"{len(said)}\n")
    assert remote.engine.containers.list(all=True) == []


_SLEEPS = """
import os, sys
from pathlib import Path
from lifecycle.tools.engine.docker_engine import DockerEngine
with DockerEngine(os.environ).container(sys.argv[1], env={}, entrypoint=["sleep", "600"]) as container:
    container.run(Path(sys.argv[2]))
"""


def test_ctrl_c_takes_away_what_runs_there(remote: Remote, client: DockerEngine, tmp_path: Path) -> None:
    runtime = have_runtime(client, tmp_path)
    # A shell's background jobs, these tests perhaps among them, ignore the signal, and so would what they start.
    heeding = ["env", "--default-signal=INT"]
    command = [*heeding, sys.executable, "-c", _SLEEPS, runtime, str(tmp_path / "log")]
    environ = {**remote.environ, "INVOKE_ENGINE": remote.address}
    since = int(time.time())
    # As at a terminal, where it goes to all processes of the group.
    with subprocess.Popen(command, cwd=ROOT, env=environ, stderr=subprocess.DEVNULL, start_new_session=True) as process:
        with closing(remote.engine.events(since=since, filters={"event": "start"}, decode=True)) as started:
            next(started)
        os.killpg(process.pid, signal.SIGINT)

    assert process.returncode != 0
    assert remote.engine.containers.list(all=True) == []


def test_an_unreachable_engine_is_named_with_the_other_machines_words(remote: Remote) -> None:
    address = f"ssh://{remote.ssh.place}/no/such.sock"
    done = remote.invoke("build", "--dry-run", f"--engine={address}")

    assert done.returncode == 1
    assert done.stderr.startswith(f"error: no container engine answers at {address}\n")
    assert "/no/such.sock" in done.stderr.splitlines()[1]
    assert "Traceback" not in done.stderr


def test_a_machine_that_lets_nobody_in_is_named_with_what_ssh_says(remote: Remote) -> None:
    address = f"ssh://nobody@{remote.ssh.place.rpartition('@')[2]}"
    done = remote.invoke("build", "--dry-run", f"--engine={address}")

    assert done.returncode == 1
    assert done.stderr.splitlines()[:2] == [
        f"error: no container engine answers at {address}",
        f"  {address.removeprefix('ssh://').rpartition(':')[0]}: Permission denied (publickey).",
    ]
