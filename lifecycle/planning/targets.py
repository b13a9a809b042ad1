"""Targets: everything that can be built. The digest of its inputs identifies a target. Pure.

The `inputs` of a target are plain data: sha256 of files and recipes, format numbers, options, and the digests of the targets that
it is made of. Equal inputs have equal digests. The difference between two targets' inputs tells why one has to be built again.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from lifecycle.config.image_versions import RUNTIME, builder_name
from lifecycle.config.lock import LockedFile
from lifecycle.config.schema import ModuleType
from lifecycle.config.security import Signer
from lifecycle.planning.locked_project import LockedProject
from lifecycle.planning.matrix import Combination
from lifecycle.tools.digest import digest_of, short
from lifecycle.tools.file_format import FileFormat, format_of
from lifecycle.tools.reproducible import SOURCE_DATE_EPOCH

_LISTED = 4


class Kind(StrEnum):
    """The kinds of targets, in the order of the lifecycle. SIGNED exists only if component.yaml declares `signing`."""

    BASE = "base"
    MODULES = "modules"
    SIGNED = "signed"
    USERSPACE = "userspace"
    ARCHIVE = "archive"
    IMAGE = "image"


# The kinds in the remote cache. Images are pushed to their own repository; bases are bootstrapped or pulled.
SHARED_KINDS = (Kind.MODULES, Kind.SIGNED, Kind.USERSPACE, Kind.ARCHIVE)


@dataclass(frozen=True, kw_only=True)
class Target:
    """One target. `name` is for people and stays the same when inputs change; `module_type` is that of the modules in it."""

    kind: Kind
    name: str
    inputs: Mapping[str, object]
    module_type: ModuleType | None = None

    @cached_property
    def digest(self) -> str:
        """The sha256 of the inputs, as hex."""
        return digest_of([str(self.kind), self.inputs])


def module_type_of(target: Target) -> ModuleType:
    """Return the module type of a target of modules. Raises ValueError for any other target."""
    if target.module_type is None:
        msg = f"{target.kind} {target.name} has no module type"
        raise ValueError(msg)
    return target.module_type


def modules_name(combination: Combination, module_type: ModuleType) -> str:
    """Return the name of a combination's modules of one type: `6.1.0-56-cloud-amd64/535.309.01/open`."""
    return f"{combination.kernel_name}/{combination.driver}/{module_type}"


def base_tag(target: Target) -> str:
    """Return the local tag of a base image. Names of image_versions with the same inputs share one tag."""
    return f"nvidia-installer/base:{short(target.digest)}"


def hashes(files: Sequence[LockedFile]) -> dict[str, str]:
    """Return locked files as an input: name and version to sha256."""
    return {f"{file.name}={file.version}": file.sha256 for file in files}


class Targets:
    """The targets of one project, each computed once."""

    def __init__(self, project: LockedProject) -> None:
        self.project = project
        self._known: dict[tuple[Kind, str], Target] = {}

    def _once(self, kind: Kind, key: str, make: Callable[[], Target]) -> Target:
        if (kind, key) not in self._known:
            self._known[kind, key] = make()
        return self._known[kind, key]

    def recipe(self, kind: Kind) -> dict[str, object]:
        """Return this repository's own part of a kind's inputs: its format number, and the sha256 of its recipe's files."""
        files = dict(self.project.recipes[kind])
        return {"format": self.project.formats.get(kind, 0), **({"recipe": files} if files else {})}

    def base(self, name: str) -> Target:
        """Return the base image of a name in image_versions.

        A pulled base has no format number: it is the registry's bytes, and this code only gives it a local name.
        """
        return self._once(Kind.BASE, name, lambda: self._base(name))

    def _base(self, name: str) -> Target:
        locked = self.project.lock.bases[name]
        packages = self.project.runtime_packages if name.startswith(RUNTIME) else self.project.builder_packages
        inputs: dict[str, object] = {"image": locked.digest}
        if locked.digest is None:
            inputs = {
                "packages": hashes(locked.packages),
                "left out": list(packages.leave_out),
                **self.recipe(Kind.BASE),
                "epoch": SOURCE_DATE_EPOCH,
            }
        return Target(kind=Kind.BASE, name=name, inputs=inputs)

    def builder(self, combination: Combination) -> Target:
        """Return the base in which a combination's modules are compiled."""
        return self.base(builder_name(combination.release))

    def runtime(self, combination: Combination) -> Target:
        """Return the base of a combination's image, for its architecture."""
        return self.base(self.project.runtime_name(combination.architecture))

    def modules(self, combination: Combination, module_type: ModuleType) -> Target:
        """Return the kernel modules of one type as they ship: compiled, and signed if `signing` is declared."""
        compiled, signer = self.compiled(combination, module_type), self.project.signer
        if signer is None:
            return compiled
        return self._once(Kind.SIGNED, f"{combination.id} {module_type}", lambda: self._signed(compiled, signer))

    def _signed(self, compiled: Target, signer: Signer) -> Target:
        return Target(
            kind=Kind.SIGNED,
            name=compiled.name,
            module_type=compiled.module_type,
            inputs={
                "modules": compiled.digest,
                "certificate": signer.fingerprint,
                "hash": signer.hash,
                **self.recipe(Kind.SIGNED),
            },
        )

    def compiled(self, combination: Combination, module_type: ModuleType) -> Target:
        """Return the compiled modules of one type. Releases with the same kernel and builder share them."""
        return self._once(
            Kind.MODULES, f"{combination.id} {module_type}", lambda: self._compiled(combination, module_type)
        )

    def _compiled(self, combination: Combination, module_type: ModuleType) -> Target:
        patches = [name for p in combination.patches if p.module_type is module_type for name in p.patch.files]
        sources = self.project.lock.driver_for(combination).modules[module_type]
        is_archive = any(format_of(file.file_name) is FileFormat.REDISTRIBUTABLE for file in sources)
        return Target(
            kind=Kind.MODULES,
            name=modules_name(combination, module_type),
            module_type=module_type,
            inputs={
                "kernel": hashes(self.project.lock.kernel_for(combination).headers),
                "sources": hashes(sources),
                **({"unpacked by": dict(self.project.recipes["redistributable"])} if is_archive else {}),
                "patches": {name: self.project.patch_digests[name] for name in patches},
                "builder": self.builder(combination).digest,
                **self.recipe(Kind.MODULES),
                "module type": str(module_type),
                "epoch": SOURCE_DATE_EPOCH,
            },
        )

    def userspace(self, combination: Combination) -> Target:
        """Return the user-space archive of a combination's driver, which all kernels share."""
        key = f"{combination.declared_driver}/{combination.architecture}"
        return self._once(Kind.USERSPACE, key, lambda: self._userspace(combination))

    def _userspace(self, combination: Combination) -> Target:
        return Target(
            kind=Kind.USERSPACE,
            name=f"{combination.driver}/{combination.architecture}",
            inputs={
                "packages": hashes(self.project.lock.driver_for(combination).userspace),
                **self.recipe(Kind.USERSPACE),
            },
        )

    def archive(self, combination: Combination, module_type: ModuleType) -> Target:
        """Return the archive of the modules of one type."""
        return self._once(
            Kind.ARCHIVE,
            f"{combination.id} {module_type}",
            lambda: self._archive(self.modules(combination, module_type)),
        )

    def _archive(self, modules: Target) -> Target:
        return Target(
            kind=Kind.ARCHIVE,
            name=modules.name,
            module_type=modules.module_type,
            inputs={"modules": modules.digest, **self.recipe(Kind.ARCHIVE)},
        )

    def image(self, combination: Combination) -> Target:
        """Return the installer image of a combination. It contains the OS release's name, so each release has its own image.

        The component's version is not an input. So a release without changes to an image builds, tests and pushes nothing.
        """
        return self._once(Kind.IMAGE, combination.id, lambda: self._image(combination))

    def _image(self, combination: Combination) -> Target:
        component = self.project.component
        return Target(
            kind=Kind.IMAGE,
            name=combination.id,
            inputs={
                "runtime": self.runtime(combination).digest,
                "user space": self.userspace(combination).digest,
                "modules": {str(t): self.archive(combination, t).digest for t in combination.module_types},
                **self.recipe(Kind.IMAGE),
                "combination": combination.id,
                "name": component.name,
                "parameters": component.module_parameters,
                **({"source": component.image.source} if component.image.source else {}),
            },
        )


def changed_inputs(old: Mapping[str, object], new: Mapping[str, object]) -> list[str]:
    """Return what differs between two targets' inputs, a line each: `format: 1 -> 2`, `sources: a=1 -> a=2`."""
    lines = []
    for key in sorted({*old, *new}):
        before, after = old.get(key), new.get(key)
        if before == after:
            continue
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            names = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
            removed = [name for name in names if name not in after]
            added = [name for name in names if name not in before]
            changed = [name for name in names if name in before and name in after]
            parts = [f"{_join(removed)} -> {_join(added)}"] if removed or added else []
            parts += [f"{_join(changed)} changed"] if changed else []
            lines.append(f"{key}: {', '.join(parts)}")
        elif isinstance(after, int):
            lines.append(f"{key}: {'none' if before is None else before} -> {after}")
        else:
            lines.append(f"{key} changed")
    return lines


def _join(names: list[str]) -> str:
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return (" ".join(names[:_LISTED]) or "nothing") + more
