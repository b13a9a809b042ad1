"""Tests of EPERM and EACCES from modprobe: the reason that the node itself shows, before the pod is blamed."""

from collections.abc import Callable

import pytest

from tests.support.machines.node_host import DRIVER, OLD_DRIVER, Node
from tests.support.machines.node_image import make_image
from tests.support.machines.node_report import without_failure

WITH_MODULES, WITHOUT_MODULES = "000001ffffffffff", "00000000a80425fb"


def capabilities(node: Node, effective: str) -> None:
    (node.proc / "self/status").write_text(f"Name:\tsed\nCapPrm:\t{WITH_MODULES}\nCapEff:\t{effective}\nSeccomp:\t2\n")


def user_namespace(node: Node, uid_map: str) -> None:
    capabilities(node, WITH_MODULES)
    (node.proc / "self/uid_map").write_text(f"{uid_map}\n")


def switch(node: Node, name: str, value: str = "1") -> None:
    path = node.folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(value)


def kernel_says(node: Node, words: str) -> None:
    node.stub("dmesg", f"echo '[    3.0] {words}'")


def lock_down(node: Node) -> None:
    """Let the kernel want signed modules, and let the image's pass for signed."""
    switch(node, "sys/kernel/security/lockdown", "none [integrity] confidentiality\n")
    node.stub("tail", "exec printf '~Module signature appended~\\n'")


def lock_down_the_pod(node: Node) -> None:
    lock_down(node)
    capabilities(node, WITHOUT_MODULES)


LOADPIN = 'LoadPin: kernel-module denied obj="/opt/nvidia/nvidia.ko" pid=7 cmdline="modprobe nvidia"'
AVC = 'audit: type=1400 audit(1.2:3): avc:  denied  { module_load } for  pid=7 comm="modprobe"'
POD = "this container may not load nvidia; run it privileged, or with the capability SYS_MODULE\n"
OTHER = "a seccomp profile or a security module of the node forbids this container to load nvidia"
PINNED = "LoadPin refused nvidia: the node loads modules from one file system only; choose an INSTALL_ROOT on it"
EPERM: dict[str, tuple[Callable[[Node], object], int, str]] = {
    "no capability": (lambda n: capabilities(n, WITHOUT_MODULES), 20, POD),
    "no capability and lockdown": (lock_down_the_pod, 20, POD),
    "user namespace": (lambda n: user_namespace(n, "0 165536 65536"), 20, "run it with hostUsers: true"),
    "first namespace": (lambda n: user_namespace(n, "         0          0 4294967295"), 20, OTHER),
    "LoadPin in the log": (lambda n: kernel_says(n, LOADPIN), 20, PINNED),
    "LoadPin enforces": (lambda n: switch(n, "proc/sys/kernel/loadpin/enforce", "1\n"), 20, PINNED),
    "LoadPin of older kernels": (lambda n: switch(n, "proc/sys/kernel/loadpin/enabled", "1\n"), 20, PINNED),
    "LoadPin only watches": (lambda n: switch(n, "proc/sys/kernel/loadpin/enforce", "0\n"), 20, OTHER),
    "LoadPin is only named": (lambda n: kernel_says(n, "LoadPin: ready to pin (currently not enforcing)"), 20, OTHER),
    "lockdown": (lock_down, 23, "the kernel loads signed modules only"),
    "nothing of these": (lambda n: capabilities(n, WITH_MODULES), 20, OTHER),
}


@pytest.mark.parametrize("case", EPERM)
def test_a_load_that_is_not_permitted_has_its_reason(node: Node, case: str) -> None:
    prepare, code, sentence = EPERM[case]
    prepare(node)
    node.environment.update(REFUSED="nvidia", REASON="Operation not permitted")
    done = node.run("install")

    assert (done.returncode, sentence in done.stderr) == (code, True), done.stderr


SELINUX = "SELinux refused nvidia; run this container privileged (type spc_t)"
POLICY = "a security module of the node refused nvidia; allow this container to load modules in its policy"
EACCES: dict[str, tuple[Callable[[Node], object], str]] = {
    "SELinux enforces": (lambda n: switch(n, "sys/fs/selinux/enforce"), SELINUX),
    "SELinux in the log": (lambda n: kernel_says(n, AVC), SELINUX),
    "SELinux is permissive": (lambda n: switch(n, "sys/fs/selinux/enforce", "0"), POLICY),
    "another denial": (lambda n: kernel_says(n, "avc:  denied  { read } for nvidia"), POLICY),
}


@pytest.mark.parametrize("case", EACCES)
def test_a_load_that_a_policy_denies_has_its_reason(node: Node, case: str) -> None:
    prepare, sentence = EACCES[case]
    prepare(node)
    capabilities(node, WITHOUT_MODULES)
    node.environment.update(REFUSED="nvidia", REASON="Permission denied")
    done = node.run("install")

    assert (done.returncode, sentence in done.stderr) == (20, True), done.stderr


NO_MODULES = "kernel.modules_disabled is 1, so the kernel loads no module until the next boot; "


def test_a_kernel_that_loads_no_more_modules_is_refused_first(node: Node) -> None:
    make_image(node, driver=OLD_DRIVER)
    node.installs()
    make_image(node, driver=DRIVER)
    node.add_process(41, "python", "/dev/nvidia0")
    switch(node, "proc/sys/kernel/modules_disabled", "1\n")
    before = node.tree()
    done = node.run("install")

    assert (done.returncode, NO_MODULES in done.stderr) == (20, True), done.stderr
    assert without_failure(node.tree()) == without_failure(before)


def test_a_complete_driver_needs_no_more_modules(node: Node) -> None:
    node.installs()
    (node.host / "run/nvidia/nvidia-installer.ready").unlink()
    switch(node, "proc/sys/kernel/modules_disabled", "1\n")
    node.installs()

    assert (node.host / "run/nvidia/nvidia-installer.ready").exists()


def test_modules_that_are_disabled_during_the_run_are_named(node: Node) -> None:
    node.stub(
        "modprobe",
        'mkdir -p "$PROC_ROOT/sys/kernel"; echo 1 >"$PROC_ROOT/sys/kernel/modules_disabled"\n'
        "echo \"modprobe: ERROR: could not insert 'nvidia': Operation not permitted\" >&2; exit 1",
    )

    assert NO_MODULES in node.run("install").stderr
