"""Rooms: the counters say the same as the questions they count."""

from collections import Counter
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import Q
from django.utils import timezone

from spaces.models import Account, Room, Space
from spaces.models.rooms import RoomQuerySet
from spaces.models.spaces import Liveness
from tests import factories


@pytest.fixture
def every_state(admin) -> list[Room]:
    """Rooms in every state, some of them in several ways; one archived while live."""
    broken = factories.make_account("rooms-muc@example.com", status=Account.Status.BROKEN)
    rooms = [
        factories.make_room(),
        factories.make_room(space=factories.make_space(account=broken)),
        factories.make_room(space=factories.make_space(account=broken, liveness=Liveness.ACTIVE)),
        factories.make_room(space=factories.make_space(liveness=Liveness.UNKNOWN)),
        factories.make_room(space=factories.make_space(trouble=Space.Trouble.NOT_FOUND)),
        factories.make_room(with_space=False),
        *(factories.make_room() for _ in range(4)),
    ]
    for number, room in enumerate(rooms[6:]):
        assert room.space is not None
        if number == 0:
            factories.make_call(room.space, devices=1, ago=timedelta(hours=5))
        else:
            factories.make_call(room.space, people=(admin, factories.make_person()))
    Room.objects.filter(pk=rooms[-1].pk).update(archived_at=timezone.now())
    return rooms


def summed(**options) -> dict[str, int]:
    """The sums of all buildings together."""
    sums = RoomQuerySet(Room).current().sums(**options)
    total = sum(sums.values(), Counter())
    return {key: total[key] for key in ("live", "stuck", "unknown", "idle", "none", "total", "people")}


def test_the_sums_count_what_the_questions_find(every_state):
    current = RoomQuerySet(Room).current()
    assert summed() == {
        "live": current.live().count(),
        "stuck": current.stuck().count(),
        "unknown": current.unknown().count(),
        "idle": current.idle().count(),
        "none": current.without_space().count(),
        "total": current.count(),
        "people": 4,
    }
    expected = {"live": 3, "stuck": 1, "unknown": 4, "idle": 1, "none": 1, "total": 9, "people": 4}
    assert summed() == expected


def test_the_sums_count_states_only_of_rooms_that_may_be_seen(every_state):
    seen = Q(pk__in=[every_state[0].pk, every_state[1].pk, every_state[6].pk])
    expected = {"live": 1, "stuck": 1, "unknown": 1, "idle": 1, "none": 1, "total": 9, "people": 0}
    assert summed(seen=seen) == expected


def test_each_building_has_its_own_sums(admin):
    for code, guests in (("BER", 2), ("MUC", 5), ("MUC", 1)):
        room = factories.make_room(building=factories.make_building(code))
        assert room.space is not None
        factories.make_call(room.space, people=(admin,) if code == "BER" else (), guests=guests, phones=1)
    factories.make_room(building=factories.make_building("BER"))
    sums = RoomQuerySet(Room).current().sums()
    found = {name: (one["total"], one["live"], one["people"], one["idle"]) for name, one in sums.items()}
    assert found == {"Berlin": (2, 1, 3, 1), "Munich": (2, 2, 6, 0)}


def test_a_code_that_was_not_confirmed_for_long_is_ageing(db):
    now = timezone.now()
    old = factories.make_room(space=factories.make_space(code_confirmed_at=now - timedelta(days=301)))
    factories.make_room(space=factories.make_space(code_confirmed_at=now - timedelta(days=299)))
    factories.make_room(space=factories.make_space(code_confirmed_at=None))
    assert list(RoomQuerySet(Room).ageing(now)) == [old]
    assert old.space is not None
    assert old.space.code_is_ageing(now)


def test_first_page_and_counters_are_read_from_their_indexes(every_state):
    current = RoomQuerySet(Room).current()
    plans = {
        "room_by_need": current.by_need().values_list("pk")[:50].explain(),
        "room_by_building": current.by_building().values_list("pk")[:50].explain(),
        "room_by_name": current.order_by("name", "building_name", "pk").values_list("pk")[:50].explain(),
        "room_counters": current._by_state().explain(),
    }
    if connection.vendor == "sqlite":  # PostgreSQL prefers the table while it is this small
        for index, plan in plans.items():
            assert f"COVERING INDEX {index}" in plan, plan
            assert "TEMP B-TREE" not in plan
    for rooms in (current.stuck(), current.unknown()):
        assert set(rooms) == {room for room in current if room.state in {rooms[0].state}}
