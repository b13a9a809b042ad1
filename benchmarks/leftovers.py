"""What a build of a synthetic checkout would have left: results, images in the engine, images in the registry."""

import io
import json
import os
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import httpx

from lifecycle.cache.cache import Cache
from lifecycle.gitops.git import make_repository, remote
from lifecycle.gitops.settings import written
from lifecycle.planning.locked_project import LockedProject
from lifecycle.planning.matrix import Combination
from lifecycle.planning.tags import immutable_tag, is_newest_of_branch, references
from lifecycle.planning.targets import Kind, Target, Targets, base_tag
from lifecycle.tools.archive import tar_header
from lifecycle.tools.labels import LABEL_COMBINATION, LABEL_COMPONENT, LABEL_DIGEST

_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


@dataclass(frozen=True, kw_only=True)
class MadeImage:
    """An image of one layer with an empty file: its configuration, its labels, and its names in the engine."""

    config: bytes
    labels: Mapping[str, str]
    tags: tuple[str, ...]

    @property
    def digest(self) -> str:
        """The sha256 of its configuration, as hex."""
        return sha256(self.config).hexdigest()


def every_target(project: LockedProject) -> Iterator[tuple[Combination, Target]]:
    """All targets of the matrix, with a combination that each is for; some more than once."""
    targets = Targets(project)
    for c in project.matrix.combinations:
        yield from ((c, t) for t in (targets.builder(c), targets.runtime(c), targets.userspace(c), targets.image(c)))
        for module_type in c.module_types:
            yield from ((c, t) for t in (targets.compiled(c, module_type), targets.archive(c, module_type)))


def fill_cache(project: LockedProject, cache: Cache, images: Iterable[MadeImage]) -> None:
    """The results of a whole build, what describes them as long as it is in earnest, without files; images' tests have passed."""
    for image in images:
        cache.note_tested(image.digest, "")
    made = {target.digest: target for _, target in every_target(project) if target.kind not in (Kind.BASE, Kind.IMAGE)}
    for target in made.values():
        files = 60 if target.kind is Kind.USERSPACE else 5
        listed = {
            f"lib/some/folder/file-{number}.ko": sha256(str(number).encode()).hexdigest() for number in range(files)
        }
        with cache.making(
            target.kind, target.digest, {"name": target.name, "inputs": dict(target.inputs), "contents": listed}
        ):
            pass
        cache.remember(target.kind, target.name, target.inputs)


def made_images(project: LockedProject) -> dict[str, MadeImage]:
    """The images of a whole build, bases among them, by the digest of their inputs."""
    found: dict[str, MadeImage] = {}
    combinations = project.matrix.combinations
    for c, target in every_target(project):
        if target.kind is Kind.BASE:
            found[target.digest] = _image(target, c, {}, (base_tag(target),))
        if target.kind is Kind.IMAGE:
            labels = {LABEL_COMBINATION: c.id, LABEL_COMPONENT: project.component.name}
            exact, moving = references(project.component.image, c)
            tags = (exact, moving) if is_newest_of_branch(c, combinations) else (exact,)
            found[target.digest] = _image(target, c, labels, tags)
    return found


def _layer() -> bytes:
    with io.BytesIO() as out:
        with tarfile.open(fileobj=out, mode="w") as tar:
            tar.addfile(tar_header("empty", size=0), io.BytesIO())
        return out.getvalue()


LAYER = _layer()
_LAYER_DIGEST = sha256(LAYER).hexdigest()


def _image(target: Target, combination: Combination, more: Mapping[str, str], tags: tuple[str, ...]) -> MadeImage:
    labels = {LABEL_DIGEST: target.digest, **more}
    config = {
        "architecture": str(combination.architecture),
        "os": "linux",
        "config": {"Labels": labels},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{_LAYER_DIGEST}"]},
    }
    return MadeImage(config=json.dumps(config).encode(), labels=labels, tags=tags)


def write_archive(images: Iterable[MadeImage], path: Path) -> None:
    """What `docker load` reads: all images, which share their layer."""
    layer = f"{_LAYER_DIGEST}/layer.tar"
    listed = [{"Config": f"{i.digest}.json", "RepoTags": list(i.tags), "Layers": [layer]} for i in images]
    files = {
        "manifest.json": json.dumps(listed).encode(),
        layer: LAYER,
        **{f"{i.digest}.json": i.config for i in images},
    }
    with tarfile.open(path, mode="w") as tar:
        for name, content in files.items():
            tar.addfile(tar_header(name, size=len(content)), io.BytesIO(content))


def upload(project: LockedProject, images: dict[str, MadeImage]) -> dict[Combination, str]:
    """Have the images of the matrix in the registry, under the tags that never move; the digest there of each."""
    found = {}
    image, targets = project.component.image, Targets(project)
    with httpx.Client(base_url=f"http://{image.registry}/v2/{image.repository}", timeout=60) as client:
        _put_blob(client, LAYER)
        for combination in project.matrix.combinations:
            inputs = targets.image(combination).digest
            config = images[inputs].config
            _put_blob(client, config)
            manifest = {
                "schemaVersion": 2,
                "mediaType": _MANIFEST,
                "config": {"mediaType": "application/vnd.docker.container.image.v1+json", **_described(config)},
                "layers": [{"mediaType": "application/vnd.docker.image.rootfs.diff.tar", **_described(LAYER)}],
            }
            tag, headers = immutable_tag(combination, inputs), {"Content-Type": _MANIFEST}
            answer = client.put(f"/manifests/{tag}", content=json.dumps(manifest), headers=headers).raise_for_status()
            found[combination] = answer.headers["Docker-Content-Digest"]
    return found


def write_gitops(project: LockedProject, digests: Mapping[Combination, str], scratch: Path) -> None:
    """Have the repository of component.yaml's `gitops`, in which everything is merged."""
    image = f"{project.component.image.registry}/{project.component.image.repository}"
    installers: dict[str, list[dict[str, object]]] = {}
    for c, digest in digests.items():
        known = {"release": c.release, "driver": c.branch, "architecture": str(c.architecture), "version": c.driver}
        installers.setdefault(c.release, []).append({**known, "image": {"repository": image, "digest": digest}})
    trees: dict[str, object] = {f"values/{name}.yaml": {"installers": items} for name, items in installers.items()}
    worker = {"name": "infer-v1", "machine": {"image": {"version": "1"}}, "labels": {"nvidia-driver": "none"}}
    trees["clusters/example/shoot.yaml"] = {"spec": {"provider": {"workers": [worker]}}}
    scratch.mkdir()
    there = project.root / "build" / "gitops.git"
    make_repository(remote(str(there), os.environ), there, "main", written(trees), scratch)


def _described(blob: bytes) -> dict[str, object]:
    return {"size": len(blob), "digest": f"sha256:{sha256(blob).hexdigest()}"}


def _put_blob(client: httpx.Client, blob: bytes) -> None:
    place = client.post("/blobs/uploads/").raise_for_status().headers["Location"]
    digest = str(_described(blob)["digest"])
    client.put(httpx.URL(place).copy_merge_params({"digest": digest}), content=blob).raise_for_status()
