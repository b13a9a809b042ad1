"""The SBOMs of a published image as files of a release. They are those of its signed statements, and verified."""

import json
import re

from lifecycle.app.session import Session
from lifecycle.attest.command import declared_keys, require_verified, verify_published
from lifecycle.attest.statements import CYCLONEDX, SPDX, Statement
from lifecycle.publish.published import PublishedImage
from lifecycle.tools.forge.releases import Asset

# The ends of the files' names. Sources: SPDX specification 2.3, "Standard data format requirements"; cyclonedx.org/specification,
# "Recognized file patterns".
_ENDINGS = {SPDX: "spdx.json", CYCLONEDX: "cdx.json"}
_UNVERIFIED = (
    "A release has SBOMs of verified images only. Run `invoke push`, which signs what this machine has built and tested, and "
    "`invoke release` again."
)
# A character that a forge would replace in the name of a file. Source: docs.github.com/rest/releases/assets.
_UNSAFE = re.compile(r"[^A-Za-z0-9.-]")


def read_sboms(session: Session, image: PublishedImage) -> tuple[Asset, ...]:
    """Return the SBOMs of a published image, if everything that is said of it is verified.

    Raises NotVerifiedError, NoKeyDeclaredError, ImageNotFoundError, RegistryRefusedError, PemError.
    """
    verified = verify_published(session, image.reference, declared_keys(session))
    require_verified(image.reference, verified, resolution=_UNVERIFIED)
    found = {statement.predicate_type: statement for statement in verified.statements}
    return tuple(sbom_file(image.combination, found[kind]) for kind in _ENDINGS)


def sbom_file(combination: str, statement: Statement) -> Asset:
    """Return the SBOM of a combination, by its identifier, as a file: the same bytes for the same statement."""
    content = json.dumps(statement.predicate, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    return Asset(name=f"{file_name(combination)}.{_ENDINGS[statement.predicate_type]}", content=content.encode())


def file_name(combination: str) -> str:
    """Return the identifier of a combination as the name of a file: `debian-13_6.12.118-deb13-cloud-amd64_550.163.01`."""
    return "_".join(_UNSAFE.sub("-", part) for part in combination.split("/"))
