import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lifecycle.cache.rehearsals import read_rehearsal
from lifecycle.config.security import Advisories
from lifecycle.kubernetes.coverage import UnreadableNodesError
from lifecycle.kubernetes.node_list import BadNodesError
from lifecycle.kubernetes.node_reader import NoGpuNodesError
from lifecycle.planning.targets import Targets
from lifecycle.rehearsal.command import BlockedGroupsError, NotADriverError, RehearsalRequest, show_rehearsal
from tests.support.builders.bulletins import bulletin
from tests.support.cluster_nodes import KERNEL, as_list, node
from tests.support.fakes.sessions import FakeSession
from tests.support.rehearsal_fleet import fleet
from tests.support.servers.scripted_registry import scripted_registry

OTHER = "6.1.0-99-cloud-amd64"
H100 = {"gpu": "nvidia", "feature.node.kubernetes.io/pci-0302_10de_2330.present": "true"}
ON_535 = {**H100, "nvidia-driver": "535"}
Show = Callable[..., str]


@pytest.fixture
def show(session: FakeSession, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Show:
    def shown(content: bytes, *, json: bool = False, **options: Any) -> str:  # noqa: ANN401 - fields of the request
        file = tmp_path / "nodes.json"
        file.write_bytes(content)
        request = RehearsalRequest(**{"nodes": str(file), "offline": True, **options})
        show_rehearsal(session, request, json=json)
        return capsys.readouterr().out

    return shown


def with_registry(session: FakeSession, host: str) -> None:
    image = session.given.component.image.model_copy(update={"registry": host})
    session.given = replace(session.given, component=session.given.component.model_copy(update={"image": image}))
    session.engine.images_there = [
        replace(one, tags=(f"{host}/{image.repository}:tag",)) for one in session.engine.images_there
    ]


def test_ready_groups_are_one_row_each(show: Show) -> None:
    nodes = [node(f"gpu-{number}", labels=ON_535) for number in range(5)]
    lines = show(as_list(*nodes, node("w", system="windows"))).splitlines()

    assert lines[0] == "5 nodes in 1 group"
    assert lines[2].split("  ")[-1] == "ready"
    assert lines[2].startswith("    5  gpu-0, gpu-1, gpu-2, 2 more")
    assert lines[3:] == ["left out: 1 Windows"]


def test_a_blocked_group_ends_with_1_and_one_sentence(show: Show, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(BlockedGroupsError) as caught:
        show(as_list(node("a", labels=ON_535), node("b", kernel=OTHER)))

    tag = f"550.163.01-{OTHER}-debian-12"
    assert caught.value.exit_code == 1
    assert str(caught.value) == (
        "1 of 2 groups (1 node) is blocked, the first because no release of component.yaml has the kernel "
        f"{OTHER}: the image {tag} is MISSING"
    )
    assert f"blocked: b: no release of component.yaml has the kernel {OTHER}" in capsys.readouterr().out


def test_json_has_each_group_with_its_reasons(show: Show) -> None:
    found = json.loads(
        show(as_list(node("a", labels=ON_535), node("b", labels={"gpu": "x"}), node("c", labels={})), json=True)
    )

    assert (found["verdict"], found["nodes"], found["left_out"]) == ("warning", 2, {"no GPU": 1})
    assert [(g["nodes"], g["gpus"], g["driver"], g["verdict"]) for g in found["groups"]] == [
        (["a"], ["2330"], None, "ready"),
        (["b"], [], None, "warning"),
    ]
    assert found["groups"][0]["target"]["combination"] == f"old-1/{KERNEL}/535.309.01"
    assert {reason["verdict"] for reason in found["groups"][1]["reasons"]} == {"warning"}


def test_each_image_is_looked_up_once_for_any_number_of_groups(session: FakeSession, show: Show) -> None:
    devices = ["2330", "20b0", "1db6"]
    nodes = [
        node(d, labels={**ON_535, f"feature.node.kubernetes.io/pci-0302_10de_{d}.present": "true"}) for d in devices
    ]
    with scripted_registry() as registry:
        with_registry(session, registry.host)
        registry.add("/v2/", {})
        tag = f"535.309.01-{KERNEL}-old-1-{Targets(session.given).image(session.given.matrix.combinations[0]).digest[:12]}"
        registry.add(f"/v2/team/nvidia-installer/manifests/{tag}", {}, status=404)
        out = show(as_list(*nodes), offline=False)

    assert Counter(registry.asked)[f"/v2/team/nvidia-installer/manifests/{tag}"] == 1
    assert out.count("  built  ") == len(devices)
    assert "the image is built and not pushed" in out


def test_offline_asks_no_registry(session: FakeSession, show: Show) -> None:
    with scripted_registry() as registry:
        with_registry(session, registry.host)
        show(as_list(node("a", labels=ON_535)))

    assert registry.asked == []


def test_a_registry_that_does_not_answer_is_a_warning_and_unknown(session: FakeSession, show: Show) -> None:
    with_registry(session, "localhost:1")
    found = json.loads(show(as_list(node("a", labels=ON_535)), offline=False, json=True))

    assert found["groups"][0]["target"]["pushed"] is None
    assert "cannot reach" in session.said.getvalue()


def test_an_engine_that_does_not_answer_is_a_warning_and_unknown(session: FakeSession, show: Show) -> None:
    session.engine.unreachable = True
    found = json.loads(show(as_list(node("a", labels=ON_535)), json=True))

    assert (found["verdict"], found["groups"][0]["target"]["built"]) == ("warning", None)


def test_bulletins_are_read_if_they_are_declared(session: FakeSession, show: Show, tmp_path: Path) -> None:
    (tmp_path / "bulletins").mkdir()
    content = bulletin("5678", "2026-10-01", ("CVE-1", 7.8, {"535": "535.400.01", "550": "550.400.01"}))
    (tmp_path / "bulletins/5678.json").write_bytes(content)
    declared = session.given.component.model_copy(update={"advisories": Advisories(source="bulletins")})
    session.given = replace(session.given, component=declared)
    with_registry(session, "localhost:1")

    assert "driver 535.309.01 has known holes: bulletin 5678, 1 CVE, high: take 535.400.01 or newer" in show(
        as_list(node("a", labels=ON_535)), offline=False
    )


def test_the_result_is_recorded_for_each_target(session: FakeSession, show: Show) -> None:
    show(as_list(node("a", labels=ON_535), node("b", labels={"nvidia-driver": "535"})))
    combination = session.given.matrix.combinations[0]
    found = read_rehearsal(session.cache, Targets(session.given).image(combination).digest)

    assert found is not None
    assert (found.combination, found.verdict, found.nodes, found.groups) == (combination.id, "warning", 2, 2)
    assert found.reasons == ("no label tells which GPUs the nodes have",)
    assert read_rehearsal(session.cache, "0" * 64) is None


def test_a_damaged_record_counts_as_none(session: FakeSession) -> None:
    folder = session.cache.root / "rehearsed"
    folder.mkdir(parents=True)
    (folder / f"{'0' * 64}.json").write_text('{"combination": 1')

    assert read_rehearsal(session.cache, "0" * 64) is None


def test_a_node_that_cannot_be_judged_ends_with_2_after_the_table(
    show: Show, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UnreadableNodesError) as caught:
        show(as_list(node("a", labels=ON_535), node("b", kernel="")))

    assert caught.value.exit_code == 2
    assert capsys.readouterr().out.startswith("1 node in 1 group\n")


@pytest.mark.parametrize(
    ("content", "options", "error"),
    [
        (b"{", {}, BadNodesError),
        (as_list(node("c", labels={})), {}, NoGpuNodesError),
        (as_list(node("a")), {"driver": "new"}, NotADriverError),
    ],
)
def test_a_mistake_ends_with_2(show: Show, content: bytes, options: dict[str, str], error: type[Exception]) -> None:
    with pytest.raises(error) as caught:
        show(content, **options)

    assert getattr(caught.value, "exit_code", None) == 2


def test_two_thousand_nodes_are_twelve_groups(show: Show) -> None:
    with pytest.raises(BlockedGroupsError, match="of 12 groups"):
        show(fleet(2000, [KERNEL, "6.12.117-amd64", OTHER]))
