from pathlib import Path

import pytest
import yaml

from lifecycle.config.gitops import NodePools
from lifecycle.gitops.node_pools import NoMatchingPoolError, PoolNameError, add_successors, retire
from lifecycle.yamledit.lookup_errors import AmbiguousKeyError, MissingKeyError
from lifecycle.yamledit.sops import EncryptedFileError
from lifecycle.yamledit.values_file import ValuesFile

SHOOT = ValuesFile(Path(__file__).parents[1].joinpath("yamledit/values/shoot.yaml").read_text(), "shoot.yaml")
KEYS = {
    "machine.image.version": "{osVersion}",
    "labels.os-version": "{osVersion}",
    "labels.nvidia-driver": "{branch}",
}
NEW = {"osVersion": "1592.10", "branch": "550"}


def section(match: str = "infer-*", **more: object) -> NodePools:
    return NodePools.model_validate({"file": "shoot.yaml", "match": match, "set": KEYS, **more})


def names(file: ValuesFile) -> list[str]:
    return [line.split(":")[1].strip() for line in file.text.splitlines() if line.startswith("      - name:")]


def test_a_pool_that_does_not_run_what_is_wanted_gets_a_successor_that_does() -> None:
    after, steps = add_successors(SHOOT, section(), NEW)
    added = [line for line in after.text.splitlines() if line not in SHOOT.text.splitlines()]

    assert names(after) == ["system-v3", "infer-s-v1", "infer-s-v2", "train-l-v7"]
    assert added == [
        "      - name: infer-s-v2",
        "          image:",
        '            version: "1592.10"',
        '          os-version: "1592.10"',
        "          nvidia-driver: '550'",
    ]
    assert [(s.old, s.new, [(c.path, c.old, c.new) for c in s.changes]) for s in steps] == [
        (
            "infer-s-v1",
            "infer-s-v2",
            [
                ("machine.image.version", "1592.9", "1592.10"),
                ("labels.os-version", "1592.9", "1592.10"),
                ("labels.nvidia-driver", "535", "550"),
            ],
        )
    ]


def test_the_old_pool_stays_as_it_was_and_a_second_run_changes_nothing() -> None:
    after, _ = add_successors(SHOOT, section(), NEW)

    assert [line for line in SHOOT.text.splitlines() if line not in after.text.splitlines()] == []
    assert add_successors(after, section(), NEW) == (after, [])


def test_retiring_takes_out_what_has_a_successor_that_runs_what_is_wanted() -> None:
    without_anchor = ValuesFile(
        SHOOT.text.replace("&image", "").replace("*image", "{name: x, version: 1}"), "shoot.yaml"
    )
    after, _ = add_successors(without_anchor, section(), NEW)
    retired, steps = retire(after, section(), NEW)

    assert names(retired) == ["system-v3", "infer-s-v2", "train-l-v7"]
    assert [(s.old, s.new) for s in steps] == [("infer-s-v1", None)]


def test_nothing_is_retired_until_the_newest_pool_runs_the_wanted_image() -> None:
    after, _ = add_successors(SHOOT, section(), NEW)

    assert retire(after, section(), {**NEW, "branch": "580"}) == (after, [])
    assert retire(SHOOT, section(), NEW) == (SHOOT, [])


def test_each_stem_counts_for_itself_from_its_highest_number() -> None:
    keys = {"v": "{branch}"}
    text = "w:\n- {name: a-v9, v: 1}\n- {name: a-v10, v: 1}\n- {name: b, v: 1}\n- {name: c-v2, v: 550}\n"
    after, steps = add_successors(ValuesFile(text, "f"), section("*", workers="w", set=keys), NEW)

    assert [(s.old, s.new) for s in steps] == [("a-v10", "a-v11"), ("b", "b-v2")]
    assert after.text.splitlines()[3] == "- {name: a-v11, v: 550}"


def test_a_name_that_gardener_would_refuse_is_refused() -> None:
    text = "w:\n- {name: inference-lg-v9, v: 1}\n"
    with pytest.raises(PoolNameError, match="'inference-lg-v10' of a pool has more than 15 characters"):
        add_successors(ValuesFile(text, "f"), section("*", workers="w", set={"v": "{branch}"}), NEW)


def test_a_pattern_that_fits_no_pool_names_those_that_there_are() -> None:
    with pytest.raises(
        NoMatchingPoolError, match="matches 'gpu-\\*': it has system-v3, infer-s-v1, train-l-v7: correct `match`"
    ):
        add_successors(SHOOT, section("gpu-*"), NEW)


def test_a_pool_that_lacks_a_key_is_named() -> None:
    with pytest.raises(MissingKeyError, match=r"no `spec.provider.workers\[0\].labels.os-version`"):
        add_successors(SHOOT, section("system-*"), NEW)


TWO_SHOOTS = """\
kind: Shoot
metadata: {name: a}
spec: {provider: {workers: [{name: gpu, v: 535}]}}
---
kind: Shoot
metadata: {name: b}
spec:
  provider:
    workers:
    - name: gpu
      v: 535
      caBundle: |
        -----BEGIN CERTIFICATE-----"""


def test_pools_of_one_of_two_shoots_are_selected_by_its_name() -> None:
    workers = "[kind=Shoot,metadata.name=b].spec.provider.workers"
    after, _ = add_successors(ValuesFile(TWO_SHOOTS, "f"), section("*", workers=workers, set={"v": "{branch}"}), NEW)
    documents = [document["spec"]["provider"]["workers"] for document in yaml.safe_load_all(after.text)]

    assert [[pool["name"] for pool in workers] for workers in documents] == [["gpu"], ["gpu", "gpu-v2"]]
    assert [pool["caBundle"] for pool in documents[1]] == ["-----BEGIN CERTIFICATE-----"] * 2
    with pytest.raises(AmbiguousKeyError, match=r"as in \[kind=Shoot,metadata.name=a\].spec.provider.workers"):
        add_successors(ValuesFile(TWO_SHOOTS, "f"), section("*"), NEW)


def test_a_shoot_that_sops_encrypts_is_left_alone() -> None:
    encrypted = ValuesFile(f"{SHOOT.text}sops: {{mac: 'ENC[x]'}}\n", "shoot.yaml")

    with pytest.raises(EncryptedFileError):
        add_successors(encrypted, section(), NEW)
