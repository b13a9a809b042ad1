"""`scripts/setup` on what a PATH cannot hide: in namespaces, where /run, /var/log and process ids are the test's own."""

import pytest

from tests.support.machines.setup_machine import DOCKER, DOCKERD, Machine, in_namespaces


def test_a_python_that_is_new_enough_is_installed_where_there_is_none(machine: Machine) -> None:
    machine.stub("python3", "exit 1")
    done = in_namespaces(machine, "/usr/bin/mount --bind /dev/null /usr/bin/python3", "scripts/setup --check")
    assert "setup: missing: python3 python3-venv" in done.stdout.splitlines()


@pytest.fixture
def without_engine(machine: Machine) -> Machine:
    """Return a machine with everything except an engine that answers; its `dockerd` starts at once."""
    machine.stub("docker", DOCKER)
    machine.stub("dockerd", DOCKERD)
    return machine


def test_an_engine_is_started_detached_where_none_answers(without_engine: Machine) -> None:
    files = "/usr/bin/readlink /proc/$(cat /run/docker.pid)/fd/"
    done = in_namespaces(without_engine, "scripts/setup", *(files + number for number in "012"))
    assert "setup: starting dockerd (log: /var/log/dockerd.log" in done.stdout
    assert done.stdout.splitlines()[-3:] == ["/dev/null", "/var/log/dockerd.log", "/var/log/dockerd.log"], done


def test_a_running_engine_is_not_started_again(without_engine: Machine) -> None:
    in_namespaces(without_engine, "scripts/setup", "scripts/setup")
    assert len(without_engine.calls("dockerd")) == 1


def test_process_ids_left_over_from_before_a_reboot_are_not_believed(without_engine: Machine) -> None:
    stale = (
        "mkdir -p /run/docker/containerd",
        "echo $$ >/run/docker.pid",
        "echo $$ >/run/docker/containerd/containerd.pid",
    )
    done = in_namespaces(without_engine, *stale, "scripts/setup && [ ! -e /run/docker/containerd/containerd.pid ]")
    assert done.returncode == 0, done
    assert len(without_engine.calls("dockerd")) == 1


def test_an_engine_that_ends_at_once_is_reported_with_the_end_of_its_log(without_engine: Machine) -> None:
    without_engine.stub("dockerd", "echo 'Devices cgroup is not mounted'; exit 1")
    done = in_namespaces(without_engine, "scripts/setup")
    assert done.returncode == 1
    assert (
        done.stderr
        == "Devices cgroup is not mounted\nsetup: dockerd ended at once; see its log, /var/log/dockerd.log\n"
    )


def test_where_systemd_runs_it_starts_the_engine(without_engine: Machine) -> None:
    without_engine.stub("systemctl", "touch /var/run/docker.sock; echo 1 >/var/run/docker.pid")
    done = in_namespaces(without_engine, "mkdir -p /run/systemd/system", "scripts/setup")
    assert done.returncode == 0, done
    assert without_engine.calls("systemctl") == ["systemctl start docker"]
    assert not without_engine.calls("dockerd")
