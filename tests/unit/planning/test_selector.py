import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.config.component import Channel
from lifecycle.config.schema import Architecture, ModuleType
from lifecycle.planning.matrix import Combination, Matrix
from lifecycle.planning.selector import NothingSelectedError, matches, select

releases = st.from_regex(r"[a-z0-9]{1,4}([.-][a-z0-9]{1,3}){0,2}", fullmatch=True)
kernels = st.from_regex(r"\d\.\d{1,2}\.\d{1,3}[+~]?(deb13|-\d\d)?-(cloud|rt)-amd64", fullmatch=True)
drivers = st.from_regex(r"(535|550|580)\.\d{2,3}(\.\d\d)?", fullmatch=True)
combinations = st.builds(
    Combination,
    release=releases,
    kernel=kernels,
    linux=st.just("6.1"),
    driver=drivers,
    declared_driver=st.just("any"),
    architecture=st.just(Architecture.AMD64),
    channel=st.sampled_from(Channel),
    module_types=st.just((ModuleType.PROPRIETARY,)),
)
matrices = st.lists(combinations, min_size=1, max_size=8, unique_by=lambda combination: combination.id).map(
    lambda several: Matrix(combinations=tuple(several), excluded=(), warnings=())
)


@given(matrices)
def test_every_identifier_selects_its_own_combination_and_no_other(matrix: Matrix) -> None:
    for combination in matrix.combinations:
        assert select(matrix, combination.id) == (combination,)


@given(matrices, st.data())
def test_a_list_selects_what_its_parts_do_in_the_order_of_the_matrix(matrix: Matrix, data: st.DataObject) -> None:
    one, other = (data.draw(st.sampled_from(matrix.combinations)) for _ in range(2))
    parts = (one.release, f"{other.kernel}/{other.branch}")
    either = {c.id for part in parts for c in select(matrix, part)}

    assert select(matrix, ",".join(parts)) == tuple(c for c in matrix.combinations if c.id in either)


@given(matrices, st.sampled_from(["", " ", ",", " , ,"]))
def test_an_empty_list_selects_everything(matrix: Matrix, only: str) -> None:
    assert select(matrix, only) == matrix.combinations


@given(combinations)
def test_every_part_of_an_identifier_means_its_combination(combination: Combination) -> None:
    release, kernel, driver = combination.id.split("/")
    selectors = [release, kernel, driver, combination.branch, f"{release}/{driver}", f"{kernel}/{driver}", "*", "*/*/*"]

    assert [s for s in [*selectors, str(combination.channel)] if not matches(s, combination)] == []


@given(combinations)
def test_parts_out_of_order_or_too_many_mean_nothing(combination: Combination) -> None:
    release, kernel, driver = combination.id.split("/")

    assert [
        s for s in (f"{driver}/{kernel}", f"{combination.id}/{release}", "*/*/*/*") if matches(s, combination)
    ] == []


def test_a_release_is_not_meant_by_the_beginning_of_its_name() -> None:
    matrix = Matrix(
        combinations=tuple(
            Combination(
                release=release,
                kernel="6.1.0-1-amd64",
                linux="6.1.1",
                driver="550.163.01",
                declared_driver="550",
                architecture=Architecture.AMD64,
                channel=Channel.CURRENT,
                module_types=(ModuleType.OPEN,),
            )
            for release in ("debian-13", "debian-13-backports")
        ),
        excluded=(),
        warnings=(),
    )

    assert [c.release for c in select(matrix, "debian-13")] == ["debian-13"]
    assert [c.release for c in select(matrix, "debian-13*")] == ["debian-13", "debian-13-backports"]
    with pytest.raises(NothingSelectedError) as caught:
        select(matrix, "debian-13, debian")
    assert str(caught.value) == (
        "--only 'debian' matches no combination; choose from:\n"
        "  debian-13/6.1.0-1-amd64/550.163.01\n  debian-13-backports/6.1.0-1-amd64/550.163.01"
    )
