"""Node pools of the GitOps repository: counted up for what is new, retired when asked for. `invoke bump-pools`."""

from fnmatch import fnmatchcase

from lifecycle.build import tables
from lifecycle.build.gitops import names_of, published, wanted_settings
from lifecycle.build.handing_in import Errand, hand_in, show
from lifecycle.build.repository import open_repository, section_of
from lifecycle.build.workbench import Workbench
from lifecycle.errors import UsageError
from lifecycle.model.bump import Change, Setting, edit
from lifecycle.model.gitops import GitOps, NodePools
from lifecycle.model.matrix import Combination
from lifecycle.model.pools import PoolStep, count_up, retire
from lifecycle.model.selector import select
from lifecycle.model.values_file import ValuesFile
from lifecycle.steps.gitops import Files, Proposal


class NoPoolSectionError(UsageError):
    """A component.yaml without pools."""

    def __init__(self) -> None:
        super().__init__("component.yaml's gitops has no `pools`: add them: docs/reference/gitops.md")


class ManyForPoolsError(UsageError):
    """A selector of pools that leaves several combinations."""

    def __init__(self, only: str, found: list[Combination]) -> None:
        super().__init__(
            f"component.yaml: gitops.pools: `only: {only}` leaves {', '.join(c.id for c in found)}: "
            "new nodes run one: name its release and driver, as in current/550"
        )


class NoPoolFilesError(UsageError):
    """A pattern that no file of the repository fits."""

    def __init__(self, pattern: str) -> None:
        super().__init__(f"the repository has no file {pattern}: correct `file` in component.yaml's gitops.pools")


def show_pools(bench: Workbench, *, only: str, retiring: bool, dry_run: bool, as_json: bool) -> None:
    """Give each pool that does not run what is wanted a successor, or take those out whose successor does; handed in.

    `only` stands in the stead of the pools' own. Raises NoPoolSectionError, ManyForPoolsError, NotPublishedError, NoPoolFilesError,
    NoPoolsError, PoolNameError, MissingKeyError, NotEditableError, and what `hand_in` raises.
    """
    section = section_of(bench)
    if not section.pools:
        raise NoPoolSectionError
    chosen = [(pools, _one(bench, only or pools.only)) for pools in section.pools]
    images = published(bench, [combination for _, combination in chosen])
    named = [(pools, names_of(bench.project.component, c, images[c])) for pools, c in chosen]
    wanted = [setting for c in images for setting in wanted_settings(bench, section, c.id)]
    remote = open_repository(bench, section, wanted)

    def make(files: Files) -> Proposal:
        _warn_of_values(bench, section, wanted, files)
        steps: list[PoolStep] = []
        texts: dict[str, str] = {}
        for pools, names in named:
            for file in _files(files, pools):
                before = ValuesFile(texts.get(file) or files.read(file) or "", file)
                after, done = (retire if retiring else count_up)(before, pools, names)
                steps += done
                if done:
                    texts[file] = after.text
        if not as_json:
            _print(steps)
        return _proposal(bench, texts, steps, retiring=retiring)

    component = bench.project.component
    branch = f"{component.short_name}/{'retired-pools' if retiring else 'pools'}-{component.version}"
    errand = Errand(section=section, remote=remote, branch=branch, make=make)
    show(bench, errand, hand_in(bench, errand, dry_run=dry_run), as_json=as_json)


def _one(bench: Workbench, only: str) -> Combination:
    found = select(bench.answered().matrix(), only)
    if len(found) > 1:
        raise ManyForPoolsError(only, list(found))
    return found[0]


def _files(files: Files, pools: NodePools) -> list[str]:
    found = [name for name in files.names if fnmatchcase(name, pools.file)]
    if not found:
        raise NoPoolFilesError(pools.file)
    return found


def _warn_of_values(bench: Workbench, section: GitOps, wanted: list[Setting], files: Files) -> None:
    """New nodes install what the values say: what is not merged yet, they would not get."""
    for file in dict.fromkeys(c.file for c in edit(wanted, files.read, existing=files.names, create=True).changes):
        bench.progress.warn(
            f"{file} on {section.branch} does not have these images yet: merge what `invoke bump-gitops` pushed first"
        )


def _proposal(bench: Workbench, texts: dict[str, str], steps: list[PoolStep], *, retiring: bool) -> Proposal:
    changes = tuple(Change(file=step.file, path=step.old, old=step.old, new=step.new or "(retired)") for step in steps)
    lines = [line for step in steps for line in (f"{step.file}: {step.old} → {step.new or '(retired)'}", *_said(step))]
    names = ", ".join(dict.fromkeys(step.new or step.old for step in steps))
    title = f"{bench.project.component.short_name}: {'retire' if retiring else 'add'} node pools {names}"
    return Proposal(files=texts, title=title, body="\n".join(lines), changes=changes)


def _said(step: PoolStep) -> list[str]:
    return [f"    {change.path}: {change.old} → {change.new}" for change in step.changes]


def _print(steps: list[PoolStep]) -> None:
    rows = [(s.file, s.old, s.new or "retired", "; ".join(line.strip() for line in _said(s))) for s in steps]
    tables.print_table("node pools", ["file", "pool", "next", "what it runs"], rows)
