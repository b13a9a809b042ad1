"""git's own server programs on loopback: http-backend behind a password (git-http-backend(1)), and sshd."""

import base64
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from tests.support.git import git
from tests.support.servers.ssh_server import ssh_server
from tests.support.serving import serving

USER, TOKEN = "bumper", "glpat-4711"


@dataclass
class Upstream:
    """A bare repository, its address, and the environment variables with the credentials for it."""

    path: Path
    address: str
    environ: Mapping[str, str] = field(default_factory=dict)

    def commit(self, files: Mapping[str, str], message: str, *, branch: str = "main") -> str:
        """Push a person's commit to a branch, which is created from main if it does not exist; return the commit."""
        work = self.path.with_name("person")
        if not work.exists():
            git(self.path.parent, "clone", "--quiet", str(self.path), str(work))
        git(work, "fetch", "--quiet", "origin")
        known = git(work, "branch", "--remotes", "--list", f"origin/{branch}", "origin/main").split()
        start = next((name for name in (f"origin/{branch}", "origin/main") if name in known), None)
        git(work, "checkout", "--quiet", "-B", branch, *([start] if start else []))
        for name, text in files.items():
            (work / name).parent.mkdir(parents=True, exist_ok=True)
            (work / name).write_bytes(text.encode())
        git(work, "add", "--all")
        git(work, "commit", "--quiet", "--message", message)
        git(work, "push", "--quiet", "origin", branch)
        return git(work, "rev-parse", "HEAD")

    def show(self, revision: str, name: str) -> str:
        """Return the content of a file in a revision."""
        done = subprocess.run(
            ["git", "-C", str(self.path), "show", f"{revision}:{name}"], capture_output=True, check=True
        )
        return done.stdout.decode()

    def log(self, revisions: str) -> list[str]:
        """Return the titles of commits, the newest first."""
        return git(self.path, "log", "--format=%s", revisions).splitlines()

    def branches(self) -> list[str]:
        """Return the names of all branches."""
        return git(self.path, "for-each-ref", "--format=%(refname:short)", "refs/heads").splitlines()

    def refuse(self, branch: str, words: str) -> None:
        """Protect a branch, as a forge does, with a hook."""
        shutil.copy(Path(__file__).with_name("pre-receive.sh"), self.path / "hooks" / "pre-receive")
        git(self.path, "config", "protected.branch", branch)
        git(self.path, "config", "protected.words", words)


def bare_repository(folder: Path, files: Mapping[str, str]) -> Upstream:
    """Create a bare repository with a first commit; its address is its path."""
    path = folder / "values.git"
    folder.mkdir(parents=True, exist_ok=True)
    git(folder, "init", "--quiet", "--bare", "--initial-branch=main", str(path))
    upstream = Upstream(path, str(path))
    upstream.commit(files, "first")
    return upstream


class _Backend(BaseHTTPRequestHandler):
    """A CGI server with the parts of CGI that git-http-backend(1) needs."""

    root: Path

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def _serve(self) -> None:
        expected = "Basic " + base64.b64encode(f"{USER}:{TOKEN}".encode()).decode()
        if self.headers.get("Authorization") != expected:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="git"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        environ = {
            **os.environ,
            "GIT_PROJECT_ROOT": str(self.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "REQUEST_METHOD": self.command,
            "PATH_INFO": parts.path,
            "QUERY_STRING": parts.query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "REMOTE_USER": USER,
        }
        done = subprocess.run(["git", "http-backend"], input=body, capture_output=True, env=environ, check=False)
        head, _, rest = done.stdout.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().splitlines())
        self.send_response(int(fields.pop("Status", "200").split()[0]))
        for name, value in fields.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        self.wfile.write(rest)


@contextmanager
def over_http(upstream: Upstream) -> Iterator[Upstream]:
    """Serve a repository over HTTP to clients with the token, and stop the server at the end."""
    handler = type("Backend", (_Backend,), {"root": upstream.path.parent})
    git(upstream.path, "config", "http.receivepack", "true")
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    with serving(server):
        environ = {"INVOKE_GITOPS_USERNAME": USER, "INVOKE_GITOPS_TOKEN": TOKEN}
        yield Upstream(upstream.path, f"http://127.0.0.1:{server.server_port}/{upstream.path.name}", environ)


@contextmanager
def over_ssh(upstream: Upstream, folder: Path) -> Iterator[Upstream]:
    """Serve a repository over SSH to clients with the key, and stop the server at the end."""
    with ssh_server(folder) as server:
        environ = {"GIT_SSH_COMMAND": " ".join(server.command)}
        yield Upstream(upstream.path, f"ssh://{server.place}{upstream.path}", environ)
