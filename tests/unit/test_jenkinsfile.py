"""The Jenkinsfile's structure, read by quotes and brackets; each check refuses a pipeline that does not hold it."""

import re

import pytest

from tests.support.ci_files import JENKINSFILE, Token, UnreadableError, script_of, shell_steps, stages, tokens

PARTS = tokens(JENKINSFILE.read_text())
STAGES = stages(PARTS)
SCRIPTS = {name: [script_of(call) for call in shell_steps(parts)] for name, parts in STAGES.items()}
OURS = re.compile(r"(scripts/setup|\.venv/bin/(invoke|nox) )")


def word(text: str) -> Token:
    return Token("word", text)


def test_it_is_a_declarative_pipeline_with_a_stage_for_each_step_in_order() -> None:
    assert PARTS[:2] == [word("pipeline"), Token("sign", "{")]
    assert list(STAGES) == ["Set up", "Lint", "Unit", "Build", "Test images", "Test nodes", "Push", "Release"]


def test_every_shell_step_is_one_of_our_own_commands_in_single_quotes() -> None:
    scripts = [script for of_stage in SCRIPTS.values() for script in of_stage]

    assert all(SCRIPTS.values())
    assert [script for script in scripts if not OURS.match(script)] == []
    assert len(scripts) == len(shell_steps(PARTS))


def test_nothing_is_interpolated_anywhere() -> None:
    assert [part.text for part in PARTS if part.kind == "gstring"] == []


def test_every_stage_has_a_time_limit_and_the_pipeline_too() -> None:
    assert [name for name, parts in STAGES.items() if word("timeout") not in parts] == []
    assert PARTS.index(word("timeout")) < PARTS.index(word("stages"))


def test_each_combination_builds_alone_and_as_locked() -> None:
    build = SCRIPTS["Build"]

    assert [word("parallel") in parts for parts in STAGES.values()] == [name == "Build" for name in STAGES]
    assert build == [
        ".venv/bin/invoke changed --format=jenkins",
        ".venv/bin/invoke matrix --format=jenkins",
        '.venv/bin/invoke build --locked --rebuild --only="$ID"',
        '.venv/bin/invoke build --locked --only="$ID"',
    ]


def test_values_from_outside_are_quoted_variables_of_the_shell() -> None:
    for script in [script for of_stage in SCRIPTS.values() for script in of_stage]:
        assert script.count("$") == len(re.findall(r'="\$[A-Z]+"', script)), script


def test_credentials_are_there_in_the_stages_that_push_only() -> None:
    held = {name: {part.text for part in parts if part.text.startswith("INVOKE_")} for name, parts in STAGES.items()}
    registry = {"INVOKE_REGISTRY_USERNAME", "INVOKE_REGISTRY_PASSWORD"}

    assert {name: names for name, names in held.items() if names} == {
        "Push": registry,
        "Release": registry | {"INVOKE_GITOPS_USERNAME", "INVOKE_GITOPS_TOKEN"},
    }
    assert all(word("withCredentials") in STAGES[name] for name in ("Push", "Release"))


def test_main_alone_pushes_and_releases_and_one_build_runs_at_a_time() -> None:
    assert [name for name, parts in STAGES.items() if word("branch") in parts] == ["Push", "Release"]
    assert word("disableConcurrentBuilds") in PARTS


def test_results_are_kept_and_the_workspace_is_not() -> None:
    after = PARTS[PARTS.index(word("post")) :]

    assert [part.text for part in after if part.text in {"junit", "deleteDir"}] == ["junit", "deleteDir"]
    assert not any(".cache" in part.text for part in PARTS)


def test_the_report_is_written_at_every_end_and_kept() -> None:
    after = [part.text for part in PARTS[PARTS.index(word("post")) :]]
    (kept,) = (text for text in after if "build/published.json" in text)

    assert after.index("catchError") < after.index(".venv/bin/invoke report --prove") < after.index(kept)
    assert "build/report/**" in kept


# ----- the checks can fail


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("pipeline { stages { }", "{ is not closed"),
        ("pipeline { steps ( } )", "} closes nothing"),
        ("pipeline { } }", "} closes nothing"),
        ("sh 'scripts/setup", "'scripts/setup"),
        ('sh """a"""', '"""a"""'),
    ],
)
def test_a_quote_or_bracket_that_is_not_closed_is_refused(text: str, said: str) -> None:
    with pytest.raises(UnreadableError, match=f"^{re.escape(said)}"):
        tokens(text)


def test_brackets_in_strings_and_comments_do_not_count() -> None:
    assert tokens("a /* { */ '} \\' (' // [\n") == [word("a"), Token("string", "} \\' (")]


@pytest.mark.parametrize(
    "step",
    [
        'sh "invoke build --only=${id}"',
        'sh(script: "invoke build", returnStdout: true)',
        "sh 'invoke build --only=' + id",
        "sh('invoke build --only=' + id)",
        "sh(script: 'invoke build --only=' + id, returnStdout: true)",
        "sh 'invoke build --only='.concat(id)",
        "sh command",
        "sh(command)",
        "sh script: command",
        "sh(script: command, returnStdout: true)",
    ],
)
def test_a_shell_step_that_is_more_than_a_string_in_single_quotes_is_refused(step: str) -> None:
    (call,) = shell_steps(tokens(f"steps {{ {step} }}"))

    with pytest.raises(UnreadableError, match=r"^sh is given more than a string"):
        script_of(call)


@pytest.mark.parametrize("step", ["sh 'a b'", "sh('a b')", "sh(script: 'a b', returnStdout: true)"])
def test_the_command_of_a_shell_step_is_found_however_it_is_given(step: str) -> None:
    (call,) = shell_steps(tokens(f"steps {{ {step} }}"))

    assert script_of(call) == "a b"
