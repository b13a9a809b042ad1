"""An engine that builds nothing and records every input of a build: contexts, commands, files."""

import hashlib
import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import IO, Any

import docker.errors

from lifecycle.tools.archive import tar_bytes
from lifecycle.tools.engine.container import LABEL_OWNER
from lifecycle.tools.engine.docker_engine import DockerEngine
from tests.support.builders.saved_images import image_tags, saved_image

# Options of the SDK that shape no bytes; the owner's label is a process of this machine.
_NO_INPUT = {"fileobj", "custom_context", "rm", "forcerm", "decode"}


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class RecordingEngine(DockerEngine):
    """The DockerEngine over an SDK that only records; `out` are the files that its containers leave in /out."""

    def __init__(self, out: Mapping[str, bytes] | None = None) -> None:
        super().__init__({})
        self.events: list[object] = []
        self._sdk = _Sdk(self.events, tar_bytes(dict(out or {})))

    @property
    def client(self) -> Any:  # noqa: ANN401 - the SDK has no types
        return self._sdk

    @contextmanager
    def sdk_errors(self, what: str) -> Iterator[None]:
        yield


class _Sdk:
    """The parts of `docker.DockerClient` that the steps use: itself, `api`, `images` and `containers` in one."""

    def __init__(self, events: list[object], out: bytes) -> None:
        self._events, self._out = events, out
        self._tags: set[str] = set()
        self.tags: list[str] = []
        self.api = self.images = self.containers = self

    def build(self, *, fileobj: IO[bytes], **options: object) -> Iterator[Mapping[str, str]]:
        shaping = {key: value for key, value in options.items() if key not in _NO_INPUT}
        self._events.append({"build": shaping, "context": sha256(fileobj.read())})
        self._tags.add(str(options["tag"]))
        return iter(())

    def inspect_image(self, reference: str) -> Mapping[str, object]:
        if reference not in self._tags:
            raise docker.errors.ImageNotFound(reference)
        return {"Id": f"id of {reference}", "RepoTags": [reference], "RepoDigests": [], "Size": 0, "Config": {}}

    def tag(self, image: str, repository: str, name: str, *, force: bool) -> None:
        self._events.append({"tag": f"{repository}:{name}", "of": image})

    def load(self, stream: IO[bytes]) -> None:
        archive = stream.read()
        self._events.append({"load": sha256(archive)})
        self._tags.update(image_tags(archive))

    def get(self, tag: str) -> "_Sdk":
        self._events.append({"save": tag})
        self.tags = [tag]
        return self

    def save(self, *, named: str) -> Iterator[bytes]:
        yield saved_image(named)

    def create(self, image: str, **options: Any) -> "_RawContainer":  # noqa: ANN401 - the SDK has no types
        assert set(options.pop("labels")) == {LABEL_OWNER}
        self._events.append({"container": image, **options})
        return _RawContainer(self._events, self._out)


class _RawContainer:
    """A container of the SDK that succeeds at once."""

    def __init__(self, events: list[object], out: bytes) -> None:
        self._events, self._out = events, out

    def put_archive(self, path: str, stream: IO[bytes]) -> None:
        self._events.append({"put": path, "files": sha256(stream.read())})

    def attach_socket(self, *, params: Mapping[str, int]) -> IO[bytes]:
        self._events.append({"standard input": dict(params)})
        return _Input()

    def start(self) -> None:
        pass

    def logs(self, *, stream: bool, follow: bool) -> Iterator[bytes]:
        return iter(())

    def wait(self) -> Mapping[str, int]:
        return {"StatusCode": 0}

    def commit(self, repository: str, tag: str, *, changes: list[str]) -> None:
        self._events.append({"commit": f"{repository}:{tag}", "changes": changes})

    def get_archive(self, path: str, *, chunk_size: int) -> tuple[Iterator[bytes], Mapping[str, str]]:
        self._events.append({"get": path})
        return iter([self._out]), {}

    def remove(self, *, force: bool, v: bool) -> None:
        pass


class _Input(io.BytesIO):
    """A socket to a container's standard input that nobody reads."""

    def sendall(self, data: bytes) -> None:
        self.write(data)

    def shutdown(self, how: int) -> None:
        pass
