"""`invoke cache`: which of its actions is meant, and whether it has the options that are given."""

from lifecycle.build.cache_prune import show_cache_prune
from lifecycle.build.cache_show import show_room
from lifecycle.build.cache_verify import show_damage
from lifecycle.build.workbench import Workbench
from lifecycle.errors import UsageError
from lifecycle.model.keeping import Age

_OPTIONS = {"show": (), "prune": ("--keep-current", "--older-than", "--dry-run"), "verify": ("--dry-run",)}


class NoActionError(UsageError):
    """A word that is no action."""

    def __init__(self, action: str) -> None:
        super().__init__(f"invoke cache {action!r}: there are {', '.join(_OPTIONS)}")


class NotItsOptionError(UsageError):
    """An option of another action."""

    def __init__(self, action: str, option: str) -> None:
        others = " and ".join(f"`invoke cache {name}`" for name, options in _OPTIONS.items() if option in options)
        super().__init__(f"invoke cache {action} has no {option}, which is of {others}")


def use_cache(
    bench: Workbench, action: str, *, keep_current: bool, older_than: str, dry_run: bool, as_json: bool
) -> None:
    """Do what the action says; raises NoActionError, NotItsOptionError, and what the action raises."""
    if action not in _OPTIONS:
        raise NoActionError(action)
    given = {"--keep-current": keep_current, "--older-than": bool(older_than), "--dry-run": dry_run}
    for option in [name for name, is_given in given.items() if is_given]:
        if option not in _OPTIONS[action]:
            raise NotItsOptionError(action, option)
    age = Age.parse(older_than) if older_than else None
    match action:
        case "show":
            show_room(bench, as_json=as_json)
        case "prune":
            # Nothing else is ever removed than what --keep-current says.
            show_cache_prune(bench, age, dry_run=dry_run, as_json=as_json)
        case _:
            show_damage(bench, dry_run=dry_run, as_json=as_json)
