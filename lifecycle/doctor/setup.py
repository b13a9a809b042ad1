"""The machine as scripts/setup leaves it, and the Python libraries of the running command."""

import getpass
import os
import re
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from lifecycle.doctor.finding import Finding, Subject
from lifecycle.errors import InstallerError
from lifecycle.tools.process import ProgramFailedError, root_prefix, run

_SETUP = Subject("set-up")
_PYTHON = Subject("python")
_USER = Subject("user")
# Seconds; most of them are for an engine that does not answer.
_LIMIT = "13"
_TIMED_OUT = 124  # timeout(1)
_MISSING = re.compile(r"^setup: missing: (.*)$", re.MULTILINE)
# The engine has lines of its own here.
_ENGINE = "container engine"
# A pinned library for every platform; those with a marker are for some only.
_PINNED = re.compile(r"^([\w.-]+)(?:\[[\w,]+\])?==([^\s;\\]+) *\\?$", re.MULTILINE)
_SHOWN = 5


def check_setup(root: Path) -> Iterator[Finding]:
    """Yield what `scripts/setup --check` finds to be missing in the checkout `root`."""
    try:
        run(["timeout", _LIMIT, str(root / "scripts/setup"), "--check"])
    except ProgramFailedError as error:
        if error.code == _TIMED_OUT:
            yield _SETUP.warning(
                f"scripts/setup --check did not end within {_LIMIT} s", "Run it by itself: it is slow here."
            )
            return
        missing = [what for what in _MISSING.findall(error.output) if _ENGINE not in what]
        if not missing and _ENGINE not in error.output:
            yield _SETUP.failure(error)
            return
        for what in missing:
            yield _SETUP.error(f"missing: {what}", "Run scripts/setup, which installs what is missing.")
        if missing:
            return
    yield _SETUP.ok("programs, apt's lists and .venv are as scripts/setup leaves them")


def check_user() -> Iterator[Finding]:
    """Yield whether another user than root can make base images."""
    prefix = root_prefix()
    if not prefix:
        yield _USER.ok("root")
        return
    name = getpass.getuser() if os.environ.get("USER") else str(os.geteuid())
    try:
        run([*prefix, "true"])
    except InstallerError as error:
        yield _USER.failure(
            error,
            remedy=f"{name} makes base images in a user namespace: install uidmap, and give {name} a range of ids with "
            f"`sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 {name}`; or build as root.",
        )
        return
    yield _USER.ok(f"{name}, who makes base images in a user namespace")


def check_python(root: Path) -> Iterator[Finding]:
    """Yield whether the libraries of this Python are those of requirements/main.txt in the checkout `root`."""
    lock = Path("requirements/main.txt")
    differing = differences((root / lock).read_text(encoding="utf-8"), _installed)
    about = f"Python {sys.version.partition(' ')[0]} at {sys.prefix}"
    if not differing:
        yield _PYTHON.ok(f"{about}, with the libraries of {lock}")
        return
    more = f" and {len(differing) - _SHOWN} more" if len(differing) > _SHOWN else ""
    yield _PYTHON.warning(
        f"{about} differs from {lock}: {', '.join(differing[:_SHOWN])}{more}",
        "Run scripts/setup, which makes .venv again, and use .venv/bin/invoke.",
    )


def differences(lock: str, installed: Callable[[str], str | None]) -> list[str]:
    """Return the libraries of a lock that are missing or have another version; `installed` returns the version of a name."""
    found = [(name, pinned, installed(name)) for name, pinned in _PINNED.findall(lock)]
    return [
        f"{name} {there}, not {pinned}" if there else f"no {name}" for name, pinned, there in found if there != pinned
    ]


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
