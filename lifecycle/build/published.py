"""What the registry has of a project: for whoever refers to images there. No engine is asked."""

from collections.abc import Iterable, Mapping
from contextlib import closing

from lifecycle.model.component import Image
from lifecycle.model.matrix import Combination
from lifecycle.model.project import Project
from lifecycle.model.published import Published
from lifecycle.model.tags import immutable_tag
from lifecycle.model.targets import Targets
from lifecycle.tools.labels import LABEL_DIGEST
from lifecycle.tools.login import login_for
from lifecycle.tools.registry import Registry


def open_registry(image: Image, environ: Mapping[str, str]) -> Registry:
    """The registry that images go to, as whoever the environment or Docker's configuration says; to be closed.

    Raises CredentialHelperError.
    """
    return Registry(image.registry, login_for(image.registry, environ))


def published_images(
    project: Project, combinations: Iterable[Combination], environ: Mapping[str, str]
) -> dict[Combination, Published | None]:
    """The image in the registry of each combination as the project declares it now; None where there is none.

    Looked up by its immutable tag. Raises RegistryRefusedError, CredentialHelperError.
    """
    targets = Targets(project)
    with closing(open_registry(project.component.image, environ)) as registry:
        return {c: _published(registry, project.component.image, c, targets.image(c).digest) for c in combinations}


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
