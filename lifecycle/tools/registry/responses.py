"""The content of a registry's responses: JSON, and error messages (OCI distribution specification, "Error Codes")."""

import json
from collections.abc import Mapping
from typing import Any

import httpx2 as httpx

from lifecycle.tools.network.retries import answer_text


def error_text(response: httpx.Response) -> str:
    """Return the status and the error messages of a response (OCI distribution specification, "Error Codes")."""
    messages = [_message(error) for error in errors_of(response)]
    return ": ".join([answer_text(response).lower(), *messages])


def errors_of(response: httpx.Response) -> list[Mapping[str, Any]]:
    """Return the errors of a response; an empty list for one without any."""
    errors = read_json(response.content).get("errors") or []
    return [error for error in errors if isinstance(error, dict)]


def _message(error: Mapping[str, Any]) -> str:
    detail = error.get("detail")
    parts = [str(error.get("message") or error.get("code"))]
    if detail:
        parts.append(detail if isinstance(detail, str) else json.dumps(detail))
    return ": ".join(parts)


def read_json(content: bytes) -> dict[str, Any]:
    """Return a JSON object; an empty one for any other content."""
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
