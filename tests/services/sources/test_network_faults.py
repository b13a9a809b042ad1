"""A network that drops, delays and cuts: a download ends right or says why, and the cache never holds a bad file."""

import shutil
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lifecycle.cache.cache import Cache
from lifecycle.config.lock import LockedFile
from lifecycle.sources.download import DownloadError, DownloadRequest, download_all
from lifecycle.sources.transfer import ATTEMPTS, Address
from lifecycle.tools.digest import sha256_of
from tests.support.servers.faulty_proxy import FaultyProxy, faulty_proxy
from tests.support.servers.web_server import Web


def request_of(web: Web, proxy: FaultyProxy) -> DownloadRequest:
    path = max((web.folder / "pool").iterdir(), key=lambda p: p.stat().st_size)
    file = LockedFile(name="p", version="1", origin=f"A/{path.name}", size=path.stat().st_size, sha256=sha256_of(path))
    return DownloadRequest(file=file, address=Address(uri=f"http://127.0.0.1:{proxy.port}/pool/{path.name}"))


def failure_of(request: DownloadRequest, cache: Cache) -> str:
    """Return the error message of a download, or an empty string if the download succeeded."""
    try:
        download_all([request], cache, advance=lambda _: None, wait=lambda _: None)
    except DownloadError as error:
        return str(error)
    return ""


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(script=st.lists(st.sampled_from(["drop", "cut", "none"]), max_size=ATTEMPTS + 2), after=st.integers(1, 30_000))
def test_whatever_happens_the_cache_holds_the_file_or_none(
    web: Web, tmp_path: Path, script: list[str], after: int
) -> None:
    shutil.rmtree(tmp_path / "cache", ignore_errors=True)
    cache = Cache(tmp_path / "cache")
    with faulty_proxy(web.port) as proxy:
        request = request_of(web, proxy)
        proxy.script, proxy.cut_after = list(script), after
        failed = failure_of(request, cache)

        if failed:
            assert len(proxy.met) == ATTEMPTS
            assert "could not be downloaded" in failed
        assert cache.blob(request.file.sha256).exists() is not bool(failed)
        assert all(sha256_of(blob) == blob.name for blob in (cache.root / "blobs").glob("*"))


def test_an_answer_that_is_late_arrives(web: Web, tmp_path: Path) -> None:
    with faulty_proxy(web.port) as proxy:
        proxy.script = ["hold"]
        request = request_of(web, proxy)
        cache = Cache(tmp_path / "cache")
        late = threading.Timer(0.5, proxy.release.set)
        late.start()
        download_all([request], cache, advance=lambda _: None)
        late.join()

        assert proxy.met == ["hold"]
        assert cache.has_blob(request.file.sha256)


def test_a_network_that_drops_everything_says_so(web: Web, tmp_path: Path) -> None:
    with faulty_proxy(web.port) as proxy:
        proxy.script = ["drop"] * ATTEMPTS
        with pytest.raises(DownloadError, match=r"RemoteProtocolError|ReadError"):
            download_all([request_of(web, proxy)], Cache(tmp_path / "c"), advance=lambda _: None, wait=lambda _: None)
