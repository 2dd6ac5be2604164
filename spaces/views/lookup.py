"""Lookup: paste anything, read a verdict and what to do next."""

from dataclasses import dataclass
from urllib.parse import quote

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from spaces.access import Permission
from spaces.actions import lookup
from spaces.actions.lookup import Answer
from spaces.audit import Refused
from spaces.forms import LookupForm
from spaces.google.errors import GoogleError
from spaces.language import spoken
from spaces.views.lanes import calls_google
from spaces.views.replies import Request, page
from spaces.views.roompage import stable_address
from spaces.views.rows import Row, rows

RECENT = "lookups"  # where the session keeps them; they end with it
KEPT = 8


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
        "recent": _recent(request, answer, text),
        **(_details(single) if single else {}),
    }


def _details(single: Row) -> dict[str, object]:
    room, may = single.room, single.may
    calls = room.space.conferences.all()[:5] if room.space and Permission.HISTORY_SEE in may else []
    entries = room.audit.all()[:5] if Permission.AUDIT_ROOM in may else []
    return {
        "calls": calls,
        "entries": entries,
        "step": next_step(single),
        "page": stable_address(room, "room"),
    }


@dataclass(frozen=True, slots=True)
class Step:
    """What to do next, in one sentence, and the button for it: end, copy, mail (`address`), refresh, create or none."""

    words: str
    act: str = ""
    address: str = ""


def next_step(single: Row) -> Step:
    """What this person does next about this room. It tells nothing that the person may not see: where the state is hidden,
    so is every step that would follow from it."""
    space, may = single.space, single.may
    if space is None:
        if Permission.SPACE_CREATE in may:
            return Step(_("The room has no link: create one."), "create")
        return Step(_("The room has no link. An admin can create one."))
    if single.state == "hidden":
        return Step(_("Send this link, or use it. Whether a call is on, its owner can tell."), "copy")
    if single.state == "unknown":
        return Step(_("Whether a call is on cannot be told. Ask Google again."), "refresh")
    if single.state == "idle":
        return Step(_("The link works and nothing is on: send it, or use it."), "copy")
    if single.can_end:
        if single.state == "stuck":
            return Step(_("It looks forgotten: end it."), "end")
        return Step(_("A call is on. End it only if the room is needed."), "end")
    if not space.can_be_ended and {Permission.CONFERENCE_END, Permission.NAMES_REVEAL} & may:
        call = space.conference
        if call and call.counted and call.devices and not call.people and not call.guests and not call.phones:
            return Step(
                _(
                    "Nobody can end this call from here, and only room devices are in it. Hang up at the device, or have it "
                    "disconnected in Google's Admin console."
                )
            )
        return Step(
            _("Nobody can end this call from here. Somebody in the call has to end it there."), "copy"
        )
    return _ask_an_owner(single)


def _ask_an_owner(single: Row) -> Step:
    owners = [one.person.email for one in single.room.ownerships.all()]
    if not owners:
        return Step(_("A call is on, and no owner is written down. An admin can end it."))
    words = (
        _("It looks forgotten. Ask the owner to end it.")
        if single.state == "stuck"
        else _("A call is on. If the room is needed, ask the owner to end it.")
    )
    if Permission.NAMES_REVEAL not in single.may:
        return Step(words)  # who is in the call themselves does not need a letter for it
    subject = _("Call in %(room)s") % {"room": single.room.name}
    body = _(
        "Please have a look at the call in %(room)s. You can end it here without joining it: %(address)s"
    ) % {
        "room": single.room.name,
        "address": stable_address(single.room, "end"),
    }
    return Step(
        words, "mail", f"mailto:{quote(owners[0], safe='@')}?subject={quote(subject)}&body={quote(body)}"
    )


# --- Recent look-ups: for the call at hand, in the session and nowhere else ----------------------------------


def _recent(request: Request, answer: Answer, text: str) -> list[dict[str, str]]:
    """What this person looked up before, newest first; this look-up joins them for the next time. Of what was pasted only the
    code or the name is kept: invitations hold PINs and names."""
    earlier: list[dict[str, str]] = request.session.get(RECENT, [])
    if answer.verdict in {"empty", "not_a_code", "nothing"}:
        return earlier
    room = answer.rooms[0] if len(answer.rooms) == 1 else None
    this = {"q": answer.code or (room.name if room else text[:80]), "label": room.name if room else ""}
    others = [one for one in earlier if one["q"] != this["q"]]
    if earlier != [this, *others][:KEPT]:
        request.session[RECENT] = [this, *others][:KEPT]
    return others


@require_POST
def forget(request: Request) -> HttpResponse:
    """Clear the recent look-ups."""
    request.session.pop(RECENT, None)
    return redirect("lookup")


@require_GET
def look_up(request: Request) -> HttpResponse:
    """The verdict on a pasted text, from our own data alone."""
    form = LookupForm(request.GET)
    text = form.cleaned_data["q"] if form.is_valid() else ""
    return page(request, "lookup.html", _answer(request, text), partial="answer")


@require_POST
@calls_google()
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
