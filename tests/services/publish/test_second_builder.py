"""Images that wait until a second builder has made the same (`attest.secondBuilder` in component.yaml)."""

import json
import os
from typing import Any

import pytest

from lifecycle.app.session import Session
from lifecycle.attest.command import Reference
from lifecycle.attest.key import PrivateKey
from lifecycle.attest.predicates import Reproduction
from lifecycle.attest.reproduce import sign_reproduction
from lifecycle.publish.hold import HeldBackError, held_images, move_tags
from lifecycle.publish.published import PublishedImage
from tests.support.builders.attestations import make_key, write_keys
from tests.support.builders.push_session import COMBINATION, invoke, push
from tests.support.builders.signed_image import SigningCheckout
from tests.support.servers.registry_server import RegistryServer


@pytest.fixture
def second(signing: SigningCheckout) -> PrivateKey:
    """Declare a second builder in the checkout, and return its key."""
    key = make_key()
    private, public = write_keys(key, signing.folder.with_name("second"))
    component = signing.folder / "component.yaml"
    builder = f"secondBuilder: {{key: {private}, publicKey: {public}, builder: 'urn:second'}}"
    component.write_text(component.read_text().replace("builder: 'urn:test'}", f"builder: 'urn:test', {builder}}}"))
    return key


@pytest.fixture
def session(signing: SigningCheckout, second: PrivateKey) -> Session:
    return Session(signing.folder, cache_dir=str(signing.cache.root), environ={**os.environ, **signing.environ})


def agree(signing: SigningCheckout, session: Session, second: PrivateKey, pushed: dict[str, Any]) -> None:
    """Sign as the second builder that a pushed image was reproduced."""
    image = signing.image(pushed["digest"])
    reproduction = Reproduction(combination=COMBINATION.id, image_id=image.id, commit="1" * 40, builder="urn:second")
    sign_reproduction(session, Reference.parse(pushed["reference"]), image, second, reproduction)


def test_images_are_held_back_until_a_second_builder_has_agreed(
    signing: SigningCheckout, session: Session, second: PrivateKey, server: RegistryServer
) -> None:
    first = push(signing.folder, "--json", environ=signing.environ)
    (held,) = json.loads(first.stdout)
    tags, verified = server.tags(), invoke(signing.folder, "verify", "--published", held["reference"])
    bumped = invoke(signing.folder, "bump-gitops", "--only", COMBINATION.id, "--dry-run")
    agree(signing, session, second, held)
    again = push(signing.folder, "--json", environ=signing.environ)
    (moved,) = json.loads(again.stdout)

    assert (first.returncode, held["held"], held["moving"]) == (0, True, [])
    assert held["tag"] in tags
    assert f"has no moving tag yet: run `invoke reproduce {held['reference']} --sign` on urn:second" in first.stderr
    assert "the reproduction is missing" in verified.stderr
    assert (bumped.returncode, "urn:second has not reproduced them" in bumped.stderr) == (1, True), bumped.stderr
    assert (moved["held"], moved["verdict"]) == (False, "there")
    assert moved["moving"]
    assert set(moved["moving"]) <= set(server.tags()) - set(tags)
    assert invoke(signing.folder, "verify", "--published", held["reference"]).returncode == 0


def test_a_release_moves_the_tags_itself_after_the_agreement(
    signing: SigningCheckout, session: Session, second: PrivateKey
) -> None:
    (pushed,) = json.loads(push(signing.folder, "--json", environ=signing.environ).stdout)
    names = ("combination", "reference", "tag", "digest", "size", "inputs")
    images = {COMBINATION: PublishedImage(**{name: pushed[name] for name in names})}

    with pytest.raises(HeldBackError, match="urn:second has not reproduced them"):
        move_tags(session, images)
    agree(signing, session, second, pushed)
    waiting = held_images(session, images)
    move_tags(session, images)
    assert (waiting, held_images(session, images)) == ([COMBINATION], [])
