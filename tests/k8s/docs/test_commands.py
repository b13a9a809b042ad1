"""The commands of the documentation that change nothing are run, in a checkout whose images are in a registry.

Each other command has a reason in CHANGING or NOT_RUN. tests/unit/test_ci_commands.py checks the options of all.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator

import docker
import pytest

from lifecycle.planning.locked_project import load_locked_project
from tests.support.checkout import ROOT
from tests.support.checkouts.release_checkout import Checkout, make_checkout, remove_images
from tests.support.docs_commands import DOCS, commands_in_page, skip_without_example
from tests.support.servers.registry_server import registry_server

READING = {"cache.show", "changed", "coverage", "explain", "manifests", "matrix", "rehearse", "status"}
CHANGING = {
    **dict.fromkeys(
        ("build", "fetch", "compile", "package", "image"), "build: tests/images, and the tutorial in test_tutorial.py"
    ),
    **dict.fromkeys(("push", "attest", "reproduce"), "use a registry: tests/services/publish"),
    **dict.fromkeys(("bump-gitops", "bump-pools"), "change a repository: tests/services/gitops"),
    **dict.fromkeys(("add-driver", "add-release", "promote", "retire"), "edit files: tests/services/versions"),
    **dict.fromkeys(("prune", "cache.prune", "cache.verify", "cache"), "remove images and results: tests/services"),
    **dict.fromkeys(("rollout", "rollout.status"), "need a cluster: tests/unit/rollout, tests/cluster"),
    **dict.fromkeys(("outdated", "update"), "ask the sources, which are on the network: tests/services/versions"),
    "advisories": "needs NVIDIA's bulletins, which are on the network: tests/unit/advisories",
    "radar": "asks archives on the network, and compiles: tests/unit/radar",
    "doctor": "asks servers on the network: tests/services/doctor",
    "report": "writes a page: tests/unit/report, tests/report",
    "bundle": "writes a large file: tests/services/sources/test_bundle_images.py",
    "mirror": "copies packages: tests/services/sources/test_mirror.py",
    "release": "releases: tests/services/release",
    "verify": "needs the headers of all kernels in the cache, or a signed image: tests/images, tests/services/publish",
}
NOT_RUN = {
    "coverage": "is the name of the task, which wants nodes",
    "bump-pools --dry-run": "the trial repository has no node pools: tests/services/gitops",
    "manifests --build": "needs a remote cache in component.yaml: tests/k8s/build_job/test_manifests.py",
    "manifests --build --values build.yaml": "needs a remote cache in component.yaml: tests/k8s/build_job/test_manifests.py",
    "manifests --only debian-12/535 --values pods.yaml": "needs the file of the tutorial: test_tutorial.py",
    "mirror gardenlinux-1592.10 --dry-run": "asks Garden Linux's archive: tests/services/sources/test_mirror.py",
    "promote gardenlinux-1592.10 --dry-run": "needs a canary with that name: tests/services/versions",
    "rehearse": "is the name of the task, which wants nodes",
    "rehearse --nodes nodes.json --boot": "boots machines for minutes: tests/unit/rehearsal, tests/node",
    "release --version 1.2.0 --dry-run": "needs an entry of the changelog: tests/services/release",
    "radar --dry-run": "asks archives on the network: tests/unit/radar",
    "rollout --wave 10% --dry-run": "needs a cluster: tests/unit/rollout",
}
# A word in capitals stands for what a reader fills in.
PLACEHOLDER = re.compile(r"\b[A-Z]{2,}\b|…")


def commands() -> list[str]:
    """Return each `invoke` command of the documentation once, without the program's name and placeholders."""
    found = {" ".join(words) for page in DOCS for program, *words in commands_in_page(page) if program == "invoke"}
    return sorted(line for line in found if not PLACEHOLDER.search(line.replace("HEAD", "")))


def changes_nothing(line: str) -> bool:
    words = line.split()
    return words[0] in READING or bool({"--dry-run", "--help", "--list"} & {*words})


RUN = [line for line in commands() if changes_nothing(line) and line not in NOT_RUN]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """Yield a checkout of the whole matrix with its images pushed."""
    skip_without_example()
    folder = tmp_path_factory.mktemp("docs")
    engine = docker.from_env()
    with registry_server(folder / "registry") as registry:
        made = make_checkout(folder / "checkout", registry.host, engine, {})
        made.invoke("push")
        yield made
        remove_images(engine, registry.host)
    engine.close()


@pytest.fixture(scope="module")
def nodes() -> str:
    """Return a node as `kubectl get nodes -o json` prints it, for which there is an image."""
    kernel = load_locked_project(ROOT).matrix.combinations[0].kernel
    conditions = [{"type": "Ready", "status": "True"}]
    info = {"kernelVersion": kernel, "osImage": "Debian GNU/Linux 12 (bookworm)", "operatingSystem": "linux"}
    status = {"nodeInfo": {**info, "architecture": "amd64"}, "conditions": conditions}
    node = {"kind": "Node", "metadata": {"name": "gpu-a1", "labels": {"gpu": "nvidia"}}, "status": status}
    return json.dumps({"kind": "List", "items": [node]})


def test_each_command_is_run_or_has_a_reason() -> None:
    rest = [line for line in commands() if line not in RUN and line not in NOT_RUN]

    assert [line for line in rest if line.split()[0] not in CHANGING and not line.startswith("-")] == []
    assert [line for line in NOT_RUN if line not in commands()] == []
    assert len(RUN) > 10


@pytest.mark.parametrize("line", RUN)
def test_a_command_that_changes_nothing_ends_well(checkout: Checkout, nodes: str, line: str) -> None:
    command = [sys.executable, "-m", "invoke", *line.split()]
    done = subprocess.run(
        command,
        cwd=checkout.folder,
        env=checkout.environment(),
        input=nodes,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout + done.stderr
