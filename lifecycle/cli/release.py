"""Tasks that bring tested images to clusters."""

from invoke.context import Context

from lifecycle.app.task import CACHE, JSON, ONLY, open_session, task

_SHOWN = "show the difference and push nothing"


@task(
    help={
        "only": ONLY,
        "untested": "push images without passed tests too",
        "dry-run": "show what would be pushed or refused and push nothing",
        "json": JSON,
        "cache-dir": CACHE,
    },
    example="invoke push --only current --dry-run",
)
def push(
    _: Context, only: str = "", untested: bool = False, dry_run: bool = False, json: bool = False, cache_dir: str = ""
) -> str | None:
    """Push the images whose tests passed to the registry.

    Writes their digests to build/published.json.
    """
    from lifecycle.publish.push_command import show_push

    return show_push(open_session(cache_dir), only, untested=untested, dry_run=dry_run, as_json=json)


@task(
    positional=["show"],
    help={"show": "the image, as registry/repository:tag or registry/repository@sha256:…", "json": JSON},
    example="invoke attest --show ghcr.io/example/nvidia-installer:535-debian-12",
    next_step="invoke verify --published REFERENCE",
)
def attest(_: Context, show: str, json: bool = False) -> None:
    """Show the signed statements about an image in a registry.

    `attest` in component.yaml names the key. With --json, the statements are printed in full.
    """
    from lifecycle.attest.command import show_statements

    show_statements(open_session(), show, as_json=json)


@task(
    positional=["image"],
    help={
        "image": "the image, as registry/repository:tag or registry/repository@sha256:…",
        "sign": "sign the result as the second builder (`attest.secondBuilder`)",
        "json": JSON,
        "cache-dir": CACHE,
    },
    example="invoke reproduce ghcr.io/example/nvidia-installer:535-debian-12",
)
def reproduce(_: Context, image: str, sign: bool = False, json: bool = False, cache_dir: str = "") -> str:
    """Build a pushed image again from its provenance; compare.

    Builds everything with the code and the declarations of its commit. Ends with exit code 1 if another image results. With
    --sign, stores a signed statement beside the image, so that `invoke push` may move its tags.
    """
    from lifecycle.attest.reproduce import show_reproduction

    return show_reproduction(open_session(cache_dir), image, sign=sign, as_json=json)


@task(
    help={
        "component": "name of the component (default: component.yaml's)",
        "version": "version, such as 1.2.0 (default: component.yaml's, if not released yet)",
        "dry-run": "print the plan and do nothing",
        "json": JSON,
        "cache-dir": CACHE,
    },
    example="invoke release --version 1.2.0 --dry-run",
    next_step="invoke status",
)
def release(
    _: Context, component: str = "", version: str = "", dry_run: bool = False, json: bool = False, cache_dir: str = ""
) -> None:
    """Release: version, tag, images, notes and GitOps.

    After an interruption the same command continues with the step that is missing.
    """
    from lifecycle.release.release import show_release

    show_release(open_session(cache_dir), component=component, version=version, dry_run=dry_run, as_json=json)


@task(
    name="bump-gitops",
    help={
        "only": ONLY,
        "create": "create a missing values file as a copy of the next older release's",
        "dry-run": _SHOWN,
        "json": JSON,
        "cache-dir": CACHE,
    },
    example="invoke bump-gitops --dry-run",
)
def bump_gitops(
    _: Context, only: str = "", create: bool = False, dry_run: bool = False, json: bool = False, cache_dir: str = ""
) -> None:
    """Write the pushed images' digests into the GitOps repository.

    Makes one commit, and a pull request where component.yaml's gitops says so.
    """
    from lifecycle.gitops.bump_values import show_bump

    show_bump(open_session(cache_dir), only, create=create, dry_run=dry_run, as_json=json)


@task(
    name="bump-pools",
    help={
        "only": "the combination that new nodes run (default: as gitops.pools says)",
        "retire": "remove the pools whose successor runs it",
        "dry-run": _SHOWN,
        "json": JSON,
        "cache-dir": CACHE,
    },
    example="invoke bump-pools --only current/580",
)
def bump_pools(
    _: Context, only: str = "", retire: bool = False, dry_run: bool = False, json: bool = False, cache_dir: str = ""
) -> None:
    """Declare node pools for a new OS release or driver in GitOps.

    The new pool's name counts up, such as infer-s-v1 to infer-s-v2. The old pools stay until --retire.
    """
    from lifecycle.gitops.bump_pools import show_pools

    show_pools(open_session(cache_dir), only=only, retiring=retire, dry_run=dry_run, as_json=json)
