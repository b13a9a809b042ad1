"""`nox -s fix` and the hooks of .pre-commit-config.yaml, run on files that need them. No network is used."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import cast

import nox
import pytest
import yaml

import noxfile

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
FILES = (
    ".gitattributes",
    ".pre-commit-config.yaml",
    ".yamllint.yaml",
    ".yamllintignore",
    ".gitignore",
    "pyproject.toml",
)
PATCH = "--- a/x\n+++ b/x\n@@ -1 +1 @@\n \n-old \n+new \n"


class Session:
    """A stand-in for nox's session: runs the commands in this environment, and installs nothing."""

    def install(self, *_words: str) -> None: ...

    def run(self, *words: str, silent: bool = False, success_codes: tuple[int, ...] = (0,), **_: bool) -> str:
        program = BIN / words[0] if (BIN / words[0]).exists() else words[0]
        done = subprocess.run([program, *words[1:]], stdout=subprocess.PIPE, text=True, check=False)
        assert done.returncode in success_codes, (words, done.stdout)
        return done.stdout if silent else ""


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a repository with this project's settings of tools, and make it the working directory."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for name in FILES:
        shutil.copy(ROOT / name, folder / name)
    subprocess.run(["git", "init", "--quiet"], check=True)
    return folder


def test_fix_formats_python_and_sorts_imports(checkout: Path) -> None:
    (checkout / "x.py").write_text('"""Hold an example."""\nimport os\nimport ast\nname = os.sep+ast.__name__\n')

    noxfile.fix(Session())

    assert (checkout / "x.py").read_text() == (
        '"""Hold an example."""\n\nimport ast\nimport os\n\nname = os.sep + ast.__name__\n'
    )


def test_fix_leaves_faults_that_no_tool_can_mend(checkout: Path) -> None:
    (checkout / "x.py").write_text("name = undefined_name\n")

    noxfile.fix(Session())

    assert (checkout / "x.py").read_text() == "name = undefined_name\n"


@pytest.mark.parametrize("name", ["docs/x.md", "x.sh", "x.yaml"])
def test_fix_mends_white_space(checkout: Path, name: str) -> None:
    (checkout / name).parent.mkdir(exist_ok=True)
    (checkout / name).write_text("words \nmore")

    noxfile.fix(Session())

    assert (checkout / name).read_text() == "words\nmore\n"


@pytest.mark.parametrize("name", ["patches/x.patch", "tests/unit/values/x.yaml", "x.svg"])
def test_fix_and_the_hooks_leave_foreign_bytes_alone(checkout: Path, name: str) -> None:
    (checkout / name).parent.mkdir(parents=True, exist_ok=True)
    (checkout / name).write_text(PATCH)

    noxfile.fix(Session())
    run_hooks(checkout, "trailing-whitespace")

    assert (checkout / name).read_text() == PATCH


def test_no_file_has_white_space_to_mend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    names = noxfile.formatted(cast("nox.Session", Session()))
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(name, tmp_path / name)
    monkeypatch.chdir(tmp_path)

    assert len(names) > 100
    for fixer in ("trailing-whitespace-fixer", "end-of-file-fixer"):
        done = subprocess.run([BIN / fixer, *names], capture_output=True, text=True, check=False)
        assert done.stdout == ""


def run_hooks(checkout: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run pre-commit over all files of a checkout, with the tools of this environment."""
    (checkout / ".nox/lint").mkdir(parents=True, exist_ok=True)
    if not (checkout / ".nox/lint/bin").exists():
        (checkout / ".nox/lint/bin").symlink_to(BIN)
    subprocess.run(["git", "add", "--all"], check=True)
    command = [BIN / "pre-commit", "run", "--all-files", "--color=never", *words]
    env = os.environ | {"PRE_COMMIT_HOME": str(checkout.parent / "pre-commit")}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=env)


@pytest.mark.parametrize(
    ("hook", "name", "text", "said"),
    [
        ("ruff-check", "x.py", "name = undefined_name\n", "F821"),
        ("ruff-format", "x.py", "x=1\n", "files were modified"),
        ("trailing-whitespace", "x.md", "words \n", "Fixing x.md"),
        ("end-of-file", "x.md", "words", "Fixing x.md"),
        ("merge-conflict", "x.md", "<<<<<<< HEAD\n", "Merge conflict string"),
        ("shellcheck", "x.sh", "#!/bin/bash\necho $1\n", "SC2086"),
        ("yamllint", "x.yaml", "x: 1\nx: 2\n", "duplication of key"),
        ("hadolint", "Dockerfile", "FROM debian\n", "DL3006"),
        ("check-workflows", ".github/workflows/x.yml", "name: x\n", "'on' is a required property"),
        ("check-dependabot", ".github/dependabot.yml", "version: 2\n", "'updates' is a required property"),
        ("check-issue-forms", ".github/ISSUE_TEMPLATE/bug.yml", "name: x\n", "'body' is a required property"),
        ("check-issue-config", ".github/ISSUE_TEMPLATE/config.yml", "blank: x\n", "Additional properties"),
    ],
    ids=lambda value: value if value in {"x.md", "x.py"} else None,
)
def test_a_hook_refuses_a_bad_file(checkout: Path, hook: str, name: str, text: str, said: str) -> None:
    (checkout / name).parent.mkdir(parents=True, exist_ok=True)
    (checkout / name).write_text(text)
    if hook == "merge-conflict":
        (checkout / ".git/MERGE_MSG").write_text("Merge")
        (checkout / ".git/MERGE_HEAD").write_text("")

    done = run_hooks(checkout, hook)

    assert done.returncode == 1, done.stdout + done.stderr
    assert said in done.stdout


def test_every_hook_calls_a_tool_that_the_lint_session_runs() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    tools = {hook["entry"].split()[0] for hook in hooks}
    session = (ROOT / "noxfile.py").read_text()

    assert {hook["language"] for hook in hooks} == {"system"}
    assert tools - {".venv/bin/nox", ".nox/lint/bin/check-merge-conflict"} == {
        tool for tool in tools if tool.startswith(".nox/lint/bin/") and f'"{Path(tool).name}"' in session
    }
