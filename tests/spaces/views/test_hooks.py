"""The door for pushes: real pushes of the simulator, with its signatures, good and bad, given to the view byte by byte."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import redis
from django.conf import settings as django_settings
from django.test import Client

from spaces.google.pubsub import LARGEST
from spaces.google.push import Arrangement
from spaces.models import Event
from tests.support.environment import free_port
from tests.support.push import (
    ENDPOINT_ACCOUNT,
    PULLED,
    PUSH,
    PUSHED,
    TOPIC,
    Receiver,
    publish,
    wait_until,
)
from tests.support.simulator import SimulatorProcess

URL = "/hooks/google/pubsub"


@pytest.fixture
def pushes(google: SimulatorProcess, settings: Any, db: None) -> Iterator[Receiver]:
    """A server that catches what the simulator pushes; Meetadmin is configured for it."""
    settings.PUSH = PUSHED
    with Receiver() as receiver:
        receiver.configure(google)
        yield receiver


def caught(
    google: SimulatorProcess, pushes: Receiver, credential: str = "good", number: int = 1
) -> tuple[str, bytes]:
    """A push of a message that says just a number: its header and its body."""
    google.control("POST", "push", {"name": PUSH, "credential": credential})
    before = len(pushes.pushes)
    publish(google, number)
    wait_until(lambda: len(pushes.pushes) > before)
    headers, body = pushes.pushes[-1]
    return headers.get("authorization", ""), json.dumps(body).encode()


def deliver(header: str, body: bytes, **more: Any) -> int:
    browser = Client(enforce_csrf_checks=True)
    reply = browser.post(
        URL, body, content_type="application/json", headers={"Authorization": header}, **more
    )
    assert reply.content == b""
    return reply.status_code


def test_a_good_one_is_stored_and_ordered_once(google, pushes):
    queue: redis.Redis = redis.Redis.from_url(django_settings.REDIS_URL)
    queue.delete("celery")
    first, second = caught(google, pushes, number=1), caught(google, pushes, number=2)
    assert deliver(*first) == 204
    assert deliver(*second) == 204
    assert Event.objects.count() == 2
    [order] = [json.loads(raw) for raw in queue.lrange("celery", 0, -1)]
    assert order["headers"]["task"] == "spaces.tasks.follow_events"


@pytest.mark.parametrize(
    ("credential", "status"),
    [
        ("none", 401),
        ("wrong-key", 401),
        ("wrong-audience", 401),
        ("expired", 401),
        ("wrong-email", 403),
    ],
)
def test_others_are_refused_and_leave_nothing(google, pushes, credential, status):
    assert deliver(*caught(google, pushes, credential)) == status
    assert not Event.objects.exists()


def test_a_duplicate_is_acknowledged_and_counted(google, pushes):
    push = caught(google, pushes)
    assert [deliver(*push) for _ in range(3)] == [204] * 3
    assert Event.objects.get().deliveries == 3


def changed(body: bytes, **changes: Any) -> bytes:
    return json.dumps(json.loads(body) | changes).encode()


def test_another_pubsub_subscription_is_not_believed(google, pushes):
    header, body = caught(google, pushes)
    assert deliver(header, changed(body, subscription=PUSH + "-of-somebody")) == 403
    assert not Event.objects.exists()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}"[:1],
        b"\x00" * 10,
        json.dumps({"subscription": PUSH, "message": {"messageId": "7", "data": "!!!"}}).encode(),
        json.dumps(
            {"subscription": PUSH, "message": {"messageId": "8\x00", "attributes": {"ce-type": "\x00\ud800"}}}
        ).encode(),
        json.dumps({"subscription": PUSH, "message": {"messageId": "9", "data": "A" * 2_000_000}}).encode(),
        json.dumps({"subscription": PUSH, "message": {"messageId": "1" * 100_000}}).encode(),
    ],
    ids=["empty", "cut", "zeros", "bad base64", "not for a database", "too large", "a long id"],
)
def test_nonsense_from_google_is_noted_and_never_comes_back(google, pushes, body):
    header, _ = caught(google, pushes)
    assert deliver(header, body) == 204
    event = Event.objects.get()
    assert event.detail != ""
    assert len(body) <= LARGEST or event.message_id.startswith("unreadable:"), "not read to its end"
    assert deliver(header, body) == 204
    assert Event.objects.get().deliveries == 2


def test_a_large_one_of_a_stranger_is_refused(google, pushes):
    assert deliver("Bearer nonsense", b"x" * 3_000_000) == 401


@pytest.mark.parametrize("arrangement", [None, PULLED], ids=["not configured", "pulled"])
def test_without_full_configuration_there_is_no_door(google, pushes, settings, arrangement):
    push = caught(google, pushes)
    settings.PUSH = arrangement
    reply = Client().post(URL, push[1], content_type="application/json", headers={"Authorization": push[0]})
    assert reply.status_code == 404
    assert not Event.objects.exists()


def test_made_for_another_installation(google, pushes, settings):
    push = caught(google, pushes)
    settings.PUSH = Arrangement(
        topic=TOPIC,
        subscriptions=(PUSH,),
        account=ENDPOINT_ACCOUNT,
        audience="https://other.example.com/hooks",
    )
    assert deliver(*push) == 401


def test_while_google_keys_are_not_to_be_had_it_is_to_come_again(google, pushes, settings):
    """Neither believed nor refused: Pub/Sub repeats what is answered with 503."""
    push, there = caught(google, pushes), settings.GOOGLE
    settings.GOOGLE = replace(there, certs=f"http://127.0.0.1:{free_port()}/certs")
    assert deliver(*push) == 503
    assert not Event.objects.exists()
    settings.GOOGLE = there
    assert deliver(*push) == 204
    assert Event.objects.count() == 1


def test_only_posts(db, settings):
    settings.PUSH = PUSHED
    for method in ("get", "put", "delete", "head", "options"):
        assert getattr(Client(), method)(URL).status_code == 405


def test_while_redis_is_away_it_is_stored_all_the_same(google, pushes, settings):
    push = caught(google, pushes)
    away = {"LOCATION": f"redis://127.0.0.1:{free_port()}/0"}
    settings.CACHES = {"default": {**settings.CACHES["default"], **away}}
    assert deliver(*push) == 204
    assert Event.objects.count() == 1
