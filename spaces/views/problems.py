"""Pages that say what went wrong: what happened, what was kept, what to do, and a reference that stands in the log, too."""

import enum
import logging
import sys
import uuid
from typing import Any

from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.middleware.csrf import REASON_NO_CSRF_COOKIE, get_token
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _

from spaces.models import Person
from spaces.views import kept

logger = logging.getLogger(__name__)

LATER = 15
"""Seconds after which a page that met an absent database tries again."""
SOON = 5
"""Seconds after which a request that had to wait for others may be sent again."""


def log(request: HttpRequest, status: int, *, level: int = logging.WARNING, why: str = "") -> str:
    """Write down that somebody is being shown a problem; returns the reference under which it stands. `%r`, so that nothing in an
    address can look like a line of the log."""
    reference = uuid.uuid4().hex[:8]
    person = getattr(request, "_cached_user", None)
    who = f"person {person.pk}" if isinstance(person, Person) else "nobody signed in"
    logger.log(
        level,
        "reference %s: %s for %s %r (%s)%s",
        reference,
        status,
        request.method,
        request.path,
        who,
        why and f": {why}",
    )
    return reference


def problem(
    request: HttpRequest,
    status: int,
    what: str,
    cure: str,
    *,
    level: int = logging.WARNING,
    why: str = "",
    **more: object,
) -> HttpResponse:
    """The page for a problem that leaves the rest of the application in good order."""
    context = {"what": what, "cure": cure, "reference": log(request, status, level=level, why=why), **more}
    return render(request, "problem.html", context, status=status)


CSRF = "csrfmiddlewaretoken"


def typed_into(request: HttpRequest) -> list[tuple[str, str]] | None:
    """The fields, without the token, of a form that one of our own pages sent. None for anything else: another site's words must not
    appear in our pages."""
    try:
        if request.method != "POST" or not kept.same_origin(request):
            return None
        fields = [(name, str(value)) for name, values in request.POST.lists() for value in values]
    except (SuspiciousOperation, UnreadablePostError):
        return None
    return [(name, value) for name, value in fields if name != CSRF]


def _to_send_again(request: HttpRequest, token: str = "") -> dict[str, Any]:
    """What a page needs to have the form in it, to be sent again with this token, or with the one that it had."""
    typed = typed_into(request)
    if typed is None:
        return {}
    again = "/" + request.path.lstrip("/")  # never //another.site
    return {"again": again, "typed": [*typed, (CSRF, token or request.POST.get(CSRF, ""))]}


class Wait(enum.Enum):
    """Why a request has to wait for others of the same person."""

    SAME = "same"
    MANY = "many"


def wait(request: HttpRequest, reason: Wait) -> HttpResponse:
    """429 for somebody whose other requests still wait for Google. The form waits in the page to be sent again."""
    if reason is Wait.SAME:
        what = gettext("This request is already running.")
        cure = gettext("Nothing was sent a second time. Wait a few seconds for Google's answer.")
    else:
        what = gettext("You have too many requests to Google running.")
        cure = gettext("This one was not sent. Wait until one of the others is finished, then try again.")
    return _later(request, 429, what, cure)


def busy(request: HttpRequest) -> HttpResponse:
    """503 while too many people's requests wait for Google."""
    what = gettext("Too many requests are waiting for Google.")
    return _later(request, 503, what, gettext("This one was not sent. Try again in a moment."))


def _later(request: HttpRequest, status: int, what: str, cure: str) -> HttpResponse:
    reference = log(request, status, level=logging.INFO)
    # A page that costs little: whoever asks too often must not keep the server busy with being refused.
    response = _alone(request, status, what, cure, reference, **_to_send_again(request))
    response["Retry-After"] = str(SOON)
    return response


def not_sent(request: HttpRequest, what: str, cure: str, why: str) -> HttpResponse:
    """403 for a form that could neither be taken nor kept: it waits in the page, with a new token, to be sent again. A form of another
    site does not."""
    more = _to_send_again(request, get_token(request))
    return problem(request, 403, what, cure, level=logging.INFO, why=why, **more)


def _alone(
    request: HttpRequest, status: int, what: str, cure: str, reference: str, **more: object
) -> HttpResponse:
    """The page for a problem that may have broken anything: it asks neither database nor session, nor who is there."""
    context = {"what": what, "cure": cure, "reference": reference, "language": get_language() or "en", **more}
    try:
        body = render_to_string("broken.html", context)
    except Exception:
        logger.exception("reference %s: the error page failed, too", reference)
        body = SafeString(
            f"<!doctype html><html lang=en><title>Meetadmin</title><h1>{what}</h1><p>{cure}</p><p>{reference}</p>"
        )
    response = HttpResponse(body, status=status)
    response["Cache-Control"] = "no-store"
    return response


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400 for what makes no sense, 413 for what is too much."""
    if isinstance(exception, RequestDataTooBig):
        what = gettext("That was more than Meetadmin takes at once.")
        cure = gettext("Nothing was changed. Go back, what you typed is still there; send less of it.")
        return _alone(request, 413, what, cure, log(request, 413))
    what = gettext("Meetadmin does not understand this request.")
    cure = gettext("Nothing was changed. Go back, reload the page and try again; or start from the rooms.")
    return _alone(request, 400, what, cure, log(request, 400, why=type(exception).__name__))


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """403 with the sentence that says who may."""
    what = str(getattr(exception, "message", "")) or gettext("This is not open to you.")
    cure = gettext("Nothing was changed. If you should be able to do this, ask your IT staff.")
    return problem(request, 403, what, cure)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404."""
    what = gettext("There is no such page or room.")
    cure = gettext("It may have been archived or renamed. Look it up by name or code.")
    return problem(request, 404, what, cure, level=logging.INFO)


def server_error(request: HttpRequest) -> HttpResponse:
    """500, or 503 while the database is away. A form that could not be taken then waits in the page to be sent again."""
    error = sys.exc_info()[1]
    if isinstance(error, OperationalError | InterfaceError):
        reference = log(request, 503, level=logging.ERROR, why=f"database: {type(error).__name__}")
        form = _to_send_again(request)
        cure = gettext("Calls in the rooms go on. This page tries again by itself.")
        if request.method == "POST":
            cure = gettext("Calls in the rooms go on. Nothing was changed. Try again in a moment.")
        if form:
            cure = gettext(
                "Calls in the rooms go on. What you typed is kept in this page: send it again in a moment."
            )
        response = _alone(
            request,
            503,
            gettext("Meetadmin cannot reach its database at the moment."),
            cure,
            reference,
            later=LATER if request.method == "GET" else 0,
            **({"again": "/" + request.path.lstrip("/")} | form),
        )
        response["Retry-After"] = str(LATER)
        return response
    reference = log(request, 500, level=logging.ERROR, why=type(error).__name__)
    return _alone(
        request,
        500,
        gettext("Something broke on our side."),
        gettext(
            "Nothing is done twice: go back, what you typed is still there, look whether it happened and try again. If it keeps "
            "happening, tell your IT staff the reference."
        ),
        reference,
    )


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form whose protection was missing or too old. When one of our own pages sent it, it comes back filled in."""
    match = request.resolver_match
    guarded = match is None or getattr(match.func, "login_required", True)
    if guarded and kept.same_origin(request):
        if kept.keep(request):
            log(request, 302, why=reason)
            return sent_to(request, request.get_full_path())
        what = gettext("This form was too old, or your browser sent no cookie.")
        cure = gettext("Nothing was changed. What you typed is kept in this page: send it again.")
        return not_sent(request, what, cure, reason)
    if reason == REASON_NO_CSRF_COOKIE:
        what = gettext("Your browser sent no cookie, so Meetadmin cannot tell that this form is yours.")
        cure = gettext(
            "Nothing was changed. Allow cookies for this address, reload the page and send it again."
        )
    else:
        what = gettext("This form was too old or did not come from this site.")
        cure = gettext("Nothing was changed. Go back, reload the page and send it again.")
    return problem(request, 403, what, cure, why=reason)


def sent_to(request: HttpRequest, address: str) -> HttpResponse:
    """Lead the browser to an address, also from a form that htmx has sent."""
    if request.headers.get("HX-Request"):
        response = HttpResponse(status=204)
        response["HX-Redirect"] = address
        return response
    return redirect(address)


EMPTY = {
    405: (
        _("This address is for a button or a form, not for opening it."),
        _("Nothing was changed. Go to the page where the button stands."),
    ),
    413: (
        _("That was more than Meetadmin takes at once."),
        _("Nothing was changed. Go back, what you typed is still there; send less of it."),
    ),
    429: (
        _("That was too often in a short time."),
        _("Nothing was changed. Wait a minute, then try again."),
    ),
}


def filled(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """The page for an answer that has a status and nothing to read, which Django's own decorators give."""
    if response.status_code not in EMPTY or response.streaming or response.content:
        return response
    if response.status_code == 405 and request.method == "GET" and (back := kept.led_back(request)):
        return redirect(back)
    what, cure = EMPTY[response.status_code]
    page = problem(request, response.status_code, str(what), str(cure), level=logging.INFO)
    for name in ("Allow", "Retry-After"):
        if name in response:
            page[name] = response[name]
    return page
