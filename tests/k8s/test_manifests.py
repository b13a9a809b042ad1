"""`invoke manifests`: a real registry, a real image, a real Helm."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
import yaml

from tests.support.checkouts.release_checkout import Checkout, pushed_checkout

NAME = "nvidia-installer-debian-12-535"


@pytest.fixture(scope="module")
def template(engine: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    with pushed_checkout(tmp_path_factory.mktemp("template"), engine) as made:
        yield made


@pytest.fixture
def checkout(template: Checkout, tmp_path: Path) -> Checkout:
    shutil.copytree(template.folder, tmp_path / "checkout")
    return Checkout(tmp_path / "checkout", dict(template.environ))


def test_it_prints_what_the_cluster_gets_with_the_digests_of_the_registry(checkout: Checkout) -> None:
    (pushed,) = checkout.json("push")
    objects = list(yaml.safe_load_all(checkout.invoke("manifests").stdout))
    (daemonset,) = (found for found in objects if found["kind"] == "DaemonSet")

    assert daemonset["metadata"]["name"] == NAME
    assert daemonset["spec"]["template"]["spec"]["containers"][0]["image"] == pushed["reference"]


def test_values_of_a_file_go_over_those_of_the_images_and_files_are_written(checkout: Checkout, tmp_path: Path) -> None:
    (tmp_path / "values.yaml").write_text("onTermination: uninstall\n")
    checkout.invoke("manifests", "--output", str(tmp_path / "out"), "--values", str(tmp_path / "values.yaml"))

    assert "uninstall" in (tmp_path / "out" / f"daemonset-{NAME}.yaml").read_text()
    assert {path.name.partition("-")[0] for path in (tmp_path / "out").iterdir()} == {
        "daemonset", "networkpolicy", "pod", "serviceaccount"
    }  # fmt: skip


def test_what_changes_since_the_last_release_is_shown(checkout: Checkout) -> None:
    early = checkout.invoke("manifests", "--diff", code=2)
    checkout.invoke("release", "--version", "1.1.0")
    nothing = checkout.invoke("manifests", "--diff")
    checkout.edit("k8s/nvidia-installer/values.yaml", {"onTermination: keep": "onTermination: uninstall"})
    changed = checkout.invoke("manifests", "--diff")
    then = checkout.invoke("manifests", "--release", "1.1.0")

    assert "nothing is released yet" in early.stderr
    assert nothing.stdout == ""
    assert f"+++ b/daemonset-{NAME}.yaml" in changed.stdout
    assert [line for line in changed.stdout.splitlines() if line.startswith("+ ") and line.endswith("- uninstall")]
    assert "uninstall" not in then.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--release", "9.9.9"), "'v9.9.9': git cannot show it"),
        (("--release", "nine"), "write three numbers"),
        (("--values", "nowhere.yaml"), "nowhere.yaml: there is no such file"),
        (("--values", "Jenkinsfile"), "Jenkinsfile"),
    ],
)
def test_what_makes_no_sense_is_one_sentence(checkout: Checkout, words: tuple[str, str], said: str) -> None:
    (checkout.folder / "Jenkinsfile").write_text("- a list\n")
    assert said in checkout.invoke("manifests", *words, code=2).stderr
