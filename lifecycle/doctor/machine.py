"""Disk and memory, here and where the engine is, against what a build of the declared matrix needs."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lifecycle.app.output import format_size, plural
from lifecycle.app.session import Session
from lifecycle.doctor.engine import facts_of
from lifecycle.doctor.finding import Finding, Subject
from lifecycle.planning.project import Project

_DISK, _MEMORY = Subject("disk"), Subject("memory")
# Bytes for a first build, measured for four combinations of two releases (`invoke cache.show`, `docker system df`): 1.6 GB in the
# cache and 1.4 GB in the engine. The fixed part includes the unfinished files of the targets that are made at a time.
_CACHE, _CACHE_EACH = 1_500_000_000, 250_000_000
_ENGINE, _ENGINE_RELEASE, _ENGINE_EACH = 800_000_000, 300_000_000, 200_000_000
# With less, the next step may already fail.
_LEAST = 1_000_000_000
# Bytes: less for compilers and for the guests of `nox -s test_node`. The first number allows for what the kernel keeps for itself.
_ENOUGH_MEMORY, _LEAST_MEMORY = int(3.6 * 2**30), 1 << 30
_CGROUP = Path("/sys/fs/cgroup/memory.max")


@dataclass(frozen=True, kw_only=True)
class Room:
    """The room for something: the folder of its data, the bytes that are free there, and those that a first build needs."""

    what: str
    folder: Path
    free: int
    needed: int


def check_disk(session: Session, project: Project) -> Iterator[Finding]:
    """Yield the free space for the cache, and for the data of an engine on this machine."""
    combinations, releases = _matrix(project)
    cache = _existing(session.cache.root)
    needed = _CACHE + combinations * _CACHE_EACH
    yield room_finding(Room(what="the cache", folder=cache, free=free_bytes(cache), needed=needed), combinations)
    facts, remote = facts_of(session)
    root = Path(facts.root)
    needed = _ENGINE + releases * _ENGINE_RELEASE + combinations * _ENGINE_EACH
    if remote or not facts.root or not _is_visible(root):
        yield _DISK.skipped(
            f"the engine keeps its data at {facts.root or 'an unknown place'} on {facts.machine or 'its machine'}, "
            f"where {format_size(needed)} should be free"
        )
        return
    yield room_finding(Room(what="the engine", folder=root, free=free_bytes(root), needed=needed), combinations)


def _matrix(project: Project) -> tuple[int, int]:
    """Return the number of declared combinations, before exclusions, and of releases."""
    context = project.component.context
    return len(context.releases) * len(context.driver_version) * len(context.architecture), len(context.releases)


def _existing(folder: Path) -> Path:
    """Return the folder, or the first one above it that exists."""
    return next((path for path in (folder, *folder.parents) if path.exists()), Path("/"))


def _is_visible(folder: Path) -> bool:
    try:
        os.statvfs(folder)
    except OSError:
        return False
    return True


def free_bytes(folder: Path) -> int:
    """Return the bytes that this user may still write in a folder's file system."""
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


def room_finding(room: Room, combinations: int) -> Finding:
    """Return whether there is enough room for a first build of so many combinations."""
    text = f"{format_size(room.free)} free for {room.what} at {room.folder}"
    need = f"a first build of {plural(combinations, 'combination')} needs about {format_size(room.needed)} there"
    if room.free >= room.needed:
        return _DISK.ok(text)
    remedy = "Free some space: `invoke cache.prune`, `invoke prune`; or use another disk"
    way = "--cache-dir" if room.what == "the cache" else "data-root in /etc/docker/daemon.json"
    make = _DISK.error if room.free < _LEAST else _DISK.warning
    return make(f"only {text}, and {need}", f"{remedy} ({way}).")


def check_memory(session: Session) -> Iterator[Finding]:
    """Yield the memory of this machine, and that of an engine on another one."""
    yield memory_finding("this machine", machine_memory(_CGROUP))
    facts, remote = facts_of(session)
    if remote:
        yield memory_finding(f"the engine's machine, {facts.machine},", facts.memory)


def machine_memory(limit: Path) -> int:
    """Return the bytes of memory that this process may use: the machine's, or a lower limit in a file of its control group."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    text = limit.read_text().strip() if limit.exists() else ""
    return min(total, int(text)) if text.isdigit() else total


def memory_finding(where: str, memory: int) -> Finding:
    """Return whether some bytes of memory are enough."""
    text = f"{where} has {format_size(memory)}"
    if memory >= _ENOUGH_MEMORY:
        return _MEMORY.ok(text)
    make = _MEMORY.error if memory < _LEAST_MEMORY else _MEMORY.warning
    return make(
        f"{text}, and builds and booted kernels want 4 GB",
        "Give it more memory, or use a larger machine's engine (--engine); with less, fewer files compile at a time.",
    )
