"""The GPUs that a driver supports, and with which kernel modules: NVIDIA's supported-gpus.json as lines for scripts/node. Pure.

The format is documented nowhere; these rules are from the lists of 535 to 595 and from NVIDIA's nvidia-driver-assistant:

- `legacybranch` names the last branch that supports a GPU. Such an entry may have `kernelopen` nevertheless.
- `kernelopen` alone means open modules only, with `gsp_proprietary_supported` both types. Lists up to 555 know no
  `gsp_proprietary_supported`; there `kernelopen` means both, except for GPUs that have open modules only.
- An id has an entry for each subsystem. These differ in nothing that counts here.
"""

import json
import re
from collections.abc import Iterable, Mapping

from lifecycle.errors import InstallerError

_DEVID = re.compile(r"0x([0-9A-Fa-f]{4})")
_BRANCH = re.compile(r"([1-9][0-9]*)\.")
_OPEN, _PROPRIETARY = "kernelopen", "gsp_proprietary_supported"
# GPUs with open modules only: Grace Hopper, and Blackwell and newer.
_GRACE_HOPPER = range(0x2342, 0x2349)
_BLACKWELL = 0x2900


class UnreadableListError(InstallerError):
    """A supported-gpus.json that is not in the format above."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"supported-gpus.json is not in the known format: {reason}")


def supported_gpus(text: str) -> list[str]:
    """Return lines `DEVID SUPPORT`, sorted: four lower-case hex digits, and open, proprietary, both or legacy:BRANCH.

    `text` is the content of supported-gpus.json. Raises UnreadableListError.
    """
    entries: dict[str, list[Mapping[str, object]]] = {}
    for entry in _chips(text):
        match = _DEVID.fullmatch(str(entry.get("devid")))
        features = entry.get("features", [])
        if not match or not isinstance(features, list):
            raise UnreadableListError(f"an entry without a devid or features: {json.dumps(entry)[:80]}")
        entries.setdefault(match[1].lower(), []).append({**entry, "features": [str(feature) for feature in features]})
    if not entries:
        raise UnreadableListError("it has no GPU")
    told = _PROPRIETARY in _features(entry for found in entries.values() for entry in found)
    return [f"{devid} {_support(int(devid, 16), found, told=told)}" for devid, found in sorted(entries.items())]


def _chips(text: str) -> list[dict[str, object]]:
    try:
        content = json.loads(text)
    except ValueError as error:
        raise UnreadableListError(f"it is no JSON: {error}") from error
    chips = content.get("chips") if isinstance(content, dict) else None
    if not isinstance(chips, list) or not all(isinstance(chip, dict) for chip in chips):
        raise UnreadableListError("it has no list of `chips`")
    return chips


def _support(devid: int, entries: list[Mapping[str, object]], *, told: bool) -> str:
    """Return the support of one GPU. `told` says whether the list tells which GPUs work with proprietary modules."""
    current = [entry for entry in entries if not entry.get("legacybranch")]
    if not current:
        branches = [_BRANCH.match(str(entry["legacybranch"])) for entry in entries]
        if None in branches:
            raise UnreadableListError(f"legacybranch {entries[0]['legacybranch']!r} of 10de:{devid:04x} is no branch")
        return f"legacy:{max(int(branch[1]) for branch in branches if branch)}"
    features = _features(current)
    if _OPEN not in features:
        return "proprietary"
    open_only = _PROPRIETARY not in features if told else devid in _GRACE_HOPPER or devid >= _BLACKWELL
    return "open" if open_only else "both"


def _features(entries: Iterable[Mapping[str, object]]) -> set[str]:
    return {str(feature) for entry in entries if isinstance(entry["features"], list) for feature in entry["features"]}
