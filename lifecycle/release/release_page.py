"""The page of a release at the code forge of the checkout's remote: the notes, and the SBOMs of each image."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from lifecycle.app.session import Session
from lifecycle.config.gitops import ReleasePage
from lifecycle.errors import UsageError
from lifecycle.publish.published import PublishedImage
from lifecycle.release.release_plan import ForgeState, tag_name
from lifecycle.release.sboms import read_sboms
from lifecycle.tools.forge.api import Advice, ForgeToken, open_api
from lifecycle.tools.forge.github_releases import GitHubReleases
from lifecycle.tools.forge.gitlab_releases import GitLabReleases
from lifecycle.tools.forge.project import ForgeKind, Project, parse_project
from lifecycle.tools.forge.releases import Asset, Releases, WantedRelease, fit_notes
from lifecycle.tools.network.errors import without_login

TOKEN = "INVOKE_RELEASE_TOKEN"  # noqa: S105 - the variable's name
# Variables of each job in GitLab CI (docs.gitlab.com/ci/variables/predefined_variables).
_JOB_TOKEN, _JOB_API = "CI_JOB_TOKEN", "CI_API_V4_URL"
# The missing files that the plan names.
_MOST_NAMES = 3
_ADVICE = Advice(
    permission=f"{TOKEN} has to be allowed to write releases, and on GitLab packages: docs/how-to/release.md."
)


class NoForgeError(UsageError):
    """A remote that is no project of a known forge."""

    def __init__(self, address: str) -> None:
        super().__init__(
            f"component.yaml: release: {without_login(address)}, the address of origin, is no project of a known forge: add "
            "`forge: github` or `forge: gitlab` to `release`, or remove `release`"
        )


class NoTokenError(UsageError):
    """A release to be made without a token."""

    def __init__(self, project: Project) -> None:
        super().__init__(
            f"{TOKEN} is not set, and `release` in component.yaml asks for a release at {project.address}: set it "
            "(docs/how-to/release.md), or remove `release`"
        )


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return ", ".join(names[:_MOST_NAMES]) + more


def find_project(section: ReleasePage, address: str) -> Project:
    """Return the project at a remote's address. Raises NoForgeError."""
    project = parse_project(address, section.forge)
    if project is None:
        raise NoForgeError(address)
    return project


def find_token(project: Project, api: str | None, environ: Mapping[str, str]) -> ForgeToken:
    """Return the token for a project: INVOKE_RELEASE_TOKEN, or that of a job of the very GitLab. Raises NoTokenError."""
    own, job = environ.get(TOKEN, "").strip(), environ.get(_JOB_TOKEN, "")
    if own:
        return ForgeToken(own)
    there = (api or project.api_url()).rstrip("/")
    # Another GitLab, and a GitHub, must not get the token of this one.
    if project.kind is ForgeKind.GITLAB and job and environ.get(_JOB_API, "").rstrip("/") == there:
        return ForgeToken(job, is_job=True)
    raise NoTokenError(project)


@dataclass(frozen=True, kw_only=True)
class Page:
    """The page of a version. `address` is that of the checkout's remote."""

    session: Session
    address: str
    version: str
    _sboms: dict[str, tuple[Asset, ...]] = field(default_factory=dict, init=False, repr=False)

    @cached_property
    def _section(self) -> ReleasePage:
        return self.session.project.component.release or ReleasePage()

    @cached_property
    def _project(self) -> Project:
        return find_project(self._section, self.address)

    @cached_property
    def _releases(self) -> Releases:
        """The releases of the project. Raises NoForgeError, NoTokenError, PlainTokenError, BadTokenError."""
        project, section = self._project, self._section
        token = find_token(project, section.api, self.session.environ)
        api = open_api(project, token, api=section.api, advice=_ADVICE)
        return GitHubReleases(project, api) if project.kind is ForgeKind.GITHUB else GitLabReleases(project, api)

    @property
    def _has_sboms(self) -> bool:
        return self.session.project.component.attest is not None

    def state(self, notes: str | None, images: Sequence[PublishedImage]) -> ForgeState:
        """Return the state of the page, of which `notes` is None as long as the registry lacks images.

        Raises ForgeRefusedError, and the errors of `read_sboms`.
        """
        try:
            releases = self._releases
        except UsageError as error:
            return ForgeState(problem=str(error))
        tag, host = tag_name(self.version), self._project.host
        content = "notes and SBOMs" if self._has_sboms else "notes alone, because component.yaml has no attest"
        if notes is None or not releases.exists(tag):
            return ForgeState(what=f"{tag} at {host}: {content}")
        lacking = releases.differences(self._wanted(notes, images))
        if not lacking:
            return ForgeState(done=f"{host} has {tag}")
        return ForgeState(what=f"{tag} at {host} lacks {_listed(lacking)}")

    def publish(self, notes: str, images: Sequence[PublishedImage]) -> None:
        """Create or complete the page. Raises ForgeRefusedError, and the errors of `read_sboms`."""
        progress = self.session.progress
        if not self._has_sboms:
            progress.say("the release has no SBOMs, because component.yaml has no `attest` (docs/how-to/attest.md)")
        self._releases.publish(self._wanted(notes, images), progress.say)
        progress.say(f"published {self._project.release_url(tag_name(self.version))}")

    def _wanted(self, notes: str, images: Sequence[PublishedImage]) -> WantedRelease:
        name, longest = self.session.project.component.short_name, self._releases.longest_notes
        whole = Asset(
            name=f"release-notes-{self.version}.md", content=notes.encode(), media_type="text/markdown; charset=utf-8"
        )
        sboms = [sbom for image in images for sbom in self._read(image)] if self._has_sboms else []
        return WantedRelease(
            tag=tag_name(self.version),
            title=f"{name} {self.version}",
            notes=fit_notes(notes, longest, whole.name),
            assets=[*sboms, whole] if len(notes) > longest else sboms,
            package=name,
            version=self.version,
        )

    def _read(self, image: PublishedImage) -> tuple[Asset, ...]:
        """Return the SBOMs of an image, which are read and verified once."""
        if image.reference not in self._sboms:
            self._sboms[image.reference] = read_sboms(self.session, image)
        return self._sboms[image.reference]
