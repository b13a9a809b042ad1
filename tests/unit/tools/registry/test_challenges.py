import pytest

from lifecycle.tools.registry.challenges import Challenge, parse_challenges

BASIC = Challenge("basic", {"realm": "r"})
BEARER = Challenge("bearer", {"realm": "https://t.example/token", "service": "s", "scope": "repository:a:pull,push"})
BEARER_TEXT = 'Bearer realm="https://t.example/token",service="s",scope="repository:a:pull,push"'


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        (['Basic realm="r"'], [BASIC]),
        ([BEARER_TEXT], [BEARER]),
        (['Basic realm="r"', BEARER_TEXT], [BASIC, BEARER]),
        ([f'Basic realm="r", {BEARER_TEXT}'], [BASIC, BEARER]),
        ([f"{BEARER_TEXT} , BASIC REALM = r"], [BEARER, BASIC]),
        (["Negotiate"], [Challenge("negotiate", {})]),
        (["Negotiate, Basic"], [Challenge("negotiate", {}), Challenge("basic", {})]),
        ([r'Basic realm="a \"b\", Bearer c"'], [Challenge("basic", {"realm": 'a "b", Bearer c'})]),
        (['Bearer realm="x",scope=""'], [Challenge("bearer", {"realm": "x", "scope": ""})]),
        ([""], []),
        ([], []),
    ],
)
def test_each_challenge_of_each_header_is_found(headers: list[str], found: list[Challenge]) -> None:
    assert parse_challenges(headers) == found
