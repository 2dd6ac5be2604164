"""A room as one row of a list: what this person may see of it, ready to print. Overview, lookup and "my rooms" share it."""

import threading
from collections import OrderedDict
from collections.abc import Collection, Hashable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from django.db import DEFAULT_DB_ALIAS
from django.db.models import Model
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.safestring import SafeString
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from spaces import access
from spaces.access import Permission, RoomLinks, RoomRef
from spaces.google import config
from spaces.language import spoken
from spaces.models import Account, Building, Conference, Person, Room, Space
from spaces.models.rooms import ROW_FIELDS, RoomQuerySet
from spaces.offers import Offers
from spaces.views import daystrip

NEEDS_ACTION = gettext_lazy("Needs action")

KEPT = 1000
LASTING = 10.0
"""Seconds for which a row may say how long something has lasted."""


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
    facts: "Facts" = ()  # what it was made of and in whose words, where a list knows that

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


Facts = tuple[Any, ...]
SEEN, OVER = "space__seen_at", "space__conference__stuck_at"
KEYS = ("pk", "building_id", "space_id", "space__account_id", "space__conference_id")
FACTS = (*KEYS, OVER, SEEN, *(name for name in ROW_FIELDS if name not in {SEEN, OVER}))


class _Shelf:
    """Rows as they were made a moment ago, by the facts that they were made of: most rows are made of the same facts as before,
    and making them costs more than asking for those. In this process only."""

    def __init__(self) -> None:
        self._rows: OrderedDict[Hashable, tuple[float, Row]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, face: Hashable, now: datetime) -> Row | None:
        """The row with this face, unless it says how long something has lasted and is too old for that."""
        with self._lock:
            made_at, found = self._rows.get(face, (0.0, None))
            if found is None or (found.reasons and not 0 <= now.timestamp() - made_at < LASTING):
                return None
            self._rows.move_to_end(face)
            return found

    def keep(self, face: Hashable, made: Row, now: datetime) -> None:
        """For whoever asks next."""
        with self._lock:
            self._rows[face] = now.timestamp(), made
            if len(self._rows) > KEPT:
                self._rows.popitem(last=False)

    def clear(self) -> None:
        """Forget them all."""
        with self._lock:
            self._rows.clear()


SHELF = _Shelf()


def row(room: Room, person: Person, now: datetime, links: RoomLinks | None = None) -> Row:
    """Return the room as this person may see it. A list reads `links` once for all its rows."""
    may = access.permissions(person, room, links)
    if Permission.CALL_SEE not in may:
        return Row(room, may, "hidden" if room.space else "none", group=room.building.name)
    state, reasons = room.judged(now)
    space = room.space
    if space is None:
        return Row(room, may, "none", group=room.building.name)
    if state == "unknown":
        reasons = unknown_reasons(space, may)
    return Row(
        room,
        may,
        state,
        reasons,
        call=space.conference if state in {"live", "stuck", "unknown"} else None,
        seen_at=space.seen_at,
        group=NEEDS_ACTION if state in {"stuck", "unknown"} else room.building.name,
    )


def unknown_reasons(space: Space, may: frozenset[Permission]) -> list[str]:
    """Why the state cannot be told. Which account it is, and what ails it, is for those who may see the room's settings."""
    if space.account.status == Account.Status.BROKEN:
        if Permission.SETTINGS_SEE not in may:
            return [_("Google does not let Meetadmin in as the account of this room")]
        words = {"account": space.account.email, "problem": spoken(space.account.problem)}
        return [_("account %(account)s: %(problem)s") % words]
    if space.trouble:
        return [space.get_trouble_display()]
    if not space.owned:
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
    if "owner" in columns:  # of the room, and not among its facts
        whole = access.visible_rooms(person).for_lists().prefetch_related("ownerships__person")
        whole = whole.filter(pk__in=keys)
        by_key = {room.pk: row(room, person, now, links) for room in whole}
    else:
        by_key = _kept(keys, person, now, links)
    shown = [by_key[key] for key in keys if key in by_key]
    shown = [replace(one, starred=True) if one.room.pk in stars else one for one in shown]
    return with_strips(shown, now) if "today" in columns else shown


@cache
def _with_facts() -> Any:
    """Put together once and never evaluated as it is: so many columns take time to find."""
    return RoomQuerySet(Room).values_list(*FACTS)


def _kept(keys: Sequence[int], person: Person, now: datetime, links: RoomLinks) -> dict[int, Row]:
    """The rows by room; only those are made whose facts are new."""
    reader = get_language(), timezone.get_current_timezone_name()
    every: Any = access.visible_rooms(person, _with_facts()).filter(pk__in=keys)
    found: dict[int, Row] = {}
    for facts in every:
        pk, building, space, account, call, over, seen_at, *others = facts
        may = access.permissions(person, RoomRef(pk, building, space), links)
        # Without the age, which is put in each time.
        steady = (reader, pk, building, space, account, call, *others)
        face = (may, steady, over is not None and over <= now, seen_at is None)
        kept = SHELF.take(face, now)
        if kept is None:
            kept = replace(row(_room(facts), person, now, links), facts=steady)
            SHELF.keep(face, kept, now)
        found[pk] = replace(kept, seen_at=seen_at if kept.seen_at else None)
    return found


_THINGS: dict[str, tuple[type[Model], str]] = {  # by the way from the room, with the fact that is their key
    "": (Room, "pk"),
    "building__": (Building, "building_id"),
    "space__": (Space, "space_id"),
    "space__account__": (Account, "space__account_id"),
    "space__conference__": (Conference, "space__conference_id"),
}


@cache
def _fields(way: str) -> tuple[list[str], list[int]]:
    """The fields of one thing that are among the facts, and where."""
    model, key = _THINGS[way]
    facts = {
        field.attname: key if field.primary_key else way + field.attname
        for field in model._meta.concrete_fields
    }
    known = {name: FACTS.index(fact) for name, fact in facts.items() if fact in FACTS}
    return list(known), list(known.values())


def _thing(way: str, facts: Facts) -> Any:
    """One thing as these facts have it; None where there is none."""
    model, key = _THINGS[way]
    names, places = _fields(way)
    if facts[FACTS.index(key)] is None:
        return None
    return model.from_db(DEFAULT_DB_ALIAS, names, [facts[place] for place in places])


def _room(facts: Facts) -> Room:
    """The room that these are the facts of, with what is around it."""
    room: Room = _thing("", facts)
    room.building, room.space = _thing("building__", facts), _thing("space__", facts)
    if room.space:
        room.space.account = _thing("space__account__", facts)
        room.space.conference = _thing("space__conference__", facts)
    return room


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
