"""/healthz and /readyz."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from spaces.models import Account
from tests import factories
from tests.support import heartbeats


def ready() -> tuple[int, dict[str, Any]]:
    reply = Client().get("/readyz")
    return reply.status_code, reply.json()


@pytest.fixture
def account(db: None) -> Account:
    """With a space to look after, swept just now."""
    account = factories.make_account(swept_at=timezone.now())
    factories.make_space(account=account)
    return account


def test_healthz_does_not_use_the_database(django_db_blocker):
    with django_db_blocker.block():
        reply = Client().get("/healthz")
    assert (reply.status_code, reply.json()) == (200, {"status": "ok"})


def test_readyz_reports_a_working_installation(account, settings):
    settings.PUSH = object()
    factories.make_subscription(account)
    heartbeats.record("worker", age=4)
    heartbeats.record("worker", host="host-b", pid=7)
    heartbeats.record("beat", age=3)
    Account.objects.update(push_heard_at=timezone.now() - timedelta(seconds=20))
    status, body = ready()
    assert (status, body["status"], body["database"], body["broker"]) == (200, "ready", "ok", "ok")
    assert body["worker"]["alive"] is True
    assert body["worker"]["processes"] == 2
    assert body["worker"]["seen_seconds_ago"] < 60
    assert body["beat"]["seen_seconds_ago"] >= 3
    assert body["sweep"]["accounts"] == 1
    assert body["sweep"]["never_swept"] == 0
    assert body["sweep"]["late"] is False
    assert body["push"]["state"] == "on"
    assert 19 < body["push"]["heard_seconds_ago"] < 60
    assert body["causes"] == []


def test_readyz_without_accounts_is_ready(db):
    heartbeats.record_all()
    status, body = ready()
    assert (status, body["sweep"]["accounts"], body["push"]["state"]) == (200, 0, "off")


def test_readyz_names_problems_but_no_accounts(account):
    Account.objects.update(status="broken", problem="rooms-ber@example.com is unknown")
    reply = Client().get("/readyz")
    body = reply.json()
    assert (reply.status_code, body["status"]) == (503, "not ready")
    assert body["worker"] == {"alive": False, "processes": 0, "seen_seconds_ago": None}
    assert body["causes"] == ["worker", "account_refused"]
    assert "@" not in reply.content.decode()


def test_readyz_without_redis_is_not_ready(account, settings):
    settings.REDIS_URL = "unix:///nowhere/valkey.sock?db=1"
    status, body = ready()
    assert (status, body["broker"], body["database"]) == (503, "unreachable", "ok")
    assert body["causes"] == ["redis"]
