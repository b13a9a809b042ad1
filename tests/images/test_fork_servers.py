"""fork-cc1 in the builders: gcc makes the same files with fork servers as without, and reads shared headers once."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass

import docker
import pytest
from docker.models.containers import Container

from lifecycle.config.image_versions import builder_title
from lifecycle.planning.locked_project import LockedProject
from lifecycle.planning.matrix import Combination
from tests.support.builder_images import builder_image

# As in a kernel: a register variable, a counter, and names of files and modules in code.
SHARED = """\
#ifdef __x86_64__
register unsigned long stack_pointer asm("rsp");
#else
register unsigned long stack_pointer asm("sp");
#endif
#define NAME_(a, b) a##b
#define NAME(a, b) NAME_(a, b)
static int NAME(counted, __COUNTER__) = __COUNTER__;
static inline unsigned long stack(void) { return stack_pointer; }
static inline const char *where(void) { return __FILE__; }
"""
SOURCE = """\
/* A comment. */
#include "shared.h"
#include "{own}"
int NAME(counted, __COUNTER__) = __LINE__;
const char *{name}(void) {{ return stack() > __LINE__ ? where() : KBUILD_BASENAME; }}
"""
OPTIONS = ["-O2", "-Wall", "-Wno-unused", "-include", "/sources/first.h", "-D__KERNEL__"]


@dataclass(frozen=True)
class Builder:
    """A container of a builder image, with sources in /sources."""

    container: Container

    def run(self, command: str) -> tuple[int, str]:
        """Run a shell command in /sources and return its exit code and its output."""
        code, output = self.container.exec_run(
            ["bash", "-c", command], workdir="/sources", environment={"FORK_SERVERS": "/servers"}
        )
        assert isinstance(code, int)
        assert isinstance(output, bytes)
        return code, output.decode()

    def write(self, name: str, text: str) -> None:
        """Write a file in /sources."""
        assert self.run(f"printf %s {shlex.quote(text)} > {name}") == (0, "")

    def compile(self, name: str, *options: str, forked: bool, folder: str = "/sources/") -> tuple[int, str]:
        """Compile NAME.c to NAME.o, with the dependencies in NAME.d. `folder` is the path of /sources on the command line."""
        wrapper = ["-wrapper", "fork-cc1"] if forked else []
        basename = f'-DKBUILD_BASENAME="{name}"'
        command = ["gcc", *wrapper, *OPTIONS, *options, f"-Wp,-MMD,{name}.d", basename, "-c", "-o", f"{name}.o"]
        return self.run(shlex.join([*command, f"{folder}{name}.c"]))

    def made(self, name: str) -> list[str]:
        """Return the digest of a source's object, and its dependencies."""
        code, output = self.run(f"sha256sum {name}.o && cat {name}.d")
        assert code == 0, output
        return output.replace("\\\n", "").split()


@pytest.fixture(scope="session")
def image(combination: Combination, project: LockedProject, request: pytest.FixtureRequest) -> str:
    """Return the image of each builder once. The base below it may be missing after a build that took results from a cache."""
    title = builder_title(combination.release)
    first = next(c for c in project.matrix.combinations if builder_title(c.release) == title)
    if combination != first or request.config.getoption("--image"):
        pytest.skip("one image of each builder is enough")
    return builder_image(combination, project)


@pytest.fixture(scope="session")
def running(image: str, engine: docker.DockerClient) -> Iterator[Container]:
    """Start a container of the builder's image with the library of the fork servers in /library."""
    container = engine.containers.run(
        image, ["-c", "sleep infinity"], entrypoint="bash", network_mode="none", detach=True
    )
    try:
        library = "mkdir /library && gcc -shared -fPIC -o /library/fork-server.so /usr/local/bin/fork-server.c"
        assert container.exec_run(["bash", "-c", library]) == (0, b"")
        yield container
    finally:
        container.remove(force=True)


@pytest.fixture
def builder(running: Container) -> Builder:
    """Return the container without the processes and files of the test before."""
    files = {"first.h": "#define FIRST 1\n", "shared.h": SHARED, "one.h": "int one;\n", "other.h": "int other;\n"}
    for name, own in [("a", "one.h"), ("b", "one.h"), ("c", "other.h")]:
        files[f"{name}.c"] = SOURCE.format(name=name, own=own)
    # To all processes but the container's first and the sender itself: kill(2).
    clean = "kill -9 -1 2>/dev/null; rm -rf /sources /servers && mkdir /sources && cp -r /library /servers"
    written = [f"printf %s {shlex.quote(text)} >/sources/{name}" for name, text in files.items()]
    assert running.exec_run(["bash", "-c", " && ".join([clean, *written])]) == (0, b"")
    return Builder(running)


# Kbuild names sources from the root up to Linux 6.12, and from the module's folder since (KBUILD_EXTMOD in Linux's Makefile).
@pytest.mark.parametrize("folder", ["/sources/", "", "../sources/"])
def test_the_objects_and_dependencies_are_the_same(builder: Builder, folder: str) -> None:
    for name in "abc":
        assert builder.compile(name, forked=True, folder=folder) == (0, "")
    forked = [builder.made(name) for name in "abc"]
    for name in "abc":
        assert builder.compile(name, forked=False, folder=folder) == (0, "")

    assert [builder.made(name) for name in "abc"] == forked


@pytest.mark.parametrize("folder", ["/sources/", ""])
@pytest.mark.parametrize("options", [[], ["-g"], ["-fsanitize=bounds-strict", "-fsanitize=shift"]])
def test_a_header_is_read_once(builder: Builder, options: list[str], folder: str) -> None:
    builder.compile("a", *options, forked=True, folder=folder)
    builder.run("rm shared.h one.h")

    assert builder.compile("b", *options, forked=True, folder=folder) == (0, "")


def test_concurrent_compiles_share_servers(builder: Builder) -> None:
    words = ["gcc", "-wrapper", "fork-cc1", *OPTIONS, "-Wp,-MMD,$0.d", '-DKBUILD_BASENAME="$0"', "-c", "-o", "$0.o"]
    command = " ".join([*words, "/sources/$0.c"]).replace('"$0"', '\\"$0\\"')
    code, output = builder.run(f"printf '%s\\n' a b c | xargs -P 3 -n 1 bash -c {shlex.quote(command)}")

    assert (code, output) == (0, "")
    assert builder.run("ls /servers/sources/*/ready | wc -l") == (0, "3\n")


def test_an_error_is_explained_as_by_the_compiler_alone(builder: Builder) -> None:
    builder.write("b.c", '#include "shared.h"\n#include "one.h"\nint b(void) { return missing; }\n')
    builder.compile("a", forked=True)

    assert builder.compile("b", forked=True) == builder.compile("b", forked=False)
    assert builder.compile("b", forked=True)[0] == 1


def test_a_missing_header_is_an_error(builder: Builder) -> None:
    builder.run("rm one.h")

    assert builder.compile("a", forked=True) == builder.compile("a", forked=False)


def test_a_warning_is_printed(builder: Builder) -> None:
    builder.write("a.c", SOURCE.format(name="a", own="one.h") + "int f(void) { int unset; return unset; }\n")
    code, output = builder.compile("a", forked=True)

    assert (code, "-Wuninitialized" in output) == (0, True)


def test_a_killed_server_is_replaced_by_the_compiler_alone(builder: Builder) -> None:
    builder.compile("a", forked=True)
    builder.run("for p in /proc/[0-9]*; do [[ $(readlink $p/exe) != */cc1 ]] || kill -9 ${p#/proc/}; done")

    assert builder.compile("b", forked=True) == (0, "")


@pytest.mark.parametrize("option", ["-fprofile-arcs", "-fstack-usage", "-fsanitize=kernel-address"])
def test_options_that_do_not_fit_a_server_get_the_compiler_alone(builder: Builder, option: str) -> None:
    builder.compile("a", option, forked=True)
    builder.run("rm shared.h")

    assert builder.compile("b", option, forked=True)[0] == 1


def test_other_options_than_those_of_the_servers_get_the_compiler_alone(builder: Builder) -> None:
    builder.compile("a", forked=True)
    builder.run("rm shared.h")

    assert builder.compile("b", "-DOTHER", forked=True)[0] == 1
