"""`invoke doctor`: everything that a build, a push or a release needs, one line each, with what to do."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

from lifecycle.app import output
from lifecycle.app.debug import Redactor
from lifecycle.app.session import Session
from lifecycle.doctor import (
    archives,
    checkout,
    clock,
    cluster,
    engine,
    forge,
    git,
    keys,
    machine,
    network,
    registry,
    setup,
    sources,
)
from lifecycle.doctor.examination import LIMIT, Check, examine
from lifecycle.doctor.finding import Finding, State, Subject
from lifecycle.errors import ConfigurationError, InstallerError
from lifecycle.planning.project import Project
from lifecycle.sources.apt.machine import MachineArchives

_CONFIGURATION = Subject("configuration")


class FaultsFoundError(InstallerError):
    """Errors among the findings, which the output has."""

    def __init__(self, errors: int, warnings: int) -> None:
        more = f" and {output.plural(warnings, 'warning')}" if warnings else ""
        super().__init__(f"{output.plural(errors, 'error')}{more}: each line above says what to do")


def show_doctor(session: Session, *, as_json: bool, limit: float = LIMIT) -> None:
    """Print the findings. Raises FaultsFoundError after that if one is an error, for exit code 1."""
    redactor = Redactor(session.environ)
    found = []
    for finding in findings(session, limit=limit):
        safe = replace(finding, text=redactor.hide(finding.text), remedy=redactor.hide(finding.remedy))
        found.append(safe)
        if not as_json:
            output.print_lines([line(safe)])
    counted = Counter(finding.state for finding in found)
    if as_json:
        output.print_json({"findings": [row(finding) for finding in found], **{str(s): counted[s] for s in State}})
    if counted[State.ERROR]:
        raise FaultsFoundError(counted[State.ERROR], counted[State.WARNING])


def findings(session: Session, *, limit: float = LIMIT) -> Iterator[Finding]:
    """Yield all findings in a fixed order. Without a valid configuration, only the checks that need none are made."""
    try:
        project, problems = session.project, []
    except ConfigurationError as error:
        project, problems = None, [_CONFIGURATION.error(text, "Correct the file.") for text in error.problems]
    checks = checks_of(session)
    if project is None:
        yield from examine(checks, limit=limit)
        yield from problems
        yield _CONFIGURATION.skipped("all checks of what component.yaml declares: it must be valid first")
        return
    yield from examine([*checks, *declared_checks(session, project)], limit=limit)


def checks_of(session: Session) -> Sequence[Check]:
    """Return the checks that need no configuration."""
    return [
        Check(subject="set-up", run=partial(setup.check_setup, session.root)),
        Check(subject="user", run=setup.check_user),
        Check(subject="python", run=partial(setup.check_python, session.root)),
        Check(subject="checkout", run=partial(checkout.check_checkout, session.root)),
        Check(subject="engine", run=partial(engine.check_engine, session)),
        Check(subject="memory", run=partial(machine.check_memory, session)),
        Check(subject="network", run=partial(network.check_network, session.environ)),
        Check(subject="helm", run=cluster.check_helm),
        Check(subject="cluster", run=partial(cluster.check_cluster, session.environ)),
    ]


def declared_checks(session: Session, project: Project) -> Sequence[Check]:
    """Return the checks of what component.yaml declares."""
    environ, apt = session.environ, MachineArchives()
    return [
        Check(subject="engine", run=partial(engine.check_engine_fits, session, project)),
        Check(subject="disk", run=partial(machine.check_disk, session, project)),
        Check(subject="lock", run=partial(checkout.check_lock, project)),
        Check(subject="apt", run=partial(archives.check_archives, project, apt)),
        Check(subject="apt key", run=partial(archives.check_keyrings, project, apt)),
        Check(subject="sources", run=partial(sources.check_sources, project)),
        Check(subject="swift", run=partial(sources.check_swift, project, environ)),
        Check(subject="registry", run=partial(registry.check_registry, project, environ)),
        Check(subject="remote cache", run=partial(registry.check_remote_cache, project, environ)),
        Check(subject="keys", run=partial(keys.check_keys, project, environ)),
        Check(subject="origin", run=partial(git.check_origin, session)),
        Check(subject="gitops", run=partial(git.check_gitops, session, project)),
        Check(subject="pull requests", run=partial(forge.check_pull_requests, session, project)),
        Check(subject="releases", run=partial(forge.check_releases, session, project)),
        Check(subject="clock", run=partial(clock.check_clock, project, apt)),
    ]


def line(finding: Finding) -> str:
    """Return a finding as a line for people."""
    remedy = f" → {finding.remedy}" if finding.remedy else ""
    return f"{finding.state:7}  {finding.subject:13}  {finding.text}{remedy}"


def row(finding: Finding) -> dict[str, str]:
    """Return a finding as plain data."""
    return {
        "subject": finding.subject,
        "state": str(finding.state),
        "text": finding.text,
        "remedy": finding.remedy,
    }
