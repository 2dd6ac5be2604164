"""Turns and troubles of Google accounts."""

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from spaces.models import Account
from tests import factories


def due() -> set[Account]:
    return set(Account.objects.due(timezone.now()).distinct())


def test_only_one_of_two_gets_the_turn(db):
    account = factories.make_account()
    twin = Account.objects.get(pk=account.pk)
    now = timezone.now()
    assert account.claim(now=now, until=now + timedelta(seconds=150)) is True
    assert twin.claim(now=now, until=now + timedelta(seconds=150)) is False


def test_a_turn_that_somebody_has_had_meanwhile_is_not_taken_again(db):
    """Two timetables have read the same list of accounts; one was quick."""
    account = factories.make_account(next_sweep_at=timezone.now() + timedelta(seconds=30))
    now = timezone.now()
    assert account.claim(now=now, until=now + timedelta(seconds=15)) is False
    assert account.claim(now=now, until=now + timedelta(seconds=15), due=False) is True


@pytest.mark.django_db(transaction=True)
def test_only_one_of_many_at_once_gets_the_turn():
    account = factories.make_account()
    now = timezone.now()
    won: list[bool] = []
    start = threading.Barrier(6)

    def claim() -> None:
        start.wait(timeout=20)
        try:
            won.append(account.claim(now=now, until=now + timedelta(seconds=150)))
        finally:
            connection.close()

    threads = [threading.Thread(target=claim) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert sorted(won) == [False] * 5 + [True]


def test_a_turn_given_back_can_be_taken_when_it_is_due(db):
    account = factories.make_account()
    factories.make_space(account=account)
    now = timezone.now()
    account.claim(now=now, until=now + timedelta(seconds=150))
    assert due() == set()
    account.release(next_sweep_at=timezone.now())
    assert due() == {account}
    account.release(next_sweep_at=timezone.now() + timedelta(seconds=30))
    assert due() == set()


def test_an_account_without_spaces_is_never_due(db):
    factories.make_account()
    assert due() == set()


def test_a_problem_keeps_its_beginning_and_goes_away_with_the_first_success(db):
    account = factories.make_account()
    account.fails("Google is not available.", broken=False)
    account.refresh_from_db()
    began = account.problem_since
    assert began is not None
    assert account.status == Account.Status.OK
    account.fails("The consent was withdrawn.", broken=True)
    account.refresh_from_db()
    assert (account.status, account.problem) == (Account.Status.BROKEN, "The consent was withdrawn.")
    assert account.problem_since == began
    assert account not in Account.objects.usable()
    account.works()
    mended = Account.objects.get(pk=account.pk)
    assert (mended.status, mended.problem, mended.problem_since) == (Account.Status.OK, "", None)


def test_an_untried_account_that_works_is_ok(db):
    account = factories.make_account(status=Account.Status.UNTESTED)
    account.works()
    account.refresh_from_db()
    assert account.status == Account.Status.OK
