"""Tests of paths on the host: each link leads where the host itself would follow it."""

import subprocess
from pathlib import Path

import pytest

from tests.support.machines.node_host import NODE

SCRIPT = 'set -euo pipefail; source "$1"; resolve_on_host "$2"'


def resolve(path: str | Path, host_root: str | Path) -> tuple[int, str]:
    """Return the exit code of resolve_on_host and what it prints."""
    command = ["bash", "-c", SCRIPT, "bash", str(NODE / "lib/host/host-paths.sh"), str(path)]
    env = {"HOST_ROOT": str(host_root), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=10)
    assert done.stderr == ""
    return done.returncode, done.stdout


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """Return a host's root with one file, beside a file of the container."""
    root = tmp_path / "host"
    (root / "usr/lib").mkdir(parents=True)
    (root / "usr/lib/os-release").write_text("ID=host\n")
    (tmp_path / "os-release").write_text("ID=container\n")
    return root


LINKS: dict[str, tuple[dict[str, str], str, str]] = {
    "no link": ({}, "/usr/lib/os-release", "usr/lib/os-release"),
    "relative": ({"etc": "usr/lib"}, "/etc/os-release", "usr/lib/os-release"),
    "absolute": ({"etc": "/usr/lib"}, "/etc/os-release", "usr/lib/os-release"),
    "the file itself": ({"release": "/usr/lib/os-release"}, "/release", "usr/lib/os-release"),
    "in the middle": ({"usr/local": "../var/./local", "var": "/srv/"}, "/usr/local/nvidia", "srv/local/nvidia"),
    "link to a link": ({"a": "/b", "b": "c", "c": "/usr"}, "/a/lib", "usr/lib"),
    "dots after a link": ({"a": "/usr/lib"}, "/a/../bin", "usr/bin"),
    "dots above the root": ({"a": "../../../os-release"}, "/a", "os-release"),
    "more dots than folders": ({}, "/../../os-release", "os-release"),
    "without its target": ({"opt": "/mnt/data"}, "/opt/nvidia/current", "mnt/data/nvidia/current"),
    "missing": ({}, "/opt/nvidia", "opt/nvidia"),
    "spaces and stars": ({"a b": "/* c"}, "/a b/d", "* c/d"),
    "slashes and dots": ({}, "//usr/./lib///os-release/", "usr/lib/os-release"),
    "a leading dash": ({"-a": "-b"}, "/-a", "-b"),
    "the root": ({"a": "/"}, "/a", ""),
}


@pytest.mark.parametrize("case", LINKS)
def test_a_path_leads_where_the_host_would_follow_it(host: Path, case: str) -> None:
    links, path, expected = LINKS[case]
    for name, target in links.items():
        (host / name).symlink_to(target)

    assert resolve(path, host) == (0, str(host / expected))


@pytest.mark.parametrize("links", [{"a": "a"}, {"a": "/b", "b": "a"}, {"a": "a/b"}], ids=str)
def test_a_loop_of_links_ends_with_the_path(host: Path, links: dict[str, str]) -> None:
    for name, target in links.items():
        (host / name).symlink_to(target)

    assert resolve("/a", host) == (1, "/a leads through more than 40 links\n")


@pytest.mark.parametrize(("links", "code"), [(40, 0), (41, 1)])
def test_as_many_links_are_followed_as_the_kernel_follows(host: Path, links: int, code: int) -> None:
    for number in range(links):
        (host / f"link{number}").symlink_to(f"link{number + 1}")

    assert resolve("/link0", host)[0] == code


def test_a_link_to_the_hosts_root_is_part_of_its_name(tmp_path: Path, host: Path) -> None:
    (tmp_path / "mounted").symlink_to(host)

    assert resolve("/usr/lib", f"{tmp_path}/mounted/") == (0, f"{tmp_path}/mounted/usr/lib")


def test_without_a_mounted_root_the_containers_paths_are_the_hosts(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "target")

    assert resolve(tmp_path / "link/file", "/") == (0, str(tmp_path / "target/file"))
    assert resolve("/", "/") == (0, "/")
