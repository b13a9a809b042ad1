"""The oldest and the newest Kubernetes whose schemas are at hand."""

from pathlib import Path

import kubernetes_validate

_FOLDER = Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema"


_KNOWN = sorted({tuple(map(int, path.name[1:].split(".")[:2])) for path in _FOLDER.glob("v*-local-strict")})


OLDEST, NEWEST = (".".join(map(str, version)) for version in (_KNOWN[0], _KNOWN[-1]))
