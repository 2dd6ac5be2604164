"""From what happened to what is sent back: whole page or partial, message or sentence, in one place."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.utils.functional import SimpleLazyObject
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django_htmx.middleware import HtmxDetails

from spaces import access, registry
from spaces.actions.outcomes import Outcome
from spaces.audit import ActionRejected
from spaces.google.errors import GoogleError, OutcomeUnknown
from spaces.language import spoken
from spaces.models import Person
from spaces.views import kept


class Request(HttpRequest):
    """A request as views get it: somebody is signed in, and htmx is known."""

    htmx: HtmxDetails
    user: Person
    shows_secrets: bool  # whether PINs are on this page: set while it is rendered (the tag joining_secrets)
    live: str = ""  # the version of what a page shows that keeps itself true (spaces.views.live)


def page(
    request: Request, template: str, context: dict[str, Any], *, partial: str = "", status: int = 200
) -> HttpResponse:
    """The page; for htmx only its named partial. The view names the partial, never the client."""
    name = f"{template}#{partial}" if partial and request.htmx else template
    # A form that comes back after the session had ended is no refused form, whatever is still missing in it.
    response = as_page(render(request, name, context, status=200 if request.method == "GET" else status))
    if getattr(request, "shows_secrets", False):
        response["Cache-Control"] = "no-store"
    return response


def as_page(response: HttpResponse) -> HttpResponse:
    """An answer that is one person's, and another one for htmx."""
    response["Vary"] = "HX-Request, Cookie"
    response["Cache-Control"] = "private, no-cache"
    return response


def posted(request: HttpRequest) -> QueryDict | None:
    """What a form is bound to: the data of a POST, however empty; of a GET nothing, or what was typed before the session ended."""
    if request.method == "POST":
        kept.forget(request)
        return request.POST
    return kept.restored(request)


def carry_out(request: Request, work: Callable[[], Outcome]) -> bool:
    """Run one action and tell the person how it went. A refusal by the state of things or by Google is a handled outcome;
    missing rights (NotAllowed) go through and become a 403. Returns whether it went well."""
    levels = {"success": messages.SUCCESS, "info": messages.INFO, "warning": messages.WARNING}
    try:
        outcome = work()
    except ActionRejected as refusal:
        messages.error(request, str(refusal.message))
    except OutcomeUnknown as error:
        messages.error(
            request,
            _("It is not known whether this happened. %(why)s Nothing was sent twice.")
            % {"why": _why(request.user, error)},
        )
    except GoogleError as error:
        messages.error(request, _("Nothing was changed. %(why)s") % {"why": _why(request.user, error)})
    else:
        messages.add_message(request, levels[outcome.level], str(outcome.message))
        return True
    return False


def _why(person: Person, error: GoogleError) -> str:
    """What went wrong in our words, and for admins in Google's, too, unless ours quote them."""
    why, words = spoken(error.sentence), error.google_says
    if not words or words.rstrip(".") in why or not access.can(person, access.Permission.AUDIT_READ):
        return why
    said = _("Google said: “%(words)s”") % {"words": words}
    return f"{why} {said}"


def back(request: Request, default: str) -> HttpResponse:
    """After a form: htmx gets the messages and a word to the page that rooms have changed; a plain browser is led back to
    where it came from (`next`, on this site only) or to `default`."""
    if request.htmx:
        response = render(request, "_messages.html")
        response["HX-Trigger"] = "rooms-changed"
        return response
    return HttpResponseRedirect(way_back(request, default))


def way_back(request: HttpRequest, default: str) -> str:
    """Where the form says it came from (`next`), if that is on this site; else `default`."""
    wanted = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return wanted if wanted.startswith("/") and safe else default


def page_context(request: HttpRequest) -> dict[str, Any]:
    """Return what every page shows: what the person may do at all, and the pages that slices have added."""
    person = getattr(request, "user", None)
    if not isinstance(person, Person):
        waits = SimpleLazyObject(lambda: kept.is_waiting(request))
        return {"simulated": not settings.GOOGLE.are_real, "form_waits": waits}
    context = {
        "simulated": not settings.GOOGLE.are_real,
        "general": access.permissions(person),
        "live": getattr(request, "live", ""),
        "navigation": registry.navigation,
    }
    for add in registry.contexts:
        context |= add(request)
    return context
