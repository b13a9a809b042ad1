from pathlib import Path

import pytest

from lifecycle.cache.cache import Cache
from lifecycle.config.component import Image
from lifecycle.pipeline.build_state import BuildState
from lifecycle.planning.targets import Kind, Target, base_tag
from lifecycle.tools.labels import LABEL_DIGEST
from tests.support.builders.projects import local_image
from tests.support.fakes.engine import FakeEngine

IMAGE = Image(registry="localhost:5000", repository="team/nvidia-installer")
NAME = "localhost:5000/team/nvidia-installer"


def target(kind: Kind) -> Target:
    return Target(kind=kind, name="a/b", inputs={"x": "1"})


def state(tmp_path: Path, engine: FakeEngine) -> BuildState:
    return BuildState(Cache(tmp_path), engine, IMAGE)


def test_a_base_is_there_by_its_tag_whatever_its_labels(tmp_path: Path) -> None:
    wanted = target(Kind.BASE)
    there = state(tmp_path, FakeEngine(local_image(base_tag(wanted))))

    assert there.has(wanted)
    assert not there.has(Target(kind=Kind.BASE, name="a/b", inputs={"x": "2"}))


def test_an_image_is_there_by_the_digest_in_its_label(tmp_path: Path) -> None:
    wanted = target(Kind.IMAGE)
    there = state(tmp_path, FakeEngine(local_image(f"{NAME}:1", digest=wanted.digest)))

    assert there.has(wanted)
    assert not there.has(Target(kind=Kind.IMAGE, name="a/b", inputs={"x": "2"}))


@pytest.mark.parametrize("tags", [[], ["registry.example/team/nvidia-installer:1"], [f"{NAME}-old:1"]])
def test_an_image_without_a_name_of_ours_is_not_there(tmp_path: Path, tags: list[str]) -> None:
    wanted = target(Kind.IMAGE)

    assert not state(tmp_path, FakeEngine(local_image(*tags, digest=wanted.digest))).has(wanted)


def test_one_name_of_ours_among_others_is_enough(tmp_path: Path) -> None:
    wanted = target(Kind.IMAGE)

    assert state(tmp_path, FakeEngine(local_image("other:1", f"{NAME}:1", digest=wanted.digest))).has(wanted)


@pytest.mark.parametrize("kind", [Kind.MODULES, Kind.USERSPACE, Kind.ARCHIVE])
def test_other_results_are_there_when_the_store_has_them(tmp_path: Path, kind: Kind) -> None:
    wanted, engine = target(kind), FakeEngine()
    before = state(tmp_path, engine).has(wanted)
    with Cache(tmp_path).making(kind, wanted.digest, {}):
        pass

    assert (before, state(tmp_path, engine).has(wanted)) == (False, True)
    assert engine.asked == []


def test_a_half_made_result_is_not_there(tmp_path: Path) -> None:
    wanted = target(Kind.MODULES)
    (tmp_path / "results" / "modules" / wanted.digest).mkdir(parents=True)

    assert not state(tmp_path, FakeEngine()).has(wanted)


def test_the_engine_is_asked_once_for_all_images_and_once_for_each_base(tmp_path: Path) -> None:
    base, image, engine = target(Kind.BASE), target(Kind.IMAGE), FakeEngine()
    asking = state(tmp_path, engine)
    for _ in range(3):
        asking.has(base)
        asking.has(image)

    assert sorted(engine.asked) == sorted([LABEL_DIGEST, base_tag(base)])


def test_a_base_that_was_made_here_is_found_among_all_images(tmp_path: Path) -> None:
    base = target(Kind.BASE)
    engine = FakeEngine(local_image(base_tag(base), digest=base.digest))

    assert state(tmp_path, engine).has(base)
    assert engine.asked == [LABEL_DIGEST]


def test_what_was_last_made_under_a_name_is_remembered(tmp_path: Path) -> None:
    Cache(tmp_path).remember(Kind.MODULES, "a/b", {"x": "0", "p": {"gcc=1": "s"}})
    asking = state(tmp_path, FakeEngine())

    assert asking.latest_inputs(target(Kind.MODULES)) == {"x": "0", "p": {"gcc=1": "s"}}
    assert asking.latest_inputs(target(Kind.ARCHIVE)) is None
