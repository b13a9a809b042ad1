"""A small image in a real registry, signed with all statements about it."""

from pathlib import Path

from lifecycle.attest.attester import Attester
from lifecycle.attest.key import PrivateKey
from lifecycle.attest.storage import SignatureStore
from tests.support.builders.attestations import PREDICATES, statement, write_keys
from tests.support.builders.push_session import REPOSITORY, PushSession


class SignedImage:
    """An image that was pushed; `attest` signs it. `key` are cosign's options for the public key, which is below `folder`."""

    def __init__(self, session: PushSession, key: PrivateKey, folder: Path, *, inputs: str = "a" * 64) -> None:
        _, pushed = session.publish(session.made(inputs.encode() + session.content, inputs=inputs))
        manifest = session.registry.manifest(REPOSITORY, pushed.digest)
        assert manifest
        self.reference, self.digest, self.tag = pushed.reference, pushed.digest, pushed.tag
        self.descriptor = manifest.descriptor
        self.store = SignatureStore(registry=session.registry, repository=REPOSITORY)
        name = pushed.reference.partition("@")[0]
        self.attester = Attester(name=name, key=key, store=self.store, warn=session.said.append)
        _, public = write_keys(key, folder / "keys")
        self.key = ("--key", str(public))

    def attest(self) -> int:
        """Sign the image and all statements about it; return the number of new signatures."""
        return self.attester.attest(self.descriptor, [statement(kind, subject=self.digest) for kind in PREDICATES])
