"""What an operator does from the server's side when nobody can do it in the browser."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from spaces import meet
from spaces.models import Account, AuditEntry, Person, Role
from spaces.vault import Vault
from tests import factories

pytestmark = pytest.mark.django_db
FORMER, NEW = (
    "old:MTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTE=",
    "new:MjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjI=",
)


def run(*words: str) -> str:
    out = StringIO()
    call_command(*words, stdout=out)
    return out.getvalue()


def connected(email: str, keys: str) -> Account:
    account = factories.make_account(email, kind=Account.Kind.CONSENTED)
    account.sealed_token = Vault(keys).seal(f"token of {email}", binding=meet.binding(account))
    account.save()
    return account


@pytest.mark.parametrize("known", [True, False], ids=["known", "never seen"])
def test_an_admin_is_made_from_the_server_and_it_is_written_down(known):
    if known:
        factories.make_person("new-admin@example.com")
    assert "admin" in run("make_admin", "New-Admin@example.com")
    assert Person.objects.get(email="new-admin@example.com").role == Role.ADMIN
    entry = AuditEntry.objects.get()
    assert (entry.actor_name, entry.target) == ("Operator at the server", "new-admin@example.com")


def test_an_address_that_could_not_sign_in_is_refused():
    with pytest.raises(CommandError, match=r"elsewhere\.example is not of an allowed domain"):
        run("make_admin", "stranger@elsewhere.example")
    assert not Person.objects.exists()


def test_access_is_resealed_with_the_new_key_and_the_old_one_can_go(settings):
    account = connected("room-owner@example.com", FORMER)
    settings.TOKEN_KEYS = f"{NEW},{FORMER}"
    assert "1 resealed" in run("reseal_tokens")
    assert "0 resealed" in run("reseal_tokens")
    settings.TOKEN_KEYS = NEW
    account.refresh_from_db()
    assert meet.refresh_token(account) == "token of room-owner@example.com"


def test_what_no_key_opens_is_named_and_left_as_it_is(settings):
    lost = connected("lost@example.com", FORMER)
    connected("kept@example.com", NEW)
    settings.TOKEN_KEYS = NEW
    with pytest.raises(CommandError, match=r"lost@example\.com"):
        run("reseal_tokens")
    assert Account.objects.get(pk=lost.pk).sealed_token == lost.sealed_token
