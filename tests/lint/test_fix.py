"""`nox -s fix` and the hooks of .pre-commit-config.yaml, run on files that need them. No network is used."""

import os
import re
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
# Hook, file, what is wrong with it, and what the hook says.
BAD = [
    ("ruff-check", "undefined.py", "name = undefined_name\n", "F821"),
    ("ruff-format", "format.py", "x=1\n", "files were modified"),
    ("trailing-whitespace", "space.md", "words \n", "Fixing space.md"),
    ("end-of-file", "end.md", "words", "Fixing end.md"),
    ("merge-conflict", "conflict.md", "<<<<<<< HEAD\n", "Merge conflict string"),
    ("shellcheck", "x.sh", "#!/bin/bash\necho $1\n", "SC2086"),
    ("yamllint", "x.yaml", "x: 1\nx: 2\n", "duplication of key"),
    ("hadolint", "Dockerfile", "FROM debian\n", "DL3006"),
    ("check-workflows", ".github/workflows/x.yml", "name: x\n", "'on' is a required property"),
    ("zizmor", ".github/dependabot.yml", "version: 2\n", "dependabot"),
    ("check-dependabot", ".github/dependabot.yml", "version: 2\n", "'updates' is a required property"),
    ("check-issue-forms", ".github/ISSUE_TEMPLATE/bug.yml", "name: x\n", "'body' is a required property"),
    ("check-issue-config", ".github/ISSUE_TEMPLATE/config.yml", "blank: x\n", "Additional properties"),
]
HOOKS = {hook for hook, *_ in BAD}
FOREIGN = ["patches/x.patch", "tests/unit/values/x.yaml", "x.svg"]
PATCH = "--- a/x\n+++ b/x\n@@ -1 +1 @@\n \n-old \n+new \n"


class Session:
    """A stand-in for nox's session: runs the commands in this environment, and installs nothing."""

    def install(self, *_words: str) -> None: ...

    def run(self, *words: str, silent: bool = False, success_codes: tuple[int, ...] = (0,), **_: bool) -> str:
        program = BIN / words[0] if (BIN / words[0]).exists() else words[0]
        done = subprocess.run([program, *words[1:]], stdout=subprocess.PIPE, text=True, check=False)
        assert done.returncode in success_codes, (words, done.stdout)
        return done.stdout if silent else ""


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def make_checkout(folder: Path) -> Path:
    """Make a repository with this project's settings of tools."""
    folder.mkdir()
    for name in FILES:
        shutil.copy(ROOT / name, folder / name)
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    return folder


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make such a repository, and make it the working directory."""
    folder = make_checkout(tmp_path / "checkout")
    monkeypatch.chdir(folder)
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
    write(checkout / name, "words \nmore")

    noxfile.fix(Session())

    assert (checkout / name).read_text() == "words\nmore\n"


@pytest.mark.parametrize("name", FOREIGN)
def test_fix_leaves_foreign_bytes_alone(checkout: Path, name: str) -> None:
    write(checkout / name, PATCH)

    noxfile.fix(Session())

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


@pytest.fixture(scope="module")
def hooks(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """Run all hooks once over bad files; return the checkout and what each hook that failed printed, by its id."""
    checkout = make_checkout(tmp_path_factory.mktemp("hooks") / "checkout")
    for name, text in [*((name, text) for _, name, text, _ in BAD), *((name, PATCH) for name in FOREIGN)]:
        write(checkout / name, text)
    write(checkout / ".git/MERGE_MSG", "Merge")
    write(checkout / ".git/MERGE_HEAD", "")
    (checkout / ".nox/lint").mkdir(parents=True)
    (checkout / ".nox/lint/bin").symlink_to(BIN)
    subprocess.run(["git", "add", "--all"], cwd=checkout, check=True)
    env = os.environ | {"PRE_COMMIT_HOME": str(checkout.parent / "pre-commit"), "SKIP": "mypy,reuse"}
    command = [str(BIN / "pre-commit"), "run", "--all-files", "--color=never"]
    done = subprocess.run(command, cwd=checkout, env=env, capture_output=True, text=True, check=False)
    parts = re.split(r"^- hook id: (\S+)$", done.stdout, flags=re.MULTILINE)
    return checkout, dict(zip(parts[1::2], parts[2::2], strict=True))


@pytest.mark.parametrize(("hook", "name", "text", "said"), BAD, ids=lambda value: value if value in HOOKS else "")
def test_a_hook_refuses_a_bad_file(
    hooks: tuple[Path, dict[str, str]], hook: str, name: str, text: str, said: str
) -> None:
    assert said in hooks[1].get(hook, "passed"), (name, text)


@pytest.mark.parametrize("name", FOREIGN)
def test_the_hooks_leave_foreign_bytes_alone(hooks: tuple[Path, dict[str, str]], name: str) -> None:
    assert (hooks[0] / name).read_text() == PATCH


def test_every_hook_calls_a_tool_that_the_lint_session_runs() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    tools = {hook["entry"].split()[0] for hook in hooks}
    session = (ROOT / "noxfile.py").read_text()

    assert {hook["language"] for hook in hooks} == {"system"}
    assert tools - {".venv/bin/nox", ".nox/lint/bin/check-merge-conflict"} == {
        tool for tool in tools if tool.startswith(".nox/lint/bin/") and f'"{Path(tool).name}"' in session
    }
