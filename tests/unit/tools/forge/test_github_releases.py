"""The addresses for uploads to GitHub: a token goes to the forge's own hosts alone."""

import pytest

from lifecycle.tools.forge.github_releases import upload_address

GITHUB, OWN = "https://api.github.com", "https://git.example.org/api/v3"
PATH = "/repos/team/gpu/releases/1/assets"


@pytest.mark.parametrize(
    ("base", "address"),
    [
        (GITHUB, f"https://uploads.github.com{PATH}"),
        (GITHUB, f"https://api.github.com{PATH}"),
        (OWN, f"https://git.example.org/api/uploads{PATH}"),
    ],
)
def test_the_forge_s_own_address_loses_its_template(base: str, address: str) -> None:
    assert upload_address(base, f"{address}{{?name,label}}") == address


@pytest.mark.parametrize(
    ("base", "address"),
    [
        (GITHUB, "https://uploads.github.com.example.org/x"),
        (GITHUB, "https://uploads.github.com@example.org/x"),
        (GITHUB, "http://uploads.github.com/x"),
        (GITHUB, "https://uploads.github.com:8443/x"),
        (GITHUB, ""),
        (OWN, "https://uploads.github.com/x"),
        (OWN, "http://git.example.org/x"),
        (OWN, "//git.example.org/x"),
    ],
)
def test_any_other_address_is_refused(base: str, address: str) -> None:
    assert upload_address(base, f"{address}{{?name,label}}") is None
