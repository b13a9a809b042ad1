"""`invoke mirror`: copy a release's packages into its Swift container."""

from dataclasses import asdict, dataclass

from lifecycle.app import output
from lifecycle.app.session import Session
from lifecycle.sources.mirror import Mirror, MirrorItem, ObjectStatus, mirror_endpoints, mirrored_release


def show_mirror(session: Session, name: str, *, kernel: str, flavour: str, dry_run: bool, as_json: bool) -> None:
    """Copy a release's packages into its container and print a row per object; `dry_run` only plans."""
    with session.exclusive():
        component = session.project.component
        mirror_endpoints(component, name)
        mirror = Mirror(indexes=session.sources.indexes, progress=session.progress)
        release = mirrored_release(component, name, kernel=kernel, flavour=flavour)
        copies = mirror.plan(component, release, component.context.architecture)
        copied = [] if dry_run else mirror.run(copies)
    rows = [_row(copy, copied=copy in copied, dry_run=dry_run) for copy in copies]
    if as_json:
        output.print_json([asdict(row) for row in rows])
        return
    lines = [(row.action, row.object, f"{row.size / 1e6:.1f} MB", row.was) for row in rows]
    output.print_table(f"{name}: {len(rows)} objects", ["", "object", "size", "was"], lines)


@dataclass(frozen=True, kw_only=True)
class MirrorRow:
    """One object: the action, its size in bytes, and its status before."""

    action: str
    object: str
    size: int
    was: str


def _row(copy: MirrorItem, *, copied: bool, dry_run: bool) -> MirrorRow:
    would = copy.status is ObjectStatus.MISSING
    action = ("RUN" if would else "SKIP") if dry_run else ("copied" if copied else "kept")
    return MirrorRow(action=action, object=f"{copy.container}/{copy.name}", size=copy.file.size, was=str(copy.status))
