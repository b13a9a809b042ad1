"""Mistakes on a command line: each is named in one sentence, with the nearest name that there is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from invoke.parser import Parser

from lifecycle.app.command_line import CommandLine, Reading
from lifecycle.app.program import InstallerProgram
from lifecycle.errors import UsageError
from tasks import ns

CONTEXTS = {name: context for context in ns.to_contexts() for name in (str(context.name), *context.aliases)}
CORE = InstallerProgram().initial_context
PARSER = Parser(contexts=ns.to_contexts(), initial=CORE)
FAMILIES = {name: tuple(family.task_names) for name, family in ns.collections.items()}


def read(*words: str) -> Reading:
    return CommandLine(CONTEXTS, CORE, FAMILIES).read(words)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("biuld", "there is no task 'biuld': did you mean build?"),
        ("xyz", "there is no task 'xyz': `invoke --list` shows the tasks"),
        ("build relase", "there is no task 'relase': did you mean release?"),
        ("build --onyl=535", "invoke build has no option --onyl: did you mean --only?"),
        ("build --zzzzzz", "invoke build has no option --zzzzzz: `invoke build --help` shows its options"),
        ("bundle --kernel-imges", "invoke bundle has no option --kernel-imges: did you mean --kernel-images?"),
        ("build -x", "invoke build has no option -x: `invoke build --help` shows its options"),
        ("build --only", "invoke build --only: the value is missing: write --only=VALUE"),
        ("build --only --json", "invoke build --only: the value is missing: write --only=VALUE"),
        ("build --json=1", "--json takes no value: leave out =1"),
        ("build --only=1 --only=2", "--only is given twice: give it once"),
        ("explain", "invoke explain: the argument is missing: write `invoke explain COMBINATION`"),
        (
            "build 535",
            "invoke build takes no argument '535', and there is no task of that name: select combinations with --only=535",
        ),
        ("update 535", "invoke update takes no argument '535', and there is no task of that name"),
        ("cache", "invoke cache: name what to do: cache.show, cache.prune, cache.verify"),
        ("cache nope", "invoke cache: name what to do: cache.show, cache.prune, cache.verify"),
        (
            "cache.show --dry-run",
            "invoke cache.show has no option --dry-run: `invoke cache.show --help` shows its options",
        ),
        ("rollout --onyl=550", "invoke rollout.start has no option --onyl: did you mean --only?"),
        ("rollout stauts", "there is no task 'stauts': did you mean status?"),
        ("release --dry", "--dry has no effect here: use --dry-run"),
        ("retire 535 -R", "-R has no effect here: use --dry-run"),
        ("matrix --dry", "--dry has no effect here: leave it out"),
        ("build --echo", "--echo has no effect here: leave it out"),
        ("build -T 5", "-T has no effect here: leave it out"),
    ],
)
def test_a_mistake_is_named(line: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(*line.split())

    assert str(caught.value) == said


@pytest.mark.parametrize(
    "line",
    [
        "build",
        "build -n --only=535 --json",
        "build -nd",
        "fetch --only 535 build --locked",
        "coverage --nodes -",
        "coverage -",
        "explain --combination=535",
        "build --only= --debug",
        "matrix --only=-x",
    ],
)
def test_a_right_line_stays_as_it_is(line: str) -> None:
    assert read(*line.split()) == Reading(tuple(line.split()))


@pytest.mark.parametrize("action", ["show", "prune", "verify"])
def test_an_action_behind_its_family_is_that_task(action: str) -> None:
    assert read("cache", action, "--json") == Reading((f"cache.{action}", "--json"))


@pytest.mark.parametrize(
    ("line", "read_as"),
    [
        ("rollout", "rollout"),
        ("rollout --wave 3 -n", "rollout --wave 3 -n"),
        # The task `status` of the top level is another one.
        ("rollout status --json", "rollout.status --json"),
        ("rollout start -n", "rollout.start -n"),
        ("matrix rollout matrix", "matrix rollout matrix"),
    ],
)
def test_a_family_that_is_a_task_needs_no_action(line: str, read_as: str) -> None:
    assert read(*line.split()) == Reading(tuple(read_as.split()))


@pytest.mark.parametrize("word", ["--help", "-h"])
@pytest.mark.parametrize(
    ("line", "task"),
    [
        ("bundle", "bundle"),
        ("explain", "explain"),
        ("build --only", "build"),
        ("build --json", "build"),
        ("fetch build", "build"),
        ("cache", "cache"),
        ("cache prune", "cache.prune"),
        ("rollout", "rollout"),
        ("rollout status", "rollout.status"),
    ],
)
def test_help_is_found_anywhere(word: str, line: str, task: str) -> None:
    assert read(*line.split(), word).help_for == task


WORDS = st.lists(
    st.sampled_from([*CONTEXTS, *FAMILIES, "--only", "--json", "-n", "-R", "--help", "x", "-", "--", "=", ""])
)


@given(WORDS)
def test_what_is_read_is_what_invoke_parses(words: list[str]) -> None:
    try:
        reading = read(*words)
    except UsageError:
        return
    if reading.help_for or {"--help", "-h"} & {*words}:
        return

    PARSER.parse_argv([*reading.words])
