"""`scripts/setup` on machines made up of stubs: a PATH of their own and, where an engine starts, namespaces too."""

import os
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
REAL = (
    "bash",
    "sh",
    "cat",
    "dirname",
    "env",
    "id",
    "mktemp",
    "rm",
    "sed",
    "setsid",
    "sha256sum",
    "sort",
    "tail",
    "timeout",
)
STUBBED = (
    "mmdebstrap",
    "apt-ftparchive",
    "gpgv",
    "gpg",
    "gpg-agent",
    "zstd",
    "modinfo",
    "git",
    "gcc",
    "xz",
    "sleep",
    "qemu-system-x86_64",
    "iasl",
    "bsdtar",
    "openssl",
)
DOCKER = "[ -e /var/run/docker.sock ]"
DOCKERD = """\
[ ! -e /var/run/docker.pid ] || exit 1
echo $$ >/var/run/docker.pid
touch /var/run/docker.sock
exec tail -f /dev/null
"""
# Asked for what it knows of its archives, apt-get answers from its lists, if it has them.
ASKED = '[ "$1" = indextargets ] && { cat ../lists; exit; }'
COMPONENT = """\
- {archive: Debian, suite: bookworm}
- {archive: Debian-Security, suite: bookworm-security}
# - {archive: Retired, suite: old}
"""
PYTHON = """\
[ "$*" = "-m venv --clear .venv" ] || exit 0
mkdir -p .venv/bin
ln -sf "$(command -v pip-stub)" .venv/bin/python
"""


@dataclass(frozen=True, kw_only=True)
class Machine:
    """A checkout, and the one folder on PATH; every call of a stub is a line of `calls`."""

    checkout: Path
    programs: Path

    def stub(self, name: str, body: str = "") -> None:
        program = self.programs / name
        asked = ASKED if name == "apt-get" else ""
        program.write_text(f'#!/bin/sh\n{asked}\necho "{name} $*" >>{shlex.quote(str(self.log))}\n{body}\n')
        program.chmod(0o755)

    def lacks(self, *names: str) -> None:
        for name in names:
            (self.programs / name).unlink()

    @property
    def log(self) -> Path:
        return self.checkout.parent / "calls"

    def calls(self, name: str) -> list[str]:
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [line for line in lines if line.startswith(f"{name} ")]

    def run(self, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        env = {"PATH": str(self.programs), "TMPDIR": str(self.checkout.parent), **environment}
        return subprocess.run(command, cwd=self.checkout, env=env, capture_output=True, text=True, check=False)

    def setup(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return self.run("scripts/setup", *arguments, **environment)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine that has everything but `.venv`."""
    made = Machine(checkout=tmp_path / "checkout", programs=tmp_path / "bin")
    (made.checkout / "requirements").mkdir(parents=True)
    (made.checkout / "requirements/main.txt").write_text("# nothing, so that no network is needed\n")
    (made.checkout / "component.yaml").write_text(COMPONENT)
    (tmp_path / "lists").write_text("=Debian=\n=Debian-Security=\n")
    (made.checkout / "scripts").mkdir()
    shutil.copy(ROOT / "scripts/setup", made.checkout / "scripts")
    made.programs.mkdir()
    for name in (*REAL, "ln", "mkdir", "touch"):
        found = shutil.which(name)
        assert found, name
        (made.programs / name).symlink_to(found)
    for name in (*STUBBED, "docker", "dockerd", "apt-get", "pip-stub"):
        made.stub(name)
    made.stub("python3", PYTHON)
    pretend_user(made, 0)
    return made


def pretend_user(machine: Machine, uid: int) -> None:
    machine.lacks("id")
    machine.stub("id", f"echo {uid}")


def test_a_check_of_this_very_checkout_finds_something_missing_or_nothing_to_do() -> None:
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


def test_the_second_run_does_nothing_with_a_real_virtual_environment(machine: Machine) -> None:
    machine.stub("python3", f'exec {shlex.quote(sys.executable)} "$@"')
    first = machine.setup()
    assert first.returncode == 0, first
    assert first.stdout.startswith("setup: creating .venv from requirements/main.txt\nsetup: done in ")
    second = machine.setup()
    assert (second.returncode, second.stdout, second.stderr) == (0, "setup: nothing to do\n", "")


def test_all_missing_packages_are_installed_by_one_call(machine: Machine) -> None:
    machine.lacks("zstd", "xz")
    done = machine.setup()
    assert "setup: installing xz-utils zstd" in done.stdout.splitlines()
    assert done.returncode == 0
    (call,) = machine.calls("apt-get")
    assert call.startswith("apt-get install --yes --no-install-recommends xz-utils zstd ")


def test_package_lists_are_refreshed_when_the_first_try_fails(machine: Machine) -> None:
    machine.lacks("zstd")
    machine.stub("apt-get", "case $1 in update) touch ../updated ;; *) [ -e ../updated ] ;; esac")
    assert machine.setup().returncode == 0
    assert [call.split()[1] for call in machine.calls("apt-get")] == ["install", "update", "install"]


def test_package_lists_that_are_not_there_are_fetched(machine: Machine) -> None:
    lists = machine.checkout.parent / "lists"
    lists.write_text("=Debian=\n")
    machine.stub("apt-get", "echo =Debian-Security= >>../lists")
    done = machine.setup()
    assert "setup: fetching apt's lists of Debian-Security" in done.stdout.splitlines()
    assert [call.split()[1] for call in machine.calls("apt-get")] == ["update"]


def test_an_archive_that_apt_does_not_have_is_named_and_set_up_goes_on(machine: Machine) -> None:
    (machine.checkout.parent / "lists").write_text("")
    done = machine.setup()
    assert done.returncode == 0
    assert "this machine's apt has no archive labelled Debian Debian-Security" in done.stderr
    assert [call.split()[1] for call in machine.calls("apt-get")] == ["update"] * 3


def test_a_failing_archive_is_tried_three_times_and_its_own_words_are_shown(machine: Machine) -> None:
    machine.lacks("zstd")
    machine.stub("apt-get", "echo 'E: Temporary failure resolving'; exit 100")
    done = machine.setup()
    assert done.returncode == 1
    assert [call.split()[1] for call in machine.calls("apt-get")] == ["install", "update", "install"] * 3
    assert "E: Temporary failure resolving" in done.stderr
    assert "apt-get install --yes --no-install-recommends zstd failed three times" in done.stderr


def test_without_apt_get_the_packages_are_named(machine: Machine) -> None:
    machine.lacks("zstd", "apt-get")
    done = machine.setup()
    assert done.returncode == 2
    assert done.stderr.endswith("install what brings these, your system's way: zstd\n")


def test_a_user_without_sudo_is_told_the_command_to_run_as_root(machine: Machine) -> None:
    machine.lacks("zstd")
    pretend_user(machine, 1000)
    done = machine.setup()
    assert done.returncode == 2
    assert done.stderr.endswith("run as root: apt-get install --yes --no-install-recommends zstd\n")
    assert not machine.calls("apt-get")


def test_a_user_with_sudo_installs_through_it(machine: Machine) -> None:
    machine.lacks("zstd")
    machine.stub("sudo", 'exec "$@"')
    pretend_user(machine, 1000)
    assert machine.setup().returncode == 0
    (call,) = machine.calls("sudo")
    assert call.startswith("sudo env DEBIAN_FRONTEND=noninteractive apt-get install ")


def test_an_engine_that_docker_host_names_has_to_answer_and_no_other_is_started(machine: Machine) -> None:
    machine.stub("docker", "exit 1")
    done = machine.setup(DOCKER_HOST="unix:///nowhere.sock")
    assert done.returncode == 1
    assert done.stderr.startswith("setup: the container engine at DOCKER_HOST=unix:///nowhere.sock does not answer; ")
    assert not machine.calls("dockerd")


def test_a_changed_lock_makes_the_virtual_environment_anew(machine: Machine) -> None:
    machine.setup()
    (machine.checkout / "requirements/main.txt").write_text("# something else\n")
    machine.setup()
    machine.setup()
    assert len(machine.calls("pip-stub")) == 2


def test_a_moved_checkout_makes_the_virtual_environment_anew(machine: Machine) -> None:
    machine.setup()
    moved = machine.checkout.rename(machine.checkout.with_name("moved"))
    done = Machine(checkout=moved, programs=machine.programs).setup()
    assert "setup: creating .venv from requirements/main.txt" in done.stdout.splitlines()


def test_a_failed_installation_of_libraries_is_taken_up_again_even_when_the_lock_is_back_at_the_old_one(
    machine: Machine,
) -> None:
    lock = machine.checkout / "requirements/main.txt"
    before = lock.read_text()
    machine.setup()
    lock.write_text("# newer\n")
    machine.stub("pip-stub", "echo 'ERROR: the hashes do not match'; exit 1")
    failed = machine.setup()
    assert failed.returncode == 1
    assert "ERROR: the hashes do not match" in failed.stderr
    lock.write_text(before)
    machine.stub("pip-stub")
    assert machine.setup().stdout.startswith("setup: creating .venv ")


@pytest.mark.parametrize("arguments", [["--force"], ["--check", "now"]])
def test_unknown_arguments_are_refused_with_the_usage(machine: Machine, arguments: list[str]) -> None:
    done = machine.setup(*arguments)
    assert done.returncode == 2
    assert done.stderr.endswith("usage: scripts/setup [--check]\n")


# --- starting an engine: in namespaces, where /run, /var/log and the process ids are the test's own -----------------


def in_namespaces(machine: Machine, *commands: str) -> subprocess.CompletedProcess[str]:
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    unshare = ["/usr/bin/unshare", *user, "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    if subprocess.run([*unshare, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine does not let us make namespaces")
    mounts = ["/usr/bin/mount -t tmpfs none /run", "/usr/bin/mount -t tmpfs none /var/log"]
    return machine.run(*unshare, "bash", "-c", "\n".join((*mounts, *commands)))


def test_a_python_that_is_new_enough_is_installed_where_there_is_none(machine: Machine) -> None:
    machine.stub("python3", "exit 1")
    done = in_namespaces(machine, "/usr/bin/mount --bind /dev/null /usr/bin/python3", "scripts/setup --check")
    assert "setup: missing: python3 python3-venv" in done.stdout.splitlines()


@pytest.fixture
def without_engine(machine: Machine) -> Machine:
    """A machine with everything but an engine that answers; its `dockerd` is there at once."""
    machine.stub("docker", DOCKER)
    machine.stub("dockerd", DOCKERD)
    return machine


def test_an_engine_is_started_when_none_answers_and_is_detached_from_the_set_up(without_engine: Machine) -> None:
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
        done.stderr == "Devices cgroup is not mounted\nsetup: dockerd ended at once; its log is /var/log/dockerd.log\n"
    )


def test_where_systemd_runs_it_starts_the_engine(without_engine: Machine) -> None:
    without_engine.stub("systemctl", "touch /var/run/docker.sock; echo 1 >/var/run/docker.pid")
    done = in_namespaces(without_engine, "mkdir -p /run/systemd/system", "scripts/setup")
    assert done.returncode == 0, done
    assert without_engine.calls("systemctl") == ["systemctl start docker"]
    assert not without_engine.calls("dockerd")
