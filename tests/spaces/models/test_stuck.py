"""When a call looks forgotten: the rules in a table, and that the database, the words and the score agree."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spaces.models import Conference, Participation, Room, Space
from spaces.models.rooms import RoomQuerySet
from spaces.models.spaces import Liveness
from spaces.models.state import store_states
from spaces.models.stuck import STUCK_FROM, Limits, span, stuck_at, verdict
from spaces.sync.apply.conferences import apply_participants
from tests import factories

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
LIMITS = Limits(empty=15, devices=30, alone=60, hostless=180, running=720)
OFF = Limits(0, 0, 0, 0, 0)


def before(minutes: float | None) -> datetime | None:
    return None if minutes is None else NOW - timedelta(minutes=minutes)


def call(
    counts: tuple[int, int, int, int] | None,
    still: float | None,
    age: float | None,
    *,
    hostless: float | None = None,
    peak: int = 4,
    bots: int = 0,
    recorded: bool = False,
) -> Conference:
    """People, devices, phones, guests; minutes without a move, since the start, without a host (None: not known)."""
    people, devices, phones, guests = counts or (None, None, None, None)
    return Conference(
        people=people,
        devices=devices,
        phones=phones,
        guests=guests,
        bots=bots,
        peak=peak,
        recording_since=NOW if recorded else None,
        same_since=before(still),
        started_at=before(age),
        host_left_at=before(hostless),
    )


EMPTY, DEVICES, ALONE, CROWD = (0, 0, 0, 0), (0, 2, 0, 0), (1, 0, 0, 0), (3, 1, 0, 1)
TABLE: list[tuple[Conference, int, list[str]]] = [
    # nobody
    (call(EMPTY, 14, 14, peak=0), 46, []),
    (call(EMPTY, 15, 15, peak=0), 50, ["nobody has joined for 15 min"]),
    (call(EMPTY, 22.5, 200, peak=0), 75, ["nobody has joined for 22 min"]),
    (call(EMPTY, 15, 200), 50, ["everybody left 15 min ago"]),
    (call(EMPTY, 70, 70, peak=0), 100, ["nobody has joined for 70 min"]),  # and nobody is alone in it
    # only room devices
    (call(DEVICES, 29, 60), 48, []),
    (call(DEVICES, 30, 60), 50, ["room devices only for 30 min"]),
    (call((0, 1, 0, 0), 45, 60), 75, ["room devices only for 45 min"]),
    (call(DEVICES, 60, 60), 100, ["room devices only for 60 min"]),
    # one human
    (call(ALONE, 59, 120), 49, []),
    (call(ALONE, 60, 120), 50, ["one person alone for 60 min"]),
    (call((0, 0, 0, 1), 61, 120), 50, ["one person alone for 61 min"]),
    (call((1, 1, 0, 0), 600, 660), 45, []),  # somebody sits in the room
    (call((2, 0, 0, 0), 600, 660), 45, []),
    (call((1, 0, 1, 0), 600, 660), 45, []),  # and talks to somebody on the phone
    (call(ALONE, 60, 120, bots=2), 50, ["one person alone for 60 min"]),
    # bots and phones, with and without devices
    (call((0, 0, 1, 0), 30, 120), 50, ["phones only for 30 min"]),
    (call((0, 0, 2, 0), 600, 660), 100, ["phones only for 10 h"]),  # two forgotten phones
    (call(EMPTY, 45, 120, bots=1), 75, ["note-taking bots only for 45 min"]),
    (call(EMPTY, 29, 120, bots=1), 48, []),
    (call((0, 0, 1, 0), 30, 120, bots=1), 50, ["only bots and phones for 30 min"]),
    (call((0, 1, 1, 0), 600, 660), 100, ["only room devices and phones for 10 h"]),
    (call(DEVICES, 480, 500, bots=1), 100, ["only room devices and bots for 8 h"]),
    (call((0, 1, 1, 0), 30, 500, bots=1), 50, ["only room devices, bots and phones for 30 min"]),
    (call((0, 1, 0, 1), 600, 660, bots=1), 45, []),  # a guest is a person
    # a recording that is still running weighs more
    (call(DEVICES, 30, 60, recorded=True), 60, ["room devices only for 30 min", "still being recorded"]),
    (call(DEVICES, 29, 60, recorded=True), 48, []),
    # the host has gone
    (call(CROWD, 5, 300, hostless=179), 49, []),
    (call(CROWD, 5, 300, hostless=180), 50, ["host left 3 h ago, others still in"]),
    (call(DEVICES, 5, 60, hostless=400), 8, []),  # nobody is left to miss a host
    # long
    (call(CROWD, 1, 719), 49, []),
    (call(CROWD, 1, 720), 50, ["running for 12 h"]),
    (call(CROWD, 1, 5000), 100, ["running for 3 d"]),
    # several: the weightiest first, ten more for each further one
    (call(DEVICES, 33, 720), 65, ["room devices only for 33 min", "running for 12 h"]),
    (call(DEVICES, 33, 1080), 85, ["running for 18 h", "room devices only for 33 min"]),
    # not known
    (call(DEVICES, None, 60), 4, []),
    (call(None, None, 180), 12, []),
    (call(None, None, 780), 54, ["running for 13 h"]),
    (call(ALONE, 61, None), 50, ["one person alone for 61 min"]),
    (call(None, None, None), 0, []),
    (call(DEVICES, -5, -5), 0, []),  # a clock that differs
]


@pytest.mark.parametrize(("running", "score", "reasons"), TABLE)
def test_score_and_reasons(running, score, reasons):
    found = verdict(running, LIMITS, NOW)
    assert (found.score, list(found.reasons)) == (score, reasons)
    assert found.stuck is bool(reasons)


def test_a_rule_is_switched_off_by_zero():
    assert stuck_at(call(DEVICES, 600, 6000), OFF) is None
    assert verdict(call(DEVICES, 600, 6000), OFF, NOW).score == 0


def test_a_room_has_its_own_limits_where_it_says_so():
    own = LIMITS.but({"devices": 120, "running": 0, "alone": None})
    assert own == Limits(empty=15, devices=120, alone=60, hostless=180, running=0)
    assert verdict(call(DEVICES, 60, 6000), own, NOW).score == 25


@pytest.mark.parametrize(
    ("passed", "words"),
    [
        (timedelta(seconds=59), "0 min"),
        (timedelta(minutes=1), "1 min"),
        (timedelta(minutes=119), "119 min"),
        (timedelta(minutes=120), "2 h"),
        (timedelta(hours=71), "71 h"),
        (timedelta(hours=73), "3 d"),
    ],
)
def test_lengths_of_time_in_words(passed, words):
    assert span(passed) == words


few = st.integers(0, 2)
minutes = st.one_of(st.none(), st.integers(0, 240))
own = st.one_of(st.none(), st.sampled_from([0, 5, 45, 600]))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    everybody=st.lists(
        st.tuples(
            st.sampled_from(["person", "device", "phone", "guest", "bot"]),
            st.booleans(),  # is a host
            st.integers(0, 300),  # joined so many minutes ago
            st.one_of(st.none(), st.integers(0, 300)),  # left so many minutes ago
        ),
        max_size=4,
    ),
    age=st.one_of(st.none(), st.integers(0, 900)),
    limits=st.tuples(own, own, own, own, own),
    liveness=st.sampled_from(Liveness.values),
    passing=st.integers(0, 400),
)
def test_database_words_and_score_agree(db, everybody, age, limits, liveness, passing):
    """Whatever Google lists, whatever a room's own limits are, and however much time passes after the count."""
    names = ("stuck_empty", "stuck_devices", "stuck_alone", "stuck_hostless", "stuck_running")
    fields: dict[str, Any] = dict(zip(names, limits, strict=True))
    room = factories.make_room(space=factories.make_space(liveness=liveness), **fields)
    assert room.space is not None
    running = Conference.objects.create(
        record=f"conferenceRecords/{room.pk}", space=room.space, started_at=before(age)
    )
    parts = [
        Participation(
            name=f"{running.record}/participants/{number}",
            kind=kind,
            google_id="1" if host else "",
            joined_at=NOW - timedelta(minutes=joined),
            left_at=None if left is None else NOW - timedelta(minutes=min(joined, left)),
        )
        for number, (kind, host, joined, left) in enumerate(everybody)
    ]
    apply_participants(running, parts, counted_at=NOW, hosts=frozenset({"1"}))
    Space.objects.filter(pk=room.space.pk).update(conference=running)
    then = NOW + timedelta(minutes=passing)
    loaded = RoomQuerySet(Room).for_lists().get(pk=room.pk)
    assert loaded.space is not None
    said = loaded.space.verdict(then)
    store_states([room.pk], then)
    stored = RoomQuerySet(Room).filter(pk=room.pk).stuck().exists()
    assert stored == said.stuck == bool(said.reasons) == (said.score >= STUCK_FROM)
    assert 0 <= said.score <= 100


def test_a_list_says_why_without_asking_again(db, django_assert_num_queries):
    room = factories.make_room(stuck_devices=10)
    assert room.space is not None
    factories.make_call(room.space, devices=1, ago=timedelta(minutes=20))
    now = timezone.now()
    with django_assert_num_queries(1):
        [row] = RoomQuerySet(Room).for_lists()
        assert row.space is not None
        assert row.space.verdict(now).stuck
