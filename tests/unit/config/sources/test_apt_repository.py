from pathlib import Path

import pytest

from lifecycle.config.schema import Architecture
from lifecycle.config.sources.package_sources import AptSource
from tests.support.builders.projects import COMPONENT, component, problems


@pytest.mark.parametrize(
    ("repository", "said"),
    [
        (
            "{suite: s, components: [main]}",
            "needs either 'archive' (one the machine's apt is set up with) or 'uri' with 'keyring'",
        ),
        ("{uri: 'https://x', suite: s, components: [main]}", "'uri' needs 'keyring'"),
        ("{archive: A, suite: s, components: []}", "'components' must not be empty"),
        ("{archive: A, suite: s}", "'components' must not be empty: name them, as in [main]"),
        (
            "{archive: A, suite: /, components: [main]}",
            "suite '/' ends with '/', so the archive is flat and has no comp",
        ),
        ("{archive: A, suite: 'a b', components: [main]}", "suite"),
        ("{archive: '', suite: a, components: [main]}", "archive"),
        (
            "{uri: 'https://me:secret@x/', keyring: /k, suite: s, components: [main]}",
            "'uri' contains a login, which would be committed: write the login to /etc/apt/auth.conf.d",
        ),
        (
            "{uri: 'https://x', keyring: keys/k.gpg, suite: s, components: [main]}",
            "'keyring' is 'keys/k.gpg', which apt reads as a fingerprint: write an absolute path",
        ),
        ("{uri: 'htps://x', keyring: /k, suite: s, components: [main]}", "uri"),
    ],
)
def test_a_repository_needs_an_address_keys_and_components(tmp_path: Path, repository: str, said: str) -> None:
    text = COMPONENT.replace("{archive: Debian, suite: old, components: [main]}", repository)

    assert said in problems(tmp_path, text)[0]


@pytest.mark.parametrize(
    ("repository", "address"),
    [
        ("{archive: NVIDIA CUDA, suite: /}", None),
        (
            "{uri: 'https://x/cuda/repos/debian12/x86_64', keyring: /k, suite: ./}",
            "https://x/cuda/repos/debian12/x86_64",
        ),
        ("{uri: 'mirror+file:/m.list', keyring: /k, suite: s, components: [main]}", "mirror+file:/m.list"),
        ("{uri: 'copy:/srv/x', keyring: /k, suite: s/, components: []}", "copy:/srv/x"),
    ],
)
def test_a_repository_may_be_flat_and_have_any_method_of_apt(repository: str, address: str | None) -> None:
    source = component(("{archive: Debian, suite: old, components: [main]}", repository)).sources.releases["old-1"]

    assert isinstance(source, AptSource)
    assert source.repositories[0].uri == address
    assert "/" not in source.lists(Architecture.AMD64)
