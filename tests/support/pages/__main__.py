"""`python -m tests.support.pages`, or `nox -s docs`: write the generated parts of the documentation."""

import tempfile
from pathlib import Path

from tests.support.machines.node_image import compile_modules, make_node
from tests.support.pages.node_outputs import OUTPUTS, page_of, table
from tests.support.pages.parts import PARTS, SUPPORT_MATRIX, between_marks

for part in (*PARTS, SUPPORT_MATRIX):
    part.file.write_text(part.expected())
with tempfile.TemporaryDirectory() as name:
    modules = Path(name) / "modules"
    modules.mkdir()
    compile_modules(modules)
    for number, (title, output) in enumerate(OUTPUTS.items()):
        healthy, broken = (make_node(Path(name) / f"{number}-{state}", modules) for state in ("healthy", "broken"))
        page = page_of(output)
        page.write_text(between_marks(page.read_text(), title, table(output, healthy, broken)))
