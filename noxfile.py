"""The checks of this project. `nox` runs those that every change must pass; `nox -l` lists all.

Each session installs one hashed lock from requirements/ and keeps its environment for the next run.
"""

import argparse
import os
from pathlib import Path

import nox

nox.needs_version = ">=2025.2.9"
# uv is many times faster. pip also reads wheels from a folder, for machines without a network.
nox.options.default_venv_backend = "virtualenv" if "PIP_NO_INDEX" in os.environ else "uv|virtualenv"
nox.options.reuse_venv = "yes"

# The locks and their dependency groups in pyproject.toml. Each also has the dependencies of the project itself.
LOCKS = {
    "main": ("nox",),
    "test": ("test", "rollout"),
    "lint": ("nox", "lint"),
    "services": ("test", "services"),
    "helm": ("helm",),
    "rollout": ("rollout",),
    "k8s": ("test", "helm", "k8s", "rollout"),
    "report": ("test", "report"),
    "benchmark": ("test", "helm", "k8s", "benchmark"),
}

# GitHub's files by the name of their schema, which check-jsonschema contains.
SCHEMAS = {
    "github-workflows": (".github/workflows/*.yml",),
    "dependabot": (".github/dependabot.yml",),
    "github-issue-forms": (".github/ISSUE_TEMPLATE/*.yml", ":!.github/ISSUE_TEMPLATE/config.yml"),
    "github-issue-config": (".github/ISSUE_TEMPLATE/config.yml",),
}


@nox.session
def lint(session: nox.Session) -> None:
    """Check formatting, types, shell scripts, YAML, Dockerfiles, workflows, licences, links and the direction of imports."""
    install(session, "lint")
    session.run("ruff", "format", "--check", "--quiet", ".")
    session.run("ruff", "check", "--quiet", ".")
    session.run("mypy")
    session.run("shellcheck", "--external-sources", "--source-path=SCRIPTDIR", *shell_scripts(session))
    session.run("yamllint", "--strict", ".")
    session.run("hadolint", *sorted(map(str, Path("dockerfiles").glob("*/Dockerfile"))))
    for schema, patterns in SCHEMAS.items():
        session.run("check-jsonschema", "--quiet", f"--builtin-schema=vendor.{schema}", *files(session, *patterns))
    session.run("zizmor", "--offline", "--quiet", ".github")
    session.run("lint-imports", "--no-logo")
    session.run("reuse", "lint", "--quiet")
    session.run("pytest", "tests/lint", "--quiet")


@nox.session(default=False)
def fix(session: nox.Session) -> None:
    """Format the code, and fix the problems that the linters can fix."""
    install(session, "lint")
    session.run("ruff", "check", "--fix-only", "--quiet", ".")
    session.run("ruff", "format", "--quiet", ".")
    for fixer in ("trailing-whitespace-fixer", "end-of-file-fixer"):
        # They exit with 1 if they changed a file, which is no failure here.
        session.run(fixer, *formatted(session), success_codes=[0, 1], log=False)


@nox.session(default=False)
def docs(session: nox.Session) -> None:
    """Write the parts of the documentation that are made from code, as `nox -s lint` compares them."""
    install(session, "lint")
    session.run("python", "-m", "tests.support.pages")


@nox.session
def unit(session: nox.Session) -> None:
    """Run the unit tests and short fuzzing, without container engine and network: `nox -s unit -- -k setup`."""
    install(session, "test")
    session.run("pytest", "tests/unit", "tests/fuzz", "--numprocesses=auto", *session.posargs)


@nox.session(default=False)
def fuzz(session: nox.Session) -> None:
    """Read damaged files for long, 20,000 of each kind: `FUZZ_EXAMPLES=1000 nox -s fuzz -- -k lock`."""
    install(session, "test")
    examples = os.environ.get("FUZZ_EXAMPLES") or "20000"
    session.run("pytest", "tests/fuzz", "--numprocesses=auto", *session.posargs, env={"FUZZ_EXAMPLES": examples})


@nox.session(default=False)
def coverage(session: nox.Session) -> None:
    """Report the lines that the unit tests run. There is no threshold. The HTML report is in build/coverage."""
    install(session, "test")
    session.run("coverage", "erase")
    session.run("coverage", "run", "-m", "pytest", "tests/unit", "--numprocesses=auto", *session.posargs)
    session.run("coverage", "combine", "--quiet")
    session.run("coverage", "html", "--quiet")
    session.run("coverage", "xml", "--quiet")
    session.run("coverage", "report")


@nox.session
def test_images(session: nox.Session) -> None:
    """Build the missing images and test all: `nox -s test_images -- --only 550`, `-- -k vermagic`."""
    install(session, "test")
    session.run("python", "-m", "invoke", "build", *selection(session))
    session.run("pytest", "tests/images", "--numprocesses=auto", *session.posargs)


@nox.session
def test_node(session: nox.Session) -> None:
    """Boot each image's kernel in QEMU and run the installer there, without a GPU: `nox -s test_node -- --only 550`."""
    install(session, "test")
    session.run("python", "-m", "invoke", "build", *selection(session))
    session.run("python", "-m", "invoke", "fetch", "--kernel-images", *selection(session))
    session.run("pytest", "tests/node", *session.posargs)


@nox.session
def test_k8s(session: nox.Session) -> None:
    """Render the charts, check them against Kubernetes' schemas and a policy, and run their containers on a booted kernel."""
    session.run("scripts/setup-services", external=True)
    install(session, "k8s")
    session.run("python", "-m", "invoke", "build")
    session.run("python", "-m", "invoke", "fetch", "--kernel-images")
    session.run("pytest", "tests/k8s", "--numprocesses=auto", "--dist=loadfile", *session.posargs)


@nox.session
def test_engines(session: nox.Session) -> None:
    """Give GPUs to containers of podman and docker by CDI, in a Debian that is made once; needs root."""
    install(session, "test")
    session.run("python", "-m", "invoke", "build")
    session.run("pytest", "tests/engines", *session.posargs)


@nox.session
def test_services(session: nox.Session) -> None:
    """Test against real servers on loopback, such as registries, git and Swift: `nox -s test_services -- -k swift`."""
    session.run("scripts/setup-services", external=True)
    install(session, "services")
    session.run("python", "-m", "invoke", "build")
    # The tests of a file share servers, so one worker runs them.
    session.run("pytest", "tests/services", "--numprocesses=auto", "--dist=loadfile", *session.posargs)


@nox.session(default=False)
def test_report(session: nox.Session) -> None:
    """Open the page of `invoke report` in Chromium, which has to be installed, and check its accessibility."""
    install(session, "report")
    session.run("pytest", "tests/report", *session.posargs)


@nox.session(default=False)
def test_cluster(session: nox.Session) -> None:
    """Install the chart on a one-node Kubernetes, which is compiled once: `nox -s test_cluster -- -k upgrade`."""
    session.run("scripts/setup-cluster", external=True)
    install(session, "k8s")
    session.run("python", "-m", "invoke", "build")
    session.run("pytest", "tests/cluster", *session.posargs)


@nox.session(default=False)
def test_cluster_node(session: nox.Session) -> None:
    """Join QEMU machines with the images' kernels to a cluster and install the chart: `nox -s test_cluster_node -- --only 550`."""
    session.run("scripts/setup-cluster", external=True)
    install(session, "k8s")
    session.run("python", "-m", "invoke", "build", *selection(session))
    session.run("python", "-m", "invoke", "fetch", "--kernel-images", *selection(session))
    session.run("pytest", "tests/cluster_node", *session.posargs)


@nox.session(default=False)
def test_reproducible(session: nox.Session) -> None:
    """Compile modules again and compare the bytes, minutes for each: `nox -s test_reproducible -- -k open`."""
    session.run("scripts/setup-services", external=True)
    install(session, "test")
    session.run("python", "-m", "invoke", "compile")
    session.run("pytest", "tests/reproducible", *session.posargs)


@nox.session(default=False)
def test_cross(session: nox.Session) -> None:
    """Declare arm64 and compile a driver for it with Debian's cross compiler, which takes minutes."""
    install(session, "test")
    session.run("pytest", "tests/cross", *session.posargs)


@nox.session(default=False)
def benchmark(session: nox.Session) -> None:
    """Compare `invoke build` with plain Dockerfiles in wall time and bytes, which takes an hour on two cores."""
    session.run("scripts/setup-services", external=True)
    install(session, "benchmark")
    session.run("python", "-m", "benchmarks", *session.posargs)
    if not session.posargs or "growth" in session.posargs:
        session.run("python", "-m", "benchmarks.plot")


@nox.session(default=False)
def lock(session: nox.Session) -> None:
    """Lock the dependencies of pyproject.toml; `nox -s lock -- --upgrade` takes the newest versions."""
    session.install(*nox.project.dependency_groups(nox.project.load_toml("pyproject.toml"), "lock"))
    compile_ = ("uv", "pip", "compile", "--quiet", "--universal", "--python-version=3.11", "--generate-hashes")
    for name, groups in LOCKS.items():
        session.run(
            *compile_,
            "pyproject.toml",
            *(f"--group={group}" for group in groups),
            # All locks have the same version of a library as the runtime's.
            *(() if name == "main" else ("--constraint=requirements/main.txt",)),
            f"--output-file=requirements/{name}.txt",
            *session.posargs,
            env={"UV_CUSTOM_COMPILE_COMMAND": "nox -s lock"},
        )


def install(session: nox.Session, name: str) -> None:
    """Install `requirements/<name>.txt`. Files with other hashes are refused."""
    session.install("--require-hashes", "--requirement", f"requirements/{name}.txt")


def selection(session: nox.Session) -> list[str]:
    """Return the option `--only` among pytest's arguments, so that the build covers the tested combinations."""
    parser = argparse.ArgumentParser(allow_abbrev=False, add_help=False)
    parser.add_argument("--only")
    only = parser.parse_known_args(session.posargs)[0].only
    return [f"--only={only}"] if only else []


def files(session: nox.Session, *patterns: str) -> list[str]:
    """Return the tracked and new files that match git's patterns, or all files without patterns."""
    listed = ("git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns)
    names = str(session.run(*listed, external=True, silent=True)).splitlines()
    return [name for name in names if Path(name).is_file()]


def formatted(session: nox.Session) -> list[str]:
    """Return the files to format: all but those that .gitattributes excludes from whitespace checks."""
    return files(session, ":(exclude,attr:-whitespace)*")


def shell_scripts(session: nox.Session) -> list[str]:
    """Return the tracked and new files that are shell scripts."""
    return [name for name in files(session) if is_shell_script(Path(name))]


def is_shell_script(path: Path) -> bool:
    """Return whether a file is a shell script, by its suffix or its first line."""
    with path.open("rb") as file:
        return path.suffix == ".sh" or file.readline() in {b"#!/usr/bin/env bash\n", b"#!/bin/bash\n", b"#!/bin/sh\n"}
