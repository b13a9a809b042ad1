"""Objects of Kustomize, Flux and Argo CD as people write them: see the folder shapes/."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.errors import UsageError
from lifecycle.yamledit.key_path import KeyPath
from lifecycle.yamledit.values_file import ValuesFile

FOLDER = Path(__file__).with_name("shapes")
NEW = "580.105.08"
# A file, a path in it, and the text that holds the value, before and after the edit.
INSTALLER = "[kind=HelmRelease,metadata.name=nvidia-installer].spec.values.installers[driver=550].image.digest"
PLUGIN = "[kind=HelmRelease,metadata.name=device-plugin].spec.values.image.tag"
ELEMENTS = "spec.generators[0].list.elements"
POLICY = 'tag: {} # {{"$imagepolicy": "flux-system:nvidia-installer:tag"}}\n'
TEMPLATE = "spec.template.spec.source.helm.values"
HELM = "spec.source.helm"
PLACES = [
    ("kustomization.yaml", "images[name=nvidia-installer].newTag", "newTag: {}\t# set by hand\n", "550.163.01-6.6.71"),
    ("kustomization.yaml", "images[name=nvidia-installer].digest", "digest: {}\n", "sha256:1111"),
    ("kustomization.yaml", "patches[target.kind=DaemonSet].patch[op=replace].value", "value: {}\n", "registry.example.org/gpu:old"),
    ("flux.yaml", "[kind=OCIRepository].spec.ref.tag", POLICY, "1.0.0"),
    ("flux.yaml", PLUGIN, "      tag: {}\n", "v0.17.1"),
    ("flux.yaml", INSTALLER, "nvidia-installer, digest: {}}}\n", "sha256:4444"),
    ("flux.yaml", '[kind=ConfigMap].data."values.yaml".driver.version', "version: {}   # the newest\n", "550.163.01"),
    ("application.yaml", f"{HELM}.parameters[name=image.tag].value", 'value: "{}"\n', "550.163.01"),
    ("application.yaml", f"{HELM}.parameters[name=image.digest].value", "value: '{}'}}\n", "sha256:5555"),
    ("application.yaml", f"{HELM}.values.installers[driver=550].image.digest", '{{digest: "{}"}}   # by hand\n', "sha256:6666"),
    ("application.yaml", f"{HELM}.valuesObject.driver.version", "driver: {{version: {}}}\n", "550.163.01"),
    ("application.yaml", "spec.source.targetRevision", "targetRevision: {}\n", "1.0.0"),
    ("applicationset.yaml", f"{ELEMENTS}[cluster=a].digest", "digest: {}\n", "sha256:8888"),
    ("applicationset.yaml", f"{ELEMENTS}[cluster=b].driver", "driver: {}, digest", "550.163.01"),
]  # fmt: skip


def file(name: str) -> ValuesFile:
    return ValuesFile(FOLDER.joinpath(name).read_text(encoding="utf-8"), name)


@pytest.mark.parametrize(("name", "path", "line", "old"), PLACES)
def test_one_line_of_an_object_changes(name: str, path: str, line: str, old: str) -> None:
    before = file(name)
    after = before.set(KeyPath.parse(path), NEW)

    assert before.text.count(line.format(old)) == 1
    assert after.text == before.text.replace(line.format(old), line.format(NEW))
    assert after.get(KeyPath.parse(path)) == NEW


@given(chosen=st.sets(st.sampled_from([(name, path) for name, path, _, _ in PLACES])))
def test_any_edits_at_once_leave_the_other_lines(chosen: set[tuple[str, str]]) -> None:
    for name in {name for name, _ in chosen}:
        paths = [KeyPath.parse(path) for known, path in chosen if known == name]
        before = file(name)
        after = before.set_all(dict.fromkeys(paths, NEW))
        lines = zip(before.text.splitlines(), after.text.splitlines(), strict=True)

        assert sum(old != new for old, new in lines) == len(paths)
        assert all(after.holds(path, NEW) for path in paths)


@pytest.mark.parametrize(
    ("name", "path", "message"),
    [
        ("flux.yaml", "metadata.name", "matches lines 5 and 16 and 31 and 40: select a document, as in [kind=OCIRepository].meta"),
        ("flux.yaml", "[kind=HelmRelease].spec.values.tag", "`[kind=HelmRelease].spec.values` has installers"),
        ("applicationset.yaml", f"{TEMPLATE}.image.digest", "is filled in by a template (`{{`): set what the template reads"),
        ("application.yaml", "spec.source.kustomize.images[0].newTag", "is a single value, 'nvidia-installer="),
    ],
)  # fmt: skip
def test_a_place_that_cannot_be_edited_is_named(name: str, path: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        file(name).set(KeyPath.parse(path), NEW)
    assert message in str(caught.value)


def test_another_reader_finds_the_values_of_an_application() -> None:
    path = KeyPath.parse("spec.source.helm.values.installers[driver=550].image.digest")
    helm = yaml.safe_load(file("application.yaml").set(path, "sha256:new").text)["spec"]["source"]["helm"]
    digests = [installer["image"]["digest"] for installer in yaml.safe_load(helm["values"])["installers"]]

    assert digests == ["sha256:new", "sha256:7777"]
