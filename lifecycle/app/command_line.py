"""Check the words of a command line before Invoke parses them.

Invoke would read `--help` as the missing argument of a task, and its messages suggest no similar name.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from invoke.parser.argument import Argument
from invoke.parser.context import ParserContext

from lifecycle.errors import UsageError

# Options of Invoke that have no effect here, because our tasks run no commands through Invoke.
REFUSED = (
    *("--dry", "-R", "--echo", "-e", "--hide", "--pty", "-p", "--warn-only", "-w", "--command-timeout", "-T"),
    *("--config", "-f", "--prompt-for-sudo-password", "--write-pyc", "--no-dedupe", "--collection", "-c"),
)
_DRY = ("--dry", "-R")
_HELP = ("--help", "-h")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return `: did you mean X?` for the nearest of the known words, or "" if none is near."""
    near = get_close_matches(word, sorted(known), n=1)
    return f": did you mean {near[0]}?" if near else ""


class UnknownTaskError(UsageError):
    """A word that is no task."""

    def __init__(self, word: str, known: Iterable[str]) -> None:
        super().__init__(f"there is no task {word!r}{did_you_mean(word, known) or ': `invoke --list` shows the tasks'}")


class UnexpectedArgumentError(UsageError):
    """A word after a task that takes no more arguments."""

    def __init__(self, task: str, word: str, *, selects: bool) -> None:
        remedy = f": select combinations with --only={word}" if selects else ""
        super().__init__(f"invoke {task} takes no argument {word!r}, and there is no task of that name{remedy}")


class UnknownOptionError(UsageError):
    """An option that a task does not have."""

    def __init__(self, task: str, option: str, known: Iterable[str]) -> None:
        hint = did_you_mean(option, known) or f": `invoke {task} --help` shows its options"
        super().__init__(f"invoke {task} has no option {option}{hint}")


class RefusedOptionError(UsageError):
    """An option of Invoke that would be ignored."""

    def __init__(self, option: str, *, dry_run: bool) -> None:
        remedy = "use --dry-run" if dry_run else "leave it out"
        super().__init__(f"{option} has no effect here: {remedy}")


class MissingValueError(UsageError):
    """An option without its value."""

    def __init__(self, task: str, option: str) -> None:
        super().__init__(f"invoke {task} {option}: the value is missing: write {option}=VALUE")


class UnexpectedValueError(UsageError):
    """A value for an option that takes none."""

    def __init__(self, option: str, value: str) -> None:
        super().__init__(f"{option} takes no value: leave out ={value}")


class GivenTwiceError(UsageError):
    """An option that is given twice."""

    def __init__(self, option: str) -> None:
        super().__init__(f"{option} is given twice: give it once")


class MissingArgumentError(UsageError):
    """A task without its argument."""

    def __init__(self, task: str, names: Sequence[str]) -> None:
        words = " ".join(name.upper() for name in names)
        super().__init__(f"invoke {task}: the argument is missing: write `invoke {task} {words}`")


class MissingActionError(UsageError):
    """A family of tasks without the name of one."""

    def __init__(self, family: str, actions: Sequence[str]) -> None:
        super().__init__(f"invoke {family}: name what to do: {', '.join(f'{family}.{action}' for action in actions)}")


@dataclass(frozen=True)
class Reading:
    """The words for Invoke's parser. `help_for` is the task or family whose help is requested, or ""."""

    words: tuple[str, ...]
    help_for: str = ""


class CommandLine:
    """A reader of the words that follow Invoke's own options.

    `contexts` has the tasks by name. `core` has the options that are allowed anywhere. `families` has the actions of each
    family of tasks by its name: the reader turns `cache show` into `cache.show`. A family that is also the name of a task, such
    as `rollout`, stands for that task unless the name of an action follows.
    """

    def __init__(
        self, contexts: Mapping[str, ParserContext], core: ParserContext, families: Mapping[str, Sequence[str]]
    ) -> None:
        self._contexts, self._core, self._families = contexts, core, families
        self._task: ParserContext | None = None
        self._family = ""
        self._waiting = ""
        self._missing: list[str] = []
        self._given: set[str] = set()

    def read(self, words: Iterable[str]) -> Reading:
        """Check all words. Raises UsageError for the first mistake."""
        read: list[str] = []
        for word in words:
            if word in _HELP and (self._task or self._family):
                return Reading(tuple(read), self._family or str(self._task and self._task.name))
            if self._family and (self._family not in self._contexts or word in self._families[self._family]):
                read[-1] = self._action(word)
            else:
                self._family = ""
                read.append(word)
                self._take(word)
        self._complete()
        return Reading(tuple(read))

    def _take(self, word: str) -> None:
        is_option = word.startswith("-") and word != "-"
        if self._waiting and not is_option:
            self._waiting = ""
        elif self._waiting:
            raise MissingValueError(self._name, self._waiting)
        elif is_option:
            self._option(word)
        elif self._missing:
            self._missing.pop(0)
        else:
            self._begin(word)

    def _option(self, word: str) -> None:
        if re.fullmatch(r"-[^-=][^=].*", word) and not self._argument(word[:2], word).takes_value:
            for letter in word[1:]:
                self._option(f"-{letter}")
            return
        name, equals, value = (word[:2], "", word[2:]) if re.match("-[^-=][^=]", word) else word.partition("=")
        argument = self._argument(name, word)
        if not argument.takes_value:
            if equals:
                raise UnexpectedValueError(name, value)
            return
        if str(argument.name) in self._given:
            raise GivenTwiceError(name)
        self._given.add(str(argument.name))
        if argument.names[0] in self._missing:
            self._missing.remove(argument.names[0])
        if not equals and not value and not argument.optional:
            self._waiting = name

    def _argument(self, name: str, word: str) -> Argument:
        own: Mapping[str, Argument] = self._task.flags if self._task else {}
        core: Mapping[str, Argument] = self._core.flags
        if name in own:
            return own[name]
        if name in REFUSED:
            raise RefusedOptionError(name, dry_run=name in _DRY and "--dry-run" in own)
        if name in core:
            return core[name]
        known = [*own, *(flag for flag in core if flag not in REFUSED)]
        raise UnknownOptionError(self._name, word.partition("=")[0], known)

    def _begin(self, word: str) -> None:
        self._complete()
        if word in self._families:
            self._family = word
        if word in self._contexts:
            self._task = self._contexts[word]
            self._missing = [argument.names[0] for argument in self._task.positional_args]
            self._given = set()
        elif self._family:
            return
        elif self._task and not did_you_mean(word, self._contexts):
            raise UnexpectedArgumentError(self._name, word, selects="--only" in self._task.flags)
        else:
            raise UnknownTaskError(word, [*self._contexts, *self._families])

    def _action(self, word: str) -> str:
        family, self._family = self._family, ""
        if word not in self._families[family]:
            raise MissingActionError(family, self._families[family])
        self._begin(f"{family}.{word}")
        return f"{family}.{word}"

    def _complete(self) -> None:
        if self._waiting:
            raise MissingValueError(self._name, self._waiting)
        if self._missing:
            raise MissingArgumentError(self._name, self._missing)
        if self._family and self._family not in self._contexts:
            raise MissingActionError(self._family, self._families[self._family])

    @property
    def _name(self) -> str:
        return str(self._task.name) if self._task else "[options]"
