from pathlib import Path

from lifecycle.radar.pages import FOLDER, write_result
from lifecycle.report.facts import ReportRequest, read_report
from lifecycle.report.page import render
from tests.support.builders.projects import project
from tests.support.fakes.engine import FakeEngine
from tests.support.fakes.sessions import FakeSession
from tests.support.radar.results import WARNING, result

OFFLINE = ReportRequest(offline=True)


def session(folder: Path) -> FakeSession:
    return FakeSession(project(), folder / "cache", FakeEngine())


def test_a_result_of_the_radar_is_a_part_of_the_page(tmp_path: Path) -> None:
    write_result(tmp_path / FOLDER, result())
    page = render(read_report(session(tmp_path), OFFLINE))

    assert '<li><a href="#radar">Kernels to come</a></li>' in page
    assert '<h2 id="radar">Kernels to come</h2>' in page
    assert WARNING in page
    assert '<strong class="flag">does not compile</strong>' in page
    assert "2 with another CRC" in page


def test_the_compilers_words_are_escaped_in_the_page(tmp_path: Path) -> None:
    write_result(tmp_path / FOLDER, result())
    page = render(read_report(session(tmp_path), OFFLINE))

    assert "named &#39;x&#39; | &lt;script&gt;" in page


def test_without_a_result_of_the_radar_the_page_has_no_such_part(tmp_path: Path) -> None:
    assert "Kernels to come" not in render(read_report(session(tmp_path), OFFLINE))
