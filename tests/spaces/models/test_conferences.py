"""Counting heads."""

from datetime import UTC, datetime, timedelta

import pytest

from spaces.models import Conference, Participant
from tests import factories

T0 = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def at(minutes: float) -> datetime:
    return T0 + timedelta(minutes=minutes)


def somebody(name: str, kind: str = "person", google_id: str = "") -> Participant:
    return Participant(
        name=f"conferenceRecords/x/participants/{name}",
        kind=kind,
        google_id=google_id,
        display_name=name,
        joined_at=at(-10),
    )


@pytest.fixture
def call(db: None) -> Conference:
    """Begun ten minutes ago, not counted yet."""
    return Conference.objects.create(
        record="conferenceRecords/x", space=factories.make_space(), started_at=at(-10)
    )


def names(call: Conference) -> set[str]:
    return set(call.participants.values_list("display_name", flat=True))


def test_nobody_has_counted_yet(call):
    assert call.counted is False
    assert call.heads == 0


def test_heads_are_counted_by_kind(call):
    present = [
        somebody("Ann"),
        somebody("Bob"),
        somebody("Berlin 1.01 device", "device"),
        somebody("+49", "phone"),
        somebody("Visitor", "guest"),
    ]
    call.count(present, counted_at=at(0), last_move=at(-3))
    call.refresh_from_db()
    assert (call.people, call.devices, call.phones, call.guests) == (2, 1, 1, 1)
    assert (call.heads, call.peak, call.counted) == (5, 5, True)
    assert call.same_since == at(-3)


def test_who_has_left_is_forgotten(call):
    call.count([somebody("Ann", google_id="1"), somebody("Bob")], counted_at=at(0), last_move=None)
    call.count([somebody("Ann", google_id="1")], counted_at=at(1), last_move=at(1))
    assert names(call) == {"Ann"}
    assert Participant.objects.get().google_id == "1"


def test_an_older_count_changes_nothing(call):
    call.count([somebody("Ann")], counted_at=at(5), last_move=at(4))
    call.count([somebody("Bob"), somebody("Eve")], counted_at=at(4), last_move=at(3))
    call.refresh_from_db()
    assert (call.people, call.counted_at, call.same_since) == (1, at(5), at(4))
    assert names(call) == {"Ann"}


def test_the_peak_never_falls_even_when_two_count_at_once(call):
    other = Conference.objects.get(pk=call.pk)
    call.count([somebody("Ann"), somebody("Bob"), somebody("Eve")], counted_at=at(1), last_move=None)
    other.count([somebody("Ann")], counted_at=at(2), last_move=None)
    call.refresh_from_db()
    assert (call.people, call.peak) == (1, 3)


def test_without_a_known_move_it_is_as_still_as_it_is_old(call):
    call.count([somebody("Ann")], counted_at=at(0), last_move=None)
    call.refresh_from_db()
    assert call.same_since == call.started_at


def test_a_count_that_comes_after_the_end_keeps_nobodys_name(call):
    Conference.objects.filter(pk=call.pk).update(ended_at=at(1))
    call.count([somebody("Ann")], counted_at=at(2), last_move=None)
    assert not Participant.objects.exists()
