import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.config.schema import Architecture
from lifecycle.errors import UsageError
from lifecycle.planning.tags import (
    immutable_tag,
    is_newest_of_branch,
    moving_tags,
    operator_tag,
    references,
    tag_of,
    untested_tag,
)
from lifecycle.planning.targets import Targets
from tests.support.builders.projects import component, project

COMBINATION = project().matrix.combinations[3]
PLUS = replace(COMBINATION, kernel="6.12.117+deb13-cloud-amd64", release="debian-13")
DIGEST = "0123456789abcdef" * 4
# OCI distribution specification, "Pulling manifests".
TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")
# A kernel release has 64 characters at the most (Linux, Makefile: uts_len).
kernels = st.text(alphabet=st.characters(codec="ascii", categories=["L", "N", "P", "S"]), min_size=1, max_size=64)


@given(kernels)
def test_any_kernel_release_gives_tags_that_registries_take(kernel: str) -> None:
    of = replace(COMBINATION, kernel=kernel)

    assert all(TAG.fullmatch(tag) for tag in (immutable_tag(of, DIGEST), *moving_tags(of, [of])))


def test_no_two_kernels_of_one_release_share_a_tag_or_an_identifier() -> None:
    amd64 = replace(COMBINATION, kernel="6.12.25-gardener-custom")
    arm64 = replace(amd64, architecture=Architecture.ARM64)

    assert tag_of("550", arm64) == "550-6.12.25-gardener-custom-arm64-new-2"
    assert {amd64.id, arm64.id} == {f"new-2/6.12.25-gardener-custom-{name}/550.163.01" for name in ("amd64", "arm64")}
    assert not set(references(component().image, amd64)) & set(references(component().image, arm64))
    assert not set(moving_tags(amd64, [amd64, arm64])) & set(moving_tags(arm64, [amd64, arm64]))


def test_the_operator_s_tags_never_mean_two_architectures() -> None:
    amd64 = replace(COMBINATION, kernel="6.12.25-gardener-custom")
    arm64 = replace(amd64, architecture=Architecture.ARM64)

    assert operator_tag("550", amd64) in moving_tags(amd64, [amd64])
    assert moving_tags(amd64, [amd64, arm64]) == (tag_of("550.163.01", amd64), tag_of("550", amd64))


def test_of_two_channels_with_one_kernel_the_first_has_the_operator_s_tags() -> None:
    first = replace(COMBINATION, release="debian-13")
    second = replace(COMBINATION, release="debian-13-backports")

    assert operator_tag("550", first) in moving_tags(first, [first, second])
    assert moving_tags(second, [first, second]) == (tag_of("550.163.01", second), tag_of("550", second))


def test_a_driver_that_only_a_later_channel_has_keeps_its_operator_s_tag() -> None:
    first = replace(COMBINATION, release="debian-13", driver="550.9.99")
    second = replace(COMBINATION, release="debian-13-backports")

    assert operator_tag("550.163.01", second) in moving_tags(second, [first, second])
    assert operator_tag("550", second) not in moving_tags(second, [first, second])


def test_a_newer_driver_of_another_architecture_leaves_the_branch_s_tag() -> None:
    amd64 = replace(COMBINATION, kernel="6.12.25-gardener-custom")
    arm64 = replace(amd64, architecture=Architecture.ARM64, driver="550.200.01")

    assert is_newest_of_branch(amd64, [amd64, arm64])


def test_one_engine_name_has_driver_kernel_and_release_the_other_the_branch() -> None:
    assert references(component().image, PLUS) == (
        "localhost:5000/team/nvidia-installer:550.163.01-6.12.117-deb13-cloud-amd64-debian-13",
        "localhost:5000/team/nvidia-installer:550-6.12.117-deb13-cloud-amd64-debian-13",
    )


def test_the_immutable_tag_ends_with_the_first_digits_of_the_inputs_digest() -> None:
    assert immutable_tag(PLUS, DIGEST) == "550.163.01-6.12.117-deb13-cloud-amd64-debian-13-0123456789ab"


def test_each_image_of_a_matrix_has_an_immutable_tag_of_its_own() -> None:
    now = project()
    targets, combinations = Targets(now), now.matrix.combinations

    assert len({immutable_tag(c, targets.image(c).digest) for c in combinations}) == len(combinations) == 4


def test_a_tag_may_have_128_characters_and_no_more() -> None:
    rest = len(untested_tag(replace(COMBINATION, release=""), DIGEST))
    longest, longer = (replace(COMBINATION, release="r" * (length - rest)) for length in (128, 129))

    assert len(untested_tag(longest, DIGEST)) == 128
    with pytest.raises(
        UsageError, match=r"has 129 characters, but registries allow 128: give the release a shorter name"
    ):
        immutable_tag(longer, DIGEST)


def test_the_branchs_tag_is_the_newest_drivers() -> None:
    older, other = replace(COMBINATION, driver="550.9.99"), replace(COMBINATION, driver="560.1.01")
    elsewhere = replace(COMBINATION, driver="550.200.01", kernel="6.1")

    assert is_newest_of_branch(COMBINATION, [COMBINATION, older, other, elsewhere])
    assert not is_newest_of_branch(older, [COMBINATION, older])
    assert moving_tags(COMBINATION, [COMBINATION, older]) == (
        tag_of("550.163.01", COMBINATION),
        operator_tag("550.163.01", COMBINATION),
        tag_of("550", COMBINATION),
        operator_tag("550", COMBINATION),
    )
    exact = (tag_of("550.9.99", COMBINATION), operator_tag("550.9.99", COMBINATION))
    assert moving_tags(older, [COMBINATION, older]) == exact


@pytest.mark.parametrize(
    ("release", "kernel", "tag"),
    [
        ("debian-12", "6.1.0-56-cloud-amd64", "550-6.1.0-56-cloud-amd64-debian12"),
        ("gardenlinux-1592.10", "6.6.71-cloud-amd64", "550-6.6.71-cloud-amd64-gardenlinux0"),
        ("debian-13-backports", "7.3.4+deb13-cloud-amd64", "550-7.3.4_deb13-cloud-amd64-debian13"),
    ],
)
def test_the_gpu_operator_s_tag_has_the_kernel_as_in_its_label_and_the_os(release: str, kernel: str, tag: str) -> None:
    assert operator_tag("550", replace(COMBINATION, release=release, kernel=kernel)) == tag


def test_an_odd_character_at_a_kernel_s_end_is_missing_as_in_its_label() -> None:
    # node-feature-discovery, source/kernel/version.go: a label's value ends in a letter or digit.
    odd = replace(COMBINATION, release="debian-13", kernel="6.12.118+deb13~")

    assert operator_tag("550", odd) == "550-6.12.118_deb13-debian13"
