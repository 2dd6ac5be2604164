"""Queries about spaces, the age of codes, and calls that are stuck."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from spaces.models import Account, Conference, Person, Room, Space
from spaces.models.rooms import RoomQuerySet
from spaces.models.spaces import Liveness
from tests import factories
from tests.support.rooms import space_of

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(("days", "ageing"), [(299, False), (301, True), (None, False)])
def test_a_code_ages(db, days, ageing):
    space = factories.make_space()
    now = timezone.now()
    space.code_confirmed_at = None if days is None else now - timedelta(days=days)
    assert space.code_is_ageing(now) is ageing


def running(counts, still_minutes, hours, *, liveness=Liveness.ACTIVE) -> Space:
    space = factories.make_space(liveness=liveness)
    people, devices, phones, guests = counts
    call = Conference.objects.create(
        record=f"conferenceRecords/{space.pk}",
        space=space,
        people=people,
        devices=devices,
        phones=phones,
        guests=guests,
        started_at=None if hours is None else NOW - timedelta(hours=hours),
        same_since=None if still_minutes is None else NOW - timedelta(minutes=still_minutes),
    )
    call.recompute_stuck_at()
    Space.objects.filter(pk=space.pk).update(conference=call)
    space.refresh_from_db()
    return space


@pytest.mark.parametrize("liveness", [Liveness.IDLE, Liveness.UNKNOWN])
def test_what_is_not_running_is_not_stuck(db, liveness):
    space = running((0, 2, 0, 0), 600, 30, liveness=liveness)
    assert space.stuck_reasons(NOW) == []


def test_what_needs_a_hand_comes_first(db):
    muc = factories.make_building("MUC")
    names = {}
    for name, building in (("B idle", None), ("C live", None), ("A none", None), ("A idle", muc)):
        names[name] = factories.make_room(name, building=building, with_space=name != "A none")
    factories.make_call(space_of(names["C live"]), people=(factories.make_person(),))
    stuck = factories.make_room("Z stuck", building=muc)
    factories.make_call(space_of(stuck), devices=2, ago=timedelta(hours=5))
    broken = factories.make_account("rooms-x@example.com", status=Account.Status.BROKEN)
    factories.make_room("Y broken", building=muc, space=factories.make_space(account=broken))
    factories.make_room(
        "X trouble", space=factories.make_space(trouble="not_found", liveness=Liveness.UNKNOWN)
    )
    ordered = [room.name for room in RoomQuerySet(Room).by_need()]
    assert ordered == ["Z stuck", "X trouble", "Y broken", "C live", "A none", "B idle", "A idle"]


def test_a_stuck_call_of_a_broken_account_is_unknown_not_stuck(db):
    broken = factories.make_account("rooms-x@example.com", status=Account.Status.BROKEN)
    room = factories.make_room(space=factories.make_space(account=broken))
    factories.make_call(space_of(room), devices=2, ago=timedelta(hours=5))
    room.refresh_from_db()
    assert room.state == "unknown"


def test_stale_spaces_oldest_first_and_never_read_before_all(db):
    now = timezone.now()
    fresh = factories.make_space(checked_at=now)
    old = factories.make_space(checked_at=now - timedelta(hours=2))
    older = factories.make_space(checked_at=now - timedelta(hours=3))
    never = factories.make_space(checked_at=None)
    retired = factories.make_space(checked_at=None, retired_at=now)
    stale = Space.objects.in_use().stale(now - timedelta(hours=1))
    assert list(stale) == [never, older, old]
    assert fresh not in stale
    assert retired not in stale


def test_searching_wants_every_word(db, owner: Person):
    named = factories.make_room("Big Hall", owners=(owner,))
    factories.make_room("Small Hall")
    found = RoomQuerySet(Room)
    assert set(found.matching("hall")) == set(Room.objects.all())
    assert list(found.matching("hall big")) == [named]
    assert list(found.matching("berlin BIG")) == [named]
    assert list(found.matching("room-owner")) == [named]
    assert list(found.matching(named.space.meeting_code)) == [named]  # type: ignore[union-attr]
    assert list(found.matching("100%_hall")) == []
