"""The stored state of every room: one rule, and one function that writes it.

A room's state, the reason of an unknown one and the room's position in lists follow from facts in other rows: its link, the link's
account, the running call and the building. Models with such facts are FollowedModels: when one of the facts is written, the states of
the rooms that depend on it are written in the same transaction. Time alone makes a call stuck; the scheduler calls `mark_stuck`.
"""

import threading
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, NamedTuple, TypeVar

from django.apps import apps
from django.db import connection, models, transaction
from django.utils import timezone

from spaces import live
from spaces.models.outbox import DomainEvent

BATCH = 500
"""Rooms that are read and written at once."""


class State(StrEnum):
    """What a room is. LIVE: a call is on, and it is not stuck."""

    LIVE = "live"
    IDLE = "idle"
    STUCK = "stuck"
    UNKNOWN = "unknown"
    NONE = "none"


class Reason(StrEnum):
    """Why a state is unknown."""

    ACCOUNT_BROKEN = "account_broken"
    NOT_FOUND = "not_found"
    NOT_PERMITTED = "not_permitted"
    NOT_OWNED = "not_owned"
    NEVER_CHECKED = "never_checked"


class Facts(NamedTuple):
    """What a room's state follows from. `space`: its id; everything of the link, the account and the call is None without one."""

    building_name: str
    space: int | None = None
    trouble: str | None = None
    owned: bool | None = None
    liveness: str | None = None
    account_status: str | None = None
    people: int | None = None
    guests: int | None = None
    recording_since: datetime | None = None
    stuck_at: datetime | None = None


FACTS = {
    "building_name": "building__name",
    "space": "space_id",
    "trouble": "space__trouble",
    "owned": "space__owned",
    "liveness": "space__liveness",
    "account_status": "space__account__status",
    "people": "space__conference__people",
    "guests": "space__conference__guests",
    "recording_since": "space__conference__recording_since",
    "stuck_at": "space__conference__stuck_at",
}


@dataclass(frozen=True, slots=True)
class Stored:
    """The columns of a room that are written here.

    `need`: 0 stuck and recorded, 1 stuck, 2 unknown, 3 the others; `rank` puts live rooms before the others, too. `people_in`: people and
    guests in a call that is known to be on. `stuck_at`: when that call becomes stuck if nothing moves. `building_name` is a copy, so that
    one index has the whole order.
    """

    state: str
    state_reason: str
    need: int
    rank: int
    people_in: int
    stuck_at: datetime | None
    building_name: str


COLUMNS = tuple(field.name for field in fields(Stored))


def stored_for(facts: Facts, now: datetime) -> Stored:
    """Return what is stored for a room with these facts: the only rule about states."""
    state, reason = _state(facts, now)
    rank = {State.STUCK: 0 if facts.recording_since else 1, State.UNKNOWN: 2, State.LIVE: 3}.get(state, 4)
    is_on = state in {State.LIVE, State.STUCK}
    return Stored(
        state=str(state),
        state_reason=str(reason),
        need=min(rank, 3),
        rank=rank,
        people_in=(facts.people or 0) + (facts.guests or 0) if is_on else 0,
        stuck_at=facts.stuck_at if is_on else None,
        building_name=facts.building_name,
    )


def _state(facts: Facts, now: datetime) -> tuple[State, str]:
    if facts.space is None:
        return State.NONE, ""
    if facts.account_status == "broken":
        return State.UNKNOWN, Reason.ACCOUNT_BROKEN
    if facts.trouble:
        return State.UNKNOWN, Reason(facts.trouble)
    if facts.liveness == "idle":
        return State.IDLE, ""
    if facts.liveness != "active":
        return State.UNKNOWN, Reason.NEVER_CHECKED if facts.owned else Reason.NOT_OWNED
    return (State.STUCK if facts.stuck_at and facts.stuck_at <= now else State.LIVE), ""


def store_states(rooms: Collection[int], now: datetime | None = None) -> int:
    """Write the state of these rooms (ids), as it follows from the facts. Return how many were written.

    The rooms are locked before the facts are read: of two transactions that change different facts of a room, the second one
    reads what the first one has written.
    """
    now, keys, written = now or timezone.now(), sorted(rooms), 0
    with transaction.atomic():
        for start in range(0, len(keys), BATCH):
            those = _rooms().filter(pk__in=keys[start : start + BATCH]).order_by("pk")
            if connection.features.has_select_for_update:
                list(those.select_for_update().values_list("pk", flat=True))
            different = defaultdict(list)
            stuck = []
            for key, is_stored, wanted in _compared(those, now):
                if is_stored != wanted:
                    different[wanted].append(key)
                    if wanted.state == State.STUCK != is_stored.state:
                        stuck.append(key)
            for wanted, same in different.items():
                columns = {name: getattr(wanted, name) for name in COLUMNS}
                written += _rooms().filter(pk__in=same).update(**columns)
            _record_stuck(stuck)
    return written


def _record_stuck(rooms: Collection[int]) -> None:
    """Write an event for each of these rooms (ids), whose call has just become stuck."""
    if rooms:
        found = (
            _rooms()
            .filter(pk__in=rooms)
            .values("space", conference=models.F("space__conference"), room=models.F("pk"))
        )
        DomainEvent.record_all(DomainEvent.Kind.CALL_BECAME_STUCK, list(found))


def check_states(now: datetime) -> list[int]:
    """Return the rooms (ids) whose stored state is not what follows from the facts."""
    return [key for key, is_stored, wanted in _compared(_rooms().order_by("pk"), now) if is_stored != wanted]


def mark_stuck(now: datetime) -> int:
    """Write the state of rooms whose call has become stuck because time has passed, and tell open pages. Return how many."""
    due = list(_rooms().filter(state=State.LIVE, stuck_at__lte=now).values_list("pk", flat=True))
    if not due:
        return 0
    with transaction.atomic():
        live.rooms_changed(due)
        return store_states(due, now)


def _rooms() -> "models.QuerySet[Any, Any]":
    return models.QuerySet(apps.get_model("spaces", "Room"))


def _compared(rooms: "models.QuerySet[Any, Any]", now: datetime) -> Iterator[tuple[int, Stored, Stored]]:
    """Yield each room's id, what is stored and what should be."""
    number = len(COLUMNS)
    for key, *values in rooms.values_list("pk", *COLUMNS, *FACTS.values()):
        yield key, Stored(*values[:number]), stored_for(Facts(*values[number:]), now)


# Following the facts

_Changed = defaultdict[str, set[int]]
"""Ids of rows whose facts were written, by the way from a room to them."""


class _Open(threading.local):
    changed: _Changed | None = None


_open = _Open()


@contextmanager
def states_following() -> Iterator[_Changed]:
    """A transaction at whose end the states follow all facts written in it; inside another one, at the end of that one. A verb that
    writes several facts uses it to write the states once, and to lock rooms last, after everything else."""
    if _open.changed is not None:
        yield _open.changed
        return
    with transaction.atomic():
        changed: _Changed = defaultdict(set)
        _open.changed = changed
        try:
            yield changed
        finally:
            _open.changed = None
        rooms: set[int] = set()
        for way, keys in changed.items():
            rooms |= set(_rooms().filter(**{f"{way}__in": keys}).values_list("pk", flat=True))
        store_states(rooms)


M = TypeVar("M", bound="FollowedModel")


class FollowedQuerySet(models.QuerySet[M]):
    """Rows whose facts the states of rooms follow, also when many are written at once."""

    def update(self, **values: Any) -> int:
        """Update the rows, and the states that follow from them."""
        if not self.model.has_facts(values):
            return super().update(**values)
        with states_following() as changed:
            keys = list(self.order_by().values_list("pk", flat=True))
            changed[self.model.way_from_room].update(keys)
            return super(FollowedQuerySet, self.filter(pk__in=keys)).update(**values) if keys else 0

    def bulk_create(self, objs: Iterable[M], *args: Any, **kwargs: Any) -> list[M]:
        """Create the rows, and store the states that follow from them."""
        with states_following() as changed:
            made = super().bulk_create(objs, *args, **kwargs)
            changed[self.model.way_from_room].update(one.pk for one in made if one.pk)
        return made


class FollowedModel(models.Model):
    """A model with facts that the states of rooms follow. `way_from_room`: how a query for rooms reaches it."""

    state_facts: ClassVar[frozenset[str]]
    way_from_room: ClassVar[str]

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save the row, and store the states that follow from it."""
        names: Sequence[str] | None = kwargs.get("update_fields")
        if names is not None and not self.has_facts(names):
            return super().save(*args, **kwargs)
        with states_following() as changed:
            super().save(*args, **kwargs)
            changed[self.way_from_room].add(self.pk)
        return None

    @classmethod
    def has_facts(cls, names: Iterable[str]) -> bool:
        """Return whether one of these fields is such a fact."""
        return any(name.removesuffix("_id") in cls.state_facts for name in names)
