"""What is wrong, in one sentence for each cause, and what counts as ready."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import OperationalError, connection
from django.utils import timezone

from spaces import health
from spaces.models import Account
from tests import factories
from tests.support import signs

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


def causes() -> list[str]:
    return [one.key for one in health.report().causes]


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
def test_what_an_account_says_of_everything(account, name):
    fields, expected, ready = ACCOUNTS[name]
    signs.all_alive()
    Account.objects.filter(pk=account.pk).update(**at(fields))
    assert causes() == expected
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
def test_what_is_said_of_events(account, name, settings):
    fields, heard, state, expected = PUSH[name]
    signs.all_alive()
    settings.PUSH = object()
    Account.objects.filter(pk=account.pk).update(**at(heard))
    if fields is not None:
        factories.make_subscription(account, **fields)
    report = health.report()
    assert (report.push, [one.key for one in report.causes], report.ready) == (state, expected, True)
    settings.PUSH = None
    assert (health.report().push, "push" in causes()) == ("off", False)


def test_an_account_without_rooms_is_nobodys_trouble():
    signs.all_alive()
    factories.make_account(status=Account.Status.BROKEN, problem="Withdrawn.")
    assert causes() == []
    assert health.report().ready is True


@pytest.mark.parametrize(
    ("running", "expected", "ready"),
    [
        ([], ["worker"], False),
        ([{"kind": "beat"}], ["worker"], False),
        ([{}], ["beat"], False),
        ([{}, {"kind": "beat"}], [], True),
        ([{"silent": 51}, {"kind": "beat"}], ["worker"], False),
        ([{"silent": 51}, {"kind": "beat", "silent": 16}], ["worker"], False),
        ([{"silent": 51}, {"kind": "beat", "silent": 50}], ["beat"], False),  # nobody sends any work
        ([{}, {"kind": "beat", "silent": 16}], ["beat"], False),
        ([{}, {"pid": 7, "silent": 51}, {"kind": "beat"}], ["process"], True),
        ([{"pid": 7, "silent": 51}, {"pid": 8, "started": 5}, {"kind": "beat"}], [], True),
    ],
)
def test_what_runs_and_what_is_said_when_it_does_not(account, running, expected, ready):
    for one in running:
        signs.sign(**one)
    assert causes() == expected
    assert health.report().ready is ready


def test_a_dead_worker_makes_the_picture_old_which_is_one_cause_not_two(account):
    Account.objects.update(**at({"swept_at": ago(minutes=5), "next_sweep_at": ago(minutes=5)}))
    assert causes() == ["worker"]


def test_many_accounts_with_one_trouble_are_one_sentence(account):
    signs.all_alive()
    for number in range(4):
        more(number)
    Account.objects.update(status="broken", problem="Withdrawn.", problem_since=timezone.now())
    (cause,) = health.report().causes
    assert "rooms-0@example.com, rooms-1@example.com, rooms-2@example.com and 2 more since" in cause.named
    assert cause.named.endswith("Withdrawn.")
    assert "@" not in cause.sentence
    assert "5 of our accounts" in cause.sentence


def test_redis_gone_is_the_one_cause(account, settings):
    settings.REDIS_URL = "unix:///nowhere/valkey.sock?db=1"
    report = health.report()
    assert (report.broker, report.ready, [one.key for one in report.causes]) == (False, False, ["redis"])


def test_a_database_that_is_away_is_told_not_crashed(monkeypatch):
    def away() -> None:
        raise OperationalError("away")

    with monkeypatch.context() as patched:
        patched.setattr(connection, "ensure_connection", away)
        report = health.report()
    assert (report.database, report.ready) == (False, False)


def test_it_takes_one_query(account, settings, django_assert_num_queries):
    signs.all_alive()
    settings.PUSH = object()
    factories.make_subscription(account, state="suspended")
    factories.make_subscription(more(1), state="suspended")
    Account.objects.filter(pk=account.pk).update(status="broken", problem="x", problem_since=timezone.now())
    with django_assert_num_queries(1):
        report = health.report()
        assert [one.key for one in report.causes if one.named] == ["account_refused", "push"]


def test_pages_take_a_report_that_is_a_second_old_and_no_older(monkeypatch):
    monkeypatch.setattr(health, "RECENT", 1.0)
    monkeypatch.setattr(health, "_recent", None)
    with time_machine.travel(timezone.now(), tick=False) as clock:
        first = health.recent()
        clock.shift(0.9)
        assert health.recent() is first
        clock.shift(0.2)
        assert health.recent() is not first
        clock.shift(-3600)  # the clock was put back
        assert health.recent().at == timezone.now()
