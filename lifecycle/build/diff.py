"""What a change of the files means: combinations added and dropped, images to build anew, and why. `invoke matrix --diff`."""

import io
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from lifecycle.build import tables
from lifecycle.errors import UsageError
from lifecycle.model.declarations import check_answered
from lifecycle.model.matrix import Combination
from lifecycle.model.project import Project, load_project
from lifecycle.model.recipes import formats_at
from lifecycle.model.targets import Kind, Target, Targets, changed_inputs
from lifecycle.tools.process import note


class UnknownRevisionError(UsageError):
    """A revision that git does not know."""

    def __init__(self, revision: str, said: str, *, option: str = "--diff") -> None:
        super().__init__(
            f"{option} {revision!r}: git cannot show it: {said.strip()}: name a commit, branch or tag that exists"
        )


class UnreadableRevisionError(UsageError):
    """A revision whose files are no project that a matrix could be made of."""

    def __init__(self, revision: str, why: UsageError) -> None:
        super().__init__(
            f"--diff {revision!r}: its files make no matrix: name a revision at which `invoke matrix` works",
            details=str(why),
        )


@dataclass(frozen=True, kw_only=True)
class MatrixDiff:
    """Identifiers added and dropped, and the reasons of each combination whose image has to be built anew."""

    added: tuple[str, ...]
    dropped: tuple[str, ...]
    rebuilt: Mapping[str, tuple[str, ...]]


# ----- pure


def compare(old: Project, new: Project) -> MatrixDiff:
    """What lies between two states of a project."""
    before = {c.id: c for c in old.matrix().combinations}
    after = {c.id: c for c in new.matrix().combinations}
    old_targets, new_targets = Targets(old), Targets(new)
    rebuilt = {}
    for key in [key for key in after if key in before]:
        was, now = old_targets.image(before[key]), new_targets.image(after[key])
        if was.digest != now.digest:
            rebuilt[key] = tuple(_reasons(_parts(old_targets, before[key]), _parts(new_targets, after[key])))
    return MatrixDiff(
        added=tuple(key for key in after if key not in before),
        dropped=tuple(key for key in before if key not in after),
        rebuilt=rebuilt,
    )


def _parts(targets: Targets, combination: Combination) -> dict[str, Target]:
    """Everything that goes into an image, the image last, by what it is to a person."""
    return {
        "builder": targets.builder(combination),
        **{f"{t} modules": targets.compiled(combination, t) for t in combination.module_types},
        **{
            f"{t} signatures": s
            for t in combination.module_types
            if (s := targets.modules(combination, t)).kind is Kind.SIGNED
        },
        **{f"{t} archive": targets.archive(combination, t) for t in combination.module_types},
        "user space": targets.userspace(combination),
        "runtime base": targets.runtime(combination),
        "image": targets.image(combination),
    }


def _reasons(old: Mapping[str, Target], new: Mapping[str, Target]) -> Iterator[str]:
    digests = {target.digest for target in (*old.values(), *new.values())}
    for what in [*new, *(name for name in old if name not in new)]:
        if what not in old or what not in new:
            yield f"{what}: {'added' if what in new else 'dropped'}"
            continue
        before, after = _own(old[what], digests), _own(new[what], digests)
        yield from (f"{what}: {change}" for change in changed_inputs(before, after))


def _own(target: Target, digests: set[str]) -> dict[str, object]:
    """A target's inputs without those that are other targets' digests: they have reasons of their own."""

    def others(value: object) -> bool:
        return isinstance(value, str) and value in digests

    return {
        key: {k: v for k, v in value.items() if not others(v)} if isinstance(value, Mapping) else value
        for key, value in target.inputs.items()
        if not others(value)
    }


# ----- effects


def differences(root: Path, revision: str, project: Project) -> MatrixDiff:
    """What lies between a revision and a project; raises UnknownRevisionError, UnreadableRevisionError."""
    with checked_out(root, revision) as folder:
        return compare(_project_at(folder, revision), project)


def show_diff(root: Path, revision: str, project: Project, *, as_json: bool) -> None:
    """Print what the working tree changes since a revision; raises UnknownRevisionError, UnreadableRevisionError."""
    found = differences(root, revision, project)
    if as_json:
        tables.print_json(asdict(found))
        return
    lines = [f"+ {key}" for key in found.added] + [f"- {key}" for key in found.dropped]
    for key, reasons in found.rebuilt.items():
        lines += [f"~ {key}", *(f"    {reason}" for reason in reasons)]
    counts = (
        f"{len(found.added)} added, {len(found.dropped)} dropped, {len(found.rebuilt)} to build anew since {revision}"
    )
    tables.print_lines([*lines, counts])


def _project_at(folder: Path, revision: str) -> Project:
    try:
        # The numbers are of the code that made that revision's images, and not of the code that runs.
        project = replace(load_project(folder), formats=formats_at(folder))
        check_answered(project)
        project.matrix()
    except UsageError as error:
        raise UnreadableRevisionError(revision, error) from error
    return project


@contextmanager
def checked_out(root: Path, revision: str) -> Iterator[Path]:
    """Yield a folder with the files of a revision, gone after the block."""
    command = ["git", "-C", str(root), "archive", "--format=tar", "--end-of-options", revision]
    note(command)
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode:
        raise UnknownRevisionError(revision, done.stderr.decode(errors="replace").strip().rpartition("\n")[2])
    with tempfile.TemporaryDirectory(prefix="nvidia-installer-") as folder:
        with tarfile.open(fileobj=io.BytesIO(done.stdout)) as tar:
            tar.extractall(folder, filter="data")
        yield Path(folder)
