"""`invoke bundle` and `--from-bundle`: carry all inputs in one file to a machine without network."""

from collections.abc import Sequence
from pathlib import Path

from lifecycle.app import output
from lifecycle.app.session import Session
from lifecycle.config.lock import LockedFile
from lifecycle.errors import InstallerError, UsageError
from lifecycle.pipeline.base import make_base
from lifecycle.planning.locked_project import LockedProject
from lifecycle.planning.matrix import Combination
from lifecycle.planning.required_inputs import bases_of, boot_warnings, needed_by
from lifecycle.planning.selector import select
from lifecycle.planning.targets import Targets, base_tag
from lifecycle.sources.bundle import BundledImage, is_bundle, read_bundle, saved_tags, write_bundle

_SHOWN = 5


class BundleIncompleteError(UsageError):
    """A bundle that, together with the cache, lacks files of versions.lock."""

    def __init__(self, path: Path, lacking: Sequence[str]) -> None:
        more = f" and {len(lacking) - _SHOWN} more" if len(lacking) > _SHOWN else ""
        super().__init__(
            f"{path} lacks {', '.join(lacking[:_SHOWN])}{more}, which versions.lock names: "
            "run `invoke bundle` again at this commit, or select combinations with --only"
        )


class BadBundlePathError(UsageError):
    """A path at which no bundle can be written, or another file would be lost."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path}: {why}: name a new file, or a bundle to replace")


class WrongBaseImageError(InstallerError):
    """A base image in a bundle that is not the locked one."""

    def __init__(self, name: str, wanted: str, found: str) -> None:
        super().__init__(
            f"the bundle's {name} is not the image that versions.lock names: it was not loaded",
            details=f"  expected id {wanted}\n  obtained id {found}",
        )


def make_bundle(session: Session, path: Path, only: str, *, kernel_images: bool, as_json: bool) -> str:
    """Write all inputs of the selected combinations into one file; missing inputs are downloaded first. Return the next step.

    Raises BadBundlePathError before anything is downloaded.
    """
    _check_place(path)
    with session.exclusive():
        builds = session.build_service()
        project = builds.resolve(locked=True)
        fetched = builds.fetch(project, lambda p: select(p.matrix, only), locked=True, kernel_images=kernel_images)
        project = fetched.project
        combinations = select(project.matrix, only)
        for warning in boot_warnings(project, combinations) if kernel_images else []:
            session.progress.warn(warning)
        files = _files(project, combinations, kernel_images=kernel_images)
        with session.cache.scratch("bundle") as folder:
            images = [_saved(session, project, name, folder) for name in _pulled(project, combinations)]
            size = sum(file.size for file in files) + sum(image.tar.stat().st_size for image in images)
            with session.progress.bytes(
                f"writing {len(files)} files and {len(images)} images to {path}", size
            ) as advance:
                write_bundle(path.absolute(), files, images, session.cache, advance=advance)
    written = path.stat().st_size
    if as_json:
        found = {"file": str(path), "size": written, "files": len(files), "images": [image.tag for image in images]}
        output.print_json(found)
    else:
        output.print_lines([f"{path}: {output.format_size(written)}, {len(files)} files, {len(images)} images"])
    return f"take {path} to the other machine, and run `invoke build --from-bundle {path.name}` there"


def _check_place(path: Path) -> None:
    if path.is_dir():
        raise BadBundlePathError(path, "it is a folder")
    if not path.absolute().parent.is_dir():
        raise BadBundlePathError(path, f"there is no folder {path.absolute().parent}")
    if path.is_file() and path.stat().st_size and not is_bundle(path):
        raise BadBundlePathError(path, "it is a file of another kind, which would be lost")


def take_bundle(session: Session, path: Path, only: str, *, kernel_images: bool = False) -> None:
    """Verify the content of a bundle and put it into the cache and the engine, so that no network is needed.

    Raises NotABundleError, CorruptBundleError, WrongBaseImageError, and BundleIncompleteError if inputs are still missing.
    """
    with session.exclusive():
        project = session.locked_project
        combinations = select(project.matrix, only)
        known = {file.sha256 for file in project.lock.files()}
        with session.cache.scratch("bundle") as folder:
            with session.progress.bytes(f"reading {path}", path.stat().st_size if path.exists() else 0) as advance:
                contents = read_bundle(path, known, session.cache, folder, advance=advance)
            for name in _pulled(project, combinations):
                tag = base_tag(Targets(project).base(name))
                if tag in contents.images:
                    _load(session, project, name, contents.images[tag])
        session.progress.say(f"took {len(contents.files)} locked files; {contents.skipped} other files were left out")
        needed = _files(project, combinations, kernel_images=kernel_images)
        lacking = [file.name for file in needed if not session.cache.has_blob(file.sha256)]
        lacking += [n for n in _pulled(project, combinations) if not session.state().has(Targets(project).base(n))]
        if lacking:
            raise BundleIncompleteError(path, lacking)


def _files(project: LockedProject, combinations: Sequence[Combination], *, kernel_images: bool) -> list[LockedFile]:
    files = needed_by(project, combinations, kernel_images=kernel_images).files
    return sorted({file.sha256: file for file in files}.values(), key=lambda file: (file.name, file.version))


def _pulled(project: LockedProject, combinations: Sequence[Combination]) -> list[str]:
    """Return the bases of combinations that are pulled. The others are bootstrapped from files."""
    return [name for name in bases_of(project, combinations) if project.lock.bases[name].digest]


def _saved(session: Session, project: LockedProject, name: str, folder: Path) -> BundledImage:
    tag = make_base(project, Targets(project).base(name), session.cache, session.engine)
    tar = folder / f"{name}.tar"
    session.engine.save(tag, tar)
    return BundledImage(tag=tag, tar=tar)


def _load(session: Session, project: LockedProject, name: str, tar: Path) -> None:
    target, wanted = Targets(project).base(name), project.lock.bases[name].id
    # The engine gives its images the names in the tar, whatever they are.
    names = saved_tags(tar)
    if names != [base_tag(target)]:
        raise WrongBaseImageError(name, str(wanted), f"none: it would name {', '.join(names) or 'nothing'}")
    session.engine.load(tar)
    loaded = session.engine.image(base_tag(target))
    found = loaded.id if loaded else "none"
    if found != wanted:
        session.engine.remove_tag(base_tag(target))
        raise WrongBaseImageError(name, str(wanted), found)
    session.cache.remember(target.kind, target.name, target.inputs)
