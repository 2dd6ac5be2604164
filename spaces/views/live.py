"""Pages that keep themselves true: what they ask again with, and how they are answered cheaply. The page's side of it is
`static/js/live.js`; how it learns that something has changed is in `spaces/stream.py`."""

import gzip
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from django.http import HttpResponse, HttpResponseNotModified, QueryDict
from django.middleware.csrf import get_token
from django.template.loader import render_to_string
from django.utils.cache import patch_vary_headers

from spaces import access, live
from spaces.access import Permission
from spaces.models import Person
from spaces.views.replies import Request, as_page, page_context

P = ParamSpec("P")

FRESH = 30  # seconds after which a page is fetched anew though nothing has been told: ages, and what only time changes
MOST_ROOMS = 100  # rows that are asked for at once


def version_for(person: Person) -> str:
    """What the page shows, in a word, for a later "has it changed?". Empty while nobody can tell, and for those who may not know
    of every call: that something has changed somewhere is none of their business."""
    version = live.version() if access.everywhere(person, Permission.CALL_SEE) else None
    return "" if version is None else f"{version}-{int(time.time()) // FRESH}"


def watched(
    view: Callable[Concatenate[Request, P], HttpResponse],
) -> Callable[Concatenate[Request, P], HttpResponse]:
    """A view whose page keeps itself true. The page holds the version from before anything was read for it; when it asks again
    with that version (`Live-Seen`) and it still holds, the answer is 304 and nothing is read."""

    @wraps(view)
    def answered(request: Request, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        request.live = version_for(request.user)
        if request.live and request.headers.get("Live-Seen") == request.live:
            return HttpResponseNotModified()
        return view(request, *args, **kwargs)

    return answered


def named_rooms(request: Request) -> list[int]:
    """The rooms (ids) of which the page asks for the rows alone; empty when it asks for itself."""
    named = request.headers.get("Live-Rooms", "").split(",")[:MOST_ROOMS] if request.htmx else []
    return sorted({int(text) for text in named if text.isascii() and text.isdigit() and len(text) < 19})


@dataclass(frozen=True, slots=True)
class Kept:
    """A list as it is sent, compressed, so that it is done once. `has_token`: with places for the token of whoever asks."""

    version: int
    made_at: float  # time.time()
    content: bytes
    has_token: bool


class Shelf:
    """Lists that were just made, for others who would be shown the very same. In this process only, and bounded in bytes."""

    def __init__(self, *, most: int) -> None:
        self.most = most
        self._kept: OrderedDict[Hashable, Kept] = OrderedDict()
        self._size = 0
        self._making: dict[Hashable, threading.Lock] = {}
        self._lock = threading.Lock()

    def take(self, face: Hashable, fits: Callable[[Kept], bool], make: Callable[[], Kept]) -> Kept:
        """The list with this face, made if there is none that fits. Who comes while it is being made waits for it, so that two
        hundred pages that hear of one change make one list."""
        found = self._found(face, fits)
        if found is None:
            with self._lock:
                making = self._making.setdefault(face, threading.Lock())
            with making:
                found = self._found(face, fits)
                if found is None:
                    found = make()
                    self._keep(face, found)
        return found

    def _found(self, face: Hashable, fits: Callable[[Kept], bool]) -> Kept | None:
        with self._lock:
            kept = self._kept.get(face)
            if kept is None or not fits(kept):
                return None
            self._kept.move_to_end(face)
            return kept

    def _keep(self, face: Hashable, kept: Kept) -> None:
        with self._lock:
            former = self._kept.pop(face, None)
            self._size += len(kept.content) - (len(former.content) if former else 0)
            self._kept[face] = kept
            while self._size > self.most and len(self._kept) > 1:
                oldest, gone = self._kept.popitem(last=False)
                self._size -= len(gone.content)
                self._making.pop(oldest, None)


SHELF = Shelf(most=8_000_000)
TOKEN = (
    f"token-{secrets.token_hex(8)}"  # stands in kept pages where everybody's own token against forgery is put
)
LOOK = 2.0  # seconds; a page that looks by itself every five may be shown what another one was shown so shortly before


@dataclass(frozen=True, slots=True)
class Address:
    """All that a shared list knows of the request. Its template is rendered without the request itself, so nothing in it can reach the
    person, their session, their messages or their token: what is personal cannot get into a list that others are sent."""

    path: str
    GET: QueryDict
    htmx: bool = True

    def get_full_path(self) -> str:
        """Return the path with its query."""
        return self.path


def shared(
    request: Request, face: Hashable, template: str, make: Callable[[], dict[str, Any]]
) -> HttpResponse:
    """The list for an open page: `template` with the context that `make` gives, or one that somebody with the same `face` was sent.
    The face is everything that the context depends on but the rooms."""

    def rendered(token: str) -> str:
        around = page_context(request) | {
            "request": Address(request.get_full_path(), request.GET),
            "csrf_token": token,
        }
        return render_to_string(template, make() | around)

    if not request.live:
        return as_page(HttpResponse(rendered(get_token(request))))
    kept = _shared(request, face, lambda: rendered(TOKEN).encode())
    if not kept.has_token and "gzip" in request.headers.get("Accept-Encoding", ""):
        response = as_page(HttpResponse(kept.content, headers={"Content-Encoding": "gzip"}))
        patch_vary_headers(response, ["Accept-Encoding"])
        return response
    text = gzip.decompress(kept.content).decode()
    return as_page(HttpResponse(text.replace(TOKEN, get_token(request))))


def _shared(request: Request, face: Hashable, make: Callable[[], bytes]) -> Kept:
    """How new it has to be is said by an open page: as new as the news that made it ask (`Live-Needs`)."""
    present, now = int(request.live.partition("-")[0]), time.time()
    needs, looks = request.headers.get("Live-Needs", ""), "Live-Seen" in request.headers
    needed = int(needs) if needs.isascii() and needs.isdigit() and len(needs) < 19 else present

    def fits(kept: Kept) -> bool:
        age = now - kept.made_at
        return 0 <= age < FRESH and (kept.version >= min(needed, present) or (looks and age < LOOK))

    def kept() -> Kept:
        content = make()
        return Kept(present, now, gzip.compress(content, 6), TOKEN.encode() in content)

    return SHELF.take(face, fits, kept)
