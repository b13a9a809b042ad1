"""Text of others as a terminal may show it, and our own in an encoding that lacks a character."""

import codecs
import re
import unicodedata

# All control characters but the line feed and the tab: a terminal obeys them (ECMA-48).
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
# The characters of our own messages that are not in every encoding.
_SPELLED = {"–": "-", "—": "-", "…": "...", "✓": "+", "✗": "x", "→": "->", "×": "x", "≤": "<=", "≥": ">="}
ERRORS = "spelled"


def plain(text: str) -> str:
    """Return text in which control characters are visible, as backslash, x and two hexadecimal digits."""
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def _spell(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    return "".join(_SPELLED.get(character) or _ascii(character) for character in lacking), error.end


def _ascii(character: str) -> str:
    return unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode() or "?"


codecs.register_error(ERRORS, _spell)
