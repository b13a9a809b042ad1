"""Images into a real registry: once, tested, by digest; and what is refused."""

import json
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import docker
import pytest

from lifecycle.planning.locked_project import load_locked_project
from lifecycle.planning.tags import immutable_tag
from lifecycle.planning.targets import Targets
from lifecycle.publish.published import published_images
from lifecycle.publish.push import PushDecision, PushedImage, decide_push
from tests.support.builders.push_session import (
    COMBINATION,
    REPOSITORY,
    PushSession,
    checkout_for,
    copied_checkout,
    note_tested,
    push,
)
from tests.support.servers.registry_server import RegistryServer


def test_an_image_is_pushed_once_under_its_immutable_tag(session: PushSession, server: RegistryServer) -> None:
    image = session.made()
    decision, pushed = session.publish(image)
    blobs, said = server.blobs(), len(session.said)

    assert decision is PushDecision.PUSH
    assert pushed.tag == session.tag(image)
    assert pushed.reference == f"{server.host}/{REPOSITORY}@{session.there(pushed.tag).digest}"
    assert session.there(pushed.tag).id == image.id
    again, same = session.publish(image)
    assert (again, same) == (PushDecision.SAME, replace(pushed, verdict="there"))
    assert (server.blobs(), len(session.said)) == (blobs, said)


def test_in_the_engine_an_image_keeps_its_two_names(session: PushSession) -> None:
    image = session.made()
    session.publish(image)
    found = session.engine.image(image.id)

    assert found is not None
    assert sorted(found.tags) == sorted(session.names)


def test_what_a_local_name_leads_to_by_now_is_not_what_is_pushed(session: PushSession) -> None:
    image = session.made()
    other = session.made(b"2" + session.content, inputs="b" * 64)
    assert other.id != image.id
    _, pushed = session.publish(image)

    assert {session.there(tag).id for tag in (pushed.tag, *pushed.moving)} == {image.id}
    # Its names are the other one's: without the one that the push gave it, it would be gone.
    assert session.engine.image(image.id) is not None


def test_an_image_that_was_made_of_the_same_inputs_elsewhere_is_left_alone(session: PushSession) -> None:
    _, pushed = session.publish(session.made())

    assert session.publish(session.made(os.urandom(1000))) == (
        PushDecision.SAME_INPUTS,
        replace(pushed, verdict="there, made of the same inputs elsewhere"),
    )


def test_an_immutable_tag_never_moves(session: PushSession) -> None:
    # The same first digits, and another digest.
    one, other = session.made(), session.made(b"2" + session.content, inputs="a" * 12 + "b" * 52)
    session.publish(one)

    assert session.tag(one) == session.tag(other)
    assert decide_push(session.candidate(other), untested=True) is PushDecision.OTHER


def test_what_was_not_tested_is_refused_unless_it_is_asked_for(session: PushSession) -> None:
    candidate = session.candidate(session.made(), tested=False)

    assert decide_push(candidate, untested=False) is PushDecision.UNTESTED
    assert decide_push(candidate, untested=True) is PushDecision.PUSH
    assert decide_push(replace(candidate, tested=True), untested=False) is PushDecision.PUSH


def test_an_untested_push_says_so_and_moves_no_tag_until_it_is_tested(
    session: PushSession, server: RegistryServer
) -> None:
    image = session.made()
    untested = session.pusher.publish(session.candidate(image, tested=False), PushDecision.PUSH, [COMBINATION])
    again = session.candidate(image, tested=False)
    tags = server.tags()
    _, tested = session.publish(image)

    assert (untested.tag, untested.moving, tags) == (f"{session.tag(image)}-untested", (), [untested.tag])
    assert decide_push(again, untested=True) is PushDecision.SAME
    assert decide_push(again, untested=False) is PushDecision.UNTESTED
    assert (tested.digest, tested.tag) == (untested.digest, session.tag(image))
    assert server.tags() == sorted([untested.tag, tested.tag, *tested.moving])


def test_what_came_there_tested_needs_no_test_here(session: PushSession) -> None:
    image = session.made()
    session.publish(image)

    assert decide_push(session.candidate(image, tested=False), untested=False) is PushDecision.SAME


def test_two_pushes_at_once_come_to_the_same(session: PushSession, server: RegistryServer) -> None:
    image = session.made(os.urandom(3_000_000))
    candidate, found = session.candidate(image), list[PushedImage]()
    # One may have to try again, after the pause that it makes in earnest.
    pusher, start = replace(session.pusher, wait=time.sleep), threading.Barrier(2)

    def go() -> None:
        start.wait()
        found.append(pusher.publish(candidate, PushDecision.PUSH, [COMBINATION]))

    threads = [threading.Thread(target=go) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(found) == 2
    assert found[0] == found[1]
    assert server.tags() == sorted([found[0].tag, *found[0].moving])


@pytest.fixture
def checkout(server: RegistryServer, engine: docker.DockerClient, tmp_path: Path) -> Iterator[Path]:
    with checkout_for(server.host, tmp_path / "checkout", engine) as folder:
        yield folder


def test_the_command_refuses_an_untested_image_pushes_it_loudly_then_skips(
    checkout: Path, server: RegistryServer, engine: docker.DockerClient
) -> None:
    (mine,) = (i for i in engine.images.list(f"{server.host}/system-services/nvidia-installer") if i.tags)
    refused = push(checkout)
    untested = push(checkout, "--untested")
    note_tested(checkout, str(mine.id))
    pushed = push(checkout, "--json")
    again = push(checkout, "--json")
    (row,) = json.loads(pushed.stdout)

    assert (refused.returncode, "its tests have not passed" in refused.stderr) == (2, True)
    assert f"{COMBINATION.id} is pushed, although its tests have not passed" in untested.stderr
    assert json.loads((checkout / "build/published.json").read_text()) == json.loads(again.stdout)
    assert [entry["verdict"] for entry in json.loads(again.stdout)] == ["there"]
    assert row["reference"] == f"{server.host}/system-services/nvidia-installer@{row['digest']}"
    assert server.tags() == sorted([f"{row['tag']}-untested", row["tag"], *row["moving"]])
    engine.images.pull(row["reference"])
    assert engine.images.get(row["reference"]).id == mine.id


def test_what_the_registry_has_is_known_without_an_engine(
    checkout: Path, server: RegistryServer, engine: docker.DockerClient
) -> None:
    (mine,) = (i for i in engine.images.list(f"{server.host}/system-services/nvidia-installer") if i.tags)
    project = load_locked_project(checkout)
    combinations = project.matrix.combinations
    push(checkout, "--untested")
    before = published_images(project, combinations, {})
    note_tested(checkout, str(mine.id))
    pushed = push(checkout, "--json")
    (row,) = json.loads(pushed.stdout)
    after = published_images(project, combinations, {})
    found = after[COMBINATION]

    assert set(before.values()) == {None}
    assert found is not None
    assert vars(found) == {key: row[key] for key in vars(found)}
    assert [c for c in combinations if after[c]] == [COMBINATION]


def test_another_image_behind_the_immutable_tag_counts_for_none(
    session: PushSession, server: RegistryServer, tmp_path: Path
) -> None:
    project = load_locked_project(copied_checkout(server.host, tmp_path / "copy"))
    tag = immutable_tag(COMBINATION, Targets(project).image(COMBINATION).digest)
    reference = f"{server.host}/{project.component.image.repository}:{tag}"
    session.engine.tag(session.made().id, reference)

    assert session.engine.push(reference, None) == ""
    assert published_images(project, [COMBINATION], {}) == {COMBINATION: None}
