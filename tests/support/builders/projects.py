"""Small components, locks and projects to test with."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from lifecycle.cache.patch_states import PatchState, PatchUse
from lifecycle.config.component import Component, load_component
from lifecycle.config.image_versions import Base, ImageVersions
from lifecycle.config.lock import Lock, LockedBase, LockedDriver, LockedFile, LockedKernel
from lifecycle.config.patches import PatchSeries
from lifecycle.config.schema import ModuleType
from lifecycle.config.sources.packages import PackageList
from lifecycle.config.validation import validate
from lifecycle.errors import ConfigurationError
from lifecycle.planning.locked_project import LockedProject
from lifecycle.planning.matrix import Combination
from lifecycle.planning.targets import Kind, Target, Targets
from lifecycle.tools.engine.engine import LocalImage
from lifecycle.tools.labels import LABEL_DIGEST
from lifecycle.yamledit.reader import read_yaml

COMPONENT = """\
name: team/nvidia-installer
version: 1.2.3
image: {registry: "localhost:5000", repository: team/nvidia-installer}
context:
  releases:
    - {name: old-1, channel: previous}
    - {name: new-2, channel: current}
  driverVersion:
    - 535
    - 550.163.01
  moduleType: [proprietary, open]
  architecture: [amd64]
  exclude:
    - {driverVersion: 535, moduleType: open, reason: there are no open modules of it}
sources:
  releases:
    old-1:
      kind: apt
      repositories: [{archive: Debian, suite: old, components: [main]}]
    new-2:
      kind: apt
      repositories: [{archive: Debian, suite: new, components: [main]}]
  drivers:
    535: {kind: packages, release: old-1}
    550: {kind: packages, release: new-2}
  packages:
    headers: linux-headers-{kernel}
    newestHeaders: linux-headers-{flavour}-{architecture}
    kernelImage: linux-image-{kernel}
    modules: {proprietary: nvidia-kernel-dkms, open: nvidia-open-kernel-dkms}
    userspace: [libcuda1]
    companions: [nvidia-modprobe]
"""


def component(*edits: tuple[str, str]) -> Component:
    """Return the component above, with texts replaced."""
    text = COMPONENT
    for old, new in edits:
        assert old in text, old
        text = text.replace(old, new, 1)
    return validate(Component, read_yaml(text, file="component.yaml"))


def locked_file(name: str, version: str = "1") -> LockedFile:
    digest = hashlib.sha256(f"{name} {version}".encode()).hexdigest()
    return LockedFile(name=name, version=version, origin=f"Debian/pool/{name}_{version}.deb", size=1, sha256=digest)


def kernel(release: str, version: str) -> LockedKernel:
    return LockedKernel(
        declaration="d",
        release=release,
        version=version,
        headers=[locked_file(f"linux-headers-{release}", version)],
        image=[locked_file(f"linux-image-{release}", version)],
    )


def driver(version: str, types: Sequence[ModuleType] = tuple(ModuleType)) -> LockedDriver:
    return LockedDriver(
        declaration="d",
        version=version,
        modules={module_type: [locked_file(f"nvidia-{module_type}-dkms", version)] for module_type in types},
        userspace=[locked_file("libcuda1", version)],
    )


def base(name: str) -> LockedBase:
    return LockedBase(declaration="d", packages=[locked_file(f"gcc-for-{name}")])


def lock(
    *, kernels: Mapping[str, LockedKernel] | None = None, drivers: Mapping[str, LockedDriver] | None = None
) -> Lock:
    return Lock(
        kernels=dict(
            kernels
            or {
                "old-1/amd64": kernel("6.1.0-56-cloud-amd64", "6.1.192"),
                "new-2/amd64": kernel("6.12.117-amd64", "6.12.117"),
            }
        ),
        drivers=dict(
            drivers
            or {"535/amd64": driver("535.309.01", [ModuleType.PROPRIETARY]), "550.163.01/amd64": driver("550.163.01")}
        ),
        bases={name: base(name) for name in ("BUILDER_OLD_1", "BUILDER_NEW_2", "RUNTIME")},
    )


def images() -> ImageVersions:
    references = {"BUILDER_OLD_1": "bootstrap:old-1", "BUILDER_NEW_2": "bootstrap:new-2", "RUNTIME": "bootstrap:new-2"}
    return ImageVersions("image_versions", {n: Base(name=n, reference=r) for n, r in references.items()})


def project(**changes: object) -> LockedProject:
    """Return a whole project; `changes` replaces any of its parts."""
    parts: dict[str, object] = {
        "root": Path("/checkout"),
        "component": component(),
        "images": images(),
        "lock": lock(),
        "series": PatchSeries(),
        "builder_packages": PackageList(include=("gcc",), leave_out=()),
        "runtime_packages": PackageList(include=("bash",), leave_out=("dpkg",)),
        "recipes": {
            "base": {"scripts/base/bootstrap": "1"},
            "modules": {"scripts/builder/compile.sh": "1"},
            "userspace": {"scripts/runfile/unpack": "1"},
            "redistributable": {"scripts/redistributable/archive.run": "1"},
            "archive": {},
            "image": {"scripts/node/nvidia-installer": "1"},
        },
        "formats": dict.fromkeys(Kind, 1),
        "patch_digests": {},
        **changes,
    }
    return LockedProject(**parts)  # type: ignore[arg-type]


def every_target(of: LockedProject) -> list[Target]:
    """Return all targets of a project's whole matrix, each once."""
    targets = Targets(of)
    found: dict[str, Target] = {}
    for combination in of.matrix.combinations:
        some = [targets.builder(combination), targets.base("RUNTIME"), targets.userspace(combination)]
        some += [targets.compiled(combination, module_type) for module_type in combination.module_types]
        some += [targets.modules(combination, module_type) for module_type in combination.module_types]
        some += [targets.archive(combination, module_type) for module_type in combination.module_types]
        found.update((target.digest, target) for target in [*some, targets.image(combination)])
    return list(found.values())


def local_image(*tags: str, digest: str | None = None) -> LocalImage:
    return LocalImage(
        id=f"sha256:{'-'.join(tags)}",
        tags=tags,
        size=42_000_000,
        labels={} if digest is None else {LABEL_DIGEST: digest},
    )


def wide(releases: int, *, registry: str = "localhost:5000") -> LockedProject:
    """Return a project of two drivers and some releases, each with its own kernel; the first ones are always the same."""
    names = [f"old-{number}" for number in range(1, releases + 1)]
    listed = "".join(f"    - {{name: {name}, channel: previous}}\n" for name in names)
    start, end = COMPONENT.index("    - {name: old-1"), COMPONENT.index("  driverVersion:")
    text = (COMPONENT[:start] + listed + COMPONENT[end:]).replace("    old-1:\n", "    old-*:\n")
    return project(
        component=validate(Component, read_yaml(text.replace("localhost:5000", registry), file="component.yaml")),
        lock=Lock(
            kernels={f"{name}/amd64": kernel(f"6.1.{n}-amd64", f"6.1.{n}") for n, name in enumerate(names)},
            drivers=lock().drivers,
            bases={
                name: base(name)
                for name in ("RUNTIME", *(f"BUILDER_{name.upper().replace('-', '_')}" for name in names))
            },
        ),
    )


def problems(folder: Path, text: str) -> list[str]:
    """Return the problems of a component.yaml that is refused."""
    path = folder / "component.yaml"
    path.write_text(text)
    try:
        load_component(path)
    except ConfigurationError as error:
        return list(error.problems)
    msg = "component.yaml is accepted"
    raise AssertionError(msg)


def applied_patches(combinations: Iterable[Combination]) -> dict[Combination, list[PatchUse]]:
    """Return the patches of combinations as applied, without asking a cache."""
    return {
        c: [PatchUse(module_type=p.module_type, patch=p.patch, state=PatchState.APPLIED) for p in c.patches]
        for c in combinations
    }
