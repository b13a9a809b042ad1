"""patches/series.yaml: small source patches, each with its conditions and its reason."""

from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from lifecycle.config.schema import Model, ModuleType, shown
from lifecycle.config.validation import read_document, read_text, validate
from lifecycle.config.versions import Range, VersionRange, driver_branch
from lifecycle.errors import ConfigurationError

SERIES = "series.yaml"


def _file_ending_with(suffix: str) -> AfterValidator:
    def check(value: str) -> str:
        if "/" in value or not value.endswith(suffix):
            msg = f"{shown(value)} is not the name of a {suffix} file beside {SERIES}"
            raise ValueError(msg)
        return value

    return AfterValidator(check)


class Patch(Model):
    """A patch, applied with `patch -p1` in the driver's module sources if all of its conditions hold.

    `probe` is a C file that asks the kernel's headers whether the patch is needed: scripts/builder/ask-probes.
    """

    file: Annotated[str, _file_ending_with(".patch")]
    probe: Annotated[str, _file_ending_with(".c")] | None = None
    driver_version: str = "*"
    module_type: ModuleType | None = None
    kernel: Range | None = None
    reason: str = Field(min_length=10)

    @property
    def files(self) -> tuple[str, ...]:
        """The names of the patch and its probe."""
        return (self.file, self.probe) if self.probe else (self.file,)

    def applies(self, *, driver: str, module_type: ModuleType, kernel: str) -> bool:
        """Return whether the patch is for a driver version, a module type and a Linux version such as 6.1.192.

        If the patch has a probe, the headers of the kernel decide among these.
        """
        return (
            (fnmatchcase(driver, self.driver_version) or driver_branch(driver) == self.driver_version)
            and self.module_type in (None, module_type)
            and (self.kernel is None or kernel in VersionRange.parse(self.kernel))
        )


class PatchSeries(Model):
    """All patches, in the order in which they are applied."""

    patches: list[Patch] = []

    def for_modules(self, *, driver: str, module_type: ModuleType, kernel: str) -> tuple[Patch, ...]:
        """Return the patches for these modules, in order."""
        return tuple(p for p in self.patches if p.applies(driver=driver, module_type=module_type, kernel=kernel))


def load_patches(folder: Path) -> PatchSeries:
    """Read patches/series.yaml; without that file there are no patches. Raises ConfigurationError, also for a missing file."""
    if not (folder / SERIES).exists():
        return PatchSeries()
    document = read_document(read_text(folder / SERIES), file=f"{folder.name}/{SERIES}")
    series = validate(PatchSeries, document)
    missing = [
        f"{document.where(('patches', index, key))}: no file {name!r} in {folder.name}/: add it, or take the entry out"
        for index, patch in enumerate(series.patches)
        for key, name in (("file", patch.file), ("probe", patch.probe))
        if name and not (folder / name).is_file()
    ]
    if missing:
        raise ConfigurationError(missing)
    return series
