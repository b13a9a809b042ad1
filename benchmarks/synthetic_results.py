"""The results that a build of a synthetic checkout would leave: in the cache, the engine, the registry and GitOps."""

import io
import json
import os
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import httpx2 as httpx

from lifecycle.cache.cache import TESTED, Cache
from lifecycle.cache.evidence import note_evidence
from lifecycle.gitops.git import create_repository, remote
from lifecycle.gitops.settings import written
from lifecycle.planning.locked_project import LockedProject
from lifecycle.planning.matrix import Combination
from lifecycle.planning.tags import immutable_tag, is_newest_of_branch, references
from lifecycle.planning.targets import Kind, Target, Targets, base_tag
from lifecycle.tools.archive import tar_header
from lifecycle.tools.labels import LABEL_COMBINATION, LABEL_COMPONENT, LABEL_DIGEST

_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


@dataclass(frozen=True, kw_only=True)
class SyntheticImage:
    """An image with one layer that has an empty file. `tags` are its names in the engine."""

    config: bytes
    labels: Mapping[str, str]
    tags: tuple[str, ...]

    @property
    def digest(self) -> str:
        """The sha256 of its configuration, in hexadecimal."""
        return sha256(self.config).hexdigest()


def all_targets(project: LockedProject) -> Iterator[tuple[Combination, Target]]:
    """Yield all targets of the matrix with a combination that needs each. Shared targets come several times."""
    targets = Targets(project)
    for c in project.matrix.combinations:
        yield from ((c, t) for t in (targets.builder(c), targets.runtime(c), targets.userspace(c), targets.image(c)))
        for module_type in c.module_types:
            yield from ((c, t) for t in (targets.compiled(c, module_type), targets.archive(c, module_type)))


def fill_cache(project: LockedProject, cache: Cache, images: Iterable[SyntheticImage]) -> None:
    """Write the results of a whole build into a cache, without their files, and record the images as tested.

    Their descriptions are as long as real ones.
    """
    for image in images:
        note_evidence(cache, TESTED, image.digest, {"combination": ""})
    made = {target.digest: target for _, target in all_targets(project) if target.kind not in (Kind.BASE, Kind.IMAGE)}
    for target in made.values():
        files = 60 if target.kind is Kind.USERSPACE else 5
        listed = {
            f"lib/some/folder/file-{number}.ko": sha256(str(number).encode()).hexdigest() for number in range(files)
        }
        described = {"contents": listed, "modes": dict.fromkeys(listed, "0644")}
        with cache.making(
            target.kind, target.digest, {"name": target.name, "inputs": dict(target.inputs), **described}
        ):
            pass
        cache.remember(target.kind, target.name, target.inputs)


def synthetic_images(project: LockedProject) -> dict[str, SyntheticImage]:
    """Return the images of a whole build, including base images, by the digest of their inputs."""
    found: dict[str, SyntheticImage] = {}
    combinations = project.matrix.combinations
    for c, target in all_targets(project):
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


def _image(target: Target, combination: Combination, more: Mapping[str, str], tags: tuple[str, ...]) -> SyntheticImage:
    labels = {LABEL_DIGEST: target.digest, **more}
    config = {
        "architecture": str(combination.architecture),
        "os": "linux",
        "config": {"Labels": labels},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{_LAYER_DIGEST}"]},
    }
    return SyntheticImage(config=json.dumps(config).encode(), labels=labels, tags=tags)


def write_image_archive(images: Iterable[SyntheticImage], path: Path) -> None:
    """Write an archive for `docker load` with all images, which share one layer."""
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


def upload_images(project: LockedProject, images: dict[str, SyntheticImage]) -> dict[Combination, str]:
    """Upload the images of the matrix to the registry under their immutable tags, and return the digest of each manifest."""
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
    """Write the repository of component.yaml's `gitops`, in which every image is merged."""
    image = f"{project.component.image.registry}/{project.component.image.repository}"
    installers: dict[str, list[dict[str, object]]] = {}
    for c, digest in digests.items():
        known = {"release": c.release, "driver": c.branch, "architecture": str(c.architecture), "version": c.driver}
        installers.setdefault(c.release, []).append({**known, "image": {"repository": image, "digest": digest}})
    files: dict[str, object] = {f"values/{name}.yaml": {"installers": items} for name, items in installers.items()}
    worker = {"name": "infer-v1", "machine": {"image": {"version": "1"}}, "labels": {"nvidia-driver": "none"}}
    files["clusters/example/shoot.yaml"] = {"spec": {"provider": {"workers": [worker]}}}
    scratch.mkdir()
    repository = project.root / "build" / "gitops.git"
    create_repository(remote(str(repository), os.environ), repository, "main", written(files), scratch)


def _described(blob: bytes) -> dict[str, object]:
    return {"size": len(blob), "digest": f"sha256:{sha256(blob).hexdigest()}"}


def _put_blob(client: httpx.Client, blob: bytes) -> None:
    location = client.post("/blobs/uploads/").raise_for_status().headers["Location"]
    digest = str(_described(blob)["digest"])
    client.put(httpx.URL(location).copy_merge_params({"digest": digest}), content=blob).raise_for_status()
