"""Reading what comes in at ``/_control/``: JSON bodies, numbers, flags and texts, refused with a sentence."""

import ipaddress
import json
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

JSON = dict[str, Any]
MAX_SECONDS = 60 * 86400.0


class ControlError(Exception):
    """Bad input to the control: a status and a sentence."""

    def __init__(self, sentence: str, status: int = 400) -> None:
        self.sentence = sentence
        self.status = status
        super().__init__(sentence)


async def read_body(request: web.Request, *, allowed: set[str] | None) -> JSON:
    """The JSON object of a request, empty if there is none; raises ControlError for names that are not ``allowed`` (None = any)."""
    raw = await request.text()
    if not raw.strip():
        return {}
    try:
        body = json.loads(raw)
    except ValueError:
        raise ControlError("The body is not JSON.") from None
    if not isinstance(body, dict):
        raise ControlError("The body must be a JSON object.")
    unknown = [] if allowed is None else sorted(set(body) - allowed)
    if allowed is not None and unknown:
        raise ControlError(f"Unknown field: {', '.join(unknown)}. Known here: {', '.join(sorted(allowed))}.")
    return body


def a_number(body: JSON, name: str, default: float, *, least: float = 0, most: float = MAX_SECONDS) -> float:
    """A number between two limits; absent or null means ``default``."""
    value = body.get(name, default)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise ControlError(f"{name} must be a number from {least:g} to {most:g}.")
    return float(value)


def a_flag(body: JSON, name: str, *, default: bool) -> bool:
    """True or false."""
    value = body.get(name, default)
    if not isinstance(value, bool):
        raise ControlError(f"{name} must be true or false.")
    return value


def a_text(body: JSON, name: str, default: str | None = None) -> str:
    """A text that is not blank, without blanks around it."""
    value = body.get(name, default)
    if not isinstance(value, str) or not value.strip():
        raise ControlError(f"{name} must be a text.")
    return value.strip()


def is_loopback(remote: str | None) -> bool:
    """Whether a peer address is this machine."""
    try:
        address = ipaddress.ip_address(remote or "")
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)


def is_loopback_name(host: str) -> bool:
    """Whether a host name or address means this machine."""
    return host.lower() == "localhost" or is_loopback(host)


def check_here(request: web.Request) -> None:
    """Let in who is on this machine and asks under its name; raises ControlError 403.

    A page whose name was pointed at this machine (DNS rebinding) has a Host that is no loopback name.
    """
    if not is_loopback(request.remote):
        raise ControlError("The control answers to this machine only.", 403)
    try:
        name = urlsplit(f"//{request.host}").hostname or ""
    except ValueError:
        name = ""
    if not is_loopback_name(name):
        raise ControlError("The control answers under a loopback name only.", 403)


def check_caller(request: web.Request) -> None:
    """Let in programs of this machine and our own page; raises ControlError 403.

    A page of another site runs in a browser of this machine too; it shows by Origin or Sec-Fetch-Site.
    """
    check_here(request)
    origin = request.headers.get("Origin")
    own = f"{request.scheme}://{request.host}".lower()
    site = request.headers.get("Sec-Fetch-Site", "none")
    if (origin is not None and origin.lower() != own) or site not in ("none", "same-origin"):
        raise ControlError("The control answers to its own pages only.", 403)


def guarded(
    handler: Callable[[web.Request], Awaitable[Any]],
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """A handler of the control as the web calls it: for this machine only, JSON out, bad input as a sentence."""

    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            check_caller(request)
            return web.json_response(await handler(request))
        except ControlError as refusal:
            return web.json_response({"error": refusal.sentence}, status=refusal.status)

    return answer
