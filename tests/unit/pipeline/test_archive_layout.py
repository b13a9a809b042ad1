import pytest

from lifecycle.pipeline.archive_layout import archive_path
from lifecycle.tools.file_format import FileFormat, format_of


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("usr/lib/x86_64-linux-gnu/nvidia/current/libcuda.so.535.309.01", "lib/libcuda.so.535.309.01"),
        ("usr/lib/x86_64-linux-gnu/nvidia/current/libcuda.so.1", "lib/libcuda.so.1"),
        ("usr/lib/x86_64-linux-gnu/nvidia/current/libcuda.so", "lib/libcuda.so"),
        (
            "usr/lib/x86_64-linux-gnu/libnvidia-pkcs11-openssl3.so.550.163.01",
            "lib/libnvidia-pkcs11-openssl3.so.550.163.01",
        ),
        ("lib/firmware/nvidia/535.309.01/gsp_ga10x.bin", "lib/firmware/nvidia/535.309.01/gsp_ga10x.bin"),
        ("usr/lib/firmware/nvidia/550.163.01/gsp_tu10x.bin", "lib/firmware/nvidia/550.163.01/gsp_tu10x.bin"),
        ("usr/bin/nvidia-modprobe", "bin/nvidia-modprobe"),
        ("usr/sbin/nvidia-cuda-mps-server", "bin/nvidia-cuda-mps-server"),
        ("usr/lib/nvidia/current/nvidia-smi", "bin/nvidia-smi"),
        ("usr/lib/nvidia/current/nvidia-smi.1.gz", None),
        ("usr/share/doc/libcuda1/copyright", "share/doc/libcuda1/copyright"),
        ("usr/share/doc/libcuda1/changelog.gz", None),
        ("etc/OpenCL/vendors/nvidia.icd", "etc/OpenCL/vendors/nvidia.icd"),
        ("etc/init.d/nvidia-persistenced", None),
        ("sbin/nvidia-persistenced", "bin/nvidia-persistenced"),
        ("usr/lib/xorg/modules/drivers/nvidia_drv.so", None),
        ("usr/bin/folder/file", None),
        ("opt/usr/bin/nvidia-smi", None),
        ("usr/share/man/man1/nvidia-smi.1.gz", None),
        ("usr/share/doc/nvidia-driver/supported-gpus.json.gz", "share/nvidia/supported-gpus.json.gz"),
        ("usr/share/nvidia/nvswitch/fabricmanager.cfg", "share/nvidia/nvswitch/fabricmanager.cfg"),
        ("opt/nvidia/nvlsm/sbin/nvlsm", "bin/nvlsm"),
        ("opt/nvidia/nvlsm/lib/libgrpc_mgr.so", "lib/libgrpc_mgr.so"),
        ("usr/share/nvidia/nvlsm/nvlsm.conf", "share/nvidia/nvlsm/nvlsm.conf"),
        ("usr/share/nvidia/nvlsm/folder/file", None),
    ],
)
def test_a_packages_file_goes_where_the_node_looks_for_it(path: str, place: str | None) -> None:
    assert archive_path(path, FileFormat.DEB, version="535.309.01") == place


_TOP = "nvidia_driver-linux-x86_64-580.105.08-archive"


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("lib/libcuda.so.580.105.08", "lib/libcuda.so.580.105.08"),
        ("lib/libnvidia-nvvm70.so.4", "lib/libnvidia-nvvm70.so.4"),
        ("lib/libnvidia-glcore.so.580.105.08", None),
        ("lib32/libcuda.so.580.105.08", None),
        ("firmware/gsp_ga10x.bin", "lib/firmware/nvidia/580.105.08/gsp_ga10x.bin"),
        ("lib/firmware/nvidia/580.105.08/gsp_tu10x.bin", "lib/firmware/nvidia/580.105.08/gsp_tu10x.bin"),
        ("sbin/nvidia-smi", "bin/nvidia-smi"),
        ("sbin/nvidia-cuda-mps-server", "bin/nvidia-cuda-mps-server"),
        ("bin/nvidia-modprobe", "bin/nvidia-modprobe"),
        ("bin/nvidia-installer", None),
        ("bin/nvidia-xconfig", None),
        ("etc/nvidia.icd", "etc/OpenCL/vendors/nvidia.icd"),
        ("etc/nvidia_icd.json", None),
        ("supported-gpus/supported-gpus.json", "share/nvidia/supported-gpus.json"),
        ("docs/supported-gpus/supported-gpus.json", "share/nvidia/supported-gpus.json"),
        ("LICENSE", "share/doc/nvidia-driver/LICENSE"),
        ("kernel/Kbuild", None),
    ],
)
def test_a_file_of_the_drivers_archive_goes_where_the_installers_goes(path: str, place: str | None) -> None:
    found = archive_path(f"{_TOP}/{path}", FileFormat.REDISTRIBUTABLE, version="580.105.08")

    assert found == place


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("libcuda.so.580.105.08", "lib/libcuda.so.580.105.08"),
        ("libnvidia-nvvm70.so.4", "lib/libnvidia-nvvm70.so.4"),
        ("libnvidia-pkcs11-openssl3.so.580.105.08", "lib/libnvidia-pkcs11-openssl3.so.580.105.08"),
        ("32/libcuda.so.580.105.08", None),
        ("libnvidia-glcore.so.580.105.08", None),
        ("libOpenCL.so.1.0.0", None),
        ("firmware/gsp_ga10x.bin", "lib/firmware/nvidia/580.105.08/gsp_ga10x.bin"),
        ("nvidia-smi", "bin/nvidia-smi"),
        ("nvidia-cuda-mps-server", "bin/nvidia-cuda-mps-server"),
        ("nvidia-installer", None),
        ("nvidia.icd", "etc/OpenCL/vendors/nvidia.icd"),
        ("supported-gpus/supported-gpus.json", "share/nvidia/supported-gpus.json"),
        ("LICENSE", "share/doc/nvidia-driver/LICENSE"),
        ("kernel/Kbuild", None),
        ("kernel-open/nvidia/LICENSE", None),
    ],
)
def test_a_file_of_nvidias_installer_goes_where_the_packages_would(path: str, place: str | None) -> None:
    assert archive_path(path, FileFormat.RUNFILE, version="580.105.08") == place


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("bin/nv-fabricmanager", "bin/nv-fabricmanager"),
        ("lib/libnvfm.so.1", "lib/libnvfm.so.1"),
        ("share/nvidia/nvswitch/dgxh100_hgxh100_topology", "share/nvidia/nvswitch/dgxh100_hgxh100_topology"),
        ("etc/fabricmanager.cfg", "share/nvidia/nvswitch/fabricmanager.cfg"),
        ("include/nv_fm_agent.h", None),
        ("systemd/nvidia-fabricmanager.service", None),
        ("LICENSE", "share/doc/fabricmanager-linux-x86_64-580.105.08-archive/LICENSE"),
    ],
)
def test_a_file_of_fabric_manager_goes_where_the_node_looks_for_it(path: str, place: str | None) -> None:
    whole = f"fabricmanager-linux-x86_64-580.105.08-archive/{path}"

    assert archive_path(whole, FileFormat.REDISTRIBUTABLE, version="580.105.08") == place


@pytest.mark.parametrize(
    ("name", "file_format"),
    [
        ("libcuda1_535.309.01_amd64.deb", FileFormat.DEB),
        ("NVIDIA-Linux-x86_64-580.105.08.run", FileFormat.RUNFILE),
        ("fabricmanager-linux-x86_64-580.105.08-archive.tar.xz", FileFormat.REDISTRIBUTABLE),
        ("driver.zip", None),
    ],
)
def test_a_files_name_says_what_it_is(name: str, file_format: FileFormat | None) -> None:
    assert format_of(name) is file_format
