"""The generated parts of the documentation are those that the code makes, and component.yaml has the documented form."""

import json
import re
import warnings
from datetime import date
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from tasks import ns
from tests.support.checkout import ROOT
from tests.support.pages.component_schema import schema
from tests.support.pages.parts import PARTS, SUPPORT_MATRIX, Part, between_marks
from tests.support.pages.task_tables import task_name

COMPONENT = ROOT / "component.yaml"
SCHEMA = ROOT / "docs/reference/component.schema.json"


def as_an_editor_reads(value: Any) -> Any:  # noqa: ANN401 - any part of a document
    """Return YAML data as JSON has it: keys and dates are text."""
    if isinstance(value, dict):
        return {str(key): as_an_editor_reads(part) for key, part in value.items()}
    if isinstance(value, list):
        return [as_an_editor_reads(part) for part in value]
    return value.isoformat() if isinstance(value, date) else value


def problems(text: str) -> list[str]:
    """Return what an editor would report in a component.yaml."""
    data = as_an_editor_reads(yaml.safe_load(text))
    return [error.message for error in Draft202012Validator(json.loads(SCHEMA.read_text())).iter_errors(data)]


@pytest.mark.parametrize("part", PARTS, ids=lambda part: f"{part.file.name} {part.name}".strip())
def test_a_generated_part_is_up_to_date(part: Part) -> None:
    assert part.file.read_text() == part.expected(), "run `nox -s docs` and commit"


def test_the_support_matrix_has_the_columns_that_the_code_writes() -> None:
    """A new version is two small edits, of which the README is none: so an older matrix is a warning only."""
    now, page = SUPPORT_MATRIX.expected(), SUPPORT_MATRIX.file.read_text()
    matrix, expected = (text.partition("<!-- support matrix -->\n\n")[2].splitlines() for text in (page, now))
    columns = matrix[0].split(" | ")

    assert columns[:4] == expected[0].split(" | ")[:4]
    assert {line.count("|") for line in matrix[: matrix.index("")]} == {len(columns) + 1}
    if page != now:
        warnings.warn("README.md: the support matrix is not up to date: run `nox -s docs` and commit", stacklevel=1)


def test_another_text_between_the_marks_is_found() -> None:
    page = "a\n<!-- x -->\n\nold\n\n<!-- end of x -->\nb\n"

    assert between_marks(page, "x", "new") == "a\n<!-- x -->\n\nnew\n\n<!-- end of x -->\nb\n"
    assert between_marks(page, "x", "old") == page


def test_a_page_without_its_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="lacks"):
        between_marks("<!-- x -->\nold\n", "x", "new")


def test_the_table_of_tasks_has_each_task_once() -> None:
    table = (ROOT / "docs/reference/tasks.md").read_text().partition("| task |")[2].partition("\n\n")[0]
    cells = [line.split(" | ")[0] for line in table.splitlines()[2:]]
    names = [text.removeprefix("invoke ").split()[0] for cell in cells for text in re.findall(r"`([^`]+)`", cell)]

    assert sorted(names) == sorted(map(task_name, ns.to_contexts()))


def test_every_section_and_key_of_component_yaml_is_described() -> None:
    parts = {"component.yaml": schema(), **schema()["$defs"]}
    keys = {f"{name}.{key}": value for name, part in parts.items() for key, value in part.get("properties", {}).items()}

    assert [name for name, part in parts.items() if not part.get("description")] == []
    assert [key for key, value in keys.items() if "description" not in value and not key.endswith(".kind")] == []


def test_component_yaml_has_the_documented_form() -> None:
    assert problems(COMPONENT.read_text()) == []


def test_component_yaml_tells_editors_its_schema() -> None:
    first = COMPONENT.read_text().partition("\n")[0]

    assert first == f"# yaml-language-server: $schema={SCHEMA.relative_to(ROOT)}"


@pytest.mark.parametrize(
    ("pattern", "mistake"),
    [
        (r"^version:", "versoin:"),
        (r"\bchannel: \w+", "channel: curent"),
        (r"\bkind: \w+", "kind: package"),
        (r"\bdrivers: \d+", "drivers: many"),
    ],
)
def test_an_editor_finds_a_mistake(pattern: str, mistake: str) -> None:
    # Comments have examples of keys too.
    declared = re.sub(r"#.*", "", COMPONENT.read_text())
    changed, count = re.subn(pattern, mistake, declared, count=1, flags=re.MULTILINE)

    assert count == 1
    assert problems(changed)
