"""The result of a boot of an image's own kernel, as the predicate `boot-proof`."""

from datetime import UTC, datetime

from lifecycle.attest.predicates import BootProof, InputFile, ModuleLoad
from lifecycle.planning.locked_project import LockedProject
from lifecycle.planning.matrix import Combination
from lifecycle.tools.digest import sha256_of
from tests.support.machines.guest.machine import Boot


def boot_proof(project: LockedProject, combination: Combination, boot: Boot) -> BootProof:
    """Return the predicate for a boot in which files/install.sh ran."""
    return BootProof(
        combination=combination.id,
        kernel_release=boot["kernel release"].text.strip(),
        kernel=tuple(
            InputFile(name=file.name, version=file.version, sha256=file.sha256)
            for file in project.lock.kernel_for(combination).image
        ),
        loads=tuple(
            ModuleLoad(module_type=module_type, modules=live_modules(boot[f"modules {module_type}"].text))
            for module_type in combination.module_types
        ),
        seconds=round(boot.boot_seconds + sum(section.seconds for section in boot.sections.values()), 1),
        console_sha256=sha256_of(boot.console),
        recorded_at=datetime.now(UTC),
    )


def live_modules(text: str) -> tuple[str, ...]:
    """Return the modules that are live by the text of /proc/modules, sorted."""
    rows = [line.split() for line in text.splitlines() if line.strip()]
    return tuple(sorted(row[0] for row in rows if row[4] == "Live"))
