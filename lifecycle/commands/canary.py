"""The canary: one combination that CI builds and tests if code changed but the inputs of no image did."""

from collections.abc import Sequence
from pathlib import Path

from lifecycle.config.component import Channel
from lifecycle.config.schema import Architecture
from lifecycle.config.versions import version_key
from lifecycle.planning.matrix import Combination, Matrix
from lifecycle.tools.process import run

# The code that builds and tests images, and its libraries. Only a real build shows an error in it. Documentation, unit tests and
# charts build no image: their own tests show errors there.
CODE = (
    "lifecycle",
    "scripts",
    "dockerfiles",
    "tasks.py",
    "noxfile.py",
    "requirements/main.txt",
    "requirements/test.txt",
    "tests/images",
    "tests/node",
    "tests/support",
    ":(glob)tests/*.py",
)
_CHANNELS = (Channel.CANARY, Channel.CURRENT, Channel.PREVIOUS)
_LISTED = 3


# ----- pure


def canary_of(matrix: Matrix, preferred: Architecture) -> Combination | None:
    """Return the combination to build for a change of code; None for an empty matrix.

    The combination is of the channel canary, else current, else previous. Within the channel the preferred architecture goes
    first, then the newest kernel, then the newest driver.
    """

    def rank(combination: Combination) -> tuple[int, bool, tuple[int, ...], tuple[int, ...]]:
        return (
            -_CHANNELS.index(combination.channel),
            combination.architecture is preferred,
            version_key(combination.linux),
            version_key(combination.driver),
        )

    return max(matrix.combinations, key=rank, default=None)


def reason_of(files: Sequence[str]) -> str:
    """Return why the canary is built: `canary: tasks.py changed, but no image would be rebuilt`."""
    more = f" and {len(files) - _LISTED} more files" if len(files) > _LISTED else ""
    return f"canary: {', '.join(files[:_LISTED])}{more} changed, but no image would be rebuilt"


# ----- effects


def changed_code(root: Path, revision: str) -> list[str]:
    """Return the files of CODE in the working tree that differ from a commit, sorted: changed, deleted and untracked ones.

    Raises ProgramFailedError if git does not know the commit.
    """
    listings = (
        ("diff", "--name-only", "--no-renames", "--relative", revision),
        ("ls-files", "--others", "--exclude-standard"),
    )
    listed = [run(["git", "-C", str(root), *words, "--", *CODE]) for words in listings]
    return sorted({name for text in listed for name in text.splitlines()})
