"""Text in an encoding that lacks a character: output never fails for one."""

import codecs
import unicodedata

# The characters of our own messages that are not in every encoding.
_SPELLED = {"–": "-", "—": "-", "…": "...", "✓": "+", "✗": "x", "→": "->", "×": "x", "≤": "<=", "≥": ">="}
ERRORS = "spelled"


def _spell(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    return "".join(_SPELLED.get(character) or _ascii(character) for character in lacking), error.end


def _ascii(character: str) -> str:
    return unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode() or "?"


codecs.register_error(ERRORS, _spell)
