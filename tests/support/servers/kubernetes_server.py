"""An API server on loopback for `invoke rollout`: nodes, pods, DaemonSets, with pages, conflicts and evictions.

It answers as the Kubernetes API reference says, for the requests that a rollout makes; tests/cluster has the real one. A deleted
pod of a DaemonSet is replaced at once by one of the newest template.
"""

import json
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from lifecycle.rollout.fleet import MARK, REVISION
from lifecycle.tools.label_selector import LabelSelector
from tests.support.builders.fleets import Json, pod
from tests.support.serving import serving

Answer = tuple[int, Json, dict[str, str]]


def status(code: int, message: str) -> Json:
    """Return the object of a refusal."""
    return {"kind": "Status", "code": code, "message": message}


@dataclass
class World:
    """The objects of a cluster, the requests so far, and answers to give instead of the right ones."""

    nodes: dict[str, Json] = field(default_factory=dict)
    pods: dict[str, Json] = field(default_factory=dict)
    sets: dict[str, Json] = field(default_factory=dict)
    revisions: dict[str, Json] = field(default_factory=dict)
    budget: str = ""
    denied: set[str] = field(default_factory=set)
    requests: list[tuple[str, str]] = field(default_factory=list)
    instead: deque[Answer] = field(default_factory=deque)
    page: int = 0
    most_cordoned: int = 0
    on_new_pod: Callable[[Json], None] = lambda made: None
    lock: threading.RLock = field(default_factory=threading.RLock)
    _count: int = 100

    def cordoned(self) -> list[str]:
        """Return the names of the cordoned nodes."""
        return [name for name, node in self.nodes.items() if node["spec"].get("unschedulable")]

    def revision_of(self) -> dict[str, str]:
        """Return the template of the installer's pod on each node."""
        own = [found for found in self.pods.values() if REVISION in found["metadata"].get("labels", {})]
        return {found["spec"]["nodeName"]: found["metadata"]["labels"][REVISION] for found in own}

    def is_clean(self, name: str) -> bool:
        """Return whether a node is schedulable and has no mark of a rollout."""
        found = self.nodes[name]
        metadata = found["metadata"]
        return not found["spec"] and MARK not in metadata["annotations"] and MARK not in metadata["labels"]

    def made(self, method: str, part: str) -> list[str]:
        """Return the paths of the requests of a method that contain a text."""
        return [path for found, path in self.requests if found == method and part in path]

    def answer(self, method: str, target: str, body: Json) -> Answer:
        """Return the answer to a request."""
        parts = urlsplit(target)
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        with self.lock:
            self.requests.append((method, target))
            if self.instead:
                return self.instead.popleft()
            code, found = self._answer(method, parts.path.strip("/").split("/"), query, body)
            return code, found, {}

    def _answer(self, method: str, path: list[str], query: dict[str, str], body: Json) -> tuple[int, Json]:
        if method == "GET" and path == ["api", "v1"]:
            return 200, {"resources": [{"name": "pods/eviction", "group": "policy", "version": "v1"}]}
        if method == "GET" and path[:3] == ["api", "v1", "nodes"] and len(path) == 4:
            return (200, self.nodes[path[3]]) if path[3] in self.nodes else (404, status(404, "no such node"))
        if method == "GET":
            return self._page(self._listed(path[-1], query), query)
        if method == "PATCH":
            return self._patch(path[3], body)
        if path[-1] == "selfsubjectaccessreviews":
            asked = body["spec"]["resourceAttributes"]
            return 201, {"status": {"allowed": f"{asked['verb']} {asked['resource']}" not in self.denied}}
        if path[-1] == "eviction":
            return self._evict(path[-2])
        return self._delete(path[-1], body)

    def _listed(self, kind: str, query: dict[str, str]) -> list[Json]:
        found = {"nodes": self.nodes, "pods": self.pods, "daemonsets": self.sets, "controllerrevisions": self.revisions}
        items = list(found[kind].values())
        selector = LabelSelector.parse(query.get("labelSelector", ""))
        items = [item for item in items if selector.matches(item["metadata"].get("labels", {}))]
        node = query.get("fieldSelector", "").partition("=")[2]
        return [item for item in items if not node or item["spec"]["nodeName"] == node]

    def _page(self, items: list[Json], query: dict[str, str]) -> tuple[int, Json]:
        start, size = int(query.get("continue", 0)), self.page or len(items) or 1
        more = str(start + size) if start + size < len(items) else ""
        return 200, {"items": items[start : start + size], "metadata": {"continue": more}}

    def _patch(self, name: str, body: Json) -> tuple[int, Json]:
        node = self.nodes[name]
        if body["metadata"].pop("resourceVersion") != node["metadata"]["resourceVersion"]:
            return 409, status(409, "the object has been modified")
        _merge(node, body)
        self._count += 1
        node["metadata"]["resourceVersion"] = str(self._count)
        self.most_cordoned = max(self.most_cordoned, len(self.cordoned()))
        return 200, node

    def _evict(self, name: str) -> tuple[int, Json]:
        if self.budget:
            return 429, status(429, self.budget)
        if name not in self.pods:
            return 404, status(404, "no such pod")
        del self.pods[name]
        return 201, status(201, "evicted")

    def _delete(self, name: str, body: Json) -> tuple[int, Json]:
        old = self.pods.get(name)
        if old is None or old["metadata"]["uid"] != body["preconditions"]["uid"]:
            return 404, status(404, "no such pod")
        del self.pods[name]
        self.replace(old)
        return 200, old

    def replace(self, old: Json) -> None:
        """Make the pod that the DaemonSet of a deleted one makes."""
        owner = old["metadata"]["ownerReferences"][0]["uid"]
        own = [r for r in self.revisions.values() if r["metadata"]["ownerReferences"][0]["uid"] == owner]
        newest = max(own, key=lambda found: int(found["revision"]))["metadata"]["labels"][REVISION]
        self._count += 1
        made = pod(f"new-{self._count}", old["spec"]["nodeName"], revision=newest, owner=owner)
        self.on_new_pod(made)
        self.pods[made["metadata"]["name"]] = made


def _merge(target: Json, patch: Json) -> None:
    """Merge a patch into an object (RFC 7386)."""
    for key, value in patch.items():
        if value is None:
            target.pop(key, None)
        elif isinstance(value, dict):
            _merge(target.setdefault(key, {}), value)
        else:
            target[key] = value


class _Handler(BaseHTTPRequestHandler):
    world: World
    protocol_version = "HTTP/1.1"
    # Headers and body in one packet, so that no request waits for a delayed acknowledgement.
    wbufsize = -1

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body: Any = json.loads(self.rfile.read(length)) if length else {}
        code, answer, headers = self.world.answer(self.command, self.path, body)
        text = answer["raw"].encode() if "raw" in answer else json.dumps(answer).encode()
        self.send_response(code)
        for name, value in {**headers, "Content-Length": str(len(text))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_PATCH = do_POST = do_DELETE = _serve  # noqa: N815 - the names that the base class calls


@contextmanager
def kubernetes_server(world: World) -> Iterator[str]:
    """Serve a cluster until the block ends, and yield the address."""
    handler = type("Handler", (_Handler,), {"world": world})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    with serving(server):
        yield f"http://127.0.0.1:{server.server_port}"
