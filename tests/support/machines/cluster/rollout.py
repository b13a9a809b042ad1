"""`invoke rollout` as a process, with the cluster's kubeconfig."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lifecycle.rollout.fleet import MARK
from tests.support.checkout import ROOT
from tests.support.machines.cluster.cluster import Cluster, Object


def _environ(kubeconfig: Path) -> dict[str, str]:
    return {**os.environ, "KUBECONFIG": str(kubeconfig), "PYTHONUNBUFFERED": "1"}


@dataclass(frozen=True, kw_only=True)
class Done:
    """The end of a task: its exit code and what it printed."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Running:
    """A rollout that runs; its log is a file."""

    process: "subprocess.Popen[str]"
    log: Path
    cluster: Cluster
    seconds: float

    def wait_for(self, text: str) -> None:
        """Wait until the rollout has said something."""
        self.cluster.wait(lambda: text in self.log.read_text(), f"the rollout says {text!r}: {self.log.read_text()}")

    def end(self) -> Done:
        """Wait for the end of the rollout."""
        code = self.process.wait(self.seconds)
        return Done(code=code, out="", err=self.log.read_text())


@dataclass(frozen=True, kw_only=True)
class Rollouts:
    """The rollout tasks on a cluster, as the user of a kubeconfig. `seconds` is the longest time of a task."""

    cluster: Cluster
    folder: Path
    kubeconfig: Path
    seconds: float = 300
    words: tuple[str, ...] = field(default=("--ready-timeout=3m",))

    def run(self, *words: str, task: str = "rollout") -> Done:
        """Run a task to its end."""
        done = subprocess.run(
            [sys.executable, "-m", "invoke", task, *words],
            cwd=ROOT,
            env=_environ(self.kubeconfig),
            capture_output=True,
            text=True,
            timeout=self.seconds,
            check=False,
        )
        return Done(code=done.returncode, out=done.stdout, err=done.stderr)

    def status(self) -> dict[str, Any]:
        """Return the only node's entry of `invoke rollout.status --json`."""
        done = self.run("--json", task="rollout.status")
        assert done.code == 0, done.err
        (node,) = json.loads(done.out)["nodes"]
        return dict(node)

    @contextmanager
    def running(self, *words: str) -> Iterator[Running]:
        """Start a rollout, and end it with the block if it still runs."""
        log = self.folder / "rollout.log"
        with log.open("w") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", "invoke", "rollout", *self.words, *words],
                cwd=ROOT,
                env=_environ(self.kubeconfig),
                stdout=subprocess.DEVNULL,
                stderr=file,
                text=True,
            )
        try:
            yield Running(process, log, self.cluster, self.seconds)
        finally:
            process.kill()
            process.wait()

    def node(self) -> Object:
        """Return the node."""
        return self.cluster.get("node", self.cluster.node)

    def is_cordoned(self) -> bool:
        """Return whether the node is cordoned."""
        return bool(self.node()["spec"].get("unschedulable", False))

    def is_marked(self) -> bool:
        """Return whether the node has the annotation of a rollout."""
        return MARK in self.node()["metadata"].get("annotations", {})

    def clear(self) -> None:
        """Uncordon the node, and remove what a rollout has left on it."""
        self.cluster.kubectl("uncordon", self.cluster.node)
        self.cluster.kubectl("annotate", "node", self.cluster.node, f"{MARK}-")
        self.cluster.unlabel(self.cluster.node, MARK)
