"""Recordings of running calls: known soon, and at a price that is bounded."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.utils import timezone

from spaces import meet
from spaces.access import SYSTEM
from spaces.actions import spaces
from spaces.google import resources
from spaces.models import Account, Conference, Event, Person, Room, Space, Subscription
from spaces.models.rooms import RoomQuerySet
from spaces.sync import events as event_verbs
from spaces.sync import scheduling, subscriptions
from spaces.sync.apply.conferences import apply_recordings
from spaces.sync.participants import recordings_due
from tests import factories
from tests.support.push import PULL, PULLED, TOPIC
from tests.support.rooms import asked, fault, forget_requests, known_room, space_of
from tests.support.simulator import SimulatorProcess

RECORDINGS = "conferenceRecords.recordings.list"
AUTOMATIC = {"artifactConfig.recordingConfig.autoRecordingGeneration": "ON"}
ENGINEER = {"email": "engineer-01@example.com"}


@pytest.fixture
def room(google: SimulatorProcess, owner: Person) -> Room:
    """A room of ours."""
    return known_room(google, owners=(owner,), name="Berlin 1.01")


def begin(google: SimulatorProcess, room: Room, *who: dict[str, Any], ago: float = 1200, **more: Any) -> str:
    """A call in which nothing is recorded unless told to."""
    order = {
        "space": space_of(room).name,
        "participants": list(who or (ENGINEER,)),
        "started_seconds_ago": ago,
    }
    made = google.control("POST", "conferences", order | {"recording": False} | more)
    return str(made["name"])


def record(google: SimulatorProcess, call: str, action: str) -> None:
    google.control("POST", f"conferences/{call.split('/')[1]}/recordings", {"action": action})


def sweep(room: Room) -> None:
    assert scheduling.sync(account=space_of(room).account, actor=SYSTEM)


def since(room: Room) -> datetime | None:
    call = space_of(room).conference
    assert call is not None
    return call.recording_since


def minutes_pass(minutes: float) -> None:
    """As if everything had been read so much earlier."""
    past = timedelta(minutes=minutes)
    for call in Conference.objects.exclude(listed_at=None):
        read = call.recordings_read_at
        Conference.objects.filter(pk=call.pk).update(
            listed_at=call.listed_at and call.listed_at - past, recordings_read_at=read and read - past
        )


# --- When -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("began", "read", "automatic", "recorded", "people", "due"),
    [
        (2, None, False, False, True, False),  # too young
        (2, None, True, False, True, True),
        (4, None, False, False, True, True),  # seen for the first time
        (None, None, False, False, True, True),
        (90, 29, False, False, True, False),
        (90, 31, False, False, True, True),
        (90, 11, True, False, True, True),
        (90, 11, False, True, True, True),
        (90, 11, False, False, False, True),  # nobody is left who would stop it
        (90, 9, True, True, False, False),
    ],
)
def test_when_recordings_are_read(began, read, automatic, recorded, people, due):
    now = timezone.now()

    def before(minutes: float | None) -> datetime | None:
        return None if minutes is None else now - timedelta(minutes=minutes)

    call = Conference(
        space=Space(settings=AUTOMATIC if automatic else {}),
        started_at=before(began),
        recordings_read_at=before(read),
        recording_since=before(30) if recorded else None,
    )
    assert recordings_due(call, now, people=people) is due


@pytest.mark.slow
def test_an_hour_of_a_call_without_recording_costs_three_readings_at_most(google, room):
    """With a sync every minute, 120 readings tell what is running and who is in it."""
    begin(google, room, ENGINEER, {"guest": "Visitor"})
    forget_requests(google)
    for _ in range(60):
        sweep(room)
        minutes_pass(1)
    counted = asked(google)
    assert 2 <= counted[RECORDINGS] <= 3
    assert counted[RECORDINGS] <= 0.03 * sum(counted.values())


def test_a_short_call_costs_none(google, room):
    begin(google, room, ago=30)
    for _ in range(3):
        sweep(room)
    assert RECORDINGS not in asked(google)


# --- What is known ------------------------------------------------------------------------------------------


def test_a_recording_is_found_by_polling_and_its_end_too(google, room):
    call = begin(google, room)
    sweep(room)
    assert since(room) is None
    record(google, call, "start")
    minutes_pass(31)
    sweep(room)
    found = since(room)
    assert found is not None
    assert abs(found - timezone.now()) < timedelta(seconds=30)
    record(google, call, "stop")
    minutes_pass(11)
    sweep(room)
    assert since(room) is None


@pytest.mark.parametrize("action", ["stop", "file"])
def test_one_that_was_started_again_counts_and_earlier_ones_do_not(google, room, action):
    call = begin(google, room)
    record(google, call, "start")
    record(google, call, "stop")
    if action == "file":
        record(google, call, "file")
    sweep(room)
    assert since(room) is None
    record(google, call, "start")
    minutes_pass(31)
    sweep(room)
    assert since(room) is not None


def test_a_refresh_reads_it_at_once(google, room, owner):
    call = begin(google, room, ago=30)
    sweep(room)
    record(google, call, "start")
    spaces.refresh(room=room, actor=owner)
    assert since(room) is not None


@pytest.mark.parametrize("status", [403, 404])
def test_recordings_that_google_hides_change_nothing_else(google, room, status):
    call = begin(google, room)
    record(google, call, "start")
    sweep(room)
    known = since(room)
    assert known is not None
    fault(google, RECORDINGS, status=status, times=0)
    minutes_pass(11)
    sweep(room)
    assert since(room) == known, "A refusal says nothing about the recording."
    account = space_of(room).account
    assert (account.status, account.problem) == (Account.Status.OK, "")
    forget_requests(google)
    minutes_pass(5)
    sweep(room)
    assert RECORDINGS not in asked(google)


def test_an_older_answer_never_overwrites_a_newer_one(db):
    call = factories.make_call(factories.make_space(), guests=1)
    now = timezone.now()
    running = resources.Recording("r", "STARTED", now - timedelta(minutes=3))
    apply_recordings(call, [running], read_at=now)
    apply_recordings(call, [], read_at=now - timedelta(seconds=1))
    call.refresh_from_db()
    assert call.recording_since == running.started_at
    over = resources.Recording("r", "ENDED", running.started_at, now)
    apply_recordings(call, [over, resources.Recording("s", "FILE_GENERATED", now, now)], read_at=now)
    call.refresh_from_db()
    assert call.recording_since is None


# --- Events ------------------------------------------------------------------------------------------------


@pytest.fixture
def push(google: SimulatorProcess, room: Room, settings: Any) -> Room:
    """The room's account has its subscription."""
    settings.PUSH = PULLED
    google.control("POST", "topics", {"name": TOPIC})
    google.control("POST", "push", {"name": PULL, "topic": TOPIC})
    for account_id in subscriptions.due(actor=SYSTEM):
        subscriptions.reconcile(account=Account.objects.get(pk=account_id), actor=SYSTEM)
    assert Subscription.objects.get().state == "active"
    return room


def follow() -> None:
    event_verbs.pull(subscription=PULL, client=meet.pull_client(), actor=SYSTEM)
    cache.clear()
    event_verbs.process(actor=SYSTEM)
    assert not Event.objects.filter(processed_at=None).exists()


def test_google_tells_of_recordings_and_one_question_answers(google, push):
    call = begin(google, push, ago=30)
    follow()
    assert since(push) is None
    for action, running in (("start", True), ("stop", False)):
        record(google, call, action)
        forget_requests(google)
        follow()
        assert (since(push) is not None) is running
        assert {name: n for name, n in asked(google).items() if name.startswith("conf")} == {RECORDINGS: 1}
    assert set(Event.objects.values_list("outcome", flat=True)) == {"followed"}


def test_the_event_of_a_recording_in_an_unknown_call_tells_of_the_call_too(google, push):
    call = begin(google, push, ago=30)
    follow()
    Space.objects.update(conference=None)
    Conference.objects.all().delete()
    record(google, call, "start")
    follow()
    assert since(push) is not None
    assert Conference.objects.get().people == 1


# --- What follows --------------------------------------------------------------------------------------------


def test_a_forgotten_recording_comes_first(db):
    now = timezone.now()
    made = []
    for name in ("A", "B", "C"):
        room = factories.make_room(name)
        assert room.space is not None
        made.append(factories.make_call(room.space, devices=1, ago=timedelta(hours=2)))
    live = factories.make_room("D")
    assert live.space is not None
    crowded = factories.make_call(live.space, guests=3)
    Conference.objects.filter(pk__in=[made[2].pk, crowded.pk]).update(recording_since=now)
    rooms = RoomQuerySet(Room)
    assert [room.name for room in rooms.by_need()] == ["C", "A", "B", "D"]
    assert rooms.current().sums()["Berlin"]["stuck"] == 3
    [first] = [room for room in rooms.for_lists() if room.name == "C"]
    assert first.space is not None
    assert first.space.stuck_reasons(now)[-1] == "still being recorded"
