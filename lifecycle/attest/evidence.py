"""The statements about an image of this checkout: its SBOMs, its provenance, and the proofs that this machine has of it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from lifecycle.app.session import Session
from lifecycle.attest.contents import read_contents
from lifecycle.attest.cyclonedx import cyclonedx_document
from lifecycle.attest.inventory import MANIFEST, ImageName, components_of
from lifecycle.attest.packages import is_package_record
from lifecycle.attest.predicates import MODELS, InputFile, ModuleSymbols, SymbolProof
from lifecycle.attest.provenance import Source, provenance
from lifecycle.attest.spdx import spdx_document
from lifecycle.attest.statements import (
    BOOT_PROOF,
    CYCLONEDX,
    PROVENANCE,
    SPDX,
    SYMBOL_PROOF,
    TESTS,
    TITLES,
    Statement,
)
from lifecycle.cache.cache import BOOTED, TESTED
from lifecycle.cache.evidence import read_evidence
from lifecycle.commands.verify import Proof, ProofFailedError, Prover, sentences
from lifecycle.config.lock import LockedFile
from lifecycle.config.schema import ModuleType
from lifecycle.planning.matrix import Combination
from lifecycle.planning.targets import Targets
from lifecycle.tools.checkout import Checkout, NotARepositoryError
from lifecycle.tools.digest import sha256_of
from lifecycle.tools.engine.engine import LocalImage
from lifecycle.tools.problems import first_problem

_SOURCE_FILES = ("component.yaml", "image_versions", "versions.lock")


def source_of(session: Session) -> Source:
    """Return the commit of the checkout, and the files that declare what is built.

    There is no commit outside a git repository, or with uncommitted changes; a warning says so.
    """
    checkout, files = Checkout(session.root), {name: sha256_of(session.root / name) for name in _SOURCE_FILES}
    try:
        if checkout.changed():
            session.progress.warn("the provenance names no commit, because the checkout has uncommitted changes")
            return Source(repository="", commit="", files=files)
        address = checkout.public_address() if checkout.has_remote() else ""
        return Source(repository=address, commit=checkout.commit() or "", files=files)
    except NotARepositoryError:
        session.progress.warn("the provenance names no commit, because this is not a git repository")
        return Source(repository="", commit="", files=files)


class EvidenceCollector:
    """The collector of statements about images in the engine. `name` is their repository (`registry/repository`)."""

    def __init__(self, session: Session, name: str, builder: str) -> None:
        self._session, self._name, self._builder = session, name, builder
        self._project = session.locked_project
        self._source = source_of(session)

    def statements(self, combination: Combination, image: LocalImage, digest: str) -> list[Statement]:
        """Return the statements about a combination's image, whose manifest in the registry has a digest (`sha256:…`).

        Raises ProofFailedError if a module's symbols do not fit its kernel.
        """
        predicates = dict(self._predicates(combination, image, digest))
        return [
            Statement(name=self._name, subject=digest, predicate_type=kind, predicate=predicate)
            for kind, predicate in predicates.items()
        ]

    def _predicates(
        self, combination: Combination, image: LocalImage, digest: str
    ) -> Iterator[tuple[str, Mapping[str, Any]]]:
        cache = self._session.cache
        with cache.scratch("sbom") as folder:
            self._session.engine.save(image.id, folder / "image.tar")
            contents = read_contents(folder / "image.tar", lambda path: path == MANIFEST or is_package_record(path))
        components = components_of(self._project, combination, contents)
        name = ImageName(combination=combination.id, reference=f"{self._name}@{digest}", digest=digest)
        yield SPDX, spdx_document(name, components)
        yield CYCLONEDX, cyclonedx_document(name, components)
        yield PROVENANCE, provenance(self._project, combination, image.id, self._source, self._builder)
        yield SYMBOL_PROOF, self._symbol_proof(combination, image)
        for kind, section in ((TESTS, TESTED), (BOOT_PROOF, BOOTED)):
            recorded = read_evidence(cache, section, image.id)
            if recorded and self._is_valid(kind, recorded, combination):
                yield kind, recorded

    def _is_valid(self, kind: str, recorded: Mapping[str, Any], combination: Combination) -> bool:
        """Return whether recorded evidence is in its documented form. An older version has recorded less."""
        try:
            MODELS[kind].model_validate(recorded)
        except ValidationError as error:
            self._session.progress.warn(
                f"{combination.id}: the {TITLES[kind]} is left out, because it is not complete: run the tests again "
                f"({first_problem(error)})"
            )
            return False
        return True

    def _symbol_proof(self, combination: Combination, image: LocalImage) -> Mapping[str, Any]:
        targets = Targets(self._project)
        images = {targets.image(combination).digest: image}
        proofs = Prover(self._session, targets, images).prove([combination])
        if problems := sentences(proofs):
            raise ProofFailedError(problems)
        headers = self._project.lock.kernel_for(combination).headers
        return symbol_proof(combination, headers, proofs).model_dump(mode="json", by_alias=True, exclude_none=True)


def symbol_proof(combination: Combination, headers: Sequence[LockedFile], proofs: Sequence[Proof]) -> SymbolProof:
    """Return the predicate for the proofs of a combination's module types."""
    return SymbolProof(
        combination=combination.id,
        kernel_release=combination.kernel,
        architecture=combination.architecture,
        driver_version=combination.driver,
        headers=tuple(InputFile(name=file.name, version=file.version, sha256=file.sha256) for file in headers),
        modules=tuple(
            ModuleSymbols(
                module_type=ModuleType(proof.module_type),
                module=report.module.name,
                vermagic=report.module.vermagic,
                kernel_symbols=report.kernel_symbols,
                matching_symbols=report.matching,
                sibling_symbols=report.sibling_symbols,
                signer=report.signature.signer if report.signature else None,
            )
            for proof in proofs
            for report in proof.modules
        ),
    )
