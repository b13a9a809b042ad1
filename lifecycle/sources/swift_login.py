"""Signing in to Swift with what the environment says, by the names that the `swift` and `openstack` clients read.

TempAuth (v1): ST_AUTH, ST_USER, ST_KEY. Keystone v3: OS_AUTH_URL with a password (OS_USERNAME, OS_PASSWORD, OS_PROJECT_NAME,
OS_USER_DOMAIN_NAME, OS_PROJECT_DOMAIN_NAME; or the …_ID of each) or an application credential
(OS_APPLICATION_CREDENTIAL_ID, …_SECRET); OS_REGION_NAME, OS_CACERT. A token that is there already: OS_STORAGE_URL,
OS_AUTH_TOKEN. Sources: swift(1), "Authentication"; keystoneauth's documentation, "Authentication Plugins".
"""

import logging
from collections.abc import Mapping
from typing import Any

from lifecycle.errors import UsageError

_SECONDS = 60
_PASSWORD_OPTIONS = {
    "username": "OS_USERNAME",
    "user_id": "OS_USER_ID",
    "password": "OS_PASSWORD",
    "user_domain_name": "OS_USER_DOMAIN_NAME",
    "user_domain_id": "OS_USER_DOMAIN_ID",
    "project_name": "OS_PROJECT_NAME",
    "project_id": "OS_PROJECT_ID",
    "project_domain_name": "OS_PROJECT_DOMAIN_NAME",
    "project_domain_id": "OS_PROJECT_DOMAIN_ID",
}
_APPLICATION = ("OS_APPLICATION_CREDENTIAL_ID", "OS_APPLICATION_CREDENTIAL_SECRET")


class CredentialsMissingError(UsageError):
    """An environment that does not say who we are in Swift."""

    def __init__(self, missing: str = "") -> None:
        what = f"{missing} is not set" if missing else "no credentials in the environment"
        super().__init__(
            f"Swift: {what}: set ST_AUTH, ST_USER and ST_KEY (TempAuth), or OS_AUTH_URL with OS_USERNAME, OS_PASSWORD and "
            "OS_PROJECT_NAME or with OS_APPLICATION_CREDENTIAL_ID and OS_APPLICATION_CREDENTIAL_SECRET (Keystone v3)"
        )


def swift_connection(environ: Mapping[str, str]) -> Any:  # noqa: ANN401 - swiftclient has no types
    """A swiftclient Connection that has not signed in yet; raises CredentialsMissingError."""
    import swiftclient.client  # noqa: PLC0415 - hundreds of modules, for those who use Swift only

    # It logs each failed request with a traceback; what matters comes back as an exception.
    logging.getLogger("swiftclient").setLevel(logging.CRITICAL)
    options = {"retries": 3, "timeout": _SECONDS, "cacert": environ.get("OS_CACERT") or None}
    if environ.get("OS_STORAGE_URL") and environ.get("OS_AUTH_TOKEN"):
        url, token = environ["OS_STORAGE_URL"], environ["OS_AUTH_TOKEN"]
        return swiftclient.client.Connection(preauthurl=url, preauthtoken=token, **options)
    if environ.get("OS_AUTH_URL"):
        region = {"region_name": environ["OS_REGION_NAME"]} if environ.get("OS_REGION_NAME") else {}
        return swiftclient.client.Connection(session=_keystone_session(environ), os_options=region, **options)
    if not any(environ.get(name) for name in ("ST_AUTH", "ST_USER", "ST_KEY")):
        raise CredentialsMissingError
    authurl, user, key = (_value(environ, name) for name in ("ST_AUTH", "ST_USER", "ST_KEY"))
    return swiftclient.client.Connection(authurl=authurl, user=user, key=key, **options)


def _keystone_session(environ: Mapping[str, str]) -> Any:  # noqa: ANN401 - keystoneauth1 has no types
    from keystoneauth1 import session  # noqa: PLC0415

    url = environ["OS_AUTH_URL"].rstrip("/")
    url = url if url.endswith("/v3") else f"{url}/v3"
    auth = _application(url, environ) if any(environ.get(n) for n in _APPLICATION) else _password(url, environ)
    return session.Session(auth=auth, verify=environ.get("OS_CACERT") or True, timeout=_SECONDS)


def _application(url: str, environ: Mapping[str, str]) -> Any:  # noqa: ANN401
    from keystoneauth1.identity import v3  # noqa: PLC0415

    identifier, secret = (_value(environ, name) for name in _APPLICATION)
    return v3.ApplicationCredential(url, application_credential_id=identifier, application_credential_secret=secret)


def _password(url: str, environ: Mapping[str, str]) -> Any:  # noqa: ANN401
    from keystoneauth1.identity import v3  # noqa: PLC0415

    _value(environ, "OS_PASSWORD")
    if not environ.get("OS_USER_ID"):
        _value(environ, "OS_USERNAME")
    given: dict[str, Any] = {n: environ[variable] for n, variable in _PASSWORD_OPTIONS.items() if environ.get(variable)}
    return v3.Password(url, **given)


def _value(environ: Mapping[str, str], name: str) -> str:
    if not environ.get(name):
        raise CredentialsMissingError(name)
    return environ[name]
