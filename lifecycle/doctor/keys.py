"""The keys that component.yaml names: each can be read and belongs to its certificate or public key. Nothing of a key is shown."""

from collections.abc import Iterator, Mapping

from lifecycle.attest.key import BuilderKeys, first_keys, second_keys
from lifecycle.config.pem import PemError
from lifecycle.doctor.finding import Finding, State, Subject
from lifecycle.pipeline.signing_key import load_key
from lifecycle.planning.project import COMPONENT, Project

_SIGNING, _ATTEST = Subject("signing key"), Subject("attest key")


def check_keys(project: Project, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Yield whether the keys for modules and for images can be used on this machine."""
    yield _signing_key(project, environ)
    attest = project.component.attest
    if attest is None:
        yield _ATTEST.skipped("component.yaml has no `attest`")
        return
    yield _attest_key(first_keys(project.root / COMPONENT, attest, environ))
    second = second_keys(project.root / COMPONENT, attest, environ)
    if second:
        yield _public_key(second)


def _signing_key(project: Project, environ: Mapping[str, str]) -> Finding:
    signing, signer = project.component.signing, project.signer
    if signing is None or signer is None:
        return _SIGNING.skipped("component.yaml has no `signing`")
    try:
        key = load_key(project.root / COMPONENT, signing, signer, environ)
    except PemError as error:
        return _SIGNING.failure(error)
    return _SIGNING.ok(f"belongs to the certificate of {key.name!r}")


def _public_key(keys: BuilderKeys) -> Finding:
    """Return whether a public key, with which images are verified, can be read."""
    try:
        public = keys.public()
    except PemError as error:
        return _ATTEST.failure(error)
    return _ATTEST.ok(f"{keys.section.name}.publicKey {public.fingerprint[:16]}…")


def _attest_key(keys: BuilderKeys) -> Finding:
    """Return whether the pair of a builder can be used. Without the private key, images can still be verified."""
    public = _public_key(keys)
    if public.state is not State.OK:
        return public
    try:
        keys.private()
    except PemError as error:
        remedy = "Images can be verified here, but `invoke push` signs them: run it where the private key is."
        return _ATTEST.failure(error, state=State.WARNING, remedy=remedy)
    return _ATTEST.ok(f"{public.text}, and its private key")
