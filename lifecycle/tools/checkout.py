"""The project's own repository: what is checked out, its tags, and the remote that it is released to."""

import io
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from lifecycle.errors import InstallerError, UsageError
from lifecycle.tools.process import ProgramFailedError, run


class CheckoutError(InstallerError):
    """Something of the checkout that git refuses; `output` is the first line of what git printed."""

    def __init__(self, what: str, output: str, hint: str = "") -> None:
        self.git_error = output.strip().partition("\n")[0]
        lines = [line.strip() for line in output.splitlines() if line.strip() and not line.startswith("hint:")]
        super().__init__(f"git cannot {what}", details="\n".join(f"  {line}" for line in lines[-6:]), resolution=hint)


class UnknownRevisionError(UsageError):
    """A revision that git does not know."""

    def __init__(self, revision: str, output: str, *, option: str = "--diff") -> None:
        super().__init__(
            f"{option} {revision!r}: git cannot show it: {output.strip()}: name a commit, branch or tag that exists"
        )


class Checkout:
    """A checkout, and what git knows of it; `remote` is the name of the one that it is released to."""

    def __init__(self, root: Path, remote: str = "origin") -> None:
        self.root = root
        self.remote = remote

    def _git(self, *words: str, what: str, hint: str = "") -> str:
        environ = {"GIT_TERMINAL_PROMPT": "0"}
        try:
            return run(["git", "-C", str(self.root), *words], extra_env=environ).rstrip("\n")
        except ProgramFailedError as error:
            raise CheckoutError(what, error.output, hint) from error

    def changed(self) -> list[str]:
        """Files that differ from what is committed, or are not under version control; `git status` has its own names for it."""
        return self._git("status", "--porcelain", what="tell what has changed").splitlines()

    def branch(self) -> str:
        """The branch that is checked out; "" for a commit alone, as CI checks it out."""
        return self._git("branch", "--show-current", what="tell the branch")

    def commit(self, revision: str = "HEAD") -> str | None:
        """Return the commit that a revision means here, or None."""
        words = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
        try:
            return self._git(*words, what="read a revision") or None
        except CheckoutError:
            return None

    def is_shallow(self) -> bool:
        """Return whether the history ends before the first commit. Raises CheckoutError outside a git repository."""
        return self._git("rev-parse", "--is-shallow-repository", what="show the history") == "true"

    def merge_base(self, revision: str) -> str | None:
        """Return the commit at which HEAD left another revision, or None if they have no common history."""
        try:
            return self._git("merge-base", "HEAD", revision, what="compare histories")
        except CheckoutError:
            return None

    @contextmanager
    def files_at(self, revision: str) -> Iterator[Path]:
        """Yield a folder with the files of a revision; it is removed at the end. Raises UnknownRevisionError."""
        command = ["git", "-C", str(self.root), "archive", "--format=tar", "--end-of-options", revision]
        done = subprocess.run(command, capture_output=True, check=False)
        if done.returncode:
            raise UnknownRevisionError(revision, done.stderr.decode(errors="replace").strip().rpartition("\n")[2])
        with tempfile.TemporaryDirectory(prefix="nvidia-installer-") as folder:
            with tarfile.open(fileobj=io.BytesIO(done.stdout)) as tar:
                tar.extractall(folder, filter="data")
            yield Path(folder)

    def committed_text(self, path: Path) -> str:
        """A file as it is committed; raises CheckoutError where it is not."""
        return self._git("show", f"HEAD:{path}", what=f"read {path} as it is committed") + "\n"

    def contains(self, commit: str, revision: str) -> bool:
        """Whether a revision has a commit in its history."""
        listed = self._git("rev-list", "--max-count=1", f"{revision}..{commit}", what="read the history")
        return not listed

    def tags(self) -> list[str]:
        """The tags that there are here."""
        return self._git("tag", "--list", what="list the tags").splitlines()

    def has_remote(self) -> bool:
        """Whether there is somewhere to release to."""
        return self.remote in self._git("remote", what="list the remotes").splitlines()

    def remote_address(self) -> str:
        """Where the remote is; raises CheckoutError where there is none."""
        return self._git("remote", "get-url", self.remote, what=f"tell where {self.remote} is")

    def is_pushed(self, commit: str) -> bool:
        """Whether a branch of the remote, as it was last seen, has a commit."""
        branches = f"refs/remotes/{self.remote}"
        return bool(self._git("for-each-ref", "--contains", commit, branches, what="list the remote's branches"))

    def fetch(self, branch: str) -> str | None:
        """Have the remote's branch and its tags; the commit of the branch, or None where there is none."""
        hint = "Tags that were moved there are taken by `git fetch --tags --force`."
        self._git("fetch", "--quiet", "--tags", self.remote, what=f"fetch from {self.remote}", hint=hint)
        return self.commit(f"refs/remotes/{self.remote}/{branch}")

    def remote_tag(self, tag: str) -> str | None:
        """The commit of a tag at the remote, or None."""
        name = f"refs/tags/{tag}"
        listed = self._git("ls-remote", self.remote, name, f"{name}^{{}}", what=f"list the tags of {self.remote}")
        # The last line is the commit; of an annotated tag the one before is the tag itself (gitrevisions(7), `^{}`).
        return listed.splitlines()[-1].split()[0] if listed else None

    def commit_files(self, paths: Sequence[Path], message: str) -> None:
        """Commit some files."""
        self._git("commit", "--quiet", "--message", message, "--", *map(str, paths), what="commit")

    def tag(self, name: str, message: str) -> None:
        """Put an annotated tag on what is checked out, in place of one that was never pushed."""
        self._git(
            "tag", "--force", "--annotate", "--cleanup=verbatim", f"--message={message}", name, what=f"tag {name}"
        )

    def push(self, *refs: str) -> None:
        """Push to the remote; never forced."""
        hint = "If others pushed meanwhile: `git pull --rebase`, and run the command again."
        self._git("push", "--quiet", "--atomic", self.remote, *refs, what=f"push to {self.remote}", hint=hint)
