"""Rooms: the counters say the same as the questions they count."""

from collections import Counter
from datetime import timedelta

import pytest
from django.db.models import Q
from django.utils import timezone

from spaces.models import Account, Building, Room, Space
from spaces.models.rooms import RoomQuerySet, Tally, altogether, tally_of_all
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


def summed(now, **options) -> dict[str, int]:
    """The sums of all buildings together."""
    sums = RoomQuerySet(Room).current().sums(now, **options)
    total = sum(sums.values(), Counter())
    return {key: total[key] for key in ("live", "stuck", "unknown", "idle", "none", "total", "people")}


def test_the_sums_count_what_the_questions_find(every_state):
    now = timezone.now()
    current = RoomQuerySet(Room).current()
    assert summed(now) == {
        "live": current.live().count(),
        "stuck": current.stuck(now).count(),
        "unknown": current.unknown().count(),
        "idle": current.idle().count(),
        "none": current.without_space().count(),
        "total": current.count(),
        "people": 4,
    }
    expected = {"live": 3, "stuck": 1, "unknown": 4, "idle": 1, "none": 1, "total": 9, "people": 4}
    assert summed(now) == expected


def test_the_sums_count_states_only_of_rooms_that_may_be_seen(every_state):
    seen = Q(pk__in=[every_state[0].pk, every_state[1].pk, every_state[6].pk])
    expected = {"live": 1, "stuck": 1, "unknown": 1, "idle": 1, "none": 1, "total": 9, "people": 0}
    assert summed(timezone.now(), seen=seen) == expected


def test_each_building_has_its_own_sums(admin):
    for code, guests in (("BER", 2), ("MUC", 5), ("MUC", 1)):
        room = factories.make_room(building=factories.make_building(code))
        assert room.space is not None
        factories.make_call(room.space, people=(admin,) if code == "BER" else (), guests=guests, phones=1)
    factories.make_room(building=factories.make_building("BER"))
    sums = RoomQuerySet(Room).current().sums(timezone.now())
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


@pytest.mark.parametrize("size", [1, 2, 3, 50])
def test_pages_found_from_the_tally_are_those_of_the_whole_order(every_state, size):
    """Two buildings of the same name among them, and names that sort the other way round than ids."""
    double = Building.objects.create(code="BER-2", name="Berlin")
    for name in ("Zeta", "Alpha", "Mid"):
        for place in (double, factories.make_building("MUC"), factories.make_building("BER")):
            factories.make_room(f"{name} {place.code}", building=place, with_space=name != "Mid")
    live = factories.make_room("Beta", building=double)
    assert live.space is not None
    factories.make_call(live.space, devices=1)
    now = timezone.now()
    for rooms in (RoomQuerySet(Room).current(), RoomQuerySet(Room), RoomQuerySet(Room).filter(pk=0)):
        tally = rooms.tally(now)
        by_building = rooms.order_by("building__name", "name", "pk")
        for order, whole in ((tally.by_need(), rooms.by_need(now)), (tally.by_building(), by_building)):
            keys = list(whole.values_list("pk", flat=True))
            assert len(order) == tally.total == len(keys)
            for start in range(0, len(keys) + size, size):
                assert order[start : start + size] == keys[start : start + size]


def test_the_tally_of_all_rooms_is_put_together_once_and_asked_as_of_now(every_state):
    def facts(tally: Tally) -> object:
        return tally.sums, tally.buildings, tally.others

    now = timezone.now()
    told = []
    for hours in (0, -100, 100):  # calls that were not stuck then, or will be
        moment = now + timedelta(hours=hours)
        told.append(tally_of_all(moment))
        assert facts(told[-1]) == facts(RoomQuerySet(Room).current().tally(moment))
    stuck = [altogether(one.sums)["stuck"] for one in told]
    assert stuck[1] < stuck[0] < stuck[2]


def test_a_page_costs_at_most_one_question_more(every_state, django_assert_num_queries):
    for _ in range(12):
        factories.make_room(building=factories.make_building("MUC"))
    tally = RoomQuerySet(Room).current().tally(timezone.now())
    with django_assert_num_queries(1):
        assert len(tally.by_need()[:20]) == 20
    with django_assert_num_queries(0):  # what needs action is known by then
        assert len(tally.by_need()[:5]) == 5
