"""Credentials for Swift, from the environment variables that the `swift` and `openstack` clients read.

TempAuth (v1): ST_AUTH, ST_USER, ST_KEY. Keystone v3: OS_AUTH_URL with a password (OS_USERNAME, OS_PASSWORD, OS_PROJECT_NAME,
OS_USER_DOMAIN_NAME, OS_PROJECT_DOMAIN_NAME; or the …_ID of each) or an application credential
(OS_APPLICATION_CREDENTIAL_ID, …_SECRET); OS_REGION_NAME, OS_CACERT. An existing token: OS_STORAGE_URL,
OS_AUTH_TOKEN. Sources: swift(1), "Authentication"; keystoneauth's documentation, "Authentication Plugins".
"""

import logging
import weakref
from collections.abc import Mapping
from typing import Any

from lifecycle.errors import UsageError
from lifecycle.tools.network.settings import network_settings

_TIMEOUT_SECONDS = 60
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
_APPLICATION_VARIABLES = ("OS_APPLICATION_CREDENTIAL_ID", "OS_APPLICATION_CREDENTIAL_SECRET")


class CredentialsMissingError(UsageError):
    """An environment without credentials for Swift, or with incomplete ones."""

    def __init__(self, missing: str = "") -> None:
        problem = f"{missing} is not set" if missing else "no credentials in the environment"
        super().__init__(
            f"Swift: {problem}: set ST_AUTH, ST_USER and ST_KEY (TempAuth), or OS_AUTH_URL with OS_USERNAME, OS_PASSWORD and "
            "OS_PROJECT_NAME or with OS_APPLICATION_CREDENTIAL_ID and OS_APPLICATION_CREDENTIAL_SECRET (Keystone v3)"
        )


def swift_connection(environ: Mapping[str, str]) -> Any:  # noqa: ANN401 - swiftclient has no types
    """Return a swiftclient Connection that has not signed in yet. Raises CredentialsMissingError."""
    # swiftclient logs a traceback for each failed request, and raises it as an exception too.
    logging.getLogger("swiftclient").setLevel(logging.CRITICAL)
    connection = _connection_class(environ)
    options = {"retries": 3, "timeout": _TIMEOUT_SECONDS, "cacert": _authorities(environ) or None}
    if environ.get("OS_STORAGE_URL") and environ.get("OS_AUTH_TOKEN"):
        url, token = environ["OS_STORAGE_URL"], environ["OS_AUTH_TOKEN"]
        return connection(preauthurl=url, preauthtoken=token, **options)
    if environ.get("OS_AUTH_URL"):
        region = {"region_name": environ["OS_REGION_NAME"]} if environ.get("OS_REGION_NAME") else {}
        return connection(session=_keystone_session(environ), os_options=region, **options)
    if not any(environ.get(name) for name in ("ST_AUTH", "ST_USER", "ST_KEY")):
        raise CredentialsMissingError
    authurl, user, key = (_value(environ, name) for name in ("ST_AUTH", "ST_USER", "ST_KEY"))
    return connection(authurl=authurl, user=user, key=key, **options)


def _connection_class(environ: Mapping[str, str]) -> Any:  # noqa: ANN401
    """Return swiftclient's Connection with the proxies of an environment."""
    import swiftclient.client  # noqa: PLC0415 - hundreds of modules, which only Swift needs

    settings = network_settings(environ)

    class Connection(swiftclient.client.Connection):  # type: ignore[misc]
        """A connection whose requests to the storage go through the proxy for its address."""

        def http_connection(self, url: str | None = None) -> Any:  # noqa: ANN401
            parsed, http = super().http_connection(url)
            proxy = settings.proxy_for(http.url)
            http.request_session.trust_env = False
            http.requests_args["proxies"] = {"all": proxy.url} if proxy else {}
            return parsed, http

    return Connection


def _authorities(environ: Mapping[str, str]) -> str:
    return environ.get("OS_CACERT") or network_settings(environ).authorities.path


def _keystone_session(environ: Mapping[str, str]) -> Any:  # noqa: ANN401 - keystoneauth1 has no types
    from keystoneauth1 import session  # noqa: PLC0415

    from lifecycle.tools.network.requests_rules import ProxyRules  # noqa: PLC0415

    url = environ["OS_AUTH_URL"].rstrip("/")
    url = url if url.endswith("/v3") else f"{url}/v3"
    auth = (
        _application_auth(url, environ)
        if any(environ.get(n) for n in _APPLICATION_VARIABLES)
        else _password_auth(url, environ)
    )
    http = ProxyRules()
    http.network_environ = environ
    made = session.Session(auth=auth, session=http, verify=_authorities(environ) or True, timeout=_TIMEOUT_SECONDS)
    weakref.finalize(made, http.close)
    return made


def _application_auth(url: str, environ: Mapping[str, str]) -> Any:  # noqa: ANN401
    from keystoneauth1.identity import v3  # noqa: PLC0415

    identifier, secret = (_value(environ, name) for name in _APPLICATION_VARIABLES)
    return v3.ApplicationCredential(url, application_credential_id=identifier, application_credential_secret=secret)


def _password_auth(url: str, environ: Mapping[str, str]) -> Any:  # noqa: ANN401
    from keystoneauth1.identity import v3  # noqa: PLC0415

    _value(environ, "OS_PASSWORD")
    if not environ.get("OS_USER_ID"):
        _value(environ, "OS_USERNAME")
    options: dict[str, Any] = {
        n: environ[variable] for n, variable in _PASSWORD_OPTIONS.items() if environ.get(variable)
    }
    return v3.Password(url, **options)


def _value(environ: Mapping[str, str], name: str) -> str:
    if not environ.get(name):
        raise CredentialsMissingError(name)
    return environ[name]
