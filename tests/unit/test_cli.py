"""Tests of the messages that the real `invoke` prints on bad input, in a copy of the checkout."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.checkout import PARTS, copy_parts

Invoke = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "checkout").mkdir()
    copy_parts(tmp_path / "checkout", [*PARTS, "tasks.py"])
    return tmp_path / "checkout"


@pytest.fixture
def invoke(checkout: Path, tmp_path: Path) -> Invoke:
    """Run a task there; no engine answers, and the cache is empty."""

    def run(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
        base = {"DOCKER_HOST": f"unix://{tmp_path}/no.sock", "XDG_CACHE_HOME": str(tmp_path / "cache")}
        return subprocess.run(
            [sys.executable, "-m", "invoke", *words],
            cwd=checkout,
            env={**os.environ, **base, **environ},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_the_matrix_needs_neither_engine_nor_cache(invoke: Invoke, tmp_path: Path) -> None:
    done = invoke("matrix")

    assert (done.returncode, done.stderr) == (0, "next: invoke status\n")
    assert "debian-13/" in done.stdout
    assert not (tmp_path / "cache").exists()


def test_the_error_for_an_impossible_driver_has_file_line_and_remedy(invoke: Invoke, checkout: Path) -> None:
    edit(checkout / "component.yaml", "    - 550.163.01\n", "    - 550.x\n")
    done = invoke("matrix")

    assert done.returncode == 2
    assert done.stderr.startswith("error: component.yaml:")
    assert "context.driverVersion[1]: '550.x' is not a driver version: write a branch" in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_driver_that_is_not_locked_names_the_command_that_locks_it(invoke: Invoke, checkout: Path) -> None:
    edit(checkout / "component.yaml", "    - 550.163.01\n", "    - 550.163.02\n")
    done = invoke("matrix")

    assert done.returncode == 2
    assert "versions.lock does not have driver 550.163.02/amd64: run `invoke fetch`" in done.stderr


def test_a_lock_that_answers_an_older_declaration_is_not_taken_for_an_answer(invoke: Invoke, checkout: Path) -> None:
    edit(checkout / "component.yaml", "{name: debian-12, kernelFlavour: cloud,", "{name: debian-12, kernelFlavour: rt,")
    done = invoke("matrix")

    assert done.returncode == 2
    assert "versions.lock does not have a kernel of debian-12/amd64: run `invoke fetch`" in done.stderr


def test_locked_refuses_a_changed_declaration_without_touching_anything(invoke: Invoke, checkout: Path) -> None:
    edit(checkout / "component.yaml", "    - 550.163.01\n", "    - 550\n")
    before = (checkout / "versions.lock").read_bytes()
    done = invoke("fetch", "--locked")

    assert done.returncode == 2
    assert "--locked: versions.lock is stale for 550/amd64: run `invoke fetch`" in done.stderr
    assert (checkout / "versions.lock").read_bytes() == before


def test_an_engine_that_is_not_there_is_one_clear_error(invoke: Invoke) -> None:
    done = invoke("build", "--dry-run")

    assert done.returncode == 1
    assert "error: no container engine answers at unix://" in done.stderr
    assert "Run scripts/setup" in done.stderr
    assert "Traceback" not in done.stderr


def test_explain_works_without_an_engine_and_says_what_it_does_not_know(invoke: Invoke) -> None:
    done = invoke("explain", "debian-13/550")

    assert done.returncode == 0
    assert " open modules, pci-resize-resource.patch: " in done.stdout
    assert "built     unknown: no container engine answers" in done.stdout


@pytest.mark.parametrize("words", [("matrix", "--only"), ("invoke explain",)])
def test_a_selector_that_matches_nothing_lists_what_exists(invoke: Invoke, words: tuple[str, ...]) -> None:
    done = invoke(*words[0].split()[-1:], *words[1:], "debian-14")

    assert done.returncode == 2
    assert f"error: {words[-1]} 'debian-14' matches no combination; choose from:\n  debian-12/" in done.stderr


def test_an_excluded_combination_that_is_selected_is_said_to_be_excluded(invoke: Invoke) -> None:
    done = invoke("matrix", "--only", "canary/535")

    assert done.returncode == 2
    assert "excluded, see `invoke matrix`:\n  debian-13-backports/" in done.stderr


def test_an_unknown_revision_is_refused(invoke: Invoke) -> None:
    done = invoke("matrix", "--diff", "no-such-revision")

    assert done.returncode == 2
    assert "--diff 'no-such-revision': git cannot show it" in done.stderr


@pytest.mark.parametrize("path", ["file", "file/cache"])
def test_a_file_is_no_cache_folder(invoke: Invoke, tmp_path: Path, path: str) -> None:
    (tmp_path / "file").write_text("")
    done = invoke("fetch", "--cache-dir", str(tmp_path / path))

    said = f"error: --cache-dir: {tmp_path}/file is a file, not a folder: name another folder\n"
    assert (done.returncode, done.stderr) == (2, said)


def test_the_matrix_for_ci_is_one_line_of_the_selected_combinations(invoke: Invoke) -> None:
    done = invoke("matrix", "--only=debian-12/535", "--format=github")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith('{"include": [{"id": "debian-12/')
    assert done.stdout.count('"id"') == done.stdout.count("\n") == 1


@pytest.mark.parametrize("task", ["matrix", "changed"])
def test_a_format_that_does_not_exist_is_refused(invoke: Invoke, task: str) -> None:
    done = invoke(task, "--format=gitlab")

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: --format 'gitlab': write github or jenkins\n"


def test_what_changed_is_not_known_without_a_repository(invoke: Invoke, tmp_path: Path) -> None:
    done = invoke("changed", GIT_CEILING_DIRECTORIES=str(tmp_path))

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: cannot read this checkout's git history: fatal: not a git repository")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(("refused", "kept"), [("", True), ("1", False)])
def test_imports_are_compiled_once_unless_python_may_not_write(
    invoke: Invoke, checkout: Path, refused: str, kept: bool
) -> None:
    invoke("matrix", PYTHONDONTWRITEBYTECODE=refused, PYTHONPYCACHEPREFIX="")

    assert any((checkout / "lifecycle" / "planning").glob("__pycache__/matrix.*.pyc")) is kept


@pytest.mark.parametrize("task", ["matrix", "fetch", "compile", "package", "image", "build"])
def test_a_shard_that_is_none_is_refused(invoke: Invoke, task: str, tmp_path: Path) -> None:
    done = invoke(task, "--shard=3/2")

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: --shard '3/2': write I/N for shard I of N, such as 1/4\n"
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize(
    ("words", "out"), [("--json", []), ("--format=github", {"include": []}), ("--format=jenkins", [])]
)
def test_an_empty_shard_of_the_matrix_is_empty(invoke: Invoke, words: str, out: object) -> None:
    done = invoke("matrix", "--shard=99/99", words)
    found = json.loads(done.stdout)

    assert (done.returncode, done.stderr) == (0, "")
    assert (found["combinations"] if words == "--json" else found) == out


def test_the_shards_for_ci_are_the_selected_combinations(invoke: Invoke) -> None:
    shards = [json.loads(invoke("matrix", "--only=535", f"--shard={n}/2", "--format=jenkins").stdout) for n in (1, 2)]
    whole = json.loads(invoke("matrix", "--only=535", "--format=jenkins").stdout)

    assert sorted(entry["id"] for shard in shards for entry in shard) == sorted(entry["id"] for entry in whole)
    assert all(shards)


def test_a_shard_does_not_move_the_lock(invoke: Invoke, checkout: Path) -> None:
    edit(checkout / "component.yaml", "    - 550.163.01\n", "    - 550\n")
    done = invoke("build", "--shard=1/2")

    assert done.returncode == 2
    assert done.stderr.startswith("error: --locked: versions.lock is stale for 550/amd64")


@pytest.mark.parametrize("task", ["build", "push", "status", "prune", "explain", "verify", "update"])
def test_what_uses_an_engine_takes_its_name(invoke: Invoke, task: str) -> None:
    assert "--engine=STRING" in invoke("--help", task).stdout


def test_an_engine_that_is_named_goes_before_that_of_the_environment(invoke: Invoke, tmp_path: Path) -> None:
    done = invoke("build", "--dry-run", f"--engine=unix://{tmp_path}/named.sock", DOCKER_CONTEXT="far")

    assert done.returncode == 1
    assert done.stderr.startswith(f"error: no container engine answers at unix://{tmp_path}/named.sock\n")


def test_a_context_that_is_not_there_is_refused(invoke: Invoke) -> None:
    done = invoke("build", "--dry-run", "--engine=nowhere")

    assert done.returncode == 2
    assert done.stderr.startswith(
        "error: --engine: there is no Docker context 'nowhere': name one of `docker context ls`"
    )
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("options", [(), ("--keep-current",), ("--older-than", "30d")])
def test_cache_prune_removes_cached_items_and_no_images(
    invoke: Invoke, tmp_path: Path, options: tuple[str, ...]
) -> None:
    blob = tmp_path / "cache/nvidia-installer/blobs" / ("f" * 64)
    blob.parent.mkdir(parents=True)
    blob.write_text("nobody needs it")
    os.utime(blob, (1, 1))
    done = invoke("cache", "prune", *options)

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-2].split() == [
        *("removed", "other", "inputs", "1", "5", "kB"),
        *["no", "current", "combination", "needs", "it"],
    ]
    assert "no container engine answers at unix://" in done.stderr
    assert not blob.exists()
