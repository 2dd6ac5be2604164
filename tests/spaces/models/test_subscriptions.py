"""When events can be relied on, in Python and in the database alike; and the inbox."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from spaces.google.events import PARTICIPANT_JOINED
from spaces.google.pubsub import Received
from spaces.models import Account, Event, Subscription
from tests import factories

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def make(
    now: datetime, *, heard: timedelta | None = HOUR, missed: timedelta | None = None, **fields: Any
) -> Subscription:
    """A subscription that is well, unless told otherwise; times are ages."""
    account = factories.make_account(
        push_heard_at=None if heard is None else now - heard,
        push_missed_at=None if missed is None else now - missed,
        status=fields.pop("status", Account.Status.OK),
    )
    fields = {
        "name": "subscriptions/meet-users-1",
        "state": Subscription.State.ACTIVE,
        "created_at": now - DAY,
        "expires_at": now + 6 * DAY,
    } | fields
    return Subscription.objects.create(account=account, **fields)


NOW = timezone.now()


@pytest.mark.parametrize(
    ("fields", "healthy", "word"),
    [
        ({}, True, "Events come."),
        ({"missed": 2 * HOUR}, True, "Events come."),
        ({"missed": HOUR / 2}, False, "a change was found that none had told"),
        ({"heard": None}, False, "none has come yet"),
        ({"heard": None, "missed": HOUR}, False, "Pub/Sub Publisher"),
        ({"heard": 2 * DAY}, False, "none has come yet"),
        ({"state": "suspended", "suspension": "ENDPOINT_NOT_FOUND"}, False, "Create it again"),
        ({"state": "suspended", "suspension": "SOMETHING_NEW"}, False, "SOMETHING_NEW"),
        ({"state": "none", "problem": "The reason."}, False, "The reason."),
        ({"state": "none"}, False, "being set up"),
        ({"expires_at": NOW + HOUR / 2}, False, "Events come."),
        ({"expires_at": NOW - HOUR}, False, "made anew"),
        ({"expires_at": None}, False, "made anew"),
        ({"problem": "The reason."}, True, "The reason."),
        ({"status": "broken"}, False, "Events come."),
    ],
)
def test_health_in_both_forms_and_in_words(db, fields, healthy, word):
    ours = make(NOW, **fields)
    assert ours.is_healthy(NOW) is healthy
    assert Subscription.objects.healthy(NOW).exists() is healthy
    assert word in ours.words(NOW)


@pytest.mark.parametrize(
    ("fields", "due"),
    [
        ({}, False),
        ({"created_at": NOW - 2 * DAY}, True),
        ({"created_at": NOW - 5 * DAY, "renewed_at": NOW - HOUR}, False),
        ({"created_at": NOW - 5 * DAY, "renewed_at": NOW - 25 * HOUR}, True),
        ({"created_at": NOW - HOUR, "expires_at": NOW + 47 * HOUR}, True),
        ({"expires_at": None}, True),
    ],
)
def test_when_it_is_renewed(db, fields, due):
    assert make(NOW, **{"created_at": NOW - HOUR} | fields).needs_renewal(NOW) is due


def test_whose_silence_is_worth_noticing(db):
    ours = make(NOW, heard=None)
    assert ours.tells_since == ours.created_at
    for state in ("suspended", "none"):
        ours.state = state
        assert ours.tells_since is None


def received(number: int, **fields: Any) -> Received:
    return Received(message_id=f"m{number}", **{"event_id": f"e{number}"} | fields)


@pytest.mark.parametrize(
    "second", [received(1), received(1, event_id="e9"), Received(message_id="m9", event_id="e1")]
)
def test_a_message_or_an_event_twice_is_one_row(db, second):
    assert Event.store(received(1))
    assert not Event.store(second)
    assert Event.objects.get().deliveries == 2


def test_events_without_an_id_of_their_own_are_not_each_others_duplicates(db):
    assert Event.store(received(1, event_id=""))
    assert Event.store(received(2, event_id=""))


def test_an_event_is_taken_on_once_and_comes_back_from_the_dead(db):
    now = timezone.now()
    for number in range(3):
        Event.store(received(number))
    now = timezone.now()
    first = Event.claim(2, now=now, until=now + HOUR)
    assert [event.message_id for event in first] == ["m0", "m1"]
    assert [event.message_id for event in Event.claim(9, now=now, until=now + HOUR)] == ["m2"]
    assert Event.claim(9, now=now, until=now + HOUR) == []
    Event.finalise(first[:1], Event.Outcome.FOLLOWED)
    back = Event.claim(9, now=now + 2 * HOUR, until=now + 3 * HOUR)
    assert [event.message_id for event in back] == ["m1", "m2"]


def test_however_much_the_inbox_holds_only_what_waits_is_looked_at(db):
    """Every other second, and at each event. The database chooses its way by what it knows of the table, so it gets to know one."""
    now = timezone.now()
    Event.objects.bulk_create(
        Event(
            message_id=f"m{number}",
            type=PARTICIPANT_JOINED,
            record=f"conferenceRecords/{number}",
            received_at=now - timedelta(hours=1),
            due_at=now,
            processed_at=None if number % 500 == 0 else now,
        )
        for number in range(3000)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE spaces_event")
    assert "event_waiting" in Event.objects.due(now)[:200].explain()
    of_call = Event.objects.told_before(now, record="conferenceRecords/x", types={PARTICIPANT_JOINED})
    assert "event_waiting_call" in of_call.explain()
