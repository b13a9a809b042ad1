"""Readers of the CI definitions: the workflows as YAML, the Jenkinsfile as words, strings and brackets."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from tests.support.checkout import ROOT

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
JENKINSFILE = ROOT / "Jenkinsfile"
_PINNED = re.compile(r"uses: [\w./-]+@[0-9a-f]{40}  # v\d+\.\d+\.\d+")
_TOKEN = re.compile(
    r"(?P<skip>\s+|//[^\n]*|/\*.*?\*/)"
    r"|(?P<word>\w[\w.]*)"
    r"|(?P<string>'(?:[^'\\\n]|\\.)*')"
    r'|(?P<gstring>"(?:[^"\\\n]|\\.)*")'
    r"|(?P<sign>[^\s\w'\"])",
    re.DOTALL,
)
_CLOSES = {")": "(", "]": "[", "}": "{"}


def load(text: str) -> dict[str, Any]:
    """Return a workflow as data; every scalar value is a string, exactly as written."""
    return dict(yaml.load(text, Loader=yaml.BaseLoader))  # noqa: S506 - makes nothing but texts, lists and mappings


def workflow_problems(text: str) -> Iterator[str]:
    """Yield a sentence for each rule of this project that a workflow breaks."""
    for line in text.splitlines():
        if "uses: " in line and not _PINNED.search(line):
            yield f"not pinned by commit with its version as comment: {line.strip()}"
    for name, job in load(text)["jobs"].items():
        yield from (f"{name} has no {key}" for key in ("permissions", "timeout-minutes") if key not in job)
        if "write" in str(job.get("permissions")) and "container" in job:
            yield f"{name} may write and runs our code"
        for step in job["steps"]:
            if "${{" in step.get("run", ""):
                yield f"{name} lets an expression become part of a command: {step['run'].strip()}"


def workflow_commands(text: str) -> list[str]:
    """Return the lines that a workflow's shells run."""
    steps = [step for job in load(text)["jobs"].values() for step in job["steps"]]
    return [line for step in steps for line in step.get("run", "").splitlines()]


@dataclass(frozen=True)
class Token:
    """A word, a string without its quotes, or a sign of a Jenkinsfile; `kind` is `word`, `string`, `gstring` or `sign`."""

    kind: str
    text: str


class UnreadableError(Exception):
    """A Jenkinsfile with Groovy that is not allowed here, e.g. a quote or a bracket that is not closed."""


def tokens(text: str) -> list[Token]:
    """Return a Jenkinsfile's tokens, less comments, or raise UnreadableError. Triple quotes and regexes are unsupported."""
    found, at, opened = [], 0, list[str]()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if not match or text.startswith(("'''", '"""'), at):
            raise UnreadableError(text[at : at + 40])
        at = match.end()
        kind, part = str(match.lastgroup), match.group()
        if part in _CLOSES.values() and kind == "sign":
            opened.append(part)
        elif part in _CLOSES and kind == "sign" and (not opened or opened.pop() != _CLOSES[part]):
            raise UnreadableError(f"{part} closes nothing: {text[:at].splitlines()[-1]}")
        if kind != "skip":
            found.append(Token(kind, part[1:-1] if "string" in kind else part))
    if opened:
        raise UnreadableError(f"{opened[-1]} is not closed")
    return found


def stages(parts: Sequence[Token]) -> dict[str, list[Token]]:
    """Return the tokens from each `stage('…')` to the next, by the stage's name and in order."""
    starts = [i for i, part in enumerate(parts) if part == Token("word", "stage")]
    return {
        parts[start + 2].text: list(parts[start:end])
        for start, end in zip(starts, [*starts[1:], len(parts)], strict=True)
    }


def shell_steps(parts: Sequence[Token]) -> list[list[Token]]:
    """Return the argument tokens of each `sh '…'` or `sh(script: '…', …)`."""
    found = []
    for start in [i for i, part in enumerate(parts) if part == Token("word", "sh")]:
        call = [parts[start + 1]]
        if call[0].text == "(":
            call = list(parts[start + 2 : parts.index(Token("sign", ")"), start)])
        elif parts[start + 2].text in {"+", "."}:
            call += parts[start + 2 : start + 4]
        found.append(call)
    return found


def script_of(call: Sequence[Token]) -> str:
    """Return the command of a shell step that is one string in single quotes; raise UnreadableError for any other."""
    named = [i + 2 for i, part in enumerate(call) if part == Token("word", "script")]
    at = named[0] if named else 0
    after = call[at + 1].text if len(call) > at + 1 else ","
    if at >= len(call) or call[at].kind != "string" or after != ",":
        raise UnreadableError(
            f"sh is given more than a string in single quotes: {' '.join(part.text for part in call)}"
        )
    return call[at].text
