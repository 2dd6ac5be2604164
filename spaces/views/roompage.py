"""One room: its page with tabs, the card for its wall, and the stable address that leads into its call."""

from typing import Any

import segno
from django.conf import settings
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString, mark_safe
from django.views.decorators.http import require_GET

from spaces.access import Permission
from spaces.google import config
from spaces.models import Room
from spaces.views.replies import Request, page
from spaces.views.rooms import find
from spaces.views.rows import row

TABS = (
    ("history", "Calls", Permission.HISTORY_SEE),
    ("settings", "Settings", Permission.SETTINGS_SEE),
    ("spaces", "Links", Permission.ROOM_SEE),
    ("audit", "Audit", Permission.AUDIT_ROOM),
)


@require_GET
def room(request: Request, slug: str) -> HttpResponse:
    """One room: what is on now, and behind tabs in the address its calls, settings, links and trail."""
    now = timezone.now()
    found = find(request, slug)
    shown = row(found, request.user, now)
    tabs = [(key, label) for key, label, needs in TABS if needs in shown.may]
    tab = request.GET.get("tab", "")
    tab = tab if tab in dict(tabs) else tabs[0][0]
    context = {
        "room": found,
        "row": shown,
        "space": found.space,
        "now": now,
        "tabs": tabs,
        "tab": tab,
        "ownerships": found.ownerships.select_related("person"),
        **_now_panel(found, shown.may),
        **_tab(found, tab),
    }
    return page(request, "room.html", context, partial="now")


def _now_panel(found: Room, may: frozenset[Permission]) -> dict[str, Any]:
    call = found.space.conference if found.space else None
    return {"participants": list(call.participants.all()) if call and Permission.NAMES_SEE in may else []}


def _tab(found: Room, tab: str) -> dict[str, Any]:
    space = found.space
    if tab == "history":
        return {"calls": space.conferences.all()[:50] if space else []}
    if tab == "settings":
        known = space.settings if space else {}
        groups: dict[str, list[dict[str, Any]]] = {}
        for setting in config.CATALOGUE:
            value = known.get(setting.path, "")
            groups.setdefault(setting.group, []).append(
                {"setting": setting, "choice": setting.choice(value) if value else None}
            )
        return {"groups": list(groups.items())}
    if tab == "audit":
        return {"entries": found.audit.all()[:50]}
    return {
        "past_codes": space.past_codes.all() if space else [],
        "former_spaces": found.former_spaces.order_by("-retired_at"),
    }


@require_GET
def join(request: Request, slug: str) -> HttpResponse:
    """The stable address of a room, for QR cards and door signs: leads into its present call."""
    found = find(request, slug)
    if found.space and found.space.meeting_uri:
        return HttpResponseRedirect(found.space.meeting_uri)
    return redirect(found)


def stable_address(found: Room) -> str:
    """The room's address for walls and invitations. It stays the same when the Meet link behind it is replaced, and it is built
    on the configured address, not on whatever name this request came by: it will be printed."""
    return f"{settings.BASE_URL}{reverse('join', args=[found.slug])}"


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
