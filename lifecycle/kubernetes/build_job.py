"""`invoke manifests --build`: the Job that builds the matrix on a cluster, one shard per pod."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from lifecycle.app.session import Session
from lifecycle.commands.ci_matrix import TwoOutputsError
from lifecycle.config.store import STORE_VARIABLE, RemoteCacheConfig, store_in_use
from lifecycle.errors import UsageError
from lifecycle.kubernetes.manifests import read_values_file, to_files, write_output
from lifecycle.planning.selector import select
from lifecycle.release.release_plan import checked_version, tag_name
from lifecycle.tools.checkout import Checkout, CheckoutError, UnknownRevisionError
from lifecycle.tools.helm import render

CHART = Path("k8s/build-job")
NAMESPACE = "nvidia-installer-build"


class NoRemoteForPodsError(UsageError):
    """A checkout that pods cannot fetch from a remote."""

    def __init__(self, why: str) -> None:
        super().__init__(f"--build: {why}: name `repository` and `revision` in a file with --values")


class RemoteCacheRequiredError(UsageError):
    """A Job without a remote cache, so that its pods could not share results."""

    def __init__(self) -> None:
        super().__init__(
            "--build: the pods need a remote cache to share results: declare `store` in component.yaml "
            "(docs/how-to/remote-cache.md), or name `store.place` in a file with --values"
        )


# ----- pure


def store_values(store: RemoteCacheConfig | None) -> dict[str, Any]:
    """Return the chart's values for the remote cache. Raises RemoteCacheRequiredError if there is none."""
    if store is None:
        raise RemoteCacheRequiredError
    return {"place": f"{store.registry}/{store.repository}", "mode": str(store.mode)}


def fetch_address(address: str) -> str:
    """Return a remote's address for the pods, without a password. Raises NoRemoteForPodsError for a path."""
    parts = urlsplit(address)
    if parts.scheme == "https":
        return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    if parts.scheme == "ssh" or (not parts.scheme and "@" in address.partition(":")[0] and ":" in address):
        return address
    raise NoRemoteForPodsError(f"pods cannot reach the remote {address!r}, which is neither https:// nor SSH")


# ----- effects


def show_build_job(session: Session, only: str, *, release: str, diff: bool, output: str, values: str) -> None:
    """Print the Job for HEAD or for a release, or write it into a folder.

    Raises TwoOutputsError, NothingSelectedError, BadValuesFileError, NoRemoteForPodsError, RemoteCacheRequiredError,
    UnknownRevisionError, and what `render` raises.
    """
    if diff:
        raise TwoOutputsError(["--build", "--diff"])
    if only:
        select(session.locked_project.matrix, only)
    more = read_values_file(values)
    name = f"{session.project.component.short_name}-build"
    objects = render(session.root / CHART, job_values(session, only, release, more), name=name, namespace=NAMESPACE)
    write_output(session, to_files(objects), output)


def job_values(session: Session, only: str, release: str, more: Mapping[str, Any]) -> dict[str, Any]:
    """Return the chart's values: from this checkout, overridden by those of a file (`more`).

    Raises NoRemoteForPodsError, UnknownRevisionError, RemoteCacheRequiredError.
    """
    store = more.get("store") or {}
    found: dict[str, Any] = {"only": only, **more}
    if isinstance(store, Mapping) and not store.get("place"):
        # The mode of this machine does not apply to the pods.
        named = {STORE_VARIABLE: session.environ.get(STORE_VARIABLE, "")}
        found["store"] = {**store_values(store_in_use(session.project.component.store, named)), **store}
    checkout = Checkout(session.root)
    if not more.get("revision"):
        found["revision"] = _revision(session, checkout, release)
    if not more.get("repository"):
        try:
            found["repository"] = fetch_address(checkout.remote_address())
        except CheckoutError as error:
            raise NoRemoteForPodsError(f"this checkout has no remote {checkout.remote!r} to fetch from") from error
    return found


def _revision(session: Session, checkout: Checkout, release: str) -> str:
    """Return the commit to build. Warn of uncommitted changes, and of a commit that the remote may lack."""
    if release:
        tag = tag_name(checked_version(release, "--release"))
        commit = checkout.commit(tag)
        if commit is None:
            raise UnknownRevisionError(tag, "no such tag", option="--release")
        return commit
    commit = checkout.commit()
    if commit is None:
        raise NoRemoteForPodsError("this checkout has no commit")
    if changed := len(checkout.changed()):
        session.progress.warn(f"the pods build {commit[:12]}, without uncommitted changes (files: {changed})")
    if not checkout.is_pushed(commit):
        session.progress.warn(f"no fetched branch of {checkout.remote} has {commit[:12]}: push it first")
    return commit
