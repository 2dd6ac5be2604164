"""Lookup: paste anything, read a verdict and what to do next."""

from dataclasses import dataclass
from urllib.parse import quote

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from spaces.access import Permission
from spaces.actions import admission, lookup
from spaces.actions.admission import Explanation
from spaces.actions.lookup import Answer
from spaces.audit import ActionRejected
from spaces.forms import LookupForm
from spaces.google import codes
from spaces.google.errors import GoogleError
from spaces.language import spoken
from spaces.models import Ownership
from spaces.offers import next_step
from spaces.views import lookup_words
from spaces.views.lanes import calls_google
from spaces.views.replies import Request, page
from spaces.views.roompage import stable_address
from spaces.views.rows import Row, rows

STATES = {
    "stuck": gettext_lazy("Stuck"),
    "live": gettext_lazy("Live"),
    "idle": gettext_lazy("Idle"),
    "unknown": gettext_lazy("Status unknown"),
    "none": gettext_lazy("No link"),
}
RECENT = "lookups"  # where the session keeps them; they end with it
KEPT = 8
LONGEST_ADDRESS = 1500
"""Letters of a query that the page's own address carries; a longer text is answered to its POST."""
LONGEST_SHOWN = 20_000
"""Letters of a text that a page gives back in its text box. With JavaScript the browser keeps the text itself."""


def _answer(request: Request, form: LookupForm) -> dict[str, object]:
    now = timezone.now()
    text, caller = form.asked()
    answer = lookup.find(text=text, actor=request.user)
    shown = rows(answer.rooms, request.user, now)
    single = shown[0] if len(shown) == 1 else None
    return {
        "q": text[:LONGEST_SHOWN],
        "shortened": LONGEST_SHOWN if len(text) > LONGEST_SHOWN else 0,
        "q_short": text[:LONGEST_ADDRESS] if answer.verdict in {"rooms", "nothing"} else "",
        "form": form,
        "longest": codes.LONGEST_INPUT,
        "answer": answer,
        "rows": shown,
        "single": single,
        "now": now,
        "recent": _recent(request, answer, text),
        **(_details(single, answer, caller) if single else {}),
    }


def _details(single: Row, answer: Answer, caller: str) -> dict[str, object]:
    room, may = single.room, single.may
    calls = room.space.conferences.all()[:5] if room.space and Permission.HISTORY_SEE in may else []
    entries = room.audit.all()[:5] if Permission.AUDIT_ROOM in may else []
    old_link = answer.verdict == "former"
    facts = admission.facts_of(room, may, caller=caller, refused=answer.refused, old_link=old_link)
    explanation = admission.explain(facts)
    step = _step(single, explanation)
    findings = [lookup_words.finding(one) for one in explanation.findings]
    helpers = [one for one in room.ownerships.all() if address_of(one)]
    return {
        "calls": calls,
        "entries": entries,
        "step": step,
        "asked": explanation.is_about_joining,
        "findings": findings,
        "helpers": helpers,
        "state_word": STATES.get(single.state, ""),
        "page": stable_address(room, "room"),
    }


def address_of(ownership: Ownership) -> str:
    """Return the address at which an owner or deputy can be written to; "" when the account behind it is gone."""
    person = ownership.person
    return (person.mail_address or "") if person.is_active else ""


def first_address(single: Row) -> str:
    """Return the address of the owner or deputy to write to first; "" when there is none."""
    return next((found for one in single.room.ownerships.all() if (found := address_of(one))), "")


@dataclass(frozen=True, slots=True)
class Step:
    """What to do next, in one sentence, and the act of its button: one of spaces.offers, or a letter to `address`."""

    words: str
    act: str = ""
    address: str = ""


def _step(single: Row, explanation: Explanation) -> Step:
    """Return the next step in words."""
    address = first_address(single)
    found = next_step(single.offers, explanation, writable=bool(address))
    words = lookup_words.step(found.code, explanation)
    if found.act != "mail":
        return Step(words, found.act)
    about_call = found.code in lookup_words.ABOUT_CALL
    link = stable_address(single.room, "end" if about_call else "configure")
    subject, body = lookup_words.letter(single.room.name, link, about_call=about_call)
    return Step(words, found.act, _letter(address, subject, body))


def _letter(address: str, subject: str, body: str) -> str:
    return f"mailto:{quote(address, safe='@')}?subject={quote(subject)}&body={quote(body)}"


# --- Recent look-ups: for the call at hand, in the session and nowhere else ----------------------------------


def _recent(request: Request, answer: Answer, text: str) -> list[dict[str, str]]:
    """Return what this person looked up before, newest first; this look-up joins them for the next time. Of what was pasted only
    the code or the name is kept: invitations hold PINs and names."""
    earlier: list[dict[str, str]] = request.session.get(RECENT, [])
    if answer.verdict in {"empty", "not_a_code", "nothing"} or not (answer.code or answer.rooms):
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


@require_http_methods(["GET", "HEAD", "POST"])
def look_up(request: Request) -> HttpResponse:
    """Show the verdict on a pasted text, from our own data alone. A POST carries what is too long for an address, and writes
    nothing either; a short text is led to its address, so that the page can be reloaded and passed on."""
    if request.method != "POST":
        return page(request, "lookup.html", _answer(request, LookupForm(request.GET)), partial="answer")
    form = LookupForm(request.POST)
    text, caller = form.asked()
    if form.errors:
        return page(request, "lookup.html", _answer(request, form), partial="answer", status=422)
    address = _address(text, caller) if len(text) <= LONGEST_ADDRESS else ""
    if address and not request.htmx:
        return redirect(address)
    context = _answer(request, form)
    answer = context["answer"]
    if isinstance(answer, Answer) and answer.code and not address:
        address = _address(answer.code, caller)
        if not request.htmx:
            return redirect(address)
    response = page(request, "lookup.html", context, partial="answer")
    response["HX-Push-Url"] = address or reverse("lookup")
    return response


def _address(text: str, caller: str) -> str:
    query = {"q": text, "caller": caller} if caller else {"q": text}
    return f"{reverse('lookup')}?{urlencode(query)}"


@require_POST
@calls_google()
def ask(request: Request) -> HttpResponse:
    """Ask Google about a code that is none of ours."""
    form = LookupForm(request.POST)
    context = _answer(request, form)
    try:
        context["word"] = lookup.ask_google(text=form.asked()[0], actor=request.user)
    except ActionRejected as rejection:
        messages.error(request, str(rejection.message))
    except GoogleError as error:
        messages.error(request, spoken(error.sentence))
    return page(request, "lookup.html", context, partial="answer")
