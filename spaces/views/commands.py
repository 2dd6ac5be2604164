"""The command bar: what can be done from here, found by a few letters. It offers; the pages behind it decide."""

from dataclasses import dataclass

from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from spaces import access, registry
from spaces.access import Permission
from spaces.actions.wordsearch import by_all_words, in_order
from spaces.forms import CommandForm
from spaces.google import codes
from spaces.models import Room
from spaces.offers import Act, Offers, offers
from spaces.views.replies import Request, page
from spaces.views.rows import Row, rows

ROOMS = 7  # found rooms shown at once


@dataclass(frozen=True, slots=True)
class Command:
    """One line of the bar. `way`: go (a page), dialog (a page that opens as a dialog), post (done at once), copy, selection (the page
    does it)."""

    label: str | Promise
    icon: str
    address: str = ""
    hint: str | Promise = ""
    way: str = "go"
    text: str = ""  # what is copied, or what is done with the selection
    state: str = ""  # of a room


# Name of the address, words, icon, what the person must be allowed to (empty: nothing).
PAGES: tuple[tuple[str, str | Promise, str, str], ...] = (
    ("overview", gettext_lazy("Rooms"), "radio", ""),
    ("lookup", gettext_lazy("Lookup"), "search", ""),
    ("mine", gettext_lazy("My rooms"), "user", ""),
    ("room_new", gettext_lazy("Add room"), "plus", Permission.ROOM_CREATE),
    ("people", gettext_lazy("People"), "users", Permission.PEOPLE_MANAGE),
    ("accounts", gettext_lazy("Google accounts"), "key-round", Permission.ACCOUNT_CONNECT),
    ("audit", gettext_lazy("Audit"), "history", Permission.AUDIT_READ),
    ("preferences", gettext_lazy("Your settings"), "settings-2", ""),
    ("keys", gettext_lazy("Keyboard shortcuts"), "info", ""),
)


def _pages(request: Request, words: str) -> list[Command]:
    general = access.permissions(request.user)
    added = [(entry.url_name, entry.label, entry.icon, entry.permission) for entry in registry.navigation]
    found = [
        Command(label, icon, reverse(name))
        for name, label, icon, needs in (*PAGES, *added)
        if (not needs or needs in general) and words.casefold() in str(label).casefold()
    ]
    wall = _("Wall mode")
    if words.casefold() in wall.casefold():
        found.append(Command(wall, "monitor", f"{reverse('overview')}?tv=1"))
    return found


def _selection(number: int) -> list[Command]:
    """What may be done with the rooms that are ticked; the page itself knows which they are and does it."""
    words = {"number": number}
    return [
        Command(_("Copy the codes of %(number)s selected") % words, "copy", way="selection", text="codes"),
        Command(_("Copy the links of %(number)s selected") % words, "link", way="selection", text="links"),
        Command(_("Refresh %(number)s selected") % words, "refresh-cw", way="selection", text="refresh"),
        Command(_("Clear the selection"), "x", way="selection", text="clear"),
    ]


ROOM_ACTS: tuple[tuple[Act, str | Promise, str, str, str], ...] = (
    # Act, label, icon, way, and the name of the address; for copying nothing.
    (Act.END, gettext_lazy("End the call in %(room)s…"), "circle-x", "dialog", "end"),
    (Act.COPY_CODE, gettext_lazy("Copy the code of %(room)s"), "copy", "copy", ""),
    (Act.COPY, gettext_lazy("Copy the link of %(room)s"), "link", "copy", ""),
    (Act.JOIN, gettext_lazy("Join %(room)s"), "external-link", "go", "join"),
    (Act.REFRESH, gettext_lazy("Refresh %(room)s"), "refresh-cw", "post", "refresh"),
    (Act.SETTINGS, gettext_lazy("Settings of %(room)s…"), "settings-2", "go", "configure"),
    (Act.CREATE, gettext_lazy("Create a link for %(room)s…"), "link", "go", "space_create"),
    (Act.EDIT, gettext_lazy("Edit %(room)s…"), "pencil", "go", "room_edit"),
)


def _room_actions(given: Offers) -> list[Command]:
    """Return what this person can do with this room now, the main action of its state first."""
    room, space = given.room, given.space
    copied = {Act.COPY_CODE: space.meeting_code, Act.COPY: space.meeting_uri} if space else {}
    return [
        Command(
            str(label) % {"room": room.name},
            icon,
            reverse(name, args=[room.slug]) if name else "",
            hint=copied.get(act, "") if act == Act.COPY_CODE else "",
            way=way,
            text=copied.get(act, ""),
        )
        for act, label, icon, way, name in ROOM_ACTS
        if given[act].possible
    ]


def _found_rooms(request: Request, words: str) -> list[Row]:
    """Return the rooms that Lookup finds by these words, best match first."""
    visible = access.visible_rooms(request.user).current()
    found = by_all_words(words, visible)
    return rows(in_order(found.rooms[:ROOMS], visible), request.user, timezone.now())


def _has_code(request: Request, parsed: codes.Parsed) -> bool:
    """Return whether the text is a code or link to be looked up. A loose code may be words, so it is one only if a room has it."""
    if parsed.kind not in {"code", "space"} or not parsed.loose:
        return parsed.kind in {"code", "space"}
    said = {parsed.value, *parsed.candidates}
    return access.visible_rooms(request.user).filter(space__meeting_code__in=said).exists()


def _as_command(shown: Row) -> Command:
    room: Room = shown.room
    return Command(room.name, "monitor", room.get_absolute_url(), room.place, state=shown.state)


@require_GET
def bar(request: Request) -> HttpResponse:
    """What fits the words: the room at hand and what may be done with it, rooms, pages, and always a way to look the words
    up. Without words: what is likely here. A code or link goes straight to its verdict."""
    words, at, selected = CommandForm(request.GET).asked()
    here = access.visible_rooms(request.user).for_pages().filter(slug=at).first() if at else None
    found: list[Command] = []
    actions = _selection(selected) if selected else []
    actions += _room_actions(offers(here, request.user)) if here else []
    if not words:
        found = [*actions, *_pages(request, "")]
    else:
        look = Command(
            _("Look up “%(words)s”") % {"words": words if len(words) <= 60 else f"{words[:59]}…"},
            "search",
            f"{reverse('lookup')}?{urlencode({'q': words})}",
        )
        parsed = codes.parse(words)
        pasted = _has_code(request, parsed)
        written = pasted or (parsed.kind == "code" and "-" in words)
        rooms = [] if pasted else _found_rooms(request, words)
        found = [one for one in actions if words.casefold() in str(one.label).casefold()]
        found += [_as_command(one) for one in rooms]
        if len(rooms) == 1 and rooms[0].room != here:
            found += _room_actions(rooms[0].offers)
        found += _pages(request, words)
        found = [look, *found] if written else [*found, look]
    context = {"commands": found, "words": words, "at": at, "selected": selected}
    return page(request, "commands.html", context, partial="bar" if "open" in request.GET else "found")
