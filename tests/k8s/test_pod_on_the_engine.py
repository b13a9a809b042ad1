"""The pod's containers, as the chart is rendered, in the container engine: on this machine, whose kernel no image is for."""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import docker
import pytest

from lifecycle.config.versions import kernel_name
from lifecycle.planning.tags import references, tag_for
from tests.support.charts.installer_chart import COMBINATIONS, PROJECT, installer_of, pod_of, rendered
from tests.support.charts.pods import engine_options

COMBINATION = COMBINATIONS[0]
HERE = os.uname().release
POD = pod_of(rendered({"installers": [installer_of(COMBINATION)], "onTermination": "uninstall"}).installers[0])
INSTALL, DRIVER = POD["initContainers"][0], POD["containers"][0]
Run = Callable[..., tuple[int, str]]


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """Return the root of a node that runs another OS release."""
    (tmp_path / "host/etc").mkdir(parents=True)
    (tmp_path / "host/run").mkdir()
    (tmp_path / "host/etc/os-release").write_text('ID=debian\nVERSION_ID="99"\n')
    return tmp_path / "host"


@pytest.fixture
def run(engine: docker.DockerClient, host: Path) -> Run:
    """Run a container of the pod to its end; its exit code and its log."""

    def ended(container: dict[str, Any], **more: Any) -> tuple[int, str]:  # noqa: ANN401 - the engine's options
        image = references(PROJECT.component.image, COMBINATION)[0]
        started = engine.containers.run(image, detach=True, **{**engine_options(POD, container, host), **more})
        try:
            code = started.wait(timeout=120)["StatusCode"]
            return int(code), started.logs().decode()
        finally:
            started.remove(force=True, v=True)

    return ended


def listing(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_the_init_container_refuses_this_kernel_and_names_the_right_image(run: Run, host: Path) -> None:
    before = listing(host)
    code, log = run(INSTALL)
    needed = tag_for(COMBINATION.driver, kernel_name(HERE, COMBINATION.architecture), "debian-99")

    assert (code, listing(host)) == (10, before)
    assert log.splitlines()[-1] == (
        f"nvidia-installer: this node runs {HERE}, and the image is for {COMBINATION.kernel}; "
        f"this node needs the image with the tag {needed}"
    )


def test_the_words_of_a_refusal_are_short_enough_for_the_pod_s_message(run: Run) -> None:
    # Kubernetes takes the last 2048 bytes or 80 lines of the log (core/v1, terminationMessagePolicy).
    _, log = run(INSTALL)

    assert len(log.encode()) <= 2048
    assert len(log.splitlines()) <= 80


def test_the_probe_fails_on_a_node_without_the_driver(run: Run) -> None:
    command = DRIVER["readinessProbe"]["exec"]["command"]

    assert run(DRIVER, entrypoint=command[:1], command=command[1:]) == (30, "")


def test_the_hook_has_nothing_to_do_there_and_ends_well(run: Run, host: Path) -> None:
    command = DRIVER["lifecycle"]["preStop"]["exec"]["command"]
    before = listing(host)
    code, log = run(DRIVER, entrypoint=command[:1], command=command[1:])

    assert (code, listing(host)) == (0, before), log


def test_every_value_of_the_chart_is_a_setting_that_the_image_knows(run: Run) -> None:
    _, usage = run(INSTALL, command=["--help"])
    known = set(re.findall(r"^  ([A-Z_]+)=", usage, re.MULTILINE))
    everything = rendered(
        {
            "installers": [installer_of(COMBINATION)],
            "reports": {"metrics": {"enabled": True}, "nodeFeatures": {"enabled": True}},
        }
    )
    told = {variable["name"] for variable in pod_of(everything.installers[0])["initContainers"][0]["env"]}

    assert told <= known
