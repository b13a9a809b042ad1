from dataclasses import replace
from pathlib import Path

import pytest

from lifecycle.model.component import Architecture, Channel, ModuleType, Packages, Release
from lifecycle.model.declarations import Declaration
from lifecycle.model.lock import Lock
from lifecycle.sources.apt import AptIndex, PackageLackingError
from lifecycle.sources.apt_setup import MachineArchives
from lifecycle.sources.resolve import resolve_driver, resolve_kernel
from lifecycle.sources.resolver import LockOutdatedError, Resolver
from tests.unit.builders import component, images, lock, project
from tests.unit.apt_archive import Archive

PACKAGES = Packages(
    headers="linux-headers-{kernel}",
    newest_headers="linux-headers-{flavour}-{architecture}",
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


def test_the_newest_kernel_is_what_the_metapackage_of_its_flavour_leads_to(index: AptIndex) -> None:
    kernel = resolve_kernel(release(), Architecture.AMD64, PACKAGES, index, "d")

    assert (kernel.release, kernel.version, kernel.declaration) == ("6.1.0-56-cloud-amd64", "6.1.192", "d")
    assert [(file.name, file.version) for file in kernel.headers] == [
        ("linux-headers-6.1.0-56-cloud-amd64", "6.1.192-2"),
        ("linux-headers-6.1.0-56-common", "6.1.192-2"),
        ("linux-kbuild-6.1", "6.1.192-2"),
    ]


def test_an_exact_kernel_is_itself(index: AptIndex) -> None:
    kernel = resolve_kernel(release("6.1.0-50-cloud-amd64"), Architecture.AMD64, PACKAGES, index, "d")

    assert (kernel.release, kernel.version) == ("6.1.0-50-cloud-amd64", "6.1.176")


def test_a_kernel_that_the_archive_lacks_is_named(index: AptIndex) -> None:
    with pytest.raises(PackageLackingError, match=r"does not carry linux-headers-6\.1\.0-57-cloud-amd64"):
        resolve_kernel(release("6.1.0-57-cloud-amd64"), Architecture.AMD64, PACKAGES, index, "d")


@pytest.mark.parametrize("declared", ["535", "535.309.01"])
def test_a_branch_means_its_newest_version_and_a_version_itself(index: AptIndex, declared: str) -> None:
    driver = resolve_driver(declared, TYPES, PACKAGES, index, "d")

    assert driver.version == "535.309.01"
    assert {t: [file.version for file in files] for t, files in driver.modules.items()} == {
        ModuleType.PROPRIETARY: ["535.309.01-0+deb12u1"]
    }
    assert [(file.name, file.version) for file in driver.userspace] == [
        ("libcuda1", "535.309.01-0+deb12u1"),
        ("nvidia-modprobe", "535.161.07-1~deb12u1"),
    ]


def test_all_files_of_an_older_version_are_of_that_version(index: AptIndex) -> None:
    driver = resolve_driver("535.261.03", TYPES, PACKAGES, index, "d")

    assert set(driver.modules) == set(ModuleType)
    assert driver.userspace[0].version == "535.261.03-1"


def test_a_driver_that_the_archive_lacks_is_an_error_that_lists_what_there_is(index: AptIndex) -> None:
    with pytest.raises(
        PackageLackingError, match=r"does not carry nvidia-kernel-dkms 550: it has 535\.309\.01, 535\.261\.03"
    ):
        resolve_driver("550", TYPES, PACKAGES, index, "d")


def test_user_space_of_another_version_will_not_do(index: AptIndex) -> None:
    packages = PACKAGES.model_copy(update={"userspace": ["libcuda1", "nvidia-modprobe"]})
    with pytest.raises(PackageLackingError, match=r"does not carry nvidia-modprobe 535\.309\.01"):
        resolve_driver("535", TYPES, packages, index, "d")


class ResolverUnderTest(Resolver):
    """Asks one archive, whatever is declared."""

    def _index(self, declaration: Declaration) -> AptIndex:
        return super()._index(replace(declaration, repositories=self.repositories))  # type: ignore[attr-defined]


def resolver(archive: Archive, root: Path, said: list[str]) -> Resolver:
    made = ResolverUnderTest(
        root=root, machine=MachineArchives(), pull=lambda reference: f"sha256:{reference}", say=said.append
    )
    object.__setattr__(made, "repositories", (archive.repository(),))
    return made


ONE_DRIVER = component(
    ("    - 550.163.01\n", ""),
    ("old-1, channel", "old-1, kernel: 6.1.0-50-cloud-amd64, channel"),
)


def test_only_what_the_lock_does_not_answer_is_asked(archive: Archive, tmp_path: Path) -> None:
    said: list[str] = []
    bases = images()
    pulled = {name: replace(base, reference=f"reg/{name.lower()}:1") for name, base in bases.bases.items()}
    asked = project(component=ONE_DRIVER, images=replace(bases, bases=pulled))
    hands = resolver(archive, tmp_path, said)
    first = hands.resolve(asked, Lock(), locked=False)
    count = len(said)

    assert {key: kernel.release for key, kernel in first.kernels.items()} == {
        "old-1/amd64": "6.1.0-50-cloud-amd64",
        "new-2/amd64": "6.1.0-56-cloud-amd64",
    }
    assert first.bases["RUNTIME"].digest == "sha256:reg/runtime:1"
    assert hands.resolve(asked, first, locked=True) == first
    assert len(said) == count


def test_what_is_no_longer_declared_leaves_the_lock(archive: Archive, tmp_path: Path) -> None:
    asked = project(component=ONE_DRIVER, images=images())
    packages = {
        "builder_packages": replace(asked.builder_packages, include=("libc6",)),
        "runtime_packages": replace(asked.runtime_packages, include=("libc6",)),
    }
    asked = replace(asked, **packages)  # type: ignore[arg-type]
    found = resolver(archive, tmp_path, []).resolve(asked, lock(), locked=False)

    assert list(found.drivers) == ["535/amd64"]
    assert [file.name for file in found.bases["RUNTIME"].packages] == ["libc6"]


def test_under_locked_nothing_is_asked(archive: Archive, tmp_path: Path) -> None:
    with pytest.raises(LockOutdatedError, match="does not answer what is declared for old-1/amd64"):
        resolver(archive, tmp_path, []).resolve(project(), lock(), locked=True)
    assert not list(tmp_path.iterdir())
