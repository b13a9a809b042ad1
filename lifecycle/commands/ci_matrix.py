"""Combinations as a CI system takes them: `--format` of `invoke matrix` and `invoke changed`."""

import json
from collections.abc import Collection, Sequence

from lifecycle.app import output
from lifecycle.errors import UsageError
from lifecycle.planning.matrix import Combination
from lifecycle.planning.tags import tag_of

GITHUB, JENKINS = "github", "jenkins"


class UnknownFormatError(UsageError):
    """A value of --format that no CI system stands for."""

    def __init__(self, name: str) -> None:
        super().__init__(f"--format {name!r}: there are {GITHUB} and {JENKINS}")


class TwoOutputsError(UsageError):
    """Options that each want standard output for themselves."""

    def __init__(self, options: Sequence[str]) -> None:
        super().__init__(f"{' and '.join(options)} both say what to print: choose one of them")


def check_format(name: str, **others: object) -> None:
    """Refuse a --format that does not exist, or one beside other options that were given, by their names.

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
    """What a job of one combination has to know; `name` is the identifier as the name of a file or an artifact.

    An identifier's only character that no file name takes is the slash, and it has no underscore.
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

    The entries of the combinations whose identifiers are in `rebuild` say so; the others have no such key.
    An output of a step in GitHub Actions is one line; a matrix that includes nothing is an error there, so a workflow
    asks first (https://docs.github.com/actions, "Running variations of jobs in a workflow").
    """
    entries = [entry_of(c) | ({"rebuild": "true"} if c.id in rebuild else {}) for c in combinations]
    output.print_lines([json.dumps({"include": entries} if name == GITHUB else entries)])
