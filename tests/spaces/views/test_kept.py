"""A form that arrives when the session has ended, or from a page that is too old: nothing is done, nothing typed is lost."""

import re
import time
from typing import Any

import pytest
import time_machine
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse

from spaces.models import Person, Role, Room
from spaces.views import kept
from tests import factories

OURS = {"Origin": "http://testserver"}
TYPED = {"email": "later@example.com", "role": "helpdesk"}


def text_of(reply: Any) -> str:
    return str(reply.content.decode())


def token(browser: Client, address: str) -> str:
    """The protection that a form of this page carries."""
    found = re.search(r'name="csrfmiddlewaretoken"\s+value="(\w+)"', text_of(browser.get(address)))
    assert found
    return found[1]


def back_in(browser: Client, person: Person) -> None:
    """Sign in as a person does after reading the page: the session they have then goes on."""
    browser.force_login(person)


@pytest.fixture
def strict(admin) -> Client:
    """An admin's browser, before a server that checks forms as it does in earnest."""
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(admin)
    return browser


def test_the_session_ends_in_the_middle_of_a_form(strict, admin):
    form = {**TYPED, "csrfmiddlewaretoken": token(strict, "/people/")}
    Session.objects.all().delete()
    reply = strict.post("/people/", form, headers=OURS)
    assert reply["Location"] == "/accounts/login/?next=/people/"
    assert not Person.objects.filter(email="later@example.com").exists()

    assert "what you typed is kept for half an hour" in text_of(strict.get(reply["Location"]))

    back_in(strict, admin)
    reply = strict.get("/people/")
    assert reply.status_code == 200
    assert 'value="later@example.com"' in text_of(reply)
    assert "What you typed is here again" in text_of(reply)
    assert not Person.objects.filter(email="later@example.com").exists(), "nothing is done by itself"
    assert 'value="later@example.com"' in text_of(strict.get("/people/")), "a reload keeps it"

    form = {**TYPED, "csrfmiddlewaretoken": token(strict, "/people/")}
    assert strict.post("/people/", form, headers=OURS).status_code == 302
    assert Person.objects.get(email="later@example.com").role == Role.HELPDESK
    assert 'value="later@example.com"' not in text_of(strict.get("/people/")), "sent, so gone"


def test_a_page_that_is_too_old_comes_back_filled_in(strict):
    stale = {**TYPED, "csrfmiddlewaretoken": "x" * 64}
    token(strict, "/people/")  # the browser has a cookie that the page's token does not fit
    reply = strict.post("/people/", stale, headers=OURS)
    assert reply["Location"] == "/people/"
    assert 'value="later@example.com"' in text_of(strict.get("/people/"))
    assert not Person.objects.filter(email="later@example.com").exists()


def test_the_cookies_are_all_gone(admin):
    browser = Client(enforce_csrf_checks=True)
    reply = browser.post("/people/", TYPED, headers=OURS)
    assert reply["Location"] == "/people/"
    assert browser.get("/people/")["Location"] == "/accounts/login/?next=/people/"
    back_in(browser, admin)
    assert 'value="later@example.com"' in text_of(browser.get("/people/"))


@pytest.mark.parametrize(
    "sender",
    [{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Referer": "https://evil.example/"}, {}],
)
def test_another_site_puts_nothing_into_our_forms(strict, sender):
    token(strict, "/people/")
    before = strict.cookies["meetadmin-session"].value
    reply = strict.post("/people/", {**TYPED, "csrfmiddlewaretoken": "x" * 64}, headers=sender)
    assert reply.status_code == 403
    assert "too old or did not come from this site" in text_of(reply)
    assert "later@example.com" not in text_of(strict.get("/people/"))
    assert strict.cookies["meetadmin-session"].value == before


def test_a_button_leads_back_to_where_it_stood(admin, google):
    room = factories.make_room("Hall 1")
    browser = Client()
    reply = browser.post(
        reverse("room_archive", args=[room.slug]),
        headers={"Referer": f"http://testserver/rooms/{room.slug}/edit/?x=1"},
    )
    back_in(browser, admin)
    reply = browser.get(reply["Location"].partition("next=")[2])
    assert reply["Location"] == f"/rooms/{room.slug}/edit/?x=1"
    assert "nothing was done" in text_of(browser.get(reply["Location"]))
    assert Room.objects.get(pk=room.pk).archived_at is None


def test_the_way_back_of_a_button_is_on_this_site(admin):
    room = factories.make_room("Hall 1")
    browser = Client()
    for lie in (
        {"next": "https://evil.example/"},
        {"next": "//evil.example/"},
        {"next": "javascript:alert(1)"},
    ):
        address = reverse("room_archive", args=[room.slug])
        browser.post(address, lie)
        back_in(browser, admin)
        assert "evil" not in browser.get(address).get("Location", "")
        browser.logout()


def test_htmx_is_led_as_a_whole_page(owner):
    reply = Client().post("/rooms/hall-1/end/", {"reason": "x"}, headers={"HX-Request": "true"})
    assert reply.status_code == 204
    assert reply["HX-Redirect"] == "/accounts/login/?next=/rooms/hall-1/end/"


def test_a_kept_form_is_shown_on_its_own_page_only_and_not_for_ever(admin):
    browser = Client()
    browser.post("/people/", TYPED)
    back_in(browser, admin)
    assert "later@example.com" not in text_of(browser.get("/language/"))
    assert "later@example.com" in text_of(browser.get("/people/"))
    with time_machine.travel(time.time() + kept.FOR + 1):
        assert "later@example.com" not in text_of(browser.get("/people/"))


def test_what_is_far_too_long_is_not_kept(admin):
    browser = Client()
    reply = browser.post("/people/", {"email": "x" * (kept.LARGEST + 1)})
    assert reply.status_code == 302
    back_in(browser, admin)
    assert "xxxxx" not in text_of(browser.get("/people/"))


def test_the_token_is_not_kept(db):
    browser = Client()
    browser.post("/people/", {**TYPED, "csrfmiddlewaretoken": "y" * 64})
    assert "csrfmiddlewaretoken" not in browser.session[kept.KEY]["values"]


def test_another_person_on_the_same_browser_gets_nothing_of_it(admin):
    """Signed out by time, not by a click: the browser's session goes on into the next person's."""
    other = factories.make_person("second-admin@example.com", role=Role.ADMIN)
    room = factories.make_room("Hall 1")
    archive = reverse("room_archive", args=[room.slug])
    browser = Client()
    browser.force_login(admin)
    browser.get("/people/")
    for address, typed in (("/people/", TYPED), (archive, {"next": "/secret-way-back/"})):
        Session.objects.all().delete()
        browser.post(address, typed)
        assert browser.session[kept.KEY]["path"] == address
        browser.force_login(other)
        reply = browser.get(address)
        assert "later@example.com" not in text_of(reply)
        assert "secret-way-back" not in reply.get("Location", "")
        assert kept.KEY not in browser.session, "it does not wait there for anybody either"
        browser.force_login(admin)
        browser.get("/")


def test_the_browser_knows_whose_it_was_and_nobody_can_read_it(admin, owner):
    browser = Client()
    marks = []
    for person in (admin, owner, admin):
        browser.force_login(person)
        browser.get("/")
        mark = browser.cookies[kept.COOKIE]
        assert mark["httponly"]
        assert len(mark.value) == 32
        marks.append(mark.value)
    assert marks[0] == marks[2] != marks[1]
