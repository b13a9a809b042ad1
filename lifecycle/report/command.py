"""`invoke report`: write the report as one page."""

from pathlib import Path

from lifecycle.app.output import format_size, print_lines
from lifecycle.app.session import Session
from lifecycle.errors import UsageError, writing
from lifecycle.report.facts import ReportRequest, read_report
from lifecycle.report.page import render
from lifecycle.report.summary import add_summary
from lifecycle.tools.paths import expand

_FOLDER = Path("build/report")
_PAGE = "index.html"


class OutputIsAFileError(UsageError):
    """A folder for the report that is a file."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"--output: {path} is a file, not a folder: name another folder")


def show_report(session: Session, request: ReportRequest, *, output: str) -> str:
    """Write the page into a folder ("" is build/report of the checkout) and print its path. Return the next step.

    The summary of a CI job gets the matrix. Raises OutputIsAFileError, BadPathError and what `read_report` raises.
    """
    folder = expand(output, name="--output").absolute() if output else session.root / _FOLDER
    if folder.exists() and not folder.is_dir():
        raise OutputIsAFileError(folder)
    report = read_report(session, request)
    content = render(report).encode()
    folder.mkdir(parents=True, exist_ok=True)
    page = folder / _PAGE
    with writing(page):
        page.write_bytes(content)
    add_summary(report, session.environ)
    shown = page.relative_to(session.root) if page.is_relative_to(session.root) else page
    print_lines([f"{shown}  {format_size(len(content))}"])
    return f"open {shown} in a browser"
