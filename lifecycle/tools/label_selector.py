"""Label selectors in kubectl's syntax: `pool=a100,tier!=test,zone in (a, b),!spot,disk>100`.

Sources: Kubernetes, "Labels and Selectors"; k8s.io/apimachinery, pkg/labels/selector.go.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lifecycle.errors import UsageError

_NAME = r"[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?"
_KEY = rf"(?:[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?/)?{_NAME}"
_VALUE = rf"(?:{_NAME})?"
_REQUIREMENT = re.compile(
    rf"\s*(?:!\s*(?P<absent>{_KEY})"
    rf"|(?P<key>{_KEY})(?:\s*(?P<operator>==|!=|=|>|<)\s*(?P<value>{_VALUE})"
    rf"|\s+(?P<set>in|notin)\s*\(\s*(?P<values>{_VALUE}(?:\s*,\s*{_VALUE})*)\s*\))?)\s*(?:,|$)"
)
_EXISTS, _ABSENT = "exists", "!"


class LabelSelectorError(UsageError):
    """Text that is no label selector."""

    def __init__(self, selector: str, rest: str) -> None:
        super().__init__(
            f"--selector {selector!r} is no label selector from {rest!r}: write it as for kubectl, such as "
            "pool=a100, 'pool in (a100, h100)' or '!spot'"
        )


@dataclass(frozen=True, kw_only=True)
class Requirement:
    """A condition for one label."""

    key: str
    operator: str
    values: frozenset[str]

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Return whether labels meet the condition. `!=` and `notin` include labels without the key, as for Kubernetes."""
        value = labels.get(self.key)
        match self.operator:
            case "exists":
                return value is not None
            case "!":
                return value is None
            case "=" | "==" | "in":
                return value in self.values
            case "!=" | "notin":
                return value not in self.values
        return _compare(self.operator, value, next(iter(self.values)))


def _compare(operator: str, value: str | None, bound: str) -> bool:
    if value is None or not re.fullmatch(r"-?[0-9]{1,18}", value):
        return False
    return int(value) > int(bound) if operator == ">" else int(value) < int(bound)


@dataclass(frozen=True)
class LabelSelector:
    """Conditions for labels, all of which must be met."""

    requirements: tuple[Requirement, ...]

    @classmethod
    def parse(cls, text: str) -> "LabelSelector":
        """Parse a selector; an empty one matches all labels. Raises LabelSelectorError."""
        return cls(tuple(_requirements(text)))

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Return whether labels meet all conditions."""
        return all(requirement.matches(labels) for requirement in self.requirements)


def _requirements(text: str) -> Iterator[Requirement]:
    position, more = 0, bool(text.strip())
    while more:
        match = _REQUIREMENT.match(text, position)
        if match is None or (match["operator"] in (">", "<") and not re.fullmatch(r"[0-9]{1,18}", match["value"])):
            raise LabelSelectorError(text, text[position:].strip())
        yield _requirement(match)
        position, more = match.end(), match[0].endswith(",")


def _requirement(match: re.Match[str]) -> Requirement:
    if match["absent"]:
        return Requirement(key=match["absent"], operator=_ABSENT, values=frozenset())
    values = match["values"] if match["set"] else match["value"] or ""
    operator = match["set"] or match["operator"] or _EXISTS
    return Requirement(key=match["key"], operator=operator, values=frozenset(v.strip() for v in values.split(",")))
