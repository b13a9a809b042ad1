"""Lookup of a project's images in its registry, for code that refers to them. Needs no engine."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from functools import partial

from lifecycle.config.component import Image
from lifecycle.planning.locked_project import LockedProject
from lifecycle.planning.matrix import Combination
from lifecycle.planning.tags import immutable_tag
from lifecycle.planning.targets import Targets
from lifecycle.tools.labels import LABEL_DIGEST
from lifecycle.tools.registry.client import Registry
from lifecycle.tools.registry.credentials import login_for

# For more combinations than this, list all tags first: that takes a few requests at most.
_MAX_SINGLE_LOOKUPS = 8
_MAX_PARALLEL_LOOKUPS = 8


@dataclass(frozen=True, kw_only=True)
class PublishedImage:
    """A combination's image in the registry.

    `reference` is `registry/repository@sha256:…`, `tag` the immutable tag, `digest` the manifest's digest (`sha256:…`), `size` the
    bytes of the layers as the registry stores them, and `inputs` the digest of the image's inputs.
    """

    combination: str
    reference: str
    tag: str
    digest: str
    size: int
    inputs: str


def open_registry(
    image: Image, environ: Mapping[str, str], labels: Mapping[str, Mapping[str, str]] | None = None
) -> Registry:
    """Return the registry of the installer images, to be closed by the caller.

    The login comes from the environment or Docker's configuration. `labels` are those of known images, by image ID.
    """
    return Registry(image.registry, login_for(image.registry, environ), labels=labels)


def published_images(
    project: LockedProject,
    combinations: Sequence[Combination],
    environ: Mapping[str, str],
    labels: Mapping[str, Mapping[str, str]] | None = None,
) -> dict[Combination, PublishedImage | None]:
    """Return each combination's image in the registry, or None if the registry lacks it.

    Images are looked up by their immutable tags. `labels` are those of images in the engine, by image ID: they save requests.
    Raises RegistryRefusedError, CredentialHelperError, DockerConfigError.
    """
    targets, image = Targets(project), project.component.image
    digests = {c: targets.image(c).digest for c in combinations}
    with closing(open_registry(image, environ, labels)) as registry, ThreadPoolExecutor(_MAX_PARALLEL_LOOKUPS) as pool:
        # This comes first because it settles the scheme and the login once, before several threads use them.
        listed = {*registry.tags(image.repository)} if len(digests) > _MAX_SINGLE_LOOKUPS else None
        candidates = [c for c, inputs in digests.items() if listed is None or immutable_tag(c, inputs) in listed]
        inputs = [digests[c] for c in candidates]
        found = (map if listed is None else pool.map)(partial(_find_image, registry, image), candidates, inputs)
        return {**dict.fromkeys(digests), **dict(zip(candidates, found, strict=True))}


def _find_image(registry: Registry, image: Image, combination: Combination, inputs: str) -> PublishedImage | None:
    tag = immutable_tag(combination, inputs)
    found = registry.image(image.repository, tag)
    if found is None or found.labels.get(LABEL_DIGEST) != inputs:
        return None
    return PublishedImage(
        combination=combination.id,
        reference=f"{image.registry}/{image.repository}@{found.digest}",
        tag=tag,
        digest=found.digest,
        size=found.size,
        inputs=inputs,
    )
