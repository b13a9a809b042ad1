"""What of versions.lock work has to have here: files, and bases that are pulled. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lifecycle.config.image_versions import builder_name
from lifecycle.config.lock import LockedFile
from lifecycle.planning.locked_project import LockedProject
from lifecycle.planning.matrix import Combination
from lifecycle.planning.plan import Plan
from lifecycle.planning.targets import Kind


@dataclass(frozen=True, kw_only=True)
class LockedInputs:
    """Files, each once, and the names of bases."""

    files: Sequence[LockedFile]
    bases: Sequence[str]


def needed_by(
    project: LockedProject, combinations: Sequence[Combination], *, kernel_images: bool = False
) -> LockedInputs:
    """All that combinations need to be built, and if asked, the kernels that their tests boot."""
    files = files_of(project, combinations)
    files += kernel_images_of(project, combinations) if kernel_images else []
    return LockedInputs(files=files, bases=bases_of(project, combinations))


def needed_for(project: LockedProject, plan: Plan) -> LockedInputs:
    """What a plan needs that was made for a project, or for one whose lock has moved since.

    Combinations are known by what is declared: when the lock moves, kernel and driver version change.
    """
    lock, files = project.lock, dict[str, LockedFile]()
    bases = list(dict.fromkeys(action.target.name for action in plan.running(Kind.BASE)))
    compiled, signed, unpacked = (_users(plan, kind) for kind in (Kind.MODULES, Kind.SIGNED, Kind.USERSPACE))
    types = {
        (_declared(user), action.target.module_type)
        for action in plan.running(Kind.MODULES)
        for user in action.combinations
    }
    for combination in project.matrix.combinations:
        declared = _declared(combination)
        driver = lock.driver_for(combination)
        needed = list(driver.userspace) if declared in unpacked else []
        if declared in compiled | signed:
            needed += lock.kernel_for(combination).headers
        for module_type in combination.module_types:
            needed += driver.modules[module_type] if (declared, module_type) in types else []
        files.update((file.sha256, file) for file in needed)
    for name in bases:
        files.update((file.sha256, file) for file in lock.bases[name].packages)
    return LockedInputs(files=list(files.values()), bases=bases)


def _users(plan: Plan, kind: Kind) -> set[tuple[str, str, str]]:
    return {_declared(user) for action in plan.running(kind) for user in action.combinations}


def _declared(combination: Combination) -> tuple[str, str, str]:
    return combination.release, combination.declared_driver, combination.architecture


def bases_of(project: LockedProject, combinations: Iterable[Combination]) -> list[str]:
    """The names of the bases that combinations need, each once."""
    names = [(project.runtime_name(c.architecture), builder_name(c.release)) for c in combinations]
    return list(dict.fromkeys(name for pair in names for name in pair))


def kernel_images_of(project: LockedProject, combinations: Sequence[Combination]) -> list[LockedFile]:
    """The files of the kernels that combinations are for, each once: what their tests boot."""
    kernels = [project.lock.kernel_for(c) for c in combinations]
    return list({file.sha256: file for kernel in kernels for file in kernel.image}.values())


def files_of(project: LockedProject, combinations: Sequence[Combination]) -> list[LockedFile]:
    """The files that combinations need to be built, each once: headers, module sources, user space, bases."""
    lock = project.lock
    files: dict[str, LockedFile] = {}
    for combination in combinations:
        driver = lock.driver_for(combination)
        needed = [*lock.kernel_for(combination).headers, *driver.userspace]
        for module_type in combination.module_types:
            needed += driver.modules[module_type]
        files.update((file.sha256, file) for file in needed)
    for name in bases_of(project, combinations):
        files.update((file.sha256, file) for file in lock.bases[name].packages)
    return list(files.values())
