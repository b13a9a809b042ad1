import io
import json
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import IO

import pytest

from lifecycle.cache.cache import Cache
from lifecycle.config.lock import LockedBase
from lifecycle.errors import InstallerError
from lifecycle.pipeline.base import BaseNotPulledError, make_base, package_file_name
from lifecycle.planning.locked_project import LockedProject
from lifecycle.planning.targets import Targets, base_tag
from lifecycle.tools.process import ProgramFailedError
from tests.support.builders.projects import images, local_image, lock, locked_file, project
from tests.support.fakes.engine import FakeEngine

DIGEST = f"sha256:{'a' * 64}"
PINNED = f"registry.example/debian@{DIGEST}"


def imported(engine: FakeEngine) -> dict[str, list[str]]:
    """Return the names in the one layer, the architecture and the labels of each loaded image, by its tag."""
    found = {}
    for data in engine.loaded:
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            manifest = json.load(read(archive, "manifest.json"))[0]
            config = json.load(read(archive, manifest["Config"]))
            with tarfile.open(fileobj=read(archive, manifest["Layers"][0])) as layer:
                names = layer.getnames()
        found[manifest["RepoTags"][0]] = [*names, config["architecture"], *config["config"]["Labels"].values()]
    return found


def read(archive: tarfile.TarFile, name: str) -> IO[bytes]:
    file = archive.extractfile(name)
    assert file is not None
    return file


def pulled() -> LockedProject:
    bases = images()
    runtime = replace(bases.bases["RUNTIME"], reference="registry.example/debian:13")
    locked = lock()
    return project(
        images=replace(bases, bases={**bases.bases, "RUNTIME": runtime}),
        lock=locked.model_copy(
            update={"bases": {**locked.bases, "RUNTIME": LockedBase(declaration="d", digest=DIGEST)}}
        ),
    )


@pytest.mark.parametrize(
    ("version", "name"),
    [
        ("1:2.36-9", "libc6_1%3a2.36-9.deb"),
        ("535.309.01-0+deb12u1", "libc6_535.309.01-0+deb12u1.deb"),
        ("1.2~rc1", "libc6_1.2~rc1.deb"),
    ],
)
def test_a_packages_file_is_named_as_apt_names_it(version: str, name: str) -> None:
    assert package_file_name(locked_file("libc6", version)).lower() == name


def test_bases_that_come_to_the_same_inputs_are_one_image() -> None:
    one = locked_file("gcc")
    same = {
        name: LockedBase(declaration=name, packages=[one]) for name in ("BUILDER_OLD_1", "BUILDER_NEW_2", "RUNTIME")
    }
    targets = Targets(project(lock=lock().model_copy(update={"bases": same})))
    tags = {name: base_tag(targets.base(name)) for name in same}

    assert tags["BUILDER_OLD_1"] == tags["BUILDER_NEW_2"]
    # What is left out of a runtime is not left out of a builder.
    assert tags["RUNTIME"] != tags["BUILDER_OLD_1"]


def test_a_base_that_was_pulled_gets_its_local_name(tmp_path: Path) -> None:
    now, cache, engine = pulled(), Cache(tmp_path), FakeEngine(local_image(PINNED))
    target = Targets(now).base("RUNTIME")
    tag = make_base(now, target, cache, engine)

    assert engine.tagged == [(f"sha256:{PINNED}", tag)]
    assert cache.latest_inputs("base", "RUNTIME") == {"image": DIGEST}


def test_a_base_is_known_by_its_id_where_a_digest_covers_architectures(tmp_path: Path) -> None:
    now = pulled()
    bases = {**now.lock.bases, "RUNTIME": LockedBase(declaration="d", digest=DIGEST, id="sha256:1")}
    now, engine = replace(now, lock=now.lock.model_copy(update={"bases": bases})), FakeEngine(local_image("sha256:1"))
    tag = make_base(now, Targets(now).base("RUNTIME"), Cache(tmp_path), engine)

    assert engine.tagged == [("sha256:sha256:1", tag)]


def test_a_base_that_was_not_pulled_is_named_with_the_command_that_pulls_it(tmp_path: Path) -> None:
    now, cache = pulled(), Cache(tmp_path)
    with pytest.raises(BaseNotPulledError, match=rf"the engine does not have {PINNED}\nRun `invoke fetch`"):
        make_base(now, Targets(now).base("RUNTIME"), cache, FakeEngine())
    assert cache.latest_inputs("base", "RUNTIME") is None


def bootstrapped(root: Path, script: str) -> tuple[LockedProject, Cache]:
    """Return a project with `script` as its bootstrap script, and a cache that has the base's packages."""
    path = root / "checkout/scripts/base/bootstrap"
    path.parent.mkdir(parents=True)
    path.write_text(f"#!/bin/sh\nset -eu\n{script}\n")
    path.chmod(0o755)
    cache = Cache(root / "cache")
    packages = [locked_file("bash", "5.2-1"), locked_file("libc6", "1:2.36-9")]
    for file in packages:
        cache.part(file.sha256).write_text(file.name)
        cache.keep_blob(cache.part(file.sha256), file.sha256)
    bases = {**lock().bases, "RUNTIME": LockedBase(declaration="d", packages=packages)}
    return project(root=root / "checkout", lock=lock().model_copy(update={"bases": bases})), cache


def test_the_script_gets_package_names_suite_and_exclusions(tmp_path: Path) -> None:
    script = """
        mkdir "$3.d"
        cp "$1"/* "$3.d"
        touch "$3.d/suite-$2" "$3.d/for-$4" "$3.d/without-$5" "$3.d/at-$SOURCE_DATE_EPOCH"
        tar -cf "$3" -C "$3.d" ."""
    now, cache = bootstrapped(tmp_path, script)
    engine, target = FakeEngine(), Targets(now).base("RUNTIME")
    tag = make_base(now, target, cache, engine)

    assert sorted(name.removeprefix("./") for name in imported(engine)[tag]) == sorted(
        [
            ".",
            "at-1704067200",
            "amd64",
            "bash_5.2-1.deb",
            "for-amd64",
            "libc6_1%3A2.36-9.deb",
            "suite-new",
            "without-dpkg",
            target.digest,
        ]
    )
    assert list(cache.tmp.iterdir()) == []
    assert json.dumps(cache.latest_inputs("base", "RUNTIME"), sort_keys=True) == json.dumps(
        target.inputs, sort_keys=True
    )


def test_a_script_that_fails_is_quoted_and_no_image_is_made(tmp_path: Path) -> None:
    now, cache = bootstrapped(tmp_path, "echo 'E: no such suite' >&2; exit 9")
    engine = FakeEngine()
    with pytest.raises(ProgramFailedError, match="E: no such suite") as caught:
        make_base(now, Targets(now).base("RUNTIME"), cache, engine)

    assert isinstance(caught.value, InstallerError)
    assert engine.loaded == []
    assert list(cache.tmp.iterdir()) == []
    assert cache.latest_inputs("base", "RUNTIME") is None
