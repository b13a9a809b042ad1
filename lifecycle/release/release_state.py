"""The state of a release: read from the checkout, its remote, the registry and the GitOps repository, without changes."""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from lifecycle.app.session import Session
from lifecycle.commands.revisions import UnreadableRevisionError, differences
from lifecycle.config.component import parse_component
from lifecycle.config.gitops import Mode
from lifecycle.config.validation import read_text
from lifecycle.errors import UsageError
from lifecycle.gitops.bump_values import bump
from lifecycle.gitops.deliver import DeliveryStatus
from lifecycle.gitops.propose import TOKEN, submit
from lifecycle.gitops.repository import repository_exists
from lifecycle.planning.locked_project import require_locked
from lifecycle.planning.matrix import Combination
from lifecycle.planning.project import COMPONENT
from lifecycle.planning.targets import Targets
from lifecycle.publish.chart import Chart, package_chart, published_digest
from lifecycle.publish.hold import held_images
from lifecycle.publish.published import PublishedImage, open_registry, published_images
from lifecycle.release.changelog import entry_of, unreleased_entry, with_release
from lifecycle.release.notes import release_notes
from lifecycle.release.release_page import Page
from lifecycle.release.release_plan import ForgeState, ReleaseState, newest, tag_name
from lifecycle.tools.checkout import Checkout
from lifecycle.tools.forge.project import parse_project
from lifecycle.yamledit.own_files import OwnFile

CHANGELOG = Path("CHANGELOG.md")
BRANCH = "main"


@dataclass(frozen=True)
class ReleaseContext:
    """The release of a version from a checkout, with the texts that it writes. `date` is the day of the release."""

    session: Session
    checkout: Checkout
    version: str
    date: str

    @property
    def notes_file(self) -> Path:
        """The file of the release notes."""
        return self.session.root / "build" / f"release-notes-{self.version}.md"

    @cached_property
    def released_session(self) -> Session:
        """The session as if component.yaml had the version already."""
        session = self.session
        cache = str(session.cache.root)
        return Session(session.root, cache_dir=cache, environ=session.environ, version=self.version)

    @cached_property
    def chart(self) -> Chart:
        """The chart of the release."""
        return package_chart(self.session.root, self.session.project.component.image.repository, self.version)

    @cached_property
    def page(self) -> Page:
        """The page of the release at the code forge. Raises CheckoutError without a remote."""
        return Page(session=self.session, address=self.checkout.remote_address(), version=self.version)

    def registry_chart(self) -> str | None:
        """Return the digest of the chart's version in the registry, or None."""
        with closing(open_registry(self.session.project.component.image, self.session.environ)) as registry:
            return published_digest(registry, self.chart)

    def texts(self) -> dict[Path, str]:
        """Return the files of the release's commit with their new texts. Raises NoEntryError."""
        component = OwnFile(read_text(self.session.root / COMPONENT), COMPONENT.name).set(("version",), self.version)
        changelog = with_release(read_text(self.session.root / CHANGELOG), self.version, self.date)
        return {COMPONENT: component.text, CHANGELOG: changelog}

    def images(self) -> dict[Combination, PublishedImage | None]:
        """Return the published image of each combination, or None."""
        project = self.released_session.locked_project
        return published_images(project, project.matrix.combinations, self.session.environ)

    def notes(self, images: Mapping[Combination, PublishedImage | None], tags: tuple[str, ...]) -> str:
        """Return the text of the release notes for published images."""
        changelog = read_text(self.session.root / CHANGELOG)
        entry = unreleased_entry(changelog, self.version)
        since = newest(tags, below=self.version)
        diff = None
        if since:
            try:
                diff = differences(self.session.root, tag_name(since), self.released_session.locked_project)
            except UnreadableRevisionError:
                diff = None
        there = {combination: image for combination, image in images.items() if image is not None}
        title = f"{self.session.project.component.short_name} {self.version}"
        return release_notes(title, entry, there, since, diff)


def read_state(context: ReleaseContext) -> ReleaseState:
    """Read the state of a release. Raises CheckoutError, RegistryRefusedError, GitRefusedError, ConfigurationError."""
    checkout, session, tag = context.checkout, context.session, tag_name(context.version)
    remote = checkout.has_remote()
    remote_head = checkout.fetch(BRANCH) if remote else None
    head = checkout.commit() or ""
    tags = tuple(checkout.tags())
    unlocked = _unlocked(session)
    images = {} if unlocked else context.images()
    lacking = [combination for combination, image in images.items() if image is None]
    held = held_images(session, {c: image for c, image in images.items() if image})
    unbuilt, untested = _unready(context, lacking)
    changelog = checkout.committed_text(CHANGELOG)
    notes = context.notes(images, tags) if images and not lacking else None
    return ReleaseState(
        declared=parse_component(checkout.committed_text(COMPONENT), file=COMPONENT.name).version,
        changed=tuple(_changed(context)),
        branch=BRANCH,
        on_branch=checkout.branch(),
        head=head,
        remote=remote,
        remote_head=remote_head,
        remote_has_head=bool(remote_head and checkout.contains(head, remote_head)),
        head_has_remote=bool(remote_head and checkout.contains(remote_head, head)),
        tags=tags,
        tag_commit=checkout.commit(f"refs/tags/{tag}"),
        remote_tag_commit=checkout.remote_tag(tag) if remote else None,
        entry=unreleased_entry(changelog, context.version),
        heading=bool(entry_of(changelog, context.version)),
        unlocked=unlocked,
        unpushed=tuple(c.id for c in lacking),
        untested=untested,
        unbuilt=unbuilt,
        held=tuple(c.id for c in held),
        chart=context.chart.digest,
        registry_chart=context.registry_chart(),
        notes_written=notes is not None and _has_text(context.notes_file, notes),
        forge=_forge(context, images, None if held else notes, remote=remote),
        gitops="" if lacking or held or unlocked else _gitops(context),
    )


def _unlocked(session: Session) -> str:
    """Return what versions.lock lacks, as a sentence, or ""."""
    try:
        require_locked(session.project)
    except UsageError as error:
        return str(error)
    return ""


def _unready(context: ReleaseContext, lacking: list[Combination]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return, of combinations that the registry lacks, those that are not built, and those that are built but not tested."""
    if not lacking:
        return (), ()
    session = context.released_session
    images, targets = session.state().images, Targets(session.locked_project)
    built = {c: images.get(targets.image(c).digest) for c in lacking}
    untested = tuple(c.id for c, image in built.items() if image and not session.cache.is_tested(image.id))
    return tuple(c.id for c, image in built.items() if image is None), untested


def _changed(context: ReleaseContext) -> list[str]:
    """Return uncommitted changes, without files that already have the texts of the release's commit."""
    texts = {str(path): text for path, text in context.texts().items()} if _has_entry(context) else {}
    return [
        line
        for line in context.checkout.changed()
        if texts.get(line[3:]) is None
        or not _has_text(context.session.root / line[3:], texts[line[3:]])
        or line[:2].strip() != "M"
    ]


def _has_entry(context: ReleaseContext) -> bool:
    changelog = read_text(context.session.root / CHANGELOG)
    return bool(unreleased_entry(changelog, context.version))


def _has_text(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text


def _forge(
    context: ReleaseContext, images: Mapping[Combination, PublishedImage | None], notes: str | None, *, remote: bool
) -> ForgeState:
    """Return the state of the page at the code forge. It is compared only if the registry has all images."""
    if context.session.project.component.release is None:
        return ForgeState(done="component.yaml has no release")
    if not remote:
        return ForgeState(done="there is no remote")
    return context.page.state(notes, [image for image in images.values() if image])


def _gitops(context: ReleaseContext) -> str:
    """Return why nothing is to do in the GitOps repository, or ""."""
    section = context.session.project.component.gitops
    if section is None:
        return "component.yaml has no gitops"
    if not repository_exists(context.session.root, section):
        return ""
    with bump(context.released_session, dry_run=True) as change:
        verdict = submit(context.released_session, change, dry_run=True).delivered.verdict
    if verdict is DeliveryStatus.NOTHING:
        return f"{section.branch} has it all"
    # A pushed branch may still lack its pull request.
    asked = (
        section.mode is Mode.PULL_REQUEST
        and parse_project(change.remote.address, section.forge)
        and TOKEN in context.session.environ
    )
    return f"{change.branch} is there" if verdict is DeliveryStatus.UNCHANGED and not asked else ""
