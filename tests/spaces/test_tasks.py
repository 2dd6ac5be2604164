"""The timetable's doors, and what the timetable says."""

import ast
import json
import socket
import threading
import time
from datetime import datetime, timedelta
from typing import Any

import pytest
import redis
from celery import current_app
from celery.schedules import crontab
from django.conf import settings as django_settings
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection
from django.utils import timezone
from kombu.exceptions import OperationalError as NoBroker

from meetadmin import celery
from meetadmin.celery import app
from spaces import broker, tasks
from spaces.actions import conferences, spaces
from spaces.google import events
from spaces.google.pubsub import Received
from spaces.models import Account, AuditEntry, Conference, Event, Room, Space, Subscription
from spaces.models.spaces import Liveness
from spaces.sync import scheduling
from tests import factories
from tests.support.push import PULL, PULLED, PUSHED, TOPIC
from tests.support.rooms import (
    BERLIN,
    asked,
    fault,
    forget_requests,
    known_room,
    settings_at_google,
    space_of,
    start_call,
)


@pytest.fixture
def room(google, owner) -> Room:
    """room-owner's room with a space of ours."""
    return known_room(google, owners=(owner,), name="Berlin 3.14")


@pytest.fixture
def queue() -> redis.Redis:
    """The broker, with an empty queue."""
    link: redis.Redis = redis.Redis.from_url(django_settings.REDIS_URL)
    link.delete(broker.ORDERS, broker.TICKS)
    return link


def waiting(queue: redis.Redis) -> list[dict[str, Any]]:
    return [json.loads(raw) for name in (broker.ORDERS, broker.TICKS) for raw in queue.lrange(name, 0, -1)]


def test_the_accounts_whose_turn_it_is_are_looked_after(google, room):
    record = start_call(google, room, seen=False)
    tasks.look_after_accounts()
    conference = space_of(room).conference
    assert conference is not None
    assert conference.record == record
    forget_requests(google)
    tasks.look_after_accounts()  # nobody's turn
    assert asked(google) == {}


def test_looking_after_accounts_stores_its_trouble_and_raises_nothing(google, room):
    fault(google, "*", status=500, times=0)
    tasks.look_after_accounts()
    assert Account.objects.get(email=BERLIN).problem


def test_looking_twice_is_harmless(google, room):
    start_call(google, room, seen=False)
    moments = ("seen_at", "checked_at", "code_confirmed_at")
    looks = []
    for _ in range(2):
        Account.objects.update(next_sweep_at=timezone.now())
        tasks.look_after_accounts()
        looks.append(
            {name: value for name, value in Space.objects.values().get().items() if name not in moments}
        )
    assert looks[0] == looks[1]


def test_an_ending_that_google_shows_late_is_settled_later(google, room, owner):
    """Google shows the call a little longer, and tightens the settings: both are seen to when it is over."""
    record = start_call(google, room)
    held = settings_at_google(google, space_of(room).name)
    google.control("POST", "behaviour", {"linger_seconds": 3, "tighten_after_end": True})
    conferences.end(room=room, conference=record, reason="x", actor=owner)
    google.advance(5)
    tasks.settle_ending(room_id=room.pk)
    assert space_of(room).liveness == Liveness.IDLE
    assert settings_at_google(google, space_of(room).name) == held
    written = AuditEntry.objects.count()
    forget_requests(google)
    tasks.settle_ending(room_id=room.pk)
    assert AuditEntry.objects.count() == written
    assert "spaces.patch" not in asked(google)


def test_every_look_after_an_ending_orders_the_next_for_a_minute(google, room, owner, queue):
    record = start_call(google, room)
    conferences.end(room=room, conference=record, reason="x", actor=owner)
    entry = AuditEntry.objects.get()
    for seconds, pause in ((4, 8), (12, 16), (28, 30), (58, 0)):
        queue.delete(broker.ORDERS, broker.TICKS)
        finished_at = timezone.now() - timedelta(seconds=seconds)
        AuditEntry.objects.update(at=finished_at, finished_at=finished_at)
        tasks.settle_ending(room_id=room.pk)
        orders = waiting(queue)
        assert len(orders) == (1 if pause else 0)
        for order in orders:
            ahead = datetime.fromisoformat(order["headers"]["eta"]) - timezone.now()
            assert abs(ahead.total_seconds() - pause) < 3
            assert f"'ending_id': {entry.pk}" in order["headers"]["kwargsrepr"]


def test_settling_never_overrides_a_person(google, room, owner):
    record = start_call(google, room)
    conferences.end(room=room, conference=record, reason="x", actor=owner)
    seen = dict(space_of(room).settings)
    room.refresh_from_db()
    spaces.configure(room=room, wanted={"accessType": "OPEN"}, seen=seen, reason="", actor=owner)
    tasks.settle_ending(room_id=room.pk)
    assert settings_at_google(google, space_of(room).name)["accessType"] == "OPEN"


def test_settling_a_room_without_an_ending_or_with_google_away_is_harmless(google, room, owner):
    tasks.settle_ending(room_id=room.pk)
    tasks.settle_ending(room_id=0)
    assert asked(google) == {}
    record = start_call(google, room)
    conferences.end(room=room, conference=record, reason="x", actor=owner)
    fault(google, "*", status=503, times=0)
    tasks.settle_ending(room_id=room.pk)


def test_every_task_knows_since_when_it_waits(db, queue):
    tasks.settle_ending.delay(room_id=1)
    assert time.time() - waiting(queue)[0]["headers"]["sent_at"] < 30


def test_the_timetable_names_tasks_that_exist_and_ticks_never_pile_up():
    app.loader.import_default_modules()
    for name, entry in app.conf.beat_schedule.items():
        assert entry["task"] in current_app.tasks, name
        again = 3600 if isinstance(entry["schedule"], crontab) else entry["schedule"]
        assert entry["options"]["expires"] <= max(again, celery.BUSY), name
        assert entry["options"]["queue"] == broker.TICKS, name
    # A worker takes from both queues; each has its own way in, or one order would be carried out twice.
    assert {name: queue.routing_key for name, queue in app.amqp.queues.items()} == {
        broker.ORDERS: broker.ORDERS,
        broker.TICKS: broker.TICKS,
    }


def test_every_task_is_limited_in_time_and_speaks_json():
    assert app.conf.task_soft_time_limit < app.conf.task_time_limit
    longest = scheduling.RUN + scheduling.TURN + 2 * django_settings.GOOGLE_TIMEOUT
    assert longest < app.conf.task_soft_time_limit
    assert app.conf.broker_transport_options["visibility_timeout"] > app.conf.task_time_limit
    assert app.conf.accept_content == ["json"]
    assert (app.conf.task_serializer, app.conf.result_serializer) == ("json", "json")


# --- Commands ---------------------------------------------------------------------------------------


def test_prepare_is_harmless_twice(db, capsys):
    call_command("prepare")
    call_command("prepare")
    assert set(Account.objects.values_list("email", flat=True)) == {BERLIN, "rooms-muc@example.com"}
    assert "0 new accounts" in capsys.readouterr().out


# --- Events ---------------------------------------------------------------------------------------------------------


def names(queue: redis.Redis) -> list[str]:
    return [one["headers"]["task"].rpartition(".")[2] for one in waiting(queue)]


def test_events_that_come_together_are_ordered_once_and_again_when_a_worker_has_begun(db, queue):
    tasks.events_wait()
    tasks.events_wait()
    assert names(queue) == ["follow_events"]
    tasks.follow_events()
    tasks.events_wait()
    assert names(queue) == ["follow_events"] * 2


def test_a_redis_that_answers_nothing_holds_no_push(db, settings):
    """Each push has one of the few threads that pages have, too."""
    with socket.create_server(("127.0.0.1", 0)) as hanging:
        settings.CACHES = {
            "default": settings.CACHES["default"]
            | {"LOCATION": f"redis://127.0.0.1:{hanging.getsockname()[1]}/0"}
        }
        waiting = threading.Thread(target=tasks.events_wait, daemon=True)
        waiting.start()
        waiting.join(4)  # redis-py by itself would wait for five seconds
        assert not waiting.is_alive()


def test_what_was_put_off_is_ordered_for_its_moment(google, room, queue):
    record = start_call(google, room)
    cache.set(f"events:counted:{record}", time.time() + 60, timeout=60)
    for number in range(2):
        Event.store(
            Received(
                message_id=f"m{number}", record=record, type="google.workspace.meet.participant.v2.joined"
            )
        )
        tasks.follow_events()
    [order] = waiting(queue)
    assert order["headers"]["task"] == "spaces.tasks.follow_later"
    assert order["headers"]["eta"] is not None
    cache.delete(f"events:counted:{record}")
    Event.objects.update(due_at=timezone.now())
    tasks.follow_later()
    assert set(Event.objects.values_list("outcome", flat=True)) == {"followed"}


def test_what_is_put_off_for_long_does_not_keep_others_waiting(google, room, queue):
    """One account is left alone for a minute, which the timetable will notice; somebody who joins in another one is counted in a
    second."""
    record = start_call(google, room)
    cache.set(f"events:counted:{record}", time.time() + 60, timeout=60)
    resting = factories.make_account(
        "rooms-ham@example.com", open_until=timezone.now() + timedelta(minutes=1)
    )
    quiet = Conference.objects.create(
        record="conferenceRecords/x", space=factories.make_space(account=resting)
    )
    for number, call in enumerate((quiet.record, record)):
        Event.store(Received(message_id=f"m{number}", record=call, type=events.PARTICIPANT_JOINED))
        tasks.follow_events()
    assert names(queue) == ["follow_later"]


def test_ticks_nobody_takes_are_cut_off(queue):
    """While no worker is there the scheduler goes on; what it sends must not fill Redis until nothing works any more."""
    queue.lpush(broker.TICKS, *range(celery.MOST_TICKS + 20))
    celery._record_scheduler()
    kept = queue.lrange(broker.TICKS, 0, -1)
    queue.delete(broker.TICKS)
    assert len(kept) == celery.MOST_TICKS
    assert kept[0] == str(celery.MOST_TICKS + 19).encode(), "the newest stays"


def test_sessions_that_are_over_are_thrown_away(db, owner, sign_in):
    sign_in(owner)
    Session.objects.create(session_key="old", session_data="", expire_date=timezone.now())
    tasks.forget_sessions()
    [left] = Session.objects.all()
    assert left.session_key != "old"


def test_a_lost_order_is_taken_up_by_the_timetable(google, room, queue):
    """The push was stored, and the worker died or Redis was away: the inbox is the truth."""
    record = start_call(google, room, seen=False)
    Event.store(Received(message_id="m1", record=record, type="google.workspace.meet.conference.v2.started"))
    account = space_of(room).account
    Subscription.objects.create(account=account, name="subscriptions/x")
    Event.objects.update(subscription="subscriptions/x")
    taken = Event.claim(1, now=timezone.now(), until=timezone.now() + timedelta(seconds=1))
    assert len(taken) == 1
    tasks.follow_events()
    assert space_of(room).conference is None, "Somebody else is at it."
    Event.objects.update(due_at=timezone.now())
    tasks.follow_events()
    assert space_of(room).conference is not None


def test_subscriptions_are_looked_after_one_order_each(google, room, queue, settings):
    settings.PUSH = PULLED
    google.control("POST", "topics", {"name": TOPIC})
    tasks.tend_subscriptions()
    [order] = waiting(queue)
    assert order["headers"]["task"] == "spaces.tasks.tend_subscription"
    tasks.tend_subscription(account_id=space_of(room).account.pk)
    assert Subscription.objects.get().state == "active"
    tasks.tend_subscription(account_id=0)


def test_old_events_are_thrown_away(db):
    Event.store(Received(message_id="m1"))
    then = timezone.now() - timedelta(days=9)
    Event.objects.update(received_at=then, processed_at=then)
    tasks.purge_events()
    assert not Event.objects.exists()


def test_events_are_fetched_stored_and_ordered(google, room, queue, settings):
    settings.PUSH = PULLED
    google.control("POST", "topics", {"name": TOPIC})
    google.control("POST", "push", {"name": PULL, "topic": TOPIC})
    google.control("POST", "publish", {"topic": TOPIC, "data": "{}"})
    call_command("pull_events", once=True)
    assert Event.objects.count() == 1
    assert names(queue) == ["follow_events"]
    google.control("POST", "push", {"name": PULL, "subscriber": False})
    with pytest.raises(CommandError, match="Pub/Sub Subscriber"):
        call_command("pull_events", once=True)


@pytest.mark.django_db(transaction=True)
def test_who_fetches_events_waits_for_a_database_that_is_away_and_loses_none(
    google, room, queue, settings, monkeypatch
):
    settings.PUSH = PULLED
    google.control("POST", "topics", {"name": TOPIC})
    google.control("POST", "push", {"name": PULL, "topic": TOPIC})
    google.control("POST", "publish", {"topic": TOPIC, "data": "{}"})
    refused: list[str] = []

    def away(execute: Any, sql: str, *rest: Any) -> Any:
        if sql.startswith("INSERT") and not refused:
            refused.append(sql)
            raise OperationalError("server closed the connection")
        return execute(sql, *rest)

    def stored() -> None:
        raise SystemExit

    # By then Pub/Sub hands it out again.
    monkeypatch.setattr(time, "sleep", lambda _: google.advance(600))
    monkeypatch.setattr(tasks, "events_wait", stored)
    with connection.execute_wrapper(away), pytest.raises(SystemExit):
        call_command("pull_events")
    assert (len(refused), Event.objects.count()) == (1, 1)


def test_fetching_needs_to_be_configured(db, settings):
    for arrangement in (None, PUSHED):
        settings.PUSH = arrangement
        with pytest.raises(CommandError, match="MEETADMIN_PUSH_PULL"):
            call_command("pull_events")
    settings.PUSH, settings.GOOGLE_SERVICE_ACCOUNT = PULLED, None
    with pytest.raises(CommandError, match="service account"):
        call_command("pull_events")


def test_rooms_of_one_person_take_turns_with_what_others_have_ordered(google, owner, admin, queue):
    """Each task asks about one room and orders the rest behind what waits by then, so one person never takes more than one process."""
    rooms = [known_room(google, name=f"Room {n}", owners=(owner,)) for n in range(3)]
    keys = [room.pk for room in rooms]
    assert tasks.order_refreshes(room_ids=keys, person_id=owner.pk)
    assert not tasks.order_refreshes(room_ids=keys, person_id=owner.pk), "the first order is not done yet"
    assert tasks.order_refreshes(room_ids=keys[:1], person_id=admin.pk), "somebody else's order"
    done = []
    forget_requests(google)
    while raw := queue.rpop(broker.ORDERS):
        about = json.loads(raw)["headers"]["kwargsrepr"]
        wanted = ast.literal_eval(about)
        done.append((wanted["person_id"], wanted["room_ids"][0]))
        tasks.refresh_rooms(**wanted)
    first, second, third = ((owner.pk, key) for key in keys)
    assert done == [first, (admin.pk, keys[0]), second, third]
    assert asked(google)["spaces.get"] >= 4
    assert tasks.order_refreshes(room_ids=keys, person_id=owner.pk), "it is done"


def test_order_of_refreshes_without_redis_is_told(settings, owner):
    settings.REDIS_URL = "unix:///nowhere/valkey.sock?db=1"
    with pytest.raises(NoBroker):
        tasks.order_refreshes(room_ids=[1], person_id=owner.pk)
