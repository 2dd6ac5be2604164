"""Forms that could not be taken because the session had ended or the page was too old: what was typed comes back.

The values wait in the browser's session, on the server, for half an hour; nothing is carried out by itself. After signing in the
person finds the form as it was, reads it again and sends it again. Another person who signs in on the same browser does not: the
browser knows by a cookie whose it was last.
"""

import json
import time
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils.crypto import salted_hmac
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _

from spaces.models import Person

KEY = "kept-form"
FOR = 30 * 60
"""Seconds."""
LARGEST = 40_000
"""Letters. What is longer was pasted, and can be pasted again."""

COOKIE = "__Host-meetadmin-last" if settings.HTTPS else "meetadmin-last"
REMEMBERED = 30 * 24 * 3600
"""Seconds; longer than a sign-in holds, because it is asked for after that has ended."""


def _mark(person: Person) -> str:
    """Stands for this person in the cookie; it opens nothing and says nothing to who finds it."""
    return salted_hmac("meetadmin.kept", str(person.pk), algorithm="sha256").hexdigest()[:32]


def remember_whose(request: HttpRequest, response: HttpResponse) -> None:
    """Let the browser know who uses it, when that is not what it knows."""
    person = getattr(request, "user", None)
    if isinstance(person, Person) and request.COOKIES.get(COOKIE) != _mark(person):
        response.set_cookie(
            COOKIE,
            _mark(person),
            max_age=REMEMBERED,
            secure=settings.HTTPS,
            httponly=True,
            samesite="Lax",
        )


def _own(request: HttpRequest, address: str) -> bool:
    return url_has_allowed_host_and_scheme(
        address, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )


def same_origin(request: HttpRequest) -> bool:
    """Whether the browser says that one of our own pages sent this. Another site's form must not be able to put its words into
    ours, nor a new session into the browser."""
    sender = request.headers.get("Origin") or request.headers.get("Referer") or ""
    return sender not in {"", "null"} and _own(request, sender)


def keep(request: HttpRequest) -> None:
    """Keep what was typed into the form that this POST carries. Files are not kept; browsers do not give them twice."""
    values = {name: found for name, found in request.POST.lists() if name != "csrfmiddlewaretoken"}
    if len(json.dumps(values)) > LARGEST:
        values = {}
    came_from = request.POST.get("next", "") or request.headers.get("Referer", "")
    parts = urlsplit(came_from)
    back = f"{parts.path}?{parts.query}" if parts.query else parts.path
    request.session[KEY] = {
        "path": request.path,
        "values": values,
        "back": back if back.startswith("/") and _own(request, back) else "/",
        "whose": request.COOKIES.get(COOKIE, ""),
        "at": time.time(),
    }


def _waiting(request: HttpRequest) -> dict[str, Any] | None:
    found: dict[str, Any] | None = request.session.get(KEY) if hasattr(request, "session") else None
    person = getattr(request, "user", None)
    # Where all cookies were gone nobody knows whose it was; then it is taken to be the same person's.
    if found and found["whose"] and isinstance(person, Person) and found["whose"] != _mark(person):
        del request.session[KEY]
        return None
    if found and found["path"] == request.path and time.time() - found["at"] < FOR:
        return found
    return None


def forget(request: HttpRequest) -> None:
    """The form has been sent again."""
    if _waiting(request):
        del request.session[KEY]


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
