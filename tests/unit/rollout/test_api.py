"""Requests to an API server: pages, retries, and one sentence for each refusal."""

import re

import pytest

from lifecycle.rollout.api import (
    Api,
    ApiError,
    ForbiddenError,
    RefusedError,
    Right,
    UnauthorizedError,
    UnreachableError,
)
from lifecycle.rollout.kubeconfig import open_client
from tests.support.builders.fleets import node
from tests.support.servers.kubernetes_server import Answer, World, status
from tests.support.servers.processes import free_port

NODES = Right("list", "nodes")
PATH = "/api/v1/nodes"


def test_a_list_is_read_page_by_page(world: World, api: Api) -> None:
    world.nodes = {f"node-{n}": node(f"node-{n}") for n in range(7)}
    world.page = 3
    assert [found["metadata"]["name"] for found in api.list_all(PATH, NODES)] == [*world.nodes]
    assert len(world.requests) == 3
    assert all("limit=500" in path for _, path in world.requests)


def test_a_list_whose_next_page_has_expired_is_begun_again(world: World, api: Api) -> None:
    world.nodes = {f"node-{n}": node(f"node-{n}") for n in range(4)}
    world.page = 3
    first: Answer = (200, {"items": [node("stale")], "metadata": {"continue": "3"}}, {})
    world.instead.extend([first, (410, status(410, "the continue parameter is too old"), {})])
    assert [found["metadata"]["name"] for found in api.list_all(PATH, NODES)] == [*world.nodes]


@pytest.mark.parametrize("code", [429, 500, 502, 503, 504])
def test_a_refusal_that_passes_is_tried_again(world: World, api: Api, pauses: list[float], code: int) -> None:
    world.instead.extend([(code, status(code, "later"), {"Retry-After": "7"}), (code, status(code, "later"), {})])
    assert api.list_all(PATH, NODES) == []
    assert pauses == [7.0, 2.0]


@pytest.mark.parametrize("asked", ["86400", "Wed, 21 Oct 2026 07:28:00 GMT", "-5"])
def test_an_unusual_retry_after_is_no_pause_without_end(
    world: World, api: Api, pauses: list[float], asked: str
) -> None:
    world.instead.append((429, status(429, "later"), {"Retry-After": asked}))
    api.list_all(PATH, NODES)
    assert all(0 < pause <= 60 for pause in pauses)


def test_a_refusal_that_stays_is_said_with_its_words(world: World, api: Api, pauses: list[float]) -> None:
    world.instead.extend([(503, status(503, "etcd is down"), {})] * 20)
    with pytest.raises(RefusedError, match="answers 503 to: list nodes in the whole cluster\n  etcd is down"):
        api.list_all(PATH, NODES)
    assert len(pauses) == 6


def test_a_missing_right_is_named(world: World, api: Api) -> None:
    world.instead.append((403, status(403, 'nodes is forbidden: User "bob" cannot list'), {}))
    with pytest.raises(ForbiddenError, match="this user may not list nodes in the whole cluster: grant it") as caught:
        api.list_all(PATH, NODES)
    assert "bob" in caught.value.details


def test_a_right_in_a_namespace_is_named_with_its_group() -> None:
    right = Right("list", "daemonsets", "kube-system", "apps")
    assert str(right) == "list daemonsets of apps in the namespace kube-system"


def test_refused_credentials_are_one_sentence(world: World, api: Api) -> None:
    world.instead.append((401, status(401, "Unauthorized"), {}))
    with pytest.raises(UnauthorizedError, match="does not accept the credentials of the kubeconfig: sign in again"):
        api.list_all(PATH, NODES)


@pytest.mark.parametrize("code", [200, 404])
def test_an_answer_that_is_no_json_is_said(world: World, api: Api, code: int) -> None:
    world.instead.append((code, {"raw": "<html>Sign in to the hotel's network</html>"}, {}))
    with pytest.raises(RefusedError, match=re.escape("no JSON, but: <html>Sign in")):
        api.list_all(PATH, NODES)


def test_a_wrong_address_is_said_at_once(pauses: list[float], tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("wrong") / "kubeconfig"
    address = f"http://127.0.0.1:{free_port()}"
    path.write_text(
        f"clusters: [{{name: a, cluster: {{server: '{address}'}}}}]\n"
        "contexts: [{name: a, context: {cluster: a}}]\ncurrent-context: a\n"
    )
    api = Api(open_client(str(path), "", {}, connections=1), pauses.append)
    with pytest.raises(UnreachableError, match=f"the API server {address} cannot be reached: .*Connection refused"):
        api.list_all(PATH, NODES)
    assert pauses == []


def test_a_conflict_is_no_error_of_a_patch(world: World, api: Api) -> None:
    world.instead.append((409, status(409, "modified"), {}))
    assert not api.patch(f"{PATH}/x", Right("patch", "nodes"), {"metadata": {}})


def test_an_eviction_is_asked_for_once(world: World, api: Api, pauses: list[float]) -> None:
    world.instead.append((500, status(500, "more than one PodDisruptionBudget"), {}))
    with pytest.raises(ApiError, match="more than one PodDisruptionBudget"):
        api.create("/api/v1/namespaces/default/pods/x/eviction", Right("create", "pods/eviction"), {})
    assert pauses == []
