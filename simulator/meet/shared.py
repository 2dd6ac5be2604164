"""What all methods of Meet share: the call, its rights, pages, and the shape of replies."""

import base64
import hashlib
import json
import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from simulator import errors, masks
from simulator.entities import Conference, Participant, Space
from simulator.errors import ApiError
from simulator.filters import Condition
from simulator.identity import CREATED, READONLY, SETTINGS, Token
from simulator.world import World

JSON = dict[str, Any]
Key = tuple[float | str, ...]
LEAF: masks.Tree = {}
READ = (CREATED, READONLY)
SPACE_READ = (CREATED, READONLY, SETTINGS)
SPACE_WRITE = (CREATED, SETTINGS)
OWN_APP = (CREATED,)
_INT32 = 2**31


@dataclass(frozen=True, slots=True)
class Call:
    """One request to Meet, by somebody with a good token."""

    world: World
    token: Token
    path: Mapping[str, str]
    query: Mapping[str, str]
    body: Any
    fields: str | None
    enum_numbers: bool

    @property
    def caller(self) -> str:
        """The address of the user in whose name the request comes; empty for a service account without one."""
        return self.token.email or ""

    def was_there(self, participants: Iterable[Participant]) -> bool:
        """Whether the caller is among these participants; by id, as an address may have had another owner before."""
        person = self.world.user(self.caller)
        return person is not None and any(each.user == f"users/{person.id}" for each in participants)

    def has(self, *scopes: str) -> bool:
        """Whether the token carries one of these scopes."""
        return not self.token.scopes.isdisjoint(scopes)

    def ours(self, space: Space) -> bool:
        """Whether the space was created by the app that calls."""
        return space.project == self.token.project

    def asked(self, name: str) -> str:
        """A query parameter, in camel or snake case; empty if absent."""
        return self.query.get(name) or self.query.get(masks.snake(name), "")


@dataclass(frozen=True, slots=True)
class Method:
    """A method of the API: where it answers, what it is called, which scopes open it, which quota it uses, which
    query parameters it has, and what its reply holds.
    """

    verb: str
    path: re.Pattern[str]
    name: str
    rpc: str
    scopes: tuple[str, ...]
    quota: str
    parameters: frozenset[str]
    handler: Callable[[Call], JSON]
    reply: masks.Tree


def method(
    verb: str,
    path: str,
    name: str,
    rpc: str,
    scopes: tuple[str, ...],
    handler: Callable[[Call], JSON],
    reply: masks.Tree,
    *,
    quota: str = "read",
    parameters: tuple[str, ...] = (),
) -> Method:
    """A line of a table of methods; ``{name}`` in the path stands for one segment."""
    pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/:]+)", path)
    return Method(
        verb, re.compile(pattern), name, f"google.apps.meet.v2.{rpc}", scopes, quota, frozenset(parameters),
        handler, reply,
    )  # fmt: skip


# -- rights ----------------------------------------------------------------------------------------------------------


def own_space(call: Call, *, elsewhere_too: bool = False, resource: str = "Space") -> Space:
    """The space of a request that only its owner may make, by id alone: a meeting code is refused like a stranger.

    ``elsewhere_too``: whether spaces of other apps are within reach (the .settings and .readonly scopes).
    """
    space = call.world.find_space(call.path["space"], by_code=False)
    if space is None or not call.caller or space.owner != call.caller:
        raise errors.denied(resource)
    if not call.ours(space) and not elsewhere_too:
        raise errors.denied(resource)
    return space


def readable_record(call: Call) -> Conference:
    """The record of a request, for its space's owner and for those who were in the call."""
    record = call.world.conferences.get(call.path["record"])
    refusal = errors.denied("ConferenceRecord")
    if record is None or not call.caller:
        raise refusal
    space = call.world.spaces[record.space]
    if not call.has(READONLY) and not call.ours(space):
        raise refusal
    if space.owner != call.caller and not call.was_there(record.participants):
        raise refusal
    return record


# -- pages -----------------------------------------------------------------------------------------------------------

PAGE = ("pageSize", "pageToken")


def page_of(key: str, item: masks.Tree, **more: masks.Tree) -> masks.Tree:
    """The shape of a list's reply."""
    return {key: item, "nextPageToken": LEAF, **more}


def page_size(call: Call, default: int, maximum: int) -> int:
    """The rows of a page: 0 or absent is the default, too many are lowered; raises ApiError 400 for nonsense."""
    text = call.asked("pageSize") or "0"
    try:
        size = int(text)
    except ValueError:
        raise errors.invalid_number("page_size", text) from None
    if not -_INT32 <= size < _INT32:
        raise errors.invalid_number("page_size", text)
    if size < 0:
        raise errors.invalid("page_size", "Must not be negative.")
    return min(size or default, maximum)


def _signature(call: Call) -> str:
    text = json.dumps([sorted(call.path.items()), call.query.get("filter", ""), call.caller])
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def last_key(call: Call) -> list[Any] | None:
    """The key of the last row of the page before; None on the first page. Raises ApiError 400 for a foreign token."""
    text = call.asked("pageToken")
    if not text:
        return None
    try:
        signature, *last = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        if signature != _signature(call):
            raise ValueError("another list")
    except (ValueError, TypeError):
        raise errors.invalid("page_token", "Invalid page token.") from None
    return list(last)


def token_after(call: Call, key: Key) -> str:
    """The token of the page that begins after the row with this key."""
    raw = json.dumps([_signature(call), *key]).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def one_page(
    call: Call, keys: list[Key], items: list[Any], *, default: int, maximum: int
) -> tuple[list[Any], str]:
    """One page of ``items``, which are sorted by ``keys``, and the token of the next page.

    The token remembers the last key, not a position: what begins meanwhile neither repeats nor hides a row.
    """
    size = page_size(call, default, maximum)
    last = last_key(call)
    start = 0
    if last is not None:
        try:
            start = bisect_right(keys, tuple(last))
        except TypeError:
            raise errors.invalid("page_token", "Invalid page token.") from None
    part = items[start : start + size]
    following = token_after(call, keys[start + size - 1]) if start + size < len(items) else ""
    return part, following


def listed(key: str, items: list[JSON], following: str) -> JSON:
    """A list's reply: an empty list is left out, as everywhere at Google."""
    answer: JSON = {}
    if items:
        answer[key] = items
    if following:
        answer["nextPageToken"] = following
    return answer


# -- filters and values ----------------------------------------------------------------------------------------------


def moment(world: World, at: float | None) -> float | None:
    """A moment as it is shown (to the microsecond), so that a filter on a shown value finds it."""
    return None if at is None else round(at - world.offset, 6)


def is_so(conditions: list[Condition], values: Mapping[str, str | float | None]) -> bool:
    """Whether a row satisfies every condition of a filter."""
    return all(each.holds(values[each.field]) for each in conditions)


def missing() -> ApiError:
    """A child that does not exist, of a parent that the caller may read."""
    return ApiError(404)
