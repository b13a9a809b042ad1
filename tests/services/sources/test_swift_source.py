"""Packages from a real OpenStack Swift."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from lifecycle.cache.cache import Cache
from lifecycle.sources.download import CorruptDownloadError, DownloadRequest, download_all
from lifecycle.sources.swift import ContainerNotFoundError, SwiftRequestError, SwiftSession
from lifecycle.sources.swift_login import CredentialsMissingError
from lifecycle.tools.digest import sha256_of
from tests.support.builders.apt_archive import Archive
from tests.support.checkouts.source_checkout import HEADERS, KERNEL, SourceCheckout, make_source_checkout
from tests.support.servers.faulty_proxy import FaultyProxy, faulty_proxy
from tests.support.servers.keystone_server import Keystone
from tests.support.servers.swift_cluster import PAGE, SwiftCluster

PREFIX = "1592.9/"
SOURCE = json.dumps({"kind": "swift", "container": "gardenlinux-packages", "prefix": "{version}/"})


def upload(session: SwiftSession, container: str, debs: list[Path], **options: int) -> None:
    for deb in debs:
        session.upload(container, f"{PREFIX}{deb.name}", deb, sha256_of(deb), **options)


@pytest.fixture(scope="session")
def debs(garden: Archive) -> list[Path]:
    """Return the paths of all packages except the metapackage, which is never copied."""
    return sorted(deb for deb in (garden.folder / "pool").iterdir() if not deb.name.startswith("linux-headers-cloud"))


@pytest.fixture(scope="session")
def filled(swift: SwiftCluster, debs: list[Path]) -> SwiftCluster:
    """Upload the packages to a container that also has a package of another version, and return the cluster."""
    session = SwiftSession(swift.environ)
    upload(session, "gardenlinux-packages", debs)
    session.upload("gardenlinux-packages", "1592.8/other.deb", debs[0], sha256_of(debs[0]))
    return swift


@pytest.fixture
def checkout(filled: SwiftCluster, tmp_path: Path) -> SourceCheckout:
    return make_source_checkout(tmp_path, SOURCE, environ=filled.environ)


@pytest.fixture
def proxy(swift: SwiftCluster) -> Iterator[FaultyProxy]:
    with faulty_proxy(swift.port) as made:
        yield made


def test_a_listing_of_several_pages_is_whole(filled: SwiftCluster, debs: list[Path]) -> None:
    listed = SwiftSession(filled.environ).list_objects("gardenlinux-packages", PREFIX)

    assert [entry.name for entry in listed] == [f"{PREFIX}{deb.name}" for deb in debs]
    assert len(listed) > 2 * PAGE


def test_a_release_is_resolved_downloaded_and_locked(checkout: SourceCheckout, debs: list[Path]) -> None:
    project = checkout.resolve()
    checkout.empty_cache()
    checkout.download(project)
    kernel = project.lock.kernels["gardenlinux-1592.9/amd64"]

    assert kernel.release == KERNEL
    assert [file.name for file in kernel.headers] == HEADERS
    assert kernel.headers[0].origin == f"swift:gardenlinux-packages/{PREFIX}linux-headers-{KERNEL}_6.6.71-1_amd64.deb"
    by_name = {deb.name: deb for deb in debs}
    for file in project.lock.files():
        assert checkout.session().cache.blob(file.sha256).read_bytes() == by_name[file.file_name].read_bytes()


def test_a_locked_build_needs_no_listing(checkout: SourceCheckout) -> None:
    checkout.download(checkout.resolve())
    nobody = SourceCheckout(checkout.root, checkout.cache, {})

    assert nobody.download(nobody.resolve(locked=True), locked=True).downloaded_files == 0


@pytest.mark.parametrize("how", ["password", "application credential"])
def test_keystone_lets_us_in(keystone: Keystone, debs: list[Path], tmp_path: Path, how: str) -> None:
    upload(SwiftSession(keystone.password_environ), "gardenlinux-packages", debs)
    environ = keystone.password_environ if how == "password" else keystone.application_environ()
    project = make_source_checkout(tmp_path, SOURCE, environ=environ).resolve()

    assert project.lock.kernels["gardenlinux-1592.9/amd64"].release == KERNEL


def test_a_token_that_is_there_already_is_taken(filled: SwiftCluster) -> None:
    address = SwiftSession(filled.environ).address("gardenlinux-packages", "x")
    environ = {
        "OS_STORAGE_URL": address.uri.rpartition("/gardenlinux-packages")[0],
        "OS_AUTH_TOKEN": SwiftSession(filled.environ).headers(renew=False)["X-Auth-Token"],
    }

    assert len(SwiftSession(environ).list_objects("gardenlinux-packages", PREFIX)) > PAGE


def test_an_object_that_rotted_in_the_cluster_is_thrown_away(
    swift: SwiftCluster, debs: list[Path], tmp_path: Path
) -> None:
    before = set(swift.files_of_objects())
    upload(SwiftSession(swift.environ), "rotten", debs)
    for path in set(swift.files_of_objects()) - before:
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(bytes(content))
    checkout = make_source_checkout(tmp_path, SOURCE.replace("gardenlinux-packages", "rotten"), environ=swift.environ)
    with pytest.raises(CorruptDownloadError, match="does not match the checksum of its source"):
        checkout.resolve()

    assert list((checkout.cache / "blobs").glob("*")) == []


def test_a_token_that_expired_is_renewed(checkout: SourceCheckout, filled: SwiftCluster) -> None:
    project = checkout.resolve()
    checkout.empty_cache()
    session = checkout.session()
    session.sources.locations.swift.headers(renew=False)
    filled.forget_tokens()
    fetched = session.build_service().fetch(project, lambda p: p.matrix.combinations, locked=True)

    assert fetched.downloaded_files > 0


def requests(checkout: SourceCheckout) -> list[DownloadRequest]:
    session = checkout.session()
    return [
        DownloadRequest(file=file, address=session.sources.locations.address(file.origin))
        for file in checkout.resolve().lock.kernels["gardenlinux-1592.9/amd64"].headers
    ]


def test_a_cluster_that_answers_503_is_asked_again(checkout: SourceCheckout, filled: SwiftCluster) -> None:
    wanted = requests(checkout)
    checkout.empty_cache()
    server = filled.servers["object"]
    server.stop()
    waits: list[float] = []
    one_at_a_time = threading.Lock()

    def wait(seconds: float) -> None:
        with one_at_a_time:
            waits.append(seconds)
            if len(waits) == 1:
                filled.start("object")

    download_all(wanted, Cache(checkout.cache), advance=lambda _: None, wait=wait)
    assert waits


def test_a_body_that_was_cut_is_taken_up_where_it_ended(
    checkout: SourceCheckout, filled: SwiftCluster, proxy: FaultyProxy
) -> None:
    proxied = SourceCheckout(
        checkout.root, checkout.cache, {**filled.environ, "ST_AUTH": f"http://127.0.0.1:{proxy.port}/auth/v1.0"}
    )
    wanted = requests(proxied)
    assert f":{proxy.port}/" in wanted[0].address.uri
    checkout.empty_cache()
    proxy.script, proxy.cut_after = ["cut"] * len(wanted), 900
    download_all(wanted, Cache(checkout.cache), advance=lambda _: None, wait=lambda _: None)

    assert proxy.met.count("cut") == len(wanted)
    assert all(Cache(checkout.cache).has_blob(request.file.sha256) for request in wanted)


@pytest.mark.parametrize(
    ("environ", "code", "sentence"),
    [
        ({}, 2, "Swift: no credentials in the environment: set ST_AUTH, ST_USER and ST_KEY"),
        ({"ST_KEY": ""}, 2, "Swift: ST_KEY is not set"),
        ({"ST_KEY": "wrong"}, 1, "Swift: cannot list the container 'gardenlinux-packages'"),
        ({"ST_AUTH": "http://127.0.0.1:1/auth/v1.0"}, 1, "Swift: cannot list the container 'gardenlinux-packages'"),
    ],
)
def test_bad_credentials_are_one_clear_message(
    checkout: SourceCheckout, filled: SwiftCluster, environ: dict[str, str], code: int, sentence: str
) -> None:
    done = SourceCheckout(checkout.root, checkout.cache, {**(filled.environ if environ else {}), **environ}).invoke(
        "fetch"
    )

    assert (done.returncode, "Traceback" in done.stderr) == (code, False)
    assert sentence in done.stderr
    assert checkout.kept() == []


def test_a_password_is_in_no_message(checkout: SourceCheckout, filled: SwiftCluster) -> None:
    done = SourceCheckout(checkout.root, checkout.cache, {**filled.environ, "ST_KEY": "geheim-4711"}).invoke("fetch")

    assert done.returncode == 1
    assert "geheim-4711" not in done.stdout + done.stderr


def test_a_container_that_is_not_there_is_named(swift: SwiftCluster, tmp_path: Path) -> None:
    done = make_source_checkout(tmp_path, "{kind: swift, container: nobodys}", environ=swift.environ).invoke("fetch")

    assert done.returncode == 2
    assert "Swift: there is no container 'nobodys' in this account" in done.stderr


def test_a_version_that_the_container_lacks_is_named(filled: SwiftCluster, tmp_path: Path) -> None:
    source = json.dumps({"kind": "swift", "container": "gardenlinux-packages", "prefix": "9{version}/"})
    done = make_source_checkout(tmp_path, source, environ=filled.environ).invoke("fetch")

    assert done.returncode == 2
    assert "does not carry linux-headers-cloud-amd64" in done.stderr


def test_errors_have_their_types(swift: SwiftCluster) -> None:
    with pytest.raises(ContainerNotFoundError):
        SwiftSession(swift.environ).list_objects("nobodys", "")
    with pytest.raises(CredentialsMissingError):
        SwiftSession({"OS_AUTH_URL": "http://127.0.0.1:1"}).list_objects("nobodys", "")
    with pytest.raises(SwiftRequestError):
        SwiftSession({**swift.environ, "ST_KEY": "wrong"}).list_objects("nobodys", "")
