"""Every command that CI or the docs name is a task of tasks.py, or a session of noxfile.py, with those very options."""

import ast
from functools import cache
from pathlib import Path

import pytest
from invoke.parser import Parser

from lifecycle.app.command_line import CommandLine
from lifecycle.app.program import InstallerProgram
from lifecycle.errors import UsageError
from tasks import ns
from tests.support.checkout import ROOT
from tests.support.ci_files import JENKINSFILE, WORKFLOWS, script_of, shell_steps, tokens, workflow_commands
from tests.support.docs_commands import DOCS, commands_in, commands_in_page


def commands_of(path: Path) -> list[list[str]]:
    text = path.read_text()
    if path in WORKFLOWS:
        return commands_in(workflow_commands(text))
    if path == JENKINSFILE:
        return commands_in([script_of(call) for call in shell_steps(tokens(text))])
    return commands_in_page(path)


def sessions(text: str) -> set[str]:
    """Return the functions that noxfile.py declares as sessions."""
    functions = [node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)]
    return {f.name for f in functions if any("nox.session" in ast.unparse(d) for d in f.decorator_list)}


@cache
def parser() -> Parser:
    return Parser(contexts=ns.to_contexts(), initial=InstallerProgram().initial_context)


def check(command: list[str]) -> None:
    """Check that our reader and Invoke's parser accept a command, or that its nox session exists. Raises UsageError."""
    program, *words = command
    if program == "nox":
        named = words[words.index("-s") + 1 : words.index("--") if "--" in words else None] if "-s" in words else []
        unknown = set(named) - sessions((ROOT / "noxfile.py").read_text())
        if unknown:
            raise UsageError(f"no session {unknown}")
        return
    if words == [words[0]] and words[0] in {*ns.task_names, *ns.collections}:
        return  # a task by its name alone, which may want more than that
    words = [word.removeprefix("${DRY_RUN:+").removesuffix("}") for word in words]
    families = {name: tuple(family.task_names) for name, family in ns.collections.items()}
    reading = CommandLine(parser().contexts, InstallerProgram().initial_context, families).read(words)
    parser().parse_argv([*reading.words])


@pytest.mark.parametrize("path", [*WORKFLOWS, JENKINSFILE, *DOCS], ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_there_exists_with_its_options(path: Path) -> None:
    refused = {}
    for command in commands_of(path):
        try:
            check(command)
        except UsageError as error:
            refused[" ".join(command)] = str(error)

    assert refused == {}


@pytest.mark.parametrize("path", [*WORKFLOWS, JENKINSFILE], ids=lambda path: path.name)
def test_ci_does_its_work_by_our_commands(path: Path) -> None:
    assert {program for program, *_ in commands_of(path)} >= {"invoke"}


@pytest.mark.parametrize(
    "text",
    [
        "`invoke biuld`",
        "`invoke build --lock`",
        "`invoke matrix --format`",
        "| `kubectl get nodes \\| invoke coverage --node -` |",
        "$ .venv/bin/invoke push --force >log",
        "`nox -s lints`",
        "`nox -s unit test_image -- -k lint`",
    ],
)
def test_a_command_that_does_not_exist_is_found_and_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.md").write_text(f"words {text} words\n" if text.startswith("`") else f"{text}\n")
    (command,) = commands_of(tmp_path / "x.md")

    with pytest.raises(UsageError):
        check(command)


def test_words_that_are_no_commands_are_not_read_as_such() -> None:
    assert commands_in(["nvidia-installer", "scripts/setup", "to invoke"]) == []
    assert commands_in(["a && .venv/bin/invoke build  # invoke x", ".venv/bin/nox"]) == [["invoke", "build"]]
