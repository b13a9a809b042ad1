"""`scripts/setup --check`: what is missing, and nothing changed."""

import subprocess

from tests.support.checkout import ROOT
from tests.support.machines.setup_machine import Machine, pretend_user


def test_a_check_of_this_checkout_finds_missing_parts_or_nothing_to_do() -> None:
    done = subprocess.run([ROOT / "scripts/setup", "--check"], capture_output=True, text=True, check=False)
    lines = done.stdout.splitlines()
    if done.returncode == 0:
        assert lines == ["setup: nothing to do"]
    else:
        assert done.returncode == 1
        assert lines
        assert all(line.startswith("setup: missing: ") for line in lines), done


def test_a_check_names_what_is_missing_and_changes_nothing(machine: Machine) -> None:
    machine.lacks("zstd", "mmdebstrap")
    done = machine.setup("--check")
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        "setup: missing: mmdebstrap zstd",
        "setup: missing: .venv as requirements/main.txt describes it",
    ]
    assert not machine.calls("apt-get")
    assert not (machine.checkout / ".venv").exists()


def test_a_check_names_an_engine_that_does_not_answer_and_goes_on(machine: Machine) -> None:
    machine.stub("docker", "exit 1")
    done = machine.setup("--check", DOCKER_HOST="unix:///nowhere.sock")

    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        "setup: missing: a container engine that answers at DOCKER_HOST=unix:///nowhere.sock",
        "setup: missing: .venv as requirements/main.txt describes it",
    ]


def test_a_user_who_is_not_root_needs_the_programs_of_user_namespaces(machine: Machine) -> None:
    machine.lacks("newuidmap")
    pretend_user(machine, 1000)
    machine.stub("sudo", 'exec "$@"')

    assert "uidmap" in machine.setup("--check").stdout
    pretend_user(machine, 0)
    assert "uidmap" not in machine.setup("--check").stdout
