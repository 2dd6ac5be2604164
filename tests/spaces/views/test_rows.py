"""Rows are made of facts; while those are the same, so is the row, and it is not made twice."""

from datetime import datetime, timedelta
from operator import attrgetter

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from spaces import access
from spaces.models import Account, Conference, Person, Room, Space
from spaces.models.rooms import ROW_FIELDS, RoomQuerySet
from spaces.models.spaces import Liveness
from spaces.views import rows
from spaces.views.rows import Row
from tests import factories
from tests.support.rooms import space_of

NOW = timezone.now()


@pytest.fixture
def room(db: None) -> Room:
    """A room with a call that one person has sat in alone for seventy minutes."""
    made = factories.make_room("Berlin 1.01", floor="1", capacity=4)
    call = Conference.objects.create(
        record="conferenceRecords/on",
        space=space_of(made),
        started_at=NOW - timedelta(minutes=80),
        same_since=NOW - timedelta(minutes=70),
        stuck_at=NOW - timedelta(minutes=10),
        people=1,
        devices=0,
        peak=3,
    )
    Space.objects.filter(room=made).update(liveness=Liveness.ACTIVE, conference=call, seen_at=NOW)
    return made


def loaded(person: Person, now: datetime, *those: Room) -> list[Row]:
    """Their rows as a list has them."""
    return rows.load([one.pk for one in those], person, now, access.room_links(person), columns=())


def test_a_room_made_of_facts_is_the_one_in_the_database(room, admin):
    bare = factories.make_room("Berlin 1.02", with_space=False)
    for one in loaded(admin, NOW, room, bare):
        known = RoomQuerySet(Room).for_lists().get(pk=one.room.pk)
        assert one.room == known
        for name in ROW_FIELDS:
            way = name.split("__")
            if known.space or way[0] != "space":
                found = attrgetter(".".join(way))
                assert found(one.room) == found(known), name
        with CaptureQueriesContext(connection) as queries:
            assert one.room.get_absolute_url()
            assert one.room.place
        assert not queries
    assert loaded(admin, NOW, bare)[0].space is None


def test_rows_of_the_same_facts_are_made_once_and_tell_every_age(room, admin, helpdesk):
    first = loaded(admin, NOW, room)[0]
    Space.objects.update(seen_at=NOW + timedelta(seconds=3))
    again = loaded(admin, NOW + timedelta(seconds=4), room)[0]
    assert again.room is first.room
    assert again.seen_at == NOW + timedelta(seconds=3)
    other = loaded(helpdesk, NOW, room)[0]
    assert other.room is not first.room  # with other rights
    assert other.may != first.may


def test_what_has_lasted_for_how_long_is_told_anew_after_a_while(room, admin):
    [reason] = loaded(admin, NOW, room)[0].reasons
    assert "70 min" in reason
    kept = loaded(admin, NOW + timedelta(seconds=9), room)[0]
    assert kept.reasons == [reason]
    Space.objects.update(seen_at=NOW + timedelta(seconds=70))
    [later] = loaded(admin, NOW + timedelta(seconds=70), room)[0].reasons
    assert "71 min" in later
    assert loaded(admin, NOW - timedelta(hours=1), room)[0].reasons != [later]  # the clock was put back


def test_a_call_is_stuck_from_the_very_moment_on(room, admin):
    """The list has put it on top by then."""
    moment = NOW + timedelta(minutes=3)
    Conference.objects.update(same_since=moment - timedelta(minutes=60), stuck_at=moment)
    assert loaded(admin, moment - timedelta(seconds=1), room)[0].state == "live"
    assert loaded(admin, moment + timedelta(seconds=1), room)[0].state == "stuck"


def test_facts_that_come_back_bring_their_own_row(room, admin):
    for people in (1, 2, 1):
        Conference.objects.update(people=people)
        row = loaded(admin, NOW, room)[0]
        assert row.call is not None
        assert row.call.people == people
    Account.objects.update(status=Account.Status.BROKEN)
    assert loaded(admin, NOW, room)[0].state == "unknown"


def test_kept_rows_are_bounded(admin, monkeypatch):
    monkeypatch.setattr(rows, "KEPT", 3)
    with time_machine.travel(NOW, tick=False):
        loaded(admin, NOW, *(factories.make_room() for _ in range(5)))
    assert len(rows.SHELF._rows) == 3
