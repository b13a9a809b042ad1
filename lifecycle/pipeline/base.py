"""base: base images, bootstrapped from locked packages without network, or pulled by fetch."""

from urllib.parse import quote

from lifecycle.cache.cache import Cache
from lifecycle.config.image_versions import RUNTIME, Base
from lifecycle.config.lock import LockedFile
from lifecycle.config.sources.package_sources import AptSource
from lifecycle.errors import InstallerError
from lifecycle.pipeline.image_archive import root_image
from lifecycle.planning.locked_project import LockedProject
from lifecycle.planning.targets import Target, base_tag
from lifecycle.tools.engine.engine import Engine
from lifecycle.tools.labels import LABEL_DIGEST
from lifecycle.tools.process import root_prefix, run
from lifecycle.tools.reproducible import SOURCE_DATE_EPOCH


class BaseNotPulledError(InstallerError):
    """A base image that was not pulled yet."""

    def __init__(self, reference: str) -> None:
        super().__init__(f"the engine does not have {reference}", resolution="Run `invoke fetch`, which pulls it.")


# ----- pure


def package_file_name(file: LockedFile) -> str:
    """Return the file name of a package as in apt's own cache: the colon of an epoch is escaped."""
    return f"{file.name}_{quote(file.version, safe='+~')}.deb"


# ----- effects


def make_base(project: LockedProject, target: Target, cache: Cache, engine: Engine) -> str:
    """Bootstrap or tag a base image in the engine, and return its tag.

    Raises BaseNotPulledError, ProgramFailedError, ProgramMissingError, and the engine's errors.
    """
    base, locked, tag = project.base_of(target.name), project.lock.bases[target.name], base_tag(target)
    if locked.digest:
        reference = base.pinned(locked.digest)
        # The id is preferred to the digest, which may be that of a list of images for several architectures.
        image = engine.image(locked.id or reference)
        if image is None:
            raise BaseNotPulledError(reference)
        engine.tag(image.id, tag)
    else:
        _bootstrap(project, base, target, cache, engine)
    cache.remember(target.kind, target.name, target.inputs)
    return tag


def _bootstrap(project: LockedProject, base: Base, target: Target, cache: Cache, engine: Engine) -> None:
    packages = project.runtime_packages if base.name == RUNTIME else project.builder_packages
    source = project.component.sources.release(str(base.release))
    architecture = project.base_architecture(target.name)
    suite = source.repositories[0].suite if isinstance(source, AptSource) else str(base.release)
    with cache.scratch("base") as folder:
        debs, tar = folder / "debs", folder / "root.tar"
        debs.mkdir()
        for file in project.lock.bases[target.name].packages:
            (debs / package_file_name(file)).hardlink_to(cache.blob(file.sha256))
        script = project.root / "scripts" / "base" / "bootstrap"
        command = [*root_prefix(), str(script), str(debs), suite, str(tar), architecture, *packages.leave_out]
        run(command, extra_env={"SOURCE_DATE_EPOCH": str(SOURCE_DATE_EPOCH)})
        root_image(tar, folder / "image.tar", base_tag(target), {LABEL_DIGEST: target.digest}, architecture)
        tar.unlink()
        engine.load(folder / "image.tar")
