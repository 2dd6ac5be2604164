"""Google accounts: configured, connected, tried, disconnected."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.core import serializers
from django.test import TestCase
from django.utils import timezone

from spaces import live, meet
from spaces.access import SYSTEM, NotAllowed
from spaces.actions import accounts
from spaces.audit import ActionRejected
from spaces.google.errors import ConnectionBroken, TryLater
from spaces.models import Account, AuditEntry, Person, Role
from tests import factories
from tests.support.rooms import BERLIN, asked, fault, known_room, space_of
from tests.support.signin import consent
from tests.support.simulator import READONLY, SETTINGS, SimulatorProcess

pytestmark = pytest.mark.django_db
OWNER = "room-owner@example.com"


@pytest.fixture
def owner(google: SimulatorProcess, owner: Person) -> Person:
    """room-owner, under the id that Google knows."""
    owner.google_id = google_id(google, OWNER)
    owner.save()
    return owner


def google_id(google: SimulatorProcess, email: str) -> str:
    return str(next(one["id"] for one in google.world()["people"] if one["email"] == email))


def test_every_configured_mailbox_is_an_account_once(db, admin, settings):
    assert accounts.sync_configured(actor=SYSTEM) == 2
    assert accounts.sync_configured(actor=SYSTEM) == 0
    assert set(Account.objects.values_list("email", "kind", "status")) == {
        (BERLIN, "delegated", "untested"), ("rooms-muc@example.com", "delegated", "untested"),
    }  # fmt: skip


def test_connecting_keeps_the_access_sealed(google, owner):
    given = consent(google, OWNER)
    outcome = accounts.connect(consent=given, actor=owner)
    assert outcome.code == "account.connected"
    account = Account.objects.get()
    assert (account.email, account.kind, account.person, account.status) == (OWNER, "consented", owner, "ok")
    assert account.google_id == owner.google_id
    assert account.next_sweep_at <= timezone.now()
    assert account.sealed_token.startswith("test:")
    assert given.refresh_token
    stored = serializers.serialize("json", [account, *AuditEntry.objects.all()])
    assert given.refresh_token not in stored
    assert given.access_token not in stored
    assert meet.refresh_token(account) == given.refresh_token
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.target, entry.actor) == ("account:connect", OWNER, owner)


def test_a_connected_account_is_used_with_its_own_consent(google, owner):
    accounts.connect(consent=consent(google, OWNER), actor=owner)
    room = known_room(google, account=OWNER)
    assert space_of(room).owned
    assert google.control("GET", "requests")["by_account"] == {}


def test_a_sealed_token_of_another_account_does_not_open(google, owner):
    accounts.connect(consent=consent(google, OWNER), actor=owner)
    stolen = Account.objects.get().sealed_token
    other = factories.make_account("thief@example.com", kind=Account.Kind.CONSENTED, sealed_token=stolen)
    with pytest.raises(ConnectionBroken, match="cannot be opened"):
        meet.refresh_token(other)


def test_connecting_again_mends_a_broken_account(google, owner):
    accounts.connect(consent=consent(google, OWNER), actor=owner)
    Account.objects.get().record_failure("access", ConnectionBroken("withdrawn"), broken=True)
    accounts.connect(consent=consent(google, OWNER), actor=owner)
    account = Account.objects.get()
    assert (account.status, account.problem, account.problem_since) == ("ok", "", None)


def test_whose_address_has_changed_connects_the_same_account_again(google, owner):
    """Their links would else hang on an account that nobody can connect any more."""
    accounts.connect(consent=consent(google, OWNER), actor=owner)
    account = Account.objects.get()
    given = replace(consent(google, OWNER), email="Married@example.com")
    assert accounts.connect(consent=given, actor=owner).params == {"email": "married@example.com"}
    again = Account.objects.get()
    assert (again.pk, again.email) == (account.pk, "married@example.com")
    assert meet.refresh_token(again) == given.refresh_token


def test_an_address_that_went_to_somebody_else_takes_over_no_links(google, admin):
    """Google's id is another one, so the links of the account are not theirs."""
    accounts.connect(consent=consent(google, OWNER), actor=admin)
    sealed = Account.objects.get().sealed_token
    given = replace(consent(google, OWNER), google_id="of-somebody-else")
    with pytest.raises(ActionRejected, match=r"account\.other_identity"):
        accounts.connect(consent=given, actor=admin)
    assert Account.objects.get().sealed_token == sealed


def test_an_account_connected_again_is_looked_at_at_once_and_pages_are_told(google, owner):
    """However long it had been left alone for failing."""
    accounts.connect(consent=consent(google, OWNER), actor=owner)
    known_room(google, account=OWNER)
    account = Account.objects.get(email=OWNER)
    account.record_failure("access", ConnectionBroken("withdrawn"), broken=True)
    account.release(
        next_sweep_at=timezone.now() + timedelta(hours=1), fail_count=5, open_until=timezone.now()
    )
    before = live.version()
    with TestCase.captureOnCommitCallbacks(execute=True):
        accounts.connect(consent=consent(google, OWNER), actor=owner)
    account.refresh_from_db()
    assert (account.fail_count, account.open_until) == (0, None)
    assert account.next_sweep_at <= timezone.now()
    assert live.version() != before


def test_an_answer_to_the_access_before_says_nothing_about_the_new_one(google, owner):
    """A look that was on its way when the account was connected again, and fails with the old access."""
    accounts.connect(consent=consent(google, OWNER), actor=owner)
    looking = Account.objects.get()
    accounts.connect(consent=consent(google, OWNER), actor=owner)
    looking.record_failure(
        "access", ConnectionBroken("Google no longer accepts this account's permission."), broken=True
    )
    looking.release(next_sweep_at=timezone.now() + timedelta(minutes=15), fail_count=1)
    account = Account.objects.get()
    assert (account.status, account.problem, account.fail_count) == ("ok", "", 0)
    assert account.next_sweep_at <= timezone.now()


def test_a_look_that_ends_after_the_account_was_disconnected_does_not_call_it_well(google, owner):
    accounts.connect(consent=consent(google, OWNER), actor=owner)
    looking = Account.objects.get()
    accounts.disconnect(account=Account.objects.get(), actor=owner)
    looking.record_success("watch")
    account = Account.objects.get()
    assert account.status == Account.Status.BROKEN
    assert "Disconnected" in account.problem


def test_an_unticked_permission_is_named_and_nothing_stored(google, owner):
    with pytest.raises(ActionRejected, match=r"account\.scopes_unticked") as refusal:
        accounts.connect(consent=consent(google, OWNER, ticked=(READONLY, SETTINGS)), actor=owner)
    assert refusal.value.params == {"scopes": ("created",)}
    assert not Account.objects.exists()
    assert not AuditEntry.objects.exists()


def test_another_persons_account_is_refused(google, owner):
    with pytest.raises(ActionRejected, match=r"account\.not_own"):
        accounts.connect(consent=consent(google, "participant@example.com"), actor=owner)
    assert not Account.objects.exists()


def test_an_admin_may_connect_a_mailbox_they_can_sign_in_to(google, admin):
    accounts.connect(consent=consent(google, BERLIN), actor=admin)
    account = Account.objects.get()
    assert (account.email, account.person) == (BERLIN, admin)


def test_a_limited_admin_connects_only_their_own(google):
    limited = factories.make_person("limited@example.com", role=Role.ADMIN)
    limited.buildings.set([factories.make_building()])
    with pytest.raises(ActionRejected, match=r"account\.not_own"):
        accounts.connect(consent=consent(google, BERLIN), actor=limited)


def test_a_private_account_with_a_company_address_is_refused_by_name(google, admin):
    with pytest.raises(ActionRejected, match=r"account\.private"):
        accounts.connect(consent=consent(google, "consumer@example.com"), actor=admin)
    assert not Account.objects.exists()


@pytest.mark.parametrize("email", ["stranger@elsewhere.example", "consumer@mail.example"])
def test_accounts_of_other_domains_are_refused_even_to_admins(google, admin, email):
    with pytest.raises(ActionRejected, match=r"account\.other_domain"):
        accounts.connect(consent=consent(google, email), actor=admin)
    assert not Account.objects.exists()


def test_the_address_proves_nothing_only_the_verified_domain_does(google, admin):
    given = consent(google, "participant@example.com")
    for forged, code in (
        (replace(given, hosted_domain=""), "account.private"),
        (replace(given, hosted_domain="elsewhere.example"), "account.other_domain"),
        (replace(given, email_verified=False), "account.other_domain"),
    ):
        with pytest.raises(ActionRejected, match=code):
            accounts.connect(consent=forged, actor=admin)


def test_without_lasting_access_nothing_is_stored(google, owner):
    given = replace(consent(google, OWNER), refresh_token=None)
    with pytest.raises(ActionRejected, match=r"account\.no_refresh_token"):
        accounts.connect(consent=given, actor=owner)
    assert not Account.objects.exists()


def test_without_a_key_to_seal_with_nothing_is_stored_and_it_is_said(google, owner, settings):
    settings.TOKEN_KEYS = ""
    with pytest.raises(ActionRejected, match=r"account\.no_token_key"):
        accounts.connect(consent=consent(google, OWNER), actor=owner)
    assert not Account.objects.exists()


def test_disconnecting_withdraws_the_consent_and_keeps_the_rooms(google, owner):
    given = consent(google, OWNER)
    accounts.connect(consent=given, actor=owner)
    room = known_room(google, account=OWNER)
    outcome = accounts.disconnect(account=Account.objects.get(email=OWNER), actor=owner)
    assert outcome.level == "success"
    account = Account.objects.get(email=OWNER)
    assert (account.sealed_token, account.scopes, account.status) == ("", [], "broken")
    assert "Disconnected" in account.problem
    assert space_of(room).meeting_code
    with (
        pytest.raises(ConnectionBroken, match="is not connected"),
        meet.client(account, lane=meet.Lane.BACKGROUND) as client,
    ):
        client.running_conferences()
    status, _ = google.call("GET", f"/v2/{space_of(room).name}", token=given.access_token)
    assert status == 401
    assert AuditEntry.objects.get(action="account:disconnect").actor == owner


def test_disconnecting_while_google_is_away_forgets_all_the_same_and_says_so(google, owner):
    accounts.connect(consent=consent(google, OWNER), actor=owner)
    fault(google, "revoke", status=503, times=0)
    outcome = accounts.disconnect(account=Account.objects.get(email=OWNER), actor=owner)
    assert (outcome.code, outcome.level) == ("account.disconnected_here", "warning")
    assert Account.objects.get(email=OWNER).sealed_token == ""
    assert AuditEntry.objects.get(action="account:disconnect").result_code == "account.revocation_unconfirmed"


def test_who_dies_while_disconnecting_leaves_an_open_row(google, owner, monkeypatch):
    """The grant is gone at Google by then, so the trail must not know nothing of it."""
    accounts.connect(consent=consent(google, OWNER), actor=owner)
    monkeypatch.setattr(Account, "record_failure", die)
    with pytest.raises(SystemExit):
        accounts.disconnect(account=Account.objects.get(), actor=owner)
    assert AuditEntry.objects.get(action="account:disconnect").is_open


def die(*_: object, **__: object) -> None:
    raise SystemExit


def test_who_may_disconnect(google, owner, colleague, helpdesk, admin):
    accounts.connect(consent=consent(google, OWNER), actor=owner)
    account = Account.objects.get()
    for person in (colleague, helpdesk):
        with pytest.raises(NotAllowed):
            accounts.disconnect(account=account, actor=person)
    assert Account.objects.get().sealed_token
    accounts.disconnect(account=account, actor=admin)
    assert Account.objects.get(email=OWNER).sealed_token == ""


def test_delegation_is_not_disconnected_by_a_click(google, admin):
    with pytest.raises(ActionRejected, match=r"account\.not_connected"):
        accounts.disconnect(account=factories.make_account(), actor=admin)


def test_trying_an_account_that_works_clears_its_problem(google, admin):
    account = factories.make_account()
    account.record_failure("access", ConnectionBroken("old trouble"), broken=True)
    assert accounts.test(account=account, actor=admin).code == "account.works"
    account.refresh_from_db()
    assert (account.status, account.problem) == ("ok", "")


def test_trying_an_account_without_delegation_says_what_to_do(google, admin):
    google.control("POST", "delegation", {"scopes": []})
    account = factories.make_account()
    with pytest.raises(ConnectionBroken, match="Domain-wide delegation"):
        accounts.test(account=account, actor=admin)
    account.refresh_from_db()
    assert account.status == Account.Status.BROKEN


def test_a_passing_trouble_is_not_a_broken_account(google, admin):
    account = factories.make_account()
    fault(google, "token", status=503, times=0)
    with pytest.raises(TryLater):
        accounts.test(account=account, actor=admin)
    account.refresh_from_db()
    assert account.status == Account.Status.OK


def test_a_mailbox_outside_the_list_is_never_acted_as(google, admin, settings):
    settings.ROOM_MAILBOXES = [BERLIN]
    for email in ("it-admin@example.com", "rooms-muc@example.com"):
        with pytest.raises(ConnectionBroken, match="MEETADMIN_ROOM_MAILBOXES"):
            accounts.test(account=factories.make_account(email), actor=admin)
    assert asked(google) == {}


def test_without_a_service_account_it_says_so(google, admin, settings):
    settings.GOOGLE_SERVICE_ACCOUNT = None
    with pytest.raises(ConnectionBroken, match="GOOGLE_SERVICE_ACCOUNT_FILE"):
        accounts.test(account=factories.make_account(), actor=admin)


@pytest.mark.parametrize("who", ["owner", "helpdesk", "colleague"])
def test_only_admins_try_accounts(google, request, who):
    with pytest.raises(NotAllowed):
        accounts.test(account=factories.make_account(), actor=request.getfixturevalue(who))
    assert asked(google) == {}
