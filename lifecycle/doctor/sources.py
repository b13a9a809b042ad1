"""The sources besides APT archives: folders, OpenStack Swift, and servers with drivers, packages or bulletins."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

from lifecycle.config.component import Component
from lifecycle.config.sources.driver_sources import RedistributableDriver, RunfileDriver
from lifecycle.config.sources.package_sources import DirectorySource, SwiftSource
from lifecycle.doctor.archives import sources_in_use
from lifecycle.doctor.finding import Finding, Subject
from lifecycle.errors import UsageError
from lifecycle.planning.project import Project
from lifecycle.sources.locations import is_url
from lifecycle.sources.swift import SWIFT, SwiftSession
from lifecycle.tools.network.client import REQUEST_ERRORS, open_client

_SOURCES, _SWIFT = Subject("sources"), Subject("swift")
_SECONDS, _AT_ONCE = 5.0, 4
_REMEDY = (
    "Correct the address, the proxy or NO_PROXY; for a certificate of your own authority, name its file in SSL_CERT_FILE "
    "(docs/how-to/proxies-and-certificates.md)."
)


def check_sources(project: Project) -> Iterator[Finding]:
    """Yield whether the folders that component.yaml names exist, and whether its servers answer."""
    component = project.component
    folders = [source.path for source in sources_in_use(component) if isinstance(source, DirectorySource)]
    for name in folders:
        path = project.root / name
        if path.is_dir():
            yield _SOURCES.ok(f"{path} exists")
        else:
            yield _SOURCES.error(f"the folder {path} does not exist", "Create it, or correct `path` in component.yaml.")
    servers = list(dict.fromkeys(map(server_of, filter(is_url, driver_locations(component)))))
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        yield from pool.map(_answers, servers)
    if not folders and not servers:
        yield _SOURCES.skipped("component.yaml declares no folder and no web server besides archives")


def driver_locations(component: Component) -> list[str]:
    """Return the locations of the drivers in use and of the bulletins: addresses, paths, and objects in Swift."""
    found = []
    for version in component.context.driver_version:
        match component.driver_source_of(version):
            case RunfileDriver() as source:
                found += [place for place in (source.url, source.versions, source.fabric_manager) if place]
            case RedistributableDriver() as source:
                found += [source.url, source.page]
    return [*found, component.advisories.source] if component.advisories else found


def server_of(address: str) -> str:
    """Return the root of the server of an address, which may contain placeholders."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}/"


def _answers(server: str) -> Finding:
    """Return whether a server answers at all: what it has at its root does not count."""
    try:
        with open_client(timeout=_SECONDS, policy=None) as client:
            client.head(server, follow_redirects=False)
    except REQUEST_ERRORS as error:
        return _SOURCES.error(f"{server} does not answer: {error or type(error).__name__}", _REMEDY)
    except UsageError as error:
        return _SOURCES.failure(error)
    return _SOURCES.ok(f"{server} answers")


def check_swift(project: Project, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Yield whether this machine can sign in to Swift. Raises CredentialsMissingError, SwiftRequestError."""
    component = project.component
    containers = [source.container for source in sources_in_use(component) if isinstance(source, SwiftSource)]
    objects = [place for place in driver_locations(component) if place.startswith(SWIFT)]
    if not containers and not objects:
        yield _SWIFT.skipped("component.yaml declares no source in OpenStack Swift")
        return
    SwiftSession(environ).headers(renew=False)
    yield _SWIFT.ok("signed in with the credentials in the environment")
