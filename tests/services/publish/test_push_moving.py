"""The tags that move: put at the pushed manifest over the registry's API."""

from dataclasses import replace

from lifecycle.planning.tags import operator_tag, tag_of
from lifecycle.publish.push import PushDecision
from tests.support.builders.push_session import COMBINATION, REPOSITORY, PushSession
from tests.support.servers.registry_server import RegistryServer

EXACT = [tag_of(COMBINATION.driver, COMBINATION), operator_tag(COMBINATION.driver, COMBINATION)]
MOVING = [*EXACT, tag_of(COMBINATION.branch, COMBINATION), operator_tag(COMBINATION.branch, COMBINATION)]
NEWER = replace(COMBINATION, driver=f"{COMBINATION.branch}.999.01")


def test_all_moving_tags_lead_to_what_was_pushed_and_are_said(session: PushSession, server: RegistryServer) -> None:
    image = session.made()
    _, pushed = session.publish(image)

    assert list(pushed.moving) == MOVING
    assert {session.there(tag).digest for tag in MOVING} == {pushed.digest}
    assert session.said == [
        f"pushed {server.host}/{REPOSITORY}:{pushed.tag}",
        *(f"moved {server.host}/{REPOSITORY}:{tag}" for tag in MOVING),
    ]


def test_a_mended_image_ships_and_the_one_before_keeps_a_tag(session: PushSession) -> None:
    _, first = session.publish(session.made())
    _, mended = session.publish(session.made(b"mended", inputs="b" * 64))

    assert mended.digest != first.digest
    assert {session.there(tag).digest for tag in MOVING} == {mended.digest}
    assert session.there(first.tag).digest == first.digest


def test_the_branchs_tag_is_left_to_a_newer_driver(session: PushSession, server: RegistryServer) -> None:
    _, pushed = session.publish(session.made(), NEWER)

    assert list(pushed.moving) == EXACT
    assert server.tags() == sorted([pushed.tag, *EXACT])


def test_tags_move_to_an_image_that_was_made_elsewhere_without_the_engine(
    session: PushSession, server: RegistryServer
) -> None:
    _, elsewhere = session.publish(session.made())
    _, later = session.publish(session.made(b"later", inputs="b" * 64))
    assert session.there(EXACT[0]).digest == later.digest
    here = session.made(b"the same inputs, and other bytes")
    sent = len(server.requests("PUT", 201))
    decision, pushed = session.publish(here)

    assert (decision, pushed.digest) == (PushDecision.SAME_INPUTS, elsewhere.digest)
    assert {session.there(tag).digest for tag in MOVING} == {elsewhere.digest}
    assert [path.rpartition("/")[2] for path in server.requests("PUT", 201)[sent:]] == MOVING
