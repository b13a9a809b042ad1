import pytest

from lifecycle.config.component import Channel, Release
from lifecycle.config.schema import Architecture, ModuleType
from lifecycle.config.sources.section import Packages
from lifecycle.sources.apt.index import AptIndex
from lifecycle.sources.apt.machine import MachineArchives
from lifecycle.sources.package_index import PackageNotFoundError
from lifecycle.sources.resolve_packages import resolve_driver, resolve_kernel
from tests.support.builders.apt_archive import Archive

PACKAGES = Packages(
    headers="linux-headers-{kernel}",
    newest_headers="linux-headers-{flavour}-{architecture}",
    kernel_image="linux-image-{kernel}",
    modules={ModuleType.PROPRIETARY: "nvidia-kernel-dkms", ModuleType.OPEN: "nvidia-open-kernel-dkms"},
    userspace=["libcuda1"],
    companions=["nvidia-modprobe"],
)
TYPES = list(ModuleType)


@pytest.fixture(scope="module")
def index(archive: Archive, tmp_path_factory: pytest.TempPathFactory) -> AptIndex:
    return AptIndex(
        name="test",
        repositories=[archive.repository()],
        architecture=Architecture.AMD64,
        machine=MachineArchives(),
        root=tmp_path_factory.mktemp("apt"),
    )


def release(kernel: str = "newest") -> Release:
    return Release(name="debian-12", channel=Channel.CURRENT, kernel=kernel)


def test_the_newest_kernel_is_a_dependency_of_the_metapackage(index: AptIndex) -> None:
    kernel = resolve_kernel(release(), Architecture.AMD64, PACKAGES, index, "d")

    assert (kernel.release, kernel.version, kernel.declaration) == ("6.1.0-56-cloud-amd64", "6.1.192", "d")
    assert [(file.name, file.version) for file in kernel.headers] == [
        ("linux-headers-6.1.0-56-cloud-amd64", "6.1.192-2"),
        ("linux-headers-6.1.0-56-common", "6.1.192-2"),
        ("linux-kbuild-6.1", "6.1.192-2"),
    ]
    assert [(file.name, file.version) for file in kernel.image] == [("linux-image-6.1.0-56-cloud-amd64", "6.1.192-2")]


def test_an_exact_kernel_is_not_replaced_by_a_newer_one(index: AptIndex) -> None:
    kernel = resolve_kernel(release("6.1.0-50-cloud-amd64"), Architecture.AMD64, PACKAGES, index, "d")

    assert (kernel.release, kernel.version) == ("6.1.0-50-cloud-amd64", "6.1.176")


def test_a_kernel_in_parts_has_all_of_its_packages(index: AptIndex) -> None:
    kernel = resolve_kernel(release("6.1.0-50-cloud-amd64"), Architecture.AMD64, PACKAGES, index, "d")

    assert [file.name for file in kernel.image] == [
        "linux-image-6.1.0-50-cloud-amd64",
        "linux-binary-6.1.0-50-cloud-amd64",
    ]


def test_a_kernel_image_of_another_version_than_its_headers_is_refused(index: AptIndex) -> None:
    packages = PACKAGES.model_copy(update={"kernel_image": "linux-image-other-{kernel}"})
    with pytest.raises(PackageNotFoundError, match=r"linux-image-other-6\.1\.0-56-cloud-amd64"):
        resolve_kernel(release(), Architecture.AMD64, packages, index, "d")


def test_the_error_for_a_missing_kernel_names_it(index: AptIndex) -> None:
    with pytest.raises(PackageNotFoundError, match=r"does not carry linux-headers-6\.1\.0-57-cloud-amd64"):
        resolve_kernel(release("6.1.0-57-cloud-amd64"), Architecture.AMD64, PACKAGES, index, "d")


@pytest.mark.parametrize("declared", ["535", "535.309.01"])
def test_a_branch_resolves_to_its_newest_version(index: AptIndex, declared: str) -> None:
    driver = resolve_driver(declared, TYPES, PACKAGES, index, "d")

    assert driver.version == "535.309.01"
    assert {t: [file.version for file in files] for t, files in driver.modules.items()} == {
        ModuleType.PROPRIETARY: ["535.309.01-0+deb12u1"]
    }
    assert [(file.name, file.version) for file in driver.userspace] == [
        ("libcuda1", "535.309.01-0+deb12u1"),
        ("nvidia-modprobe", "535.161.07-1~deb12u1"),
    ]


def test_all_files_of_an_older_driver_have_its_version(index: AptIndex) -> None:
    driver = resolve_driver("535.261.03", TYPES, PACKAGES, index, "d")

    assert set(driver.modules) == set(ModuleType)
    assert driver.userspace[0].version == "535.261.03-1"


def test_the_error_for_a_missing_driver_lists_the_available_ones(index: AptIndex) -> None:
    with pytest.raises(PackageNotFoundError, match=r"does not carry the driver 550: it has 535\.309\.01, 535\.261\.03"):
        resolve_driver("550", TYPES, PACKAGES, index, "d")


def test_user_space_of_another_version_is_refused(index: AptIndex) -> None:
    packages = PACKAGES.model_copy(update={"userspace": ["libcuda1", "nvidia-modprobe"]})
    with pytest.raises(PackageNotFoundError, match=r"does not carry nvidia-modprobe 535\.309\.01"):
        resolve_driver("535", TYPES, packages, index, "d")


def test_a_source_without_any_kernel_image_gives_headers_alone(index: AptIndex) -> None:
    packages = PACKAGES.model_copy(update={"kernel_image": "vmlinuz-{kernel}"})
    kernel = resolve_kernel(release(), Architecture.AMD64, packages, index, "d")

    assert (kernel.image, len(kernel.headers)) == ([], 3)
