"""Placeholders of templates, such as `{version}`."""

import difflib
import re
from collections.abc import Sequence

from lifecycle.config.schema import shown

PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


def check_placeholders(template: str, names: Sequence[str], *, required: Sequence[str] = ()) -> str:
    """Return a template if all its braces are those of placeholders with these names. Raises ValueError with a sentence."""
    found = PLACEHOLDER.findall(template)
    unknown = [name for name in found if name not in names]
    missing = [name for name in required if found.count(name) != 1]
    problem = ""
    if re.search(r"[{}]", PLACEHOLDER.sub("", template)):
        problem = f"{shown(template)} has a brace too many or too few: write a placeholder as {{name}}"
    elif unknown:
        problem = _unknown(unknown[0], names)
    elif missing:
        problem = f"{shown(template)} needs the placeholder {{{missing[0]}}} once: write it in its place"
    if problem:
        raise ValueError(problem)
    return template


def _unknown(name: str, names: Sequence[str]) -> str:
    if not names:
        return f"{{{name}}} is replaced by nothing here: write the text itself"
    close = difflib.get_close_matches(name, names, 1)
    hint = f"did you mean {{{close[0]}}}?" if close else f"write one of {', '.join(f'{{{known}}}' for known in names)}"
    return f"unknown placeholder {{{name}}}: {hint}"
