"""People, audit trail, Google accounts and lookup, through their pages."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from spaces.google import codes
from spaces.models import AuditEntry, Person, Role
from tests import factories
from tests.support.rooms import asked, space_at_google


def said(reply: Any) -> str:
    return " ".join(str(message) for message in reply.context["messages"])


def test_giving_a_role(admin, sign_in):
    browser = sign_in(admin)
    reply = browser.post("/people/", {"email": "later@example.com", "role": "helpdesk"}, follow=True)
    assert said(reply).startswith("later@example.com is now helpdesk.")
    assert "Not signed in yet" in said(reply)
    assert "later@example.com" in reply.content.decode()


def test_changing_a_role_on_the_person_page(admin, helpdesk, sign_in):
    berlin = factories.make_building("BER")
    form = {"email": helpdesk.email, "role": "admin", "buildings": [berlin.code]}
    browser = sign_in(admin)
    reply = browser.post(f"/people/{helpdesk.pk}/", form, follow=True)
    assert reply.redirect_chain == [("/people/", 302)]
    helpdesk.refresh_from_db()
    assert (helpdesk.role, list(helpdesk.buildings.all())) == (Role.ADMIN, [berlin])
    form = browser.get(f"/people/{helpdesk.pk}/").context["form"]
    assert [box.data["selected"] for box in form["buildings"].subwidgets] == [True]


@pytest.mark.parametrize(
    "address",
    ["/people/{}/", "/people/{}/switch/", "/google/{}/disconnect/", "/google/{}/test/", "/google/{}/check/"],
)
def test_which_numbers_exist_is_told_to_nobody_who_may_not_know(colleague, sign_in, address):
    there = {"people": colleague.pk, "google": factories.make_account().pk}[address.split("/")[1]]
    browser = sign_in(colleague)
    known, unknown = (browser.post(address.format(number)) for number in (there, 999_999))
    assert (known.status_code, unknown.status_code) == (403, 403)


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"email": "typed-words", "role": "helpdesk"}, "valid email"),
        ({"email": "typed-words@example.com", "role": "emperor"}, "not one of the available choices"),
        ({"email": "", "role": "admin"}, "required"),
    ],
)
def test_a_bad_form_keeps_what_was_typed(admin, sign_in, form, words):
    reply = sign_in(admin).post("/people/", form)
    assert reply.status_code == 422
    assert words in reply.content.decode()
    assert form["email"] in reply.content.decode()
    assert Person.objects.count() == 1


def test_a_refusal_keeps_the_form(admin, sign_in):
    reply = sign_in(admin).post("/people/", {"email": "stranger@elsewhere.example", "role": "helpdesk"})
    assert "is not of an allowed domain" in said(reply)
    assert "stranger@elsewhere.example" in reply.content.decode()


def test_the_last_admin_cannot_lock_the_house(admin, sign_in):
    browser = sign_in(admin)
    reply = browser.post(reverse("person_switch", args=[admin.pk]), {"active": "0"}, follow=True)
    assert "only unrestricted admin" in said(reply)
    reply = browser.post(reverse("person", args=[admin.pk]), {"email": admin.email, "role": "colleague"})
    assert "only unrestricted admin" in said(reply)
    admin.refresh_from_db()
    assert (admin.role, admin.is_active) == (Role.ADMIN, True)


def test_locking_out_and_in(admin, owner, sign_in):
    browser, theirs = sign_in(admin), sign_in(owner)
    assert theirs.get("/").status_code == 200
    browser.post(reverse("person_switch", args=[owner.pk]), {"active": "0"})
    assert theirs.get("/")["Location"].startswith("/accounts/login/")
    browser.post(reverse("person_switch", args=[owner.pk]), {"active": "1"})
    owner.refresh_from_db()
    assert owner.is_active


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", {"it-admin@example.com", "helpdesk@example.com"}),
        ("q=HELP", {"helpdesk@example.com"}),
        ("role=admin", {"it-admin@example.com"}),
        ("role=emperor", {"it-admin@example.com", "helpdesk@example.com"}),
        ("q=nobody", set()),
    ],
)
def test_filters_of_people(admin, helpdesk, sign_in, query, found):
    reply = sign_in(admin).get(f"/people/?{query}")
    assert {person.email for person in reply.context["leaf"]} == found


def entry(target: str, outcome: str) -> AuditEntry:
    return AuditEntry.objects.create(
        action="conference:end", actor_name="Somebody", target=target, outcome=outcome, reason="why"
    )


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", {"done", "started", "unknown", "failed"}),
        ("outcome=open", {"started", "unknown"}),
        ("outcome=done", {"done"}),
        ("outcome=nonsense", {"done", "started", "unknown", "failed"}),
        ("q=done", {"done"}),
        ("q=why&outcome=failed", {"failed"}),
        ("q=zzz", set()),
        ("q=%00", {"done", "started", "unknown", "failed"}),
    ],
)
def test_filters_of_the_trail(admin, sign_in, query, found):
    for outcome in ("done", "started", "unknown", "failed"):
        entry(outcome, outcome)
    reply = sign_in(admin).get(f"/audit/?{query}")
    assert {one.target for one in reply.context["leaf"]} == found


def test_what_nobody_knows_the_end_of_reads_so(admin, sign_in):
    entry("x", "started")
    assert "Result unknown" in sign_in(admin).get("/audit/").content.decode()


def test_trying_an_account_says_how_it_went(google, admin, sign_in):
    account = factories.make_account()
    browser = sign_in(admin)
    reply = browser.post(reverse("account_test", args=[account.pk]), follow=True)
    assert "rooms-ber@example.com works" in said(reply)
    google.control("POST", "delegation", {"scopes": []})
    other = factories.make_account("rooms-muc@example.com")
    reply = browser.post(reverse("account_test", args=[other.pk]), follow=True)
    assert "Domain-wide delegation" in said(reply)
    assert "Broken" in reply.content.decode()


def test_lookup_asks_google_only_when_told_to(google, helpdesk, sign_in):
    factories.make_account()
    code = space_at_google(google)["meetingCode"]
    browser = sign_in(helpdesk)
    reply = browser.get("/lookup/", {"q": f"https://meet.google.com/{code}"})
    assert f"Ask Google about {code}" in reply.content.decode()
    assert asked(google) == {}
    reply = browser.post("/lookup/ask/", {"q": code})
    assert ", one of our accounts" in reply.content.decode()


def test_lookup_says_when_google_is_away(google, helpdesk, sign_in):
    factories.make_account()
    google.control("POST", "faults", {"method": "spaces.get", "status": 503, "times": 0})
    reply = sign_in(helpdesk).post("/lookup/ask/", {"q": "zzz-zzzz-zzz"})
    assert "Google is not available" in said(reply)


def test_a_colleague_is_not_offered_to_ask_google(colleague, sign_in):
    text = sign_in(colleague).get("/lookup/", {"q": "zzz-zzzz-zzz"}).content.decode()
    assert "IT staff can ask Google about it." in text
    assert "Ask Google about" not in text


@pytest.mark.parametrize("pasted", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>'])
def test_what_is_pasted_is_shown_as_text(colleague, sign_in, pasted):
    text = sign_in(colleague).get("/lookup/", {"q": pasted}).content.decode()
    assert pasted not in text
    assert "&lt;" in text


def test_lookup_of_an_overlong_text_says_so(colleague, sign_in):
    reply = sign_in(colleague).get("/lookup/", {"q": "x" * (codes.LONGEST_INPUT + 1)})
    assert reply.status_code == 200
    assert "too long" in reply.content.decode()


def test_a_form_without_its_protection_is_refused(admin):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(admin)
    reply = browser.post("/people/", {"email": "x@example.com", "role": "admin"})
    assert reply.status_code == 403
    assert "sent no cookie" in reply.content.decode()
    assert not Person.objects.filter(email="x@example.com").exists()
