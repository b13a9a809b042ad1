"""In-toto statements: what somebody says of an image, named by the digest of its manifest.

Source: in-toto Attestation Framework, "Statement layer specification", v1.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, Field, ValidationError

from lifecycle.errors import InstallerError
from lifecycle.tools.problems import first_problem

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
# The types of the predicates. Those of the SBOMs are cosign's names for them (sigstore/cosign, specs/COSIGN_PREDICATE_SPEC.md).
SPDX = "https://spdx.dev/Document"
CYCLONEDX = "https://cyclonedx.org/bom"
PROVENANCE = "https://slsa.dev/provenance/v1"
SYMBOL_PROOF = "urn:nvidia-installer:symbol-proof:v1"
BOOT_PROOF = "urn:nvidia-installer:boot-proof:v1"
TESTS = "urn:nvidia-installer:tests:v1"
REPRODUCTION = "urn:nvidia-installer:reproduction:v1"
# The short names of predicate types, for people.
TITLES: Mapping[str, str] = {
    SPDX: "sbom (SPDX)",
    CYCLONEDX: "sbom (CycloneDX)",
    PROVENANCE: "provenance",
    SYMBOL_PROOF: "symbol proof",
    BOOT_PROOF: "boot proof",
    TESTS: "test record",
    REPRODUCTION: "reproduction",
}


class BadStatementError(InstallerError):
    """A document that is not an in-toto statement."""

    def __init__(self, why: str) -> None:
        super().__init__(f"it is not an in-toto statement: {why}")


class _Subject(BaseModel):
    name: str = ""
    digest: dict[str, str]


class _Document(BaseModel):
    # The older type is that of statements by cosign 2 (in-toto Attestation Framework, v0.1).
    type: Literal["https://in-toto.io/Statement/v1", "https://in-toto.io/Statement/v0.1"] = Field(alias="_type")
    subject: list[_Subject] = Field(min_length=1)
    predicate_type: str = Field(alias="predicateType")
    predicate: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Statement:
    """A statement about an image.

    `subject` is the digest of the image's manifest (`sha256:…`), `name` its repository (`registry/repository`), and `predicate`
    JSON of the type.
    """

    name: str
    subject: str
    predicate_type: str
    predicate: Mapping[str, Any]

    @property
    def title(self) -> str:
        """The short name of the predicate's type."""
        return TITLES.get(self.predicate_type, self.predicate_type)

    def to_json(self) -> bytes:
        """Return the statement as JSON: the same bytes for the same content."""
        algorithm, _, value = self.subject.partition(":")
        content = {
            "_type": STATEMENT_TYPE,
            "subject": [{"name": self.name, "digest": {algorithm: value}}],
            "predicateType": self.predicate_type,
            "predicate": self.predicate,
        }
        return json.dumps(content, separators=(",", ":"), sort_keys=True, ensure_ascii=False).encode()


def read_statement(content: bytes) -> Statement:
    """Return the statement in a JSON document. Raises BadStatementError, also if it is about several subjects."""
    try:
        read = _Document.model_validate_json(content)
    except ValidationError as error:
        raise BadStatementError(first_problem(error)) from error
    subject = read.subject[0]
    if len(read.subject) > 1 or "sha256" not in subject.digest:
        raise BadStatementError("it does not have one subject with a sha256")
    return Statement(
        name=subject.name,
        subject=f"sha256:{subject.digest['sha256']}",
        predicate_type=read.predicate_type,
        predicate=read.predicate,
    )
