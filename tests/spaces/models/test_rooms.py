"""Rooms: the counters say the same as the questions they count."""

from datetime import timedelta

import pytest
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


def test_the_tally_counts_what_the_questions_find(every_state):
    now = timezone.now()
    current = RoomQuerySet(Room).current()
    assert current.tally(now) == {
        "live": current.live().count(),
        "stuck": current.stuck(now).count(),
        "unknown": current.unknown().count(),
        "idle": current.idle().count(),
        "none": current.without_space().count(),
        "total": current.count(),
    }
    assert current.tally(now) == {"live": 3, "stuck": 1, "unknown": 4, "idle": 1, "none": 1, "total": 9}


def test_the_tally_counts_states_only_of_rooms_that_may_be_seen(every_state):
    seen = Q(pk__in=[every_state[0].pk, every_state[1].pk, every_state[6].pk])
    assert RoomQuerySet(Room).current().tally(timezone.now(), seen=seen) == {
        "live": 1,
        "stuck": 1,
        "unknown": 1,
        "idle": 1,
        "none": 1,
        "total": 9,
    }
