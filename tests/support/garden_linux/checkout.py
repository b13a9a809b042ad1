"""A checkout as an operator of Garden Linux nodes clones it, whose archive, registry and GitOps repository are those of a test."""

import json
import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import docker

from lifecycle.cache.cache import Cache, default_cache_dir
from lifecycle.cache.required import images_of
from lifecycle.config.lock import Lock, LockedFile, driver_key
from lifecycle.config.schema import Architecture, ModuleType
from lifecycle.planning.locked_project import load_locked_project
from lifecycle.planning.matrix import Combination
from lifecycle.planning.targets import Targets
from tests.support.checkout import ROOT
from tests.support.checkouts.release_checkout import Checkout
from tests.support.committed_copy import committed_copy
from tests.support.garden_linux.archive import PAGE, VERSION
from tests.support.garden_linux.images import forget

RELEASE = f"gardenlinux-{VERSION}"
DRIVER = "550.163.01"
# One release of Debian, whose archive the driver comes from, and one module type: the rest of the matrix is tested elsewhere.
_ONE = {
    "    - {name: debian-12, kernelFlavour: cloud, channel: previous}\n": "",
    "    - {name: debian-13-backports, kernelFlavour: cloud, channel: canary}\n": "",
    "    - 535\n": "",
    "moduleType: [proprietary, open]": "moduleType: [proprietary]",
}
_ARCHIVE = "https://packages.gardenlinux.io/gardenlinux"
_KEYRING = "/usr/share/keyrings/gardenlinux.gpg"
_KMODBUILD = "ghcr.io/gardenlinux/gardenlinux/kmodbuild"


def make_garden_checkout(
    folder: Path, *, archive: str, keyring: Path, registry: str, kmodbuild: str, runtime: str, gitops: Path
) -> Checkout:
    """Make a checkout in a new folder, with its own cache beside it, which has the driver's files if this machine's has them."""
    made = Checkout(committed_copy(folder), {"XDG_CACHE_HOME": str(folder.with_name("cache"))})
    # The archive and its keyring are also in a comment, for Swift.
    text = (folder / "component.yaml").read_text().replace(_ARCHIVE, archive).replace(_KEYRING, str(keyring))
    (folder / "component.yaml").write_text(text.replace(_KMODBUILD, kmodbuild))
    builder = f"      builder: {kmodbuild}:{{architecture}}-{{version}}\n"
    edits = {
        f"{builder}      repositories:": f"{builder}      versions: {archive}/{PAGE}\n      repositories:",
        "registry: localhost:5000": f'registry: "{registry}"',
        "repository: build/gitops.git": f"repository: {gitops}",
    }
    made.edit("component.yaml", {**_ONE, **edits})
    made.edit("image_versions", {"RUNTIME=bootstrap:debian-13": f"RUNTIME={runtime}"})
    made.commit("this site's archive and registry")
    driver = Lock.load(ROOT / "versions.lock").drivers[driver_key(DRIVER, Architecture.AMD64)]
    files = [*driver.userspace, *driver.modules[ModuleType.PROPRIETARY]]
    _take_inputs(files, Cache(folder.with_name("cache") / "nvidia-installer"))
    return made


def _take_inputs(files: Iterable[LockedFile], cache: Cache) -> None:
    machine = Cache(default_cache_dir(os.environ))
    for file in files:
        if machine.has_blob(file.sha256):
            part = cache.part(file.sha256)
            shutil.copyfile(machine.blob(file.sha256), part)
            cache.keep_blob(part, file.sha256)


def combination_of(checkout: Checkout) -> Combination:
    """Return the one combination of the Garden Linux release."""
    (found,) = [c for c in load_locked_project(checkout.folder).matrix.combinations if c.release == RELEASE]
    return found


def forget_images(checkout: Checkout, engine: docker.DockerClient, registry: str) -> None:
    """Remove from the engine what the checkout has pulled and built."""
    targets = Targets(load_locked_project(checkout.folder))
    # Not `images.list()`, which asks for each image, also for those that others remove meanwhile.
    named = [tag for image in engine.api.images() for tag in image["RepoTags"] or () if tag.startswith(f"{registry}/")]
    forget(engine, [*named, *images_of(targets, [combination_of(checkout)])])


def nodes(*lines: Mapping[str, str]) -> str:
    """Return what `kubectl get nodes -o json` prints of GPU nodes with Garden Linux, each with `name`, `version`, `kernel`."""
    items: list[dict[str, Any]] = [
        {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": line["name"], "labels": {"kubernetes.io/arch": "amd64"}},
            "status": {
                "capacity": {"nvidia.com/gpu": "1"},
                "conditions": [{"type": "Ready", "status": "True"}],
                "nodeInfo": {
                    "architecture": "amd64",
                    "kernelVersion": line["kernel"],
                    "operatingSystem": "linux",
                    "osImage": f"Garden Linux {line['version']}",
                },
            },
        }
        for line in lines
    ]
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
