"""Release notes: the changes, the images by digest, and the changes of their inputs. Pure."""

from collections.abc import Iterator, Mapping, Sequence

from lifecycle.planning.matrix import Combination
from lifecycle.planning.matrix_diff import MatrixDiff
from lifecycle.publish.published import PublishedImage


def release_notes(
    title: str,
    entry: str,
    images: Mapping[Combination, PublishedImage],
    since: str | None,
    diff: MatrixDiff | None,
) -> str:
    """Return the notes as Markdown. `since` is the previous version, or None. `diff` is None if its files cannot be read."""
    return (
        "\n".join([f"# {title}", "", entry, "", *_images(images, since, diff), *_inputs(since, diff)]).rstrip() + "\n"
    )


def _images(images: Mapping[Combination, PublishedImage], since: str | None, diff: MatrixDiff | None) -> Iterator[str]:
    yield from ("## Images", "", "| combination | image | |", "|---|---|---|")
    for combination, image in images.items():
        yield f"| {combination.id} | `{image.reference}` | {_describe_change(combination.id, since, diff)} |"


def _describe_change(key: str, since: str | None, diff: MatrixDiff | None) -> str:
    if since is None or (diff and key in diff.added):
        return "new"
    if diff is None:
        return ""
    return "rebuilt" if key in diff.rebuilt else f"as in {since}"


def _inputs(since: str | None, diff: MatrixDiff | None) -> Iterator[str]:
    if since is None:
        return
    yield from ("", f"## Changes of inputs since {since}", "")
    if diff is None:
        yield f"The files of {since} have a format that can no longer be read: see `git diff v{since}`."
        return
    lines = [*_shared_changes(diff), *(f"- {key}: dropped" for key in diff.dropped)]
    yield from lines or ["None."]


def _shared_changes(diff: MatrixDiff) -> Iterator[str]:
    """Yield each reason once, with its combinations."""
    for reason, keys in diff.by_reason().items():
        yield f"- {reason} ({_named(keys, list(diff.rebuilt))})"


def _named(keys: Sequence[str], everything: Sequence[str]) -> str:
    return "all that were rebuilt" if len(keys) == len(everything) > 1 else ", ".join(keys)
