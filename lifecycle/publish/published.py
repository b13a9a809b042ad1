"""What the registry has of a project: for whoever refers to images there. No engine is asked."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial

from lifecycle.config.component import Image
from lifecycle.planning.locked_project import LockedProject
from lifecycle.planning.matrix import Combination
from lifecycle.planning.tags import immutable_tag
from lifecycle.planning.targets import Targets
from lifecycle.publish.published_image import Published
from lifecycle.tools.labels import LABEL_DIGEST
from lifecycle.tools.registry.login import login_for
from lifecycle.tools.registry.registry import Registry

# More than that are first looked for in the list of all tags, which is one request, or a few.
_FEW = 8
_AT_A_TIME = 8


def open_registry(
    image: Image, environ: Mapping[str, str], labels: Mapping[str, Mapping[str, str]] | None = None
) -> Registry:
    """The registry that images go to, as whoever the environment or Docker's configuration says; to be closed.

    `labels` are those of images that are known already, by their ids. Raises CredentialHelperError.
    """
    return Registry(image.registry, login_for(image.registry, environ), labels=labels)


def published_images(
    project: LockedProject,
    combinations: Sequence[Combination],
    environ: Mapping[str, str],
    labels: Mapping[str, Mapping[str, str]] | None = None,
) -> dict[Combination, Published | None]:
    """The image in the registry of each combination as the project declares it now; None where there is none.

    Looked up by its immutable tag: of more than a few only those that the registry lists, and some at a time. `labels` are those of
    images that the engine has, by their ids. Raises RegistryRefusedError, CredentialHelperError.
    """
    targets, image = Targets(project), project.component.image
    wanted = {c: targets.image(c).digest for c in combinations}
    with closing(open_registry(image, environ, labels)) as registry, ThreadPoolExecutor(_AT_A_TIME) as pool:
        # Before anything else: it finds out once for all how the registry is spoken to, and as whom.
        listed = {*registry.tags(image.repository)} if len(wanted) > _FEW else None
        asked = [c for c, inputs in wanted.items() if listed is None or immutable_tag(c, inputs) in listed]
        inputs = [wanted[c] for c in asked]
        found = (map if listed is None else pool.map)(partial(_published, registry, image), asked, inputs)
        return {**dict.fromkeys(wanted), **dict(zip(asked, found, strict=True))}


def _published(registry: Registry, image: Image, combination: Combination, inputs: str) -> Published | None:
    tag = immutable_tag(combination, inputs)
    found = registry.image(image.repository, tag)
    if found is None or found.labels.get(LABEL_DIGEST) != inputs:
        return None
    return Published(
        combination=combination.id,
        reference=f"{image.registry}/{image.repository}@{found.digest}",
        tag=tag,
        digest=found.digest,
        size=found.size,
        inputs=inputs,
    )
