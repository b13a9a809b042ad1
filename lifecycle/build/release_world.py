"""What there is before a release: the checkout, its remote, the registry, the GitOps repository. Nothing of it is changed."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from lifecycle.build.diff import UnreadableRevisionError, differences
from lifecycle.build.gitops import bump
from lifecycle.build.handing_in import TOKEN, hand_in
from lifecycle.build.notes import release_notes
from lifecycle.build.published import published_images
from lifecycle.build.repository import is_there
from lifecycle.build.workbench import Workbench
from lifecycle.errors import UsageError
from lifecycle.model.changelog import coming_entry, entry_of, released
from lifecycle.model.component import parse_component
from lifecycle.model.declarations import check_answered
from lifecycle.model.gitops import Mode
from lifecycle.model.matrix import Combination
from lifecycle.model.project import COMPONENT
from lifecycle.model.published import Published
from lifecycle.model.release import World, newest, tag_name
from lifecycle.model.targets import Targets
from lifecycle.model.validation import read_text
from lifecycle.model.yaml_edit import OwnFile
from lifecycle.steps.gitops import Verdict
from lifecycle.tools.checkout import Checkout
from lifecycle.tools.forge import project_at

CHANGELOG = Path("CHANGELOG.md")
BRANCH = "main"


@dataclass(frozen=True)
class Scene:
    """A release of a version, of a checkout: what there is, and the texts that it writes. `date` is the day of the release."""

    bench: Workbench
    checkout: Checkout
    version: str
    date: str

    @property
    def notes_file(self) -> Path:
        """Match the notes go."""
        return self.bench.root / "build" / f"release-notes-{self.version}.md"

    @cached_property
    def ahead(self) -> Workbench:
        """The workbench as it is when component.yaml has the version."""
        bench = self.bench
        cache = str(bench.store.root)
        return Workbench(bench.root, cache_dir=cache, environ=bench.environ, version=self.version)

    def texts(self) -> dict[Path, str]:
        """The files that the release's commit changes, with their new texts; raises NoEntryError."""
        component = OwnFile(read_text(self.bench.root / COMPONENT), COMPONENT.name).set(("version",), self.version)
        changelog = released(read_text(self.bench.root / CHANGELOG), self.version, self.date)
        return {COMPONENT: component.text, CHANGELOG: changelog}

    def images(self) -> dict[Combination, Published | None]:
        """What the registry has for each combination."""
        project = self.ahead.answered()
        return published_images(project, project.matrix().combinations, self.bench.environ)

    def notes(self, images: Mapping[Combination, Published | None], tags: tuple[str, ...]) -> str:
        """The text of the notes, of what the registry has."""
        changelog = read_text(self.bench.root / CHANGELOG)
        entry = coming_entry(changelog, self.version)
        since = newest(tags, below=self.version)
        diff = None
        if since:
            try:
                diff = differences(self.bench.root, tag_name(since), self.ahead.project)
            except UnreadableRevisionError:
                diff = None
        there = {combination: image for combination, image in images.items() if image is not None}
        title = f"{self.bench.project.component.short_name} {self.version}"
        return release_notes(title, entry, there, since, diff)


def look(scene: Scene) -> World:
    """See what there is; raises what reading the checkout, the registry and the repositories raises."""
    checkout, bench, tag = scene.checkout, scene.bench, tag_name(scene.version)
    remote = checkout.has_remote()
    remote_head = checkout.fetch(BRANCH) if remote else None
    head = checkout.commit() or ""
    tags = tuple(checkout.tags())
    unlocked = _unlocked(bench)
    images = {} if unlocked else scene.images()
    lacking = [combination for combination, image in images.items() if image is None]
    unbuilt, untested = _unready(scene, lacking)
    changelog = checkout.committed(CHANGELOG)
    notes = scene.notes(images, tags) if images and not lacking else None
    return World(
        declared=parse_component(checkout.committed(COMPONENT), file=COMPONENT.name).version,
        changed=tuple(_changed(scene)),
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
        entry=coming_entry(changelog, scene.version),
        heading=bool(entry_of(changelog, scene.version)),
        unlocked=unlocked,
        unpushed=tuple(c.id for c in lacking),
        untested=untested,
        unbuilt=unbuilt,
        notes_written=notes is not None and _reads(scene.notes_file, notes),
        gitops="" if lacking or unlocked else _gitops(scene),
    )


def _unlocked(bench: Workbench) -> str:
    """What versions.lock lacks, as a sentence."""
    try:
        check_answered(bench.project)
    except UsageError as error:
        return str(error)
    return ""


def _unready(scene: Scene, lacking: list[Combination]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Of the combinations that the registry lacks those that are not built, and those that are and are not tested."""
    if not lacking:
        return (), ()
    bench = scene.ahead
    images, targets = bench.state().images, Targets(bench.project)
    built = {c: images.get(targets.image(c).digest) for c in lacking}
    untested = tuple(c.id for c, image in built.items() if image and not bench.store.is_tested(image.id))
    return tuple(c.id for c, image in built.items() if image is None), untested


def _changed(scene: Scene) -> list[str]:
    """What is not committed, but for files that are already as the release's own commit will have them."""
    texts = {str(path): text for path, text in scene.texts().items()} if _has_entry(scene) else {}
    return [
        line
        for line in scene.checkout.changed()
        if texts.get(line[3:]) is None
        or not _reads(scene.bench.root / line[3:], texts[line[3:]])
        or line[:2].strip() != "M"
    ]


def _has_entry(scene: Scene) -> bool:
    changelog = read_text(scene.bench.root / CHANGELOG)
    return bool(coming_entry(changelog, scene.version))


def _reads(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text


def _gitops(scene: Scene) -> str:
    """Why there is nothing to do in the GitOps repository; "" where there is."""
    section = scene.bench.project.component.gitops
    if section is None:
        return "component.yaml has no gitops"
    if not is_there(scene.bench.root, section):
        return ""
    errand = bump(scene.ahead)
    verdict = hand_in(scene.ahead, errand, dry_run=True).delivered.verdict
    if verdict is Verdict.NOTHING:
        return f"{section.branch} has it all"
    # That the branch is there does not say that its pull request is.
    asked = (
        section.mode is Mode.PULL_REQUEST
        and project_at(errand.remote.address, section.forge)
        and TOKEN in scene.bench.environ
    )
    return f"{errand.branch} is there" if verdict is Verdict.THERE and not asked else ""
