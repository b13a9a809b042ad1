"""`invoke bump-pools`: add node pools with the next number for a new image, or retire the old ones."""

from fnmatch import fnmatchcase

from lifecycle.app import output
from lifecycle.app.session import Session
from lifecycle.config.gitops import GitOps, NodePools
from lifecycle.errors import UsageError
from lifecycle.gitops.bump_values import placeholder_values, published, required_settings
from lifecycle.gitops.deliver import CommitProposal
from lifecycle.gitops.node_pools import PoolStep, add_successors, retire
from lifecycle.gitops.propose import ValuesChange, show, submit
from lifecycle.gitops.repository import open_repository, require_gitops
from lifecycle.gitops.repository_files import Files
from lifecycle.gitops.settings import Change, Setting, edit
from lifecycle.planning.matrix import Combination
from lifecycle.planning.selector import select
from lifecycle.yamledit.values_file import ValuesFile


class NoPoolSectionError(UsageError):
    """A component.yaml without node pools."""

    def __init__(self) -> None:
        super().__init__("component.yaml's gitops has no `pools`: add them: docs/reference/gitops.md")


class AmbiguousPoolSelectorError(UsageError):
    """A selector of node pools that selects several combinations."""

    def __init__(self, only: str, found: list[Combination]) -> None:
        super().__init__(
            f"component.yaml: gitops.pools: `only: {only}` selects {', '.join(c.id for c in found)}: "
            "new nodes run one: name its release and driver, as in current/550"
        )


class NoPoolFilesError(UsageError):
    """A pattern that matches no file of the repository."""

    def __init__(self, pattern: str) -> None:
        super().__init__(f"the repository has no file {pattern}: correct `file` in component.yaml's gitops.pools")


def show_pools(session: Session, *, only: str, retiring: bool, dry_run: bool, as_json: bool) -> None:
    """Add a successor to each pool that does not run the wanted image, or retire pools whose successor does, and submit it.

    `only` replaces the pools' own selector. Raises NoPoolSectionError, AmbiguousPoolSelectorError, NotPublishedError,
    NoPoolFilesError, and what `submit` and the edits raise.
    """
    section = require_gitops(session)
    if not section.pools:
        raise NoPoolSectionError
    chosen = [(pools, _select_one(session, only or pools.only)) for pools in section.pools]
    images = published(session, [combination for _, combination in chosen])
    named = [(pools, placeholder_values(session.project.component, c, images[c])) for pools, c in chosen]
    wanted = [setting for c in images for setting in required_settings(session, section, c.id)]

    def make(files: Files) -> CommitProposal:
        _warn_of_values(session, section, wanted, files)
        steps: list[PoolStep] = []
        texts: dict[str, str] = {}
        for pools, names in named:
            for file in _files(files, pools):
                before = ValuesFile(texts.get(file) or files.read(file) or "", file)
                after, done = (retire if retiring else add_successors)(before, pools, names)
                steps += done
                if done:
                    texts[file] = after.text
        if not as_json:
            _print(steps)
        return _proposal(session, texts, steps, retiring=retiring)

    component = session.project.component
    branch = f"{component.short_name}/{'retired-pools' if retiring else 'pools'}-{component.version}"
    with open_repository(session, section, wanted, dry_run=dry_run) as remote:
        change = ValuesChange(section=section, remote=remote, branch=branch, make=make)
        show(session, change, submit(session, change, dry_run=dry_run), as_json=as_json)


def _select_one(session: Session, only: str) -> Combination:
    found = select(session.locked_project.matrix, only)
    if len(found) > 1:
        raise AmbiguousPoolSelectorError(only, list(found))
    return found[0]


def _files(files: Files, pools: NodePools) -> list[str]:
    """Return the files that a pattern matches. Of several, links are left out: their targets are edited."""
    found = [name for name in files.names if fnmatchcase(name, pools.file)]
    if not found:
        raise NoPoolFilesError(pools.file)
    return [name for name in found if not files.is_link(name)] or found


def _warn_of_values(session: Session, section: GitOps, wanted: list[Setting], files: Files) -> None:
    """Warn about values that are not merged yet: new nodes install what the values say."""
    for file in dict.fromkeys(c.file for c in edit(wanted, files.read, existing=files.names, create=True).changes):
        session.progress.warn(
            f"{file} on {section.branch} does not have these images yet: merge what `invoke bump-gitops` pushed first"
        )


def _proposal(session: Session, texts: dict[str, str], steps: list[PoolStep], *, retiring: bool) -> CommitProposal:
    changes = tuple(Change(file=step.file, path=step.old, old=step.old, new=step.new or "(retired)") for step in steps)
    lines = [
        line
        for step in steps
        for line in (f"{step.file}: {step.old} → {step.new or '(retired)'}", *_change_lines(step))
    ]
    names = ", ".join(dict.fromkeys(step.new or step.old for step in steps))
    title = f"{session.project.component.short_name}: {'retire' if retiring else 'add'} node pools {names}"
    return CommitProposal(files=texts, title=title, body="\n".join(lines), changes=changes)


def _change_lines(step: PoolStep) -> list[str]:
    return [f"    {change.path}: {change.old} → {change.new}" for change in step.changes]


def _print(steps: list[PoolStep]) -> None:
    rows = [(s.file, s.old, s.new or "retired", "; ".join(line.strip() for line in _change_lines(s))) for s in steps]
    output.print_table("node pools", ["file", "pool", "next", "what it runs"], rows)
