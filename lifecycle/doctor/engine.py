"""The container engine: whether it answers, its version and machine, and its proxies."""

import getpass
import os
import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from lifecycle.app.session import Session
from lifecycle.doctor.finding import Finding, Subject
from lifecycle.planning.project import Project
from lifecycle.tools.engine.connection import EngineConnection
from lifecycle.tools.engine.errors import EngineUnreachableError
from lifecycle.tools.engine.facts import EngineFacts, engine_facts
from lifecycle.tools.network.no_proxy import is_direct
from lifecycle.tools.network.settings import network_settings
from lifecycle.tools.registry.session import is_loopback

_ENGINE = Subject("engine")
_PROXY = Subject("engine proxy")
# Debian 12's. The tests run with it and with newer ones.
_OLDEST = (20, 10)
_REFUSED = "permission denied"


def facts_of(session: Session) -> tuple[EngineFacts, bool]:
    """Return the facts of the session's engine, and whether it is on another machine. Raises what the engine raises."""
    engine = EngineConnection(session.environ)
    return engine_facts(engine), is_remote(engine.address.url)


def is_remote(url: str) -> bool:
    """Return whether an engine's address is that of another machine."""
    parts = urlsplit(url)
    return parts.scheme != "unix" and not is_direct(parts.hostname or "", 0, ())


def check_engine(session: Session) -> Iterator[Finding]:
    """Yield whether the engine answers, and whether its version is one that is tested."""
    engine = EngineConnection(session.environ)
    try:
        facts = engine_facts(engine)
    except EngineUnreachableError as error:
        yield refusal(error)
        return
    where = f"{engine.address}{f' on another machine, {facts.machine}' if is_remote(engine.address.url) else ''}"
    if _numbers(facts.version) < _OLDEST:
        yield _ENGINE.warning(
            f"{where} has version {facts.version}, which is older than the tested ones",
            f"Update it to {'.'.join(map(str, _OLDEST))} or newer.",
        )
        return
    yield _ENGINE.ok(f"{where}: version {facts.version}, {facts.system}, {facts.architecture}, {facts.cpus} cores")


def refusal(error: EngineUnreachableError) -> Finding:
    """Return the finding of an engine that does not answer, or not to this user."""
    if _REFUSED not in error.details.lower():
        return _ENGINE.failure(error)
    user = getpass.getuser() if os.environ.get("USER") or os.getuid() == 0 else str(os.getuid())
    return _ENGINE.error(
        f"{error.brief}: it refuses this user, {user}",
        f"Run `sudo usermod -aG docker {user}`, then log in again.",
    )


def check_engine_fits(session: Session, project: Project) -> Iterator[Finding]:
    """Yield what does not fit together: the architectures, the place of the registry, and the proxies of both."""
    facts, remote = facts_of(session)
    wanted = project.build_architecture
    if facts.architecture != str(wanted):
        yield _ENGINE.error(
            f"the engine runs {facts.architecture}, and component.yaml builds on {wanted}",
            f"Name an engine on {wanted} (--engine, DOCKER_HOST), or declare {facts.architecture} first in context.architecture.",
        )
    host = project.component.image.registry
    if remote and is_loopback(host):
        yield _ENGINE.warning(
            f"images are pushed from the engine's machine, {facts.machine}, where {host} is another registry than here",
            "Name a registry that both machines reach in component.yaml, or use the engine of this machine.",
        )
    yield from proxy_findings(session, facts, host)


def proxy_findings(session: Session, facts: EngineFacts, registry: str) -> Iterator[Finding]:
    """Yield whether the engine reaches the registry in the same way as this process: both pull and push there."""
    scheme = "http" if is_loopback(registry) else "https"
    address = urlsplit(f"{scheme}://{registry}")
    host, port = address.hostname or "", address.port or 443
    ours = network_settings(session.environ).proxy_for(f"{scheme}://{registry}")
    theirs = facts.proxy_for(host, port, scheme)
    if ours and not theirs:
        yield _PROXY.warning(
            f"this process reaches {registry} through {ours}, and the engine reaches it without a proxy",
            "Give the engine the same proxy (docs/how-to/proxies-and-certificates.md), or name the registry in NO_PROXY here.",
        )
    elif theirs and not ours:
        yield _PROXY.warning(
            f"the engine reaches {registry} through {theirs}, and this process reaches it without a proxy",
            "Name the registry in the engine's NO_PROXY, or set the same proxy here.",
        )
    else:
        yield _PROXY.ok(f"{registry} through {theirs}" if theirs else f"{registry} without a proxy, as from here")


def _numbers(version: str) -> tuple[int, ...]:
    """Return the first two numbers of a version; one that has none is taken for new."""
    found = re.match(r"(\d+)\.(\d+)", version)
    return tuple(map(int, found.groups())) if found else _OLDEST
