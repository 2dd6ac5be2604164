"""Probes: alive, and ready."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.utils import timezone

from spaces import health
from spaces.models import Account
from tests import factories


def ready() -> tuple[int, dict[str, Any]]:
    reply = Client().get("/readyz")
    return reply.status_code, reply.json()


@pytest.fixture
def account(db: None) -> Account:
    """With a space to look after, swept just now."""
    account = factories.make_account(swept_at=timezone.now())
    factories.make_space(account=account)
    return account


def test_alive_asks_nothing_else(django_db_blocker):
    with django_db_blocker.block():
        reply = Client().get("/healthz")
    assert (reply.status_code, reply.json()) == (200, {"status": "ok"})


def test_ready(account):
    health.worker_beats()
    status, body = ready()
    assert (status, body["status"], body["database"], body["broker"]) == (200, "ready", "ok", "ok")
    assert body["worker"]["alive"] is True
    assert body["worker"]["seen_seconds_ago"] < 30
    assert body["sweep"]["accounts"] == 1
    assert body["sweep"]["never_swept"] == 0
    assert body["sweep"]["late"] is False


def test_a_new_installation_without_accounts_is_ready(db):
    health.worker_beats()
    assert ready()[0] == 200


def test_without_a_worker_it_is_not_ready(account):
    status, body = ready()
    assert (status, body["status"]) == (503, "not ready")
    assert body["worker"] == {"alive": False, "seen_seconds_ago": None}


def test_a_worker_that_fell_silent(account):
    seen = health.report()
    silent = health.Health(
        at=seen.at,
        database=True,
        broker=True,
        worker_seen_at=seen.at - timedelta(seconds=31),
        oldest_sweep_at=seen.at,
        accounts=1,
        never_swept=0,
    )
    assert silent.worker is False
    assert silent.ready is False
    assert "No worker is running" in silent.sentence


def test_redis_gone_is_told_not_crashed(account, settings):
    settings.CACHES = {
        "default": {**settings.CACHES["default"], "LOCATION": "unix:///nowhere/valkey.sock?db=1"}
    }
    status, body = ready()
    assert (status, body["broker"], body["database"]) == (503, "unreachable", "ok")
    assert "Redis cannot be reached" in health.report().sentence


def test_never_swept_is_not_ready(account):
    health.worker_beats()
    Account.objects.update(swept_at=None)
    status, body = ready()
    assert (status, body["sweep"]["never_swept"]) == (503, 1)


def test_late_is_not_ready(account):
    health.worker_beats()
    Account.objects.update(swept_at=timezone.now() - timedelta(minutes=5))
    status, body = ready()
    assert (status, body["sweep"]["late"]) == (503, True)


def test_a_broken_account_is_somebodys_task_but_the_rest_is_ready(account):
    health.worker_beats()
    factories.make_space(account=factories.make_account("b@example.com", status=Account.Status.BROKEN))
    assert ready()[0] == 200


def test_a_database_that_is_away_is_told_not_crashed(db, monkeypatch):
    def away() -> None:
        raise OperationalError("away")

    with monkeypatch.context() as patched:
        patched.setattr(connection, "ensure_connection", away)
        report = health.report()
    assert (report.database, report.ready) == (False, False)
