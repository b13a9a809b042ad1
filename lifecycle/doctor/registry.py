"""The registries of the images and of the remote cache: reach, login, and the right to push by an upload that is not completed."""

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass

from lifecycle.config.store import Mode, store_in_use
from lifecycle.doctor.finding import Finding, Subject
from lifecycle.errors import InstallerError
from lifecycle.planning.project import Project
from lifecycle.tools.registry.client import Registry
from lifecycle.tools.registry.credentials import docker_login, login_for
from lifecycle.tools.registry.errors import RegistryRefusedError, is_absent
from lifecycle.tools.registry.login import Login
from lifecycle.tools.registry.session import is_loopback

_REGISTRY, _CACHE = Subject("registry"), Subject("remote cache")
_SECONDS = 5
# No image has it, so that nothing is read but the answer.
_TAG = "doctor-looks-for-no-image"


@dataclass(frozen=True, kw_only=True)
class Place:
    """A repository of a registry, the login for it, and whether this machine pushes there. `without` is what works without it."""

    subject: Subject
    host: str
    repository: str
    login: Login | None
    pushes: bool
    without: str

    def __str__(self) -> str:
        return f"{self.host}/{self.repository}"


def check_registry(project: Project, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Yield the state of the registry of the images."""
    image = project.component.image
    login = login_for(image.registry, environ)
    yield examine_place(
        Place(
            subject=_REGISTRY,
            host=image.registry,
            repository=image.repository,
            login=login,
            pushes=True,
            without="`invoke build` needs none",
        )
    )


def check_remote_cache(project: Project, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Yield the state of the remote cache, if one is in use. Raises StoreVariableError."""
    store = store_in_use(project.component.store, environ)
    if store is None:
        yield _CACHE.skipped("component.yaml has no `store`")
        return
    # The password in the environment is that of the images' registry.
    find = login_for if store.registry == project.component.image.registry else docker_login
    yield examine_place(
        Place(
            subject=_CACHE,
            host=store.registry,
            repository=store.repository,
            login=find(store.registry, environ),
            pushes=store.mode is Mode.READ_WRITE,
            without="a build continues without it",
        )
    )


def examine_place(place: Place) -> Finding:
    """Return whether this machine may read a repository, and push to it if it does."""
    with closing(Registry(place.host, place.login, timeout=_SECONDS, patience=0)) as registry:
        try:
            registry.has(place.repository, _TAG)
        except RegistryRefusedError as error:
            return _unreadable(place, error)
        try:
            refusal = registry.upload_error(place.repository) if place.pushes else ""
        except InstallerError as error:
            refusal = f"{error.brief} {error.details.strip()}"
    login = _login_text(place.login)
    if refusal:
        return place.subject.warning(
            f"{place} may be read but not pushed to, {login}: {refusal}",
            f"Log in as a user who may push (`docker login {place.host}`, or INVOKE_REGISTRY_USERNAME and "
            "INVOKE_REGISTRY_PASSWORD), or ask for the right.",
        )
    return place.subject.ok(f"{place}: may be read{' and pushed to' if place.pushes else ''}, {login}")


def _unreadable(place: Place, error: RegistryRefusedError) -> Finding:
    if is_loopback(place.host) and is_absent(error.details):
        return place.subject.warning(
            f"nothing answers as a registry at {place.host}; {place.without}",
            "Start one before `invoke push`, or name another registry in component.yaml.",
        )
    return place.subject.failure(error)


def _login_text(login: Login | None) -> str:
    if login is None:
        return "without a login"
    if login.error:
        return f"without a login ({login.error.brief})"
    return f"as {login.username}" if login.username else "with a token"
