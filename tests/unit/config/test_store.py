import pytest

from lifecycle.config.store import Mode, RemoteCacheConfig, StoreVariableError, store_in_use
from tests.support.builders.projects import component

DECLARED = RemoteCacheConfig(registry="ghcr.io", repository="a/store")


def test_nothing_is_shared_where_nothing_is_declared() -> None:
    assert store_in_use(None, {}) is None
    assert store_in_use(None, {"INVOKE_STORE_MODE": "read-only"}) is None


def test_what_is_declared_is_read_and_written_unless_it_says_otherwise() -> None:
    assert store_in_use(DECLARED, {}) == RemoteCacheConfig(
        registry="ghcr.io", repository="a/store", mode=Mode.READ_WRITE
    )


def test_the_environment_goes_over_the_file() -> None:
    environ = {"INVOKE_STORE": "localhost:5000/b/c", "INVOKE_STORE_MODE": "read-only"}
    wanted = RemoteCacheConfig(registry="localhost:5000", repository="b/c", mode=Mode.READ_ONLY)

    assert store_in_use(DECLARED, environ) == store_in_use(None, environ) == wanted


def test_the_environment_can_do_without() -> None:
    assert store_in_use(DECLARED, {"INVOKE_STORE": "localhost:5000/b", "INVOKE_STORE_MODE": "off"}) is None


@pytest.mark.parametrize("value", ["localhost:5000", "/a", "localhost:5000/A", "localhost:5000/a:tag"])
def test_a_place_that_is_none_is_refused_with_an_example(value: str) -> None:
    with pytest.raises(
        StoreVariableError, match=r"INVOKE_STORE='.*' in the environment: write .* such as localhost"
    ) as error:
        store_in_use(None, {"INVOKE_STORE": value})

    assert error.value.exit_code == 2


def test_a_mode_that_is_none_is_refused_with_those_that_are() -> None:
    with pytest.raises(StoreVariableError, match=r"INVOKE_STORE_MODE='both' .*: write read-only, read-write or off"):
        store_in_use(DECLARED, {"INVOKE_STORE_MODE": "both"})


def test_component_yaml_declares_it() -> None:
    text = "store: {registry: ghcr.io, repository: a/store, mode: read-only}\nimage:"

    assert component(("image:", text)).store == DECLARED.model_copy(update={"mode": Mode.READ_ONLY})
