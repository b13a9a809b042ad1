"""The table of contents of `invoke`: every task, in the groups that `invoke --list` shows."""

from invoke.collection import Collection

from lifecycle.app.program import adopt
from lifecycle.cli import build, cleanup, cluster, matrix, release, rollout, versions

GROUPS = {
    "look": (
        *(matrix.matrix, matrix.changed, matrix.explain, matrix.status, matrix.advisories),
        *(matrix.report, matrix.doctor),
    ),
    "build": (
        *(build.build, build.fetch, build.compile_, build.package, build.image),
        *(build.verify, build.bundle, build.mirror),
    ),
    "versions": (
        *(versions.outdated, versions.radar, versions.update, versions.add_release),
        *(versions.add_driver, versions.promote, versions.retire),
    ),
    "publish": (release.push, release.attest, release.reproduce),
    "release": (release.release, release.bump_gitops, release.bump_pools),
    "cluster": (cluster.coverage, cluster.rehearse, cluster.manifests, rollout.start, rollout.status),
    "cleanup": (cleanup.prune, cleanup.cache_show, cleanup.cache_prune, cleanup.cache_verify),
}

_FAMILIES = (cleanup.cache, rollout.rollout)
_IN_FAMILIES = [task for family in _FAMILIES for task in family.tasks.values()]

ns = Collection(*(task for group in GROUPS.values() for task in group if task not in _IN_FAMILIES), *_FAMILIES)
adopt(GROUPS)
