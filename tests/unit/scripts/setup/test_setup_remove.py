"""`scripts/setup --remove` on machines made up of stubs: it removes what set-up made, and nothing else."""

from pathlib import Path

import pytest

from tests.support.machines.setup_machine import DOCKER, DOCKERD, Machine, in_namespaces


@pytest.fixture
def used(machine: Machine) -> Machine:
    """Return a machine after set-up and a build."""
    assert machine.setup().returncode == 0
    for folder in (".nox/unit", "build/gitops.git", "lifecycle/app"):
        (machine.checkout / folder).mkdir(parents=True, exist_ok=True)
    cache_of(machine).mkdir(parents=True)
    return machine


def cache_of(machine: Machine) -> Path:
    return machine.checkout.parent / "XDG_CACHE_HOME/nvidia-installer"


def test_what_set_up_made_is_removed_and_the_rest_stays(used: Machine) -> None:
    done = used.setup("--remove")

    assert done.returncode == 0, done
    assert sorted(path.name for path in used.checkout.iterdir()) == [
        "component.yaml",
        "lifecycle",
        "requirements",
        "scripts",
    ]
    assert done.stdout.splitlines() == [
        "setup: removing .venv",
        "setup: removing .nox",
        "setup: removing build",
        f"setup: left: the cache, {cache_of(used)}: scripts/setup --remove --cache",
        "setup: left: the engine's images and containers: docker system df shows them",
    ]


def test_the_cache_is_removed_on_request(used: Machine) -> None:
    done = used.setup("--remove", "--cache")

    assert f"setup: removing the cache, {cache_of(used)}\n" in done.stdout
    assert not cache_of(used).exists()


def test_a_second_removal_has_nothing_to_remove(used: Machine) -> None:
    used.setup("--remove", "--cache")
    done = used.setup("--remove")

    assert done.stdout == "setup: left: the engine's images and containers: docker system df shows them\n"


def test_the_packages_that_set_up_installed_are_named_and_stay(machine: Machine) -> None:
    machine.lacks("zstd", "xz")
    machine.setup()
    done = machine.setup("--remove")

    assert machine.recorded("packages") == ["xz-utils", "zstd"]
    assert "setup: left: Debian packages that set-up installed; if nothing else needs them: " in done.stdout
    assert "apt-get remove --autoremove xz-utils zstd\n" in done.stdout
    assert [call.split()[1] for call in machine.calls("apt-get")] == ["install"]


def test_a_package_that_could_not_be_installed_is_not_recorded(machine: Machine) -> None:
    machine.lacks("zstd")
    machine.stub("apt-get", "exit 100")
    machine.setup()

    assert machine.recorded("packages") == []


@pytest.mark.parametrize("state", ["/proc/nowhere", "/dev/null"])
def test_a_user_without_a_place_for_the_record_is_set_up_all_the_same(machine: Machine, state: str) -> None:
    machine.lacks("zstd")

    assert machine.setup(XDG_STATE_HOME=state).returncode == 0


def test_only_remove_takes_the_cache(machine: Machine) -> None:
    assert machine.setup("--cache").returncode == 2


@pytest.fixture
def without_engine(machine: Machine) -> Machine:
    """Return a machine whose engine set-up starts; `docker ps` prints what the file `containers` has."""
    machine.stub("docker", f"case $1 in ps) cat ../containers 2>/dev/null ;; *) {DOCKER} ;; esac")
    machine.stub("dockerd", DOCKERD)
    return machine


ENDED = "pid=$(cat /run/docker.pid); scripts/setup --remove; [ -e /proc/$pid/comm ] && echo runs || echo ended"


def test_the_engine_that_set_up_started_is_ended(without_engine: Machine) -> None:
    done = in_namespaces(without_engine, "scripts/setup", ENDED)

    assert "setup: ending dockerd (process " in done.stdout, done
    assert done.stdout.splitlines()[-1] == "ended"
    assert without_engine.recorded("engine") == []


def test_an_engine_with_containers_is_left(without_engine: Machine) -> None:
    (without_engine.checkout.parent / "containers").write_text("4711\n")
    done = in_namespaces(without_engine, "scripts/setup", ENDED)

    assert "because containers run in it" in done.stdout, done
    assert done.stdout.splitlines()[-1] == "runs"


def test_an_engine_that_somebody_else_started_is_left(without_engine: Machine) -> None:
    started = "setsid dockerd >/dev/null 2>&1 </dev/null & until [ -e /run/docker.sock ]; do :; done"
    done = in_namespaces(without_engine, started, "scripts/setup", ENDED)

    assert done.stdout.splitlines()[-1] == "runs", done


def test_a_process_with_the_recorded_id_of_an_ended_engine_is_left(without_engine: Machine) -> None:
    forget = 'sed -i "s/ .*/ 1/" ../XDG_STATE_HOME/nvidia-installer/engine'
    done = in_namespaces(without_engine, "scripts/setup", forget, ENDED)

    assert done.stdout.splitlines()[-1] == "runs", done
