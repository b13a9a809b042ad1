"""A part of the Kubernetes API on loopback: pods, which are listed and watched, and nodes."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import yaml

Object = dict[str, Any]
_KINDS = [
    {"name": "pods", "singularName": "pod", "namespaced": True, "kind": "Pod", "verbs": ["get", "list", "watch"]},
    {"name": "nodes", "singularName": "node", "namespaced": False, "kind": "Node", "verbs": ["get", "list", "patch"]},
]
_DISCOVERY: dict[str, Object] = {
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": []},
    "/api/v1": {"kind": "APIResourceList", "groupVersion": "v1", "resources": _KINDS},
}


@dataclass
class NodeApi:
    """An API server with pods and nodes. `requests` has each method and path; `before_patch` is called once, before a patch."""

    address: str = ""
    nodes: dict[str, Object] = field(default_factory=dict)
    pods: dict[str, Object] = field(default_factory=dict)
    requests: list[tuple[str, str]] = field(default_factory=list)
    before_patch: Callable[[], None] | None = None
    _changes: list[Object] = field(default_factory=list)
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _watch: int = 0

    def add_node(self, name: str, *taints: str) -> None:
        """Add a node whose taints have these keys."""
        found = [{"key": key, "effect": "NoSchedule"} for key in taints]
        self.nodes[name] = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}, "spec": {"taints": found}}

    def taints(self, name: str) -> list[str]:
        """Return the keys of a node's taints."""
        return [taint["key"] for taint in self.nodes[name]["spec"]["taints"]]

    def set_pod(self, node: str, *, ready: bool, deleted: bool = False) -> None:
        """Add or change the pod of a node, and tell the watch."""
        metadata: Object = {"name": f"pod-{node}", "namespace": "kube-system"}
        if deleted:
            metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z"
        conditions = [
            {"type": "Initialized", "status": "True"},
            {"type": "Ready", "status": "True" if ready else "False"},
        ]
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"nodeName": node}}
        with self._changed:
            change = "MODIFIED" if node in self.pods else "ADDED"
            self.pods[node] = {**pod, "status": {"conditions": conditions}}
            self._changes.append({"type": change, "object": self.pods[node]})
            self._changed.notify_all()

    def end_watch(self) -> None:
        """End the watch, as an API server does from time to time."""
        with self._changed:
            self._watch += 1
            self._changed.notify_all()

    def list_pods(self) -> Object:
        """Return all pods, with the version from which a watch goes on."""
        with self._changed:
            version = {"resourceVersion": str(len(self._changes))}
            return {"apiVersion": "v1", "kind": "PodList", "metadata": version, "items": list(self.pods.values())}

    def list_nodes(self) -> Object:
        """Return all nodes."""
        return {"apiVersion": "v1", "kind": "NodeList", "metadata": {}, "items": list(self.nodes.values())}

    def changes(self, sent: int) -> Iterator[Object]:
        """Yield changes of pods after a version until the watch ends."""
        watch = self._watch
        while True:
            with self._changed:
                while watch == self._watch and sent == len(self._changes):
                    self._changed.wait()
                if watch != self._watch:
                    return
                found = self._changes[sent:]
                sent = len(self._changes)
            yield from found

    def patch(self, name: str, operations: list[Object]) -> bool:
        """Apply a JSON patch of the operations `test` and `remove` (RFC 6902) to taints; False if a test fails."""
        hook, self.before_patch = self.before_patch, None
        if hook:
            hook()
        taints = self.nodes[name]["spec"]["taints"]
        for operation in operations:
            _, _, _, position, *keys = operation["path"].split("/")
            if int(position) >= len(taints):
                return False
            if operation["op"] == "test" and taints[int(position)][keys[0]] != operation["value"]:
                return False
            if operation["op"] == "remove":
                del taints[int(position)]
        return True

    def write_kubeconfig(self, path: Path) -> None:
        """Write a kubeconfig for this server."""
        cluster = {"name": "test", "cluster": {"server": self.address}}
        context = {"name": "test", "context": {"cluster": "test", "user": "test"}}
        users = [{"name": "test", "user": {}}]
        config = {"clusters": [cluster], "contexts": [context], "users": users, "current-context": "test"}
        path.write_text(yaml.safe_dump({"apiVersion": "v1", "kind": "Config", **config}))


class _Handler(BaseHTTPRequestHandler):
    """Answers of the server's API."""

    protocol_version = "HTTP/1.1"
    api: NodeApi

    def do_GET(self) -> None:
        """Answer discovery, lists, watches and nodes."""
        url = urlsplit(self.path)
        self.api.requests.append(("GET", url.path))
        if url.path in _DISCOVERY:
            self._send(200, _DISCOVERY[url.path])
        elif url.path.endswith("/pods") and "watch" in parse_qs(url.query):
            self._stream(int(parse_qs(url.query)["resourceVersion"][0]))
        elif url.path.endswith("/pods"):
            self._send(200, self.api.list_pods())
        elif url.path.endswith("/nodes"):
            self._send(200, self.api.list_nodes())
        else:
            found = self.api.nodes.get(url.path.rpartition("/")[2])
            self._send(200 if found else 404, found or _status(404, "NotFound"))

    def do_PATCH(self) -> None:
        """Apply a JSON patch to a node."""
        url = urlsplit(self.path)
        self.api.requests.append(("PATCH", url.path))
        name = url.path.rpartition("/")[2]
        operations = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        done = self.api.patch(name, operations)
        self._send(200 if done else 422, self.api.nodes[name] if done else _status(422, "Invalid"))

    def _send(self, code: int, content: Object) -> None:
        body = json.dumps(content).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, version: int) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        for change in self.api.changes(version):
            self.wfile.write(json.dumps(change).encode() + b"\n")
            self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name in the standard library
        """Print nothing."""


def _status(code: int, reason: str) -> Object:
    return {"apiVersion": "v1", "kind": "Status", "status": "Failure", "reason": reason, "code": code}


@contextmanager
def node_api() -> Iterator[NodeApi]:
    """Start the server and stop it at the end."""
    api = NodeApi()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"api": api}))
    server.daemon_threads = True
    api.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield api
    finally:
        api.end_watch()
        server.shutdown()
        server.server_close()
