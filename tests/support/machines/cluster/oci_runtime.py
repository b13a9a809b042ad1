#!/usr/bin/env python3
"""A wrapper of runc for machines whose root lacks CAP_SYS_RESOURCE, such as many sandboxes: no container requests it.

A container engine calls the wrapper in place of runc. If root has the capability, the wrapper changes nothing. The
wrapper is for tests only: a node's own runtime is not changed.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

CAPABILITY = "CAP_SYS_RESOURCE"
NUMBER = 24  # capabilities(7); linux/capability.h
# Where each command keeps what it starts; both are options with a value of their own (runc(8)).
BUNDLE, PROCESS = "--bundle", "--process"


def is_lacking(status: str) -> bool:
    """Return whether the bounding set in a /proc/<pid>/status lacks the capability."""
    (line,) = (line for line in status.splitlines() if line.startswith("CapBnd:"))
    return not int(line.split()[1], 16) >> NUMBER & 1


def confine(process: dict[str, Any]) -> None:
    """Remove the capability, and settings that only it allows, from an OCI process (runtime-spec, config.md)."""
    capabilities = process.get("capabilities") or {}
    for names in capabilities.values():
        names[:] = [name for name in names if name != CAPABILITY]
    # Less than the parent has takes the capability, proc(5).
    if process.get("oomScoreAdj", 0) < 0:
        process["oomScoreAdj"] = 0


def edit(arguments: list[str]) -> None:
    """Edit the configuration file of a `create`, `run` or `exec` command."""
    if BUNDLE in arguments:
        file = Path(arguments[arguments.index(BUNDLE) + 1], "config.json")
        config = json.loads(file.read_text())
        confine(config["process"])
    elif PROCESS in arguments:
        file = Path(arguments[arguments.index(PROCESS) + 1])
        config = json.loads(file.read_text())
        confine(config)
    else:
        return
    file.write_text(json.dumps(config))


if __name__ == "__main__":
    if is_lacking(Path("/proc/self/status").read_text()):
        edit(sys.argv[1:])
    os.execvp("runc", ["runc", *sys.argv[1:]])  # noqa: S606 - runc takes its place
