"""Language and time zone: for everybody, before signing in, too."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from spaces.actions import people
from spaces.forms import LanguageForm
from spaces.models import Person
from spaces.views.replies import Request, page, posted, way_back


@require_http_methods(["GET", "POST"])
@login_not_required
def language(request: Request) -> HttpResponse:
    """In which language and in whose time the pages speak. What is not sent stays; the footer sends the language alone. It is kept
    on the person, and in a cookie for the pages before sign-in."""
    person = request.user if isinstance(request.user, Person) else None
    initial = {
        "language": person.language if person else request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME, ""),
        "time_zone": person.time_zone if person else "",
    }
    form = LanguageForm(posted(request), initial=initial)
    if request.method != "POST" or not form.is_valid():
        context = {"form": form, "person": person}
        return page(request, "language.html", context, status=422 if form.errors else 200)
    chosen = {name: form.cleaned_data[name] for name in form.cleaned_data if name in request.POST}
    if person:
        people.prefer(chosen=chosen, actor=person)
    if chosen.get("language"):
        translation.activate(chosen["language"])
    if person and "time_zone" in chosen:  # a message to a stranger would take a session
        messages.success(request, _("Saved. Pages now speak to you like this."))
    response = HttpResponseRedirect(way_back(request, reverse("language")))
    if chosen.get("language"):
        response.set_cookie(
            settings.LANGUAGE_COOKIE_NAME,
            chosen["language"],
            max_age=settings.LANGUAGE_COOKIE_AGE,
            secure=settings.HTTPS,
            httponly=True,
            samesite="Lax",
        )
    elif "language" in chosen:
        response.delete_cookie(settings.LANGUAGE_COOKIE_NAME)
    return response
