"""Hooks of httpx that log each request for --debug: method, address, status, duration. Headers and bodies are never logged."""

import logging
import time
from collections.abc import Callable
from typing import Any

import httpx2 as httpx

_log = logging.getLogger(__name__)


def _start(request: httpx.Request) -> None:
    request.extensions["started"] = time.monotonic()


def _log_response(response: httpx.Response) -> None:
    request = response.request
    seconds = time.monotonic() - request.extensions.get("started", time.monotonic())
    _log.debug("%s %s: %d after %.2f s", request.method, _address(request.url), response.status_code, seconds)


def _address(url: httpx.URL) -> str:
    """Return an address without its user and its query, which may contain a signature."""
    return str(url.copy_with(query=None, fragment=None, username=None, password=None)) + ("?…" if url.query else "")


HOOKS: dict[str, list[Callable[..., Any]]] = {"request": [_start], "response": [_log_response]}
