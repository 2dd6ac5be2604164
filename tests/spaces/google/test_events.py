"""Subscriptions to events: every call against the simulator, and what no well-behaved Google answers."""

from contextlib import suppress
from typing import Any

import pytest
from google.oauth2.credentials import Credentials

from spaces.google import errors, events
from spaces.google.events import AlreadyThere, EventsClient, TopicRefused, space_target, user_target
from spaces.google.rest import moment
from tests.spaces.google.misbehaving import Misbehaving, http
from tests.support.push import TOPIC
from tests.support.simulator import SimulatorProcess

BERLIN = "rooms-ber@example.com"
MUNICH = "rooms-muc@example.com"
SOME = "subscriptions/meet-users-1"
GOOD = {
    "name": SOME,
    "targetResource": user_target("1"),
    "eventTypes": list(events.WANTED),
    "notificationEndpoint": {"pubsubTopic": TOPIC},
    "state": "ACTIVE",
    "expireTime": "2026-11-29T06:34:51.123456789Z",
}


@pytest.fixture
def topic(google: SimulatorProcess) -> str:
    """A topic that Meet may publish to."""
    google.control("POST", "topics", {"name": TOPIC})
    return TOPIC


def client_of(google: SimulatorProcess, email: str = BERLIN) -> EventsClient:
    return EventsClient(Credentials(google.token(email)), base_url=google.url, timeout=5)


def plain(url: str) -> EventsClient:
    return EventsClient(Credentials("token"), base_url=url, timeout=1)


def me(google: SimulatorProcess, email: str = BERLIN) -> str:
    return next(str(one["id"]) for one in google.world()["accounts"] if one["email"] == email)


def suspend(google: SimulatorProcess, name: str, reason: str) -> None:
    google.control("POST", f"{name}/suspend", {"reason": reason})


def test_a_life_from_the_first_to_the_last_day(google, topic):
    client, target = client_of(google), user_target(me(google))
    assert client.find(target) is None
    made = client.create(target, topic=topic)
    assert (made.state, made.target, made.topic, made.authority) == ("ACTIVE", target, topic, me(google))
    assert made.event_types == set(events.WANTED)
    assert made.expires_at is not None
    assert made.created_at is not None
    assert (made.expires_at - made.created_at).total_seconds() == pytest.approx(7 * 86400, abs=2)
    with pytest.raises(AlreadyThere):
        client.create(target, topic=topic)
    google.advance(6 * 86400)
    again = client_of(google)  # the token of a week ago has died
    found = again.find(target)
    assert found is not None
    assert found.name == made.name
    assert found.expires_at is not None
    renewed = again.renew(made.name)
    assert renewed.expires_at is not None
    assert (renewed.expires_at - found.expires_at).total_seconds() > 5 * 86400
    suspend(google, made.name, "APP_SCOPE_REVOKED")
    seen = again.get(made.name)
    assert (seen.state, seen.suspension) == ("SUSPENDED", "APP_SCOPE_REVOKED")
    assert again.reactivate(made.name).state == "ACTIVE"
    with pytest.raises(errors.Refused) as refusal:
        again.reactivate(made.name)
    assert refusal.value.status == "FAILED_PRECONDITION"
    again.delete(made.name)
    again.delete(made.name)
    with pytest.raises(errors.NotFound):
        again.get(made.name)


def test_operations_that_take_their_time_are_waited_for(google, topic):
    google.control("POST", "subscriptions", {"operation_seconds": 0.4})
    client, target = client_of(google), user_target(me(google))
    made = client.create(target, topic=topic)
    assert client.renew(made.name).name == made.name
    assert client.find(target) == client.get(made.name)
    client.delete(made.name)
    assert client.find(target) is None


def test_a_preview_tells_who_asks_and_makes_nothing(google, topic):
    space = next(one["name"] for one in google.world()["spaces"] if one["owner"] == BERLIN)
    client = client_of(google)
    seen = client.create(space_target(space), topic=topic, only_validate=True)
    assert seen.authority == me(google)
    assert google.control("GET", "subscriptions")["subscriptions"] == []


@pytest.mark.parametrize("target", ["me", BERLIN, "somebody"])
def test_only_ones_own_number_is_a_target(google, topic, target):
    target = me(google, MUNICH) if target == "somebody" else target
    with pytest.raises(errors.NotPermitted) as refusal:
        client_of(google).create(user_target(target), topic=topic)
    assert "numeric id" in refusal.value.sentence


@pytest.mark.parametrize(
    "wrong", ["projects/meetadmin-demo/topics/nobody", "projects/another/topics/meet-events"]
)
def test_a_topic_that_is_not_there_or_elsewhere(google, topic, wrong):
    with pytest.raises(TopicRefused) as refusal:
        client_of(google).create(user_target(me(google)), topic=wrong)
    assert "MEETADMIN_PUSH_TOPIC" in refusal.value.sentence


def test_a_missing_scope_and_a_disabled_api_are_told_apart(google, topic):
    target = user_target(me(google))
    token = google.token(BERLIN, "settings")
    with pytest.raises(errors.ScopeMissing):
        EventsClient(Credentials(token), base_url=google.url).create(target, topic=topic)
    google.control("POST", "behaviour", {"disabled_services": ["workspaceevents.googleapis.com"]})
    with pytest.raises(errors.ApiDisabled) as disabled:
        client_of(google).create(target, topic=topic)
    assert "Workspace Events" in disabled.value.sentence
    assert "workspaceevents" in disabled.value.link


def test_somebody_elses_is_not_shown(google, topic):
    made = client_of(google, MUNICH).create(user_target(me(google, MUNICH)), topic=topic)
    with pytest.raises(errors.NotPermitted):
        client_of(google).get(made.name)
    assert client_of(google).find(user_target(me(google, MUNICH))) is None


CALLS = {
    "create": lambda client: client.create(user_target("1"), topic=TOPIC),
    "renew": lambda client: client.renew(SOME),
    "reactivate": lambda client: client.reactivate(SOME),
    "delete": lambda client: client.delete(SOME),
    "get": lambda client: client.get(SOME),
    "find": lambda client: client.find(user_target("1")),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    "answer", [http(200, "<html>"), http(200, []), http(502, ""), http(200, {"done": True})]
)
def test_whatever_comes_is_an_error_of_ours_or_none(call, answer):
    with Misbehaving([answer]) as google, suppress(errors.GoogleError):
        CALLS[call](plain(google.url))


@pytest.mark.parametrize("call", ["create", "renew", "reactivate", "delete"])
def test_a_change_without_an_answer_is_unknown(call):
    with Misbehaving([http(500, "")]) as google, pytest.raises(errors.OutcomeUnknown):
        CALLS[call](plain(google.url))


@pytest.mark.parametrize(
    ("code", "kind"),
    [(6, AlreadyThere), (5, errors.NotFound), (7, errors.NotPermitted), (14, errors.TryLater)],
)
def test_an_operation_that_fails_later_says_why(code, kind):
    status = {6: "ALREADY_EXISTS"}.get(code, "")
    problem = {
        "code": code,
        "message": "The caller does not have permission to access the target resource.",
        "details": [{"reason": f"SUBSCRIPTION_{status}"}] if status else [],
    }
    begun = http(200, {"name": "operations/1"})
    with Misbehaving([begun, http(200, {"name": "operations/1", "done": True, "error": problem})]) as google:
        with pytest.raises(kind):
            CALLS["create"](plain(google.url))
        assert [one.path for one in google.requests] == ["/v1/subscriptions", "/v1/operations/1"]


def test_an_operation_that_never_ends_is_left(monkeypatch):
    monkeypatch.setattr(events, "OPERATION_TIME", 0.2)
    with (
        Misbehaving([http(200, {"name": "operations/1"})]) as google,
        pytest.raises(errors.OutcomeUnknown, match="not known"),
    ):
        CALLS["renew"](plain(google.url))


def test_an_operation_cannot_lead_elsewhere():
    with Misbehaving([http(200, {"name": "operations/../../v2/spaces/x"})]) as google:
        with pytest.raises(errors.OutcomeUnknown):
            CALLS["renew"](plain(google.url))
        assert len(google.requests) == 1


def test_fields_that_are_new_or_missing_do_no_harm():
    strange: dict[str, Any] = {
        **GOOD,
        "sparkles": {"a": [1]},
        "suspensionReason": "NEW_ONE",
        "state": "SUSPENDED",
    }
    with Misbehaving([http(200, strange)]) as google:
        seen = plain(google.url).get(SOME)
    assert (seen.suspension, seen.authority, seen.created_at) == ("NEW_ONE", "", None)


@pytest.mark.parametrize(
    "name", ["", "subscriptions/", "subscriptions/a/b", "subscriptions/a:reactivate", "spaces/a"]
)
def test_only_names_of_subscriptions_are_sent(name):
    with pytest.raises(ValueError, match="not the name"):
        plain("http://127.0.0.1:9").get(name)


def test_tokens_go_to_google_or_this_machine_only():
    with pytest.raises(ValueError, match="no address that access tokens"):
        plain("https://workspaceevents.example.com")


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("2026-11-29T06:34:51Z", True),
        ("2026-11-29T06:34:51.123456789Z", True),
        ("2026-11-29T06:34:51+02:00", True),
        ("2026-11-29T06:34:51", False),
        ("9999-99-99", False),
        ("0001-01-01T00:00:00+23:59", False),
        ("", False),
    ],
)
def test_times(text, known):
    assert (moment(text) is not None) is known
