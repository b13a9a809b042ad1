"""Tests of the objects that the chart renders with `signedImages`, and of its refusals."""

from collections.abc import Mapping
from typing import Any

import pytest
import yaml

from tests.support.charts.installer_chart import (
    COMBINATIONS,
    EVERYTHING,
    SIGNED,
    USUAL,
    container_of,
    containers_of,
    installer_of,
    pod_of,
    refusal,
    rendered,
)
from tests.support.charts.pods import environment
from tests.support.checkout import ROOT

ON: Mapping[str, object] = {**USUAL, "signedImages": SIGNED}
CHART = rendered(ON)
INSTALLER = CHART.installers[0]
CONTAINER = container_of(INSTALLER, "verify-image")
# What the container mounts of the cluster's objects.
SECRETIVE = rendered({**USUAL, "signedImages": {**SIGNED, "registrySecret": "login", "certificates": "authorities"}})


def ports(**values: Any) -> list[tuple[str, int]]:  # noqa: ANN401 - any values of the chart
    """Return protocol and port of each permission to send, for values of `signedImages` and of the chart."""
    installers = values.pop("installers", USUAL["installers"])
    (policy,) = rendered({"installers": installers, "signedImages": {**SIGNED, **values}}).all("NetworkPolicy")
    return [(port["protocol"], port["port"]) for rule in policy["spec"]["egress"] for port in rule["ports"]]


def volumes_of(found: Mapping[str, Any], container: str) -> set[str]:
    return {mount["name"] for mount in container_of(found, container)["volumeMounts"]}


def test_while_it_is_off_its_values_change_nothing() -> None:
    assert rendered({**USUAL, "signedImages": {**SIGNED, "enabled": False}}).objects == rendered(USUAL).objects


def test_the_image_is_checked_before_anything_of_it_runs() -> None:
    for found in CHART.installers:
        assert [c["name"] for c in pod_of(found)["initContainers"]] == ["verify-image", "install"]
        assert [c["name"] for c in pod_of(found)["containers"]] == ["driver"]


def test_the_reference_that_is_checked_is_the_one_that_runs() -> None:
    for found in CHART.installers:
        checked = container_of(found, "verify-image")["command"][2]
        assert {container_of(found, name)["image"] for name in ("install", "driver")} == {checked}


def test_all_else_of_the_pod_stays_as_it_is() -> None:
    for on, off in zip(CHART.installers, rendered(USUAL).installers, strict=True):
        assert containers_of(on)[1:] == containers_of(off)
        assert pod_of(on)["volumes"][:-1] == pod_of(off)["volumes"]


@pytest.mark.parametrize(("required", "proofs"), [(True, ["symbol-proof", "tests"]), (False, ["symbol-proof"])])
def test_the_proofs_that_are_required_are_named(required: bool, proofs: list[str]) -> None:
    chart = rendered({**USUAL, "signedImages": {**SIGNED, "requireTests": required}})

    assert container_of(chart.installers[0], "verify-image")["command"][3:] == proofs


def test_key_script_and_conditions_are_files_of_a_config_map() -> None:
    data = CHART.one("ConfigMap", "nvidia-installer-verify-image")["data"]
    folder = ROOT / "k8s/nvidia-installer"

    assert data == {
        "attest.pub": str(SIGNED["publicKey"]),
        "verify-image": (folder / "scripts/verify-image").read_text(),
        "symbol-proof.cue": (folder / "files/symbol-proof.cue").read_text(),
        "tests.cue": (folder / "files/tests.cue").read_text(),
    }


@pytest.mark.parametrize("name", ["symbol-proof", "tests"])
def test_its_conditions_are_those_of_the_policy_for_the_policy_controller(name: str) -> None:
    policy = yaml.safe_load((ROOT / "k8s/policies/policy-controller.yaml").read_text())
    (authority,) = policy["spec"]["authorities"]
    (condition,) = [one["policy"]["data"] for one in authority["attestations"] if one["name"] == name]
    own = (ROOT / f"k8s/nvidia-installer/files/{name}.cue").read_text()

    assert [line for line in own.splitlines() if not line.startswith("//")] == [condition.strip()]


def test_the_container_has_no_user_no_capability_and_nothing_of_the_host() -> None:
    context = CONTAINER["securityContext"]
    host = {volume["name"] for volume in pod_of(INSTALLER)["volumes"] if "hostPath" in volume}

    assert context["runAsNonRoot"]
    assert context["readOnlyRootFilesystem"]
    assert context["capabilities"] == {"drop": ["ALL"]}
    assert not host & volumes_of(INSTALLER, "verify-image")


def test_no_other_container_has_the_registry_s_password() -> None:
    found = SECRETIVE.installers[0]

    assert volumes_of(found, "verify-image") == {"verify-image", "registry", "certificates"}
    assert not {"registry", "certificates"} & (volumes_of(found, "install") | volumes_of(found, "driver"))


def test_the_secret_is_a_file_where_cosign_looks_for_it() -> None:
    found = SECRETIVE.installers[0]
    (volume,) = [one for one in pod_of(found)["volumes"] if one["name"] == "registry"]
    told = environment(container_of(found, "verify-image"))

    assert volume["secret"] == {"secretName": "login", "items": [{"key": ".dockerconfigjson", "path": "config.json"}]}
    assert told == {"DOCKER_CONFIG": "/registry", "SSL_CERT_DIR": "/certificates"}


def test_a_proxy_is_a_variable_of_cosign_alone() -> None:
    proxy = {"HTTPS_PROXY": "http://proxy.example.com:3128", "NO_PROXY": "10.0.0.0/8"}
    found = rendered({**USUAL, "signedImages": {**SIGNED, "env": proxy}}).installers[0]

    assert environment(container_of(found, "verify-image")) == proxy
    assert environment(container_of(found, "install")) == environment(container_of(INSTALLER, "install"))


def test_the_pod_may_ask_for_names_and_read_registries_by_https() -> None:
    assert ports() == [("UDP", 53), ("TCP", 53), ("TCP", 443)]


def test_the_pod_may_reach_the_ports_that_the_values_name() -> None:
    image = {"repository": "registry.example.org:5000/a/b", "digest": "sha256:" + "0" * 64}
    two = [installer_of(combination, image=image) for combination in COMBINATIONS[:2]]
    found = ports(installers=two, env={"HTTPS_PROXY": "http://user@proxy.example.com:3128/"})

    assert found[2:] == [("TCP", 443), ("TCP", 3128), ("TCP", 5000)]


def test_rules_of_your_own_replace_the_chart_s() -> None:
    assert ports(egress=[{"ports": [{"protocol": "TCP", "port": 8443}]}]) == [("TCP", 8443)]


def test_without_it_the_pods_still_reach_nothing() -> None:
    off = {**EVERYTHING, "signedImages": {**SIGNED, "enabled": False}}
    (policy,) = rendered(off).all("NetworkPolicy")

    assert "egress" not in policy["spec"]


def test_without_installers_there_is_nothing_to_check() -> None:
    assert {found["kind"] for found in rendered({"signedImages": SIGNED}).objects} == {
        "ServiceAccount", "NetworkPolicy", "Pod",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (
            {"publicKey": ""},
            "signedImages.publicKey: paste the text of the file that attest.publicKey in component.yaml",
        ),
        ({"publicKey": "attest.pub"}, "it begins with -----BEGIN PUBLIC KEY-----"),
        ({"env": {"DOCKER_CONFIG": "/a"}}, "signedImages.env: the chart sets DOCKER_CONFIG itself: remove it"),
        ({"image": {"repository": "r"}}, "/signedImages/image"),
        ({"key": "k"}, "additional properties 'key' not allowed"),
    ],
)
def test_values_with_which_nothing_could_be_checked_are_refused(values: dict[str, object], said: str) -> None:
    assert said in refusal({**USUAL, "signedImages": {**SIGNED, **values}})


def test_the_image_with_cosign_is_yours_to_name() -> None:
    nameless = {key: value for key, value in SIGNED.items() if key != "image"}

    assert "signedImages.image: name an image with a shell and cosign in its PATH" in refusal(
        {**USUAL, "signedImages": nameless}
    )


def test_a_private_key_is_refused_and_not_shown() -> None:
    said = refusal({**USUAL, "signedImages": {**SIGNED, "publicKey": "-----BEGIN PRIVATE KEY-----\nMIGH\n"}})

    assert "signedImages.publicKey: it contains a private key: " in said
    assert "MIGH" not in said


def test_an_image_by_tag_is_refused_because_a_tag_can_move() -> None:
    tagged = installer_of(COMBINATIONS[0], image={"repository": "r/i", "tag": "550-6.1.0-debian-12-0123456789ab"})
    said = refusal({"installers": [tagged], "signedImages": SIGNED})

    where = f"{COMBINATIONS[0].release}/{COMBINATIONS[0].branch}"
    assert f"the image of {where} has no digest: with signedImages it needs one, because a tag can move" in said
