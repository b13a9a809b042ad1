"""Tests of the text of the node's scripts: syntax, style, and tables that are the same in the documentation."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
NODE = ROOT / "scripts/node"
INSTALLER = NODE / "nvidia-installer"
COMMANDS = (INSTALLER, NODE / "nvidia-driver")
SCRIPTS = (*COMMANDS, *sorted(NODE.glob("lib/**/*.sh")))
REFERENCE = (ROOT / "docs/reference/node.md").read_text()
VERIFY_IMAGE = ROOT / "k8s/nvidia-installer/scripts/verify-image"
RUNBOOK = (ROOT / "docs/how-to/exit-codes.md").read_text()
# The parts of a section of the runbook, in this order: each with a text, and the second with commands.
RUNBOOK_PARTS = r"\*\*Meaning\.\*\* \S.*\*\*Run\.\*\*\n\n```console\n([$#] \S.*)\n```\n\n\*\*Most often\.\*\* \S.*"


def installer(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the checkout's script with nothing in its environment but PATH and what is given."""
    env = {"PATH": os.environ["PATH"], **environment}
    return subprocess.run([INSTALLER, *arguments], env=env, capture_output=True, text=True, check=False)


def exit_codes(script: Path = NODE / "lib/core/exit-codes.sh") -> list[tuple[str, str]]:
    return re.findall(r"^readonly EXIT_[A-Z_]+=(\d+) +# (.+)$", script.read_text(), re.MULTILINE)


def codes_of_the_pod() -> list[str]:
    """Return the exit codes of the installer and of the chart's container that checks its image, in order."""
    return sorted({code for code, _ in exit_codes() + exit_codes(VERIFY_IMAGE)}, key=int)


def runbook_faults(runbook: str, codes: list[str]) -> list[str]:
    """Return what is wrong with the sections of a runbook, whose headings begin with an exit code."""
    _, *pieces = re.split(r"^## (.*)$", runbook, flags=re.MULTILINE)
    sections = list(zip(pieces[::2], pieces[1::2], strict=True))
    numbers = [heading.partition(":")[0] for heading, _ in sections]
    faults = [f"{code} has no section" for code in codes if code not in numbers]
    faults += [f"{number} is no exit code" for number in numbers if number not in codes]
    faults += [f"{number} has two sections" for number in set(numbers) if numbers.count(number) > 1]
    for number, (heading, text) in zip(numbers, sections, strict=True):
        if not re.fullmatch(r"\d+: \S.*", heading):
            faults.append(f"{number} has no title")
        if not re.fullmatch(RUNBOOK_PARTS, text.strip(), re.DOTALL):
            faults.append(f"{number} has not its three parts")
    return faults


def settings() -> list[tuple[str, str, str]]:
    text = (NODE / "lib/core/settings.sh").read_text()
    return re.findall(r'^: "\$\{([A-Z_]+):=([^}]*)\}" +# (.+)$', text, re.MULTILINE)


def test_each_function_and_global_array_has_one_definition() -> None:
    text = "".join(script.read_text() for script in SCRIPTS if script.parent != NODE or script == INSTALLER)
    names = re.findall(r"^(?:declare -[a-zA-Z]+ )?([a-zA-Z_]+)(?:\(\) [{(]|=\()", text, re.MULTILINE)
    assert len(names) > 300
    assert {name for name in names if names.count(name) > 1} == set()


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_bash_can_read_every_script(script: Path) -> None:
    done = subprocess.run(["bash", "-n", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_shellcheck_finds_nothing() -> None:
    beside_python = Path(sys.executable).with_name("shellcheck")
    shellcheck = beside_python if beside_python.exists() else shutil.which("shellcheck")
    if shellcheck is None:
        pytest.skip("no shellcheck in this environment; nox -s lint has one")
    command = [shellcheck, "--external-sources", "--source-path=SCRIPTDIR", *SCRIPTS]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout == ""


def test_only_the_commands_are_executable() -> None:
    assert tuple(script for script in SCRIPTS if os.access(script, os.X_OK)) == COMMANDS


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_every_script_is_small(script: Path) -> None:
    lines = script.read_text().splitlines()
    # The installer's list of files grows with their number.
    assert len([line for line in lines if not re.match("(# shellcheck )?source[ =]", line)]) <= 150


def test_every_file_of_the_library_is_read_by_the_installer() -> None:
    sourced = re.findall(r'^source "\$LIB/(.+)"$', INSTALLER.read_text(), re.MULTILINE)
    assert sorted(sourced) == sorted(str(script.relative_to(NODE / "lib")) for script in NODE.glob("lib/**/*.sh"))


def test_nothing_is_evaluated() -> None:
    assert not [script.name for script in SCRIPTS if re.search(r"^[^#]*\beval\b", script.read_text(), re.MULTILINE)]


def test_the_reference_has_the_exit_codes_of_the_scripts() -> None:
    documented = re.findall(r"^\| (\d+) \| (.+) \|$", REFERENCE, re.MULTILINE)
    assert documented == exit_codes()


def test_the_runbook_has_a_section_of_three_parts_for_every_exit_code() -> None:
    codes = codes_of_the_pod()
    assert runbook_faults(RUNBOOK, codes) == []
    assert re.findall(r"^## (\d+):", RUNBOOK, re.MULTILINE) == codes


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("## 21: ", "### 21: ", "21 has no section"),
        ("## 21: ", "## 99: ", "99 is no exit code"),
        ("## 22: ", "## 21: ", "21 has two sections"),
        ("## 21: the driver is in use", "## 21", "21 has no title"),
        ("**Meaning.**", "", "0 has not its three parts"),
        ("**Run.**", "", "0 has not its three parts"),
        ("**Most often.**", "", "0 has not its three parts"),
        (
            "$ kubectl --namespace kube-system exec POD -- nvidia-installer status\n```\n\n**Most",
            "```\n\n**Most",
            "0 has not its three parts",
        ),
    ],
)
def test_a_fault_of_the_runbook_is_found(old: str, new: str, fault: str) -> None:
    runbook = "## 0: " + RUNBOOK.partition("## 0: ")[2]
    assert old in runbook
    assert fault in runbook_faults(runbook.replace(old, new, 1), codes_of_the_pod())


def test_the_commands_of_the_runbook_exist() -> None:
    usage = installer("--help").stdout
    commands = re.findall(r"^[$#] .*nvidia-installer ([a-z]+)", RUNBOOK, re.MULTILINE)
    assert {"status", "collect"} <= set(commands)
    assert [command for command in commands if not re.search(rf"^  {command}\b", usage, re.MULTILINE)] == []


def test_every_exit_code_has_one_meaning_and_every_meaning_one_code() -> None:
    codes, meanings = zip(*exit_codes(), strict=True)
    assert len(set(codes)) == len(set(meanings)) == len(codes) > 0


def test_the_table_has_exactly_the_exit_codes_that_are_used() -> None:
    text = "".join(script.read_text() for script in SCRIPTS)
    defined = set(re.findall(r"^readonly (EXIT_[A-Z_]+)=", text, re.MULTILINE))
    assert set(re.findall(r'"\$(EXIT_[A-Z_]+)"', text)) == defined


def test_the_reference_has_the_environment_variables_of_the_scripts() -> None:
    documented = re.findall(r"^\| `([A-Z_]+)` \| (?:`([^`]+)` )?\| (.+) \|$", REFERENCE, re.MULTILINE)
    assert documented == settings()


def test_the_reference_has_the_problems_of_status() -> None:
    status = (NODE / "lib/commands/status.sh").read_text()
    problems = re.findall(r'^  \[([a-z_]+)\]="(.+)"$', status, re.MULTILINE)
    section = REFERENCE.partition("\n## Readiness\n")[2].partition("\n## ")[0]
    assert re.findall(r"^\| `([a-z_]+)` \| (.+) \|$", section, re.MULTILINE) == problems


@pytest.mark.parametrize("arguments", [(), ("--help",), ("-h",)])
def test_help_or_no_command_prints_commands_variables_and_exit_codes(arguments: tuple[str, ...]) -> None:
    done = installer(*arguments)
    assert (done.returncode, done.stderr) == (0, "")
    for command in (
        "install [--no-load]",
        "uninstall [--keep-modules]",
        "status [--json | --quiet]",
        "collect [FILE]",
        "unpack DIR",
    ):
        assert f"\n  {command} " in done.stdout
    for name, default, meaning in settings():
        assert f"  {name}={default}  {meaning}\n" in done.stdout
    for code, meaning in exit_codes():
        assert f"  {code}  {meaning}\n" in done.stdout


def test_a_wrong_command_is_a_usage_error() -> None:
    done = installer("instal")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "nvidia-installer: unknown command 'instal'; see nvidia-installer --help\n"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("HOST_ROOT", "host"),
        ("INSTALL_ROOT", "opt/nvidia"),
        ("INSTALL_ROOT", "/"),
        ("INSTALL_ROOT", "/opt/../etc"),
        ("INSTALL_ROOT", "/opt/nvi dia"),
        ("RUN_DIR", "run/nvidia"),
        ("METRICS_FILE", "nvidia.prom"),
        ("METRICS_FILE", "/var/lib/../nvidia.prom"),
        ("METRICS_FILE", "/var/lib/nvidia.txt"),
        ("FEATURES_FILE", "features.d/nvidia"),
        ("FEATURES_FILE", "/etc/features.d/.nvidia"),
        ("FEATURES_FILE", "/etc/features d/nvidia"),
        ("SYSFS_ROOT", "sys"),
        ("KERNEL_MODULE_TYPE", "opne"),
        ("REQUIRE_GPU", "yes"),
        ("FABRIC_MANAGER", "on"),
        ("PERSISTENCE", "on"),
        ("IOMMU_GROUP_TYPE", "DMA"),
        ("POLL_SECONDS", "5; reboot"),
    ],
)
def test_an_impossible_value_of_a_variable_is_a_usage_error_that_names_it(variable: str, value: str) -> None:
    done = installer("status", **{variable: value})
    assert done.returncode == 2
    assert done.stderr.startswith(f"nvidia-installer: {variable}={value} is ")


def test_outside_an_image_it_says_which_file_is_missing(tmp_path: Path) -> None:
    done = installer("status", NVIDIA_INSTALLER_HOME=str(tmp_path))
    assert (done.returncode, done.stderr) == (15, f"nvidia-installer: {tmp_path}/manifest.env is missing\n")
