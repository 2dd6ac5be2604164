"""Subscriptions to events through their life, against the simulator."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from spaces.access import SYSTEM, NotAllowed
from spaces.google import events
from spaces.google.events import EventsClient
from spaces.models import Account, Room, Space, Subscription
from spaces.sync import subscriptions
from tests import factories
from tests.conftest import forget_clients
from tests.support.push import PULLED, TOPIC
from tests.support.rooms import BERLIN, MUNICH, asked, fault, known_room, space_of
from tests.support.simulator import SimulatorProcess

State = Subscription.State


@pytest.fixture
def room(google: SimulatorProcess, settings: Any, db: None) -> Room:
    """A room of ours; events are configured, and the topic is there."""
    settings.PUSH = PULLED
    google.control("POST", "topics", {"name": TOPIC})
    return known_room(google)


def tend(*, soon: bool = True) -> Subscription:
    """Look after the one subscription, whose turn it is (`soon`)."""
    if soon:
        Subscription.objects.update(next_try_at=timezone.now())
    for account_id in subscriptions.due(actor=SYSTEM):
        assert subscriptions.reconcile(account=Account.objects.get(pk=account_id), actor=SYSTEM)
    return Subscription.objects.select_related("account").get()


def at_google(google: SimulatorProcess) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = google.control("GET", "subscriptions")["subscriptions"]
    return found


def suspend(google: SimulatorProcess, ours: Subscription, reason: str) -> None:
    google.control("POST", f"{ours.name}/suspend", {"reason": reason})


def later(google: SimulatorProcess, days: float) -> None:
    """Google's world and what we know of it grow older alike."""
    google.advance(days * 86400)
    forget_clients()  # the tokens of then have died
    gone = timedelta(days=days)
    for ours in Subscription.objects.all():
        for name in ("expires_at", "created_at", "renewed_at"):
            moment = getattr(ours, name)
            setattr(ours, name, moment - gone if moment else None)
        ours.save()


def test_an_account_gets_its_subscription_and_its_number(google, room):
    ours = tend()
    assert ours.problem == ""
    [seen] = at_google(google)
    assert (ours.name, ours.state, ours.topic) == (seen["name"], State.ACTIVE, TOPIC)
    assert seen["targetResource"] == events.user_target(ours.account.google_id)
    assert seen["email"] == BERLIN
    assert ours.next_try_at > timezone.now() + timedelta(minutes=55)
    assert subscriptions.due(actor=SYSTEM) == []


def test_what_google_tells_during_a_turn_is_followed_right_after_it(google, room, monkeypatch):
    """A suspension that is told of after Google was asked: for an hour silence would be taken for quiet."""
    tend()
    ask = EventsClient.get

    def suspended_meanwhile(client: EventsClient, name: str) -> Any:
        seen = ask(client, name)
        Subscription.objects.get().apply_lifecycle_event(
            "suspended", "USER_SCOPE_REVOKED", now=timezone.now()
        )
        return seen

    monkeypatch.setattr(EventsClient, "get", suspended_meanwhile)
    assert tend().next_try_at <= timezone.now()


def test_looking_again_costs_one_question(google, room):
    tend()
    google.control("DELETE", "requests")
    tend()
    assert asked(google) == {"workspaceevents.subscriptions.get": 1}


def test_accounts_without_links_of_their_own_and_broken_ones_are_left_alone(google, room):
    factories.make_account("nothing@example.com")
    factories.make_space(account=factories.make_account("stranger@example.com"), owned=False)
    broken = factories.make_account(MUNICH, status=Account.Status.BROKEN)
    factories.make_space(account=broken)
    assert subscriptions.due(actor=SYSTEM) == [space_of(room).account_id]
    assert Subscription.objects.count() == 1


def test_two_at_once_make_one(google, room):
    [account_id] = subscriptions.due(actor=SYSTEM)
    account = Account.objects.get(pk=account_id)
    Subscription.objects.update(next_try_at=timezone.now() + timedelta(minutes=1))
    assert not subscriptions.reconcile(account=account, actor=SYSTEM)
    assert at_google(google) == []


def test_one_that_is_there_is_taken_over(google, room):
    ours = tend()
    Subscription.objects.all().delete()
    again = tend()
    assert again.name == ours.name
    assert len(at_google(google)) == 1


def test_an_answer_that_was_lost_leads_to_the_same_subscription(google, room):
    Account.objects.filter(email=BERLIN).update(google_id=number_of(google))
    fault(google, "workspaceevents.subscriptions.create", status=500, after=True)
    ours = tend()
    assert ours.state == State.NONE
    assert "not known" in ours.problem
    ours = tend()
    assert ours.state == State.ACTIVE
    assert ours.problem == ""
    assert [one["name"] for one in at_google(google)] == [ours.name]


def number_of(google: SimulatorProcess, email: str = BERLIN) -> str:
    return next(str(one["id"]) for one in google.world()["accounts"] if one["email"] == email)


def test_renewed_daily_and_long_before_its_end(google, room):
    first = tend()
    later(google, 0.5)
    assert tend().renewed_at is None
    later(google, 0.7)
    ours = tend()
    assert ours.renewed_at is not None
    assert first.expires_at is not None
    assert ours.expires_at is not None
    assert ours.expires_at > timezone.now() + timedelta(days=6.9)
    later(google, 6)
    ours = tend()
    assert ours.expires_at is not None
    assert ours.expires_at > timezone.now() + timedelta(days=6.9)
    assert [one["name"] for one in at_google(google)] == [first.name], "It never had to be made anew."


def test_an_expired_one_is_made_anew(google, room):
    first = tend()
    later(google, 8)
    assert at_google(google) == []
    ours = tend()
    assert ours.state == State.ACTIVE
    assert ours.name != first.name


def test_one_that_somebody_removed_is_made_anew(google, room):
    first = tend()
    token = google.token(BERLIN)
    assert google.call("DELETE", f"/v1/{first.name}", token=token)[0] == 200
    assert tend().name != first.name
    assert len(at_google(google)) == 1


@pytest.mark.parametrize(
    ("reason", "word"),
    [
        ("USER_SCOPE_REVOKED", "Connect the account again"),
        ("APP_SCOPE_REVOKED", "An administrator took"),
        ("RESOURCE_DELETED", "deleted"),
        ("USER_AUTHORIZATION_FAILURE", "suspended or without a licence"),
        ("APP_AUTHORIZATION_FAILURE", "trusted"),
        ("ENDPOINT_PERMISSION_DENIED", "Pub/Sub Publisher"),
        ("ENDPOINT_NOT_FOUND", "Create it again"),
        ("ENDPOINT_RESOURCE_EXHAUSTED", "quota"),
        ("OTHER", "no reason"),
    ],
)
def test_a_suspended_one_says_why_and_is_woken(google, room, reason, word):
    ours = tend()
    suspend(google, ours, reason)
    ours.apply_lifecycle_event("suspended", reason, now=timezone.now())
    ours.refresh_from_db()
    assert ours.state == State.SUSPENDED
    assert word in ours.words(timezone.now())
    assert not ours.is_healthy(timezone.now())
    assert subscriptions.due(actor=SYSTEM) == [ours.account_id]
    assert tend(soon=False).state == State.ACTIVE


def test_while_the_cause_is_there_it_stays_suspended_and_says_so(google, room):
    ours = tend()
    google.control("POST", "topics", {"name": TOPIC, "publisher": False})
    suspend(google, ours, "ENDPOINT_PERMISSION_DENIED")
    ours = tend()
    assert (ours.state, ours.suspension) == (State.SUSPENDED, "ENDPOINT_PERMISSION_DENIED")
    assert "Pub/Sub Publisher" in ours.words(timezone.now())
    assert ours.next_try_at < timezone.now() + timedelta(minutes=2)
    assert tend().next_try_at > timezone.now() + timedelta(minutes=1.5), (
        "It is not asked every minute for ever."
    )
    google.control("POST", "topics", {"name": TOPIC, "publisher": True})
    ours = tend()
    assert (ours.state, ours.suspension, ours.problem) == (State.ACTIVE, "", "")


def test_a_topic_in_another_project_is_explained(google, room, settings):
    settings.PUSH = PULLED.__class__(
        topic="projects/another-project/topics/meet-events", subscriptions=PULLED.subscriptions, pull=True
    )
    ours = tend()
    assert ours.state == State.NONE
    assert "very Cloud project" in ours.words(timezone.now())


def test_another_topic_moves_the_subscription(google, room, settings):
    ours = tend()
    other = TOPIC + "-2"
    google.control("POST", "topics", {"name": other})
    settings.PUSH = PULLED.__class__(topic=other, subscriptions=PULLED.subscriptions, pull=True)
    again = tend()
    assert again.name != ours.name
    assert [one["notificationEndpoint"]["pubsubTopic"] for one in at_google(google)] == [other]


def test_without_configuration_it_is_taken_back(google, room, settings):
    tend()
    settings.PUSH = None
    Subscription.objects.update(next_try_at=timezone.now())
    [account_id] = subscriptions.due(actor=SYSTEM)
    assert subscriptions.reconcile(account=Account.objects.get(pk=account_id), actor=SYSTEM)
    assert at_google(google) == []
    assert not Subscription.objects.exists()
    assert subscriptions.due(actor=SYSTEM) == []


def test_what_cannot_be_taken_back_is_forgotten_with_its_account_or_its_time(google, room, settings):
    ours = tend()
    settings.PUSH, settings.ROOM_MAILBOXES = None, []
    assert tend().problem != ""
    Subscription.objects.update(expires_at=timezone.now() - timedelta(seconds=1), next_try_at=timezone.now())
    assert subscriptions.reconcile(account=ours.account, actor=SYSTEM)
    assert not Subscription.objects.exists()
    Subscription.objects.create(account=ours.account, name="subscriptions/x")
    Account.objects.update(status=Account.Status.BROKEN)
    assert subscriptions.due(actor=SYSTEM) == []
    assert not Subscription.objects.exists()


def test_trouble_is_told_and_tried_again_after_growing_pauses(google, room):
    fault(google, "workspaceevents.*", status=503, times=0)
    pauses = []
    for _ in range(8):
        ours = tend()
        assert "not available" in ours.problem
        pauses.append(round((ours.next_try_at - timezone.now()).total_seconds() / 60))
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]
    account = Account.objects.get(email=BERLIN)
    assert account.problem == "", "What is wrong with events says nothing about the account."
    google.control("DELETE", "faults")
    ours = tend()
    assert (ours.problem, ours.attempts, ours.state) == ("", 0, State.ACTIVE)


def test_a_mailbox_that_was_made_anew_has_another_number(google, room):
    Account.objects.filter(email=BERLIN).update(google_id="100000000000000000001")
    ours = tend()
    assert ours.state == State.ACTIVE
    assert Account.objects.get(email=BERLIN).google_id == number_of(google)


def test_the_number_is_found_though_somebody_listens_to_that_space_already(google, room):
    space = Space.objects.get()
    token = google.token(BERLIN)
    body = {
        "targetResource": events.space_target(space.name),
        "eventTypes": [events.CONFERENCE_STARTED],
        "notificationEndpoint": {"pubsubTopic": TOPIC},
    }
    assert google.call("POST", "/v1/subscriptions", body, token=token)[0] == 200
    assert tend().account.google_id == number_of(google)


def test_people_do_not_do_this(google, room, helpdesk):
    with pytest.raises(NotAllowed):
        subscriptions.due(actor=helpdesk)
    with pytest.raises(NotAllowed):
        subscriptions.reconcile(account=space_of(room).account, actor=helpdesk)
