"""A survey of the cache, and of builder and base images in the engine, with the decision on each item."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from lifecycle.app.session import Session
from lifecycle.cache.cache import Cache, read_json
from lifecycle.cache.inventory import CacheSection, Item, list_items
from lifecycle.cache.last_used import used
from lifecycle.cache.required import needs_of
from lifecycle.cache.results import RESULT
from lifecycle.cleanup.cache_plan import CacheDecision, plan
from lifecycle.cleanup.engine_plan import BUILD_IMAGES, BuildImage, plan_images
from lifecycle.cleanup.retention import Age, Decision, ItemKind, roles_in, roles_of
from lifecycle.planning.targets import Kind
from lifecycle.tools.engine.errors import EngineUnreachableError


@dataclass(frozen=True, kw_only=True)
class CacheSurvey:
    """The decisions on all items; `images` is None if the engine does not answer."""

    items: list[CacheDecision]
    images: list[Decision[BuildImage]] | None


def survey(session: Session, older_than: Age | None = None) -> CacheSurvey:
    """Decide on all items by the matrix of this checkout.

    Raises NotLockedError if versions.lock is stale, since it is then unknown what is needed. An engine that does not answer only
    causes a warning.
    """
    project = session.locked_project
    needs, now = needs_of(project), time.time()
    items = list_items(session.cache, now)
    roles = {**known_roles(session.cache, items), **roles_of(project.lock)}
    decisions = plan(items, needs, roles, now=now, older_than=older_than)
    try:
        images = plan_images(
            session.engine.images_named(BUILD_IMAGES),
            needs.images,
            used(session.cache),
            in_use=session.engine.images_in_use(),
            now=now,
            older_than=older_than,
        )
    except EngineUnreachableError as error:
        session.progress.warn(f"{error.brief}: its images are left out")
        return CacheSurvey(items=decisions, images=None)
    return CacheSurvey(items=decisions, images=images)


def known_roles(cache: Cache, items: Iterable[Item]) -> dict[str, ItemKind]:
    """Return the kinds of files by their sha256, from the inputs of results in the cache."""
    roles: dict[str, ItemKind] = {}
    for kind, inputs in _all_inputs(cache, items):
        roles |= roles_in(kind, inputs)
    return roles


def _all_inputs(cache: Cache, items: Iterable[Item]) -> Iterator[tuple[str, dict[str, object]]]:
    for item in items:
        if item.part is CacheSection.LATEST:
            yield item.kind, read_json(item.path) or {}
        elif item.part is CacheSection.RESULT and item.kind in (Kind.MODULES, Kind.USERSPACE):
            inputs = (read_json(item.path / RESULT) or {}).get("inputs")
            yield item.kind, inputs if isinstance(inputs, dict) else {}
