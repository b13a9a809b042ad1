"""Agreement of a second builder: images reach no node before it has built the same (`attest.secondBuilder` in component.yaml)."""

from dataclasses import dataclass

from lifecycle.app.session import Session
from lifecycle.attest.cosign_format import BadSignatureError
from lifecycle.attest.dsse import BadEnvelopeError
from lifecycle.attest.key import TrustedKeys, trusted_keys
from lifecycle.attest.statements import REPRODUCTION
from lifecycle.attest.storage import SignatureStore
from lifecycle.attest.verification import is_reproduced
from lifecycle.planning.project import COMPONENT
from lifecycle.tools.registry.blobs import WrongBlobError
from lifecycle.tools.registry.client import Registry, RemoteImage


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """The second builder's agreement about the images in one repository. `builder` is its address."""

    builder: str
    keys: TrustedKeys
    store: SignatureStore

    def holds_back(self, image: RemoteImage) -> bool:
        """Return whether the second builder has not yet made the same image. Raises RegistryRefusedError."""
        try:
            return not is_reproduced(image, self.store.envelopes(image.digest, REPRODUCTION), self.keys)
        except (BadSignatureError, BadEnvelopeError, WrongBlobError):
            return True


def open_agreement(session: Session, registry: Registry) -> Agreement | None:
    """Return the agreement about the installer images, or None without a second builder. Raises PemError."""
    image, attest = session.project.component.image, session.project.component.attest
    if attest is None or attest.second_builder is None:
        return None
    return Agreement(
        builder=attest.second_builder.builder,
        keys=trusted_keys(session.root / COMPONENT, attest, session.environ),
        store=SignatureStore(registry=registry, repository=image.repository),
    )
