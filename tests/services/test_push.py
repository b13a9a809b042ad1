"""Images into a real registry: once, tested, by digest; and what is refused."""

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import docker
import pytest

from lifecycle.model.component import Image
from lifecycle.model.project import load_project
from lifecycle.model.tags import references
from lifecycle.steps.push import Candidate, Pusher, PushFailedError, Verdict, verdict_of
from lifecycle.tools.archive import tar_bytes
from lifecycle.tools.engine import Engine, LocalImage
from lifecycle.tools.labels import LABEL_DIGEST
from lifecycle.tools.login import Login
from lifecycle.tools.registry import Registry, RegistryRefusedError
from lifecycle.tools.root_image import root_image
from tests.services.registry_server import PASSWORD, USER, RegistryServer, registry_server
from tests.unit.builders import ROOT
from tests.unit.conftest import PARTS

COMBINATION = load_project(ROOT).matrix().combinations[0]
REPOSITORY = "push-test/nvidia-installer"
LOGIN = Login(USER, PASSWORD)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RegistryServer]:
    with registry_server(tmp_path / "registry") as running:
        yield running


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[RegistryServer]:
    with registry_server(tmp_path / "registry", secure=True) as running:
        yield running


class Lab:
    """Small images of a combination, and a pusher of them."""

    def __init__(self, server: RegistryServer, folder: Path, login: Login | None = None) -> None:
        self.engine = Engine(os.environ)
        self.image = Image(registry=server.host, repository=REPOSITORY)
        self.reference, self.moving = references(self.image, COMBINATION)
        self.folder = folder
        if server.authority:
            (folder / "certs" / server.host).mkdir(parents=True)
            shutil.copy(server.authority, folder / "certs" / server.host / "ca.crt")
        self.registry = Registry(server.host, login, certificates=folder / "certs")
        self.ids: set[str] = set()
        self.said: list[str] = []
        self.waits: list[float] = []
        self.pusher = Pusher(
            engine=self.engine,
            registry=self.registry,
            login=login,
            image=self.image,
            say=self.said.append,
            wait=self.waits.append,
        )

    def made(self, content: bytes = b"1" * 100_000, *, inputs: str = "a") -> LocalImage:
        root, archive = self.folder / "root.tar", self.folder / "image.tar"
        root.write_bytes(tar_bytes({"file": content}))
        image = root_image(root, archive, self.reference, {LABEL_DIGEST: inputs}, "amd64")
        self.engine.load(archive)
        self.ids.add(image)
        self.engine.tag(image, self.moving)
        found = self.engine.image(image)
        assert found is not None
        return found

    def candidate(self, image: LocalImage, *, tested: bool = True) -> Candidate:
        return Candidate(combination=COMBINATION, image=image, tested=tested, remote=self.pusher.remote(COMBINATION))

    def publish(self, image: LocalImage) -> tuple[Verdict, str]:
        candidate = self.candidate(image)
        verdict = verdict_of(candidate, untested=False)
        return verdict, self.pusher.publish(candidate, verdict, [COMBINATION]).digest

    def close(self) -> None:
        self.registry.close()
        for image in self.ids:
            self.engine.client.api.remove_image(image, force=True)


@pytest.fixture
def lab(server: RegistryServer, tmp_path: Path) -> Iterator[Lab]:
    with closing(Lab(server, tmp_path)) as made:
        yield made


def test_an_image_is_pushed_once_with_its_moving_tag(lab: Lab, server: RegistryServer) -> None:
    image = lab.made()
    verdict, digest = lab.publish(image)
    blobs = server.blobs()

    assert verdict is Verdict.PUSH
    moving = lab.registry.image(REPOSITORY, lab.moving.rpartition(":")[2])
    assert moving is not None
    assert (moving.digest, moving.id) == (digest, image.id)
    assert lab.publish(image) == (Verdict.SAME, digest)
    assert server.blobs() == blobs
    assert len(lab.said) == 2


def test_what_a_local_name_leads_to_by_now_is_not_what_is_pushed(lab: Lab) -> None:
    image = lab.made()
    other = lab.made(b"2", inputs="b")
    assert other.id != image.id
    _, digest = lab.publish(image)

    for tag in (lab.reference, lab.moving):
        found = lab.registry.image(REPOSITORY, tag.rpartition(":")[2])
        assert found is not None
        assert (found.digest, found.id) == (digest, image.id)


def test_an_image_that_was_made_of_the_same_inputs_elsewhere_is_left_alone(lab: Lab) -> None:
    _, digest = lab.publish(lab.made())

    assert lab.publish(lab.made(b"2" * 1000)) == (Verdict.SAME_INPUTS, digest)


def test_an_exact_tag_never_moves(lab: Lab) -> None:
    lab.publish(lab.made())

    assert verdict_of(lab.candidate(lab.made(b"2", inputs="b")), untested=True) is Verdict.OTHER


def test_what_was_not_tested_is_refused_unless_it_is_asked_for(lab: Lab) -> None:
    candidate = lab.candidate(lab.made(), tested=False)

    assert verdict_of(candidate, untested=False) is Verdict.UNTESTED
    assert verdict_of(candidate, untested=True) is Verdict.PUSH
    assert verdict_of(replace(candidate, tested=True), untested=False) is Verdict.PUSH


def test_a_registry_with_tls_and_a_password_lets_us_in(secure: RegistryServer, tmp_path: Path) -> None:
    with closing(Lab(secure, tmp_path, LOGIN)) as lab:
        image = lab.made()
        verdict, digest = lab.publish(image)

        assert (verdict, digest[:7]) == (Verdict.PUSH, "sha256:")
        assert lab.publish(image) == (Verdict.SAME, digest)


@pytest.mark.parametrize("login", [None, Login(USER, "wrong-4712")])
def test_a_wrong_password_is_refused_with_what_to_do_and_never_shown(
    secure: RegistryServer, tmp_path: Path, login: Login | None
) -> None:
    with closing(Lab(secure, tmp_path, login)) as lab:
        image = lab.made()
        with pytest.raises(RegistryRefusedError, match="INVOKE_REGISTRY_PASSWORD") as caught:
            lab.pusher.remote(COMBINATION)
        with pytest.raises(
            PushFailedError, match=r"no basic auth credentials|unauthorized|authentication required"
        ) as pushed:
            lab.pusher._push(image, lab.reference)

    assert "wrong-4712" not in str(caught.value) + str(pushed.value) + repr(login)


def test_an_authority_that_is_unknown_is_named(secure: RegistryServer, tmp_path: Path) -> None:
    with (
        closing(Registry(secure.host, LOGIN, certificates=tmp_path / "none")) as registry,
        pytest.raises(RegistryRefusedError, match="CERTIFICATE_VERIFY_FAILED"),
    ):
        registry.image(REPOSITORY, "x")


def test_a_registry_that_dies_is_asked_again_and_the_push_goes_on(lab: Lab, server: RegistryServer) -> None:
    image = lab.made()
    candidate = lab.candidate(image)
    server.process.stop()
    pusher = replace(lab.pusher, wait=lambda seconds: (lab.waits.append(seconds), server.restart())[0])
    published = pusher.publish(candidate, Verdict.PUSH, [COMBINATION])

    assert lab.waits == [2.0]
    assert published.digest.startswith("sha256:")


def test_a_registry_that_stays_away_is_an_error_that_says_so(lab: Lab, server: RegistryServer) -> None:
    image = lab.made()
    candidate = lab.candidate(image)
    server.process.stop()
    with pytest.raises(PushFailedError, match="connection refused"):
        lab.pusher.publish(candidate, Verdict.PUSH, [COMBINATION])
    assert lab.waits == [2.0, 4.0, 8.0]


def test_two_pushes_at_once_come_to_the_same(server: RegistryServer, tmp_path: Path) -> None:
    with closing(Lab(server, tmp_path)) as lab:
        image = lab.made(os.urandom(3_000_000))
        found: list[str] = []
        threads = [threading.Thread(target=lambda: found.append(lab.publish(image)[1])) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert len(found) == 2
    assert len(set(found)) == 1


@pytest.fixture
def checkout(server: RegistryServer, engine: docker.DockerClient, tmp_path: Path) -> Iterator[Path]:
    """A copy of the checkout whose images go to the registry; one of them is built."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    for part in [*PARTS, "tasks.py"]:
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy2
        copy(ROOT / part, folder / part)
    component = folder / "component.yaml"
    component.write_text(component.read_text().replace("registry: localhost:5000", f'registry: "{server.host}"'))
    assert invoke(folder, "build").returncode == 0
    yield folder
    for image in engine.images.list():
        for tag in image.tags:
            if tag.startswith(f"{server.host}/"):
                engine.images.remove(tag)


def invoke(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "invoke", *words, "--only", COMBINATION.id]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_the_command_refuses_what_was_not_tested_pushes_it_loudly_and_skips_it_then(
    checkout: Path, server: RegistryServer, engine: docker.DockerClient
) -> None:
    (mine,) = (i for i in engine.images.list(f"{server.host}/system-services/nvidia-installer") if i.tags)
    # A cache in which nothing has been noted of anybody's tests.
    nothing = ["--cache-dir", str(checkout.with_name("nothing"))]
    refused = invoke(checkout, "push", *nothing)
    pushed = invoke(checkout, "push", *nothing, "--untested", "--json")
    again = invoke(checkout, "push", *nothing, "--json")
    (row,) = json.loads(pushed.stdout)

    assert (refused.returncode, "its tests have not passed" in refused.stderr) == (2, True)
    assert f"{COMBINATION.id} is pushed although its tests have not passed" in pushed.stderr
    assert json.loads((checkout / "build/published.json").read_text()) == json.loads(again.stdout)
    assert [entry["verdict"] for entry in json.loads(again.stdout)] == ["there"]
    assert row["reference"] == f"{server.host}/system-services/nvidia-installer@{row['digest']}"
    engine.images.pull(row["reference"])
    assert engine.images.get(row["reference"]).id == mine.id
