"""Results shared through Debian's docker-registry: what arrives, and what is refused."""

import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from lifecycle.cache.remote import CONFIG, RemoteCache, oci_manifest, tag_of
from lifecycle.cache.remote_session import RemoteSession
from lifecycle.config.store import Mode
from lifecycle.planning.targets import Kind, Target
from lifecycle.tools.registry.manifest import Descriptor
from lifecycle.tools.terminal.progress import Progress
from tests.support.machines.cache_machines import OTHER, TARGET, Machine, Machines, shared
from tests.support.servers.registry_server import RegistryServer

# Among so many, Docker's registry mostly refuses a manifest or more at first; seconds in which both have to come to the next.
ROUNDS, PATIENCE = 200, 60


def test_a_result_arrives_byte_for_byte(machine: Machines) -> None:
    one, other = shared(machine), machine()

    assert other.results.find([TARGET, OTHER]) == {TARGET.digest}
    assert other.results.download(TARGET)
    assert (other.files(), other.warnings) == (one.files(), [])
    assert other.cache.latest_inputs(TARGET.kind, TARGET.name) == TARGET.inputs


def test_two_machines_that_made_the_same_give_one_and_the_same(machine: Machines, server: RegistryServer) -> None:
    one, other = shared(machine), machine()
    before = server.blobs()
    other.make()
    other.results.upload(TARGET)

    assert (server.blobs(), other.warnings) == (before, [])
    assert one.files() == other.files()


def test_what_is_not_there_is_not_taken_and_nothing_is_said(machine: Machines) -> None:
    one = machine()

    assert (one.results.find([TARGET]), one.results.download(TARGET), one.warnings) == (set(), False, [])


def test_it_is_asked_again_when_it_is_to_be_made(machine: Machines) -> None:
    waiting = machine()
    assert waiting.results.find([TARGET]) == set()
    shared(machine)

    assert waiting.results.download(TARGET)


def test_who_may_only_read_gives_nothing(machine: Machines) -> None:
    reader = machine(Mode.READ_ONLY)
    reader.make()
    reader.results.upload(TARGET)

    assert (machine().results.find([TARGET]), reader.warnings) == (set(), [])


def test_bases_and_images_are_not_looked_for(machine: Machines, server: RegistryServer) -> None:
    image = Target(kind=Kind.IMAGE, name="debian-12/6.1/550", inputs={})

    assert machine().results.find([image]) == set()
    assert not any(image.digest in path for path in server.requests("HEAD", 404))


@pytest.mark.parametrize("name", ["config", "layer"])
def test_a_blob_that_is_not_what_it_is_called_is_refused(machine: Machines, server: RegistryServer, name: str) -> None:
    one, other = shared(machine), machine()
    manifest = one.registry.manifest(one.results.section.repository, tag_of(TARGET))
    assert manifest is not None
    digests = manifest.content.decode().split("sha256:")[1:]
    sha256 = digests[0 if name == "config" else 1][:64]
    (blob,) = server.data.rglob(f"blobs/sha256/*/{sha256}/data")
    whole = blob.read_bytes()
    blob.write_bytes(bytes([whole[0] ^ 1]) + whole[1:])
    try:
        assert not other.results.download(TARGET)
    finally:
        blob.write_bytes(whole)
    assert "modules 6.1.0/550/open is damaged there and is not used" in other.warnings[0]
    assert (other.has(), list(other.cache.tmp.iterdir())) == (False, [])
    assert other.results.find([TARGET]) == set()


def misfiled(machine: Machines, *, as_: Target) -> None:
    """Store a result's manifest under the tag of another result as well."""
    one = shared(machine)
    repository = one.results.section.repository
    manifest = one.registry.manifest(repository, tag_of(TARGET))
    assert manifest is not None
    one.registry.put_manifest(repository, tag_of(as_), manifest)


def test_a_result_of_other_inputs_is_refused(machine: Machines) -> None:
    misfiled(machine, as_=OTHER)
    other = machine()

    assert not other.results.download(OTHER)
    assert "proprietary is damaged there and is not used: it was made of other inputs" in other.warnings[0]


@pytest.mark.parametrize("said", [{}, {"modules": {}}, {"modules": ["nvidia.ko"]}])
def test_a_result_that_says_less_than_is_read_of_it_later_is_refused(
    machine: Machines, said: Mapping[str, object]
) -> None:
    one, other = machine(), machine()
    one.make(said=said)
    one.results.upload(TARGET)

    assert not other.results.download(TARGET)
    assert "open is damaged there and is not used: it lacks its modules" in other.warnings[0]


def test_a_damaged_one_is_put_right_by_whoever_makes_it(machine: Machines) -> None:
    misfiled(machine, as_=OTHER)
    other, third = machine(), machine()
    other.results.download(OTHER)
    other.make(OTHER)
    other.results.upload(OTHER)

    assert third.results.download(OTHER)
    assert third.files(OTHER) == other.files(OTHER)


def test_files_that_are_not_those_that_result_json_names_are_refused(machine: Machines) -> None:
    one, other = machine(), machine()
    one.make()
    found = one.cache.result(TARGET.kind, TARGET.digest)
    assert found is not None
    found.file("nvidia.ko").write_bytes(b"another")
    one.results.upload(TARGET)

    assert not other.results.download(TARGET)
    assert (other.has(), other.warnings[0].endswith("its files are not those that it names")) == (False, True)


def test_a_layer_that_is_no_archive_is_refused(machine: Machines) -> None:
    one, other = shared(machine), machine()
    repository = one.results.section.repository
    manifest = one.registry.manifest(repository, tag_of(TARGET))
    assert manifest is not None
    config = manifest.content.decode().split("sha256:")[1][:64]
    blob = Descriptor(media_type=CONFIG, digest=f"sha256:{config}", size=1)
    one.registry.put_manifest(repository, tag_of(TARGET), oci_manifest(blob, blob, "x"))

    assert not other.results.download(TARGET)
    assert "is not a complete archive" in other.warnings[0]


def test_an_image_under_a_results_tag_is_refused(machine: Machines) -> None:
    one, other = shared(machine), machine()
    repository = one.results.section.repository
    manifest = one.registry.manifest(repository, tag_of(TARGET))
    assert manifest is not None
    content = manifest.content.replace(b"vnd.nvidia-installer.result.v1", b"vnd.oci.image.config.v1")
    one.registry.put_manifest(
        repository, tag_of(TARGET), type(manifest)(content=content, media_type=manifest.media_type)
    )

    assert not other.results.download(TARGET)
    assert "its manifest is of something else" in other.warnings[0]


def test_what_was_made_before_anything_was_shared_is_given_once(machine: Machines, server: RegistryServer) -> None:
    one, other = machine(), machine()
    one.make()
    RemoteSession(results=one.results, progress=Progress()).upload([TARGET, OTHER])
    before = len(server.requests("HEAD", 200) + server.requests("HEAD", 404))
    again = RemoteCache(section=one.results.section, registry=one.registry, cache=one.cache, warn=one.warnings.append)
    RemoteSession(results=again, progress=Progress()).upload([TARGET])

    assert other.results.download(TARGET)
    assert len(server.requests("HEAD", 200) + server.requests("HEAD", 404)) == before


def test_of_what_is_there_only_that_is_written_down(machine: Machines, server: RegistryServer) -> None:
    shared(machine)
    other = machine()
    other.make()
    before = len(server.requests("PUT", 201))
    RemoteSession(results=other.results, progress=Progress()).upload([TARGET])

    assert (len(server.requests("PUT", 201)), other.cache.uploaded(other.results.place)) == (before, {TARGET.digest})


def test_two_that_give_the_same_at_once_both_succeed(machine: Machines) -> None:
    # The registry is ready for a second attempt after some milliseconds, not at once.
    one, other = machine(wait=time.sleep), machine(wait=time.sleep)
    targets = [replace(TARGET, inputs={"round": number}) for number in range(ROUNDS)]
    for target in targets:
        one.make(target)
        other.make(target)
    together = threading.Barrier(2)

    def give(giver: Machine) -> None:
        for target in targets:
            together.wait(PATIENCE)
            giver.results.upload(target)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(give, (one, other)))

    assert [one.warnings, other.warnings] == [[], []]
    assert machine().results.find(targets) == {target.digest for target in targets}
