"""`invoke manifests`: the Helm chart, rendered for the images in the registry."""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from lifecycle.app import output
from lifecycle.app.session import Session
from lifecycle.config.schema import Architecture
from lifecycle.config.validation import read_text
from lifecycle.errors import UsageError
from lifecycle.gitops.bump_values import published
from lifecycle.planning.matrix import Combination
from lifecycle.planning.selector import select
from lifecycle.publish.published import PublishedImage
from lifecycle.release.release_plan import checked_version, newest, tag_name
from lifecycle.tools.checkout import Checkout
from lifecycle.tools.helm import render
from lifecycle.versions.apply_edit import print_diff
from lifecycle.yamledit.limits import check_limits
from lifecycle.yamledit.reader import describe_parse_error

CHART = Path("k8s/nvidia-installer")
NAMESPACE = "kube-system"


class NoReleaseError(UsageError):
    """A comparison with the last release, although nothing is released."""

    def __init__(self) -> None:
        super().__init__("--diff: nothing is released yet: there is no tag like v1.0.0")


class NoChartError(UsageError):
    """A release without a chart."""

    def __init__(self, version: str) -> None:
        super().__init__(f"{version} has no {CHART}: name a later release")


class BadValuesFileError(UsageError):
    """A file without valid values."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"--values {path}: {why}: write keys of the chart's values.yaml below k8s/")


# ----- pure


def values_of(images: Mapping[Combination, PublishedImage]) -> dict[str, Any]:
    """Return the chart's values: one installer per image.

    They name architectures if there is another than amd64. Charts of earlier releases do not know that key.
    """
    several = {combination.architecture for combination in images} - {Architecture.AMD64}
    return {
        "installers": [
            {
                "release": combination.release,
                "driver": combination.branch,
                "version": combination.driver,
                **({"architecture": str(combination.architecture)} if several else {}),
                "image": {"repository": image.reference.partition("@")[0], "digest": image.digest},
            }
            for combination, image in images.items()
        ]
    }


def to_files(objects: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return objects as YAML by file name: `daemonset-nvidia-installer-debian-13-550.yaml`."""
    return {
        f"{found['kind'].lower()}-{found['metadata']['name']}.yaml": yaml.dump(
            dict(found), Dumper=_Dumper, sort_keys=False, width=1000, allow_unicode=True
        )
        for found in objects
    }


class _Dumper(yaml.SafeDumper):
    """A dumper that writes text of several lines, such as a file in a ConfigMap, as a block."""


_Dumper.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None),
)


class _ValuesLoader(yaml.SafeLoader):
    """A loader that reads dates as texts, as Helm does: YAML 1.2 has no dates, and `2024-13-45` is none."""


_ValuesLoader.yaml_implicit_resolvers = {
    first: [(tag, form) for tag, form in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def differences(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    """Yield the difference between two sets of files, as a unified diff."""
    for name in sorted({*before, *after}):
        old, new = before.get(name, "").splitlines(), after.get(name, "").splitlines()
        from_, to = (f"a/{name}" if name in before else "/dev/null", f"b/{name}" if name in after else "/dev/null")
        yield from difflib.unified_diff(old, new, from_, to, n=3, lineterm="")


# ----- effects


def show_manifests(session: Session, only: str, *, release: str, diff: bool, output: str, values: str) -> None:
    """Print the manifests of the current component or of a release, or write them into a folder.

    With `diff`, print the changes since the last release. Raises NotPublishedError, NothingSelectedError, NoReleaseError,
    BadValuesFileError, UnknownRevisionError, and what `render` raises.
    """
    more = read_values_file(values)
    checkout = Checkout(session.root)
    version = checked_version(release, "--release") if release else ""
    files = _render_release(session, version, only, more) if version else _render_current(session, only, more)
    if diff:
        last = newest(checkout.tags(), below=version)
        if last is None:
            raise NoReleaseError
        print_diff(differences(_render_release(session, last, "", more), files))
    else:
        write_output(session, files, output)


def write_output(session: Session, files: Mapping[str, str], folder: str) -> None:
    """Print files, or write them into a folder if one is named."""
    if folder:
        _write(Path(folder), files)
        session.progress.say(f"{len(files)} files in {folder}")
    else:
        output.print_lines(["---\n" + text.rstrip() for text in files.values()])


def read_values_file(path: str) -> dict[str, Any]:
    """Return a chart's values from a file; "" is no file. Raises BadValuesFileError."""
    if not path:
        return {}
    if not Path(path).exists():
        raise BadValuesFileError(path, "there is no such file")
    text = read_text(Path(path))
    try:
        check_limits(text, file=path)
        found = yaml.load(text, Loader=_ValuesLoader)  # noqa: S506 - a SafeLoader
    except yaml.YAMLError as error:
        raise BadValuesFileError(path, describe_parse_error(error, text, file=path)) from error
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        # A tag such as !!int before a text that is none.
        raise BadValuesFileError(path, f"a value is not of its tag's type ({error})") from error
    if not isinstance(found, dict):
        raise BadValuesFileError(path, "it has no keys")
    return found


def _render_current(session: Session, only: str, more: Mapping[str, Any]) -> dict[str, str]:
    images = published(session, select(session.locked_project.matrix, only))
    return to_files(
        render(
            session.root / CHART,
            {**values_of(images), **more},
            name=session.project.component.short_name,
            namespace=NAMESPACE,
        )
    )


def _render_release(session: Session, version: str, only: str, more: Mapping[str, Any]) -> dict[str, str]:
    with _checked_out(session, version) as then:
        return _render_current(then, only, more)


@contextmanager
def _checked_out(session: Session, version: str) -> Iterator[Session]:
    """Yield a session on the files of a release."""
    with Checkout(session.root).files_at(tag_name(version)) as folder:
        if not (folder / CHART).is_dir():
            raise NoChartError(version)
        yield Session(folder, cache_dir=str(session.cache.root), environ=session.environ)


def _write(folder: Path, files: Mapping[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
