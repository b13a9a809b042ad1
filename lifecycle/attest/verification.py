"""Verification of what is said of an image in a registry: who signed it, and whether the statements agree. Needs no engine."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from lifecycle.attest.cosign_format import BadSignatureError, signed_image
from lifecycle.attest.dsse import PAYLOAD_TYPE, Envelope
from lifecycle.attest.key import PublicKey
from lifecycle.attest.predicates import MODELS, BootProof, CombinationPredicate, SymbolProof
from lifecycle.attest.statements import (
    CYCLONEDX,
    PROVENANCE,
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
    """The result for one image: the statements that are signed by the key and about this image, and problems as sentences."""

    image: RemoteImage
    statements: tuple[Statement, ...]
    problems: tuple[str, ...]


def verify_image(
    image: RemoteImage, signatures: Sequence[Signature], envelopes: Sequence[Envelope], key: PublicKey
) -> Verification:
    """Return what is verified of an image. The statements that count are those that the key has signed."""
    statements, problems = [], list(_signature_problems(image, signatures, key))
    for envelope in envelopes:
        try:
            statements.append(_verified(image, envelope, key))
        except InstallerError as error:
            problems.append(error.brief)
    found = {statement.predicate_type: statement.predicate for statement in statements}
    problems += [f"the {TITLES[kind]} is missing" for kind in REQUIRED if kind not in found]
    problems += disagreements(image, found)
    return Verification(image=image, statements=tuple(statements), problems=tuple(problems))


class RefusedStatementError(InstallerError):
    """A statement that does not count."""


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


def _verified(image: RemoteImage, envelope: Envelope, key: PublicKey) -> Statement:
    """Return the statement in an envelope. Raises RefusedStatementError, BadStatementError."""
    statement = read_statement(envelope.payload)
    if envelope.payload_type != PAYLOAD_TYPE:
        raise RefusedStatementError(f"the {statement.title} is of the unknown type {envelope.payload_type}")
    if not any(key.verifies(envelope.signed, signature) for signature in envelope.signatures):
        raise RefusedStatementError(f"the {statement.title} is not signed with the key {key.fingerprint[:12]}")
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
