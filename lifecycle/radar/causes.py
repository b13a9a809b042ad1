r"""The first cause of a failed compile, by the words of gcc, clang, modpost and compile.sh. Pure.

Sources of the words: gcc, c-typeck.cc, c-decl.cc and c-parser.cc; clang, DiagnosticSemaKinds.td; Linux, scripts/mod/modpost.c.
"""

import re
from collections.abc import Sequence

from lifecycle.pipeline.compile_errors import (
    CompileFailedError,
    IncompatibleModulesError,
    ModulesFailedError,
    UnusablePatchError,
)
from lifecycle.radar.model import Cause, CauseKind

# gcc quotes with the signs of its locale.
_OPEN, _CLOSE = "[\u2018'\"]", "[^\u2019'\"]*[\u2019'\"]"
_NAME = rf"{_OPEN}(?:struct |union |enum )?(?P<name>[A-Za-z_][A-Za-z0-9_]*){_CLOSE}"
_KINDS = [
    # A full disk or a killed compiler tells nothing of the sources.
    (CauseKind.FAULT, r"No space left|Killed signal|Cannot allocate memory|out of memory|internal compiler error"),
    (CauseKind.FAULT, r"Input/output error|Read-only file system|Too many open files"),
    (CauseKind.HEADER, r"(?P<name>[\w./-]+\.h): No such file or directory|'(?P<found>[^']+\.h)' file not found"),
    (CauseKind.LICENCE, rf"GPL-incompatible module \S+ uses GPL-only symbol {_NAME}"),
    (CauseKind.FUNCTION, rf"modpost: {_NAME} \[\S+\] undefined"),
    (CauseKind.FUNCTION, rf"(implicit declaration of|call to undeclared) (library )?function {_NAME}"),
    (CauseKind.FUNCTION, rf"{_NAME} undeclared|use of undeclared identifier {_NAME.replace('name', 'found')}"),
    (CauseKind.MEMBER, rf"has no member named {_NAME}|no member named {_NAME.replace('name', 'found')} in"),
    (CauseKind.SIGNATURE, rf"too (few|many) arguments (to|for) function( call)?( {_NAME})?"),
    (CauseKind.SIGNATURE, rf"(conflicting types for|passing argument \d+ of) {_NAME}"),
    (CauseKind.SIGNATURE, r"incompatible (function )?(pointer|integer|type)|makes (pointer|integer) from"),
    (CauseKind.TYPE, rf"unknown type name {_NAME}|(undefined|incomplete) type {_NAME.replace('name', 'found')}"),
]
_PATTERNS = [(kind, re.compile(pattern)) for kind, pattern in _KINDS]
_PLACE = re.compile(r"^(?P<file>[^\s:]+):(?P<line>\d+)(:\d+)?: (fatal )?error: (?P<words>.*)$")
_MODPOST = re.compile(r"^ERROR: (modpost: )?(?P<words>.*)$")
_FINDING = re.compile(r": (imports|expects) (?P<name>\w+)[ ,]")
_BUILD = re.compile(r"^/build/(proprietary|open)/")


def cause_of(error: ModulesFailedError) -> Cause:
    """Return the first cause of an error of the compile step."""
    lines = [*error.lines, error.brief]
    match error:
        case UnusablePatchError():
            return Cause(kind=CauseKind.PATCH, words=lines[0], name=_patch_named(lines[0]))
        case IncompatibleModulesError():
            return _cause_of_finding(lines[0])
        case CompileFailedError():
            return first_cause(lines)
    return Cause(kind=CauseKind.OTHER, words=lines[0])


def _cause_of_finding(line: str) -> Cause:
    """Return the cause that a finding of lifecycle/checks/fit.py names."""
    match = _FINDING.search(line)
    if match is None:
        return Cause(kind=CauseKind.OTHER, words=line)
    kind = CauseKind.LICENCE if ", GPL-only, " in line else CauseKind.SYMBOL
    return Cause(kind=kind, name=match["name"], words=line)


def first_cause(lines: Sequence[str]) -> Cause:
    """Return the cause that the first of some error lines names. A fault of the machine anywhere goes first."""
    faults = [line for line in lines if classify(line)[0] is CauseKind.FAULT]
    line = [*faults, *lines][0]
    kind, name = classify(line)
    found = _PLACE.match(line)
    if found:
        place = f"{_BUILD.sub('', found['file'])}:{found['line']}"
        return Cause(kind=kind, place=place, name=name, words=found["words"])
    said = _MODPOST.match(line)
    return Cause(kind=kind, name=name, words=said["words"] if said else line)


def classify(line: str) -> tuple[CauseKind, str]:
    """Return the kind of an error line, and the identifier that it is about, "" for none."""
    for kind, pattern in _PATTERNS:
        if match := pattern.search(line):
            groups = match.groupdict()
            return kind, groups.get("name") or groups.get("found") or ""
    return CauseKind.OTHER, ""


def is_of_the_sources(cause: Cause) -> bool:
    """Return whether the driver's sources and the kernel alone cause it, so that the same inputs fail again."""
    if cause.kind is CauseKind.FAULT:
        return False
    return bool(cause.place) or cause.kind is not CauseKind.OTHER


def _patch_named(line: str) -> str:
    match = re.match(r"(?:patch|probe) (?:\d+-)?(\S+)", line)
    return match[1] if match else ""
