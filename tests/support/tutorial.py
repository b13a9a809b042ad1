"""The commands of docs/tutorial.md with their outputs, and the files that it tells a reader to write."""

import re
import shlex
from dataclasses import dataclass

from tests.support.checkout import ROOT

_TEXT = (ROOT / "docs/tutorial.md").read_text()
_CONSOLE = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
_YAML = re.compile(r"^```yaml\n# (\S+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Command:
    """A command at the prompt, the lines that the page shows below it, and the heading of its step."""

    line: str
    shown: tuple[str, ...]
    step: str = ""

    @property
    def words(self) -> list[str]:
        """The words of the command, up to a pipe."""
        return shlex.split(self.line.partition(" | ")[0])

    def missing_in(self, output: str) -> list[str]:
        """Return the shown lines that the output lacks. Words with a digit or a slash, and dashes, may differ."""
        lines = [line.strip() for line in output.splitlines()]
        return [line for line in self.shown if not any(re.fullmatch(_pattern(line), found) for found in lines)]


def _pattern(line: str) -> str:
    words = [r"\S+" if re.search(r"[\d/]", word) else re.escape(word) for word in line.split()]
    return r"\s+".join(words)


def commands() -> list[Command]:
    """Return the commands in the order of the page."""
    found = []
    for section in re.split(r"^## ", _TEXT, flags=re.MULTILINE):
        for block in _CONSOLE.findall(section):
            _, *parts = re.split(r"^\$ ", block, flags=re.MULTILINE)
            for part in parts:
                line, *shown = part.strip().splitlines()
                found.append(Command(line=line, shown=tuple(shown), step=section.splitlines()[0]))
    return found


def files() -> dict[str, str]:
    """Return the text of each file by its name."""
    return dict(_YAML.findall(_TEXT))
