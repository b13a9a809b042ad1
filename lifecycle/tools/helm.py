"""Rendering of Helm charts, by the Python library of Helm if it is installed, otherwise by the program."""

import importlib.util
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from lifecycle.errors import InstallerError, UsageError
from lifecycle.tools.process import ProgramFailedError, run

_LIBRARY = "helm_python"


class HelmMissingError(InstallerError):
    """A machine without Helm."""

    def __init__(self) -> None:
        super().__init__(
            "Helm is not installed on this machine",
            resolution="Install it (https://helm.sh/docs/intro/install), or run "
            "`.venv/bin/python -m pip install --require-hashes --requirement requirements/helm.txt`.",
        )


class ChartRefusedError(UsageError):
    """Values that a chart refuses, or an invalid chart."""

    def __init__(self, chart: Path, output: str) -> None:
        lines = [line.strip() for line in output.splitlines() if line.strip()]
        super().__init__(f"{chart.name}: Helm refuses it", details="\n".join(f"  {line}" for line in lines[-8:]))


def render(chart: Path, values: Mapping[str, Any], *, name: str, namespace: str) -> list[dict[str, Any]]:
    """Return the objects that a chart renders with values, including its tests, sorted by kind and name.

    Raises HelmMissingError, and ChartRefusedError, for example for values that do not match its schema.
    """
    rendering = _render_with_library if has_library() else _render_with_program
    texts = rendering(chart, values, name, namespace)
    objects = [found for text in texts for found in yaml.safe_load_all(text) if found]
    return sorted(objects, key=lambda found: (str(found["kind"]), str(found["metadata"]["name"])))


def has_library() -> bool:
    """Return whether the Python library of Helm is installed."""
    return importlib.util.find_spec(_LIBRARY) is not None


def _render_with_library(chart: Path, values: Mapping[str, Any], name: str, namespace: str) -> list[str]:
    # Imported here because it loads a library of 80 MB.
    helm = importlib.import_module(_LIBRARY)
    try:
        rendered: dict[str, str] = helm.Chart.load(str(chart)).render(dict(values), name=name, namespace=namespace)
    except helm.HelmError as error:
        raise ChartRefusedError(chart, str(error)) from error
    return [text for path, text in sorted(rendered.items()) if not path.endswith("NOTES.txt")]


def _render_with_program(chart: Path, values: Mapping[str, Any], name: str, namespace: str) -> list[str]:
    if not shutil.which("helm"):
        raise HelmMissingError
    with tempfile.NamedTemporaryFile("w", suffix=".yaml", encoding="utf-8") as file:
        yaml.safe_dump(dict(values), file)
        file.flush()
        command = ["helm", "template", name, str(chart), "--namespace", namespace, "--values", file.name]
        try:
            return [run(command)]
        except ProgramFailedError as error:
            raise ChartRefusedError(chart, error.output) from error
