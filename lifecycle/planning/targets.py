"""What can be made, each named by the digest of what goes into it. Pure.

A target's `inputs` are plain data: files' sha256, recipes' sha256, format numbers, options, and the digests of the
targets it needs. The same inputs give the same digest, and two targets' inputs compared say why one has to be made anew.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from lifecycle.config.image_versions import RUNTIME, builder_name
from lifecycle.config.lock import LockedFile
from lifecycle.config.schema import ModuleType
from lifecycle.config.signing import Signer
from lifecycle.planning.locked_project import LockedProject
from lifecycle.planning.matrix import Combination
from lifecycle.tools.digest import digest_of, short
from lifecycle.tools.reproducible import SOURCE_DATE_EPOCH

_LISTED = 4


class Kind(StrEnum):
    """The kinds of targets, in the order of the lifecycle; SIGNED only where component.yaml declares `signing`."""

    BASE = "base"
    MODULES = "modules"
    SIGNED = "signed"
    USERSPACE = "userspace"
    ARCHIVE = "archive"
    IMAGE = "image"


# What machines share through a store: images are pushed, bases are made of packages or pulled.
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


def base_tag(target: Target) -> str:
    """The local name of a base image: the same for all names of image_versions that come to the same inputs."""
    return f"nvidia-installer/base:{short(target.digest)}"


def hashes(files: Sequence[LockedFile]) -> dict[str, str]:
    """Locked files as input: name and version to sha256."""
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
        """The base that a combination's modules are compiled in."""
        return self.base(builder_name(combination.release))

    def runtime(self, combination: Combination) -> Target:
        """The base of a combination's image, of its architecture."""
        return self.base(self.project.runtime_name(combination.architecture))

    def modules(self, combination: Combination, module_type: ModuleType) -> Target:
        """The kernel modules of one type as they ship: as they were compiled, or signed where `signing` is declared."""
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
        """The compiled modules of one type. The OS release is no input: releases that share a kernel share its modules."""
        return self._once(
            Kind.MODULES, f"{combination.id} {module_type}", lambda: self._compiled(combination, module_type)
        )

    def _compiled(self, combination: Combination, module_type: ModuleType) -> Target:
        patches = [p.patch.file for p in combination.patches if p.module_type is module_type]
        return Target(
            kind=Kind.MODULES,
            name=f"{combination.kernel}/{combination.driver}/{module_type}",
            module_type=module_type,
            inputs={
                "kernel": hashes(self.project.lock.kernel_for(combination).headers),
                "sources": hashes(self.project.lock.driver_for(combination).modules[module_type]),
                "patches": {name: self.project.patch_digests[name] for name in patches},
                "builder": self.builder(combination).digest,
                **self.recipe(Kind.MODULES),
                "module type": str(module_type),
                "epoch": SOURCE_DATE_EPOCH,
            },
        )

    def userspace(self, combination: Combination) -> Target:
        """The driver's user-space archive: one a driver, the same for every kernel."""
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
        """The archive of one module type's modules."""
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
        """The installer image of a combination. It names its OS release, so that one that shares a kernel has its own.

        The component's version is no input: a release that changes no image builds, tests and pushes none.
        """
        return self._once(Kind.IMAGE, combination.id, lambda: self._image(combination))

    def _image(self, combination: Combination) -> Target:
        return Target(
            kind=Kind.IMAGE,
            name=combination.id,
            inputs={
                "runtime": self.runtime(combination).digest,
                "user space": self.userspace(combination).digest,
                "modules": {str(t): self.archive(combination, t).digest for t in combination.module_types},
                **self.recipe(Kind.IMAGE),
                "combination": combination.id,
                "name": self.project.component.name,
                "parameters": self.project.component.module_parameters,
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
            gone = [name for name in names if name not in after]
            come = [name for name in names if name not in before]
            same = [name for name in names if name in before and name in after]
            parts = [f"{_listed(gone)} -> {_listed(come)}"] if gone or come else []
            parts += [f"{_listed(same)} changed"] if same else []
            lines.append(f"{key}: {', '.join(parts)}")
        elif isinstance(after, int):
            lines.append(f"{key}: {'none' if before is None else before} -> {after}")
        else:
            lines.append(f"{key} changed")
    return lines


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return (" ".join(names[:_LISTED]) or "nothing") + more
