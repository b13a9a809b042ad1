"""`scripts/setup` on machines made up of stubs."""

import shlex
import sys

import pytest

from tests.support.machines.setup_machine import Machine, pretend_user


def test_the_second_run_does_nothing_with_a_real_virtual_environment(machine: Machine) -> None:
    machine.stub("python3", f'exec {shlex.quote(sys.executable)} "$@"')
    first = machine.setup()
    assert first.returncode == 0, first
    assert first.stdout.startswith("setup: creating .venv from requirements/main.txt\nsetup: done in ")
    second = machine.setup()
    assert (second.returncode, second.stdout, second.stderr) == (0, "setup: nothing to do\n", "")


def test_an_invoke_that_is_not_ours_is_replaced(machine: Machine) -> None:
    machine.setup()
    program = machine.checkout / ".venv/bin/invoke"
    ours = program.read_text()
    program.write_text("#!/bin/sh\n")

    assert "setup: missing: invoke in .venv/bin\n" in machine.setup("--check").stdout
    assert machine.setup().stdout.startswith("setup: installing .venv/bin/invoke\n")
    assert program.read_text() == ours


@pytest.mark.parametrize("name", ["invoke", "inv"])
def test_the_launcher_gets_its_words(machine: Machine, name: str) -> None:
    machine.setup()
    done = machine.run(f".venv/bin/{name}", "a b", "--c")

    assert done.returncode == 0, done.stderr
    assert machine.calls("pip-stub")[-1] == f"pip-stub .venv/bin/{name} a b --c"


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


@pytest.mark.parametrize(
    ("declared", "known"),
    [
        ("- {archive: NVIDIA CUDA, suite: /}", "=NVIDIA CUDA=http://x=\n"),
        ("- {suite: /, archive: 'NVIDIA CUDA' }", "=NVIDIA CUDA=http://x=\n"),
        ('- archive: "http://x/local"\n  suite: /', "==http://x/local=\n"),
    ],
)
def test_an_archive_may_have_a_name_with_blanks_or_an_address(machine: Machine, declared: str, known: str) -> None:
    (machine.checkout / "component.yaml").write_text(f"{declared}\n")
    (machine.checkout.parent / "lists").write_text(known)

    assert "lists" not in machine.setup("--check").stderr + machine.setup("--check").stdout
    (machine.checkout.parent / "lists").write_text("")
    assert "apt's lists of" in machine.setup("--check").stderr + machine.setup("--check").stdout


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
    assert "component.yaml names archives that this machine's apt does not have: Debian Debian-Security" in done.stderr
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
    assert done.stderr.endswith("install the programs of these Debian packages yourself: zstd\n")


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


def test_the_engine_of_docker_host_has_to_answer_and_no_other_is_started(machine: Machine) -> None:
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


def test_a_failed_installation_is_repeated_even_with_the_old_lock_restored(
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
    assert done.stderr.endswith("usage: scripts/setup [--check | --remove [--cache]]\n")


LOCK_WITH_UV = """\
rich==1 \\
    --hash=sha256:1
uv==2 \\
    --hash=sha256:2 \\
    --hash=sha256:3
    # via nox
zstandard==3 \\
    --hash=sha256:4
"""
# pip-stub is .venv/bin/python; `-m pip install` of a file shows the file.
PIP_WITH_UV = """\
case $* in
  *"pip install"*) for last; do :; done; cat "$last" >../installed; cp ../uv-stub .venv/bin/uv ;;
  *"config get global.index-url"*) echo https://pypi.example/simple ;;
esac
"""


def test_uv_is_installed_by_its_hashes_and_installs_the_rest_from_pips_index(machine: Machine) -> None:
    (machine.programs / "cp").symlink_to("/bin/cp")
    (machine.checkout / "requirements/main.txt").write_text(LOCK_WITH_UV)
    uv = machine.checkout.parent / "uv-stub"
    uv.write_text(f'#!/bin/sh\necho "uv $UV_DEFAULT_INDEX $*" >>{machine.log}\n')
    uv.chmod(0o755)
    machine.stub("pip-stub", PIP_WITH_UV)

    assert machine.setup().returncode == 0
    assert (
        machine.checkout.parent / "installed"
    ).read_text() == "uv==2 \\\n    --hash=sha256:2 \\\n    --hash=sha256:3\n"
    options = "pip install --python .venv/bin/python --require-hashes --requirement requirements/main.txt"
    assert machine.calls("uv") == [f"uv https://pypi.example/simple {options}"]


@pytest.mark.parametrize("environment", [{}, {"PIP_NO_INDEX": "1"}])
def test_pip_installs_all_where_uv_cannot(machine: Machine, environment: dict[str, str]) -> None:
    (machine.checkout / "requirements/main.txt").write_text(LOCK_WITH_UV)
    done = machine.setup(**environment)
    (*_, last) = (call for call in machine.calls("pip-stub") if "pip install" in call)

    assert done.returncode == 0, done.stderr
    assert last.endswith("--require-hashes --requirement requirements/main.txt")
