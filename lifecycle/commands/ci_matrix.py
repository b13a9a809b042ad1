"""Combinations as lists of CI jobs: `--format` of `invoke matrix` and `invoke changed`."""

import json
from collections.abc import Collection, Sequence

from lifecycle.app import output
from lifecycle.errors import UsageError
from lifecycle.planning.matrix import Combination
from lifecycle.planning.tags import tag_of

GITHUB, JENKINS = "github", "jenkins"


class UnknownFormatError(UsageError):
    """A value of --format that names no CI system."""

    def __init__(self, name: str) -> None:
        super().__init__(f"--format {name!r}: write {GITHUB} or {JENKINS}")


class TwoOutputsError(UsageError):
    """Options that each decide what standard output contains."""

    def __init__(self, options: Sequence[str]) -> None:
        super().__init__(f"{' and '.join(options)} exclude each other: use one of them")


def check_format(name: str, **others: object) -> None:
    """Check a value of --format, and that none of the `others`, options by name, was given beside it.

    Raises UnknownFormatError, TwoOutputsError.
    """
    if not name:
        return
    if name not in (GITHUB, JENKINS):
        raise UnknownFormatError(name)
    given = [f"--{option}" for option, value in others.items() if value]
    if given:
        raise TwoOutputsError(["--format", *given])


def entry_of(combination: Combination) -> dict[str, str]:
    """Return the CI job of a combination; `name` is the identifier as the name of a file or an artifact.

    The only character of an identifier that a file name cannot contain is the slash, and identifiers have no underscore.
    """
    return {
        "id": combination.id,
        "name": combination.id.replace("/", "_"),
        "release": combination.release,
        "kernel": combination.kernel,
        "driver": combination.driver,
        "channel": str(combination.channel),
        "architecture": str(combination.architecture),
        "tag": tag_of(combination.driver, combination),
    }


def print_for_ci(name: str, combinations: Sequence[Combination], *, rebuild: Collection[str] = ()) -> None:
    """Print one line of JSON: for `strategy.matrix` of GitHub Actions, or a list for `readJSON` of Jenkins.

    Entries whose identifiers are in `rebuild` have a key of that name. The output of a step in GitHub Actions is one line. An empty
    matrix is an error there, so a workflow checks for it (https://docs.github.com/actions, "Running variations of jobs in a
    workflow").
    """
    entries = [entry_of(c) | ({"rebuild": "true"} if c.id in rebuild else {}) for c in combinations]
    output.print_lines([json.dumps({"include": entries} if name == GITHUB else entries)])
