"""The programs and libraries for clusters, and the rights that `invoke rollout` needs."""

import shutil
from collections.abc import Iterator, Mapping

from lifecycle.doctor.finding import Finding, State, Subject, one_line
from lifecycle.rollout.api import Api, ForbiddenError
from lifecycle.rollout.cluster import Cluster
from lifecycle.rollout.kubeconfig import ClientMissingError, NoClusterError, open_client
from lifecycle.tools.helm import HelmMissingError, has_library
from lifecycle.tools.process import run

_HELM, _CLUSTER = Subject("helm"), Subject("cluster")
# `invoke rollout`'s default.
_NAMESPACE = "kube-system"


def check_helm() -> Iterator[Finding]:
    """Yield what renders the chart here."""
    if has_library():
        yield _HELM.ok("the library helm-python-sdk")
    elif shutil.which("helm"):
        yield _HELM.ok(f"the program, {one_line(run(['timeout', '5', 'helm', 'version', '--short']))}")
    else:
        yield _HELM.failure(HelmMissingError(), state=State.SKIPPED, remedy="`invoke manifests` needs it.")


def check_cluster(environ: Mapping[str, str]) -> Iterator[Finding]:
    """Yield whether the cluster of the kubeconfig answers, and allows what a rollout does."""
    try:
        client = open_client("", "", environ, connections=1)
    except (ClientMissingError, NoClusterError) as error:
        yield _CLUSTER.failure(error, state=State.SKIPPED, remedy="`invoke rollout` needs it.")
        return
    api = Api(client, _give_up)
    try:
        Cluster(api, _NAMESPACE).check_rights()
    except ForbiddenError as error:
        yield _CLUSTER.failure(error, state=State.WARNING, remedy="`invoke rollout` needs these rights.")
        return
    yield _CLUSTER.ok(f"{api.host}: this user may do what `invoke rollout` does in {_NAMESPACE}")


def _give_up(_seconds: float) -> None:
    """Do not wait: the next attempt is made at once."""
