"""Keep a form that could not be taken because the session had ended or the page was too old: what was typed comes back.

The values wait on the server for half an hour, one form for each person; nothing is carried out by itself. After signing in the
person finds the form as it was, reads it again and sends it again. They are kept only for a browser that a person has signed in with
before: it proves that by a cookie of ours. So nobody else gets what was typed, and a stranger can make us keep nothing.
"""

import json
import time
from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib import messages
from django.core.signing import BadSignature, Signer
from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from redis.exceptions import RedisError

from spaces import broker
from spaces.models import Person

FOR: Final = 30 * 60
"""Seconds."""
LARGEST: Final = 40_000
"""Letters. What is longer is not kept here, but in the page that says so."""
MOST: Final = 500
"""Forms kept at a time, of all people together: at most some 20 MB."""

COOKIE = "__Host-meetadmin-last" if settings.HTTPS else "meetadmin-last"
REMEMBERED: Final = 30 * 24 * 3600
"""Seconds; longer than a sign-in holds, because it is asked for after that has ended."""

_INDEX: Final = "meetadmin:kept"
"""Sorted set in Redis: people (ids) by the moment when their form expires."""


def _signer() -> Signer:
    return Signer(salt="meetadmin.kept")


def remember_whose(request: HttpRequest, response: HttpResponse) -> None:
    """Let the browser know who uses it, when that is not what it knows. The cookie opens nothing."""
    person = getattr(request, "user", None)
    if isinstance(person, Person) and _last_person(request) != person.pk:
        response.set_cookie(
            COOKIE,
            _signer().sign(str(person.pk)),
            max_age=REMEMBERED,
            secure=settings.HTTPS,
            httponly=True,
            samesite="Lax",
        )


def _last_person(request: HttpRequest) -> int | None:
    """Return the id of the person who last used this browser, None for a browser that nobody has signed in with."""
    try:
        return int(_signer().unsign(request.COOKIES.get(COOKIE, "")))
    except (BadSignature, ValueError):
        return None


def _whose(request: HttpRequest) -> int | None:
    """Return the id of the person whose form this is: who is signed in, otherwise who last was."""
    person = getattr(request, "user", None)
    return person.pk if isinstance(person, Person) else _last_person(request)


def _own(request: HttpRequest, address: str) -> bool:
    return url_has_allowed_host_and_scheme(
        address, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )


def same_origin(request: HttpRequest) -> bool:
    """Whether the browser says that one of our own pages sent this. Another site's form must not be able to put its words into
    ours. Raises SuspiciousOperation for a host that is not ours."""
    sender = request.headers.get("Origin") or request.headers.get("Referer") or ""
    return sender not in {"", "null"} and _own(request, sender)


def keep(request: HttpRequest) -> bool:
    """Keep what was typed into the form that this POST carries; returns whether that worked. Files are not kept; browsers do not
    give them twice."""
    whose = _whose(request)
    if whose is None:
        return False
    values = {name: found for name, found in request.POST.lists() if name != "csrfmiddlewaretoken"}
    if len(json.dumps(values)) > LARGEST:
        return False
    came_from = request.POST.get("next", "") or request.headers.get("Referer", "")
    parts = urlsplit(came_from)
    back = f"{parts.path}?{parts.query}" if parts.query else parts.path
    form = {
        "path": request.path,
        "values": values,
        "back": back if back.startswith("/") and _own(request, back) else "/",
        "at": time.time(),
    }
    try:
        return _store(whose, json.dumps(form))
    except (RedisError, OSError):
        return False


def _key(whose: int) -> str:
    return f"{_INDEX}:{whose}"


def _store(whose: int, text: str) -> bool:
    """Store a person's form in place of an earlier one. False: there are MOST of them already."""
    now = time.time()
    with broker.link().pipeline() as pipe:
        pipe.zremrangebyscore(_INDEX, 0, now)
        pipe.zscore(_INDEX, whose)
        pipe.zcard(_INDEX)
        _gone, expires, number = pipe.execute()
        if expires is None and number >= MOST:
            return False
        pipe.zadd(_INDEX, {str(whose): now + FOR})
        pipe.expire(_INDEX, FOR)
        pipe.set(_key(whose), text, ex=FOR)
        pipe.execute()
    return True


def _load(whose: int | None) -> dict[str, Any] | None:
    if whose is None:
        return None
    try:
        text: Any = broker.link().get(_key(whose))
    except (RedisError, OSError):
        return None
    found: dict[str, Any] = json.loads(text) if text else {}
    return found if found and time.time() - found["at"] < FOR else None


def is_waiting(request: HttpRequest) -> bool:
    """Whether a form of whoever used this browser last waits for them to sign in."""
    return _load(_last_person(request)) is not None


def _waiting(request: HttpRequest) -> dict[str, Any] | None:
    person = getattr(request, "user", None)
    found = _load(person.pk) if isinstance(person, Person) else None
    return found if found and found["path"] == request.path else None


def forget(request: HttpRequest) -> None:
    """Throw the form away: it has been sent again."""
    if _waiting(request):
        whose = _whose(request)
        try:
            with broker.link().pipeline() as pipe:
                pipe.delete(_key(whose or 0))
                pipe.zrem(_INDEX, str(whose))
                pipe.execute()
        except (RedisError, OSError):
            return  # it expires by itself


def restored(request: HttpRequest) -> QueryDict | None:
    """What was typed into this page's form before the session ended; None when nothing waits. Says so to the person."""
    found = _waiting(request)
    if found is None or not found["values"]:
        return None
    values = QueryDict(mutable=True)
    for name, typed in found["values"].items():
        values.setlist(name, typed)
    # A part of a page shows no messages; they would come up somewhere else.
    if not request.headers.get("HX-Request"):
        messages.warning(
            request,
            _(
                "You were signed out, or this page was too old, so nothing was sent. What you typed is here again: check it and send it."
            ),
        )
    return values


def led_back(request: HttpRequest) -> str:
    """For a button that has no page of its own: where it stood; empty when it is not about a kept form. Says what to do."""
    found = _waiting(request)
    if found is None:
        return ""
    forget(request)
    messages.warning(
        request,
        _(
            "You were signed out, or the page was too old, so nothing was done. Press the button again if you still want it."
        ),
    )
    return str(found["back"])
