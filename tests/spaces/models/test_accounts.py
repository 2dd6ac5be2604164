"""Turns and troubles of Google accounts."""

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from spaces.google.errors import AccessRefused, ConnectionBroken, TryLater
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


def failing(account: Account) -> Account:
    account.refresh_from_db()
    return account


def test_problem_keeps_its_beginning_until_the_same_kind_of_request_succeeds(db):
    account = factories.make_account()
    account.record_failure("watch", TryLater("Google is not available."), broken=False)
    began = failing(account).problem_since
    assert began is not None
    assert account.status == Account.Status.OK
    account.record_success("link", "people", "change")
    account.record_failure("watch", TryLater("Google did not answer."), broken=False)
    assert (failing(account).problem, account.problem_since) == ("Google did not answer.", began)
    account.record_success("watch")
    assert (failing(account).problem, account.problem_since, account.failing) == ("", None, {})


def test_broken_access_is_shown_before_other_problems_and_any_success_ends_it(db):
    account = factories.make_account()
    account.record_failure("people", AccessRefused("People are refused."), broken=False)
    refused_since = failing(account).problem_since
    account.record_failure("access", ConnectionBroken("The consent was withdrawn."), broken=True)
    assert (failing(account).status, account.problem) == ("broken", "The consent was withdrawn.")
    assert account not in Account.objects.usable()
    account.record_success("link")
    assert (failing(account).status, account.problem) == ("ok", "People are refused.")
    assert account.problem_since == refused_since
    account.record_success("people")
    assert (failing(account).problem, account.problem_since) == ("", None)


def test_problem_of_running_calls_is_shown_before_an_older_one(db):
    account = factories.make_account()
    account.record_failure("change", AccessRefused("Changes are refused."), broken=False)
    account.record_failure("watch", AccessRefused("Lists are refused."), broken=False)
    assert failing(account).problem == "Lists are refused."
    account.record_success("watch")
    assert failing(account).problem == "Changes are refused."


def test_problem_that_nothing_has_met_for_an_hour_ends_with_the_next_success(db):
    account = factories.make_account()
    account.record_failure("change", AccessRefused("Changes are refused."), broken=False)
    long_ago = (timezone.now() - timedelta(minutes=61)).isoformat()
    failing(account).failing["change"]["at"] = long_ago
    account.save()
    account.record_success("watch")
    assert failing(account).problem == ""


def test_google_words_are_kept_with_the_problem(db):
    account = factories.make_account()
    error = AccessRefused("Refused.")
    error.google_says = "Consumer has been suspended."
    account.record_failure("watch", error, broken=False)
    assert failing(account).google_says == "Consumer has been suspended."
    account.record_success("watch")
    assert failing(account).google_says == ""


def test_failure_of_an_access_that_was_replaced_is_not_stored(db):
    account = factories.make_account(kind=Account.Kind.CONSENTED, sealed_token="new")
    account.sealed_token = "old"
    account.record_failure("access", ConnectionBroken("Withdrawn."), broken=True)
    assert failing(account).status == Account.Status.OK


def test_an_untried_account_that_works_is_ok(db):
    account = factories.make_account(status=Account.Status.UNTESTED)
    account.record_success("watch")
    assert failing(account).status == Account.Status.OK
