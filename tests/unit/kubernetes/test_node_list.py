import codecs
import json
from contextlib import suppress

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.errors import UsageError
from lifecycle.kubernetes.node_list import BadNodesError, decode, read_objects
from lifecycle.kubernetes.node_reader import read_nodes
from tests.support.cluster_nodes import as_list, node

TWO = [node("gpu-1"), node("gpu-2")]
LIST = as_list(*TWO)
SHAPES = {
    "a List": LIST,
    "a NodeList": as_list(*TWO, kind="NodeList"),
    "a NodeList whose items have no kind": as_list(*({**n, "kind": None} for n in TWO), kind="NodeList"),
    "an array": json.dumps(TWO).encode(),
    "JSON lines": b"\n".join(json.dumps(n).encode() for n in TWO) + b"\n",
    "Nodes one after the other": b"".join(json.dumps(n, indent=2).encode() for n in TWO),
    "Lists one after the other": as_list(TWO[0]) + b"\n" + as_list(TWO[1]),
    "YAML of a List": yaml.safe_dump(json.loads(LIST)).encode(),
    "YAML documents": yaml.safe_dump_all(TWO, explicit_start=True).encode(),
    "a YAML list": yaml.safe_dump(TWO).encode(),
    "YAML behind a comment": b"# of the cluster x\n\n" + yaml.safe_dump(json.loads(LIST)).encode(),
    "an empty YAML document more": yaml.safe_dump_all([*TWO, None], explicit_start=True).encode(),
}
ENCODINGS = {
    "UTF-8 with a byte order mark": lambda text: codecs.BOM_UTF8 + text.encode(),
    "UTF-16 with a byte order mark": lambda text: text.encode("utf-16"),
    "big-endian UTF-16 with a byte order mark": lambda text: codecs.BOM_UTF16_BE + text.encode("utf-16-be"),
    "UTF-16 without a byte order mark": lambda text: text.encode("utf-16-le"),
    "Windows' line ends": lambda text: text.replace("\n", "\r\n").encode(),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_nodes_are_read_in_each_shape_that_programs_write(shape: str) -> None:
    assert [n.name for n in read_nodes(SHAPES[shape], file="f").nodes] == ["gpu-1", "gpu-2"]


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("shape", ["a List", "YAML documents"])
def test_nodes_are_read_in_each_encoding_of_linux_and_powershell(shape: str, encoding: str) -> None:
    content = ENCODINGS[encoding](SHAPES[shape].decode())

    assert [n.name for n in read_nodes(content, file="f").nodes] == ["gpu-1", "gpu-2"]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_kernel_releases_are_read_in_each_encoding(encoding: str) -> None:
    content = ENCODINGS[encoding]("6.1.0-56-cloud-amd64\n6.12.117+deb13-cloud-amd64\n")

    assert len(read_nodes(content, file="f").nodes) == 2


def test_yaml_keeps_text_and_knows_null() -> None:
    text = "a: 1592.10\nb: null\nc: 'null'\nd:\ne: ~\n"

    assert list(read_objects(text, file="f")) == [{"a": "1592.10", "b": None, "c": "null", "d": None, "e": None}]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "f: no node found"),
        ("\n# nothing\n", "f: no node found"),
        ('{"items": []}', "f: no node found"),
        ('{"items": null}', "f: no node found"),
        ('{"items": {"a": 1}}', "f: `items` is not a list"),
        ("[]", "f: no node found"),
        ("{", r"f: line 1, column 2: not well-formed JSON"),
        ('{"kind": "List",\n "items": [{"kind": "No', r"f: line 2, column \d+: not well-formed JSON"),
        ("[" * 100_000, "f: JSON with too many levels"),
        ("[" + "1" * 5000 + "]", "f: JSON with too many levels, or with too long a number"),
        ("items:\n" + "- " * 100_000, "f: line 2: more than 100 levels"),
        ("a: &a [x]\nb: *a\n", r"f: line 2: an alias \(`\*`\)"),
        ("a: [1\nb: 2", r"f: line 2, column 2: not well-formed YAML: did not find .*\]': write the output"),
        ("kind: Node\n\ttab: x", r"f: line 2, column \d+: not well-formed YAML"),
        ("a: \x00", "f: line 1: not well-formed YAML: control characters are not allowed: write"),
        ("NAME   STATUS   ROLES\ngpu-1   Ready   <none>\n", "f: line 1: this is kubectl's table"),
        ("node/gpu-1\n", "f: line 1: 'node/gpu-1' is not a kernel release"),
        ("hello world", "f: line 1: 'hello' is not a kernel release"),
        ("6.1.0-amd64 amd46", "f: line 1: 'amd46' is not a kernel release"),
        ("<html>", "f: line 1: '<html>' is not a kernel release"),
    ],
)
def test_a_file_that_lists_no_nodes_is_one_sentence(text: str, said: str) -> None:
    with pytest.raises(BadNodesError, match=said):
        read_nodes(text.encode(), file="f")


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"6.1.0-\xe4", b"{\xff}", b"\x00"])
def test_bytes_that_are_no_text_are_one_sentence(content: bytes) -> None:
    with pytest.raises(BadNodesError, match="f: "):
        read_nodes(content, file="f")


def test_a_byte_that_no_encoding_has_is_named() -> None:
    with pytest.raises(BadNodesError, match=r"neither UTF-8 nor UTF-16 text \(.* at byte 6\)"):
        decode(b"6.1.0-\xe4", file="f")


KEYS = st.sampled_from(
    ["kind", "items", "metadata", "name", "labels", "status", "nodeInfo", "kernelVersion", "conditions", "capacity"]
)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda values: st.lists(values, max_size=4) | st.dictionaries(KEYS | st.text(), values, max_size=6),
    max_leaves=30,
)


@given(JSON_VALUES)
def test_any_json_is_nodes_or_one_sentence(value: object) -> None:
    with suppress(UsageError):
        read_nodes(json.dumps([value, node()]).encode(), file="f")


@given(
    st.binary(max_size=200)
    | st.text(max_size=200).map(str.encode)
    | st.text("{}[]:,-\n &*#'\"|>ab0", max_size=60).map(str.encode)
)
def test_any_bytes_are_nodes_or_one_sentence(content: bytes) -> None:
    with suppress(UsageError):
        read_nodes(content, file="f")
