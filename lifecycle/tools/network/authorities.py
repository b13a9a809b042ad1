"""The certificate authorities that a client trusts, from files and folders that the environment names.

SSL_CERT_FILE replaces the system's file and SSL_CERT_DIR the system's folder, as in OpenSSL and Go
(SSL_CTX_set_default_verify_paths(3), crypto/x509). REQUESTS_CA_BUNDLE and CURL_CA_BUNDLE name a file or a folder, and count where
neither is set.
"""

import os
import re
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx2 as httpx

from lifecycle.tools.network.errors import InvalidAuthoritiesError

_CERTIFICATE = re.compile(rb"-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----")  # PEM_read_bio_X509_AUX(3)
_HASHED = re.compile(r"[0-9a-f]{8}\.\d+")  # the names that openssl-rehash(1) gives


@dataclass(frozen=True, kw_only=True)
class Authorities:
    """A file and folders of authorities, with the variables that name them; "" and () for the system's."""

    file: str = ""
    file_variable: str = ""
    folders: tuple[str, ...] = ()
    folders_variable: str = ""

    def __str__(self) -> str:
        named = [f"{self.file} of {self.file_variable}"] if self.file else []
        named += [f"{':'.join(self.folders)} of {self.folders_variable}"] if self.folders else []
        return ", ".join(named) or "the system's"

    @property
    def path(self) -> str:
        """The file or the first folder, for libraries that take one path; the system's, or "" if the system has none."""
        system = ssl.get_default_verify_paths()
        places = (self.file, *self.folders, system.openssl_cafile, system.openssl_capath)
        return next((place for place in places if place and (place in self._named or Path(place).exists())), "")

    @property
    def _named(self) -> tuple[str, ...]:
        return tuple(place for place in (self.file, *self.folders) if place)

    def context(self, extra: Sequence[Path] = ()) -> ssl.SSLContext:
        """Return a TLS context that trusts these authorities and those of the files `extra`. Raises InvalidAuthoritiesError."""
        context = self._context() if self._named else httpx.create_ssl_context(trust_env=False)
        for path in extra:
            _load_file(context, str(path), "")
        return context

    def _context(self) -> ssl.SSLContext:
        context, system = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), ssl.get_default_verify_paths()
        if self.file:
            _load_file(context, self.file, self.file_variable)
        elif Path(system.openssl_cafile).is_file():
            context.load_verify_locations(cafile=system.openssl_cafile)
        for folder in self.folders:
            _load_folder(context, folder, self.folders_variable)
        if not self.folders and Path(system.openssl_capath).is_dir():
            context.load_verify_locations(capath=system.openssl_capath)
        return context


def find_authorities(environ: Mapping[str, str]) -> Authorities:
    """Return the authorities that an environment names. No file is read."""
    file, folders = environ.get("SSL_CERT_FILE", ""), environ.get("SSL_CERT_DIR", "")
    if file or folders:
        return Authorities(
            file=file,
            file_variable="SSL_CERT_FILE" if file else "",
            folders=tuple(folder for folder in folders.split(os.pathsep) if folder),
            folders_variable="SSL_CERT_DIR" if folders else "",
        )
    name = next((name for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE") if environ.get(name)), "")
    if name and Path(environ[name]).is_dir():
        return Authorities(folders=(environ[name],), folders_variable=name)
    return Authorities(file=environ[name], file_variable=name) if name else Authorities()


def _load_file(context: ssl.SSLContext, path: str, variable: str) -> None:
    try:
        context.load_verify_locations(cafile=path)
    except ssl.SSLError as error:
        raise InvalidAuthoritiesError(variable, path, "it has no certificate in PEM form") from error
    except OSError as error:
        raise InvalidAuthoritiesError(variable, path, error.strerror or str(error)) from error


def _load_folder(context: ssl.SSLContext, path: str, variable: str) -> None:
    """Trust the certificates of a folder: OpenSSL looks for hashed names alone, Go reads every file with a certificate.

    Folders inside it are not read, such as those of a mounted ConfigMap, nor the key of a mounted Secret.
    """
    try:
        files = sorted(file for file in Path(path).iterdir() if file.is_file())
        is_hashed = any(_HASHED.fullmatch(file.name) for file in files)
        certificates = [] if is_hashed else [file for file in files if _CERTIFICATE.search(file.read_bytes())]
    except OSError as error:
        raise InvalidAuthoritiesError(variable, error.filename or path, error.strerror or str(error)) from error
    context.load_verify_locations(capath=path)
    for file in () if is_hashed else certificates or files:
        _load_file(context, str(file), variable)
