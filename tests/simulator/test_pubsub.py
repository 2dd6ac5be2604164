"""The Pub/Sub stand-in: signed pushes, acknowledgement, retries, switchable misbehaviour, and pull."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from google.auth.exceptions import GoogleAuthError
from google.auth.transport.requests import Request
from google.oauth2 import id_token
from google.oauth2.credentials import Credentials
from googleapiclient.discovery import build

from tests.support.discovery import faults_of
from tests.support.push import (
    AUDIENCE,
    ENDPOINT_ACCOUNT,
    PUBSUB_SCOPE,
    PULL,
    PUSH,
    TOPIC,
    Puller,
    Receiver,
    data_of,
    publish,
    wait_until,
)
from tests.support.simulator import ControlError, SimulatorProcess


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A web server that takes pushes."""
    with Receiver() as made:
        yield made


def counts(google: SimulatorProcess) -> dict[str, int]:
    """What became of the messages of the push subscription."""
    for each in google.control("GET", "push")["subscriptions"]:
        if each["name"] == PUSH:
            return dict(each["counts"])
    raise AssertionError("no push subscription")


# -- push ------------------------------------------------------------------------------------------------------------


def test_a_push_is_a_wrapped_message(google, receiver):
    receiver.configure(google)
    identifier = publish(google, 7)
    wait_until(lambda: len(receiver.pushes) == 1)
    headers, body = receiver.pushes[0]
    assert headers["content-type"] == "application/json"
    assert set(body) == {"message", "subscription", "deliveryAttempt"}
    assert body["subscription"] == PUSH
    assert body["deliveryAttempt"] == 1
    message = body["message"]
    assert message["messageId"] == message["message_id"] == identifier
    assert message["publishTime"] == message["publish_time"]
    assert message["attributes"] == {"number": "7"}
    assert data_of(message) == {"number": 7}
    assert identifier.isdecimal()
    wait_until(lambda: counts(google).get("acknowledged") == 1)


def verify(google: SimulatorProcess, headers: dict[str, str]) -> dict[str, Any]:
    """The claims of a push's token, checked by Google's own library against the simulator's certificates."""
    kind, _, token = headers["authorization"].partition(" ")
    assert kind == "Bearer"
    with requests.Session() as session:
        claims = id_token.verify_token(
            token, Request(session), audience=AUDIENCE, certs_url=f"{google.url}/oauth2/v1/certs",
            clock_skew_in_seconds=10,
        )  # fmt: skip
    return dict(claims)


def test_the_token_satisfies_googles_library(google, receiver):
    receiver.configure(google)
    publish(google, 1)
    wait_until(lambda: len(receiver.pushes) == 1)
    claims = verify(google, receiver.pushes[0][0])
    assert claims["iss"] == "https://accounts.google.com"
    assert claims["aud"] == AUDIENCE
    assert claims["email"] == ENDPOINT_ACCOUNT
    assert claims["email_verified"] is True
    assert claims["sub"] == claims["azp"]
    assert claims["exp"] - claims["iat"] == 3600


@pytest.mark.parametrize("credential", ["wrong-audience", "wrong-key", "expired"])
def test_a_forged_token_does_not(google, receiver, credential):
    receiver.configure(google, credential=credential)
    publish(google, 1)
    wait_until(lambda: len(receiver.pushes) == 1)
    with pytest.raises((ValueError, GoogleAuthError)):
        verify(google, receiver.pushes[0][0])


def test_a_token_of_somebody_else_and_none_at_all(google, receiver):
    receiver.configure(google, credential="wrong-email")
    publish(google, 1)
    wait_until(lambda: len(receiver.pushes) == 1)
    assert verify(google, receiver.pushes[0][0])["email"] != ENDPOINT_ACCOUNT
    receiver.configure(google, credential="none")
    publish(google, 2)
    wait_until(lambda: len(receiver.pushes) == 2)
    assert "authorization" not in receiver.pushes[1][0]


@pytest.mark.parametrize("status", [102, 200, 201, 202, 204])
def test_these_answers_acknowledge(google, receiver, status):
    receiver.configure(google)
    receiver.answers = [status]
    publish(google, 1)
    wait_until(lambda: counts(google).get("acknowledged") == 1)
    assert len(receiver.pushes) == 1


@pytest.mark.parametrize("status", [203, 302, 400, 401, 404, 500, 503])
def test_anything_else_comes_again(google, receiver, status):
    receiver.configure(google, min_backoff_seconds=0.01)
    receiver.answers = [status, status]
    publish(google, 1)
    wait_until(lambda: counts(google).get("acknowledged") == 1)
    assert [body["deliveryAttempt"] for _, body in receiver.pushes] == [1, 2, 3]
    assert len({each["messageId"] for each in receiver.messages()}) == 1


def test_the_pauses_between_attempts_grow(google, receiver):
    receiver.configure(google, min_backoff_seconds=0.1)
    receiver.answers = [500, 500, 500]
    publish(google, 1)
    wait_until(lambda: len(receiver.pushes) == 4)
    pauses = [later - earlier for earlier, later in zip(receiver.times, receiver.times[1:], strict=False)]
    assert pauses[0] >= 0.09
    assert pauses[1] >= 0.19
    assert pauses[2] >= 0.39


def test_moving_the_clock_brings_the_next_attempt_forward(google, receiver):
    receiver.configure(google, min_backoff_seconds=600, max_backoff_seconds=600)
    receiver.answers = [500]
    publish(google, 1)
    wait_until(lambda: counts(google).get("refused") == 1)
    google.advance(601)
    wait_until(lambda: len(receiver.pushes) == 2)


def test_nobody_listening_is_tried_again(google, receiver):
    receiver.configure(google, min_backoff_seconds=0.01, push_endpoint="http://127.0.0.1:9/nobody")
    publish(google, 1)
    wait_until(lambda: counts(google).get("unreachable", 0) >= 2)
    receiver.configure(google, min_backoff_seconds=0.01)
    wait_until(lambda: len(receiver.pushes) >= 1)


def test_duplicates(google, receiver):
    receiver.configure(google, duplicates=1)
    identifiers = {publish(google, number) for number in range(5)}
    wait_until(lambda: len(receiver.pushes) == 10)
    found = [each["messageId"] for each in receiver.messages()]
    assert set(found) == identifiers
    assert all(found.count(each) == 2 for each in identifiers)


def test_disorder(google, receiver):
    receiver.configure(google, disorder_seconds=0.5)
    for number in range(20):
        publish(google, number)
    wait_until(lambda: len(receiver.pushes) == 20)
    numbers = [int(each["attributes"]["number"]) for each in receiver.messages()]
    assert sorted(numbers) == list(range(20))
    assert numbers != sorted(numbers)


def test_delay(google, receiver):
    receiver.configure(google, delay_seconds=300)
    publish(google, 1)
    google.advance(290)
    assert counts(google) == {"published": 1}
    google.advance(11)
    wait_until(lambda: len(receiver.pushes) == 1)


def test_lost_messages(google, receiver):
    receiver.configure(google, drop=1)
    publish(google, 1)
    assert counts(google) == {"published": 1, "dropped": 1}
    receiver.configure(google, drop=0)
    publish(google, 2)
    wait_until(lambda: len(receiver.pushes) == 1)
    assert receiver.messages()[0]["attributes"] == {"number": "2"}


def test_many_messages_all_arrive(google, receiver):
    receiver.configure(google, duplicates=0.3, disorder_seconds=0.2, min_backoff_seconds=0.01)
    receiver.answers = [500, 204, 503] * 10
    identifiers = {publish(google, number) for number in range(60)}
    wait_until(lambda: {each["messageId"] for each in receiver.messages()} == identifiers)


@pytest.mark.parametrize(
    "change",
    [
        {"push_endpoint": "https://rooms.example.com/hook"},
        {"push_endpoint": "http://192.0.2.1/hook"},
        {"name": "meet-events"},
        {"topic": "projects/meetadmin-demo/topics/none"},
        {"duplicates": 2},
        {"credential": "golden"},
        {"colour": "blue"},
    ],
)
def test_bad_settings_are_refused(google, receiver, change):
    receiver.configure(google)
    with pytest.raises(ControlError):
        google.control("POST", "push", {"name": PUSH, **change})


# -- pull ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def subscriber(google: SimulatorProcess) -> Iterator[Any]:
    """Pub/Sub subscriptions of the official discovery client, as our service account in its own name."""
    Puller(google)
    client = build(
        "pubsub",
        "v1",
        credentials=Credentials(google.token(None, PUBSUB_SCOPE)),
        client_options={"api_endpoint": google.url},
        cache_discovery=False,
        static_discovery=True,
    )
    yield client.projects().subscriptions()
    client.close()


def test_pull_and_acknowledge(google, subscriber):
    for number in range(3):
        publish(google, number)
    body = {"maxMessages": 2, "returnImmediately": True}
    answer = subscriber.pull(subscription=PULL, body=body).execute()
    assert faults_of(answer, {"$ref": "PullResponse"}, name="pubsub.v1") == []
    first = answer["receivedMessages"]
    assert len(first) == 2
    assert json.loads(base64.b64decode(first[0]["message"]["data"])) == {"number": 0}
    assert (
        subscriber.acknowledge(
            subscription=PULL, body={"ackIds": [each["ackId"] for each in first]}
        ).execute()
        == {}
    )
    rest = subscriber.pull(subscription=PULL, body=body).execute()["receivedMessages"]
    assert [each["message"]["attributes"]["number"] for each in rest] == ["2"]
    assert subscriber.pull(subscription=PULL, body=body).execute() == {}


def test_what_is_not_acknowledged_comes_again(google, subscriber):
    publish(google, 1)
    body = {"maxMessages": 10, "returnImmediately": True}
    (first,) = subscriber.pull(subscription=PULL, body=body).execute()["receivedMessages"]
    assert subscriber.pull(subscription=PULL, body=body).execute() == {}
    google.advance(11)
    (second,) = subscriber.pull(subscription=PULL, body=body).execute()["receivedMessages"]
    assert second["message"]["messageId"] == first["message"]["messageId"]
    assert second["deliveryAttempt"] == 2
    late = {"ackIds": [first["ackId"]]}
    assert subscriber.acknowledge(subscription=PULL, body=late).execute() == {}
    more = {"ackIds": [second["ackId"]], "ackDeadlineSeconds": 60}
    subscriber.modifyAckDeadline(subscription=PULL, body=more).execute()
    google.advance(30)
    assert subscriber.pull(subscription=PULL, body=body).execute() == {}
    back = {"ackIds": [second["ackId"]], "ackDeadlineSeconds": 0}
    subscriber.modifyAckDeadline(subscription=PULL, body=back).execute()
    assert subscriber.pull(subscription=PULL, body=body).execute()["receivedMessages"]


def test_a_pull_waits_for_the_first_message(google, subscriber):
    google.control("POST", "push", {"name": PULL, "delay_seconds": 0.3})
    publish(google, 1)
    answer = subscriber.pull(subscription=PULL, body={"maxMessages": 1}).execute()
    assert len(answer["receivedMessages"]) == 1


def test_who_may_pull(google, subscriber):
    path, body = f"/v1/{PULL}:pull", {"maxMessages": 1, "returnImmediately": True}
    person = google.token("it-admin@example.com", PUBSUB_SCOPE)
    assert google.call("POST", path, body, token=person)[0] == 403
    narrow = google.token(None)
    assert google.call("POST", path, body, token=narrow)[0] == 403
    assert google.call("POST", path, body)[0] == 401
    token = google.token(None, PUBSUB_SCOPE)
    assert (
        google.call("POST", "/v1/projects/meetadmin-demo/subscriptions/no:pull", body, token=token)[0] == 404
    )
    assert google.call("POST", path, {"maxMessages": 0}, token=token)[0] == 400
    google.control("POST", "push", {"name": PULL, "subscriber": False})
    assert google.call("POST", path, body, token=token)[0] == 403


def test_a_push_subscription_cannot_be_pulled(google, receiver):
    receiver.configure(google)
    token = google.token(None, PUBSUB_SCOPE)
    status, answer = google.call("POST", f"/v1/{PUSH}:pull", {"maxMessages": 1}, token=token)
    assert (status, answer["error"]["status"]) == (400, "FAILED_PRECONDITION")
    shown = google.call("GET", f"/v1/{PUSH}", token=token)[1]
    assert faults_of(shown, {"$ref": "Subscription"}, name="pubsub.v1") == []
    assert shown["topic"] == TOPIC
    assert shown["pushConfig"]["oidcToken"] == {"serviceAccountEmail": ENDPOINT_ACCOUNT, "audience": AUDIENCE}
