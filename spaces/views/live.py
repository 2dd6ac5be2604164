"""Pages that keep themselves true: what they ask again with, and how they are answered cheaply. The page's side of it is
`static/js/live.js`; how it learns that something has changed is in `spaces/stream.py`."""

import time
from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.http import HttpResponse, HttpResponseNotModified

from spaces import access, live
from spaces.access import Permission
from spaces.models import Person
from spaces.views.replies import Request

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
    return [int(text) for text in named if text.isascii() and text.isdigit() and len(text) < 19]
