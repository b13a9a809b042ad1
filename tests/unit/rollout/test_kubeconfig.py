"""The connection to a cluster is found as kubectl finds it."""

from pathlib import Path

import pytest
import yaml
from kubernetes.config import incluster_config

from lifecycle.errors import UsageError
from lifecycle.rollout import kubeconfig
from lifecycle.rollout.kubeconfig import BadKubeconfigError, ClientMissingError, NoClusterError, open_client


def write(path: Path, name: str, server: str) -> Path:
    path.write_text(
        yaml.safe_dump(
            {
                "clusters": [{"name": name, "cluster": {"server": server}}],
                "users": [{"name": name, "user": {"token": "secret"}}],
                "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
                "current-context": name,
            }
        )
    )
    return path


def host(file: Path | str = "", context: str = "", **environ: str) -> str:
    return str(open_client(str(file), context, environ, connections=1).configuration.host)


def test_the_variable_names_several_files(tmp_path: Path) -> None:
    one, two = (write(tmp_path / name, name, f"https://{name}.example.org") for name in ("one", "two"))
    both = f"{one}:{tmp_path / 'missing'}:{two}"
    assert host(context="one", KUBECONFIG=both) == "https://one.example.org"
    assert host(context="two", KUBECONFIG=both) == "https://two.example.org"


def test_the_option_comes_before_the_variable(tmp_path: Path) -> None:
    one, two = (write(tmp_path / name, name, f"https://{name}.example.org") for name in ("one", "two"))
    assert host(one, KUBECONFIG=str(two)) == "https://one.example.org"


def test_the_home_folder_has_the_usual_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".kube").mkdir()
    write(tmp_path / ".kube/config", "home", "https://home.example.org")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert host() == "https://home.example.org"


def test_a_machine_without_a_kubeconfig_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(NoClusterError, match=r"no cluster is configured: ~/\.kube/config does not exist"):
        host()


def test_a_proxy_of_the_kubeconfig_is_used(tmp_path: Path) -> None:
    path = write(tmp_path / "config", "a", "https://a.example.org")
    found = yaml.safe_load(path.read_text())
    found["clusters"][0]["cluster"]["proxy-url"] = "http://proxy.example.org:3128"
    path.write_text(yaml.safe_dump(found))
    assert open_client(str(path), "", {}, connections=1).configuration.proxy == "http://proxy.example.org:3128"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "file is empty"),
        ("x: [", "it is not YAML"),
        ("just words", "it is no kubeconfig"),
        ("[]", "it is no kubeconfig"),
        ("{}", "Expected key current-context"),
        ("current-context: a\ncontexts: 3", "it is no kubeconfig"),
        ("current-context: a\ncontexts: [{name: b}]", "Expected object with name a"),
    ],
)
def test_a_broken_kubeconfig_is_one_sentence(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "config"
    path.write_text(text)
    with pytest.raises(BadKubeconfigError, match=said) as caught:
        host(path)
    assert str(caught.value).startswith(f"{path}: ")


def test_an_unknown_context_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "config", "a", "https://a.example.org")
    with pytest.raises(UsageError, match="Expected object with name prod"):
        host(path, "prod")


def test_a_missing_file_that_is_named_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BadKubeconfigError, match="there is no such file"):
        host(tmp_path / "missing")


def test_a_missing_client_is_said_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kubeconfig, "_LIBRARY", "no_such_library")
    with pytest.raises(ClientMissingError, match=r"requirements/rollout\.txt"):
        host()


def test_a_pod_uses_its_service_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in (("TOKEN", "t0ken"), ("CERT", "certificate")):
        (tmp_path / name).write_text(text)
        monkeypatch.setattr(incluster_config, f"SERVICE_{name}_FILENAME", str(tmp_path / name))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    found = open_client("", "", {}, connections=1).configuration
    assert (found.host, found.api_key["BearerToken"]) == ("https://10.96.0.1:443", "bearer t0ken")
