"""What the APIs of the Admin SDK share: their service, refusals, the check for an administrator, and pages."""

from typing import TypeVar

from simulator.errors import OlderError
from simulator.gate import Call, Service, page_start, page_token

SERVICE = Service("admin.googleapis.com", "Admin SDK API", older=True)
Item = TypeVar("Item")


def not_found(what: str) -> OlderError:
    """Something that does not exist."""
    return OlderError(404, f"Resource Not Found: {what}", "notFound")


def bad(what: str) -> OlderError:
    """A parameter or a field with a value that makes no sense."""
    return OlderError(400, f"Invalid Input: {what}", "invalid")


def require_admin(call: Call) -> None:
    """Only an administrator (or the holder of a role that allows it) may ask; raises 403."""
    if not call.caller or not call.machine.directory.state(call.caller).admin:
        raise OlderError(403, "Not Authorized to access this resource/api", "forbidden")


def size_of(call: Call, *, default: int, largest: int) -> int:
    """maxResults; raises 400 outside its limits."""
    text = call.query.get("maxResults", "")
    if not text:
        return default
    if not text.isdecimal() or not 1 <= int(text) <= largest:
        raise bad("maxResults")
    return int(text)


def page_of(
    call: Call, items: list[Item], what: str, *, default: int, largest: int
) -> tuple[list[Item], str]:
    """One page and the token of the next; raises 400 for a token of another list."""
    size = size_of(call, default=default, largest=largest)
    try:
        start = page_start(what, call.query.get("pageToken", ""))
    except (ValueError, TypeError):
        raise bad("pageToken") from None
    following = page_token(what, start + size) if start + size < len(items) else ""
    return items[start : start + size], following
