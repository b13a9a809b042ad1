"""How long compiles took, below the cache root: no part of any result, so that these are the same on every machine."""

from collections.abc import Iterable

from pydantic import ValidationError

from lifecycle.model.schema import ModuleType
from lifecycle.model.targets import Target
from lifecycle.model.timings import Timing, read_make_log
from lifecycle.tools.store import Store


def note_compile(store: Store, modules: Iterable[Target], seconds: float, *, asked: int) -> None:
    """Write down what one container compiled, all of it well; replaces the last of that name.

    `seconds` are of wall time, `asked` is how many of conftest's questions were put to the compiler.
    """
    targets = list(modules)
    kernel, driver, _ = targets[0].name.split("/")
    logs = {ModuleType(t.name.rpartition("/")[2]): store.log(t.kind, t.name) for t in targets}
    timing = Timing(
        kernel=kernel,
        driver=driver,
        seconds=round(seconds, 1),
        asked=asked,
        modules={name: read_make_log(log.read_text(encoding="utf-8", errors="replace")) for name, log in logs.items()},
    )
    store.write(store.timing(f"{kernel}/{driver}"), timing.model_dump_json(indent=1))


def read_timings(store: Store) -> list[Timing]:
    """All that is written down, in the order of their names; a file that is damaged is left out."""
    found = []
    for path in store.timings():
        try:
            found.append(Timing.model_validate_json(path.read_bytes()))
        except ValidationError:
            continue
    return found
