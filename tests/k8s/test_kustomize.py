"""Values that `invoke bump-gitops` sets, read by those who read them in a cluster: kustomize and Helm."""

import subprocess
from pathlib import Path

import yaml

from lifecycle.config.gitops import ValuesFiles
from lifecycle.gitops.settings import edit, initial_files, settings
from tests.support.charts.installer_chart import COMBINATIONS, DIGEST, PROJECT, containers_of, rendered

NAMES = {
    "image": "registry.example.org/system-services/nvidia-installer",
    "digest": DIGEST,
    "osVersion": "12",
}


def names(number: int) -> dict[str, str]:
    c = COMBINATIONS[number]
    return {**NAMES, "release": c.release, "driver": c.driver, "branch": c.branch}


def test_kustomize_takes_the_digest_that_was_set(tmp_path: Path) -> None:
    text = "kind: Kustomization\nresources: [pod.yaml]\nimages:\n- name: nvidia-installer  # ours\n  newName: x\n  digest: x\n"
    entry = ValuesFiles.model_validate(
        {
            "file": "kustomization.yaml",
            "set": {
                "images[name=nvidia-installer].newName": "{image}",
                "images[name=nvidia-installer].digest": "{digest}",
            },
        }
    )
    edited = edit(settings([(entry, "c", names(0))]), {"kustomization.yaml": text}.get)
    (tmp_path / "kustomization.yaml").write_text(edited.files["kustomization.yaml"])
    pod = {"containers": [{"name": "a", "image": "nvidia-installer"}]}
    (tmp_path / "pod.yaml").write_text(
        yaml.safe_dump({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": pod})
    )
    done = subprocess.run(["kubectl", "kustomize", str(tmp_path)], capture_output=True, text=True, check=True)

    assert yaml.safe_load(done.stdout)["spec"]["containers"][0]["image"] == f"{NAMES['image']}@{DIGEST}"


def test_the_chart_takes_the_values_that_component_yaml_has_set() -> None:
    gitops = PROJECT.component.gitops
    assert gitops is not None
    wanted = settings(
        (entry, COMBINATIONS[number].id, names(number))
        for entry in gitops.values
        for number in range(len(COMBINATIONS))
    )
    edited = edit(wanted, initial_files(wanted).get)
    charts = [rendered(yaml.safe_load(text)) for text in edited.files.values()]
    images = {c["image"] for chart in charts for d in chart.installers for c in containers_of(d)}

    assert sum(len(chart.installers) for chart in charts) == len(COMBINATIONS)
    assert images == {f"{NAMES['image']}@{DIGEST}"}
