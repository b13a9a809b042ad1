from pathlib import Path

import pytest

from lifecycle.build.caching import use_cache
from lifecycle.errors import UsageError
from tests.support.builders.projects import project
from tests.support.fakes.sessions import Bench, Images


def use(folder: Path, action: str, *, keep_current: bool = False, older_than: str = "", dry_run: bool = False) -> None:
    bench = Bench(project(), folder / "cache", Images())
    use_cache(bench, action, keep_current=keep_current, older_than=older_than, dry_run=dry_run, as_json=False)


@pytest.mark.parametrize(
    ("action", "options", "said"),
    [
        ("nope", {}, "invoke cache 'nope': there are show, prune, verify"),
        (
            "show",
            {"dry_run": True},
            "invoke cache show has no --dry-run, which is of `invoke cache prune` and `invoke cache verify`",
        ),
        (
            "verify",
            {"keep_current": True},
            "invoke cache verify has no --keep-current, which is of `invoke cache prune`",
        ),
        ("verify", {"older_than": "1d"}, "invoke cache verify has no --older-than, which is of `invoke cache prune`"),
        ("prune", {"older_than": "1"}, "--older-than '1' is no age: write a number and s, m, h, d or w, such as 30d"),
    ],
)
def test_a_mistake_is_one_sentence(tmp_path: Path, action: str, options: dict[str, str], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        use(tmp_path, action, **options)  # type: ignore[arg-type]

    assert str(caught.value) == said


@pytest.mark.parametrize(
    ("action", "options", "said"),
    [
        ("show", {}, "there is nothing in"),
        ("prune", {"keep_current": True, "older_than": "30d", "dry_run": True}, "there is nothing to remove"),
        ("verify", {"dry_run": True}, "nothing is damaged"),
    ],
)
def test_each_action_does_what_it_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], action: str, options: dict[str, str], said: str
) -> None:
    use(tmp_path, action, **options)  # type: ignore[arg-type]

    assert said in capsys.readouterr().out
