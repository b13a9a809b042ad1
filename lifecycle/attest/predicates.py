"""The predicates of our own statements about an image: that it fits, has booted, is tested, and was made twice alike.

docs/reference/predicates has their JSON schemas, which are written from these models.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from lifecycle.attest.statements import BOOT_PROOF, REPRODUCTION, SYMBOL_PROOF, TESTS
from lifecycle.config.schema import Architecture, ModuleType

Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$", description="A sha256 in hexadecimal form.")]


class _Predicate(BaseModel):
    model_config = ConfigDict(frozen=True, alias_generator=to_camel, populate_by_name=True, extra="forbid")


class CombinationPredicate(_Predicate):
    """The part that all predicates have."""

    combination: str = Field(description="OS release, kernel release and driver version, joined by slashes.")


class InputFile(_Predicate):
    """A locked file that a proof depends on."""

    name: str = Field(description="The name of the package.")
    version: str = Field(description="The version of the package.")
    sha256: Sha256


class ModuleSymbols(_Predicate):
    """The symbols of one kernel module."""

    module_type: ModuleType
    module: str = Field(description="The name of the module, such as nvidia-uvm.")
    vermagic: str = Field(description="The version magic of the module (modinfo(8)).")
    kernel_symbols: int = Field(ge=0, description="Imports that the kernel has to export.")
    matching_symbols: int = Field(ge=0, description="Imports that it exports with the same checksum.")
    sibling_symbols: int = Field(ge=0, description="Imports that another module of the driver exports.")
    signer: str | None = Field(default=None, description="The signer of the module, if it is signed.")


class SymbolProof(CombinationPredicate):
    """Proof that the kernel exports every symbol that the modules import, with the same checksums."""

    kernel_release: str = Field(description="The kernel release, as `uname -r` prints it.")
    architecture: Architecture
    driver_version: str = Field(description="The version of the driver.")
    headers: tuple[InputFile, ...] = Field(min_length=1, description="The packages that have the kernel's symbols.")
    modules: tuple[ModuleSymbols, ...] = Field(min_length=1)


class ModuleLoad(_Predicate):
    """The modules of one type that the booted kernel loaded."""

    module_type: ModuleType
    modules: tuple[str, ...] = Field(
        min_length=1, description="The modules that were live, in /proc/modules' spelling."
    )


class BootProof(CombinationPredicate):
    """Proof that the kernel booted with the image's file system and loaded its modules."""

    kernel_release: str = Field(description="The kernel release, as `uname -r` printed it on the booted machine.")
    kernel: tuple[InputFile, ...] = Field(min_length=1, description="The packages of the kernel that booted.")
    loads: tuple[ModuleLoad, ...] = Field(min_length=1)
    seconds: float = Field(ge=0, description="Seconds from power-on until the end, on an emulated processor.")
    console_sha256: Sha256 = Field(description="The sha256 of the console's log.")
    recorded_at: datetime = Field(description="The time at which the boot ended.")


class SuiteResult(_Predicate):
    """The result of one test suite for one image."""

    name: str = Field(description="The folder of the tests.")
    passed: int = Field(ge=1, description="Tests of this image that passed; none failed.")
    skipped: int = Field(ge=0, description="Tests of this image that do not apply to it.")


class TestsPassed(CombinationPredicate):
    """Proof that all tests of the image passed."""

    __test__ = False  # it is no test of pytest's

    suites: tuple[SuiteResult, ...] = Field(min_length=1)
    versions: dict[str, str] = Field(description="The versions of the tools that ran the tests.")
    recorded_at: datetime = Field(description="The time at which the tests ended.")


class Reproduction(CombinationPredicate):
    """Proof that a second builder made the same image from the provenance."""

    image_id: str = Field(
        pattern="^sha256:[0-9a-f]{64}$", description="The sha256 of the image's configuration, which names every layer."
    )
    commit: str = Field(description="The commit whose code and declarations were built.")
    builder: str = Field(description="The address that stands for the second builder.")


MODELS: Mapping[str, type[CombinationPredicate]] = {
    SYMBOL_PROOF: SymbolProof,
    BOOT_PROOF: BootProof,
    TESTS: TestsPassed,
    REPRODUCTION: Reproduction,
}
