"""What a cluster gets that is to build the matrix: a Job whose pods each build a shard. `invoke manifests --build`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from lifecycle.app.session import Session
from lifecycle.commands.ci_matrix import TwoOutputsError
from lifecycle.config.store import STORE_VARIABLE, RemoteCacheConfig, store_in_use
from lifecycle.errors import UsageError
from lifecycle.kubernetes.manifests import hand_out, values_in, written
from lifecycle.planning.selector import select
from lifecycle.release.release_plan import checked_version, tag_name
from lifecycle.tools.checkout import Checkout, CheckoutError, UnknownRevisionError
from lifecycle.tools.helm import render

CHART = Path("k8s/build-job")
NAMESPACE = "nvidia-installer-build"


class NowhereToFetchError(UsageError):
    """A checkout that pods cannot fetch from anywhere."""

    def __init__(self, why: str) -> None:
        super().__init__(f"--build: {why}: name `repository` and `revision` in a file with --values")


class NothingSharedError(UsageError):
    """Pods that would keep to themselves what they compile."""

    def __init__(self) -> None:
        super().__init__(
            "--build: there is no `store` that pods could share what they compile through: declare one in component.yaml "
            "(docs/how-to/remote-cache.md), or name `store.place` in a file with --values"
        )


# ----- pure


def place_of(store: RemoteCacheConfig | None) -> dict[str, Any]:
    """The chart's values for a store; raises NothingSharedError where there is none."""
    if store is None:
        raise NothingSharedError
    return {"place": f"{store.registry}/{store.repository}", "mode": str(store.mode)}


def fetched_from(address: str) -> str:
    """A remote's address as pods are told it, without the password in it; raises NowhereToFetchError for a path."""
    parts = urlsplit(address)
    if parts.scheme == "https":
        return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    if parts.scheme == "ssh" or (not parts.scheme and "@" in address.partition(":")[0] and ":" in address):
        return address
    raise NowhereToFetchError(f"no pod reaches the remote {address!r}, neither https:// nor SSH")


# ----- effects


def show_build_job(session: Session, only: str, *, release: str, diff: bool, output: str, values: str) -> None:
    """Print, or write into a folder, the Job for the commit that is checked out, or that of a release.

    Raises TwoOutputsError, NothingSelectedError, BadValuesFileError, NowhereToFetchError, NothingSharedError,
    UnknownRevisionError, and what `render` raises.
    """
    if diff:
        raise TwoOutputsError(["--build", "--diff"])
    if only:
        select(session.locked_project.matrix, only)
    more = values_in(values)
    name = f"{session.project.component.short_name}-build"
    objects = render(session.root / CHART, job_values(session, only, release, more), name=name, namespace=NAMESPACE)
    hand_out(session, written(objects), output)


def job_values(session: Session, only: str, release: str, more: Mapping[str, Any]) -> dict[str, Any]:
    """What this checkout says, and over it what a file does."""
    store = more.get("store") or {}
    found: dict[str, Any] = {"only": only, **more}
    if isinstance(store, Mapping) and not store.get("place"):
        # How this machine uses it, be it not at all, is no matter of the pods'.
        named = {STORE_VARIABLE: session.environ.get(STORE_VARIABLE, "")}
        found["store"] = {**place_of(store_in_use(session.project.component.store, named)), **store}
    checkout = Checkout(session.root)
    if not more.get("revision"):
        found["revision"] = _revision(session, checkout, release)
    if not more.get("repository"):
        try:
            found["repository"] = fetched_from(checkout.remote_address())
        except CheckoutError as error:
            raise NowhereToFetchError(f"this checkout has no remote {checkout.remote!r} to fetch from") from error
    return found


def _revision(session: Session, checkout: Checkout, release: str) -> str:
    """The commit to build; warns of what is not in it, and of one that the remote may not have."""
    if release:
        tag = tag_name(checked_version(release))
        commit = checkout.commit(tag)
        if commit is None:
            raise UnknownRevisionError(tag, "no such tag", option="--release")
        return commit
    commit = checkout.commit()
    if commit is None:
        raise NowhereToFetchError("nothing is committed here")
    if changed := len(checkout.changed()):
        session.progress.warn(f"the pods build {commit[:12]}, without what is not committed here (files: {changed})")
    if not checkout.is_pushed(commit):
        session.progress.warn(
            f"no branch of {checkout.remote} has {commit[:12]}, as far as is known here: push it first"
        )
    return commit
