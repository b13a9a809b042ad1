"""Tests of NVLink 5: the subnet manager and the fabric manager, on the port of the InfiniBand device that reaches the switches."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.machines.node_host import Node
from tests.support.machines.node_image import make_image
from tests.support.machines.node_processes import daemon_program, end_daemons, is_alive, pid_in, stop, until, waiting

DRIVER, B300 = "580.126.09", "3182"
NVLSM, FABRIC_MANAGER = NAMES = ("nvlsm", "nv-fabricmanager")
SM_DISABLED, SM_ALLOWED = "0xa750ec4a", "0xa750e84a"


def add_port(node: Node, device: str, *, number: int = 1, vpd: str = "SW_MNG", mask: str, guid: str) -> Path:
    folder = node.sysfs / "class/infiniband" / device
    port = folder / f"ports/{number}"
    (port / "gids").mkdir(parents=True)
    (folder / "device").mkdir(exist_ok=True)
    (folder / "device/vpd").write_bytes(b"\x82\x00\x00" + vpd.encode())
    (port / "cap_mask").write_text(f"{mask}\n")
    (port / "gids/0").write_text(f"fe80:0000:0000:0000:{guid}\n")
    return port


@pytest.fixture
def hgx(node: Node) -> Iterator[Node]:
    """Return a node with two B300 behind switches, and an image with both daemons; its processes are real ones."""
    make_image(node, driver=DRIVER, programs=dict.fromkeys(NAMES, daemon_program()))
    for number in range(2):
        node.add_to_bus(f"0000:3b:00.{number}", B300)
    add_port(node, "mlx5_0", vpd="ConnectX-7", mask=SM_ALLOWED, guid="0000:0000:0000:0001")
    add_port(node, "mlx5_4", mask=SM_DISABLED, guid="0000:0000:0000:0002")
    add_port(node, "mlx5_5", mask=SM_DISABLED, guid="0000:0000:0000:0003")
    add_port(node, "mlx5_5", number=2, mask=SM_ALLOWED, guid="e09d:7303:003f:3bf8")
    node.environment.update(
        LOG=str(node.folder), POLL_SECONDS="0.2", PROC_ROOT="/proc", DAEMON_STOP_SECONDS="1", FABRIC_MANAGER="required"
    )
    yield node
    end_daemons(node)


def pids(node: Node) -> list[int]:
    return [until(lambda name=name: pid_in(node.folder / f"{name}.pid")) for name in NAMES]  # type: ignore[misc]


def test_both_daemons_use_the_port_that_reaches_the_switches(hgx: Node) -> None:
    hgx.installs()
    folder = f"{hgx.drivers}/{DRIVER}-6.12.117+deb13-cloud-amd64"

    assert all(is_alive(pid) for pid in pids(hgx))
    port, library = "-g 0xe09d7303003f3bf8", f"{folder}/lib"
    assert (hgx.folder / NVLSM).read_text() == f"-F {folder}/share/nvidia/nvlsm/nvlsm.conf {port} {library}\n"
    assert (hgx.folder / FABRIC_MANAGER).read_text() == f"-c {hgx.host}/run/nvidia/fabricmanager.cfg {port} {library}\n"
    assert (hgx.sysfs / "module/ib_umad").exists()
    assert "fabric manager: running\n" in hgx.run("status").stdout
    assert hgx.run("status", "--quiet").returncode == 0


def test_a_probe_does_not_read_product_data_again(hgx: Node) -> None:
    hgx.installs()
    hgx.stub("grep", 'exec grep "$@"')

    assert hgx.run("status", "--quiet").returncode == 0
    assert [call for call in hgx.calls("grep") if "SW_MNG" in call] == []


def test_uninstall_ends_both_daemons(hgx: Node) -> None:
    hgx.installs()
    before = pids(hgx)

    assert hgx.run("uninstall").returncode == 0
    assert not any(is_alive(pid) for pid in before)
    assert not (hgx.host / "run/nvidia").exists()


def test_both_daemons_are_started_again_if_one_dies(hgx: Node) -> None:
    hgx.installs()
    before = pids(hgx)
    with waiting(hgx) as process:
        os.kill(before[0], signal.SIGKILL)
        until(lambda: not set(pids(hgx)) & set(before) and all(is_alive(pid) for pid in pids(hgx)))
        said = stop(process)

    assert "starting nvlsm\n" in said
    assert "starting nv-fabricmanager\n" in said


def test_the_driver_is_not_ready_without_the_subnet_manager(hgx: Node) -> None:
    hgx.installs()
    os.kill(pids(hgx)[0], signal.SIGKILL)
    until(lambda: not is_alive(pids(hgx)[0]))

    done = hgx.run("status")
    assert done.returncode == 30
    assert "fabric manager: stopped\n" in done.stdout


def test_a_node_whose_image_has_no_subnet_manager_is_not_ready(hgx: Node) -> None:
    make_image(hgx, driver=DRIVER, programs={FABRIC_MANAGER: daemon_program()})
    hgx.environment["FABRIC_MANAGER"] = "auto"
    assert "but this image has no nvlsm; CUDA does not start on them" in hgx.installs()

    done = hgx.run("status")
    assert done.returncode == 30
    assert "fabric manager: missing\n" in done.stdout


def test_a_subnet_manager_that_ends_at_once_fails_the_installation(hgx: Node) -> None:
    (hgx.folder / "fail").touch()
    done = hgx.run("install")

    assert done.returncode == 27
    assert done.stderr.count("nvidia-installer: | fabric manager at work\n") == 2


@pytest.mark.parametrize(("setting", "code"), [("required", 27), ("auto", 0)])
def test_a_module_that_does_not_load_is_named(hgx: Node, setting: str, code: int) -> None:
    hgx.environment.update(FABRIC_MANAGER=setting, REFUSED="ib_umad", REASON="Module ib_umad not found")
    done = hgx.run("install")

    assert done.returncode == code
    assert "does not load: modprobe: ERROR: could not insert 'ib_umad': Module ib_umad not found\n" in done.stderr
    assert done.stderr.count("are reached through the kernel's module ib_umad") == (2 if code else 1)
    assert hgx.run("status", "--quiet").returncode == 30


def test_a_node_without_a_port_for_a_subnet_manager_is_told(hgx: Node) -> None:
    (hgx.sysfs / "class/infiniband/mlx5_5/ports/2/cap_mask").write_text(f"{SM_DISABLED}\n")
    done = hgx.run("install")

    assert done.returncode == 27
    assert "no InfiniBand device reaches this node's NVLink 5 switches" in done.stderr


def test_the_folder_of_the_fabric_managers_socket_is_made(hgx: Node) -> None:
    socket = hgx.folder / "sockets/fm_sm_ipc.socket"
    programs = dict.fromkeys(NAMES, daemon_program())
    make_image(hgx, driver=DRIVER, programs=programs, fabric=f"FM_SM_IPC_INTERFACE={socket}")
    hgx.installs()

    assert socket.parent.is_dir()
