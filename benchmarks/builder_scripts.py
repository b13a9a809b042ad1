"""Compare compiles with two versions of scripts/builder: `python -m benchmarks.builder_scripts COMBINATION [OLD-CHECKOUT]`.

One combination is compiled with the scripts of both checkouts in turn, in containers that have its kernel's headers. Without
OLD-CHECKOUT, the old scripts are this checkout's without fork servers. Without --questions, all of conftest's answers are known.
The figures are the medians of wall time and of CPU time in seconds, and new divided by old: quote the ratios. Fails if the modules
are not the same bytes. Needs the results of `invoke build`.
"""

import argparse
import os
import shutil
import statistics
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import docker
from docker.models.containers import Container

from lifecycle.cache.cache import Cache, default_cache_dir
from lifecycle.config.image_versions import builder_title
from lifecycle.pipeline.compile import CompileJob, Compiler, environment_of, input_files
from lifecycle.planning.locked_project import load_locked_project
from lifecycle.planning.targets import Targets, base_tag
from lifecycle.tools.archive import tar_bytes
from lifecycle.tools.engine.docker_engine import DockerEngine

ROOT = Path(__file__).resolve().parents[1]


@dataclass(kw_only=True)
class Measured:
    """The seconds of each compile with one version of the scripts, and the sha256 of its modules, as `sha256sum` prints them."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    modules: str = ""


@dataclass(frozen=True, kw_only=True)
class Compile:
    """A compile that can be repeated: an image with a kernel's headers, its environment, and the files below /in."""

    image: str
    env: dict[str, str]
    files: dict[str, bytes | Path]

    def run(self, scripts: Path, answers: bytes) -> tuple[float, float, str, bytes]:
        """Compile once, and return the seconds of wall and of CPU time, the modules' sha256, and conftest's new answers.

        Raises SystemExit if the compile fails.
        """
        client = docker.from_env(timeout=3600)
        container = client.containers.run(
            self.image,
            ["-c", "sleep infinity"],
            entrypoint=["bash"],
            environment=self.env,
            network_mode="none",
            init=True,
            detach=True,
        )
        try:
            output(container, "rm -rf /in /out /build /usr/local/bin/* && mkdir /in /out /build")
            names = {f"usr/local/bin/{path.name}": path for path in scripts.iterdir()}
            files = {**names, **self.files, "in/answers": answers}
            container.put_archive("/", tar_bytes(files, executables=names))
            cpu, started = cpu_seconds(container), time.monotonic()
            output(container, "compile.sh /in /out")
            wall, cpu = time.monotonic() - started, cpu_seconds(container) - cpu
            modules = output(container, "sha256sum /out/*/*.ko").decode()
            return wall, cpu, modules, output(container, "cat /out/answers")
        finally:
            container.remove(force=True)


def output(container: Container, command: str) -> bytes:
    """Run a shell command in a container, and return its output. Raises SystemExit if it fails."""
    done = container.exec_run(["sh", "-c", command])
    printed = cast(bytes, done.output)
    if done.exit_code:
        raise SystemExit(f"{command} failed:\n{printed.decode()}")
    return printed


def cpu_seconds(container: Container) -> float:
    """Return the CPU time that a container has used."""
    stats = cast(dict[str, Any], container.stats(stream=False))
    return float(stats["cpu_stats"]["cpu_usage"]["total_usage"]) / 1e9


def compile_of(name: str) -> Compile:
    """Return the compile of a combination, with as many jobs as there are processors. Builds its image if the engine has none.

    Raises SystemExit if the matrix has no such combination.
    """
    project = load_locked_project(ROOT)
    targets, cache = Targets(project), Cache(default_cache_dir(os.environ))
    found = [combination for combination in project.matrix.combinations if combination.id == name]
    if not found:
        raise SystemExit(f"no combination {name}; `invoke matrix` lists them")
    compiler = Compiler(targets=targets, cache=cache, engine=DockerEngine(os.environ))
    builder = compiler.builder(base_tag(targets.builder(found[0])), builder_title(found[0].release))
    job = CompileJob(combination=found[0], types=found[0].module_types)
    return Compile(
        image=compiler.kernel(found[0], builder),
        env=environment_of(job, os.cpu_count() or 1),
        files=input_files(job, targets, cache),
    )


def main() -> None:
    """Print a line for wall time and one for CPU time."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("combination", help="its name, as `invoke matrix` prints it")
    parser.add_argument("old", type=Path, nargs="?", help="another checkout (default: this one without fork servers)")
    parser.add_argument("--runs", type=int, default=3, help="compiles with each version (default: %(default)s)")
    parser.add_argument("--questions", action="store_true", help="know none of conftest's answers")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        new, old = ROOT / "scripts/builder", Path(scratch) / "old"
        shutil.copytree((options.old or ROOT) / "scripts/builder", old)
        if not options.old:
            (old / "fork-server.c").unlink()
        compile_ = compile_of(options.combination)
        answers = b"" if options.questions else compile_.run(new, b"")[3]
        measured = {"old": Measured(), "new": Measured()}
        for _ in range(options.runs):
            for scripts, found in zip((old, new), measured.values(), strict=True):
                wall, cpu, found.modules, _ = compile_.run(scripts, answers)
                found.wall.append(wall)
                found.cpu.append(cpu)
    for title in ("wall", "cpu"):
        before, after = (statistics.median(getattr(found, title)) for found in measured.values())
        print(f"{title}: old {before:.1f} s, new {after:.1f} s, ratio {after / before:.2f}")
    if measured["old"].modules != measured["new"].modules:
        raise SystemExit("error: the modules differ")


if __name__ == "__main__":
    main()
