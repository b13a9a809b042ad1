"""The `release` section of component.yaml."""

import pytest

from lifecycle.config.gitops import ReleasePage
from lifecycle.errors import ConfigurationError
from tests.support.builders.projects import component


def test_without_the_section_there_is_no_page() -> None:
    assert component().release is None


@pytest.mark.parametrize("section", ["release:", "release: {}"])
def test_an_empty_section_has_the_defaults(section: str) -> None:
    assert component(("sources:\n", f"{section}\nsources:\n")).release == ReleasePage(forge=None, api=None)


def test_a_forge_and_its_api_can_be_named() -> None:
    section = "release: {forge: gitlab, api: 'https://git.example.org/api/v4'}"
    page = component(("sources:\n", f"{section}\nsources:\n")).release

    assert page is not None
    assert (page.forge, page.api) == ("gitlab", "https://git.example.org/api/v4")


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ("release: {forge: gitea}", "forge: "),
        ("release: {api: git.example.org}", "'git.example.org' is not an address"),
        ("release: {token: x}", "token"),
    ],
)
def test_a_mistake_is_told_with_its_key(section: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        component(("sources:\n", f"{section}\nsources:\n"))

    assert "release." in str(caught.value)
    assert message in str(caught.value)
