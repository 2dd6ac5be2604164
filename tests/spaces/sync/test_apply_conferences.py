"""Counting heads."""

from datetime import UTC, datetime, timedelta

import pytest

from spaces.models import Conference, Participant, Participation
from spaces.sync.apply.conferences import apply_participants, apply_unchanged_counts, finalise
from tests import factories

T0 = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def at(minutes: float) -> datetime:
    return T0 + timedelta(minutes=minutes)


def somebody(
    name: str,
    kind: str = "person",
    google_id: str = "",
    *,
    joined: float = -10,
    left: float | None = None,
) -> Participation:
    return Participation(
        name=f"conferenceRecords/x/participants/{name}",
        kind=kind,
        google_id=google_id,
        display_name=name,
        joined_at=at(joined),
        left_at=None if left is None else at(left),
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
    everybody = [
        somebody("Ann"),
        somebody("Bob"),
        somebody("Berlin 1.01 device", "device"),
        somebody("+49", "phone"),
        somebody("Visitor", "guest"),
        somebody("Eve", left=-3),
    ]
    assert apply_participants(call, everybody, counted_at=at(0)) is True
    call.refresh_from_db()
    assert (call.people, call.devices, call.phones, call.guests) == (2, 1, 1, 1)
    assert (call.heads, call.peak, call.peak_at, call.counted) == (5, 5, at(0), True)
    assert (call.all_people, call.all_devices, call.all_phones, call.all_guests) == (3, 1, 1, 1)
    assert (call.same_since, call.listed_at) == (at(-3), at(0))


def test_who_has_left_is_no_participant_but_kept(call):
    apply_participants(call, [somebody("Ann", google_id="1"), somebody("Bob")], counted_at=at(0))
    apply_participants(call, [somebody("Ann", google_id="1"), somebody("Bob", left=1)], counted_at=at(1))
    assert names(call) == {"Ann"}
    assert Participant.objects.get().google_id == "1"
    kept = Participation.objects.values_list("display_name", "joined_at", "left_at")
    assert set(kept) == {("Ann", at(-10), None), ("Bob", at(-10), at(1))}


def test_only_what_moves_is_news(call):
    assert apply_participants(call, [somebody("Ann")], counted_at=at(0)) is True
    assert apply_participants(call, [somebody("Ann")], counted_at=at(1)) is False
    # One goes, another comes: the number is the same, and yet somebody else sits there.
    assert (
        apply_participants(call, [somebody("Ann", left=1.5), somebody("Bob", joined=1.5)], counted_at=at(2))
        is True
    )
    call.refresh_from_db()
    assert (call.people, call.same_since) == (1, at(1.5))


def test_an_older_count_changes_nothing(call):
    apply_participants(call, [somebody("Ann", joined=4)], counted_at=at(5))
    assert apply_participants(call, [somebody("Bob"), somebody("Eve")], counted_at=at(4)) is False
    call.refresh_from_db()
    assert (call.people, call.counted_at, call.same_since) == (1, at(5), at(4))
    assert names(call) == {"Ann"}


def test_the_peak_never_falls_even_when_two_count_at_once(call):
    other = Conference.objects.get(pk=call.pk)
    apply_participants(call, [somebody("Ann"), somebody("Bob"), somebody("Eve")], counted_at=at(1))
    apply_participants(other, [somebody("Ann")], counted_at=at(2))
    call.refresh_from_db()
    assert (call.people, call.peak, call.peak_at) == (1, 3, at(1))
    apply_participants(call, [somebody("Ann"), somebody("Bob"), somebody("Eve")], counted_at=at(3))
    call.refresh_from_db()
    assert (call.people, call.peak, call.peak_at) == (3, 3, at(1)), "when there were so many first"


def test_without_a_known_move_it_is_as_still_as_it_is_old(call):
    apply_participants(call, [], counted_at=at(0))
    call.refresh_from_db()
    assert (call.heads, call.same_since) == (0, call.started_at)


def test_a_count_that_comes_after_the_end_calls_nobody_present(call):
    Conference.objects.filter(pk=call.pk).update(ended_at=at(1))
    assert apply_participants(call, [somebody("Ann")], counted_at=at(2)) is False
    assert not Participant.objects.exists()
    call.refresh_from_db()
    assert (call.people, call.all_people) == (None, 1)


def test_an_unchanged_number_is_newer_and_never_older(call):
    apply_participants(call, [somebody("Ann")], counted_at=at(1))
    call.refresh_from_db()
    apply_unchanged_counts([call], counted_at=at(0))
    call.refresh_from_db()
    assert call.counted_at == at(1)
    apply_unchanged_counts([call], counted_at=at(3))
    call.refresh_from_db()
    assert (call.counted_at, call.listed_at, call.people) == (at(3), at(1), 1)


def test_who_looked_at_a_call_before_it_was_counted_does_not_overrule_the_count(call, settings):
    before = Conference.objects.get(pk=call.pk)
    apply_participants(call, [somebody("Ann")], counted_at=at(1))
    known = Conference.objects.get(pk=call.pk).stuck_at
    settings.STUCK_AFTER = {**settings.STUCK_AFTER, "running": 1}
    before.recompute_stuck_at()
    assert Conference.objects.get(pk=call.pk).stuck_at == known


def test_other_limits_count_from_the_next_look_on(call, settings):
    apply_participants(call, [somebody("Ann")], counted_at=at(1))
    call.refresh_from_db()
    assert call.stuck_at == at(-10) + timedelta(minutes=60)
    settings.STUCK_AFTER = {**settings.STUCK_AFTER, "alone": 20}
    apply_unchanged_counts([call], counted_at=at(2))
    call.refresh_from_db()
    assert call.stuck_at == at(-10) + timedelta(minutes=20)


HOSTS = frozenset({"1", "2"})


@pytest.mark.parametrize(
    ("everybody", "since"),
    [
        ([somebody("Guest", google_id="9")], None),  # no host was ever seen here
        ([somebody("Host", google_id="1")], None),
        ([somebody("Host", google_id="1", left=-4), somebody("Guest", google_id="9")], -4),
        ([somebody("Host", google_id="1", left=-4), somebody("Other", google_id="2")], None),
        ([somebody("Host", google_id="1", left=-4), somebody("Other", google_id="2", left=-6)], -4),
        ([somebody("Nameless", "guest", left=-4)], None),
    ],
)
def test_since_when_no_host_is_in(call, everybody, since):
    apply_participants(call, everybody, counted_at=at(0), hosts=HOSTS)
    call.refresh_from_db()
    assert call.host_left_at == (None if since is None else at(since))


def test_a_call_nobody_counted_is_settled_afterwards(call):
    Conference.objects.filter(pk=call.pk).update(ended_at=at(10))
    finalise(
        call,
        [
            somebody("Ann", joined=-10, left=5),
            somebody("Bob", joined=0, left=10),
            somebody("Eve", joined=6, left=9),
            somebody("Device", "device", joined=-10),  # Google never said when it left
        ],
        settled_at=at(30),
    )
    call.refresh_from_db()
    assert (call.peak, call.peak_at) == (3, at(0))
    assert (call.all_people, call.all_devices, call.settled_at) == (3, 1, at(30))
    assert call.participations.count() == 4
    assert not Participant.objects.exists()


def test_of_a_call_that_ended_long_ago_only_numbers_are_kept(call, settings):
    settings.KEEP_NAMES = 7
    Conference.objects.filter(pk=call.pk).update(ended_at=at(10))
    finalise(call, [somebody("Ann", left=5)], settled_at=at(10) + timedelta(days=8))
    call.refresh_from_db()
    assert (call.all_people, call.peak) == (1, 1)
    assert not call.participations.exists()


def test_what_was_seen_while_it_ran_is_not_overruled_when_it_is_settled(call):
    apply_participants(call, [somebody("Ann"), somebody("Bob")], counted_at=at(0))
    Conference.objects.filter(pk=call.pk).update(ended_at=at(10))
    finalise(call, [somebody("Ann", left=2), somebody("Bob", left=2)], settled_at=at(30))
    call.refresh_from_db()
    assert (call.peak, call.peak_at, call.people) == (2, at(0), 2)
    assert set(call.participations.values_list("left_at", flat=True)) == {at(2)}
