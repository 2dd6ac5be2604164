"""Reading what comes in at ``/_control/``: JSON bodies, numbers, flags and texts, refused with a sentence."""

import ipaddress
import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

JSON = dict[str, Any]
MAX_SECONDS = 60 * 86400.0


class ControlError(Exception):
    """Bad input to the control: a status and a sentence."""

    def __init__(self, sentence: str, status: int = 400) -> None:
        self.sentence = sentence
        self.status = status
        super().__init__(sentence)


async def read_body(request: web.Request, *, allowed: set[str]) -> JSON:
    """The JSON object of a request, empty if there is none; raises ControlError for names that are not ``allowed``."""
    raw = await request.text()
    if not raw.strip():
        return {}
    try:
        body = json.loads(raw)
    except ValueError:
        raise ControlError("The body is not JSON.") from None
    if not isinstance(body, dict):
        raise ControlError("The body must be a JSON object.")
    unknown = sorted(set(body) - allowed)
    if unknown:
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


def guarded(
    handler: Callable[[web.Request], Awaitable[Any]],
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """A handler of the control as the web calls it: for this machine only, JSON out, bad input as a sentence."""

    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            if not is_loopback(request.remote):
                raise ControlError("The control answers to this machine only.", 403)
            return web.json_response(await handler(request))
        except ControlError as refusal:
            return web.json_response({"error": refusal.sentence}, status=refusal.status)

    return answer
