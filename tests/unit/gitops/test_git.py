import base64

import pytest

from lifecycle.gitops.git import PlainTokenError, remote

TOKEN = {"INVOKE_GITOPS_TOKEN": "secret-4711"}


def test_a_token_goes_to_its_own_host_and_into_the_environment_only() -> None:
    there = remote("https://git.example.org/values.git", {**TOKEN, "GIT_CONFIG_COUNT": "1"})

    assert there.environ["GIT_CONFIG_COUNT"] == "2"
    assert there.environ["GIT_CONFIG_KEY_1"] == "http.https://git.example.org/.extraHeader"
    assert there.environ["GIT_CONFIG_VALUE_1"].split() == [
        "Authorization:", "Basic", base64.b64encode(b"oauth2:secret-4711").decode()
    ]  # fmt: skip
    assert "4711" not in repr(there)


def test_a_token_is_not_sent_without_tls_but_on_this_machine() -> None:
    with pytest.raises(PlainTokenError, match="the token would be sent without TLS: write https://"):
        remote("http://git.example.org/values.git", TOKEN)
    assert remote("http://127.0.0.1:1/values.git", TOKEN).environ["GIT_CONFIG_COUNT"] == "1"


@pytest.mark.parametrize(
    "address", ["git@git.example.org:values.git", "ssh://git.example.org/values.git", "/srv/values.git"]
)
def test_a_token_is_for_https_alone(address: str) -> None:
    assert "GIT_CONFIG_COUNT" not in remote(address, TOKEN).environ


def test_nobody_is_asked_for_anything() -> None:
    environ = remote("git@git.example.org:values.git", {}).environ

    assert (environ["GIT_TERMINAL_PROMPT"], environ["GIT_SSH_COMMAND"]) == ("0", "ssh -oBatchMode=yes")
    assert remote("git@git.example.org:values.git", {"GIT_SSH_COMMAND": "mine"}).environ["GIT_SSH_COMMAND"] == "mine"
