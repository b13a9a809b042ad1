from lifecycle.planning.matrix import Combination
from lifecycle.planning.matrix_diff import MatrixDiff
from lifecycle.publish.published import PublishedImage
from lifecycle.release.notes import release_notes
from tests.support.builders.projects import project

MATRIX = project().matrix.combinations


def image(combination: Combination) -> PublishedImage:
    digest = f"sha256:{combination.driver}"
    return PublishedImage(
        combination=combination.id, reference=f"r/i@{digest}", tag="t", digest=digest, size=1, inputs="i"
    )


IMAGES = {combination: image(combination) for combination in MATRIX[:3]}
ONE, TWO, THREE = (combination.id for combination in IMAGES)


def test_the_first_release_lists_its_images_by_digest() -> None:
    notes = release_notes("nvidia-installer 1.0.0", "- The first.", IMAGES, None, None)

    assert notes.startswith("# nvidia-installer 1.0.0\n\n- The first.\n\n## Images\n")
    assert f"| {ONE} | `r/i@sha256:{MATRIX[0].driver}` | new |" in notes
    assert "Changes of inputs" not in notes


def test_what_changed_since_the_last_one_is_said_once_with_what_it_is_of() -> None:
    diff = MatrixDiff(
        added=(ONE,),
        dropped=("old/k/525",),
        rebuilt={TWO: ("builder: gcc 1 → 2", "image: x"), THREE: ("builder: gcc 1 → 2",)},
    )
    notes = release_notes("t", "e", IMAGES, "1.0.0", diff)
    _, _, inputs = notes.partition("## Changes of inputs since 1.0.0\n\n")

    assert [line.rpartition("|")[0].rpartition("| ")[2].strip() for line in notes.splitlines() if "r/i@" in line] == [
        "new",
        "rebuilt",
        "rebuilt",
    ]
    assert inputs.splitlines() == [
        "- builder: gcc 1 → 2 (all that were rebuilt)", f"- image: x ({TWO})", "- old/k/525: dropped"
    ]  # fmt: skip


def test_a_release_that_changed_no_input_says_so() -> None:
    notes = release_notes("t", "e", IMAGES, "1.0.0", MatrixDiff(added=(), dropped=(), rebuilt={}))

    assert "| as in 1.0.0 |" in notes
    assert notes.endswith("since 1.0.0\n\nNone.\n")


def test_a_release_that_can_no_longer_be_read_is_not_compared_with() -> None:
    assert "can no longer be read: see `git diff v1.0.0`" in release_notes("t", "e", IMAGES, "1.0.0", None)
