"""How an image is tagged. Pure."""

import re

# OCI distribution specification: a tag is [a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}; Debian's kernel releases have a `+`.
_NOT_IN_A_TAG = re.compile(r"[^A-Za-z0-9_.-]")


def tag_for(driver: str, kernel: str, release: str) -> str:
    """The tag `<driver>-<kernel release>-<os release>`; `driver` is a version, or a branch for the moving tag."""
    return _NOT_IN_A_TAG.sub("-", f"{driver}-{kernel}-{release}")
