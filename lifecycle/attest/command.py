"""Signing of pushed images, `invoke attest --show` and `invoke verify --published`."""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass

from lifecycle.app import output
from lifecycle.app.session import Session
from lifecycle.attest.attester import Attester
from lifecycle.attest.evidence import EvidenceCollector
from lifecycle.attest.key import PrivateKey, TrustedKeys, first_keys, trusted_keys
from lifecycle.attest.storage import SignatureStore
from lifecycle.attest.verification import Verification, verify_image
from lifecycle.config.security import Attest
from lifecycle.errors import InstallerError, UsageError
from lifecycle.planning.matrix import Combination
from lifecycle.planning.project import COMPONENT
from lifecycle.tools.engine.engine import LocalImage
from lifecycle.tools.registry.client import Registry, RemoteImage
from lifecycle.tools.registry.credentials import login_for
from lifecycle.tools.registry.manifest import Descriptor

Attestation = Callable[[Combination, LocalImage, RemoteImage], None]


class NoKeyDeclaredError(UsageError):
    """A component.yaml without `attest`."""

    def __init__(self) -> None:
        super().__init__("component.yaml has no `attest`, so no key is known: add it (docs/how-to/attest.md)")


class ImageNotFoundError(InstallerError):
    """A reference that names no image in the registry."""

    def __init__(self, reference: str) -> None:
        super().__init__(f"{reference} is not in the registry", resolution="Correct the tag or digest.")


class NotVerifiedError(InstallerError):
    """An image of which something is missing, foreign or contradictory, one sentence each."""

    def __init__(self, reference: str, problems: Sequence[str], *, resolution: str = "") -> None:
        details = "\n".join(f"  {line}" for line in problems)
        super().__init__(f"{reference} is not verified", details=details, resolution=resolution)


@dataclass(frozen=True)
class Reference:
    """A reference to an image: `registry/repository:tag` or `registry/repository@sha256:…`."""

    registry: str
    repository: str
    name: str

    @classmethod
    def parse(cls, text: str) -> "Reference":
        """Return the reference in a text. Raises UsageError."""
        registry, slash, rest = text.partition("/")
        repository, at, name = rest.partition("@")
        if not at:
            repository, _, name = rest.rpartition(":")
        if not slash or not repository or not name:
            raise UsageError(
                f"{text!r} is no reference: write registry/repository:tag, or registry/repository@sha256:…"
            )
        return cls(registry, repository, name)


def open_attester(session: Session, registry: Registry, repository: str) -> Attester | None:
    """Return the signer of a repository, or None without `attest`. Raises PemError."""
    image, attest = session.project.component.image, session.project.component.attest
    if attest is None:
        return None
    key = first_keys(session.root / COMPONENT, attest, session.environ).private()
    return attester_of(session, registry, f"{image.registry}/{repository}", key)


def attester_of(session: Session, registry: Registry, name: str, key: PrivateKey) -> Attester:
    """Return the signer of a repository, `name` (`registry/repository`), with a key."""
    store = SignatureStore(registry=registry, repository=name.partition("/")[2])
    return Attester(name=name, key=key, store=store, warn=session.progress.warn)


def attest_function(session: Session, registry: Registry) -> Attestation:
    """Return the function that signs a pushed image and the statements about it. Raises PemError, before anything is pushed.

    Without `attest` the function does nothing, and a warning says so.
    """
    image, attest = session.project.component.image, session.project.component.attest
    attester = open_attester(session, registry, image.repository)
    if attest is None or attester is None:
        session.progress.warn("the images are not signed: component.yaml has no `attest` (docs/how-to/attest.md)")
        return lambda combination, image, remote: None
    collector = EvidenceCollector(session, attester.name, attest.builder)

    def sign(combination: Combination, local: LocalImage, remote: RemoteImage) -> None:
        with session.progress.step(f"sign {combination.id}"):
            statements = collector.statements(combination, local, remote.digest)
            attester.attest(descriptor_of(registry, image.repository, remote.digest), statements)

    return sign


def descriptor_of(registry: Registry, repository: str, digest: str) -> Descriptor:
    """Return the descriptor of a manifest in a registry. Raises ImageNotFoundError, RegistryRefusedError."""
    manifest = registry.manifest(repository, digest)
    if manifest is None:
        raise ImageNotFoundError(f"{repository}@{digest}")
    return manifest.descriptor


def show_statements(session: Session, reference: str, *, as_json: bool) -> None:
    """Print the verified statements about an image in a registry. Raises NotVerifiedError after them."""
    verified = verify_published(session, reference, declared_keys(session))
    if as_json:
        output.print_json([{"type": s.predicate_type, "predicate": s.predicate} for s in verified.statements])
    else:
        rows = [(s.title, s.predicate_type, f"{len(s.to_json()) / 1e3:.0f} kB") for s in verified.statements]
        output.print_table("statements", ["statement", "predicate type", "size"], rows)
    require_verified(reference, verified)


def show_published(session: Session, reference: str, *, only: str, as_json: bool) -> None:
    """Verify an image in a registry, and print what is verified. Raises NotVerifiedError, and UsageError if `only` is given too."""
    if only:
        raise UsageError("--only selects images of the matrix, --published one in a registry: leave one of them out")
    verified = verify_published(session, reference, declared_keys(session))
    if as_json:
        output.print_json(
            {
                "reference": reference,
                "digest": verified.image.digest,
                "statements": [statement.predicate_type for statement in verified.statements],
                "problems": list(verified.problems),
            }
        )
    elif not verified.problems:
        output.print_table(
            "verified", ["image", "statements"], [(verified.image.digest, _titles(verified))], in_summary=True
        )
    require_verified(reference, verified)


def verify_published(session: Session, reference: str, keys: TrustedKeys) -> Verification:
    """Return what some keys verify of an image. Raises UsageError, ImageNotFoundError, RegistryRefusedError."""
    parsed = Reference.parse(reference)
    with closing(Registry(parsed.registry, login_for(parsed.registry, session.environ))) as registry:
        image = registry.image(parsed.repository, parsed.name)
        if image is None:
            raise ImageNotFoundError(reference)
        store = SignatureStore(registry=registry, repository=parsed.repository)
        return verify_image(image, store.signatures(image.digest), store.envelopes(image.digest), keys)


def declared_keys(session: Session) -> TrustedKeys:
    """Return the public keys of `attest` in component.yaml. Raises NoKeyDeclaredError, PemError."""
    return trusted_keys(session.root / COMPONENT, required_attest(session), session.environ)


def required_attest(session: Session) -> Attest:
    """Return the section `attest` of component.yaml. Raises NoKeyDeclaredError."""
    attest = session.project.component.attest
    if attest is None:
        raise NoKeyDeclaredError
    return attest


def _titles(verified: Verification) -> str:
    return ", ".join(statement.title for statement in verified.statements)


def require_verified(reference: str, verified: Verification, *, resolution: str = "") -> None:
    """Raise NotVerifiedError for an image with problems; `resolution` is what to do then."""
    if verified.problems:
        raise NotVerifiedError(reference, verified.problems, resolution=resolution)
