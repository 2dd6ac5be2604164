"""Figures for Prometheus, and who may read them."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from spaces import meet
from spaces.models import Account
from tests import factories
from tests.support import heartbeats
from tests.support.rooms import BERLIN

pytestmark = pytest.mark.django_db
TOKEN = "a-token-for-prometheus"


@pytest.fixture(autouse=True)
def _token(settings) -> None:
    settings.METRICS_TOKEN = TOKEN


def scrape(**headers: str):
    return Client().get("/metrics", headers={"Authorization": f"Bearer {TOKEN}", **headers})


def samples() -> dict[tuple[str, ...], float]:
    """(name, label values ...) to value, as Prometheus itself reads them."""
    reply = scrape()
    assert reply["Content-Type"].startswith("text/plain; version=")
    return {
        (one.name.removeprefix("meetadmin_"), *one.labels.values()): one.value
        for family in text_string_to_metric_families(reply.content.decode())
        for one in family.samples
    }


def test_metrics_have_the_figures(participant, settings):
    heartbeats.record("worker", age=3)
    heartbeats.record("worker", host="host-b", pid=5)
    settings.PUSH = object()
    now = timezone.now()
    account = factories.make_account(
        BERLIN, swept_at=now - timedelta(seconds=8), live_calls=2, push_heard_at=now - timedelta(seconds=9)
    )
    factories.make_subscription(account)
    busy, stuck, quiet = (factories.make_space(account=account) for _ in range(3))
    for space in (busy, stuck, quiet):
        factories.make_room(space=space)
    factories.make_room(with_space=False)
    factories.make_call(busy, people=(participant,), guests=1, devices=1)
    factories.make_call(stuck, devices=2, ago=timedelta(hours=13))
    type(quiet).objects.filter(pk=quiet.pk).update(seen_at=now - timedelta(seconds=90))
    before = samples()
    for _ in range(4):
        meet.quota().take("write", BERLIN, patience=0, person=True)
    meet.quota().pause("create", "project", 30)
    found = samples()

    assert {key[1]: value for key, value in found.items() if key[0] == "rooms"} == {
        "live": 1, "stuck": 1, "idle": 1, "unknown": 0, "none": 1,
    }  # fmt: skip
    assert (found["live_calls",], found["stuck_calls",], found["people_in_calls",]) == (2, 1, 2)
    assert 89 < found["oldest_fact_age_seconds",] < 120
    assert found["rooms_by_age", "5m"] == 1
    assert (found["processes", "worker"], found["processes", "beat"]) == (2, 0)
    assert found["heartbeat_age_seconds", "worker"] < 60
    assert ("heartbeat_age_seconds", "beat") not in found
    assert (found["ready",], found["trouble", "beat"], found["trouble", "redis"]) == (0, 1, 0)
    assert (found["quota_used", "write"], found["quota_limit", "write"]) == (4, 1000)
    assert 0 < found["quota_paused_seconds", "create"] <= 30
    assert found["quota_fullest_ratio",] == 0.04
    assert found["google_calls_total", "write", "sent"] - before["google_calls_total", "write", "sent"] == 4
    refused = "google_calls_total", "create", "refused"
    assert found[refused] - before[refused] == 1
    assert found["account_up", BERLIN] == 1
    assert 7 < found["account_sweep_age_seconds", BERLIN] < 60
    assert 8 < found["account_push_heard_age_seconds", BERLIN] < 60
    assert found["account_subscription_expiry_seconds", BERLIN] > 5 * 86400
    assert found["account_live_calls", BERLIN] == 2
    assert (found["push", "on"], found["push", "off"]) == (1, 0)
    assert found["queue_length", "celery"] == 0
    assert found["database_bytes",] > 10_000
    assert found["migrations_missing",] == 0
    assert found["build_info", settings.VERSION] == 1


def test_metrics_have_help_and_type():
    for family in text_string_to_metric_families(scrape().content.decode()):
        assert family.documentation.endswith("."), family.name
        assert family.type in {"gauge", "counter"}, family.name


def test_metrics_do_not_name_people(settings, participant):
    person = factories.make_account("own@example.com", kind=Account.Kind.CONSENTED, person=participant)
    mailbox = factories.make_account(BERLIN)
    for account in (person, mailbox):
        factories.make_room(space=factories.make_space(account=account))
    assert ("account_up", f"account-{person.pk}") in samples()
    assert ("account_up", BERLIN) in samples()
    settings.METRICS_NAMES = False
    assert "@" not in scrape().content.decode()
    assert ("account_up", f"account-{mailbox.pk}") in samples()


def test_metrics_without_redis_leave_out_the_queue(settings):
    settings.REDIS_URL = "unix:///nowhere/valkey.sock?db=1"
    found = samples()
    assert found["trouble", "redis"] == 1
    assert ("queue_length", "celery") not in found


@pytest.mark.parametrize(
    ("configured", "sent", "status"),
    [
        (TOKEN, f"Bearer {TOKEN}", 200),
        (TOKEN, f"bearer {TOKEN}", 200),
        (TOKEN, "Bearer wrong", 403),
        (TOKEN, "Bearer ", 403),
        (TOKEN, f"Basic {TOKEN}", 404),
        (TOKEN, "", 404),
        ("", "Bearer ", 403),
        ("", "Bearer wrong", 403),
        ("", "", 404),
    ],
)
def test_metrics_need_the_token(settings, configured, sent, status):
    settings.METRICS_TOKEN = configured
    reply = Client().get("/metrics", headers={"Authorization": sent} if sent else {})
    assert reply.status_code == status
    assert (b"meetadmin_build_info" in reply.content) is (status == 200)


def test_metrics_are_open_to_a_signed_in_admin(settings, admin, helpdesk, sign_in):
    settings.METRICS_TOKEN = ""
    assert b"meetadmin_build_info" in sign_in(admin).get("/metrics").content
    assert sign_in(helpdesk).get("/metrics").status_code == 403
