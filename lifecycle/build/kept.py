"""All that is kept between builds, in the cache and, of what images are made in and of, in the engine; and what becomes of it."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from lifecycle.build.needs import needs_of
from lifecycle.build.workbench import Workbench
from lifecycle.model.keeping import Age, What, roles_in, roles_of
from lifecycle.model.targets import Kind
from lifecycle.steps.cache import Fate, plan
from lifecycle.steps.cache_images import OURS, ImageFate, plan_images
from lifecycle.tools.engine_errors import EngineUnreachableError
from lifecycle.tools.inventory import Item, Part, take_stock
from lifecycle.tools.result_files import RESULT
from lifecycle.tools.store import Store, read_json
from lifecycle.tools.usage import used


@dataclass(frozen=True, kw_only=True)
class Kept:
    """What there is, and what becomes of it; `images` is None where the engine does not answer."""

    things: list[Fate]
    images: list[ImageFate] | None


def look(bench: Workbench, older_than: Age | None = None) -> Kept:
    """Plan for all that is kept, by this checkout's matrix as it is declared now.

    Raises NotLockedError where versions.lock does not answer it: then nobody knows what is needed. An engine that does not
    answer is only said.
    """
    project = bench.answered()
    needs, now = needs_of(project), time.time()
    items = take_stock(bench.store, now)
    roles = {**known_roles(bench.store, items), **roles_of(project.lock)}
    things = plan(items, needs, roles, now=now, older_than=older_than)
    try:
        images = plan_images(
            bench.engine.images_named(OURS),
            needs.images,
            used(bench.store),
            in_use=bench.engine.used_images(),
            now=now,
            older_than=older_than,
        )
    except EngineUnreachableError as error:
        bench.progress.warn(f"{error.brief}: its images are left out")
        return Kept(things=things, images=None)
    return Kept(things=things, images=images)


def known_roles(store: Store, items: Iterable[Item]) -> dict[str, What]:
    """The parts that files have played, by their sha256: as the inputs of what has been made say."""
    roles: dict[str, What] = {}
    for kind, inputs in _all_inputs(store, items):
        roles |= roles_in(kind, inputs)
    return roles


def _all_inputs(store: Store, items: Iterable[Item]) -> Iterator[tuple[str, dict[str, object]]]:
    for item in items:
        if item.part is Part.LATEST:
            yield item.kind, read_json(item.path) or {}
        elif item.part is Part.RESULT and item.kind in (Kind.MODULES, Kind.USERSPACE):
            inputs = (read_json(item.path / RESULT) or {}).get("inputs")
            yield item.kind, inputs if isinstance(inputs, dict) else {}
