"""Synthetic but valid checkouts with any number of releases."""

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import yaml

from benchmarks.builds import OurBuild
from lifecycle.config.image_versions import RUNTIME, builder_name
from lifecycle.config.lock import Lock, LockedBase, LockedDriver, LockedFile, LockedKernel
from lifecycle.config.schema import ModuleType
from lifecycle.planning.declarations import base_declarations, driver_declarations, kernel_declarations
from lifecycle.planning.locked_project import LockedProject, load_locked_project
from lifecycle.planning.project import COMPONENT, IMAGE_VERSIONS, LOCK, Project, load_project
from lifecycle.yamledit.reader import read_yaml

# One version of each branch in NVIDIA's release notes since 2023. The choice has no effect on the measurements.
DRIVERS = ["535.309.01", "550.163.01", "560.35.05", "565.57.01", "570.211.01", "575.64.05", "580.126.09", "590.48.01"]
ARCHITECTURES = ["amd64", "arm64"]
_BASE_PACKAGES = 80  # the packages of a bootstrapped builder, dependencies included


def write_checkout(root: Path, folder: Path, *, releases: int, registry: str) -> LockedProject:
    """Write a copy of the checkout `root` whose component has 8 drivers, 2 module types, 2 architectures and the given releases.

    The copy is in `folder`/checkout. Its images belong in `registry` (`host:port`).
    """
    checkout = OurBuild.prepare(root, folder, "").checkout
    names = [f"gardenlinux-2000.{number}" for number in range(releases)]
    document: Any = read_yaml((checkout / COMPONENT).read_text(), file=COMPONENT.name).data
    document.pop("radar", None)  # it is of the releases that are replaced
    document |= {
        "image": {**document["image"], "registry": registry},
        "context": _context(names),
        "gitops": _gitops(names),
    }
    document["sources"] |= {
        "releases": {"gardenlinux-*": {"kind": "apt", "repositories": [_REPOSITORY]}},
        "drivers": {"*": {"kind": "packages", "release": names[0]}},
    }
    (checkout / COMPONENT).write_text(yaml.safe_dump(document, sort_keys=False))
    bases = [*(f"{builder_name(name)}=bootstrap:{name}\n" for name in names), f"{RUNTIME}=bootstrap:{names[0]}\n"]
    (checkout / IMAGE_VERSIONS).write_text("".join(bases))
    (checkout / LOCK).unlink()
    (checkout / LOCK).write_text(_lock(load_project(checkout)).dump())
    return load_locked_project(checkout)


_REPOSITORY = {
    "uri": "https://packages.gardenlinux.io/gardenlinux",
    "keyring": "/usr/share/keyrings/gardenlinux.gpg",
    "suite": "{version}",
    "components": ["main"],
}


def _context(names: Sequence[str]) -> dict[str, object]:
    channels = ["previous", "current", "canary"]
    return {
        "releases": [{"name": name, "channel": channels[number % 3]} for number, name in enumerate(names)],
        "driverVersion": DRIVERS,
        "moduleType": [str(module_type) for module_type in ModuleType],
        "architecture": ARCHITECTURES,
        "exclude": [
            {
                "driverVersion": "535.*",
                "moduleType": "open",
                "kernel": f"=={_linux(number)}",
                "reason": "does not compile",
            }
            for number in range(4)
        ],
    }


def _gitops(names: Sequence[str]) -> dict[str, object]:
    item = "installers[release={release},driver={branch},architecture={architecture}]"
    return {
        "repository": "build/gitops.git",
        "mode": "commit",
        "values": [
            {
                "file": "values/{release}.yaml",
                "set": {
                    f"{item}.version": "{driver}",
                    f"{item}.image.repository": "{image}",
                    f"{item}.image.digest": "{digest}",
                },
            }
        ],
        "pools": [
            {
                "file": "clusters/*/shoot.yaml",
                "match": "infer-*",
                "only": f"{names[0]}/*-amd64/580",
                "set": {"machine.image.version": "{osVersion}", "labels.nvidia-driver": "{branch}"},
            }
        ],
    }


def _linux(number: int) -> str:
    return f"6.12.{number + 100}"


def _file(name: str, version: str) -> LockedFile:
    origin = f"https://packages.gardenlinux.io/gardenlinux/pool/main/{name[0]}/{name}/{name}_{version}.deb"
    return LockedFile(name=name, version=version, origin=origin, size=1, sha256=sha256(origin.encode()).hexdigest())


def _lock(project: Project) -> Lock:
    """Return a lock with a made-up entry for every declaration of a project."""
    packages = project.component.sources.packages
    kernels = {}
    for number, (key, declared) in enumerate(kernel_declarations(project).items()):
        linux = _linux(number // len(ARCHITECTURES))
        names = [
            f"linux-headers-{linux}-cloud-{declared.architecture}",
            f"linux-headers-{linux}-common",
            f"linux-kbuild-{linux}",
        ]
        kernels[key] = LockedKernel(
            declaration=declared.digest,
            release=f"{linux}-cloud-{declared.architecture}",
            version=linux,
            headers=[_file(name, f"{linux}-1") for name in names],
            image=[_file(f"linux-image-{linux}-cloud-{declared.architecture}", f"{linux}-1")],
        )
    drivers = {
        key: LockedDriver(
            declaration=declared.digest,
            version=key.partition("/")[0],
            modules={t: [_file(packages.modules[t], f"{key.partition('/')[0]}-1")] for t in ModuleType},
            userspace=[
                _file(name.partition(" ")[0], f"{key.replace('/', '-1_')}")
                for name in [*packages.userspace, *packages.companions]
            ],
        )
        for key, declared in driver_declarations(project).items()
    }
    bases = {
        key: LockedBase(
            declaration=declared.digest,
            packages=[
                _file(f"package-{number}", f"{key.lower().replace('/', '-')}-1") for number in range(_BASE_PACKAGES)
            ],
        )
        for key, declared in base_declarations(project).items()
    }
    return Lock(kernels=kernels, drivers=drivers, bases=bases)
