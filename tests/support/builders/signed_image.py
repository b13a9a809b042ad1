"""Signed images in a real registry: a small one with made-up statements, and one of a checkout that `invoke push` signs."""

import os
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import docker

from lifecycle.attest.attester import Attester
from lifecycle.attest.key import PrivateKey
from lifecycle.attest.statements import TESTS
from lifecycle.attest.storage import SignatureStore
from lifecycle.cache.cache import TESTED, Cache, default_cache_dir
from lifecycle.cache.evidence import note_evidence
from lifecycle.tools.registry.client import Registry, RemoteImage
from tests.support.builders.attestations import PREDICATES, make_key, statement, write_keys
from tests.support.builders.push_session import COMBINATION, REPOSITORY, PushSession

PHRASE = "open-sesame-4711"


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

    def attest(self, predicates: Mapping[str, Mapping[str, object]] = PREDICATES) -> int:
        """Sign the image and statements about it, all by default; return the number of new signatures."""
        said = [statement(kind, predicate, subject=self.digest) for kind, predicate in predicates.items()]
        return self.attester.attest(self.descriptor, said)


class SigningCheckout:
    """A checkout with one image that is built and tested, and with a key to sign it."""

    def __init__(self, folder: Path, host: str, engine: docker.DockerClient) -> None:
        self.folder, self.host = folder, host
        private, public = write_keys(make_key(), folder.with_name("keys"), PHRASE)
        with (folder / "component.yaml").open("a") as file:
            file.write(
                f"attest: {{key: 'env:KEY', passphrase: 'env:PASS', publicKey: {public}, builder: 'urn:test'}}\n"
            )
        self.environ = {"KEY": str(private), "PASS": PHRASE}
        # The cache of `push` has the inputs that a proof needs, and this test's own records.
        self.cache = Cache(folder.with_name("nothing"))
        self.cache.root.mkdir()
        (self.cache.root / "blobs").symlink_to(default_cache_dir(os.environ) / "blobs")
        (mine,) = (i for i in engine.images.list(f"{host}/system-services/nvidia-installer") if i.tags)
        note_evidence(self.cache, TESTED, str(mine.id), {**PREDICATES[TESTS], "combination": COMBINATION.id})

    def image(self, digest: str) -> RemoteImage:
        """Return the image in the registry, by its digest."""
        with closing(Registry(self.host, None)) as registry:
            found = registry.image("system-services/nvidia-installer", digest)
        assert found
        return found
