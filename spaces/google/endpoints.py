"""Where Google is. Real addresses, or one simulator on this very machine; nothing else is ever asked."""

import ipaddress
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

GOOGLE_DOMAIN = "googleapis.com"
GOOGLE_SIGN_IN = "accounts.google.com"
ISSUER = "https://accounts.google.com"


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Addresses of the APIs we use (Meet, Workspace Events, Pub/Sub) and of Google's OAuth (Google Identity: "OpenID Connect",
    discovery document).

    `certs` answers a JWK set, `certs_pem` the same keys as PEM certificates. `issuer` is what ID tokens carry; the
    simulator signs under Google's own name, so it is the same in both worlds.
    """

    meet: str
    authorize: str
    token: str
    revoke: str
    certs: str
    certs_pem: str
    userinfo: str
    events: str
    pubsub: str
    issuer: str = ISSUER

    @classmethod
    def real(cls) -> "Endpoints":
        """Google's public addresses."""
        return cls(
            meet="https://meet.googleapis.com",
            authorize="https://accounts.google.com/o/oauth2/v2/auth",
            token="https://oauth2.googleapis.com/token",  # noqa: S106 - an address, not a password
            revoke="https://oauth2.googleapis.com/revoke",
            certs="https://www.googleapis.com/oauth2/v3/certs",
            certs_pem="https://www.googleapis.com/oauth2/v1/certs",
            userinfo="https://openidconnect.googleapis.com/v1/userinfo",
            events="https://workspaceevents.googleapis.com",
            pubsub="https://pubsub.googleapis.com",
        )

    @classmethod
    def simulated(cls, base_url: str) -> "Endpoints":
        """All addresses at one simulator. Raises ValueError unless it is plain http on loopback."""
        base = check(base_url).rstrip("/")
        if not is_loopback(base):
            raise ValueError(
                f"A simulator must run on this machine (http://127.0.0.1:PORT), not at {shown(base_url)}. "
                "Leave the address empty to use the real Google."
            )
        return cls(
            meet=base,
            authorize=f"{base}/o/oauth2/v2/auth",
            token=f"{base}/token",
            revoke=f"{base}/revoke",
            certs=f"{base}/oauth2/v3/certs",
            certs_pem=f"{base}/oauth2/v1/certs",
            userinfo=f"{base}/v1/userinfo",
            events=base,
            pubsub=base,
        )

    @property
    def are_real(self) -> bool:
        """Whether tokens go to Google itself and not to a simulator."""
        return not is_loopback(self.meet)


def check(url: str) -> str:
    """Return `url` if access tokens may be sent there, else raise ValueError with a sentence that helps.

    Allowed are https to googleapis.com, its subdomains and accounts.google.com, and http to loopback. Everything a
    parser could be talked into reading differently (user names, blanks, backslashes, queries, foreign letters) is refused.
    """
    parts = _split(url)
    if parts is not None and (_is_google(parts) or _is_loopback(parts)):
        return url
    raise ValueError(
        f"{shown(url)} is no address that access tokens may be sent to. Use https to a host of googleapis.com or "
        "accounts.google.com, or http to this machine (127.0.0.1, ::1, localhost)."
    )


def is_loopback(url: str) -> bool:
    """Whether `url` is plain http to this machine."""
    parts = _split(url)
    return parts is not None and _is_loopback(parts)


def is_this_machine(host: str) -> bool:
    """Return whether a host name or address, or the folder of a socket, means this machine; an empty one does."""
    if not host or host.startswith("/") or host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _split(url: str) -> SplitResult | None:
    if not url.isascii() or any(letter <= " " or letter in "\\?#\x7f" for letter in url):
        return None
    try:
        parts = urlsplit(url)
        _ = parts.port  # a property that raises for "http://host:x"
    except ValueError:
        return None
    # urlsplit takes "127.0.0.1[::1]" for ::1; whoever connects may not.
    odd = "@" in parts.netloc or "%" in parts.netloc or "[" in parts.netloc[1:]
    return None if odd else parts


def _is_google(parts: SplitResult) -> bool:
    host = parts.hostname or ""
    ours = host in (GOOGLE_DOMAIN, GOOGLE_SIGN_IN) or host.endswith("." + GOOGLE_DOMAIN)
    return parts.scheme == "https" and ours and parts.port in (None, 443)


def _is_loopback(parts: SplitResult) -> bool:
    if parts.scheme != "http":
        return False
    return is_loopback_host(parts.hostname or "")


def is_loopback_host(host: str) -> bool:
    """Whether `host` is this machine: `localhost`, 127.0.0.0/8 or ::1."""
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv4Address):
        return address.is_loopback
    return address == ipaddress.IPv6Address("::1")


def shown(url: str) -> str:
    """The address as it may stand in a message: short, and without a password somebody put before the `@`."""
    head, at, tail = url.rpartition("@")
    return repr(("…@" + tail if at and head else url)[:120])
