"""Problems of the installation, and readiness."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import OperationalError, connection
from django.utils import timezone

from meetadmin.monitoring import health
from spaces.models import Account
from tests import factories
from tests.support import heartbeats

pytestmark = pytest.mark.django_db


@pytest.fixture
def account() -> Account:
    """With a space to look after, swept just now."""
    account = factories.make_account(swept_at=timezone.now())
    factories.make_space(account=account)
    return account


def more(number: int) -> Account:
    """Another such account."""
    account = factories.make_account(f"rooms-{number}@example.com", swept_at=timezone.now())
    factories.make_space(account=account)
    return account


def ago(**length: float) -> timedelta:
    return timedelta(**length)


def at(fields: dict[str, Any]) -> dict[str, Any]:
    """The same with lengths of time as moments: the tables are read long before the tests run."""
    now = timezone.now()
    return {name: now - value if isinstance(value, timedelta) else value for name, value in fields.items()}


def problems() -> list[str]:
    return [problem.key for problem in health.report().problems]


# what is noted on the account: (causes, ready)
ACCOUNTS: dict[str, Any] = {
    "swept just now": ({}, [], True),
    "never swept": ({"swept_at": None}, [], False),
    "its turn is overdue": (
        {"swept_at": ago(minutes=5), "next_sweep_at": ago(minutes=4)},
        ["late"],
        False,
    ),
    "seldom looked at by intention": (
        {"swept_at": ago(minutes=5), "next_sweep_at": ago(seconds=-30)},
        [],
        True,
    ),
    "too seldom all the same": (
        {"swept_at": ago(minutes=16), "next_sweep_at": ago(seconds=-30)},
        ["late"],
        False,
    ),
    "Google stumbled": (
        {"swept_at": ago(seconds=40), "problem": "Google is not available.", "fail_count": 1},
        [],
        True,
    ),
    "Google is down": (
        {
            "swept_at": ago(minutes=5),
            "next_sweep_at": ago(seconds=-30),
            "problem": "Google is not available.",
            "problem_since": ago(minutes=5),
        },
        ["google"],
        False,
    ),
    "broken": (
        {"status": "broken", "problem": "Withdrawn.", "problem_since": ago(hours=1), "swept_at": None},
        ["account_refused"],
        True,
    ),
}


@pytest.mark.parametrize("name", ACCOUNTS)
def test_health_of_an_account_is_reported(account, name):
    fields, expected, ready = ACCOUNTS[name]
    heartbeats.record_all()
    Account.objects.filter(pk=account.pk).update(**at(fields))
    assert problems() == expected
    assert health.report().ready is ready


# the account's subscription, what was heard and missed: (state of push, causes)
PUSH: dict[str, Any] = {
    "none yet": (None, {}, "waiting", []),
    "nothing has come yet": ({}, {}, "waiting", []),
    "heard": ({}, {"push_heard_at": ago(seconds=5)}, "on", []),
    "heard again": ({}, {"push_heard_at": ago(seconds=5), "push_missed_at": ago(minutes=5)}, "on", []),
    "fell silent": (
        {},
        {"push_heard_at": ago(minutes=5), "push_missed_at": ago(minutes=1)},
        "silent",
        ["push"],
    ),
    "never heard": ({}, {"push_missed_at": ago(minutes=1)}, "silent", ["push"]),
    "suspended": ({"state": "suspended", "suspension": "ENDPOINT_NOT_FOUND"}, {}, "silent", ["push"]),
    "cannot be made": ({"state": "none", "problem": "The API is switched off."}, {}, "silent", ["push"]),
    "of a broken account": (
        {"state": "suspended"},
        {"status": "broken", "problem": "Withdrawn."},
        "waiting",
        ["account_refused"],
    ),
}


@pytest.mark.parametrize("name", PUSH)
def test_push_state_is_reported(account, name, settings):
    fields, heard, state, expected = PUSH[name]
    heartbeats.record_all()
    settings.PUSH = object()
    Account.objects.filter(pk=account.pk).update(**at(heard))
    if fields is not None:
        factories.make_subscription(account, **fields)
    report = health.report()
    assert (report.push, [problem.key for problem in report.problems], report.ready) == (
        state,
        expected,
        True,
    )
    settings.PUSH = None
    assert (health.report().push, "push" in problems()) == ("off", False)


def test_account_without_rooms_is_no_problem():
    heartbeats.record_all()
    factories.make_account(status=Account.Status.BROKEN, problem="Withdrawn.")
    assert problems() == []
    assert health.report().ready is True


@pytest.mark.parametrize(
    ("running", "expected", "ready"),
    [
        ([], ["worker"], False),
        ([{"kind": "beat"}], ["worker"], False),
        ([{}], ["beat"], False),
        ([{}, {"kind": "beat"}], [], True),
        ([{"age": 51}, {"kind": "beat"}], ["worker"], False),
        ([{"age": 51}, {"kind": "beat", "age": 16}], ["worker"], False),
        ([{"age": 51}, {"kind": "beat", "age": 50}], ["beat"], False),  # nobody sends any work
        ([{}, {"kind": "beat", "age": 16}], ["beat"], False),
        ([{}, {"pid": 7, "age": 51}, {"kind": "beat"}], ["process"], True),
        ([{"pid": 7, "age": 51}, {"pid": 8, "started": 5}, {"kind": "beat"}], [], True),
    ],
)
def test_missing_processes_are_reported(account, running, expected, ready):
    for one in running:
        heartbeats.record(**one)
    assert problems() == expected
    assert health.report().ready is ready


def test_overdue_account_is_not_reported_without_a_worker(account):
    Account.objects.update(**at({"swept_at": ago(minutes=5), "next_sweep_at": ago(minutes=5)}))
    assert problems() == ["worker"]


def test_accounts_with_the_same_problem_are_one_problem(account):
    heartbeats.record_all()
    for number in range(4):
        more(number)
    Account.objects.update(status="broken", problem="Withdrawn.", problem_since=timezone.now())
    (problem,) = health.report().problems
    assert (
        "rooms-0@example.com, rooms-1@example.com, rooms-2@example.com and 2 more since" in problem.with_names
    )
    assert problem.with_names.endswith("Withdrawn.")
    assert "@" not in problem.sentence
    assert "5 accounts" in problem.sentence


def test_redis_away_is_the_only_problem(account, settings):
    settings.REDIS_URL = "unix:///nowhere/valkey.sock?db=1"
    report = health.report()
    assert (report.broker, report.ready, [problem.key for problem in report.problems]) == (
        False,
        False,
        ["redis"],
    )


def test_unreachable_database_is_reported(monkeypatch):
    def away() -> None:
        raise OperationalError("away")

    with monkeypatch.context() as patched:
        patched.setattr(connection, "ensure_connection", away)
        report = health.report()
    assert (report.database, report.ready) == (False, False)


def test_report_takes_one_query(account, settings, django_assert_num_queries):
    heartbeats.record_all()
    settings.PUSH = object()
    factories.make_subscription(account, state="suspended")
    factories.make_subscription(more(1), state="suspended")
    Account.objects.filter(pk=account.pk).update(status="broken", problem="x", problem_since=timezone.now())
    with django_assert_num_queries(1):
        report = health.report()
        assert [problem.key for problem in report.problems if problem.with_names] == [
            "account_refused",
            "push",
        ]


def test_recent_report_is_at_most_a_second_old(monkeypatch):
    monkeypatch.setattr(health, "MAX_REPORT_AGE", 1.0)
    monkeypatch.setattr(health, "_recent", None)
    with time_machine.travel(timezone.now(), tick=False) as clock:
        first = health.recent()
        clock.shift(0.9)
        assert health.recent() is first
        clock.shift(0.2)
        assert health.recent() is not first
        clock.shift(-3600)  # the clock was put back
        assert health.recent().at == timezone.now()
