"""The `gitops` section of component.yaml."""

import pytest

from lifecycle.config.component import Component
from lifecycle.errors import ConfigurationError
from tests.support.builders.projects import component

SECTION = """\
gitops:
  repository: git@git.example.org:team/values.git
  values:
    - file: values/{release}.yaml
      only: 550
      set:
        image.digest: "{digest}"
sources:
"""


def parsed(old: str = "", new: str = "") -> Component:
    assert old in SECTION
    return component(("sources:\n", SECTION.replace(old, new) if old else SECTION))


def test_a_section_is_read_with_its_defaults() -> None:
    section = parsed().gitops
    assert section is not None

    assert (section.branch, section.mode, section.pools) == ("main", "pull-request", [])
    assert section.values[0].only == "550"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("{digest}", "{digets}", "unknown placeholder {digets}: did you mean {digest}?"),
        ("image.digest", "image..digest", "'image..digest' is not a path of keys"),
        ("values/{release}.yaml", "../{release}.yaml", "is not a path inside the repository"),
        ("values/{release}.yaml", "/etc/{release}.yaml", "is not a path inside the repository"),
        (
            "git@git.example.org:team",
            "https://me:hunter2@git.example.org/team",
            "it contains a password: remove it, and set",
        ),
        (
            "{digest}",
            "{digest",
            "set.image.digest: '{digest' has a brace too many or too few: write a placeholder as {name}",
        ),
        ("{digest}", "{{digest}}", "'{{digest}}' has a brace too many or too few: write a placeholder as {name}"),
        ("{digest}", "{}", "unknown placeholder {}: write one of {release}, "),
        ("{release}.yaml", "{release.yaml", "'values/{release.yaml' has a brace too many or too few"),
        ("image.digest", '"image.{driver"', "image.{driver: 'image.{driver' has a brace too many or too few"),
        ("git@git.example.org:team", "github.com/team", "'github.com/team/values.git' has no scheme: write https://"),
        ("git@git.example.org:team", "git@github.com/team", "'git@github.com/team/values.git' has no scheme: write"),
        ("git@git.example.org:team", "localhost:3000/team", "'localhost:3000/team/values.git' has no scheme: write"),
        (
            "git@git.example.org:team",
            "https:/github.com/team",
            "has one slash after 'https:': write two, as in https://git",
        ),
        ("git@git.example.org:team", "hg://h/team", "hg:// is not supported: write one of https://, http://, ssh://"),
        ("git@git.example.org:team", "https:///team", "it has no host: write an address such as https://"),
        (
            "git@git.example.org:team",
            "https://[x/team",
            "its host or port is invalid: write an address such as",
        ),
        ("git@git.example.org:team", "https://me:hunter2/4711@h/team", "its host or port is invalid: write an address"),
        ("git@git.example.org:team", "--upload-pack=id;", "is an option of git: write an address"),
        ("  values:", "  branch: a..b\n  values:", "'a..b' is not the name of a branch: write"),
        ("file: values", "flie: values", "unknown key; did you mean 'file'?"),
        ("  values:", "  mode: push\n  values:", "expected 'pull-request' or 'commit', found 'push'"),
        ("  values:", "  branch: --all\n  values:", "'--all' is not the name of a branch: write"),
        ("  values:", "  api: ftp://x\n  values:", "'ftp://x' is not an address: write one such as https://"),
    ],
)
def test_what_is_wrong_in_it_is_said_with_line_and_key(old: str, new: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^component.yaml:\d+:\d+: gitops\.") as caught:
        parsed(old, new)
    assert message in str(caught.value)
    assert "hunter2" not in str(caught.value)
