"""Required inputs: the locked files and pulled base images that a build needs. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lifecycle.config.image_versions import builder_name
from lifecycle.config.lock import LockedFile, LockedKernel
from lifecycle.planning.locked_project import LockedProject
from lifecycle.planning.matrix import Combination
from lifecycle.planning.plan import Plan
from lifecycle.planning.targets import Kind


@dataclass(frozen=True, kw_only=True)
class LockedInputs:
    """Locked files, each once, and the keys of bases."""

    files: Sequence[LockedFile]
    bases: Sequence[str]


def needed_by(
    project: LockedProject, combinations: Sequence[Combination], *, kernel_images: bool = False
) -> LockedInputs:
    """Select the inputs of combinations, with `kernel_images` also the kernels that their tests boot."""
    files = files_of(project, combinations)
    files += kernel_images_of(project, combinations) if kernel_images else []
    return LockedInputs(files=files, bases=bases_of(project, combinations))


def needed_for(project: LockedProject, plan: Plan) -> LockedInputs:
    """Select the inputs of a plan. `project` may have a newer lock than the plan was made for.

    So combinations are matched by their declarations: a new lock may have another kernel or driver version.
    """
    lock, files = project.lock, dict[str, LockedFile]()
    bases = list(dict.fromkeys(action.target.name for action in plan.running(Kind.BASE)))
    compiled, signed, unpacked = (_combinations(plan, kind) for kind in (Kind.MODULES, Kind.SIGNED, Kind.USERSPACE))
    types = {
        (_declared(combination), action.target.module_type)
        for action in plan.running(Kind.MODULES)
        for combination in action.combinations
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


def _combinations(plan: Plan, kind: Kind) -> set[tuple[str, str, str]]:
    return {_declared(combination) for action in plan.running(kind) for combination in action.combinations}


def _declared(combination: Combination) -> tuple[str, str, str]:
    return combination.release, combination.declared_driver, combination.architecture


def bases_of(project: LockedProject, combinations: Iterable[Combination]) -> list[str]:
    """Return the keys of the bases that combinations need, each once."""
    names = [(project.runtime_name(c.architecture), builder_name(c.release)) for c in combinations]
    return list(dict.fromkeys(name for pair in names for name in pair))


def kernel_images_of(project: LockedProject, combinations: Sequence[Combination]) -> list[LockedFile]:
    """Return the packages of the kernels that tests of combinations boot, each once."""
    kernels = [project.lock.kernel_for(c) for c in combinations]
    return list({file.sha256: file for kernel in kernels for file in kernel.image}.values())


def boot_warnings(project: LockedProject, combinations: Iterable[Combination]) -> list[str]:
    """Return a sentence for each release whose kernel no test can boot."""
    kernels = {c.release: project.lock.kernel_for(c) for c in combinations}
    return [warning for name, kernel in kernels.items() if (warning := boot_warning(name, kernel))]


def boot_warning(release: str, kernel: LockedKernel) -> str:
    """Return why no test can boot the kernel of a release, or ""."""
    if kernel.image:
        return ""
    return (
        f"{release}: its source has the headers of {kernel.release}, but no kernel image: `nox -s test_node` leaves its boot out, "
        "all other tests run"
    )


def files_of(project: LockedProject, combinations: Sequence[Combination]) -> list[LockedFile]:
    """Return the files that combinations are built from, each once: headers, module sources, user space, bases."""
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
