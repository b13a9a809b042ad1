"""Small real kernel modules, made by the machine's compiler: relocatable ELF files with the sections the kernel reads."""

from pathlib import Path

import pytest

from tests.support.builders.kernel_modules import MakeModule, module_maker


@pytest.fixture
def make_module(tmp_path: Path) -> MakeModule:
    """Make a module: its .modinfo, what it imports (symbol to CRC), what it exports, and how it was built."""
    return module_maker(tmp_path)
