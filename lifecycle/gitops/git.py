"""git for changes of another repository: a clone of one branch, a commit, and a push that never overwrites others' work.

A token is given to git through its environment (git-config(1), GIT_CONFIG_COUNT), never in an argument, a file or a message.
"""

import base64
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from lifecycle.errors import InstallerError, UsageError
from lifecycle.tools.process import ProgramFailedError, run

_NAME, _EMAIL = "nvidia-installer", "nvidia-installer@localhost"
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
# What git says, and what a person does about it.
_HINTS = {
    r"Authentication failed|could not read Username|HTTP Basic: Access denied|error: 401": (
        "Set INVOKE_GITOPS_TOKEN to a token that may read and write it (and INVOKE_GITOPS_USERNAME where it asks for one)."
    ),
    r"error: 403|not allowed to push": "The token must be allowed to write to the repository.",
    r"Permission denied \(publickey": "Load the key that the server knows: `ssh-add`.",
    r"Host key verification failed": "Check the server's key and accept it: `ssh-keyscan` into ~/.ssh/known_hosts.",
    r"Remote branch .* not found": "Correct `branch` in component.yaml's gitops.",
    r"does not appear to be a git repository|not found|does not exist": "Correct `repository` in component.yaml's gitops.",
    r"pre-receive hook declined|protected branch|hook declined": (
        "The server takes no commits right on that branch: set `mode: pull-request` in component.yaml's gitops."
    ),
}
# Answers to a push that may be repeated on top of the newer commits (git-push(1), "--porcelain").
_RETRYABLE = re.compile(
    r"\[rejected\]|cannot lock ref|failed to update ref|incorrect old value|reference already exists"
)


class GitRefusedError(InstallerError):
    """A repository that git cannot read or write."""

    doctor_checks = "the repository and the right to push"

    def __init__(self, address: str, what: str, said: str) -> None:
        lines = [line for line in said.splitlines() if line.strip() and not line.startswith("hint:")]
        hint = next((hint for pattern, hint in _HINTS.items() if re.search(pattern, said)), "")
        super().__init__(
            f"{address}: cannot {what}", details="\n".join(f"  {line.strip()}" for line in lines[-6:]), resolution=hint
        )


class PlainTokenError(UsageError):
    """A token that would be sent without TLS."""

    def __init__(self, address: str) -> None:
        super().__init__(f"{address}: the token would be sent without TLS: write https:// in component.yaml's gitops")


class NonFastForwardError(Exception):
    """A push that is refused because the branch has changed."""


@dataclass(frozen=True, kw_only=True)
class Remote:
    """A remote repository: its address, and the environment variables for git with the credentials."""

    address: str
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)

    def git(self, *words: str, folder: Path | None = None, what: str) -> str:
        """Run git in a folder, and return its output. `what` describes the command in an error. Raises GitRefusedError."""
        place = ["-C", str(folder)] if folder else []
        try:
            return run(["git", *place, *words], extra_env=self.environ)
        except ProgramFailedError as error:
            raise GitRefusedError(self.address, what, error.output) from error


def remote(address: str, environ: Mapping[str, str]) -> Remote:
    """Return the repository at an address: HTTPS with INVOKE_GITOPS_TOKEN, SSH with the user's own keys, or a path.

    Raises PlainTokenError.
    """
    own = {name: value for name, value in environ.items() if name.startswith("GIT_")}
    extra = {"GIT_TERMINAL_PROMPT": "0", **own, **_identity(environ)}
    if "GIT_SSH_COMMAND" not in environ and "GIT_SSH" not in environ:
        extra["GIT_SSH_COMMAND"] = "ssh -oBatchMode=yes"
    token, parts = environ.get("INVOKE_GITOPS_TOKEN"), urlsplit(address)
    if token and parts.scheme in ("http", "https"):
        if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
            raise PlainTokenError(address)
        # A token's user name is of no matter to GitHub and GitLab, as long as there is one.
        user = environ.get("INVOKE_GITOPS_USERNAME") or "oauth2"
        basic = base64.b64encode(f"{user}:{token}".encode()).decode()
        count = int(environ.get("GIT_CONFIG_COUNT") or 0)
        extra["GIT_CONFIG_COUNT"] = str(count + 1)
        extra[f"GIT_CONFIG_KEY_{count}"] = f"http.{parts.scheme}://{parts.netloc}/.extraHeader"
        extra[f"GIT_CONFIG_VALUE_{count}"] = f"Authorization: Basic {basic}"
    return Remote(address=address, environ=extra)


def _identity(environ: Mapping[str, str]) -> dict[str, str]:
    """Return variables for the committer, if neither git's configuration nor the environment names one."""
    try:
        known = run(["git", "config", "user.email"]).strip()
    except ProgramFailedError:
        known = ""
    if known:
        return {}
    defaults = {"NAME": _NAME, "EMAIL": _EMAIL}
    return {
        f"GIT_{role}_{key}": value
        for role in ("AUTHOR", "COMMITTER")
        for key, value in defaults.items()
        if f"GIT_{role}_{key}" not in environ
    }


def create_repository(there: Remote, path: Path, branch: str, files: Mapping[str, str], scratch: Path) -> None:
    """Create a bare repository with files on a branch, atomically; `scratch` is an empty folder."""
    part = path.with_name(f".{path.name}.part")
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(part, ignore_errors=True)
    there.git("init", "--quiet", "--bare", f"--initial-branch={branch}", str(part), what="make it")
    work = scratch / "work"
    there.git("init", "--quiet", f"--initial-branch={branch}", str(work), what="make it")
    for name, text in files.items():
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        (work / name).write_text(text, encoding="utf-8")
    there.git("add", "--all", folder=work, what="make it")
    there.git(
        "commit", "--quiet", "--message=Keys that a release sets, still without values", folder=work, what="make it"
    )
    there.git("push", "--quiet", str(part), f"HEAD:refs/heads/{branch}", folder=work, what="make it")
    part.replace(path)


def find_mentioned(there: Remote, words: Sequence[str], scratch: Path) -> set[str]:
    """Return those words that a file of any branch contains; `scratch` is an empty folder. Raises GitRefusedError."""
    if not words:
        return set()
    there.git("clone", "--quiet", "--bare", "--no-tags", "--", there.address, str(scratch / "all"), what="read it")
    listed = there.git("for-each-ref", "--format=%(refname)", folder=scratch / "all", what="list its branches").split()
    (scratch / "words").write_text("\n".join(words) + "\n", encoding="utf-8")
    look = ["grep", "-h", "--only-matching", "--fixed-strings", "-f", str(scratch / "words"), *listed, "--"]
    try:
        return set(there.git(*look, folder=scratch / "all", what="search it").splitlines()) if listed else set()
    except GitRefusedError as error:
        # Nothing found is exit code 1 (git-grep(1)), without a word.
        if error.details.strip() in ("", "(it printed nothing)"):
            return set()
        raise


@dataclass(frozen=True, kw_only=True)
class Clone:
    """A clone of one branch of a repository."""

    remote: Remote
    folder: Path

    @staticmethod
    def of(remote: Remote, branch: str, folder: Path) -> "Clone":
        """Clone a branch. Files are fetched when they are read, if the server supports that (git-clone(1), --filter)."""
        words = ["clone", "--quiet", "--no-tags", "--single-branch", "--filter=blob:none", f"--branch={branch}"]
        remote.git(*words, "--", remote.address, str(folder), what=f"read its branch {branch}")
        return Clone(remote=remote, folder=folder)

    def _git(self, *words: str, what: str) -> str:
        return self.remote.git(*words, folder=self.folder, what=what).strip()

    def fetch(self, branch: str) -> str | None:
        """Fetch a branch, and return its commit, or None if it does not exist."""
        name = f"refs/heads/{branch}"
        if not self._git("ls-remote", "origin", name, what="list its branches"):
            return None
        here = f"refs/fetched/{branch}"
        self._git("fetch", "--quiet", "--no-tags", "origin", f"+{name}:{here}", what=f"fetch its branch {branch}")
        return self._git("rev-parse", here, what="read a commit")

    def check_out(self, commit: str) -> None:
        """Check out a commit."""
        self._git("checkout", "--quiet", "--force", "--detach", commit, what=f"check out {commit}")

    def files(self) -> list[str]:
        """Return all files under version control."""
        return self._git("ls-files", "-z", what="list its files").split("\0")[:-1]

    def messages(self, since: str, until: str) -> list[str]:
        """Return the messages of the commits after `since` up to `until`."""
        text = self._git("log", "--format=%B%x00", f"{since}..{until}", what="read its history")
        return [message.strip() for message in text.split("\0") if message.strip()]

    def tree(self, commit: str) -> str:
        """Return the tree of a commit, which identifies its files."""
        return self._git("rev-parse", f"{commit}^{{tree}}", what="read a commit")

    def parent(self, commit: str) -> str:
        """Return the first parent of a commit, or "" for the first commit."""
        return self._git("log", "-1", "--format=%P", commit, what="read a commit").partition(" ")[0]

    def commit(self, paths: Sequence[str], message: str) -> str:
        """Commit files, and return the commit."""
        note = self.folder / ".git" / "MESSAGE"
        note.write_text(message, encoding="utf-8")
        self._git("add", "--", *paths, what="take the files")
        self._git("commit", "--quiet", "--cleanup=verbatim", f"--file={note}", what="commit")
        return self._git("rev-parse", "HEAD", what="read the commit")

    def push(self, branch: str, *, replacing: str | None = None) -> None:
        """Push HEAD to a branch. `replacing` is a commit that may be replaced if the branch still has it.

        Raises NonFastForwardError where the branch has moved meanwhile, GitRefusedError for every other refusal.
        """
        lease = [f"--force-with-lease=refs/heads/{branch}:{replacing}"] if replacing else []
        try:
            self.remote.git(
                "push", "--porcelain", *lease, "origin", f"HEAD:refs/heads/{branch}", folder=self.folder, what="push"
            )
        except GitRefusedError as error:
            if _RETRYABLE.search(error.details) and "hook declined" not in error.details:
                raise NonFastForwardError from error
            raise
