"""The way out of this machine: one proxy and one set of trusted certificates for everything that is asked of Google.

The process sets it once, at start (`use`), from its settings; nothing here reads the environment.
"""

import ssl
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined]  # missing in typeshed

import certifi
import urllib3

from spaces.google import endpoints

_CONNECTIONS = 32
"""Open connections to keep for each host. All calls of a process share them: a TLS handshake costs more than all else in a call."""


@dataclass(frozen=True)
class Network:
    """How to leave this machine. `proxy` is `[http://][user:password@]host:port` or https, "" for none; `no_proxy` lists hosts that are
    asked directly, as in NO_PROXY. `ca_bundle` is a PEM file with certificates that are trusted beside the public ones.

    Raises ValueError with a sentence for the operator when the proxy or the file is unusable. Safe to share between threads.
    """

    proxy: str = field(default="", repr=False)
    no_proxy: str = ""
    ca_bundle: str = ""

    def __post_init__(self) -> None:
        if self.proxy and "://" not in self.proxy:
            object.__setattr__(self, "proxy", f"http://{self.proxy}")  # as curl reads it
        if self.proxy:
            _check_proxy(self.proxy)
        if self.ca_bundle:
            _ = self.trust  # raises at once for a file that cannot be used

    @cached_property
    def trust(self) -> ssl.SSLContext:
        """What certificates are checked against: Mozilla's list, that of this machine, and the private ones."""
        context = ssl.create_default_context(cafile=certifi.where())
        context.load_default_certs()
        if self.ca_bundle:
            try:
                context.load_verify_locations(cafile=self.ca_bundle)
            except (OSError, ssl.SSLError) as problem:
                raise ValueError(
                    f"The file {self.ca_bundle} holds no readable certificates in PEM format: {problem}"
                ) from problem
        return context

    def proxy_for(self, url: str) -> str:
        """The proxy for this address, "" for none. This machine itself is never asked through a proxy."""
        host = urlsplit(url).hostname or ""
        if not self.proxy or endpoints.is_loopback_host(host):
            return ""
        return "" if proxy_bypass_environment(host, {"no": self.no_proxy}) else self.proxy

    @property
    def proxy_name(self) -> str:
        """The proxy's host and port, without a password that may stand in its address."""
        return _host_and_port(urlsplit(self.proxy)) if self.proxy else ""

    def pool_for(self, url: str) -> urllib3.PoolManager:
        """The connections to use for this address."""
        return self._by_proxy if self.proxy_for(url) else self._direct

    @cached_property
    def _direct(self) -> urllib3.PoolManager:
        return urllib3.PoolManager(ssl_context=self.trust, maxsize=_CONNECTIONS)

    @cached_property
    def _by_proxy(self) -> urllib3.ProxyManager:
        parts = urlsplit(self.proxy)
        named = f"{unquote(parts.username)}:{unquote(parts.password or '')}" if parts.username else None
        return urllib3.ProxyManager(
            f"{parts.scheme}://{_host_and_port(parts)}",
            proxy_headers=urllib3.make_headers(proxy_basic_auth=named) if named else None,
            proxy_ssl_context=self.trust,
            ssl_context=self.trust,
            maxsize=_CONNECTIONS,
        )


def _check_proxy(proxy: str) -> None:
    try:
        parts = urlsplit(proxy)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or parts.path not in ("", "/") or parts.query:
        raise ValueError(
            f"{endpoints.shown(proxy)} is no proxy that can be used; write http://HOST:PORT (a password goes before the host: "
            "http://USER:PASSWORD@HOST:PORT). SOCKS and automatic configuration files are not supported."
        )


def _host_and_port(parts: SplitResult) -> str:
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{host}:{parts.port or (443 if parts.scheme == 'https' else 80)}"


_in_use = Network()


def use(network: Network) -> Network:
    """Set the way out of this process; the settings do so once, at start. Returns the one before."""
    global _in_use
    before, _in_use = _in_use, network
    return before


def current() -> Network:
    """The way out of this process."""
    return _in_use
