"""The log of a boot that a proof names by its digest: what the machine's console printed."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from lifecycle.cache.cache import file_name

# Below the checkout; tests/node writes it.
_FOLDER = Path("build/node")
_CONSOLE = "console.log"
# The largest text that is shown of one log, in characters, half of it from the start.
_SHOWN = 12_000


@dataclass(frozen=True, kw_only=True)
class BootLog:
    """A log as text. `left_out` is the number of characters that are missing in its middle, `lines` the number of all lines."""

    start: str
    end: str
    left_out: int
    lines: int


def read_boot_log(root: Path, combination: str, sha256: str) -> BootLog | None:
    """Return the log of a combination's boot below a checkout, if it is the one with that sha256. None otherwise."""
    path = root / _FOLDER / file_name(combination) / _CONSOLE
    try:
        content = path.read_bytes()
    except OSError:
        return None
    if hashlib.sha256(content).hexdigest() != sha256:
        return None
    return shorten(content.decode(errors="replace"))


def shorten(text: str) -> BootLog:
    """Return a text as a log, without its middle if it is long. Control characters of terminals become visible ones."""
    text = text.replace("\r\n", "\n")
    plain = "".join(char if char.isprintable() or char in "\n\t" else "\N{REPLACEMENT CHARACTER}" for char in text)
    lines = len(plain.splitlines())
    if len(plain) <= _SHOWN:
        return BootLog(start=plain, end="", left_out=0, lines=lines)
    half = _SHOWN // 2
    return BootLog(start=plain[:half], end=plain[-half:], left_out=len(plain) - 2 * half, lines=lines)
