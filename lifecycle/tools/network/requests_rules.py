"""The proxies of this project for clients that are built on `requests`, which has rules of its own for the same variables."""

from collections.abc import Mapping
from typing import Any

import requests

from lifecycle.tools.network.settings import network_settings


class ProxyRules(requests.Session):
    """A session whose requests go through the proxies of an environment. Only http:// and https:// addresses have any."""

    network_environ: Mapping[str, str]

    def merge_environment_settings(self, url: Any, proxies: Any, stream: Any, verify: Any, cert: Any) -> Any:  # noqa: ANN401
        """Return the settings of a request, as requests describes it. Raises InvalidProxyError."""
        settings = super().merge_environment_settings(url, proxies, stream, verify, cert)
        proxy = network_settings(self.network_environ).proxy_for(str(url))
        return {**settings, "proxies": {"all": proxy.url} if proxy else {}}
