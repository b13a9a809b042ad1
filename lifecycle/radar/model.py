"""The result of a radar run: a judgement of each driver's modules on each coming kernel, as radar.json has it."""

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from lifecycle.config.schema import Architecture, ModuleType


class Verdict(StrEnum):
    """The verdict on the modules of one type of a driver for a kernel."""

    FITS = "fits"
    PATCHED = "fits with patches"
    BREAKS = "does not compile"
    UNFIT = "compiles, but its kernel would refuse it"
    UNKNOWN = "not compiled yet"
    NOT_JUDGED = "not judged"


class CauseKind(StrEnum):
    """The kind of the first error of a compile, or of a check of compiled modules."""

    HEADER = "missing header"
    FUNCTION = "missing function"
    TYPE = "missing type"
    MEMBER = "missing member"
    SIGNATURE = "changed signature"
    LICENCE = "GPL-only symbol"
    PATCH = "patch does not apply"
    SYMBOL = "missing or changed symbol"
    FAULT = "fault of the machine"
    OTHER = "other"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=to_camel, populate_by_name=True)


class Cause(_Part):
    """The first error. `place` is `file:line` in the driver's sources, `name` the identifier that it is about; "" for none."""

    kind: CauseKind
    place: str = ""
    name: str = ""
    words: str


class SymbolChanges(_Part):
    """The kernel's symbols that today's modules import, `compared` in number, and their changes in the coming kernel.

    `changed` have another CRC; it is None unless both kernels have CRCs. `refused` are those of `gpl_only` that a module whose
    licence does not allow them imports.
    """

    compared: int
    missing: tuple[str, ...] = ()
    changed: tuple[str, ...] | None = None
    gpl_only: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()


class Arrival(_Part):
    """The time until a kernel reaches the release: `days` where they are known, and words for people."""

    days: int | None
    words: str


class ModulesJudgement(_Part):
    """The judgement of the modules of one type of a driver for a coming kernel.

    `excluded` is the reason of an exclusion by kernel that component.yaml already has for them, "" for none. `new` is true if they
    were compiled in this run. `helps` are patches of the series that name what the first error is about, but are not for these
    modules. `reason` is why there is no judgement.
    """

    driver: str
    module_type: ModuleType
    digest: str
    verdict: Verdict
    patches: tuple[str, ...] = ()
    cause: Cause | None = None
    helps: tuple[str, ...] = ()
    symbols: SymbolChanges | None = None
    excluded: str = ""
    new: bool = False
    reason: str = ""

    @property
    def is_new_break(self) -> bool:
        """True if the modules do not fit, and no exclusion says so yet."""
        return self.verdict in (Verdict.BREAKS, Verdict.UNFIT) and not self.excluded


class KernelJudgement(_Part):
    """A coming kernel of a release with its judgements. `package` is the version of its headers, `suite` where it was found."""

    release: str
    channel: str
    architecture: Architecture
    current: str
    kernel: str
    linux: str
    package: str
    suite: str
    builder: str
    arrival: Arrival
    modules: tuple[ModulesJudgement, ...]


class RadarResult(_Part):
    """The result of a run. `warnings` are archives and kernels that could not be read, a sentence each."""

    at: datetime
    kernels: tuple[KernelJudgement, ...]
    warnings: tuple[str, ...]

    @property
    def breaks(self) -> list[str]:
        """The new breaks: `debian-13/7.4.1-cloud-amd64/550.163.01 open`."""
        return self._named(lambda modules: modules.is_new_break)

    @property
    def not_judged(self) -> list[str]:
        """The modules without a judgement, named as in `breaks`."""
        return self._named(lambda modules: modules.verdict is Verdict.NOT_JUDGED)

    def _named(self, condition: Callable[[ModulesJudgement], bool]) -> list[str]:
        return [
            f"{kernel.release}/{kernel.kernel}/{modules.driver} {modules.module_type}"
            for kernel in self.kernels
            for modules in kernel.modules
            if condition(modules)
        ]
