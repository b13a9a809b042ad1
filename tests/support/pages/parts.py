"""The generated parts of the documentation, which `nox -s docs` writes.

tests/lint compares PARTS, which are made from code. SUPPORT_MATRIX is made from the declarations, and may be older.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lifecycle.attest.predicates import MODELS
from tests.support.charts.values_table import CHARTS, table_of
from tests.support.checkout import ROOT
from tests.support.pages.component_schema import schema_text
from tests.support.pages.component_tables import component_tables
from tests.support.pages.predicate_schemas import SCHEMAS, predicate_schema
from tests.support.pages.support_matrix import support_matrix
from tests.support.pages.task_tables import task_tables


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part of a file between the marks of its name, or a whole file without a name. `make` returns its text."""

    file: Path
    name: str = ""
    make: Callable[[], str]

    def expected(self) -> str:
        """Return the text that the file should have. Raises ValueError if the marks are missing."""
        return between_marks(self.file.read_text(), self.name, self.make()) if self.name else self.make()


def between_marks(text: str, name: str, part: str) -> str:
    """Return a page with another part between `<!-- name -->` and `<!-- end of name -->`. Raises ValueError without them."""
    begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->\n"
    before, begun, rest = text.partition(begin)
    _, ended, after = rest.partition(end)
    if not (begun and ended):
        msg = f"the page lacks {begin.strip()} and {end.strip()}: write both"
        raise ValueError(msg)
    return f"{before}{begin}\n{part.strip()}\n\n{end}{after}"


def _values(chart: Path) -> Part:
    return Part(file=chart / "README.md", name="values", make=lambda: table_of(chart))


def _predicate(kind: str) -> Part:
    return Part(file=SCHEMAS / f"{kind.split(':')[2]}.json", make=lambda: predicate_schema(kind))


SUPPORT_MATRIX = Part(file=ROOT / "README.md", name="support matrix", make=support_matrix)
PARTS = (
    Part(file=ROOT / "docs/reference/options.md", name="tasks", make=task_tables),
    Part(file=ROOT / "docs/reference/component.md", name="keys", make=component_tables),
    Part(file=ROOT / "docs/reference/component.schema.json", make=schema_text),
    *map(_values, CHARTS),
    *map(_predicate, sorted(MODELS)),
)
