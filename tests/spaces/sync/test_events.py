"""What events cause. The same things happen at Google, are told in every disorder, and the end is the same."""

import random
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from django.core.cache import cache
from django.utils import timezone

from spaces import meet
from spaces.access import SYSTEM, NotAllowed
from spaces.google import events
from spaces.google.errors import TryLater
from spaces.google.meet import MeetClient
from spaces.google.pubsub import Received
from spaces.models import Account, Conference, Event, Participant, Room, Space, Subscription
from spaces.models.spaces import Liveness
from spaces.sync import events as verbs
from spaces.sync import scheduling, subscriptions
from tests.support.push import PULL, PULLED, PUSHED, TOPIC
from tests.support.rooms import BERLIN, asked, fault, forget_requests, known_room, space_at_google, space_of
from tests.support.simulator import SimulatorProcess

Outcome = Event.Outcome
ENGINEER, COLLEAGUE = {"email": "engineer-01@example.com"}, {"email": "engineer-02@example.com"}
_numbers = count(1)


@pytest.fixture
def room(google: SimulatorProcess, settings: Any, db: None) -> Room:
    """A room of ours whose account has its subscription; what happens waits at a Pub/Sub subscription for pulling."""
    settings.PUSH = PULLED
    google.control("POST", "topics", {"name": TOPIC})
    google.control("POST", "push", {"name": PULL, "topic": TOPIC})
    made = known_room(google)
    for account_id in subscriptions.due(actor=SYSTEM):
        subscriptions.reconcile(account=Account.objects.get(pk=account_id), actor=SYSTEM)
    assert Subscription.objects.get().state == "active"
    forget_requests(google)
    return made


def fetch(google: SimulatorProcess) -> int:
    """Pull what waits."""
    return verbs.pull(subscription=PULL, client=meet.pull_client(), actor=SYSTEM)


def waiting_at(google: SimulatorProcess) -> int:
    return sum(one["waiting"] for one in google.control("GET", "push")["subscriptions"])


def process_all() -> None:
    """Everything that waits, also what was put off."""
    for _ in range(20):
        Event.objects.waiting().update(due_at=timezone.now())
        cache.clear()  # seconds pass
        verbs.process(actor=SYSTEM)
        if not Event.objects.filter(processed_at=None).exists():
            return
    raise AssertionError("Events never come to an end.")


def outcomes() -> list[str]:
    return sorted(Event.objects.values_list("outcome", flat=True))


def hint(kind: str, record: str, **fields: Any) -> None:
    """An event of the account's subscription, as if it had come."""
    number = next(_numbers)
    ours = Subscription.objects.first()
    values = {"subscription": ours.name if ours else "", "record": record, "type": kind} | fields
    assert Event.store(Received(message_id=f"m{number}", event_id=f"e{number}", **values))


def begin(google: SimulatorProcess, room: Room, *who: dict[str, str], ago: float = 60) -> str:
    return str(google.start_conference(space_of(room).name, *(who or (ENGINEER,)), ago=ago)["name"])


def leave_all(google: SimulatorProcess, record: str) -> None:
    google.control("POST", f"conferences/{record.split('/')[1]}/end")


def join(google: SimulatorProcess, record: str, who: dict[str, str]) -> None:
    google.control("POST", f"conferences/{record.split('/')[1]}/join", who)


def test_a_call_begins_and_is_there_with_two_questions(google, room):
    record = begin(google, room)
    assert fetch(google) == 2
    assert waiting_at(google) == 0
    verbs.process(actor=SYSTEM)
    space = space_of(room)
    assert (space.liveness, space.conference and space.conference.record) == (Liveness.ACTIVE, record)
    assert space.conference is not None
    assert space.conference.people == 1
    assert space.conference.started_at is not None
    questions = {name: times for name, times in asked(google).items() if name.startswith("conferenceRecords")}
    assert questions == {"conferenceRecords.get": 1, "conferenceRecords.participants.list": 1}
    assert outcomes() == ["followed", "followed"]


def test_somebody_comes_and_one_question_counts(google, room):
    record = begin(google, room)
    fetch(google)
    process_all()
    join(google, record, COLLEAGUE)
    fetch(google)
    cache.clear()
    forget_requests(google)
    verbs.process(actor=SYSTEM)
    assert asked(google) == {"conferenceRecords.participants.list": 1}
    assert Conference.objects.get().people == 2


def test_who_comes_while_google_is_being_asked_is_counted_later(google, room, monkeypatch):
    """They are not in the answer that is on its way, so their event must not count as followed by it."""
    record = begin(google, room)
    fetch(google)
    process_all()
    hint(events.PARTICIPANT_JOINED, record)
    cache.clear()
    ask = MeetClient.participants

    def overtaken(client: MeetClient, name: str, **more: Any) -> Any:
        answer = ask(client, name, **more)
        join(google, record, COLLEAGUE)
        hint(events.PARTICIPANT_JOINED, record)
        return answer

    monkeypatch.setattr(MeetClient, "participants", overtaken)
    verbs.process(actor=SYSTEM)
    monkeypatch.setattr(MeetClient, "participants", ask)
    assert Event.objects.waiting().count() == 1
    process_all()
    assert Conference.objects.get().people == 2


def test_a_crowd_costs_one_count_a_second(google, room, monkeypatch):
    monkeypatch.setattr(verbs, "COUNT_PAUSE", 60.0)  # however slow the machine is
    record = begin(google, room)
    fetch(google)
    process_all()
    for number in range(2, 12):
        join(google, record, {"guest": f"Guest {number}"})
    fetch(google)
    cache.clear()
    forget_requests(google)
    verbs.process(actor=SYSTEM)
    assert asked(google) == {"conferenceRecords.participants.list": 1}
    assert Conference.objects.get().guests == 10
    for _ in range(5):
        hint(events.PARTICIPANT_LEFT, record)
        pause = verbs.process(actor=SYSTEM)
    assert pause is not None
    assert 0 < pause <= verbs.COUNT_PAUSE, "It is to be counted, later."
    assert asked(google) == {"conferenceRecords.participants.list": 1}
    waiting = list(Event.objects.filter(processed_at=None))
    assert [event.attempts for event in waiting] == [0] * 5, "Waiting for one's turn is no failed attempt."
    cache.clear()  # a second passes
    Event.objects.filter(pk=waiting[0].pk).update(due_at=timezone.now())
    assert verbs.process(actor=SYSTEM) is None
    assert not Event.objects.filter(processed_at=None).exists(), "One count answers all that came before it."
    assert asked(google) == {"conferenceRecords.participants.list": 2}


def test_a_call_ends(google, room):
    record = begin(google, room)
    fetch(google)
    process_all()
    leave_all(google, record)
    fetch(google)
    process_all()
    space = space_of(room)
    assert (space.liveness, space.conference) == (Liveness.IDLE, None)
    assert not Participant.objects.exists()
    call = Conference.objects.get()
    ended = next(one["endTime"] for one in google.world()["conferences"] if one["name"] == record)
    assert call.ended_at is not None
    assert call.ended_at.isoformat()[:19] == ended[:19], "When it ended is Google's to say."


def test_a_call_that_came_and_went_unseen_is_history(google, room):
    record = begin(google, room)
    leave_all(google, record)
    hint(events.CONFERENCE_ENDED, record)
    process_all()
    call = Conference.objects.get()
    assert call.started_at is not None
    assert call.ended_at is not None
    assert space_of(room).conference is None


def test_late_news_of_an_older_call_does_not_hide_the_new_one(google, room):
    old = begin(google, room)
    leave_all(google, old)
    new = begin(google, room)
    hint(events.CONFERENCE_STARTED, new)
    process_all()
    hint(events.CONFERENCE_ENDED, old)
    process_all()
    space = space_of(room)
    assert space.conference is not None
    assert (space.liveness, space.conference.record) == (Liveness.ACTIVE, new)


def state() -> list[Any]:
    """What people would see, without the moments at which it was learnt."""
    calls = Conference.objects.order_by("record").values_list(
        "record", "space__name", "started_at", "ended_at", "people", "devices", "guests", "phones"
    )
    spaces = Space.objects.order_by("name").values_list("name", "liveness", "conference__record")
    people = Participant.objects.order_by("name").values_list("name", "kind")
    return [list(calls), list(spaces), list(people)]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_shuffled_doubled_and_with_holes_the_end_is_the_same(google, room, seed):
    """One call that is over, one that goes on; all events in order, against a disorder that still holds the last news."""
    other = known_room(google)
    first = begin(google, room, ENGINEER, ago=300)
    join(google, first, COLLEAGUE)
    leave_all(google, first)
    second = begin(google, room, ENGINEER, ago=30)
    third = begin(google, other, ENGINEER, {"guest": "A guest"}, ago=60)
    join(google, third, COLLEAGUE)
    told: list[tuple[str, str]] = []
    for record in (first, second, third):
        told += [(events.CONFERENCE_STARTED, record), *[(events.PARTICIPANT_JOINED, record)] * 3]
    told += [
        (events.PARTICIPANT_LEFT, first),
        (events.PARTICIPANT_LEFT, first),
        (events.CONFERENCE_ENDED, first),
    ]
    for kind, record in told:
        hint(kind, record)
        process_all()
    expected = state()
    Participant.objects.all().delete()
    Space.objects.update(conference=None, liveness=Liveness.IDLE, seen_at=None)
    Conference.objects.all().delete()
    Event.objects.all().delete()
    chance = random.Random(seed)
    kept = [
        one
        for one in told
        if chance.random() < 0.6 or (one[0] == events.CONFERENCE_STARTED and one[1] != first)
    ]
    if not any(record == first for _, record in kept):
        kept.append((events.CONFERENCE_ENDED, first))
    mess = kept + chance.choices(kept, k=6)
    chance.shuffle(mess)
    for kind, record in mess:
        hint(kind, record)
        if chance.random() < 0.5:
            process_all()
    process_all()
    found = state()
    # Who was in a call that is over before we looked, nobody counts any more.
    assert [call[:4] for call in found[0]] == [call[:4] for call in expected[0]]
    assert [call for call in found[0] if call[3] is None] == [call for call in expected[0] if call[3] is None]
    assert found[1:] == expected[1:]


def test_what_is_told_while_google_is_away_is_followed_later(google, room):
    record = begin(google, room)
    hint(events.CONFERENCE_STARTED, record)
    fault(google, "conferenceRecords.*", status=503, times=0)
    pause = verbs.process(actor=SYSTEM)
    assert pause == 2
    assert Event.objects.get().processed_at is None
    google.control("DELETE", "faults")
    process_all()
    assert space_of(room).liveness == Liveness.ACTIVE


def test_it_does_not_try_for_ever(google, room):
    hint(events.CONFERENCE_STARTED, begin(google, room))
    fault(google, "conferenceRecords.*", status=503, times=0)
    process_all()
    event = Event.objects.get()
    assert (event.outcome, event.attempts) == (Outcome.GIVEN_UP, verbs.MOST_ATTEMPTS)


def test_an_account_that_does_not_answer_is_asked_once_in_a_batch(google, room):
    other = known_room(google)
    for one in (room, other):
        hint(events.CONFERENCE_STARTED, begin(google, one))
    fault(google, "conferenceRecords.*", status=503, times=0)
    forget_requests(google)
    assert verbs.process(actor=SYSTEM) == 2
    assert asked(google) == {"conferenceRecords.get": 1}
    google.control("DELETE", "faults")
    process_all()
    assert {space.liveness for space in Space.objects.all()} == {Liveness.ACTIVE}


def test_accounts_in_trouble_are_left_to_the_next_look(google, room):
    record = begin(google, room)
    forget_requests(google)
    Account.objects.update(open_until=timezone.now() + timedelta(seconds=40))
    hint(events.CONFERENCE_STARTED, record)
    pause = verbs.process(actor=SYSTEM)
    assert pause is not None
    assert 30 < pause <= 40
    Account.objects.update(status=Account.Status.BROKEN)
    process_all()
    assert asked(google) == {}
    assert outcomes() == [Outcome.GIVEN_UP]


def test_a_call_in_a_space_that_is_no_room_of_ours_is_asked_about_once(google, room):
    made = space_at_google(google)
    record = str(google.start_conference(made["name"], ENGINEER)["name"])
    hint(events.CONFERENCE_STARTED, record)
    verbs.process(actor=SYSTEM)
    for _ in range(3):
        hint(events.PARTICIPANT_JOINED, record)
        verbs.process(actor=SYSTEM)
    assert outcomes() == [Outcome.NOT_OURS] * 4
    assert asked(google) == {"conferenceRecords.get": 1}


@pytest.mark.parametrize(
    ("fields", "outcome"),
    [
        ({"type": "google.workspace.meet.recording.v2.fileGenerated"}, Outcome.IGNORED),
        ({"type": "google.workspace.meet.sparkles.v9.shone"}, Outcome.IGNORED),
        ({"type": "", "record": ""}, Outcome.IGNORED),
        ({"record": ""}, Outcome.IGNORED),
        ({"problem": "data that is no JSON in base64"}, Outcome.UNREADABLE),
        ({"subscription": "subscriptions/of-somebody"}, Outcome.NOT_OURS),
        ({"change": "suspended", "subscription": "subscriptions/of-somebody"}, Outcome.LIFECYCLE),
        ({"record": "conferenceRecords/nobody-knows"}, Outcome.HIDDEN),
    ],
)
def test_what_leads_nowhere_is_settled_at_once(google, room, fields, outcome):
    hint(**{"kind": events.CONFERENCE_STARTED, "record": "conferenceRecords/x"} | rename(fields))
    verbs.process(actor=SYSTEM)
    assert outcomes() == [outcome]


def rename(fields: dict[str, Any]) -> dict[str, Any]:
    return {("kind" if name == "type" else name): value for name, value in fields.items()}


def test_joining_a_call_that_is_over_asks_nothing(google, room):
    record = begin(google, room)
    leave_all(google, record)
    hint(events.CONFERENCE_ENDED, record)
    process_all()
    forget_requests(google)
    hint(events.PARTICIPANT_LEFT, record)
    process_all()
    assert asked(google) == {}
    assert outcomes() == [Outcome.FOLLOWED, Outcome.OLD]


def test_google_tells_of_a_suspension_and_the_next_turn_is_now(google, room):
    ours = Subscription.objects.get()
    google.control("POST", f"{ours.name}/suspend", {"reason": "USER_SCOPE_REVOKED"})
    assert fetch(google) == 1
    verbs.process(actor=SYSTEM)
    ours.refresh_from_db()
    assert (ours.state, ours.suspension) == ("suspended", "USER_SCOPE_REVOKED")
    assert subscriptions.due(actor=SYSTEM) == [ours.account_id]


def test_hearing_something_is_noted_on_the_account(google, room):
    before = timezone.now()
    Account.objects.filter(email=BERLIN).update(push_missed_at=before)
    assert not Subscription.objects.select_related("account").get().is_healthy(before)
    begin(google, room)
    fetch(google)
    verbs.process(actor=SYSTEM)
    account = Account.objects.get(email=BERLIN)
    assert account.push_heard_at is not None
    assert account.push_heard_at >= before
    assert Subscription.objects.select_related("account").get().is_healthy(timezone.now())


def test_polling_slows_down_while_events_come_and_speeds_up_when_they_fall_silent(google, room, settings):
    def pause() -> float:
        """Seconds until the account is looked at next."""
        assert scheduling.sync(account=Account.objects.get(email=BERLIN), actor=SYSTEM)
        return (Account.objects.get(email=BERLIN).next_sweep_at - timezone.now()).total_seconds()

    usual = settings.SWEEP_EVERY * 2
    assert pause() < usual, "Nothing has been heard yet, so nothing is relied on."
    # The subscription is some minutes old.
    Subscription.objects.update(created_at=timezone.now() - timedelta(minutes=10))
    record = begin(google, room)
    fetch(google)
    process_all()
    assert pause() > settings.SWEEP_WITH_PUSH / 2
    # The publisher role is taken away: Google keeps silent about it.
    google.control("POST", "topics", {"name": TOPIC, "publisher": False})
    begin(google, known_room(google), ago=120)
    pause()
    assert pause() < usual
    assert "Pub/Sub Publisher" in Subscription.objects.select_related("account").get().words(timezone.now())
    google.control("POST", "topics", {"name": TOPIC, "publisher": True})
    join(google, record, COLLEAGUE)
    fetch(google)
    process_all()
    assert pause() > settings.SWEEP_WITH_PUSH / 2


def test_nothing_is_acknowledged_that_is_not_stored(google, room):
    begin(google, room)
    fault(google, "pubsub.subscriptions.acknowledge", status=503)
    with pytest.raises(TryLater):
        fetch(google)
    assert Event.objects.count() == 2
    assert waiting_at(google) == 2, "It comes again, and is known then."
    google.advance(15)
    meet.pull_client()
    assert fetch(google) == 0
    assert [event.deliveries for event in Event.objects.all()] == [2, 2]
    assert waiting_at(google) == 0


def test_who_died_of_an_event_again_and_again_does_not_take_it_on_for_ever(google, room):
    hint(events.CONFERENCE_STARTED, begin(google, room))
    forget_requests(google)
    Event.objects.update(attempts=verbs.MOST_ATTEMPTS)
    assert verbs.process(actor=SYSTEM) is None
    assert Event.objects.get().outcome == Event.Outcome.GIVEN_UP
    assert asked(google) == {}


def test_old_rows_are_thrown_away_also_those_nobody_has_dealt_with(db):
    for number, (age, done) in enumerate([(4, True), (4, False), (1, True), (1, False)]):
        Event.store(Received(message_id=f"m{number}"))
        then = timezone.now() - timedelta(days=age)
        Event.objects.filter(message_id=f"m{number}").update(
            received_at=then, processed_at=then if done else None
        )
    assert verbs.purge(actor=SYSTEM) == 2
    assert set(Event.objects.values_list("message_id", flat=True)) == {"m2", "m3"}


def test_people_cannot_tell_us_events(db, admin, settings):
    settings.PUSH = PUSHED
    for call in (
        lambda: verbs.receive(authorization="", body=b"", actor=admin),
        lambda: verbs.process(actor=admin),
        lambda: verbs.purge(actor=admin),
    ):
        with pytest.raises(NotAllowed):
            call()
