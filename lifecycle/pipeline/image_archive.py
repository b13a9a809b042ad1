"""Archives of images for `docker load`, written without an engine: the same layers and settings have the same image id everywhere.

`docker import` and `docker build` are not used, because they write the time and their own machine's architecture into an image.
The format is that of `docker load` (Docker image specification v1.2, "Combined Image JSON + Filesystem Changeset Format"; OCI image
specification, "config").
"""

import hashlib
import io
import json
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from lifecycle.errors import InstallerError, writing
from lifecycle.tools.archive import tar_header
from lifecycle.tools.digest import sha256_of
from lifecycle.tools.reproducible import created_text

_CREATED = created_text()
_PLATFORM = ("architecture", "variant", "os")


class UnreadableImageError(InstallerError):
    """An archive from the engine that is not in the documented format."""

    def __init__(self, problem: str) -> None:
        super().__init__(f"the engine saved an image in an unknown format: {problem}")


@dataclass(frozen=True, kw_only=True)
class Layer:
    """A layer on top of a base image: an uncompressed tar, and the text for the image's history."""

    tar: Path
    created_by: str


@dataclass(frozen=True, kw_only=True)
class LayerContent:
    """A layer in an archive. `diff_id` is the digest (`sha256:…`) of its uncompressed tar; `size` is that of `stream` in bytes."""

    diff_id: str
    size: int
    stream: IO[bytes]


def root_image(root: Path, out: Path, tag: str, labels: Mapping[str, str], architecture: str) -> str:
    """Write the archive of an image with one layer, the tar of a root file system (`root`). Return its id (`sha256:…`)."""
    config = {"architecture": architecture, "os": "linux", "config": {"Labels": dict(labels)}}
    layer = Layer(tar=root, created_by="scripts/base/bootstrap")
    with ExitStack() as stack:
        return _write(out, tag, config, [layer], _open(stack, [layer]))


def layered_image(
    base: Path, out: Path, tag: str, settings: Mapping[str, Any], labels: Mapping[str, str], layers: Sequence[Layer]
) -> str:
    """Write the archive of an image that adds layers to a base image. Return the image's id (`sha256:…`).

    `base` is the archive of the base image (`docker save`). `settings` are `config` of the OCI image specification. They replace
    those of the base image; of environment variables and labels, only those with the same name. Raises UnreadableImageError.
    """
    with ExitStack() as stack:
        below, contents = stack.enter_context(open_image(base))
        inherited = below.get("config") or {}
        config = {
            **{key: below[key] for key in _PLATFORM if key in below},
            "history": below.get("history") or [],
            "config": {
                **inherited,
                **settings,
                "Env": _environment(inherited.get("Env") or [], settings.get("Env") or []),
                "Labels": {**(inherited.get("Labels") or {}), **labels},
            },
        }
        return _write(out, tag, config, layers, [*contents, *_open(stack, layers)])


def _environment(below: Iterable[str], above: Iterable[str]) -> list[str]:
    """Return the variables (`NAME=value`) of both; those of `above` replace others of the same name."""
    return list({entry.partition("=")[0]: entry for entry in (*below, *above)}.values())


def _open(stack: ExitStack, layers: Iterable[Layer]) -> list[LayerContent]:
    return [
        LayerContent(
            diff_id=f"sha256:{sha256_of(layer.tar)}",
            size=layer.tar.stat().st_size,
            stream=stack.enter_context(layer.tar.open("rb")),
        )
        for layer in layers
    ]


@contextmanager
def open_image(archive: Path) -> Iterator[tuple[dict[str, Any], list[LayerContent]]]:
    """Yield the configuration and the layers of the image in an archive (`docker save`). Raises UnreadableImageError."""
    try:
        with tarfile.TarFile(archive) as tar:
            yield _parts(tar)
    except tarfile.TarError as error:
        raise UnreadableImageError(str(error)) from error


def _parts(tar: tarfile.TarFile) -> tuple[dict[str, Any], list[LayerContent]]:
    try:
        (manifest,) = json.load(_member(tar, "manifest.json"))
        config = json.load(_member(tar, manifest["Config"]))
        pairs = zip(config["rootfs"]["diff_ids"], manifest["Layers"], strict=True)
        return config, [_content(tar, diff_id, name) for diff_id, name in pairs]
    except (KeyError, TypeError, ValueError) as error:
        raise UnreadableImageError(f"{type(error).__name__}: {error}") from error


def _member(tar: tarfile.TarFile, name: str) -> IO[bytes]:
    # A layer that the image has twice may be a link to the first one, which extractfile follows.
    stream = tar.extractfile(name)
    if stream is None:
        raise UnreadableImageError(f"{name} is not a file")
    return stream


def _content(tar: tarfile.TarFile, diff_id: str, name: str) -> LayerContent:
    stream = _member(tar, name)
    size = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    return LayerContent(diff_id=diff_id, size=size, stream=stream)


def _write(
    out: Path, tag: str, config: Mapping[str, Any], added: Iterable[Layer], contents: Sequence[LayerContent]
) -> str:
    """Write the archive of an image with all its layers, of which `added` have no history yet. Return the image's id."""
    history = [{"created": _CREATED, "created_by": layer.created_by} for layer in added]
    image = _json(
        {
            **config,
            "created": _CREATED,
            "rootfs": {"type": "layers", "diff_ids": [content.diff_id for content in contents]},
            "history": [*config.get("history", []), *history],
        }
    )
    digest = hashlib.sha256(image).hexdigest()
    files = {content.diff_id: f"{content.diff_id.removeprefix('sha256:')}/layer.tar" for content in contents}
    manifest = _json(
        [{"Config": f"{digest}.json", "RepoTags": [tag], "Layers": [files[content.diff_id] for content in contents]}]
    )
    with writing(out), tarfile.open(out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, content in {"manifest.json": manifest, f"{digest}.json": image}.items():
            tar.addfile(tar_header(name, size=len(content)), io.BytesIO(content))
        for layer in {content.diff_id: content for content in contents}.values():
            tar.addfile(tar_header(files[layer.diff_id], size=layer.size), layer.stream)
    return f"sha256:{digest}"


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
