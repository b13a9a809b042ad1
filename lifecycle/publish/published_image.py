"""What is known of an image that is in the registry. Pure data, for whoever refers to it there."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Published:
    """A combination's image in the registry.

    `reference` is `registry/repository@sha256:…`, `tag` the one that never moves, `digest` the manifest's (`sha256:…`), `size`
    the bytes of the layers as they are kept there, `inputs` the digest of the image's inputs.
    """

    combination: str
    reference: str
    tag: str
    digest: str
    size: int
    inputs: str
