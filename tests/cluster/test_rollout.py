"""`invoke rollout` over the node: jobs are respected, failures are said, and another run goes on."""

import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lifecycle.rollout.fleet import MARK
from tests.support.machines.cluster import gpu_jobs
from tests.support.machines.cluster.cluster import Cluster
from tests.support.machines.cluster.helm_release import WRONG_KERNEL, Release, labels_for
from tests.support.machines.cluster.pod_host import installed
from tests.support.machines.cluster.published_images import Images
from tests.support.machines.cluster.rollout import Done, Rollouts
from tests.support.machines.cluster.users import kubeconfig_with
from tests.support.machines.node_host import NAME, OLD_NAME, Node


@pytest.fixture
def images(images: Images) -> Images:
    """Return the images as versions of one installer."""
    return images.of_one_installer("lts")


@pytest.fixture
def rollouts(cluster: Cluster, tmp_path: Path) -> Iterator[Rollouts]:
    """Return the rollout tasks; afterwards, the node is as before, and no job runs."""
    rollouts = Rollouts(cluster=cluster, folder=tmp_path, kubeconfig=cluster.kubeconfig)
    yield rollouts
    rollouts.clear()
    gpu_jobs.end_job(cluster)
    gpu_jobs.end_service(cluster)


@pytest.fixture
def outdated(cluster: Cluster, release: Release, images: Images, host: Node) -> Release:
    """Install the old driver, then give the DaemonSet the image of the new one."""
    cluster.label(cluster.node, labels_for("lts"))
    release.install(images.old)
    release.pod_of(images.old)
    change_to(release, images)
    return release


def change_to(release: Release, images: Images) -> None:
    release.upgrade(images.new)
    release.cluster.wait(lambda: release.is_observed("lts"), "the DaemonSet is seen to")


@pytest.fixture
def gpu(cluster: Cluster) -> None:
    gpu_jobs.advertise_gpus(cluster, 1)


def test_a_busy_node_is_upgraded_when_its_job_has_ended(
    cluster: Cluster, outdated: Release, images: Images, host: Node, rollouts: Rollouts, gpu: None
) -> None:
    gpu_jobs.start_job(cluster)
    with rollouts.running() as rollout:
        rollout.wait_for("waits for default/job (nvidia.com/gpu.shared: 1)")
        assert (rollouts.is_cordoned(), installed(host)) == (True, OLD_NAME)
        assert rollouts.status()["cordoned_by_rollout"]
        gpu_jobs.end_job(cluster)
        done = rollout.end()
    assert done.code == 0, done.err
    assert "upgraded: 1 node" in done.err
    assert (rollouts.is_cordoned(), rollouts.is_marked(), installed(host)) == (False, False, NAME)
    assert rollouts.status()["state"] == "current"
    outdated.pod_of(images.new)


def test_a_job_that_outlasts_the_time_limit_keeps_its_driver(
    cluster: Cluster, outdated: Release, host: Node, rollouts: Rollouts, gpu: None
) -> None:
    gpu_jobs.start_job(cluster)
    # A pod without a controller would not come back, so it is not evicted.
    done = rollouts.run("--drain-timeout=5s", "--evict")
    assert (done.code, installed(host)) == (1, OLD_NAME)
    assert "still default/job (nvidia.com/gpu.shared: 1)" in done.err
    assert f"still cordoned by the rollout: {cluster.node} (wait for GPU pods)" in done.err
    assert cluster.get("pod", "job", "--namespace=default")["status"]["phase"] == "Running"


def test_an_eviction_waits_for_the_budget_and_the_next_run_goes_on(
    cluster: Cluster, outdated: Release, host: Node, rollouts: Rollouts, gpu: None
) -> None:
    pod = gpu_jobs.start_service(cluster)
    gpu_jobs.forbid_eviction(cluster)
    done = rollouts.run("--evict", "--drain-timeout=5s")
    assert (done.code, installed(host)) == (1, OLD_NAME)
    assert "disruption budget" in done.err
    assert [p["metadata"]["uid"] for p in cluster.pods("default", "app=job")] == [pod["metadata"]["uid"]]
    gpu_jobs.allow_eviction(cluster)
    rights = kubeconfig_with(cluster, rollouts.folder, "To read", "To upgrade", "To evict")
    done = replace(rollouts, kubeconfig=rights).run("--evict")
    assert done.code == 0, done.err
    assert (rollouts.is_cordoned(), rollouts.is_marked(), installed(host)) == (False, False, NAME)
    assert cluster.ready_pod("default", "app=job", other_than=pod["metadata"]["uid"])


def test_a_driver_that_fails_ends_the_rollout_with_its_message(
    cluster: Cluster, outdated: Release, images: Images, host: Node, rollouts: Rollouts
) -> None:
    outdated.upgrade(images.wrong)
    cluster.wait(lambda: outdated.is_observed("lts"), "the DaemonSet is seen to")
    done = rollouts.run()
    assert done.code == 1
    assert f"validate the driver: install ended with {WRONG_KERNEL}: " in done.err
    assert f"still cordoned by the rollout: {cluster.node}" in done.err
    found = rollouts.status()
    assert (found["state"], found["code"], found["cordoned_by_rollout"]) == ("failed", WRONG_KERNEL, True)
    change_to(outdated, images)
    done = rollouts.run()
    assert done.code == 0, done.err
    assert (rollouts.is_cordoned(), installed(host)) == (False, NAME)


def end_while_waiting(rollouts: Rollouts, number: signal.Signals) -> Done:
    """Start a job and a rollout, and send the rollout a signal while it waits for the job."""
    gpu_jobs.start_job(rollouts.cluster)
    with rollouts.running() as rollout:
        rollout.wait_for("waits for default/job")
        rollout.process.send_signal(number)
        return rollout.end()


def go_on(rollouts: Rollouts, host: Node) -> None:
    """End the job, and expect that another rollout finishes the node."""
    assert (rollouts.is_cordoned(), rollouts.is_marked(), installed(host)) == (True, True, OLD_NAME)
    gpu_jobs.end_job(rollouts.cluster)
    done = rollouts.run()
    assert done.code == 0, done.err
    assert (rollouts.is_cordoned(), rollouts.is_marked(), installed(host)) == (False, False, NAME)


def test_another_run_goes_on_where_a_signal_ended_one(
    cluster: Cluster, outdated: Release, host: Node, rollouts: Rollouts, gpu: None
) -> None:
    done = end_while_waiting(rollouts, signal.SIGTERM)
    assert done.code == 130
    assert f"still cordoned by the rollout: {cluster.node} (wait for GPU pods)" in done.err
    go_on(rollouts, host)


def test_another_run_goes_on_where_one_was_killed(outdated: Release, host: Node, rollouts: Rollouts, gpu: None) -> None:
    end_while_waiting(rollouts, signal.SIGKILL)
    go_on(rollouts, host)


def test_a_node_that_somebody_cordoned_stays_cordoned(
    cluster: Cluster, outdated: Release, host: Node, rollouts: Rollouts
) -> None:
    cluster.kubectl("cordon", cluster.node)
    done = rollouts.run()
    assert done.code == 0, done.err
    assert (rollouts.is_cordoned(), rollouts.is_marked(), installed(host)) == (True, False, NAME)


def test_pods_with_the_affinity_give_way_during_the_upgrade(
    cluster: Cluster, outdated: Release, host: Node, rollouts: Rollouts, gpu: None
) -> None:
    gpu_jobs.start_exporter(cluster, MARK)
    try:
        gpu_jobs.start_job(cluster)
        with rollouts.running() as rollout:
            rollout.wait_for("waits for default/job")
            cluster.wait(lambda: not cluster.pods("default", "app=exporter"), "the exporter gives way")
            gpu_jobs.end_job(cluster)
            done = rollout.end()
        assert done.code == 0, done.err
        assert installed(host) == NAME
        assert cluster.ready_pod("default", "app=exporter")
    finally:
        gpu_jobs.end_exporter(cluster)


def test_plan_and_status_need_no_right_to_change_anything(
    cluster: Cluster, outdated: Release, host: Node, rollouts: Rollouts
) -> None:
    reader = replace(rollouts, kubeconfig=kubeconfig_with(cluster, rollouts.folder, "To read"))
    done = reader.run("--dry-run")
    assert done.code == 0, done.err
    assert "1 node to upgrade in 1 wave" in done.out
    assert reader.status()["state"] == "old"
    done = reader.run()
    assert done.code == 1
    said = "get nodes in the whole cluster, nor patch nodes in the whole cluster"
    assert f"this user may not {said}, nor delete pods in the namespace kube-system: grant it" in done.err
    assert (rollouts.is_cordoned(), installed(host)) == (False, OLD_NAME)
