"""base: the images that others start from, bootstrapped of locked packages without network, or pulled by fetch."""

from pathlib import Path
from urllib.parse import quote

from lifecycle.errors import InstallerError
from lifecycle.model.image_versions import RUNTIME, Base
from lifecycle.model.lock import LockedFile
from lifecycle.model.project import SOURCE_DATE_EPOCH, Project
from lifecycle.model.sources import AptSource
from lifecycle.model.targets import Target, base_tag
from lifecycle.tools.engine import Engine
from lifecycle.tools.labels import LABEL_DIGEST
from lifecycle.tools.process import run
from lifecycle.tools.root_image import root_image
from lifecycle.tools.store import Store


class BaseNotPulledError(InstallerError):
    """A base that is to be pulled and is not in the engine."""

    def __init__(self, reference: str) -> None:
        super().__init__(f"the engine does not have {reference}", resolution="Run `invoke fetch`, which pulls it.")


# ----- pure


def package_file_name(file: LockedFile) -> str:
    """The name of a package's file, as apt writes it to its own cache (a colon of an epoch escaped)."""
    return f"{file.name}_{quote(file.version, safe='+~')}.deb"


# ----- effects


def make_base(project: Project, target: Target, store: Store, engine: Engine) -> str:
    """Have a base image in the engine and return its tag; raises BaseNotPulledError, or what a tool says."""
    base, locked, tag = project.images.of(target.name), project.lock.bases[target.name], base_tag(target)
    if locked.digest:
        reference = base.pinned(locked.digest)
        # By its id, if the lock has it: a digest may be that of a list of images for several architectures.
        image = engine.image(locked.id or reference)
        if image is None:
            raise BaseNotPulledError(reference)
        engine.tag(image.id, tag)
    else:
        _bootstrap(project, base, target, store, engine)
    store.remember(target.kind, target.name, target.inputs)
    return tag


def _bootstrap(project: Project, base: Base, target: Target, store: Store, engine: Engine) -> None:
    packages = project.runtime_packages if base.name == RUNTIME else project.builder_packages
    source = project.component.sources.release(str(base.release))
    architecture = target.name.partition("/")[2] or project.component.context.architecture[0]
    suite = source.repositories[0].suite if isinstance(source, AptSource) else str(base.release)
    with store.scratch("base") as folder:
        debs, tar = folder / "debs", folder / "root.tar"
        debs.mkdir()
        for file in project.lock.bases[target.name].packages:
            (debs / package_file_name(file)).hardlink_to(store.blob(file.sha256))
        script = project.root / "scripts" / "base" / "bootstrap"
        run(
            [*_command(script, debs, suite, tar), architecture, *packages.leave_out],
            extra_env={"SOURCE_DATE_EPOCH": str(SOURCE_DATE_EPOCH)},
        )
        root_image(tar, folder / "image.tar", base_tag(target), {LABEL_DIGEST: target.digest}, architecture)
        tar.unlink()
        engine.load(folder / "image.tar")


def _command(script: Path, debs: Path, suite: str, tar: Path) -> list[str]:
    return [str(script), str(debs), suite, str(tar)]
