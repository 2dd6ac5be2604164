"""One room: its page with tabs, the card for its wall, and the stable address that leads into its call."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import segno
from django.conf import settings
from django.core.paginator import Paginator
from django.db.models import Case, Exists, OuterRef, Q, QuerySet, Value, When
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET

from spaces import access
from spaces.access import Permission
from spaces.forms import DeviceForm
from spaces.google import config
from spaces.models import Conference, DeviceIdentity, Participant, Person, Room, Space
from spaces.models.sentences import unpack
from spaces.offers import Act
from spaces.views import daystrip
from spaces.views.live import watched
from spaces.views.replies import Request, page
from spaces.views.rooms import find
from spaces.views.rows import Row, row

TABS = (
    ("history", _("Calls"), Permission.HISTORY_SEE),
    ("settings", _("Settings"), Permission.SETTINGS_SEE),
    ("members", _("Members"), Permission.SETTINGS_SEE),
    ("spaces", _("Links"), Permission.ROOM_SEE),
    ("audit", _("Audit"), Permission.AUDIT_ROOM),
)
PER_PAGE = 25
SHOWN_AT_ONCE = 12  # people in the call; the others are behind "and n more"


@require_GET
@watched
def room(request: Request, slug: str) -> HttpResponse:
    """One room: what is on now and was in the last day, and behind tabs in the address its calls, settings, members, links and
    trail. Nothing here asks Google."""
    now = timezone.now()
    found = find(request, slug)
    shown = row(found, request.user, now)
    given = shown.offers.with_general(access.permissions(request.user))
    tabs = [(key, label) for key, label, needs in TABS if needs in shown.may]
    tab = request.GET.get("tab", "")
    tab = tab if tab in dict(tabs) else tabs[0][0]
    context = {
        "room": found,
        "row": shown,
        "space": found.space,
        "now": now,
        "offers": given,
        "main": given.main(now),
        "ageing": bool(found.space and found.space.code_is_ageing(now)),
        "stable": stable_address(found),
        "tabs": tabs,
        "tab": tab,
        "device_names": _device_names(found, shown),
        "ownerships": list(found.ownerships.select_related("person")),
        **_now_panel(found, shown, now),
        **_tab(found, tab, request.GET.get("page")),
    }
    return page(request, "room.html", context, partial="now")


def _device_names(found: Room, shown: Row) -> str:
    """The names of the devices that were recognised as this room's, for those who can correct that."""
    if found.device_name or Permission.DEVICE_IDENTIFY not in shown.may:
        return ""
    return ", ".join(found.device_identities.filter(is_device=True).values_list("display_name", flat=True))


def _now_panel(found: Room, shown: Row, now: datetime) -> dict[str, Any]:
    space, panel = found.space, dict[str, Any]()
    if space is None:
        return panel
    if space.conference and Permission.NAMES_SEE in shown.may:
        everybody = list(_participants(space.conference))
        panel |= {"participants": everybody[:SHOWN_AT_ONCE], "further": everybody[SHOWN_AT_ONCE:]}
        if shown.offers[Act.IDENTIFY].possible:
            panel |= {"device_form": DeviceForm(), "asked": [one for one in everybody if one.ask]}
    if shown.state in {"live", "stuck"}:
        panel["score"] = space.verdict(now).score
    if Permission.HISTORY_SEE in shown.may:
        if shown.state == "idle":
            panel["last"] = space.conferences.exclude(ended_at=None).first()
        panel["day"] = daystrip.day(_bars(found, shown, now), now, timezone.get_current_timezone())
    return panel


def _participants(call: Conference) -> "QuerySet[Participant, Any]":
    """Who is in the call. `ask`: nobody has said yet whether it is a device; `change`: what it may be called instead, device or
    person; empty for who has no Google id, and for people who sign in here."""
    undecided = DeviceIdentity.objects.filter(google_id=OuterRef("google_id"), is_device=None)
    signs_in = Person.objects.filter(google_id=OuterRef("google_id"))
    fixed = Q(google_id="") | Exists(signs_in)
    return call.participants.annotate(
        ask=Exists(undecided),
        change=Case(
            When(fixed, then=Value("")),
            When(kind=Participant.Kind.DEVICE, then=Value("person")),
            default=Value("device"),
        ),
    )


def _bars(found: Room, shown: Row, now: datetime) -> list[daystrip.Bar]:
    """The calls of the last day in the room: in its present link, and in one that it had until some hours ago."""
    replaced = found.former_spaces.filter(retired_at__gt=now - daystrip.LENGTH).values_list("pk", flat=True)
    past = daystrip.earlier([found.space_id or 0, *replaced], now)
    bars = [bar for bars in past.values() for bar in bars]
    if shown.call and shown.state in {"live", "stuck"}:
        bars += daystrip.running(shown.call, now, stuck=shown.state == "stuck")
    return bars


def _tab(found: Room, tab: str, number: str | None) -> dict[str, Any]:
    space = found.space
    if tab == "history":
        calls = space.conferences.all() if space else Conference.objects.none()
        leaf = Paginator(calls, PER_PAGE).get_page(number)
        return {"leaf": leaf, "calls": leaf.object_list}
    if tab == "settings":
        return {"groups": _settings(space) if space else []}
    if tab == "members":
        return {"members": list(space.members.order_by("-role", "email")) if space else []}
    if tab == "audit":
        leaf_of_trail = Paginator(found.audit.all(), PER_PAGE).get_page(number)
        return {"leaf": leaf_of_trail, "entries": leaf_of_trail.object_list}
    return {
        "past_codes": space.past_codes.all() if space else [],
        "former_spaces": found.former_spaces.order_by("-retired_at"),
    }


@dataclass(frozen=True, slots=True)
class Line:
    """One setting as it is now. `idle`: it has no effect at present; `refused`: what Google did not take when last asked, why
    and when."""

    setting: config.Setting
    choice: config.Choice | None
    idle: bool = False
    refused: dict[str, Any] | None = None


def _settings(space: Space) -> list[tuple[str, list[Line]]]:
    groups: dict[str, list[Line]] = {}
    for setting in config.CATALOGUE:
        value = space.settings.get(setting.path, "")
        refused = space.refused.get(setting.path)
        if refused and refused["wanted"] == value:
            refused = None  # it holds by now, whoever brought it about
        line = Line(
            setting=setting,
            choice=setting.choice(value) if value else None,
            idle=bool(setting.needs and space.settings.get(setting.needs.path, "") != setting.needs.value),
            refused=refused
            and {
                "label": setting.choice(refused["wanted"]).label,
                "why": unpack(refused["why"]),
                "at": datetime.fromisoformat(refused["at"]),
            },
        )
        groups.setdefault(setting.group, []).append(line)
    return list(groups.items())


@require_GET
def join(request: Request, slug: str) -> HttpResponse:
    """The stable address of a room, for QR cards and door signs: leads into its present call."""
    found = find(request, slug)
    if found.space and found.space.meeting_uri:
        return HttpResponseRedirect(found.space.meeting_uri)
    return redirect(found)


def stable_address(found: Room, name: str = "join") -> str:
    """A room's address for walls, letters and tickets, with the name of the page it leads to: by itself the one that stays the same
    when the Meet link behind it is replaced. Built on the configured site, not on whatever name this request came by."""
    return f"{settings.BASE_URL}{reverse(name, args=[found.slug])}"


def _qr(text: str) -> SafeString:
    """The text as a QR code: an SVG without style or script. A quarter of it may be worn off the wall (level Q)."""
    drawing = segno.make(text, error="q", micro=False).svg_inline(
        omitsize=True, svgclass="qr", lineclass=None
    )
    return mark_safe(drawing)  # noqa: S308  made by segno out of numbers; the text itself is not in it


@require_GET
def card(request: Request, slug: str) -> HttpResponse:
    """A card for the wall of the room, to be printed: its name, its stable address and the address as a QR code. Nothing on it
    is a secret: the address asks for a sign-in."""
    found = find(request, slug)
    address = stable_address(found)
    return page(
        request,
        "card.html",
        {"room": found, "address": address, "short": address.partition("://")[2], "qr": _qr(address)},
    )
