"""The log that --debug, or INVOKE_DEBUG, shows on stderr: commands, requests and tracebacks, without secrets."""

import logging
import os
import re
from collections.abc import Mapping

VARIABLE = "INVOKE_DEBUG"
# The loggers to show. That of urllib3 logs the requests to a container engine and to Swift.
_SHOWN = ("lifecycle", "urllib3.connectionpool")
# Parts of the names of secrets: of environment variables, and of parameters in the query of an address.
_NAME = r"(?:token|passw|pwd|secret|key|credential|signature|sig|auth)"
_SECRET_NAME = re.compile(_NAME, re.IGNORECASE)
# A shorter value would also match parts of ordinary words.
_SHORTEST = 4
_HIDDEN = (
    (re.compile(r"(https?://)[^/@\s]+@", re.IGNORECASE), r"\1***@"),
    (re.compile(r"(\w+://[^:/@\s]+:)[^/@\s]+@"), r"\1***@"),
    (re.compile(rf"([?&;][\w.%-]*{_NAME}[\w.%-]*=)[^&;\s\"']+", re.IGNORECASE), r"\1***"),
    (
        re.compile(
            r"((?:authorization|x-auth-token|x-registry-auth|private-token)[\"']?\s*[:=]\s*[\"']?(?:(?:basic|bearer|token)\s+)?)"
            r"[^\s\"',]+",
            re.IGNORECASE,
        ),
        r"\1***",
    ),
)


class Redactor:
    """A filter that hides credentials in addresses, headers and queries, and the values of variables with the name of a secret."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        values = {value for name, value in environ.items() if _SECRET_NAME.search(name) and len(value) >= _SHORTEST}
        # The path of a file that contains a secret is no secret itself.
        self._secrets = sorted((value for value in values if not os.path.lexists(value)), key=len, reverse=True)

    def hide(self, text: str) -> str:
        """Return a text with each secret as `***`."""
        for secret in self._secrets:
            text = text.replace(secret, "***")
        for pattern, instead in _HIDDEN:
            text = pattern.sub(instead, text)
        return text


class Redacted(logging.Formatter):
    """A format of the log without secrets."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        super().__init__("%(asctime)s.%(msecs)03d %(name)s: %(message)s", "%H:%M:%S")
        self._redactor = Redactor(environ)

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, and the traceback if there is one."""
        return self._redactor.hide(super().format(record))


def is_wanted(environ: Mapping[str, str]) -> bool:
    """Return whether the environment asks for the log. The values "" and "0" do not."""
    return environ.get(VARIABLE, "") not in ("", "0")


def set_up(*, wanted: bool) -> None:
    """Show the log on stderr if wanted. The log of Invoke's parser is never shown."""
    root = logging.getLogger()
    # Invoke adds a handler itself if INVOKE_DEBUG is set or --debug is given.
    for handler in [*root.handlers]:
        if type(handler) is logging.StreamHandler:
            root.removeHandler(handler)
    logging.getLogger("invoke").setLevel(logging.WARNING)
    root.setLevel(logging.WARNING)
    if not wanted:
        return
    shown = logging.StreamHandler()
    shown.setFormatter(Redacted(os.environ))
    root.addHandler(shown)
    for name in _SHOWN:
        logging.getLogger(name).setLevel(logging.DEBUG)
