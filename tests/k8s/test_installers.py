"""Tests of the installers' DaemonSets: architectures, images that are pulled early, the namespace, and the host's mounts."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from lifecycle.config.schema import Architecture
from lifecycle.kubernetes.manifests import CHART, values_of
from lifecycle.publish.published import PublishedImage
from lifecycle.tools.helm import ChartRefusedError, render
from tests.support.charts.installer_chart import (
    COMBINATIONS,
    DIGEST,
    EVERYTHING,
    RELEASE,
    USUAL,
    Rendered,
    container_of,
    containers_of,
    installer_of,
    pod_of,
    refusal,
    rendered,
)
from tests.support.checkout import ROOT

FIRST = COMBINATIONS[0]
NAME = f"nvidia-installer-{FIRST.release}-{FIRST.branch}"
NEXT = "sha256:" + "f" * 64


def terms(found: Mapping[str, Any]) -> dict[str, Any]:
    affinity = pod_of(found)["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    return {term["key"]: term.get("values") for term in affinity["nodeSelectorTerms"][0]["matchExpressions"]}


def in_namespace(namespace: str, values: Mapping[str, object]) -> Rendered:
    return Rendered(render(ROOT / CHART, values, name=RELEASE, namespace=namespace))


def test_amd64_and_arm64_stand_side_by_side_each_on_its_own_nodes() -> None:
    both = [installer_of(FIRST, architecture=name) for name in ("amd64", "arm64")]
    amd64, arm64 = rendered({"installers": both}).installers

    assert [d["metadata"]["name"] for d in (amd64, arm64)] == [NAME, f"{NAME}-arm64"]
    assert [terms(d)["kubernetes.io/arch"] for d in (amd64, arm64)] == [["amd64"], ["arm64"]]
    assert terms(arm64)["os-version"] == [FIRST.release]


@pytest.mark.parametrize("more", [{}, {"architecture": "amd64"}])
def test_an_upgrade_renames_no_daemonset_and_changes_no_selector(more: dict[str, object]) -> None:
    (found,) = rendered({"installers": [installer_of(FIRST, **more)]}).installers

    assert found["metadata"]["name"] == NAME
    assert found["spec"]["selector"]["matchLabels"] == {
        "app.kubernetes.io/name": "nvidia-installer",
        "app.kubernetes.io/instance": RELEASE,
        "app.kubernetes.io/component": "installer",
        "nvidia-installer/release": FIRST.release,
        "nvidia-installer/driver": FIRST.branch,
    }


def test_without_an_architecture_any_node_matches() -> None:
    assert "kubernetes.io/arch" not in terms(rendered(USUAL).installers[0])


def test_an_entry_for_all_nodes_beside_one_for_some_is_refused() -> None:
    both = [installer_of(FIRST), installer_of(FIRST, architecture="arm64")]

    assert "is listed with and without `architecture`: give both entries one" in refusal({"installers": both})


def test_a_long_release_keeps_its_architecture_in_the_name() -> None:
    both = [installer_of(FIRST, release="r" * 57, architecture=name) for name in ("amd64", "arm64")]
    names = [d["metadata"]["name"] for d in rendered({"installers": both}).installers]

    assert max(map(len, names)) == 63
    assert len([name for name in names if name.endswith("-arm64")]) == 1
    assert "too long for a label" in refusal({"installers": [{**both[1], "release": "r" * 58}]})


def test_manifests_name_architectures_if_there_is_another_than_amd64() -> None:
    reference = f"r.example.org/i@{DIGEST}"
    image = PublishedImage(combination=FIRST.id, reference=reference, tag="t", digest=DIGEST, size=1, inputs="i")
    arm64 = replace(FIRST, architecture=Architecture.ARM64)
    (alone,), both = (values_of(dict.fromkeys(images, image))["installers"] for images in ([FIRST], [FIRST, arm64]))

    assert "architecture" not in alone
    assert [entry["architecture"] for entry in both] == ["amd64", "arm64"]
    assert len(rendered({"installers": both}).installers) == 2


def test_before_an_upgrade_the_daemonset_that_pulls_holds_the_image_of_now() -> None:
    chart = rendered({**USUAL, "prePull": {"enabled": True}})

    for pulls, installs in zip(chart.component("pre-pull"), chart.installers, strict=True):
        assert containers_of(pulls)[0]["image"] == container_of(installs, "driver")["image"]
        assert terms(pulls) == terms(installs)


def test_the_next_image_is_pulled_in_waves_and_installed_nowhere() -> None:
    following = {"repository": "registry.example.org/i", "digest": NEXT}
    entry = installer_of(FIRST, nextImage=following)
    chart = rendered({"installers": [entry], "prePull": {"enabled": True, "maxUnavailable": "2%"}})
    (pulls,), (installs,) = chart.component("pre-pull"), chart.installers

    assert [c["image"] for c in containers_of(pulls)] == [f"registry.example.org/i@{NEXT}"]
    assert {c["image"].rpartition("@")[2] for c in containers_of(installs)} == {DIGEST}
    assert pulls["spec"]["updateStrategy"] == {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "2%"}}


def test_the_upgrade_itself_changes_no_pod_that_pulls() -> None:
    following = {"repository": "registry.example.org/i", "digest": NEXT}
    before, after = (
        rendered({"installers": [entry], "prePull": {"enabled": True}}).component("pre-pull")[0]["spec"]
        for entry in (installer_of(FIRST, nextImage=following), installer_of(FIRST, image=following))
    )

    assert before == after


def test_no_pod_that_pulls_reaches_the_host() -> None:
    for found in rendered(EVERYTHING).component("pre-pull"):
        assert not {"volumes", "hostPID", "priorityClassName"} & pod_of(found).keys()


def test_another_namespace_permits_privileged_pods_and_system_priority() -> None:
    chart = in_namespace("gpu", {**USUAL, "namespace": {"create": True, "priorityQuota": 4000}})
    labels = chart.one("Namespace", "gpu")["metadata"]["labels"]
    (quota,) = chart.all("ResourceQuota")

    assert {labels[f"pod-security.kubernetes.io/{mode}"] for mode in ("enforce", "audit", "warn")} == {"privileged"}
    assert quota["spec"]["hard"] == {"pods": "4000"}
    assert (
        pod_of(chart.installers[0])["priorityClassName"]
        in quota["spec"]["scopeSelector"]["matchExpressions"][0]["values"]
    )


def test_neither_is_there_by_default() -> None:
    assert [*rendered(USUAL).all("Namespace"), *rendered(USUAL).all("ResourceQuota")] == []


def test_a_namespace_of_each_cluster_is_not_made() -> None:
    with pytest.raises(ChartRefusedError, match="kube-system exists in each cluster"):
        in_namespace("kube-system", {"namespace": {"create": True}})


@pytest.mark.parametrize(("value", "found"), [("system-node-critical", True), ("gpu-critical", True), ("", False)])
def test_the_priority_class_is_a_value(value: str, found: bool) -> None:
    pod = pod_of(rendered({**USUAL, "priorityClassName": value}).installers[0])

    assert pod.get("priorityClassName") == (value if found else None)


def test_no_container_leaves_a_file_for_its_last_words_on_the_host() -> None:
    for name in ("install", "driver"):
        container = container_of(rendered(USUAL).installers[0], name)
        mounts = [mount["mountPath"] for mount in container["volumeMounts"]]
        assert not any(container["terminationMessagePath"].startswith(f"{mount}/") for mount in mounts)


@pytest.mark.parametrize("value", ["HostToContainer", "None"])
def test_all_mounts_of_the_host_s_folders_propagate_as_the_value_says(value: str) -> None:
    values = {**USUAL, "hostMountPropagation": value, "devicePlugin": {"enabled": True}}
    found = rendered(values).installers[0]
    mounts = [m for c in containers_of(found) for m in c["volumeMounts"] if "mountPropagation" in m]

    assert {mount["mountPropagation"] for mount in mounts} == {value}
    assert len(mounts) == 3


def test_no_container_propagates_mounts_to_the_host() -> None:
    assert "/hostMountPropagation" in refusal({**USUAL, "hostMountPropagation": "Bidirectional"})


def test_gardener_finds_the_installer_among_critical_components() -> None:
    # gardener/gardener, docs/usage/advanced/node-readiness.md: the label is on the DaemonSet and on its pods.
    label = {"node.gardener.cloud/critical-component": "true"}
    values = {**USUAL, "daemonSetLabels": label, "podLabels": label, "prePull": {"enabled": True}}
    chart = rendered(values)
    found = chart.installers[0]

    assert label.items() <= found["metadata"]["labels"].items()
    assert label.items() <= found["spec"]["template"]["metadata"]["labels"].items()
    assert [pulls for pulls in chart.component("pre-pull") if "node.gardener.cloud" in str(pulls)] == []
