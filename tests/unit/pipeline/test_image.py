import io
import json
import re
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from lifecycle.cache.cache import Cache
from lifecycle.cache.results import Archive, DamagedRecordError
from lifecycle.config.image_versions import Base, ImageVersions
from lifecycle.config.lock import LockedBase
from lifecycle.config.patches import Patch
from lifecycle.config.schema import ModuleType
from lifecycle.pipeline.image import (
    HOME,
    Contents,
    ImageBuilder,
    base_labels,
    environment_file,
    installer_manifest,
    labels_of,
    parameter_files,
    supported_gpus_file,
    vermagic_of,
)
from lifecycle.planning.matrix import Combination, ModulePatch
from lifecycle.planning.tags import references
from lifecycle.planning.targets import Targets
from lifecycle.tools.engine.errors import EngineRefusedError
from tests.support.builders.projects import component, driver, lock, project
from tests.support.checkout import ROOT
from tests.support.fakes.engine import FakeEngine

COMBINATION = project().matrix.combinations[3]
VERMAGIC = "6.12.117-amd64 SMP preempt mod_unload modversions"


def archive(**modules: str) -> Archive:
    about = {"modules": {name: {"vermagic": vermagic} for name, vermagic in modules.items()}}
    return Archive(
        path=Path("a"), contents={"lib/x": "digest"}, modes={"lib/x": "0644"}, unpacked_bytes=8192, about=about
    )


CONTENTS = Contents(
    userspace=Archive(
        path=Path("u"), contents={"bin/tool": "d1"}, modes={"bin/tool": "0755"}, unpacked_bytes=4096, about={}
    ),
    modules={t: archive(nvidia=VERMAGIC, uvm=VERMAGIC) for t in (ModuleType.PROPRIETARY, ModuleType.OPEN)},
)


def test_modules_that_disagree_about_vermagic_show() -> None:
    mixed = replace(CONTENTS, modules={ModuleType.OPEN: archive(nvidia="a", uvm="b")})

    assert (vermagic_of(CONTENTS), vermagic_of(mixed)) == (VERMAGIC, "a / b")


def test_a_label_names_the_sources_if_they_are_declared() -> None:
    declared = component(("image: {", 'image: {source: "https://git.example/gpu", '))

    labels = labels_of(declared, COMBINATION, "digest", CONTENTS)
    assert labels["org.opencontainers.image.source"] == "https://git.example/gpu"


def test_labels_name_a_base_that_was_pulled() -> None:
    digest = f"sha256:{'1' * 64}"
    made = project()
    bases = {**made.lock.bases, "RUNTIME": LockedBase(declaration="d", digest=digest, id=digest)}
    images = ImageVersions("image_versions", {"RUNTIME": Base(name="RUNTIME", reference="ghcr.io/site/base:13")})
    pulled = project(lock=made.lock.model_copy(update={"bases": bases}), images=images)

    assert base_labels(made, COMBINATION) == {}
    assert base_labels(pulled, COMBINATION) == {
        "org.opencontainers.image.base.name": "ghcr.io/site/base:13",
        "org.opencontainers.image.base.digest": digest,
    }


def test_labels_say_what_it_is_and_what_it_is_for() -> None:
    assert labels_of(component(), COMBINATION, "digest", CONTENTS) == {
        "org.opencontainers.image.title": "nvidia-installer",
        "org.opencontainers.image.description": "NVIDIA driver 550.163.01 for kernel 6.12.117-amd64",
        "org.opencontainers.image.version": "550.163.01",
        "org.opencontainers.image.vendor": "team/nvidia-installer",
        "org.opencontainers.image.licenses": "Apache-2.0 AND LicenseRef-NVIDIA-Driver",
        "io.nvidia-installer.component": "team/nvidia-installer",
        "io.nvidia-installer.digest": "digest",
        "io.nvidia-installer.combination": COMBINATION.id,
        "io.nvidia-installer.kernel-release": "6.12.117-amd64",
        "io.nvidia-installer.driver-version": "550.163.01",
        "io.nvidia-installer.os-release": "new-2",
        "io.nvidia-installer.module-types": "proprietary open",
        "io.nvidia-installer.vermagic": VERMAGIC,
    }


def test_the_manifest_names_files_modes_modules_and_patches_of_each_type() -> None:
    patches = [Patch(file=f"{name}.patch", reason="it does not compile") for name in ("needed", "other")]
    patched = replace(COMBINATION, patches=tuple(ModulePatch(module_type=ModuleType.OPEN, patch=p) for p in patches))
    opened = CONTENTS.modules[ModuleType.OPEN]
    answers = {"needed.patch": "applied", "other.patch": "not needed"}
    modules_of = {**CONTENTS.modules, ModuleType.OPEN: replace(opened, about={**opened.about, "patches": answers})}
    manifest = installer_manifest(component(), patched, "digest", replace(CONTENTS, modules=modules_of), "tag")

    modules = {"nvidia": {"vermagic": VERMAGIC}, "uvm": {"vermagic": VERMAGIC}}
    assert manifest["module_types"] == {
        "proprietary": {"modules": modules, "patches": [], "files": {"lib/x": "digest"}, "modes": {"lib/x": "0644"}},
        "open": {
            "modules": modules,
            "patches": [{"file": "needed.patch", "reason": "it does not compile"}],
            "files": {"lib/x": "digest"},
            "modes": {"lib/x": "0644"},
        },
    }
    assert manifest["userspace"] == {"files": {"bin/tool": "d1"}, "modes": {"bin/tool": "0755"}}


def test_a_record_that_does_not_tell_of_a_patch_is_damaged() -> None:
    patch_ = Patch(file="a.patch", reason="it does not compile")
    patched = replace(COMBINATION, patches=(ModulePatch(module_type=ModuleType.OPEN, patch=patch_),))

    with pytest.raises(DamagedRecordError):
        installer_manifest(component(), patched, "digest", CONTENTS, "tag")


def test_nothing_in_the_image_says_the_components_version() -> None:
    raised = component(("version: 1.2.3", "version: 1.2.4"))

    assert labels_of(raised, COMBINATION, "d", CONTENTS) == labels_of(component(), COMBINATION, "d", CONTENTS)
    assert installer_manifest(raised, COMBINATION, "d", CONTENTS, "t") == installer_manifest(
        component(), COMBINATION, "d", CONTENTS, "t"
    )


@pytest.mark.parametrize("line", environment_file(COMBINATION, CONTENTS, "tag").splitlines())
def test_the_nodes_scripts_accept_every_line_of_the_brief_manifest(line: str) -> None:
    assert re.fullmatch(r"[A-Z][A-Z0-9_]*=[A-Za-z0-9._+~:@/ -]*", line)


def test_the_brief_manifest_has_the_disk_space_of_each_module_type() -> None:
    lines = environment_file(COMBINATION, CONTENTS, "tag").splitlines()

    assert {"UNPACKED_BYTES_PROPRIETARY=12288", "UNPACKED_BYTES_OPEN=12288"} <= {*lines}


def test_default_parameters_are_a_file_a_module_and_a_line_a_parameter() -> None:
    asked = component(("sources:", "moduleParameters:\n  nvidia-uvm: {uvm_disable_hmm: 1, a: b}\nsources:"))

    assert parameter_files(asked) == {"nvidia-uvm.conf": "uvm_disable_hmm=1\na=b\n"}
    assert parameter_files(component()) == {}


def test_the_drivers_own_list_of_gpus_is_a_file_of_the_image() -> None:
    listed = replace(CONTENTS.userspace, about={"supported_gpus": ["1db6 legacy:580", "2330 both"]})

    assert supported_gpus_file(replace(CONTENTS, userspace=listed)) == {
        f"{HOME}/supported-gpus.txt": b"1db6 legacy:580\n2330 both\n"
    }
    assert supported_gpus_file(CONTENTS) == {}


def built(cache: Cache, combination: Combination = COMBINATION) -> FakeEngine:
    for name in ("u", "a"):
        (cache.root / name).parent.mkdir(parents=True, exist_ok=True)
        (cache.root / name).write_text(f"archive {name}")
    contents = Contents(
        userspace=replace(CONTENTS.userspace, path=cache.root / "u"),
        modules={t: replace(a, path=cache.root / "a") for t, a in CONTENTS.modules.items()},
    )
    # Two drivers of one branch, so that the moving tag is only one's.
    drivers = {"535/amd64": driver("550.9.99"), "550.163.01/amd64": driver("550.163.01")}
    engine, targets = FakeEngine(), Targets(project(root=ROOT, lock=lock(drivers=drivers)))
    ImageBuilder(targets, cache, engine, cache.root).build(combination, contents, "base:1")
    return engine


def files_in(tar: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
        return {m.name: file.read() for m in archive if (file := archive.extractfile(m))}


def loaded(engine: FakeEngine) -> tuple[dict[str, Any], list[dict[str, bytes]]]:
    """Return the configuration of the one image that was loaded, and the files of each of its layers."""
    (archive,) = engine.loaded
    files = files_in(archive)
    (manifest,) = json.loads(files["manifest.json"])
    return json.loads(files[manifest["Config"]]), [files_in(files[layer]) for layer in manifest["Layers"]]


def tags(engine: FakeEngine) -> list[str]:
    """Return the tags of the one image that was built."""
    (image,) = engine.images_there
    assert {of for of, _ in engine.tagged} <= {image.id}
    return [*image.tags, *(tag for _, tag in engine.tagged)]


def test_an_image_has_a_layer_each_for_user_space_modules_and_scripts(tmp_path: Path) -> None:
    _, (base, userspace, modules, scripts) = loaded(built(Cache(tmp_path)))

    assert base == {"base:1": b"base"}
    assert userspace == {f"{HOME}/userspace.tar.zst": b"archive u"}
    assert sorted(modules) == [f"{HOME}/modules-open.tar.zst", f"{HOME}/modules-proprietary.tar.zst"]
    assert json.loads(scripts[f"{HOME}/manifest.json"])["combination"] == COMBINATION.id
    assert scripts[f"{HOME}/bin/nvidia-installer"] == (ROOT / "scripts/node/nvidia-installer").read_bytes()


def test_an_image_has_the_settings_of_the_repository_and_its_own_labels(tmp_path: Path) -> None:
    config, _ = loaded(built(Cache(tmp_path)))

    assert config["config"]["Entrypoint"] == [f"/{HOME}/bin/nvidia-installer"]
    assert config["config"]["Labels"]["io.nvidia-installer.combination"] == COMBINATION.id
    assert [entry["created_by"] for entry in config["history"]] == ["it", "userspace", "modules", "scripts"]


def test_an_image_is_the_same_bytes_every_time(tmp_path: Path) -> None:
    assert built(Cache(tmp_path / "one")).loaded == built(Cache(tmp_path / "two")).loaded


def test_only_the_newest_driver_of_a_branch_gets_the_moving_tag(tmp_path: Path) -> None:
    older = replace(COMBINATION, driver="550.9.99", declared_driver="535")

    assert tags(built(Cache(tmp_path))) == list(references(component().image, COMBINATION))
    assert tags(built(Cache(tmp_path), older)) == [references(component().image, older)[0]]


def test_an_image_that_the_engine_does_not_have_after_its_load_is_an_error(tmp_path: Path) -> None:
    with patch.object(FakeEngine, "load"), pytest.raises(EngineRefusedError, match="has no such image"):
        built(Cache(tmp_path))
