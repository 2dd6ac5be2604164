"""Signing in with Google and connecting an account: the whole code flow, against the simulator."""

import html
import re
from dataclasses import replace
from io import StringIO
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit, urlunsplit

import pytest
from allauth.socialaccount.models import SocialAccount, SocialToken
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.test import Client

from spaces import meet
from spaces.actions import people, succession
from spaces.models import Account, AuditEntry, Ownership, Person, Role
from tests import factories
from tests.support import environment
from tests.support.rooms import fault
from tests.support.signin import choose
from tests.support.simulator import READONLY, SETTINGS

pytestmark = pytest.mark.django_db
HOST = "127.0.0.1:8000"
IDENTITY = {"openid", "email", "profile"}


def browser() -> Client:
    return Client(HTTP_HOST=HOST)


def begin(client: Client, query: str = "") -> str:
    """From the sign-in page's button to Google's address."""
    reply = client.post(f"/accounts/google/login/{query}")
    assert reply.status_code == 302
    return str(reply["Location"])


def come_back(client: Client, address: str):
    """Follow Google's redirect with this browser."""
    parts = urlsplit(address)
    assert f"{parts.scheme}://{parts.netloc}" == f"http://{HOST}"
    return client.get(f"{parts.path}?{parts.query}")


def sign_in(client: Client, account: str, query: str = ""):
    return come_back(client, choose(begin(client, query), account))


def signed_in(client: Client) -> bool:
    return client.get("/").status_code == 200


def nothing_was_written() -> bool:
    users = [key for one in Session.objects.all() for key in one.get_decoded() if key == "_auth_user_id"]
    return not (
        users or Person.objects.exists() or SocialAccount.objects.exists() or AuditEntry.objects.exists()
    )


def test_the_page_before_signing_in(google):
    reply = browser().get("/accounts/login/")
    assert reply.status_code == 200
    assert "Sign in with Google" in reply.content.decode()


def test_a_get_on_the_button_begins_nothing(google):
    """Else any page on the web could start a sign-in by an image."""
    reply = browser().get("/accounts/google/login/")
    assert reply.status_code == 200
    assert b"Meetadmin</title>" in reply.content, "our page, not allauth's"
    assert b"/o/oauth2/v2/auth" not in reply.content


def test_what_google_is_asked_for(google):
    asked = parse_qs(urlsplit(begin(browser())).query)
    assert set(asked["scope"][0].split()) == IDENTITY
    assert asked["redirect_uri"] == [f"http://{HOST}/accounts/google/login/callback/"]
    assert asked["response_type"] == ["code"]
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["hd"] == ["example.com"]
    assert len(asked["state"][0]) >= 16
    assert len(asked["nonce"][0]) >= 16
    assert "offline" not in asked.get("access_type", [])


@pytest.mark.parametrize(
    "query",
    [
        "?scope=https://www.googleapis.com/auth/drive",
        "?auth_params=access_type=offline,prompt=consent",
        "?scope=openid&auth_params=hd=elsewhere.example",
        "?process=connect",
        "?action=rerequest",
    ],
)
def test_an_address_cannot_change_what_is_asked(google, query):
    asked = parse_qs(urlsplit(begin(browser(), query)).query)
    plain = parse_qs(urlsplit(begin(browser())).query)
    own = {"state", "nonce", "code_challenge"}
    assert {k: v for k, v in asked.items() if k not in own} == {
        k: v for k, v in plain.items() if k not in own
    }


def test_the_first_admin_comes_in_as_admin(google):
    client = browser()
    reply = sign_in(client, "it-admin@example.com")
    assert (reply.status_code, reply["Location"]) == (302, "/")
    person = Person.objects.get()
    assert (person.email, person.role, person.name) == ("it-admin@example.com", Role.ADMIN, "IT Admin")
    world_id = next(one["id"] for one in google.world()["people"] if one["email"] == person.email)
    assert person.google_id == world_id
    assert signed_in(client)
    assert client.get("/people/").status_code == 200
    assert SocialAccount.objects.get().extra_data == {"email": person.email, "hd": "example.com"}
    assert not SocialToken.objects.exists()


def test_somebody_with_rooms_given_before_finds_them(google):
    invited = Person.objects.named("room-owner@example.com")
    room = factories.make_room("Berlin 3.14", owners=(invited,))
    client = browser()
    sign_in(client, "room-owner@example.com")
    assert Person.objects.get().pk == invited.pk
    assert Ownership.objects.get(room=room).person == invited
    assert "Berlin 3.14" in client.get("/mine/").content.decode()


def test_signing_in_twice_makes_one_person(google):
    for _ in range(2):
        sign_in(browser(), "participant@example.com")
    assert Person.objects.count() == SocialAccount.objects.count() == 1


@pytest.mark.parametrize(
    ("account", "words"),
    [
        ("stranger@elsewhere.example", "does not belong to this organisation"),
        ("consumer@mail.example", "does not belong to this organisation"),
        ("unverified@example.com", "has not verified the address"),
    ],
)
def test_who_is_refused_reads_why_and_leaves_no_trace(google, account, words):
    client = browser()
    reply = sign_in(client, account)
    assert reply.status_code == 403
    text = reply.content.decode()
    assert words in text
    assert account in text
    assert not signed_in(client)
    assert nothing_was_written()


def test_a_locked_out_person_stays_out(google):
    client = browser()
    sign_in(client, "room-owner@example.com")
    client.post("/accounts/logout/")
    Person.objects.update(is_active=False)
    reply = sign_in(client, "room-owner@example.com")
    assert reply.status_code == 403
    assert "switched off" in reply.content.decode()
    assert not signed_in(client)


def test_a_refused_sign_in_of_a_locked_out_person_stores_nothing(google):
    sign_in(browser(), "room-owner@example.com")
    Person.objects.update(is_active=False)
    before = list(Person.objects.values()), list(SocialAccount.objects.values()), AuditEntry.objects.count()
    google.control("POST", "users", {"email": "room-owner@example.com", "rename": "married@example.com"})
    assert sign_in(browser(), "married@example.com").status_code == 403
    after = list(Person.objects.values()), list(SocialAccount.objects.values()), AuditEntry.objects.count()
    assert after == before


def test_somebody_who_was_locked_out_before_the_first_sign_in_leaves_no_trace(google, admin):
    people.set_active(person=Person.objects.named("room-owner@example.com"), active=False, actor=admin)
    assert sign_in(browser(), "room-owner@example.com").status_code == 403
    assert Person.objects.get(email="room-owner@example.com").google_id is None
    assert not SocialAccount.objects.exists()


def test_a_private_account_with_a_company_address_reads_what_it_is(google):
    reply = sign_in(browser(), "consumer@example.com")
    assert reply.status_code == 403
    text = html.unescape(reply.content.decode())
    assert "This is a private Google account with a company address." in text
    assert "ask your IT staff for one" in text
    assert nothing_was_written()


def test_a_recreated_account_is_told_apart_and_merged(google, admin):
    invited = Person.objects.named("room-owner@example.com")
    room = factories.make_room("Berlin 3.14", owners=(invited,))
    sign_in(browser(), "room-owner@example.com")
    google.control("POST", "users", {"email": "room-owner@example.com", "recreate": True})
    client = browser()
    assert sign_in(client, "room-owner@example.com").status_code == 302
    assert "Berlin 3.14" not in client.get("/mine/").content.decode()
    earlier = Person.objects.get(pk=invited.pk)
    present = Person.objects.get(email="room-owner@example.com")
    assert (earlier.mail_address, earlier.address_taken_by) == (None, present)
    succession.merge(person=earlier, other=present, reason="made again", actor=admin)
    assert "Berlin 3.14" in client.get("/mine/").content.decode()
    assert Ownership.objects.get(room=room).person == present


def test_the_only_admin_whose_account_was_recreated_comes_back_by_a_command(google):
    sign_in(browser(), "it-admin@example.com")
    google.control("POST", "users", {"email": "it-admin@example.com", "recreate": True})
    with pytest.raises(CommandError, match="has to sign in once"):
        call_command("same_person", "it-admin@example.com")
    client = browser()
    sign_in(client, "it-admin@example.com")
    assert client.get("/people/").status_code == 403
    out = StringIO()
    call_command("same_person", "IT-Admin@example.com", "--reason", "account made again", stdout=out)
    assert "are one person now" in out.getvalue()
    assert client.get("/people/").status_code == 200
    entry = AuditEntry.objects.get(action="people:merge")
    assert (entry.actor_name, entry.reason) == ("Operator at the server", "account made again")
    with pytest.raises(CommandError, match="No new Google account waits"):
        call_command("same_person", "it-admin@example.com")


def test_the_only_admin_whose_account_was_recreated_comes_back_by_make_admin(google):
    sign_in(browser(), "it-admin@example.com")
    google.control("POST", "users", {"email": "it-admin@example.com", "recreate": True})
    client = browser()
    sign_in(client, "it-admin@example.com")
    call_command("make_admin", "it-admin@example.com", stdout=StringIO())
    assert "A new Google account signed in" in client.get("/people/").content.decode()


def test_a_merged_account_reads_with_which_one_to_sign_in(google, admin):
    sign_in(browser(), "room-owner@example.com")
    sign_in(browser(), "participant@example.com")
    old, kept = (Person.objects.get(email=f"{name}@example.com") for name in ("room-owner", "participant"))
    succession.merge(person=old, other=kept, reason="", actor=admin)
    reply = sign_in(browser(), "room-owner@example.com")
    assert reply.status_code == 403
    assert "Sign in with participant@example.com." in html.unescape(reply.content.decode())
    old.refresh_from_db()
    assert (old.email, old.is_active) == (None, False)


def test_an_owner_entered_by_alias_finds_the_rooms_after_merging(google, admin):
    typed = Person.objects.named("owner-of-rooms@example.com")
    factories.make_room("Berlin 3.14", owners=(typed,))
    client = browser()
    sign_in(client, "room-owner@example.com")
    assert "entered under another address of yours" in client.get("/mine/").content.decode()
    person = Person.objects.get(email="room-owner@example.com")
    succession.merge(person=typed, other=person, reason="alias", actor=admin)
    assert "Berlin 3.14" in client.get("/mine/").content.decode()


def test_a_renamed_account_keeps_rooms_given_to_the_old_address_later(google, admin):
    sign_in(browser(), "room-owner@example.com")
    google.control("POST", "users", {"email": "room-owner@example.com", "rename": "married@example.com"})
    sign_in(browser(), "married@example.com")
    person = Person.objects.get(email="married@example.com")
    assert Person.objects.named("room-owner@example.com") == person


def test_locking_out_holds_from_the_next_click(google, admin):
    client = browser()
    sign_in(client, "room-owner@example.com")
    assert signed_in(client)
    people.set_active(person=Person.objects.get(email="room-owner@example.com"), active=False, actor=admin)
    assert not signed_in(client)


def test_cancelling_is_no_error(google):
    client = browser()
    reply = come_back(client, choose(begin(client), "", cancel=True))
    assert reply.status_code == 403
    assert "You did not finish signing in" in reply.content.decode()
    assert nothing_was_written()


def test_an_answer_is_good_once(google):
    client = browser()
    address = choose(begin(client), "participant@example.com")
    assert come_back(client, address).status_code == 302
    client.post("/accounts/logout/")
    reply = come_back(client, address)
    assert reply.status_code == 403
    assert "no longer valid" in reply.content.decode()
    assert not signed_in(client)


def test_an_answer_is_good_in_its_own_browser_only(google):
    """Else somebody could be signed in as the attacker without noticing."""
    address = choose(begin(browser()), "participant@example.com")
    victim = browser()
    begin(victim)
    reply = come_back(victim, address)
    assert reply.status_code == 403
    assert not signed_in(victim)
    assert nothing_was_written()


def test_a_code_of_another_sign_in_is_refused(google):
    """State of this browser, code of another: PKCE and nonce do not fit."""
    client, other = browser(), browser()
    mine = urlsplit(choose(begin(client), "participant@example.com"))
    theirs = dict(parse_qsl(urlsplit(choose(begin(other), "it-admin@example.com")).query))
    swapped = {**dict(parse_qsl(mine.query)), "code": theirs["code"]}
    reply = come_back(client, urlunsplit(mine._replace(query=urlencode(swapped))))
    assert reply.status_code == 403
    assert not signed_in(client)
    assert nothing_was_written()


def test_an_id_token_that_was_made_for_another_request_is_refused(google):
    """The code is this browser's and PKCE fits; the nonce that comes back is not the one of this sign-in."""
    client = browser()
    asked = urlsplit(begin(client))
    query = dict(parse_qsl(asked.query)) | {"nonce": "of-somebody-else"}
    reply = come_back(
        client, choose(urlunsplit(asked._replace(query=urlencode(query))), "it-admin@example.com")
    )
    assert reply.status_code == 403
    assert not signed_in(client)
    assert nothing_was_written()


@pytest.mark.parametrize("order", [{"status": 503}, {"kind": "garbage"}])
def test_google_failing_is_said_and_leaves_no_trace(google, order):
    client = browser()
    address = choose(begin(client), "participant@example.com")
    fault(google, "token", times=0, **order)
    reply = come_back(client, address)
    assert reply.status_code == 503
    assert "Google cannot be reached for signing in" in reply.content.decode()
    assert nothing_was_written()


@pytest.mark.parametrize(
    "wanted",
    [
        "//evil.example/",
        "https://evil.example/",
        "http:///evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
    ],
)
def test_the_way_on_never_leads_to_another_site(google, wanted):
    reply = sign_in(browser(), "participant@example.com", f"?{urlencode({'next': wanted})}")
    assert reply.status_code in {302, 400}
    assert "evil" not in reply.get("Location", "")
    assert "javascript" not in reply.get("Location", "")


def test_the_way_on_leads_to_the_page_that_was_wanted(google):
    reply = sign_in(browser(), "participant@example.com", "?next=/mine/")
    assert reply["Location"] == "/mine/"


# --- Connecting one's own Google account --------------------------------------------------------------------


@pytest.fixture
def owner_browser(google) -> Client:
    """room-owner, signed in through Google."""
    client = browser()
    sign_in(client, "room-owner@example.com")
    return client


def ask_to_connect(client: Client) -> str:
    reply = client.post("/google/connect/")
    assert reply.status_code == 302
    return str(reply["Location"])


def said(client: Client) -> str:
    return client.get("/google/").content.decode()


def test_connecting_asks_for_the_meet_scopes_and_keeps_a_sealed_token(owner_browser):
    address = ask_to_connect(owner_browser)
    asked = parse_qs(urlsplit(address).query)
    assert sum("meetings.space" in scope for scope in asked["scope"][0].split()) == 3
    assert asked["access_type"] == ["offline"]
    reply = come_back(owner_browser, choose(address, "room-owner@example.com"))
    assert reply["Location"] == "/google/"
    assert "is connected" in said(owner_browser)
    account = Account.objects.get()
    assert (account.kind, account.status) == ("consented", "ok")
    assert account.sealed_token.startswith("test:")
    assert meet.refresh_token(account).startswith("1//")
    assert not SocialToken.objects.exists()


def test_an_unticked_box_is_explained(owner_browser):
    address = choose(ask_to_connect(owner_browser), "room-owner@example.com", ticked=(READONLY, SETTINGS))
    come_back(owner_browser, address)
    assert "created was left unticked" in said(owner_browser)
    assert not Account.objects.exists()


@pytest.mark.parametrize("account", ["participant@example.com", "stranger@elsewhere.example"])
def test_another_account_is_not_connected(owner_browser, account):
    come_back(owner_browser, choose(ask_to_connect(owner_browser), account))
    assert f"You chose {account}" in said(owner_browser)
    assert not Account.objects.exists()


def test_cancelling_a_connection(owner_browser):
    come_back(owner_browser, choose(ask_to_connect(owner_browser), "", cancel=True))
    assert "was not completed" in said(owner_browser)
    assert not Account.objects.exists()


def test_a_connection_is_good_once(owner_browser):
    address = choose(ask_to_connect(owner_browser), "room-owner@example.com")
    come_back(owner_browser, address)
    Account.objects.all().delete()
    come_back(owner_browser, address)
    assert "begun elsewhere or is over already" in said(owner_browser)
    assert not Account.objects.exists()


def test_somebody_elses_answer_connects_nothing(owner_browser):
    """Else an attacker could put their own account under somebody's name."""
    other = browser()
    sign_in(other, "participant@example.com")
    stolen = choose(ask_to_connect(other), "participant@example.com")
    ask_to_connect(owner_browser)
    come_back(owner_browser, stolen)
    assert "begun elsewhere" in said(owner_browser)
    assert not Account.objects.exists()


def test_a_sign_in_code_connects_nothing(owner_browser):
    ask = ask_to_connect(owner_browser)
    state = parse_qs(urlsplit(ask).query)["state"][0]
    code = parse_qs(urlsplit(choose(begin(browser()), "room-owner@example.com")).query)["code"][0]
    owner_browser.get("/accounts/connect/callback/", {"state": state, "code": code})
    assert "Nothing was changed." in said(owner_browser)
    assert not Account.objects.exists()


# --- What Google says instead of a code (Google Identity, "OAuth 2.0 for web server applications") --------------


@pytest.mark.parametrize(
    ("word", "words"),
    [
        ("access_denied", "You did not finish signing in at Google."),
        ("admin_policy_enforced", "rules at Google do not allow Meetadmin"),
        ("org_internal", "does not belong to this organisation"),
        ("disallowed_useragent", "sign in from within this app"),
        ("redirect_uri_mismatch", "how Meetadmin introduces itself"),
        ("deleted_client", "how Meetadmin introduces itself"),
        ("something_new", "Google did not complete the sign-in."),
    ],
)
def test_what_google_says_is_said_in_plain_words_with_a_reference(google, caplog, word, words):
    client = browser()
    state = parse_qs(urlsplit(begin(client, "?next=/mine/")).query)["state"][0]
    reply = client.get("/accounts/google/login/callback/", {"state": state, "error": word})
    text = html.unescape(reply.content.decode())
    assert reply.status_code == 403
    assert words in text
    reference = re.search(r"Reference\s+([0-9a-f]{8})", text)
    assert reference
    assert [one for one in caplog.records if reference[1] in one.getMessage() and word in one.getMessage()]
    assert 'name="next" value="/mine/"' in text, "trying again leads to the page that was wanted"
    assert nothing_was_written()


def test_google_unreachable_is_nobodys_refusal(google, settings):
    client = browser()
    address = choose(begin(client), "participant@example.com")
    nobody = f"http://127.0.0.1:{environment.free_port()}/token"
    settings.GOOGLE = replace(settings.GOOGLE, token=nobody)
    reply = come_back(client, address)
    assert reply.status_code == 503
    assert "Google cannot be reached for signing in." in reply.content.decode()
    assert nothing_was_written()
