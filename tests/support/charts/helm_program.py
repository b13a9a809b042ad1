#!/usr/bin/env python3
"""`helm template NAME CHART --namespace NAMESPACE --values FILE`, as Helm's program prints it, by Helm's library."""

import sys
from pathlib import Path

import helm_python
import yaml


def main() -> None:
    """Print the chart's objects, or Helm's words and exit code 1."""
    _, name, chart, _, namespace, _, values = sys.argv[1:]
    try:
        loaded = helm_python.Chart.load(chart)
        found = loaded.render(yaml.safe_load(Path(values).read_text()) or {}, name=name, namespace=namespace)
    except helm_python.HelmError as error:
        sys.exit(f"Error: {error}")
    for path, text in found.items():
        if path.endswith(".yaml"):
            sys.stdout.write(f"---\n# Source: {path}\n{text}\n")


if __name__ == "__main__":
    main()
