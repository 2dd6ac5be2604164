"""Is it from Google, and what does it say? Tokens are signed here, keys come over HTTP; pulling is tried at the simulator."""

import base64
import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from google.oauth2.credentials import Credentials
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spaces.google import errors, idtokens, pubsub
from spaces.google.push import Arrangement
from tests.spaces.google.misbehaving import Misbehaving, free_port, http
from tests.support.push import PUBSUB_SCOPE, PULL, TOPIC, publish
from tests.support.simulator import SimulatorProcess

ACCOUNT = "push@my-project.iam.gserviceaccount.com"
AUDIENCE = "https://rooms.example.com/hooks/google/pubsub"
NAME = "projects/my-project/subscriptions/meet-events-push"
WAY = Arrangement(
    topic="projects/my-project/topics/meet-events", subscriptions=(NAME,), account=ACCOUNT, audience=AUDIENCE
)
RECORD = "conferenceRecords/kRyYx8b7vNDsLpR1tG_cNjFUQBoBRhHIMoGJAJkBCQ"
KEY, OTHER_KEY = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2))


def jwks(*keys: tuple[str, rsa.RSAPrivateKey]) -> bytes:
    found = [
        json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key()))
        | {"kid": name, "alg": "RS256", "use": "sig"}
        for name, key in keys
    ]
    return http(200, {"keys": found})


def token(
    key: Any = KEY, *, kid: str = "k1", algorithm: str = "RS256", without: str = "", **changes: Any
) -> str:
    now = int(time.time())
    claims = {
        "iss": "https://accounts.google.com",
        "aud": AUDIENCE,
        "email": ACCOUNT,
        "email_verified": True,
        "iat": now,
        "exp": now + 3600,
        "sub": "1",
    } | changes
    claims.pop(without, None)
    return jwt.encode(claims, key, algorithm=algorithm, headers={"kid": kid})


@pytest.fixture(scope="module")
def google_keys() -> Iterator[str]:
    """Where Google's public keys are."""
    with Misbehaving([jwks(("k1", KEY))]) as google:
        yield google.url


def check(header: str, url: str) -> None:
    pubsub.check_sender(header, arrangement=WAY, keys=idtokens.Keys(url))


def test_the_right_one_passes(google_keys):
    check(f"Bearer {token()}", google_keys)
    check(f"bearer {token(iss='accounts.google.com')}", google_keys)


NOW = int(time.time())
REFUSED = {
    "nothing": "",
    "no bearer": f"Basic {token()}",
    "only the word": "Bearer ",
    "nonsense": "Bearer a.b.c",
    "another key under the same name": f"Bearer {token(OTHER_KEY)}",
    "a key that Google does not publish": f"Bearer {token(OTHER_KEY, kid='k9')}",
    "unsigned": f"Bearer {token(None, algorithm='none')}",
    "signed with the public key as a password": f"Bearer {token('x' * 64, algorithm='HS256')}",
    "another audience": f"Bearer {token(aud='https://elsewhere.example/')}",
    "several audiences": f"Bearer {token(aud=[AUDIENCE, 'https://elsewhere.example/'])}",
    "no audience": f"Bearer {token(without='aud')}",
    "another issuer": f"Bearer {token(iss='https://accounts.google.com.evil.example')}",
    "no issuer": f"Bearer {token(without='iss')}",
    "expired": f"Bearer {token(iat=NOW - 7200, exp=NOW - 3600)}",
    "never expires": f"Bearer {token(without='exp')}",
    "from the future": f"Bearer {token(iat=NOW + 3600, exp=NOW + 7200)}",
}
NOT_MEANT = {
    "another account": f"Bearer {token(email='somebody@another.iam.gserviceaccount.com')}",
    "no account": f"Bearer {token(without='email')}",
    "an unverified address": f"Bearer {token(email_verified=False)}",
    "an address verified in words": f"Bearer {token(email_verified='true')}",
    "the account with a tail": f"Bearer {token(email=ACCOUNT + '.evil.example')}",
}


@pytest.mark.parametrize("case", REFUSED)
def test_others_are_refused(google_keys, case):
    with pytest.raises(pubsub.NotAuthentic) as refusal:
        check(REFUSED[case], google_keys)
    assert not isinstance(refusal.value, pubsub.NotMeant)
    assert "eyJ" not in str(refusal.value)


@pytest.mark.parametrize("case", NOT_MEANT)
def test_googles_own_but_not_ours(google_keys, case):
    with pytest.raises(pubsub.NotMeant):
        check(NOT_MEANT[case], google_keys)


def test_keys_are_fetched_once_and_again_for_a_new_one(monkeypatch):
    monkeypatch.setattr(idtokens, "KEYS_PAUSE", 0.0)
    with Misbehaving([jwks(("k1", KEY)), jwks(("k1", KEY), ("k2", OTHER_KEY))]) as google:
        keys = idtokens.Keys(google.url)
        for _ in range(5):
            pubsub.check_sender(f"Bearer {token()}", arrangement=WAY, keys=keys)
        assert len(google.requests) == 1
        pubsub.check_sender(f"Bearer {token(OTHER_KEY, kid='k2')}", arrangement=WAY, keys=keys)
        assert len(google.requests) == 2


def test_a_key_that_google_has_withdrawn_is_not_believed_for_ever(monkeypatch):
    monkeypatch.setattr(idtokens, "KEYS_PAUSE", 0.0)
    with Misbehaving([jwks(("k1", KEY)), jwks(("k2", OTHER_KEY))]) as google:
        keys = idtokens.Keys(google.url)
        pubsub.check_sender(f"Bearer {token()}", arrangement=WAY, keys=keys)
        keys._good_until = float("-inf")
        with pytest.raises(pubsub.NotAuthentic):
            pubsub.check_sender(f"Bearer {token()}", arrangement=WAY, keys=keys)


def test_strangers_with_invented_keys_do_not_make_us_ask_all_the_time():
    with Misbehaving([jwks(("k1", KEY))]) as google:
        keys = idtokens.Keys(google.url)
        for number in range(20):
            with pytest.raises(pubsub.NotAuthentic):
                pubsub.check_sender(
                    f"Bearer {token(OTHER_KEY, kid=f'x{number}')}", arrangement=WAY, keys=keys
                )
        assert len(google.requests) == 1


@pytest.mark.parametrize(
    "answer", [http(503, ""), http(200, "<html>"), http(200, {"keys": []}), http(200, {"keys": 3})]
)
def test_without_keys_nothing_can_be_said(answer):
    with Misbehaving([answer]) as google, pytest.raises(errors.TryLater):
        check(f"Bearer {token()}", google.url)


def test_known_keys_serve_while_google_is_away(monkeypatch):
    monkeypatch.setattr(idtokens, "KEYS_PAUSE", 0.0)
    with Misbehaving([jwks(("k1", KEY)), http(503, "")]) as google:
        keys = idtokens.Keys(google.url)
        keys.get("k1")
        keys._good_until = float("-inf")
        pubsub.check_sender(f"Bearer {token()}", arrangement=WAY, keys=keys)
        with pytest.raises(errors.TryLater):
            keys.get("k2")


def test_while_one_fetches_the_keys_nobody_waits():
    """Each push has one of few threads, and the pages need them, too."""
    begun, go_on = threading.Event(), threading.Event()

    class Slow(idtokens.Keys):
        def _fetch(self) -> None:
            begun.set()
            assert go_on.wait(30)
            self._keys = {"k1": key}

    key = jwt.PyJWK.from_dict(json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(KEY.public_key())))
    keys = Slow("http://127.0.0.1:9")
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(keys.get, "k1")
        assert begun.wait(30)
        with pytest.raises(errors.TryLater, match="temporarily unavailable"):
            pool.submit(keys.get, "k1").result(timeout=10)
        keys._keys = {"k0": key}
        assert pool.submit(keys.get, "k0").result(timeout=10) is not None
        go_on.set()
        assert first.result(timeout=10) is not None
    assert keys.get("k9") is None, "there is no such key, and that is known"


def test_nobody_there_at_all():
    with pytest.raises(errors.TryLater):
        check(f"Bearer {token()}", f"http://127.0.0.1:{free_port()}")


# --- What it says ---------------------------------------------------------------------------------------------


def message(
    data: object, kind: str = "google.workspace.meet.conference.v2.started", **more: Any
) -> dict[str, Any]:
    raw = data if isinstance(data, str) else base64.b64encode(json.dumps(data).encode()).decode()
    return {
        "attributes": {
            "ce-id": "6b0f6c0e",
            "ce-source": "//workspaceevents.googleapis.com/subscriptions/meet-users-1",
            "ce-time": "2026-11-22T08:00:03.120459Z",
            "ce-type": kind,
        },
        "data": raw,
        "messageId": "11530986412739504",
    } | more


def body(of: object, subscription: str = NAME) -> bytes:
    return json.dumps({"message": of, "subscription": subscription, "deliveryAttempt": 1}).encode()


@pytest.mark.parametrize(
    "data",
    [
        {"conferenceRecord": {"name": RECORD}},
        {"participantSession": {"name": f"{RECORD}/participants/104277/participantSessions/5"}},
        {"recording": {"name": f"{RECORD}/recordings/r1"}},
        {"transcript": {"name": f"{RECORD}/transcripts/t1"}},
        {"smartNote": {"name": f"{RECORD}/smartNotes/n1"}},
    ],
)
def test_the_call_is_found_in_every_kind_of_event(data):
    seen = pubsub.read_push(body(message(data)), arrangement=WAY)
    assert seen.record == RECORD
    assert (seen.message_id, seen.event_id) == ("11530986412739504", "6b0f6c0e")
    assert seen.subscription == "subscriptions/meet-users-1"
    assert seen.happened_at is not None
    assert seen.problem == ""


@pytest.mark.parametrize(
    "inner",
    [
        {
            "name": "subscriptions/meet-users-2",
            "suspension_reason": "OTHER",
            "expire_time": "2026-11-29T18:50:43.6Z",
        },
        {
            "name": "subscriptions/meet-users-2",
            "suspensionReason": "OTHER",
            "expireTime": "2026-11-29T18:50:43Z",
        },
    ],
)
def test_lifecycle_in_both_spellings(inner):
    kind = "google.workspace.events.subscription.v1.suspended"
    seen = pubsub.read(message({"subscription": inner}, kind))
    assert (seen.change, seen.suspension, seen.subscription) == (
        "suspended",
        "OTHER",
        "subscriptions/meet-users-2",
    )


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (b"", "not a JSON object"),
        (b"[]", "not a JSON object"),
        (b"\xff", "not a JSON object"),
        (b"[" * 100_000, "not a JSON object"),
        (body("text"), "without a message"),
        (body({}), "without an id"),
        (body(message("no base64!")), "data that is no JSON in base64"),
        (body(message("AAAA")), "data that is no JSON in base64"),
        (body(message([1])), "data that is no JSON object"),
        (body(message({}) | {"data": None}), "without data"),
    ],
)
def test_what_cannot_be_read_is_said_and_has_an_id(raw, problem):
    seen = pubsub.read_push(raw, arrangement=WAY)
    assert seen.problem == problem
    assert seen.message_id
    assert pubsub.read_push(raw, arrangement=WAY) == seen


@pytest.mark.parametrize("name", ["", NAME + "-2", "projects/another/subscriptions/meet-events-push"])
def test_another_subscription_is_not_believed(name):
    with pytest.raises(pubsub.NotMeant):
        pubsub.read_push(body(message({}), name), arrangement=WAY)


def test_what_no_database_takes_is_taken_out():
    seen = pubsub.read({"messageId": "8\x00", "attributes": {"ce-id": "a\ud800b", "ce-type": "x" * 5000}})
    assert (seen.message_id, seen.event_id, len(seen.type)) == ("8?", "a?b", 200)


anything = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # on a busy machine
@given(
    st.fixed_dictionaries(
        {},
        optional={
            "messageId": anything,
            "data": anything | st.binary().map(lambda raw: base64.b64encode(raw).decode()),
            "attributes": anything
            | st.fixed_dictionaries(
                {},
                optional={
                    "ce-id": anything,
                    "ce-type": anything | st.just("google.workspace.events.subscription.v1.x"),
                    "ce-source": anything,
                    "ce-time": anything,
                },
            ),
        },
    )
)
def test_reading_never_fails_and_gives_what_a_database_takes(strange):
    seen = pubsub.read(strange)
    for text in (seen.message_id, seen.event_id, seen.type, seen.subscription, seen.record, seen.change):
        assert len(text) <= 220
        assert "\x00" not in text
        text.encode()
    assert seen.message_id


# --- Fetching ---------------------------------------------------------------------------------------------------


@pytest.fixture
def topic(google: SimulatorProcess) -> SimulatorProcess:
    """A topic with a subscription for pulling."""
    google.control("POST", "topics", {"name": TOPIC})
    google.control("POST", "push", {"name": PULL, "topic": TOPIC})
    return google


def puller(google: SimulatorProcess, email: str | None = None) -> pubsub.PullClient:
    return pubsub.PullClient(Credentials(google.token(email, PUBSUB_SCOPE)), base_url=google.url, timeout=5)


def test_messages_are_fetched_until_they_are_acknowledged(topic):
    sent = {publish(topic, number) for number in range(3)}
    client = puller(topic)
    found = client.pull(PULL)
    assert {one.received.message_id for one in found} == sent
    client.acknowledge(PULL, [one.ack for one in found])
    assert topic.control("GET", "push")["subscriptions"][0]["waiting"] == 0


def test_the_subscriber_role_and_the_name_are_told_apart(topic):
    with pytest.raises(errors.NotFound, match="MEETADMIN_PUSH_SUBSCRIPTIONS"):
        puller(topic).pull(PULL + "-2")
    topic.control("POST", "push", {"name": PULL, "subscriber": False})
    with pytest.raises(errors.NotPermitted, match="subscriber"):
        puller(topic).pull(PULL)
    topic.control("POST", "behaviour", {"disabled_services": ["pubsub.googleapis.com"]})
    with pytest.raises(errors.ApiDisabled, match="Pub/Sub"):
        puller(topic).pull(PULL)


@pytest.mark.parametrize(
    "answer", [{}, {"receivedMessages": 3}, {"receivedMessages": [1, {"ackId": 2}, {"ackId": "a"}]}]
)
def test_senseless_lists_are_empty_ones(answer):
    with Misbehaving([http(200, answer)]) as google:
        client = pubsub.PullClient(Credentials("token"), base_url=google.url, timeout=1)
        assert client.pull(PULL) == []
