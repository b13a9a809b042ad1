from pathlib import Path

from lifecycle.cache.cache import Cache
from lifecycle.config.schema import ModuleType
from lifecycle.pipeline.compile_timings import Compiled, Timing, read_timings, save_timing
from lifecycle.planning.targets import Target, Targets
from tests.support.builders.projects import project

PROPRIETARY, OPEN = ModuleType.PROPRIETARY, ModuleType.OPEN
COMBINATION = project().matrix.combinations[1]
TIMING = Timing(
    kernel=COMBINATION.kernel,
    driver=COMBINATION.driver,
    seconds=12.3,
    asked=2,
    modules={
        PROPRIETARY: Compiled(questions=frozenset({"vmap", "set_pages_uc"}), files=1),
        OPEN: Compiled(questions=frozenset(), files=2),
    },
)


def compiled(cache: Cache) -> list[Target]:
    """Return the compiled modules' targets of a combination, and write their compilation logs to the cache."""
    targets = [Targets(project()).compiled(COMBINATION, module_type) for module_type in (PROPRIETARY, OPEN)]
    logs = [" CONFTEST: vmap\n CONFTEST: set_pages_uc\n  CC [M]  a.o\n", "  CC [M]  a.o\n  CC [M]  b.o\n"]
    for target, text in zip(targets, logs, strict=True):
        cache.log(target.kind, target.name).write_text(text)
    return targets


def test_what_a_compile_took_is_there_afterwards(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    save_timing(cache, COMBINATION, compiled(cache), 12.34, asked=2)

    assert read_timings(cache) == [TIMING]


def test_the_last_compile_of_a_driver_for_a_kernel_counts(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    for seconds in (99, 12.34):
        save_timing(cache, COMBINATION, compiled(cache), seconds, asked=2)

    assert read_timings(cache) == [TIMING]


def test_it_is_no_part_of_a_result(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    save_timing(cache, COMBINATION, compiled(cache), 12.34, asked=2)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["logs", "timings", "tmp"]


def test_a_damaged_file_is_left_out(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    save_timing(cache, COMBINATION, compiled(cache), 12.34, asked=2)
    cache.timing("6.1/half").write_text('{"kernel": "6.1", ')
    cache.timing("6.1/other").write_text("[]")

    assert read_timings(cache) == [TIMING]


def test_nothing_is_timed_in_a_new_cache(tmp_path: Path) -> None:
    assert read_timings(Cache(tmp_path / "new")) == []
    assert not (tmp_path / "new").exists()
