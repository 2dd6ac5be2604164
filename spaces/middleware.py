"""What surrounds every request: the person's language and time zone, the way to the sign-in, and a page for every refusal."""

import uuid
from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.http import HttpRequest, HttpResponse
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from spaces import request_id
from spaces.language import zones
from spaces.models import Person
from spaces.views import kept, problems

Handler = Callable[[HttpRequest], HttpResponse]


def request_ids(get_response: Handler) -> Handler:
    """Give every request an id: in the audit log, in log lines, and in the response's `X-Request-ID`."""

    def middleware(request: HttpRequest) -> HttpResponse:
        token = request_id.current.set(uuid.uuid4().hex)
        try:
            response = get_response(request)
            response["X-Request-ID"] = request_id.current.get()
        finally:
            request_id.current.reset(token)
        return response

    return middleware


def persons_language(get_response: Handler) -> Handler:
    """The language and the time zone that the person has chosen. Before it, Django's LocaleMiddleware has taken the language of
    the cookie, else that of the browser; times without a choice are those of the installation."""
    languages = dict(settings.LANGUAGES)

    def middleware(request: HttpRequest) -> HttpResponse:
        person = getattr(request, "user", None)
        zone = ""
        if isinstance(person, Person):
            zone = person.time_zone
            if person.language in languages:
                translation.activate(person.language)
                request.LANGUAGE_CODE = person.language
        if zone in zones():
            timezone.activate(ZoneInfo(zone))
        else:
            timezone.deactivate()
        return get_response(request)

    return middleware


def remembers_whose(get_response: Handler) -> Handler:
    """The browser remembers who used it last, so that a form that was kept is given to nobody else (spaces.views.kept)."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        kept.remember_whose(request, response)
        return response

    return middleware


class SignInRequired(LoginRequiredMiddleware):
    """Everything is for people who are signed in. A form that arrives after the session has ended is kept until they are."""

    def handle_no_permission(  # type: ignore[override]
        self, request: HttpRequest, view_func: Any
    ) -> HttpResponse:
        """To the sign-in, and from there back to this page."""
        way: HttpResponse = super().handle_no_permission(request, view_func)
        if request.method != "POST":
            return way
        if kept.keep(request) or not problems.typed_into(request):
            return problems.sent_to(request, way["Location"])
        return problems.not_sent(
            request,
            _("You are signed out, so nothing was done."),
            _("What you typed is kept in this page: sign in in another tab, then send it again here."),
            "signed out",
        )


def answers_to_read(get_response: Handler) -> Handler:
    """Django's decorators answer "not allowed" with a status and no word; people get a page."""

    def middleware(request: HttpRequest) -> HttpResponse:
        return problems.filled(request, get_response(request))

    return middleware
