import threading
from collections.abc import Callable, Mapping

import pytest

from lifecycle.errors import InstallerError
from lifecycle.tools.graph import NeedFailedError, Node, run_graph

Errors = Mapping[str, InstallerError]


def node(makes: str, *needs: str, work: Callable[[], Errors] = dict, heavy: bool = False) -> Node:
    return Node(makes=tuple(makes.split()), needs=needs, work=work, heavy=heavy)


def run(*nodes: Node, workers: int = 4, heavy: int = 2) -> dict[str, InstallerError]:
    return run_graph(nodes, workers=workers, heavy=heavy, abort=lambda: None)


def failing(error: InstallerError) -> Callable[[], Errors]:
    def work() -> Errors:
        raise error

    return work


def test_everything_comes_after_what_it_needs() -> None:
    order: list[str] = []

    def step(name: str, *needs: str) -> Node:
        return node(name, *needs, work=lambda: order.append(name) or {})  # type: ignore[func-returns-value]

    assert (
        run(step("image", "archive", "base"), step("archive", "modules"), step("modules", "base"), step("base")) == {}
    )
    assert order == ["base", "modules", "archive", "image"]


def test_a_need_that_nothing_makes_is_there_already() -> None:
    assert run(node("image", "made last week")) == {}


def test_a_failure_takes_along_only_what_needs_it() -> None:
    error = InstallerError("no")
    failed = run(node("a", work=failing(error)), node("b", "a"), node("c", "b"), node("d"))

    assert failed["a"] is error
    assert {key: type(e) for key, e in failed.items()} == {
        "a": InstallerError,
        "b": NeedFailedError,
        "c": NeedFailedError,
    }


def test_a_node_may_make_one_thing_and_fail_at_another() -> None:
    error = InstallerError("the open ones do not compile")
    failed = run(node("closed open", work=lambda: {"open": error}), node("a", "closed"), node("b", "open"))

    assert set(failed) == {"open", "b"}


def test_heavy_nodes_share_the_machine_with_no_more_than_allowed() -> None:
    running, most, lock = 0, 0, threading.Lock()
    two_at_a_time = threading.Barrier(2, timeout=10)

    def work() -> Errors:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        two_at_a_time.wait()
        with lock:
            running -= 1
        return {}

    assert run(*(node(name, work=work, heavy=True) for name in "abcd"), heavy=2) == {}
    assert most == 2


def test_light_nodes_go_on_beside_heavy_ones() -> None:
    meeting = threading.Barrier(2, timeout=10)

    def meet() -> Errors:
        meeting.wait()
        return {}

    assert run(node("heavy", work=meet, heavy=True), node("light", work=meet), heavy=1) == {}


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError("disk")])
def test_anything_else_aborts_the_run_and_comes_through(error: BaseException) -> None:
    released = threading.Event()

    def fail() -> Errors:
        raise error

    def wait() -> Errors:
        assert released.wait(timeout=10)
        return {}

    with pytest.raises(type(error)):
        run_graph([node("a", work=wait), node("b", work=fail)], workers=2, heavy=1, abort=released.set)
    assert released.is_set()
