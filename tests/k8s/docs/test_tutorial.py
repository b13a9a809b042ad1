"""docs/tutorial.md, up to the cluster: its tasks run in a checkout, print what the page shows, and their results fit together.

`nox -s test_cluster` runs its pod on a cluster. The commands below NOT_RUN change the machine, or need more than a registry.
"""

import re
from collections.abc import Iterator

import docker
import pytest
import yaml

from tests.support.checkouts.release_checkout import Checkout, make_checkout, remove_images
from tests.support.docs_commands import skip_without_example
from tests.support.servers.registry_server import registry_server
from tests.support.tutorial import Command, commands, files

NOT_RUN = {
    "git": "downloads the repository",
    "cd": "the checkout is the working directory",
    "scripts/setup": "installs packages; tests/unit/scripts runs it on a machine of the tests",
    ".venv/bin/python": "installs a library",
    ".venv/bin/nox": "is a session like this one",
    "sudo": "installs packages",
    "kubectl": "needs a cluster",
}
TASKS = [command for command in commands() if command.words[0] == ".venv/bin/invoke"]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """Yield a checkout with its image built and tested, a registry, and the files of the page."""
    skip_without_example()
    folder = tmp_path_factory.mktemp("tutorial")
    engine = docker.from_env()
    with registry_server(folder / "registry") as registry:
        made = make_checkout(folder / "checkout", registry.host, engine)
        for name, text in files().items():
            (made.folder / name).write_text(text)
        yield made
        remove_images(engine, registry.host)
    engine.close()


@pytest.fixture(scope="module")
def outputs(checkout: Checkout) -> dict[str, str]:
    """Run the tasks of the page, each once and in its order; return what each printed."""
    lines = list(dict.fromkeys(command.line for command in TASKS))
    by_line = {command.line: command for command in TASKS}
    return {line: checkout.invoke(*by_line[line].words[1:]).stdout for line in lines}


def text_of(outputs: dict[str, str], task: str) -> str:
    return next(text for line, text in outputs.items() if f"invoke {task}" in line)


def test_every_command_is_a_task_or_one_that_is_not_run_here() -> None:
    programs = {command.words[0] for command in commands()}

    assert programs == {".venv/bin/invoke", *NOT_RUN}


@pytest.mark.parametrize("command", TASKS, ids=lambda command: command.line[:60])
def test_a_task_prints_what_the_page_shows(outputs: dict[str, str], command: Command) -> None:
    found = outputs[command.line]
    # The checkout of the tests is built already.
    found = re.sub(r"\b0  everything$", "248  nothing", found, flags=re.MULTILINE)

    assert command.missing_in(found) == []


def test_the_labels_of_the_page_are_those_that_the_chart_wants(outputs: dict[str, str]) -> None:
    (line,) = [c.line for c in commands() if c.line.startswith("kubectl label") and "=" in c.line]
    labels = dict(word.split("=") for word in line.split() if "=" in word)
    objects = [found for found in yaml.safe_load_all(text_of(outputs, "manifests")) if found]
    (pod,) = [found["spec"]["template"]["spec"] for found in objects if found["kind"] == "DaemonSet"]
    terms = pod["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    wanted = {rule["key"]: rule.get("values") for rule in terms[0]["matchExpressions"]}

    assert wanted.keys() - {"kubernetes.io/os"} == labels.keys()
    assert all(values is None or labels[key] in values for key, values in wanted.items() if key in labels)
    assert [container["name"] for container in pod["containers"]] == ["driver", "device-plugin"]


def test_the_selector_of_the_page_selects_the_installers_pods(outputs: dict[str, str]) -> None:
    (line,) = [c.line for c in commands() if "wait pod --selector" in c.line]
    key, value = line.split("--selector ")[1].split()[0].split("=")
    objects = [found for found in yaml.safe_load_all(text_of(outputs, "manifests")) if found]

    (template,) = [found["spec"]["template"] for found in objects if found["kind"] == "DaemonSet"]
    assert template["metadata"]["labels"][key] == value


@pytest.mark.parametrize(("shown", "printed"), [("a b", "a c"), ("-  x: none yet", "-  x: 1 yet")])
def test_another_output_is_found(shown: str, printed: str) -> None:
    assert Command(line="x", shown=(shown,)).missing_in(printed) == [shown]
