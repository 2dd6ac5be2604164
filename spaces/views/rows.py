"""A room as one row of a list: what this person may see of it, ready to print. Overview, lookup and "my rooms" share it."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from django.utils.functional import Promise
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from spaces import access
from spaces.access import Permission, RoomLinks
from spaces.google import config
from spaces.language import spoken
from spaces.models import Conference, Person, Room, Space
from spaces.models.state import Reason
from spaces.offers import Offers
from spaces.views import daystrip

NEEDS_ACTION = gettext_lazy("Needs action")


@dataclass(frozen=True, slots=True)
class Row:
    """One room. `call`, `seen_at` and the rest are empty where the person may not know."""

    room: Room
    may: frozenset[Permission]
    state: str  # stuck, live, idle, unknown, none; "hidden" where the person may not know
    reasons: list[str] = field(default_factory=list)
    call: Conference | None = None
    seen_at: datetime | None = None
    group: str | Promise = ""
    strip: str = ""  # the last day as a picture, where the list has it and the person may know
    starred: bool = False  # one of the person's favourites, where the list shows them

    @property
    def owners(self) -> list[str]:
        """Whom to ask: owners and deputies by name, else by address. Only for lists with that column, which load them."""
        return [one.person.display_name for one in self.room.ownerships.all()]

    @property
    def space(self) -> Space | None:
        """The room's Meet space."""
        return self.room.space

    @property
    def running(self) -> timedelta | None:
        """How long the call has been on when last seen."""
        if self.call and self.call.started_at and self.seen_at:
            return self.seen_at - self.call.started_at
        return None

    @property
    def offers(self) -> Offers:
        """What the person can do with the room now."""
        return Offers(self.room, self.may, self.state)

    @property
    def access_label(self) -> str:
        """Who may join without knocking, in words; empty when not known."""
        value = self.space.settings.get("accessType", "") if self.space else ""
        return config.BY_PATH["accessType"].choice(value).label if value else ""


def row(room: Room, person: Person, now: datetime, links: RoomLinks | None = None) -> Row:
    """Return the room as this person may see it. A list reads `links` once for all its rows."""
    may = access.permissions(person, room, links)
    if Permission.CALL_SEE not in may:
        return Row(room, may, "hidden" if room.space else "none", group=room.building.name)
    state, space = room.state, room.space
    if space is None:
        return Row(room, may, "none", group=room.building.name)
    reasons = []
    if state == "unknown":
        reasons = unknown_reasons(room.state_reason, space, may)
    elif state == "stuck":
        reasons = space.stuck_reasons(now)
    return Row(
        room,
        may,
        state,
        reasons,
        call=space.conference if state in {"live", "stuck", "unknown"} else None,
        seen_at=space.seen_at,
        group=NEEDS_ACTION if state in {"stuck", "unknown"} else room.building.name,
    )


def unknown_reasons(reason: str, space: Space, may: frozenset[Permission]) -> list[str]:
    """Return why the state is unknown. Which account it is, and its problem, is for those who may see the room's settings."""
    if reason == Reason.ACCOUNT_BROKEN:
        if Permission.SETTINGS_SEE not in may:
            return [_("Google does not let Meetadmin in as the account of this room")]
        words = {"account": space.account.email, "problem": spoken(space.account.problem)}
        return [_("account %(account)s: %(problem)s") % words]
    if reason in {Reason.NOT_FOUND, Reason.NOT_PERMITTED}:
        return [space.get_trouble_display()]
    if reason == Reason.NOT_OWNED:
        return [_("none of our accounts owns this meeting, so Google does not show whether a call is on")]
    return [_("not asked yet")]


def load(
    keys: Sequence[int],
    person: Person,
    now: datetime,
    links: RoomLinks,
    *,
    columns: Collection[str],
    stars: Collection[int] = frozenset(),
) -> list[Row]:
    """Those of these rooms that the person may see, in this order, with all that their rows show in these columns. The number
    of queries does not depend on the number of rooms."""
    rooms = access.visible_rooms(person).for_lists().filter(pk__in=keys)
    if "owner" in columns:
        rooms = rooms.prefetch_related("ownerships__person")
    by_key = {room.pk: row(room, person, now, links) for room in rooms}
    shown = [by_key[key] for key in keys if key in by_key]
    shown = [replace(one, starred=True) if one.room.pk in stars else one for one in shown]
    return with_strips(shown, now) if "today" in columns else shown


def with_strips(shown: list[Row], now: datetime) -> list[Row]:
    """The same rows with their day strips, where the person may know of earlier calls. One query."""
    telling = {one.room.space_id for one in shown if Permission.HISTORY_SEE in one.may and one.room.space_id}
    over = daystrip.earlier(telling, now)

    def drawn(one: Row) -> SafeString:
        on = daystrip.running(one.call, now, stuck=one.state == "stuck") if one.call else []
        return daystrip.strip(over.get(one.room.space_id or 0, []) + on, now)

    return [replace(one, strip=drawn(one)) if one.room.space_id in telling else one for one in shown]


def rows(rooms: Iterable[Room], person: Person, now: datetime) -> list[Row]:
    """The rooms, out of `visible_rooms`, as rows in their order."""
    links = access.room_links(person)
    return [row(room, person, now, links) for room in rooms]
