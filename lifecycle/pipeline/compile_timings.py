"""How long compiles took, below the cache root: no part of any result, so that these are the same on every machine."""

from collections.abc import Iterable

from pydantic import ValidationError

from lifecycle.cache.cache import Cache
from lifecycle.pipeline.compile_timing import Timing, read_make_log
from lifecycle.planning.matrix import Combination
from lifecycle.planning.targets import Target, module_type_of


def note_compile(
    cache: Cache, combination: Combination, modules: Iterable[Target], seconds: float, *, asked: int
) -> None:
    """Save how long a container took to compile modules of a combination; replaces the last timing of that name.

    `seconds` are of wall time. `asked` is how many of conftest's questions the compiler answered.
    """
    kernel, driver = combination.kernel, combination.driver
    logs = {module_type_of(target): cache.log(target.kind, target.name) for target in modules}
    timing = Timing(
        kernel=kernel,
        driver=driver,
        seconds=round(seconds, 1),
        asked=asked,
        modules={name: read_make_log(log.read_text(encoding="utf-8", errors="replace")) for name, log in logs.items()},
    )
    cache.write(cache.timing(f"{kernel}/{driver}"), timing.model_dump_json(indent=1))


def read_timings(cache: Cache) -> list[Timing]:
    """All that is written down, in the order of their names; a file that is damaged is left out."""
    found = []
    for path in cache.timings():
        try:
            found.append(Timing.model_validate_json(path.read_bytes()))
        except ValidationError:
            continue
    return found
