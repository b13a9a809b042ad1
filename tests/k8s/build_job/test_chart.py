"""Tests of the manifests that the build chart renders with different values."""

import shutil
from pathlib import Path
from typing import Any

import helm_python
import kubernetes_validate
import pytest

from lifecycle.kubernetes.build_job import CHART, NAMESPACE
from lifecycle.tools.helm import ChartRefusedError, render
from tests.support.charts.build_chart import (
    EVERYTHING,
    RELEASE,
    REMOTE,
    REVISION,
    USUAL,
    container,
    job_of,
    names_of,
    rendered_build,
)
from tests.support.charts.installer_chart import Rendered, containers_of, pod_of
from tests.support.charts.kubernetes_versions import NEWEST, OLDEST
from tests.support.charts.pods import environment
from tests.support.checkout import ROOT

USUAL_CHART, WHOLE_CHART, REMOTE_CHART = (rendered_build(values) for values in (USUAL, EVERYTHING, REMOTE))
# What the oldest version does not know yet is left out, as docs/how-to/build-on-many-machines.md says.
OF_ALL_TIMES = [
    found
    for values in (USUAL, {**EVERYTHING, "backoffLimitPerIndex": None}, REMOTE)
    for found in rendered_build(values).objects
]


@pytest.mark.parametrize("found", OF_ALL_TIMES, ids=lambda found: f"{found['kind']}-{found['metadata']['name']}")
def test_the_oldest_kubernetes_knows_every_key(found: dict[str, Any]) -> None:
    kubernetes_validate.validate(found, OLDEST, strict=True)


@pytest.mark.parametrize("found", WHOLE_CHART.objects, ids=lambda found: f"{found['kind']}-{found['metadata']['name']}")
def test_the_newest_kubernetes_knows_every_key(found: dict[str, Any]) -> None:
    kubernetes_validate.validate(found, NEWEST, strict=True)


def test_helm_finds_nothing_to_say_of_it() -> None:
    for values in (USUAL, EVERYTHING, REMOTE):
        said = helm_python.lint(str(ROOT / CHART), dict(values), strict=True, namespace=NAMESPACE)
        assert [m for m in said["messages"] if m["error"] != "icon is recommended"] == []


def test_there_is_a_pod_for_each_shard_however_many_run_at_a_time() -> None:
    usual, whole = job_of(USUAL_CHART)["spec"], job_of(WHOLE_CHART)["spec"]

    assert (usual["completionMode"], usual["completions"], usual["parallelism"]) == ("Indexed", 4, 4)
    assert (whole["completionMode"], whole["completions"], whole["parallelism"]) == ("Indexed", 8, 3)
    assert environment(container(WHOLE_CHART, "build"))["SHARDS"] == "8"


def test_shards_fail_together_or_each_on_its_own_by_value() -> None:
    usual, whole = job_of(USUAL_CHART)["spec"], job_of(WHOLE_CHART)["spec"]

    assert (usual["backoffLimit"], "backoffLimitPerIndex" in usual) == (6, False)
    assert ("backoffLimit" in whole, whole["backoffLimitPerIndex"]) == (False, 1)


def test_the_pods_are_told_the_store_the_commit_and_what_to_build() -> None:
    checkout, build = (environment(container(WHOLE_CHART, name)) for name in ("checkout", "build"))

    assert (checkout["REPOSITORY"], checkout["REVISION"]) == (EVERYTHING["repository"], REVISION)
    assert (build["INVOKE_STORE"], build["INVOKE_STORE_MODE"]) == ("registry.example.org:5000/gpu/store", "read-only")
    assert container(WHOLE_CHART, "build")["args"] == ["--only=550", "--json"]
    assert "args" not in container(USUAL_CHART, "build")


def test_proxies_are_told_to_all_containers() -> None:
    for found in containers_of(job_of(WHOLE_CHART)):
        assert environment(found)["https_proxy"] == "http://proxy.example.org:3128"


def test_what_the_chart_says_goes_over_the_environment_of_the_values() -> None:
    chart = rendered_build({**USUAL, "env": {"SHARDS": 99, "EXTRA": True}})
    told = environment(container(chart, "build"))

    assert (told["SHARDS"], told["EXTRA"]) == ("4", "true")


def test_secrets_are_files_that_only_the_container_sees_that_needs_them() -> None:
    pod = pod_of(job_of(WHOLE_CHART))
    secrets = {volume["name"]: volume["secret"] for volume in pod["volumes"] if "secret" in volume}
    seen = {
        found["name"]: set(names_of(found["volumeMounts"])) & secrets.keys()
        for found in containers_of(job_of(WHOLE_CHART))
    }

    assert {name: secret["secretName"] for name, secret in secrets.items()} == {
        "repository": "deploy-key", "store": "registry"
    }  # fmt: skip
    assert {secret["defaultMode"] for secret in secrets.values()} == {0o400}
    assert seen == {"checkout": {"repository"}, "build": {"store"}, "engine": set()}


def test_the_key_that_signs_reaches_the_build_alone() -> None:
    reference = {"secretKeyRef": {"name": "module-signing", "key": "key.pem"}}
    found = {c["name"]: [v for v in c["env"] if "valueFrom" in v] for c in containers_of(job_of(WHOLE_CHART))}

    assert found == {
        "checkout": [], "engine": [], "build": [{"name": "MODULE_SIGNING_KEY", "valueFrom": reference}]
    }  # fmt: skip


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"secretEnv": [{"name": "SHARDS", "secret": "s", "key": "k"}]}, "the chart sets SHARDS itself"),
        ({"secretEnv": [{"name": "A", "secret": "s", "key": "k"}], "env": {"A": "x"}}, "A is in `env` too"),
        ({"secretEnv": [{"name": "A", "secret": "S_S", "key": "k"}]}, "/secretEnv/0/secret"),
        ({"secretEnv": [{"name": "A", "secret": "s"}]}, "missing property 'key'"),
    ],
)
def test_a_secret_that_others_would_get_or_change_is_refused(values: dict[str, object], said: str) -> None:
    with pytest.raises(ChartRefusedError) as caught:
        rendered_build({**USUAL, **values})
    assert said in str(caught.value)


def test_each_job_has_scripts_of_its_own() -> None:
    for values in ({}, {"shards": 5}):
        chart = rendered_build({**USUAL, **values})
        (scripts,), job = chart.all("ConfigMap"), job_of(chart)
        (volume,) = (volume for volume in pod_of(job)["volumes"] if volume["name"] == "scripts")
        assert scripts["metadata"]["name"] == volume["configMap"]["name"] == f"{job['metadata']['name']}-scripts"


def test_other_scripts_are_another_job(tmp_path: Path) -> None:
    shutil.copytree(ROOT / CHART, tmp_path / "chart")
    with (tmp_path / "chart/scripts/build").open("a") as script:
        script.write("true\n")
    other = Rendered(render(tmp_path / "chart", USUAL, name=RELEASE, namespace=NAMESPACE))

    assert job_of(other)["metadata"]["name"] != job_of(USUAL_CHART)["metadata"]["name"]


def test_dockers_configuration_is_where_the_build_looks_for_it() -> None:
    build = container(WHOLE_CHART, "build")
    (place,) = (mount["mountPath"] for mount in build["volumeMounts"] if mount["name"] == "store")
    (volume,) = (volume for volume in pod_of(job_of(WHOLE_CHART))["volumes"] if volume["name"] == "store")

    assert environment(build)["DOCKER_CONFIG"] == place
    assert volume["secret"]["items"] == [{"key": ".dockerconfigjson", "path": "config.json"}]


def test_with_an_engine_elsewhere_nothing_is_privileged() -> None:
    found = containers_of(job_of(REMOTE_CHART))
    told = environment(container(REMOTE_CHART, "build"))

    assert names_of(found) == ["checkout", "build"]
    assert not any(one["securityContext"].get("privileged") for one in found)
    assert (told["DOCKER_HOST"], told["DOCKER_TLS_VERIFY"]) == ("tcp://engine:2376", "1")
    assert "ENGINE" not in told
    assert {"name": "certificates", "mountPath": told["DOCKER_CERT_PATH"], "readOnly": True} in container(
        REMOTE_CHART, "build"
    )["volumeMounts"]


def test_make_is_given_as_many_cores_as_the_engine_is_promised() -> None:
    chart = rendered_build({**USUAL, "cpus": 7})

    assert container(chart, "build")["resources"]["limits"]["cpu"] == "7"
    assert container(chart, "engine")["resources"]["requests"]["cpu"] == "7"


def test_another_commit_and_other_values_are_another_job() -> None:
    names = {
        job_of(rendered_build({**USUAL, **more}))["metadata"]["name"]
        for more in ({}, {"shards": 5}, {"revision": "f" * 40}, {"only": "550"})
    }

    assert len(names) == 4
    assert job_of(rendered_build(USUAL))["metadata"]["name"] in names
    # A pod's host name is the Job's and the index (https://kubernetes.io/docs/concepts/workloads/controllers/job).
    assert max(len(f"{name}-99999") for name in names) <= 63


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"repository": ""}, "/repository"),
        ({"repository": "/srv/git/x.git"}, "/repository"),
        ({"repository": "http://git.example.org/x.git"}, "/repository"),
        ({"revision": "main"}, "/revision"),
        ({"revision": "0123456789"}, "/revision"),
        ({"shards": 0}, "/shards"),
        ({"shard": 4}, "additional properties 'shard' not allowed"),
        ({"parallelism": 0}, "/parallelism"),
        ({"store": {}}, "/store/place"),
        ({"store": {"place": "registry.example.org"}}, "/store/place"),
        ({"store": {"place": "localhost:5000/store"}}, "/store/place"),
        ({"store": {"place": "127.0.0.1:5000/store"}}, "/store/place"),
        ({"store": {"place": "r.example.org/s", "mode": "off"}}, "/store/mode"),
        ({"engine": {"address": "unix:///var/run/docker.sock"}}, "/engine/address"),
        ({"cpus": "4"}, "/cpus"),
        ({"memory": "much"}, "/memory"),
        ({"env": {"a b": "c"}}, "invalid propertyName 'a b'"),
    ],
)
def test_what_the_chart_cannot_use_is_refused_with_its_place(values: dict[str, object], said: str) -> None:
    with pytest.raises(ChartRefusedError) as caught:
        rendered_build({**USUAL, **values})
    assert said in str(caught.value)
