"""allauth's requests to Google go the same way as all others: its proxy, its trusted certificates (spaces.google.network)."""

from typing import Any

import requests
from requests.adapters import HTTPAdapter

from spaces.google import network


class WayOut(HTTPAdapter):
    """The transport of a session that leaves through the configured proxy and trusts the configured certificates."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> Any:
        """Trust what the network trusts."""
        return super().init_poolmanager(*args, ssl_context=network.current().trust, **kwargs)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        """The same behind a proxy, and for the proxy itself."""
        trust = network.current().trust
        return super().proxy_manager_for(proxy, ssl_context=trust, proxy_ssl_context=trust, **kwargs)

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """Choose the proxy for this address."""
        proxy = network.current().proxy_for(request.url or "")
        return super().send(request, *args, **{**kwargs, "proxies": {"https": proxy} if proxy else {}})


def prepare(session: requests.Session) -> None:
    """Let a session take this way out, whatever the environment says."""
    session.trust_env = False
    session.mount("https://", WayOut())
    session.mount("http://", WayOut())
