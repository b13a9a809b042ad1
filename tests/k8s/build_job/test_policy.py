"""Tests of the build pods against the rules of a policy engine; each exception has its reason."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from lifecycle.kubernetes.build_job import NAMESPACE
from tests.support.charts.build_chart import EVERYTHING, REMOTE, USUAL, job_of, rendered_build
from tests.support.charts.installer_chart import containers_of
from tests.support.charts.pod_policy import RULES, Rule

JOBS = [job_of(rendered_build(values)) for values in (USUAL, EVERYTHING, REMOTE)]
_DAEMON = "they are of a DaemonSet, and this is a Job"
# Rules that say what holds of the installer's pods.
NOT_FOR_JOBS = {"has no probe": _DAEMON, "is no system pod": _DAEMON, "is in another namespace": _DAEMON}
EXCEPTIONS = {
    ("runs privileged", "engine"): "it runs the containers that modules are compiled in",
    (
        "takes secrets into its environment",
        "MODULE_SIGNING_KEY",
    ): "component.yaml names variables of `build`, which runs no code of others",
}
# Of Docker's default set: what apt-get, dpkg and mmdebstrap use.
RIGHTS = {"CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID", "SYS_CHROOT"}


def more_rights(found: Mapping[str, Any]) -> Iterator[str]:
    for container in containers_of(found):
        context = container["securityContext"]
        capabilities = context.get("capabilities", {})
        if not context.get("privileged") and (
            capabilities.get("drop") != ["ALL"] or set(capabilities.get("add", [])) - RIGHTS
        ):
            yield container["name"]


def unfiltered(found: Mapping[str, Any]) -> Iterator[str]:
    for container in containers_of(found):
        context = container["securityContext"]
        if not context.get("privileged") and context.get("seccompProfile") != {"type": "RuntimeDefault"}:
            yield container["name"]


def no_requests(found: Mapping[str, Any]) -> Iterator[str]:
    yield from (c["name"] for c in containers_of(found) if not {"cpu", "memory"} <= c["resources"]["requests"].keys())


def endless(found: Mapping[str, Any]) -> Iterator[str]:
    yield from (key for key in ("activeDeadlineSeconds", "ttlSecondsAfterFinished") if key not in found["spec"])


OWN: Mapping[str, Rule] = {
    "has more rights than it uses": more_rights,
    "makes system calls that no filter sees": unfiltered,
    "asks for no cores and memory": no_requests,
    "goes on for ever": endless,
    "is in another namespace": lambda found: iter([n] if (n := found["metadata"]["namespace"]) != NAMESPACE else []),
}


def findings() -> set[tuple[str, str]]:
    rules = {**{name: rule for name, rule in RULES.items() if name not in NOT_FOR_JOBS}, **OWN}
    return {(name, what) for job in JOBS for name, rule in rules.items() for what in rule(job)}


def test_what_a_policy_would_refuse_is_an_exception_with_a_reason() -> None:
    assert findings() == EXCEPTIONS.keys()


def test_rules_that_are_left_out_are_there() -> None:
    assert NOT_FOR_JOBS.keys() <= RULES.keys()


@pytest.mark.parametrize("kind", ["Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding", "Secret", "Service"])
def test_the_chart_asks_for_no_rights_keeps_no_secret_and_serves_nothing(kind: str) -> None:
    assert [found for values in (USUAL, EVERYTHING, REMOTE) for found in rendered_build(values).all(kind)] == []


def test_nobody_reaches_the_pods() -> None:
    (policy,) = rendered_build(USUAL).all("NetworkPolicy")
    labels = JOBS[0]["spec"]["template"]["metadata"]["labels"]

    assert policy["spec"]["podSelector"]["matchLabels"].items() <= labels.items()
    assert policy["spec"]["policyTypes"] == ["Ingress"]
    assert "ingress" not in policy["spec"]
