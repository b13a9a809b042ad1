"""The Authorization header of requests to a registry: the login itself, or a token of its token server.

Sources: CNCF Distribution, "Token Authentication Specification" (GET) and "Oauth2 Token Authentication" (POST).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlencode

import httpx2 as httpx

from lifecycle.tools.registry.challenges import Challenge, parse_challenges
from lifecycle.tools.registry.errors import RegistryRefusedError
from lifecycle.tools.registry.login import Login
from lifecycle.tools.registry.responses import error_text, read_json

_CLIENT = "nvidia-installer"
_URL_SCHEMES = ("https://", "http://")
# A token server that does not know POST answers with one of these; then its tokens are got by GET.
_NO_POST = (httpx.codes.NOT_FOUND, httpx.codes.METHOD_NOT_ALLOWED)
# Seconds that a token lasts if the server does not say, and seconds before its end at which it counts as expired.
_LIFETIME = 60
_MARGIN = 10
_UNAUTHORIZED = "it wants a login: 401 unauthorized"


class Send(Protocol):
    """A request with its headers and body, repeated as the session repeats requests."""

    def __call__(self, method: str, url: str, headers: Mapping[str, str], content: bytes | None) -> httpx.Response:
        """Return the response, which may be an error."""


@dataclass(frozen=True)
class Access:
    """The part of a registry that a request uses: a repository, and actions such as `pull,push`."""

    repository: str
    actions: str

    @property
    def scope(self) -> str:
        """The scope that a token for it has ("Token Scope Documentation")."""
        return f"repository:{self.repository}:{self.actions}"


@dataclass(frozen=True)
class _Authorization:
    """A header, the time at which it expires, and the challenges that it answers."""

    header: str
    expires: float
    challenges: Sequence[Challenge]


class Authentication:
    """The login at one registry, by its host. `send` sends requests to token servers; `clock` returns seconds."""

    def __init__(self, host: str, login: Login | None, send: Send, clock: Callable[[], float]) -> None:
        self._host, self._login, self._send, self._clock = host, login or Login(), send, clock
        self._known: dict[Access, _Authorization] = {}

    def headers(self, access: Access) -> dict[str, str]:
        """Return the header for a request, {} before the first challenge. An expired token is renewed.

        Raises RegistryRefusedError, httpx.HTTPError.
        """
        known = self._known.get(access)
        if known and known.expires <= self._clock():
            known = self._known[access] = self._answer(known.challenges, access)
        return {"Authorization": known.header} if known else {}

    def answer(self, response: httpx.Response, access: Access) -> None:
        """Sign in as a response with status 401 asks for.

        Raises RegistryRefusedError, CredentialHelperError, DockerConfigError, httpx.HTTPError.
        """
        challenges = parse_challenges(response.headers.get_list("WWW-Authenticate"))
        self._known[access] = self._answer(challenges, access)

    def check(self, response: httpx.Response) -> None:
        """Raise the error of Docker's credentials, if there is one, for a response that refuses what needs a login."""
        if self._login.error and response.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            raise self._login.error

    def _answer(self, challenges: Sequence[Challenge], access: Access) -> _Authorization:
        """Meet the first challenge that can be met: as docker(1) does, with a token before a password."""
        refusal: Exception | None = None
        for challenge in sorted(challenges, key=lambda c: c.scheme != "bearer"):
            try:
                met = self._meet(challenge, access, challenges)
            except (RegistryRefusedError, httpx.HTTPError, httpx.InvalidURL) as error:
                refusal = refusal or error
            else:
                if met:
                    return met
        if self._login.error:
            raise self._login.error
        raise refusal or RegistryRefusedError(self._host, "sign in", self._unmet(challenges))

    def _meet(self, challenge: Challenge, access: Access, challenges: Sequence[Challenge]) -> _Authorization | None:
        login = self._login
        if challenge.scheme == "basic" and login.username and login.password:
            return _Authorization(_basic(login), float("inf"), challenges)
        if challenge.scheme != "bearer":
            return None
        if login.registry_token:
            return _Authorization(f"Bearer {login.registry_token}", float("inf"), challenges)
        realm = challenge.parameters.get("realm", "")
        return self._token(challenge, access, challenges) if realm.startswith(_URL_SCHEMES) else None

    def _token(self, challenge: Challenge, access: Access, challenges: Sequence[Challenge]) -> _Authorization:
        response = self._ask(challenge, access)
        if response.is_error:
            raise RegistryRefusedError(self._host, "sign in", f"its token server answered {error_text(response)}")
        body = read_json(response.content)
        token, lifetime = body.get("token") or body.get("access_token"), body.get("expires_in")
        if not isinstance(token, str):
            raise RegistryRefusedError(self._host, "sign in", f"its token server {response.url.host} returned no token")
        seconds = lifetime if isinstance(lifetime, int) and lifetime > 0 else _LIFETIME
        # A token is used at least once, however short it lasts; one that has expired is renewed after a 401.
        return _Authorization(f"Bearer {token}", self._clock() + max(seconds - _MARGIN, seconds / 2), challenges)

    def _ask(self, challenge: Challenge, access: Access) -> httpx.Response:
        login, realm, scopes = self._login, challenge.parameters["realm"], _scopes(challenge, access)
        service = challenge.parameters.get("service")
        query = {"service": [service]} if service else {}
        if login.refresh_token:
            token = {"grant_type": ["refresh_token"], "refresh_token": [login.refresh_token], "client_id": [_CLIENT]}
            form = urlencode({**query, **token, "scope": [" ".join(scopes)]}, doseq=True)
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
            response = self._send("POST", realm, headers, form.encode())
            if response.status_code not in _NO_POST or not login.username:
                return response
        query |= {"scope": scopes} | ({"account": [login.username]} if login.username else {})
        headers = {"Authorization": _basic(login)} if login.username else {}
        return self._send("GET", str(httpx.URL(realm).copy_merge_params(query)), headers, None)

    def _unmet(self, challenges: Sequence[Challenge]) -> str:
        schemes = [c.scheme for c in challenges]
        if "basic" in schemes and self._login.refresh_token:
            return "401 unauthorized: it wants a user name and a password, and Docker's login is an identity token"
        if schemes and not {"basic", "bearer"} & set(schemes):
            return f"401 unauthorized: it wants a login by {', '.join(schemes)}; only Basic and Bearer are supported"
        if "bearer" in schemes and "basic" not in schemes:
            return "401 unauthorized: it names no token server by an http or https address"
        return _UNAUTHORIZED


def _basic(login: Login) -> str:
    flow = httpx.BasicAuth(login.username, login.password).auth_flow(httpx.Request("GET", "https://unused"))
    return next(flow).headers["Authorization"]


def _scopes(challenge: Challenge, access: Access) -> list[str]:
    """Return the scopes that a challenge names, and ours unless one of them covers it: some registries name another."""
    scopes = challenge.parameters.get("scope", "").split()
    covered = any(_covers(scope, access) for scope in scopes)
    return scopes if covered else [*scopes, access.scope]


def _covers(scope: str, access: Access) -> bool:
    name, _, actions = scope.rpartition(":")
    wanted = set(access.actions.split(","))
    return name == f"repository:{access.repository}" and ("*" in actions or wanted <= set(actions.split(",")))
