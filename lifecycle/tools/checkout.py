"""The git repository of the project: its commits, branches and tags, and the remote for releases."""

import io
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from lifecycle.errors import EXIT_USAGE, InstallerError, UsageError
from lifecycle.tools.network.errors import without_login
from lifecycle.tools.process import ProgramFailedError, run
from lifecycle.tools.tar_filter import extract_members

_NO_REPOSITORY = "not a git repository"
# git names this setting for a folder that another user owns (git-config(1), safe.directory).
_UNTRUSTED = "safe.directory"


class CheckoutError(InstallerError):
    """A git command that failed; `git_error` is the first line of its output."""

    def __init__(self, what: str, output: str, hint: str = "") -> None:
        self.git_error = output.strip().partition("\n")[0]
        lines = [line.strip() for line in output.splitlines() if line.strip() and not line.startswith("hint:")]
        super().__init__(f"git cannot {what}", details="\n".join(f"  {line}" for line in lines[-6:]), resolution=hint)


class NotARepositoryError(CheckoutError):
    """A folder outside any git repository, such as an unpacked archive of the sources."""

    exit_code = EXIT_USAGE


class UntrustedCheckoutError(CheckoutError):
    """A checkout that another user owns, as in a container with a mounted folder."""

    exit_code = EXIT_USAGE

    def __init__(self, root: Path) -> None:
        self.git_error = f"git does not read {root}, which another user owns"
        InstallerError.__init__(
            self,
            self.git_error,
            resolution=f"Run `git config --global --add safe.directory {root}`, or use your own clone.",
        )


class UnknownRevisionError(UsageError):
    """A revision that git cannot find."""

    def __init__(self, revision: str, output: str, *, option: str = "--diff") -> None:
        super().__init__(
            f"{option} {revision!r}: git cannot show it: {output.strip()}: name an existing commit, branch or tag"
        )


class Checkout:
    """A checkout of a git repository; `remote` names the remote for releases. All methods raise CheckoutError."""

    def __init__(self, root: Path, remote: str = "origin") -> None:
        self.root = root
        self.remote = remote

    def _git(self, *words: str, what: str, hint: str = "") -> str:
        environ = {"GIT_TERMINAL_PROMPT": "0"}
        try:
            return run(["git", "-C", str(self.root), *words], extra_env=environ).rstrip("\n")
        except ProgramFailedError as error:
            if _UNTRUSTED in error.output:
                raise UntrustedCheckoutError(self.root) from error
            if _NO_REPOSITORY in error.output:
                raise NotARepositoryError(
                    what, error.output, "Run the command in a clone of the repository."
                ) from error
            raise CheckoutError(what, error.output, hint) from error

    def changed(self) -> list[str]:
        """Return the changed and untracked files, as the lines of `git status --porcelain`."""
        return self._git("status", "--porcelain", what="list the changed files").splitlines()

    def branch(self) -> str:
        """Return the branch that is checked out, or "" for a detached HEAD, as in CI."""
        return self._git("branch", "--show-current", what="name the branch")

    def commit(self, revision: str = "HEAD") -> str | None:
        """Return the commit of a revision, or None. Raises UntrustedCheckoutError."""
        words = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
        try:
            return self._git(*words, what="read a revision") or None
        except UntrustedCheckoutError:
            raise
        except CheckoutError:
            return None

    def is_shallow(self) -> bool:
        """Return whether the clone is shallow. Raises CheckoutError outside a git repository."""
        return self._git("rev-parse", "--is-shallow-repository", what="show the history") == "true"

    def merge_base(self, revision: str) -> str | None:
        """Return the last common commit of HEAD and a revision, or None. Raises UntrustedCheckoutError."""
        try:
            return self._git("merge-base", "HEAD", revision, what="compare histories")
        except UntrustedCheckoutError:
            raise
        except CheckoutError:
            return None

    @contextmanager
    def files_at(self, revision: str) -> Iterator[Path]:
        """Yield a temporary folder with the files of a revision. Raises UnknownRevisionError, UntrustedCheckoutError."""
        command = ["git", "-C", str(self.root), "archive", "--format=tar", "--end-of-options", revision]
        done = subprocess.run(command, capture_output=True, check=False)
        said = done.stderr.decode(errors="replace").strip()
        if done.returncode and _UNTRUSTED in said:
            raise UntrustedCheckoutError(self.root)
        if done.returncode:
            raise UnknownRevisionError(revision, said.rpartition("\n")[2])
        with tempfile.TemporaryDirectory(prefix="nvidia-installer-") as folder:
            with tarfile.open(fileobj=io.BytesIO(done.stdout)) as tar:
                extract_members(tar, Path(folder))
            yield Path(folder)

    def committed_text(self, path: Path) -> str:
        """Return the text of a file as of HEAD. Raises CheckoutError if it is not committed."""
        return self._git("show", f"HEAD:{path}", what=f"read the committed {path}") + "\n"

    def contains(self, commit: str, revision: str) -> bool:
        """Return whether a commit is in the history of a revision."""
        listed = self._git("rev-list", "--max-count=1", f"{revision}..{commit}", what="read the history")
        return not listed

    def tags(self) -> list[str]:
        """Return the tags of the checkout."""
        return self._git("tag", "--list", what="list the tags").splitlines()

    def has_remote(self) -> bool:
        """Return whether the checkout has the remote."""
        return self.remote in self._git("remote", what="list the remotes").splitlines()

    def remote_address(self) -> str:
        """Return the URL of the remote. Raises CheckoutError if there is none."""
        return self._git("remote", "get-url", self.remote, what=f"read the address of {self.remote}")

    def public_address(self) -> str:
        """Return the URL of the remote without a login in it. Raises CheckoutError if there is none."""
        return without_login(self.remote_address())

    def is_pushed(self, commit: str) -> bool:
        """Return whether a branch of the remote, as of the last fetch, contains a commit."""
        branches = f"refs/remotes/{self.remote}"
        return bool(self._git("for-each-ref", "--contains", commit, branches, what="list the remote's branches"))

    def fetch(self, branch: str) -> str | None:
        """Fetch a branch and the tags of the remote; return the commit of the branch, or None if it does not exist."""
        hint = "If tags were moved at the remote: `git fetch --tags --force`."
        self._git("fetch", "--quiet", "--tags", self.remote, what=f"fetch from {self.remote}", hint=hint)
        return self.commit(f"refs/remotes/{self.remote}/{branch}")

    def remote_tag(self, tag: str) -> str | None:
        """Return the commit of a tag at the remote, or None."""
        name = f"refs/tags/{tag}"
        listed = self._git("ls-remote", self.remote, name, f"{name}^{{}}", what=f"list the tags of {self.remote}")
        # The last line names the commit; for an annotated tag, the line before it names the tag object (gitrevisions(7), `^{}`).
        return listed.splitlines()[-1].split()[0] if listed else None

    def commit_files(self, paths: Sequence[Path], message: str) -> None:
        """Commit files with a message."""
        self._git("commit", "--quiet", "--message", message, "--", *map(str, paths), what="commit")

    def tag(self, name: str, message: str) -> None:
        """Create an annotated tag at HEAD, or move one that was never pushed."""
        # An argument has at most 128 kB (execve(2), MAX_ARG_STRLEN), which a changelog's entry may exceed.
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", prefix="nvidia-installer-") as file:
            file.write(message)
            file.flush()
            words = ("--force", "--annotate", "--cleanup=verbatim", f"--file={file.name}")
            self._git("tag", *words, name, what=f"tag {name}")

    def push(self, *refs: str) -> None:
        """Push refs to the remote, all or none, without force."""
        hint = "If others pushed meanwhile: `git pull --rebase`, and run the command again."
        self._git("push", "--quiet", "--atomic", self.remote, *refs, what=f"push to {self.remote}", hint=hint)
