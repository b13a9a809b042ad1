import hashlib
import shutil
from pathlib import Path

import pytest

from lifecycle.config.lock import Lock
from lifecycle.config.patches import PatchSeries
from lifecycle.errors import ConfigurationError
from lifecycle.planning.locked_project import NotLockedError, load_locked_project, replace_lock, require_locked
from lifecycle.planning.matrix import EmptyMatrixError, expand
from lifecycle.planning.project import load_project
from lifecycle.planning.recipes import FORMAT, RECIPES
from lifecycle.planning.targets import Kind
from tests.support.builders.projects import every_target, project
from tests.support.checkout import ROOT


def test_a_copy_of_a_checkout_is_the_same_project(checkout: Path) -> None:
    own, copy = load_project(ROOT), load_project(checkout)

    assert (copy.root, own.root) == (checkout, ROOT)
    assert {**vars(copy), "root": ROOT} == vars(own)


@pytest.mark.parametrize("path", [path for paths in RECIPES.values() for path in paths])
def test_every_recipe_is_there(path: str) -> None:
    assert (ROOT / path).exists()


def test_the_scripts_that_make_a_result_are_part_of_its_recipe() -> None:
    recipes = load_project(ROOT).recipes

    assert "scripts/builder/compile.sh" in recipes["modules"]
    assert "scripts/node/nvidia-installer" in recipes["image"]
    assert "dockerfiles/installer/config.json" in recipes["image"]
    assert "scripts/base/bootstrap" in recipes["base"]


def test_every_kind_has_a_recipe_and_a_format() -> None:
    own = load_project(ROOT)

    # The script that unpacks redistributable archives shapes modules, but only those made of one.
    assert set(own.recipes) - {"redistributable"} == set(own.formats) == set(FORMAT) == set(Kind)


def test_no_python_is_part_of_a_recipe() -> None:
    files = {path for recipe in load_project(ROOT).recipes.values() for path in recipe}

    assert files
    assert [path for path in files if path.endswith(".py") or path.startswith("lifecycle/")] == []


def test_each_patch_and_probe_of_the_series_has_its_sha256() -> None:
    own = load_project(ROOT)

    assert dict(own.patch_digests) == {
        name: hashlib.sha256((ROOT / "patches" / name).read_bytes()).hexdigest()
        for patch in own.series.patches
        for name in patch.files
    }


@pytest.mark.parametrize(
    "name",
    [
        "pipeline/image.py",
        "pipeline/package.py",
        "pipeline/sign.py",
        "tools/archive.py",
        "pipeline/archive_layout.py",
        "planning/tags.py",
    ],
)
def test_another_docstring_changes_no_digest(checkout: Path, name: str) -> None:
    before = {target.digest for target in every_target(load_locked_project(checkout))}
    code = checkout / "lifecycle" / name
    code.write_text(code.read_text().replace('"""', '"""In other words: ', 1))

    assert {target.digest for target in every_target(load_locked_project(checkout))} == before


def test_an_edited_script_is_another_recipe_of_its_kind_alone(checkout: Path) -> None:
    before = load_project(checkout)
    script = checkout / "scripts/node/nvidia-installer"
    script.write_text(script.read_text() + "# more\n")
    after = load_project(checkout)

    assert [kind for kind in RECIPES if before.recipes[kind] != after.recipes[kind]] == ["image"]


def test_a_checkout_without_patches_and_lock_is_fine(checkout: Path) -> None:
    shutil.rmtree(checkout / "patches")
    (checkout / "versions.lock").unlink()
    read = load_project(checkout)

    assert (read.series, dict(read.patch_digests), read.lock) == (PatchSeries(), {}, Lock())


@pytest.mark.parametrize("part", ["component.yaml", "image_versions", "dockerfiles/builder/packages"])
def test_a_checkout_that_lacks_a_file_names_it(checkout: Path, part: str) -> None:
    (checkout / part).unlink()
    with pytest.raises(ConfigurationError, match=f"{part}: no such file: run from a checkout"):
        load_project(checkout)


def test_the_matrix_of_a_project_is_that_of_its_parts() -> None:
    now = project()

    assert now.matrix == expand(now.component, now.lock, now.series)


def test_another_lock_leaves_the_rest() -> None:
    now = project()
    other = replace_lock(now, Lock())

    assert {**vars(other), "lock": now.lock} == vars(now)
    with pytest.raises(NotLockedError):
        require_locked(other)


def test_exclusions_that_leave_nothing_have_their_place(tmp_path: Path) -> None:
    for name in ("component.yaml", "image_versions", "versions.lock"):
        shutil.copy(ROOT / name, tmp_path)
    for name in ("patches", "dockerfiles", "scripts"):
        shutil.copytree(ROOT / name, tmp_path / name)
    text = (tmp_path / "component.yaml").read_text()
    rule = '    - {driverVersion: "5*", reason: nothing at all is left}\n'
    (tmp_path / "component.yaml").write_text(text.replace("  exclude:\n", f"  exclude:\n{rule}"))
    line = text[: text.index("  exclude:\n")].count("\n") + 1

    with pytest.raises(
        EmptyMatrixError, match=rf"^component\.yaml:{line}:3: context\.exclude excludes every combination"
    ):
        _ = load_locked_project(tmp_path).matrix
