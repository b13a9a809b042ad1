"""The next step after a task, as a command line."""

import shlex
import sys


def selecting(command: str, only: str = "", shard: str = "") -> str:
    """Return a command with the same selection: `invoke push --only 535`."""
    options = {"--only": only, "--shard": shard}
    return " ".join([command, *(f"{name} {shlex.quote(value)}" for name, value in options.items() if value)])


def command_without_dry_run() -> str:
    """Return the command line of this process without --dry-run."""
    return shlex.join(["invoke", *(word for word in sys.argv[1:] if word not in ("--dry-run", "-n"))])


def print_next_step(step: str) -> None:
    """Print the next step on stderr, unless it is ""."""
    if step and sys.stderr:
        print(f"next: {step}", file=sys.stderr)  # noqa: T201 - the last line of a task, when no progress is shown any more
