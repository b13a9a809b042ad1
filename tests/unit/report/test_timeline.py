import pytest

from lifecycle.cache.last_build import Cores
from lifecycle.report.timeline import critical_chain, duration, timeline_of
from tests.support.report_sessions import last_build, step, two_compiles


def test_the_chain_goes_back_over_what_each_step_waited_for_longest() -> None:
    chain = critical_chain(two_compiles().steps)

    assert [one.title for one in chain] == ["base image builder", "compile new", "image new"]


def test_a_build_without_steps_has_no_chain() -> None:
    assert critical_chain([]) == []


def test_steps_that_need_each_other_end_the_chain() -> None:
    loop = [step("a", "base", 0, 1, needs=("b",)), step("b", "base", 1, 2, needs=("a",))]

    assert [one.title for one in critical_chain(loop)] == ["a", "b"]


def test_the_wait_for_a_free_slot_is_the_time_after_what_was_needed() -> None:
    waited = {bar.title: (bar.waited, bar.after) for bar in timeline_of(two_compiles()).steps}

    assert waited["image new"] == (20, "compile new")
    assert waited["compile old"] == (5, "base image builder")
    assert waited["base image builder"] == (0, "")


def test_each_thread_has_a_lane() -> None:
    lanes = timeline_of(two_compiles()).lanes

    assert [[bar.title for bar in lane] for lane in lanes] == [
        ["base image builder", "compile new", "image new"],
        ["compile old"],
    ]


def test_places_are_shares_of_the_width() -> None:
    (lane,) = timeline_of(last_build(step("a", "base", 25, 50), seconds=100)).lanes

    assert (lane[0].x, lane[0].width) == (250, 500)


def test_many_samples_of_a_core_become_averages() -> None:
    build = last_build(seconds=1000).model_copy(update={"cores": Cores(started=0, seconds=1, busy=((0, 100) * 240,))})
    (core,) = timeline_of(build).cores

    assert core.average == 50
    assert len(core.blocks) == 120
    assert {block.percent for block in core.blocks} == {50}


@pytest.mark.parametrize("seconds", [0.0, 0.4, 9, 90, 1800, 40_000])
def test_the_axis_has_few_marks(seconds: float) -> None:
    assert 1 <= len(timeline_of(last_build(seconds=seconds)).ticks) <= 12


def test_the_marks_of_the_axis_are_short() -> None:
    assert [tick.text for tick in timeline_of(last_build(seconds=3700)).ticks] == [
        "0 s",
        *(f"{minutes} min" for minutes in (10, 20, 30, 40, 50)),
        "1 h",
    ]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (0.44, "0.4 s"), (48.4, "48 s"), (59.7, "1 min 00 s"), (185, "3 min 05 s"), (3720, "1 h 02 min")],
)
def test_a_time_is_written_for_people(seconds: float, text: str) -> None:
    assert duration(seconds) == text
