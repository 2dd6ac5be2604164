"""What surrounds every request: the person's language and time zone."""

from collections.abc import Callable
from zoneinfo import ZoneInfo

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone, translation

from spaces.language import zones
from spaces.models import Person

Handler = Callable[[HttpRequest], HttpResponse]


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
