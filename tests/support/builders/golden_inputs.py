"""The small fixed inputs of the golden bytes: a project, a checkout and a cache without dates, paths or real versions."""

import lzma
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from lifecycle.cache.cache import Cache
from lifecycle.config.component import parse_component
from lifecycle.config.image_versions import Base, ImageVersions
from lifecycle.config.lock import Lock, LockedBase, LockedDriver, LockedFile, LockedKernel
from lifecycle.config.patches import Patch, PatchSeries
from lifecycle.config.schema import ModuleType
from lifecycle.config.security import Signer
from lifecycle.config.sources.packages import PackageList
from lifecycle.planning.locked_project import LockedProject
from lifecycle.planning.matrix import Combination
from lifecycle.planning.targets import Kind, Target, Targets
from lifecycle.tools.archive import tar_bytes
from tests.support.builders.debs import real_deb
from tests.support.fakes.recording_engine import sha256

COMPONENT = """\
name: team/component
version: 1.0.0
image: {registry: registry.example, repository: repository}
context:
  releases: [{name: os-1, channel: current}]
  driverVersion: [999.88.77]
  moduleType: [proprietary, open]
  architecture: [amd64]
moduleParameters:
  nvidia: {one: 1}
  nvidia-uvm: {two: b}
sources:
  releases:
    os-1:
      kind: apt
      repositories: [{archive: Archive, suite: suite, components: [main]}]
  drivers:
    999: {kind: packages, release: os-1}
  packages:
    headers: linux-headers-{kernel}
    newestHeaders: linux-headers-{flavour}-{architecture}
    kernelImage: linux-image-{kernel}
    modules: {proprietary: modules, open: open-modules}
    userspace: [libcuda1]
    companions: []
"""
# Writes down what it is called with, but for the paths, which no two machines share.
BOOTSTRAP = """\
#!/bin/sh
set -eu
cd "$(dirname "$0")"
{ ls "$1"; echo "$2"; echo "$SOURCE_DATE_EPOCH"; } >called
cp root.tar "$3"
shift 3
printf '%s\\n' "$@" >>called
"""
SCRIPTS = {
    "dockerfiles/builder/Dockerfile": "FROM builder",
    "dockerfiles/installer/config.json": '{"Cmd": ["install"]}',
    "scripts/base/bootstrap": BOOTSTRAP,
    "scripts/builder/compile.sh": "compile",
    "scripts/builder/headers.sh": "headers",
    "scripts/signer/sign-modules": "sign",
    "scripts/runfile/unpack": "unpack",
    "scripts/node/nvidia-installer": "installer",
    "scripts/node/nvidia-driver": "driver",
    "scripts/node/lib/a.sh": "a",
    "scripts/node/lib/b.sh": "b",
    "patches/a.patch": "patch",
}
DEB = {
    "usr/lib/nvidia/current/nvidia-smi": "smi",
    "usr/bin/nvidia-modprobe": "modprobe",
    "usr/lib/x86_64-linux-gnu/nvidia/current/libcuda.so.9": "cuda",
    "usr/lib/firmware/nvidia/gsp.bin": "gsp" * 3000,
    "usr/share/doc/libcuda1/copyright": "copyright",
    "etc/init.d/left-out": "no",
}
SIGNER = Signer(certificate="certificate", fingerprint="fingerprint", hash="sha256")


class FixedTargets(Targets):
    """Targets whose digests depend on their names alone, so that neither recipes nor formats show in what is made."""

    def recipe(self, kind: Kind) -> dict[str, object]:
        return {"recipe": str(kind)}

    def _once(self, kind: Kind, key: str, make: Callable[[], Target]) -> Target:
        made = super()._once(kind, key, make)
        return replace(made, inputs={"name": made.name})


@dataclass(frozen=True, kw_only=True)
class GoldenInputs:
    """All that a step needs, and its one combination."""

    targets: FixedTargets
    cache: Cache
    folder: Path

    @property
    def project(self) -> LockedProject:
        return self.targets.project

    @property
    def combination(self) -> Combination:
        return self.project.matrix.combinations[0]


def make_world(folder: Path) -> GoldenInputs:
    """Write the checkout and the cache into an empty folder."""
    cache, root = Cache(folder / "cache"), folder / "checkout"
    for name, text in SCRIPTS.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    (root / "scripts/base/bootstrap").chmod(0o755)
    (root / "scripts/base/root.tar").write_bytes(tar_bytes({"etc/os-release": b"ID=os\n"}))
    return GoldenInputs(targets=FixedTargets(_project(folder, root, cache)), cache=cache, folder=folder)


def _project(folder: Path, root: Path, cache: Cache) -> LockedProject:
    def kept(name: str, file_name: str, content: bytes) -> LockedFile:
        digest = sha256(content)
        cache.part(digest).write_bytes(content)
        cache.keep_blob(cache.part(digest), digest)
        return LockedFile(name=name, version="1:2", origin=f"Archive/{file_name}", size=len(content), sha256=digest)

    def deb(name: str) -> LockedFile:
        return kept(name, f"{name}_2.deb", name.encode())

    links, setuid = {"usr/lib/x86_64-linux-gnu/libcuda.so.1": "libcuda.so.9"}, {"usr/bin/nvidia-modprobe": 0o4755}
    real = real_deb(folder, "libcuda1", DEB, links, modes=setuid)
    redistributable = lzma.compress(tar_bytes({"fabric/bin/nv-fabricmanager": b"fabric", "fabric/LICENSE": b"licence"}))
    userspace = [
        kept("libcuda1", "libcuda1_2.deb", real.read_bytes()),
        kept("fabricmanager", "fabric.tar.xz", redistributable),
        kept("driver", "driver.run", b"run"),
    ]
    modules = {t: [deb(f"{t}-modules"), kept(f"{t}-run", "driver.run", b"run")] for t in ModuleType}
    headers = [deb("linux-headers"), deb("linux-kbuild")]
    patch = Patch(file="a.patch", module_type=ModuleType.OPEN, reason="it does not compile")
    return LockedProject(
        root=root,
        component=parse_component(COMPONENT, file="component.yaml"),
        images=ImageVersions("image_versions", {n: Base(name=n, reference="bootstrap:os-1") for n in _BASES}),
        lock=Lock(
            kernels={
                "os-1/amd64": LockedKernel(declaration="d", release="1.2-k-amd64", version="1.2", headers=headers)
            },
            drivers={
                "999.88.77/amd64": LockedDriver(
                    declaration="d", version="999.88.77", modules=modules, userspace=userspace
                )
            },
            bases={name: LockedBase(declaration="d", packages=[deb("bash"), deb("libc6")]) for name in _BASES},
        ),
        series=PatchSeries(patches=[patch]),
        builder_packages=PackageList(include=("gcc",), leave_out=()),
        runtime_packages=PackageList(include=("bash",), leave_out=("dpkg", "perl")),
        recipes={},
        formats={},
        patch_digests={"a.patch": "1"},
        signer=SIGNER,
    )


_BASES = ("BUILDER_OS_1", "RUNTIME")
