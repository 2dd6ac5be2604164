"""Lookup: paste anything, read a verdict."""

from django.contrib import messages
from django.http import HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from spaces.access import Permission
from spaces.actions import lookup
from spaces.audit import Refused
from spaces.forms import LookupForm
from spaces.google.errors import GoogleError
from spaces.language import spoken
from spaces.models import Room
from spaces.views.replies import Request, page
from spaces.views.rows import rows


def _answer(request: Request, text: str) -> dict[str, object]:
    now = timezone.now()
    answer = lookup.find(text=text, actor=request.user)
    shown = rows(answer.rooms, request.user, now)
    single = shown[0] if len(shown) == 1 else None
    return {
        "q": text,
        "answer": answer,
        "rows": shown,
        "single": single,
        "now": now,
        **(_details(single.room, single.may) if single else {}),
    }


def _details(room: Room, may: frozenset[Permission]) -> dict[str, object]:
    calls = room.space.conferences.all()[:5] if room.space and Permission.HISTORY_SEE in may else []
    entries = room.audit.all()[:5] if Permission.AUDIT_ROOM in may else []
    return {"calls": calls, "entries": entries}


@require_GET
def look_up(request: Request) -> HttpResponse:
    """The verdict on a pasted text, from our own data alone."""
    form = LookupForm(request.GET)
    text = form.cleaned_data["q"] if form.is_valid() else ""
    return page(request, "lookup.html", _answer(request, text), partial="answer")


@require_POST
def ask(request: Request) -> HttpResponse:
    """Ask Google about a code that is none of ours."""
    form = LookupForm(request.POST)
    text = form.cleaned_data["q"] if form.is_valid() else ""
    context = _answer(request, text)
    try:
        context["word"] = lookup.ask_google(text=text, actor=request.user)
    except (Refused, GoogleError) as trouble:
        messages.error(request, spoken(trouble.sentence))
    return page(request, "lookup.html", context, partial="answer")
