import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from lifecycle.config.costs import BranchCosts, Costs
from lifecycle.config.schema import ModuleType
from lifecycle.pipeline.compile_timings import Compiled, ProportionalTimingsError, Timing, costs_of, read_make_log

PROPRIETARY, OPEN = ModuleType.PROPRIETARY, ModuleType.OPEN
LOG = """\
make -C /usr/src/linux-headers-6.12.118+deb13-cloud-amd64 M=/build/proprietary modules
NV_CONFTEST_CMD=/bin/sh /build/proprietary/conftest.sh "gcc-14"
 CONFTEST: hash__remap_4k_pfn
 CONFTEST: set_pages_uc
 CONFTEST functions.h:
  #define NV_SET_PAGES_UC_PRESENT
 CONFTEST: vmap
  CC [M]  /build/proprietary/nvidia/nv.o
  CC [M]  nvidia/nv-pci.o
  CC      /build/proprietary/nvidia.mod.o
  LD [M]  /build/proprietary/nvidia.o
  BTF [M] /build/proprietary/nvidia.ko
"""


def asks(count: int, start: int = 0) -> frozenset[str]:
    return frozenset(f"question_{number}" for number in range(start, start + count))


def timing(driver: str, seconds: float, *, kernel: str = "6.1", **modules: tuple[frozenset[str], int]) -> Timing:
    compiled = {
        ModuleType(name): Compiled(questions=questions, files=files) for name, (questions, files) in modules.items()
    }
    asked = sum(len(one.questions) for one in compiled.values())
    return Timing(kernel=kernel, driver=driver, seconds=seconds, asked=asked, modules=compiled)


def test_a_make_log_shows_the_questions_and_the_files() -> None:
    assert read_make_log(LOG) == Compiled(questions=frozenset({"hash__remap_4k_pfn", "set_pages_uc", "vmap"}), files=3)


@given(st.floats(0.01, 10), st.floats(0.01, 10), st.integers(200, 400), st.integers(200, 400), st.integers(200, 400))
def test_seconds_that_questions_and_files_make_up_are_found_again(
    question: float, file: float, questions: int, files: int, more: int
) -> None:
    costs = costs_of(
        [
            timing("535.1", questions * question + files * file, proprietary=(asks(questions), files)),
            timing(
                "550.1",
                questions * question + (files + more) * file,
                proprietary=(asks(questions), files),
                open=(frozenset(), more),
            ),
        ],
        None,
    )

    assert (costs.question, costs.file) == pytest.approx((question, file), rel=1e-6)


def test_a_slow_kernel_does_not_pass_for_slow_questions() -> None:
    """Check the costs when only the slow kernel has timings of both module types, which give their relative costs."""
    fast = timing("535.1", 100, kernel="6.1", proprietary=(asks(100), 100))
    slow = [
        timing("535.1", 200, kernel="6.12", proprietary=(asks(100), 100)),
        timing("550.1", 300, kernel="6.12", proprietary=(asks(100), 100), open=(frozenset(), 100)),
    ]
    costs = costs_of([fast, *slow], None)

    assert (costs.question, costs.file) == pytest.approx((1, 1))


@given(st.lists(st.tuples(st.integers(1, 400), st.integers(1, 400), st.floats(0, 1000)), min_size=2, max_size=6))
def test_whatever_was_timed_nothing_costs_less_than_nothing(timed: list[tuple[int, int, float]]) -> None:
    several = [timing("535.1", seconds, proprietary=(asks(q), files)) for q, files, seconds in timed]
    try:
        costs = costs_of(several, None)
    except ProportionalTimingsError:
        assume(False)

    assert min(costs.question, costs.file) >= 0


def test_drivers_of_one_module_type_do_not_tell_questions_from_files() -> None:
    alike = [timing("535.1", 228, proprietary=(asks(383), 192)), timing("550.1", 233, proprietary=(asks(402), 198))]

    for several in ([], alike[:1], alike):
        with pytest.raises(ProportionalTimingsError, match=f"^the {len(several)} timed compiles"):
            costs_of(several, None)


def test_a_branch_asks_again_what_no_other_has_asked() -> None:
    costs = costs_of(
        [
            timing("535.1", 30, proprietary=(asks(100), 20)),
            timing("550.1", 60, proprietary=(asks(100, start=10), 20), open=(asks(2), 60)),
        ],
        None,
    )

    assert costs.branches == {
        "535": BranchCosts(questions=100, again=8, files={PROPRIETARY: 20}),
        "550": BranchCosts(questions=102, again=10, files={PROPRIETARY: 20, OPEN: 60}),
    }


def test_untimed_entries_stay_and_known_answers_hide_no_questions() -> None:
    before = Costs(
        question=7,
        file=7,
        branches={
            "535": BranchCosts(questions=100, again=8, files={PROPRIETARY: 20, OPEN: 30}),
            "470": BranchCosts(questions=90, again=5, files={PROPRIETARY: 10}),
        },
    )
    costs = costs_of(
        [
            timing("535.1", 30, proprietary=(asks(8), 21)),
            timing("550.1", 60, proprietary=(asks(110), 20), open=(asks(2), 60)),
        ],
        before,
    )

    assert costs.branches["470"] == before.branches["470"]
    assert costs.branches["535"] == BranchCosts(questions=100, again=0, files={OPEN: 30, PROPRIETARY: 21})
