"""Tests of modules that the kernel refuses: each of its reasons has one message and one exit code."""

import pytest

from tests.support.machines.node_host import LOADED, Node, executable


def test_an_optional_module_that_the_kernel_refuses_is_named_with_the_reason(node: Node) -> None:
    reason = "modprobe: ERROR: could not insert 'nvidia-peermem': Invalid argument"
    assert f"nvidia-installer: skipped nvidia-peermem, which is optional: {reason}\n" in node.installs()


def test_a_refused_required_module_ends_the_run_with_the_kernels_words(node: Node) -> None:
    node.environment["REFUSED"] = "nvidia-modeset"
    done = node.run("install")
    assert done.returncode == 20
    assert done.stderr.splitlines()[-3:-1] == [
        "nvidia-installer: | modprobe: ERROR: could not insert 'nvidia-modeset': Invalid argument",
        "nvidia-installer: | [    2.0] nvidia: disagrees about version of symbol module_layout",
    ]


@pytest.mark.parametrize(
    ("reason", "code", "sentence"),
    [
        (
            "Exec format error",
            20,
            "the kernel refused nvidia: it was compiled for another kernel with the same release",
        ),
        ("Unknown symbol in module, or unknown parameter (see dmesg)", 20, "it lacks a symbol that nvidia needs"),
        ("Invalid argument", 20, "a symbol has changed since nvidia was compiled, or a parameter"),
        ("Cannot allocate memory", 20, "the kernel refused nvidia; see its reason above"),
        ("Operation not permitted", 20, "forbids this container to load nvidia; run it privileged"),
        ("Key was rejected by service", 23, "nvidia is not signed by a key that it trusts; build the image with"),
        ("Required key not available", 23, "the kernel loads signed modules only"),
        ("No such device", 25, "nvidia found no GPU that it can drive"),
    ],
)
def test_each_reason_of_the_kernels_has_its_sentence_and_its_code(
    node: Node, reason: str, code: int, sentence: str
) -> None:
    node.environment.update(REFUSED="nvidia", REASON=reason)
    done = node.run("install")
    assert (done.returncode, sentence in done.stderr) == (code, True), done.stderr
    assert f"could not insert 'nvidia': {reason}" in done.stderr


def test_the_name_of_the_signer_whom_the_kernel_does_not_trust_is_said(node: Node) -> None:
    (node.programs / "modinfo").unlink()
    executable(node.programs / "modinfo", '[ "$2" = signer ] && echo "Example CA" || exec /sbin/modinfo "$@"')
    node.environment.update(REFUSED="nvidia", REASON="Key was rejected by service")
    done = node.run("install")
    assert done.returncode == 23
    assert "nvidia is signed by 'Example CA', a key that it does not trust; enrol that certificate" in done.stderr


def test_a_lockdown_refusal_in_the_kernels_log_is_one_of_the_signature(node: Node) -> None:
    node.environment.update(REFUSED="nvidia", REASON="Operation not permitted")
    node.stub("dmesg", "echo '[    3.0] Lockdown: modprobe: unsigned module loading is restricted'")
    assert node.run("install").returncode == 23


def test_after_a_refusal_the_node_is_not_ready_and_the_next_run_goes_on(node: Node) -> None:
    node.environment["REFUSED"] = "nvidia-uvm"
    assert node.run("install").returncode == 20
    assert not (node.host / "run/nvidia/nvidia-installer.ready").exists()
    del node.environment["REFUSED"]
    assert "unpacking" not in node.installs()
    assert node.loaded() == LOADED


def test_signed_modules_pass_the_check_of_a_kernel_that_wants_them(node: Node) -> None:
    folder = node.sysfs / "module/module/parameters"
    folder.mkdir(parents=True)
    (folder / "sig_enforce").write_text("Y\n")
    node.stub("tail", "exec printf '~Module signature appended~\\n'")
    node.installs()


def test_the_kernels_own_modules_are_loaded_from_the_hosts_tree(node: Node) -> None:
    node.installs()
    assert node.calls("modprobe")[2] == f"-d {node.host} drm"
    assert (node.sysfs / "module/drm").is_dir()


def test_a_missing_kernel_module_is_named_and_the_kernel_decides(node: Node) -> None:
    node.environment["REFUSED"] = "drm nvidia-drm"
    said = node.installs()
    assert "nvidia-drm needs the kernel's module drm, which does not load: " in said
    assert "skipped nvidia-drm, which is optional" in said
    assert node.loaded() == LOADED - {"nvidia_drm"}
