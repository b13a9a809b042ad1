import io
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lifecycle.kubernetes.coverage import UncoveredError, UnreadableNodesError, show_coverage
from lifecycle.kubernetes.node_list import BadNodesError
from tests.support.builders.projects import project
from tests.support.cluster_nodes import KERNEL, as_list, node
from tests.support.fakes.engine import FakeEngine
from tests.support.fakes.sessions import FakeSession

OTHER = "6.1.0-99-cloud-amd64"
WINDOWS, CPU = node("w", system="windows"), node("c", labels={})
TAG = f"{KERNEL}-old-1"


@pytest.fixture
def session(tmp_path: Path) -> FakeSession:
    return FakeSession(project(), tmp_path / "cache", FakeEngine())


@pytest.fixture
def show(session: FakeSession, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:  # noqa: ANN401 - a function
    def shown(*nodes: dict[str, Any], as_json: bool = False) -> str:
        file = tmp_path / "nodes.json"
        file.write_bytes(as_list(*nodes))
        show_coverage(session, str(file), selector="", as_json=as_json)
        return capsys.readouterr().out

    return shown


def test_equal_nodes_share_the_rows_of_their_drivers(show: Any) -> None:  # noqa: ANN401 - a fixture
    nodes = [node(f"gpu-{number}") for number in range(5)]

    assert show(*nodes, WINDOWS, CPU, CPU).splitlines() == [
        "5 nodes",
        "count  nodes                        driver      now"
        + " " * (len(f"550.163.01-{TAG}") - 3)
        + "  upgrade to  then",
        f"    5  gpu-0, gpu-1, gpu-2, 2 more  535.309.01  535.309.01-{TAG}  –           –",
        f"    5  gpu-0, gpu-1, gpu-2, 2 more  550.163.01  550.163.01-{TAG}  –           –",
        "left out: 2 no GPU, 1 Windows",
    ]


def test_a_missing_image_ends_with_1_after_the_table(
    session: FakeSession, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "n").write_text(f"{OTHER}\n{KERNEL}\n")
    with pytest.raises(UncoveredError, match="some nodes have no matching image: 2 now missing") as caught:
        show_coverage(session, str(tmp_path / "n"), selector="", as_json=False)

    assert caught.value.exit_code == 1
    assert f"MISSING 550.163.01-{OTHER}-<os release>" in capsys.readouterr().out


def test_a_bad_node_ends_with_2_after_the_table_of_the_others(
    session: FakeSession, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "n").write_bytes(
        as_list(node("a"), *(node(f"b{n}", kernel="") for n in range(12)), node("c", kernel=OTHER))
    )
    with pytest.raises(UnreadableNodesError) as caught:
        show_coverage(session, str(tmp_path / "n"), selector="", as_json=False)

    assert caught.value.exit_code == 2
    assert caught.value.brief == (
        f"{tmp_path}/n: 12 of the nodes cannot be judged; of the others some have no matching image: 2 now missing"
    )
    assert caught.value.details.splitlines()[0].strip().startswith("'b0': status.nodeInfo.kernelVersion is missing")
    assert caught.value.details.splitlines()[-1] == "  and 2 more"
    assert capsys.readouterr().out.startswith("2 nodes\n")


def test_json_has_each_node_and_stderr_the_counts(show: Any, session: FakeSession) -> None:  # noqa: ANN401 - a fixture
    entries = json.loads(show(node("a"), node("b"), CPU, as_json=True))

    assert [(entry["node"], entry["driver"], entry["architecture"]) for entry in entries] == [
        (name, driver, "amd64") for name in ("a", "b") for driver in ("535.309.01", "550.163.01")
    ]
    assert session.said.getvalue() == "left out: 1 no GPU\n"


def test_standard_input_is_read_as_bytes(
    session: FakeSession, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    content = as_list(node("a")).decode().encode("utf-16")
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(content)))
    show_coverage(session, "-", selector="", as_json=False)

    assert capsys.readouterr().out.startswith("1 node\n")


@pytest.mark.parametrize(
    ("stdin", "said"),
    [(None, "standard input: it is closed"), (SimpleNamespace(buffer=io.BytesIO()), "standard input: no node found")],
)
def test_a_standard_input_without_nodes_is_one_sentence(
    stdin: object, said: str, session: FakeSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", stdin)
    with pytest.raises(BadNodesError, match=said):
        show_coverage(session, "-", selector="", as_json=False)


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("/nonexistent/nodes", r"/nonexistent/nodes: cannot be read \(No such file or directory\)"),
        ("/", r"/: cannot be read \(Is a directory\)"),
        ("a\0b", r"'a\\x00b': cannot be read \(embedded null byte\)"),
        ("~nosuchuser/nodes", r"~nosuchuser/nodes: cannot be read"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_sentence(file: str, said: str, session: FakeSession) -> None:
    with pytest.raises(BadNodesError, match=said):
        show_coverage(session, file, selector="", as_json=False)
