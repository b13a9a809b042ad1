"""`python -m tests.support.pages`, or `nox -s docs`: write the generated parts of the documentation."""

from tests.support.pages.parts import PARTS

for part in PARTS:
    part.file.write_text(part.expected())
