from pathlib import Path

from lifecycle.config.sources.package_sources import ComingRepository
from tests.support.builders.projects import COMPONENT, component, problems

SUITE = "{archive: Debian, suite: sid, components: [main]}"


def radar(section: str) -> str:
    return COMPONENT.replace("sources:\n", f"radar: {section}\nsources:\n", 1)


def test_without_the_section_no_other_suite_is_asked() -> None:
    assert component().radar == {}


def test_a_suite_may_name_the_release_whose_builder_compiles() -> None:
    suite = "{archive: Debian, suite: sid, components: [main], builder: new-2}"
    (found,) = component(("sources:\n", f"radar: {{old-1: [{suite}]}}\nsources:\n")).radar["old-1"]

    assert (found.suite, found.builder) == ("sid", "new-2")


def test_a_suite_is_a_source_without_its_builder() -> None:
    coming = ComingRepository(archive="Debian", suite="sid", components=["main"], builder="new-2")

    assert coming.source.model_dump(exclude_none=True) == {
        "kind": "apt",
        "repositories": [{"archive": "Debian", "suite": "sid", "components": ["main"]}],
    }


def test_a_release_without_a_source_is_refused_with_its_place(tmp_path: Path) -> None:
    assert problems(tmp_path, radar(f"{{none-3: [{SUITE}]}}")) == [
        "component.yaml:15:9: radar.none-3: no source for release 'none-3': add it under sources.releases, or remove it"
    ]


def test_a_suite_is_checked_as_those_of_a_source(tmp_path: Path) -> None:
    (found,) = problems(tmp_path, radar("{old-1: [{suite: sid, components: [main]}]}"))

    assert "needs either 'archive' (one the machine's apt is set up with) or 'uri' with 'keyring'" in found
