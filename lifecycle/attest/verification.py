"""Verification of what is said of an image in a registry: who signed it, and whether the statements agree. Needs no engine."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from lifecycle.attest.cosign_format import BadSignatureError, signed_image
from lifecycle.attest.dsse import PAYLOAD_TYPE, Envelope
from lifecycle.attest.key import PublicKey, TrustedKeys
from lifecycle.attest.predicates import MODELS, BootProof, CombinationPredicate, Reproduction, SymbolProof
from lifecycle.attest.statements import (
    CYCLONEDX,
    PROVENANCE,
    REPRODUCTION,
    SPDX,
    SYMBOL_PROOF,
    TESTS,
    TITLES,
    Statement,
    read_statement,
)
from lifecycle.attest.storage import Signature
from lifecycle.errors import InstallerError
from lifecycle.tools.labels import LABEL_COMBINATION, LABEL_DIGEST, LABEL_DRIVER, LABEL_KERNEL
from lifecycle.tools.problems import first_problem
from lifecycle.tools.registry.client import RemoteImage

REQUIRED = (SPDX, CYCLONEDX, PROVENANCE, SYMBOL_PROOF, TESTS)


@dataclass(frozen=True, kw_only=True)
class Verification:
    """The result for one image: the statements that are signed by their keys and about this image, and problems as sentences."""

    image: RemoteImage
    statements: tuple[Statement, ...]
    problems: tuple[str, ...]


def verify_image(
    image: RemoteImage, signatures: Sequence[Signature], envelopes: Sequence[Envelope], keys: TrustedKeys
) -> Verification:
    """Return what is verified of an image. The statements that count are those that their keys have signed."""
    statements, foreign, problems = [], [], list(_signature_problems(image, signatures, keys.first))
    for envelope in envelopes:
        try:
            if statement := _verified(image, envelope, keys):
                statements.append(statement)
        except ForeignStatementError as error:
            foreign.append(error)
        except InstallerError as error:
            problems.append(error.brief)
    found = {statement.predicate_type: statement.predicate for statement in statements}
    # Anybody who may push can add a statement. Beside a verified one of its type it changes nothing.
    problems += [error.brief for error in foreign if error.statement.predicate_type not in found]
    required = (*REQUIRED, REPRODUCTION) if keys.second else REQUIRED
    problems += [f"the {TITLES[kind]} is missing" for kind in required if kind not in found]
    problems += disagreements(image, found)
    return Verification(image=image, statements=tuple(statements), problems=tuple(problems))


def is_reproduced(image: RemoteImage, envelopes: Sequence[Envelope], keys: TrustedKeys) -> bool:
    """Return whether the second builder has signed that it made the same image, or none is declared."""
    if keys.second is None:
        return True
    found = verify_image(image, [], envelopes, keys).statements
    return any(
        one.predicate_type == REPRODUCTION and not disagreements(image, {REPRODUCTION: one.predicate}) for one in found
    )


class RefusedStatementError(InstallerError):
    """A statement that does not count."""


class ForeignStatementError(RefusedStatementError):
    """A statement that is not signed with the key for its type."""

    def __init__(self, statement: Statement, key: PublicKey) -> None:
        super().__init__(f"the {statement.title} is not signed with the key {key.fingerprint[:12]}")
        self.statement = statement


def _signature_problems(image: RemoteImage, signatures: Sequence[Signature], key: PublicKey) -> Iterator[str]:
    if not signatures:
        yield "the image is not signed"
        return
    by_key = [entry for entry in signatures if key.verifies(entry.payload, entry.signature)]
    if not by_key:
        yield f"the image is signed, but not with the key {key.fingerprint[:12]}"
        return
    try:
        subjects = {signed_image(entry.payload) for entry in by_key}
    except BadSignatureError as error:
        yield f"its signature cannot be read: {error.brief}"
        return
    if image.digest not in subjects:
        yield f"its signature is that of another image: {', '.join(sorted(subjects))}"


def _verified(image: RemoteImage, envelope: Envelope, keys: TrustedKeys) -> Statement | None:
    """Return the statement in an envelope, or None for that of a second builder if none is declared.

    Raises RefusedStatementError, BadStatementError.
    """
    statement = read_statement(envelope.payload)
    key = keys.second if statement.predicate_type == REPRODUCTION else keys.first
    if key is None:
        return None
    if envelope.payload_type != PAYLOAD_TYPE:
        raise RefusedStatementError(f"the {statement.title} is of the unknown type {envelope.payload_type}")
    if not any(key.verifies(envelope.signed, signature) for signature in envelope.signatures):
        raise ForeignStatementError(statement, key)
    if statement.subject != image.digest:
        raise RefusedStatementError(f"the {statement.title} is about another image: {statement.subject}")
    return statement


def disagreements(image: RemoteImage, predicates: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return a sentence for each predicate, by its type, that does not agree with the image or is not in its documented form."""
    problems: list[str] = []
    for kind, model in MODELS.items():
        if kind in predicates:
            problems += [f"the {TITLES[kind]} {problem}" for problem in _problems_of(image, model, predicates[kind])]
    if PROVENANCE in predicates:
        problems += [f"the provenance {problem}" for problem in _provenance_problems(image, predicates[PROVENANCE])]
    if SPDX in predicates and predicates[SPDX].get("name") != image.labels.get(LABEL_COMBINATION):
        problems.append(f"the {TITLES[SPDX]} is that of {predicates[SPDX].get('name')}")
    if SPDX in predicates and CYCLONEDX in predicates:
        problems += _sbom_problems(predicates[SPDX], predicates[CYCLONEDX])
    return problems


def _problems_of(image: RemoteImage, model: type[CombinationPredicate], predicate: Mapping[str, Any]) -> Iterator[str]:
    try:
        read = model.model_validate(predicate)
    except ValidationError as error:
        yield f"is not in its documented form: {first_problem(error)}"
        return
    if read.combination != image.labels.get(LABEL_COMBINATION):
        yield f"is that of {read.combination}"
    if isinstance(read, SymbolProof | BootProof) and read.kernel_release != image.labels.get(LABEL_KERNEL):
        yield f"is for the kernel {read.kernel_release}"
    if isinstance(read, Reproduction) and read.image_id != image.id:
        yield f"is that of the image {read.image_id}"
    if isinstance(read, SymbolProof):
        if read.driver_version != image.labels.get(LABEL_DRIVER):
            yield f"is for the driver {read.driver_version}"
        yield from (
            f"has a module with symbols that do not fit: {module.module}"
            for module in read.modules
            if module.matching_symbols != module.kernel_symbols
        )


def _provenance_problems(image: RemoteImage, predicate: Mapping[str, Any]) -> Iterator[str]:
    definition = predicate.get("buildDefinition") or {}
    internal = definition.get("internalParameters") or {}
    external = definition.get("externalParameters") or {}
    expected: list[tuple[str, object, object]] = [
        ("combination", external.get("combination"), image.labels.get(LABEL_COMBINATION)),
        ("digest of the inputs", internal.get("inputsDigest"), image.labels.get(LABEL_DIGEST)),
        ("image id", internal.get("imageId"), image.id),
    ]
    for what, found, wanted in expected:
        if found != wanted:
            yield f"has another {what}: {found}"


def _sbom_problems(spdx: Mapping[str, Any], cyclonedx: Mapping[str, Any]) -> Iterator[str]:
    """Yield the differences of the two SBOMs, by the package URLs of their components."""
    one = {
        reference.get("referenceLocator")
        for package in spdx.get("packages", [])
        for reference in package.get("externalRefs", [])
    }
    other = {component.get("purl") for component in cyclonedx.get("components", [])} - {None}
    for purl in sorted(map(str, one ^ other)):
        yield f"two SBOMs differ: only one has {purl}"
