import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.config.versions import VersionRange, driver_branch, kernel_name, linux_version, version_key

versions = st.lists(st.integers(0, 300), min_size=1, max_size=4).map(lambda parts: ".".join(map(str, parts)))


@pytest.mark.parametrize(
    ("package", "linux"),
    [
        ("6.1.192-2", "6.1.192"),
        ("7.3.4-1~bpo13+1", "7.3.4"),
        ("1:6.12.117-1", "6.12.117"),
        ("6.6.71-1gl0~bp1592", "6.6.71"),
    ],
)
def test_a_kernel_packages_version_gives_linuxs(package: str, linux: str) -> None:
    assert linux_version(package) == linux


def test_a_version_that_is_none_of_linux_is_refused() -> None:
    with pytest.raises(ValueError, match="'beta' does not start with a Linux version"):
        linux_version("beta")


@pytest.mark.parametrize(
    ("release", "architecture", "name"),
    [
        ("6.1.0-56-cloud-amd64", "amd64", "6.1.0-56-cloud-amd64"),
        ("6.12.43+deb13-arm64-16k", "arm64", "6.12.43+deb13-arm64-16k"),
        ("6.8.5-301.fc40.x86_64", "amd64", "6.8.5-301.fc40.x86_64"),
        ("6.8.5-301.fc40.aarch64", "arm64", "6.8.5-301.fc40.aarch64"),
        ("6.12.25-gardener-custom", "arm64", "6.12.25-gardener-custom-arm64"),
        ("5.15.0-generic", "amd64", "5.15.0-generic-amd64"),
        ("6.12.25-notamd64", "amd64", "6.12.25-notamd64-amd64"),
        ("6.12.25-amd64", "arm64", "6.12.25-amd64-arm64"),
    ],
)
def test_the_name_of_a_kernel_has_its_architecture(release: str, architecture: str, name: str) -> None:
    assert kernel_name(release, architecture) == name


def test_the_branch_of_a_driver_is_its_first_number() -> None:
    assert (driver_branch("535.309.01"), driver_branch("535")) == ("535", "535")


def test_numbers_are_compared_as_numbers() -> None:
    assert version_key("6.1.9") < version_key("6.1.10") < version_key("6.2") == version_key("6.2.0")


@given(versions, versions)
def test_a_version_lies_on_exactly_one_side_of_another(version: str, bound: str) -> None:
    assert (version in VersionRange.parse(f">={bound}")) is (version not in VersionRange.parse(f"<{bound}"))
    assert (version in VersionRange.parse(f"=={bound}")) is (version not in VersionRange.parse(f"!={bound}"))


@given(versions, versions, versions)
def test_a_comma_means_and_and_a_bar_means_or(version: str, low: str, high: str) -> None:
    above, below = version in VersionRange.parse(f">={low}"), version in VersionRange.parse(f"<={high}")

    assert (version in VersionRange.parse(f">={low},<={high}")) is (above and below)
    assert (version in VersionRange.parse(f">={low} | <={high}")) is (above or below)


@pytest.mark.parametrize("text", ["", "6.1", ">=", ">=6.x", ">=6.1,", "|", ">=6.1 <6.2", "~6.1"])
def test_what_is_no_range_is_refused(text: str) -> None:
    with pytest.raises(
        ValueError, match=r"is not a range: write an operator and a version, such as '>=6\.1\.190,<6\.2'"
    ):
        VersionRange.parse(text)
