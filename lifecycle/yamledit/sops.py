"""Files that SOPS encrypts: what may be edited without its keys. Pure.

The `sops` mapping of a file has a MAC over all its values, or, with `mac_only_encrypted: true`, over its encrypted values only
(https://getsops.io/docs). A value that is edited otherwise makes the file unreadable for Flux and Argo CD.
"""

from collections.abc import Sequence

from lifecycle.errors import UsageError
from lifecycle.yamledit.events import Stream, YamlNode

_ENCRYPTED = "ENC["


class EncryptedFileError(UsageError):
    """A file whose values cannot be edited without the keys of SOPS."""

    def __init__(self, where: str, what: str) -> None:
        super().__init__(f"{where}: {what}: edit it with `sops`, or keep the image in a file without SOPS")


def refuse_encrypted(stream: Stream, nodes: Sequence[YamlNode], *, file: str) -> None:
    """Raise EncryptedFileError if an edit of these nodes breaks a SOPS file, or if one of them has an encrypted value."""
    for node in nodes:
        for number in range(node.first, node.last + 1):
            content = node.stream.contents[number]
            if content[0] == "scalar" and str(content[2]).startswith(_ENCRYPTED):
                raise EncryptedFileError(f"{file}:{node.stream.spans[number][2]}", "the value is encrypted by SOPS")
    for document in stream.documents if nodes else ():
        mac = document.field(["sops", "mac"])
        if mac is not None and not _covers_only_encrypted(document):
            raise EncryptedFileError(f"{file}:{mac.line}", "the MAC of SOPS covers all values of this file")


def _covers_only_encrypted(document: YamlNode) -> bool:
    field = document.field(["sops", "mac_only_encrypted"])
    return field is not None and field.value.lower() == "true"
