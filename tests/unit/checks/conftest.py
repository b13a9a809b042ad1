"""Small kernel modules, compiled on this machine: relocatable ELF files with the sections that the kernel reads."""

from pathlib import Path

import pytest

from tests.support.builders.kernel_modules import MakeModule, module_maker


@pytest.fixture
def make_module(tmp_path: Path) -> MakeModule:
    """Return a function that compiles a module with a given .modinfo, imports (symbol to CRC), exports and build options."""
    return module_maker(tmp_path)
