"""A form that arrives when the session has ended, or from a page that is too old: nothing is done, nothing typed is lost."""

import re
import time
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import URLResolver, get_resolver, reverse
from django.utils import timezone

from spaces import broker
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


def signed_out(person: Person, **options: Any) -> Client:
    """A browser that this person has worked with, and whose session has ended."""
    browser = Client(**options)
    browser.force_login(person)
    browser.get("/language/")
    Session.objects.all().delete()
    return browser


def kept_forms() -> list[bytes]:
    return [bytes(key) for key in broker.link().scan_iter(f"{kept._INDEX}:*")]


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


def test_cookies_are_all_gone_and_the_page_itself_keeps_what_was_typed(admin):
    """Nobody knows whose form it is, so nothing is stored; the page in which it waits costs the server nothing."""
    browser = Client(enforce_csrf_checks=True)
    reply = browser.post("/people/", TYPED, headers=OURS)
    assert reply.status_code == 403
    assert 'value="later@example.com"' in text_of(reply)
    assert kept_forms() == []
    back_in(browser, admin)
    form = re.search(r'<form method="post" action="/people/">(.*?)</form>', text_of(reply), re.DOTALL)
    assert form
    again = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form[1]))
    assert browser.post("/people/", again, headers=OURS).status_code == 302
    assert Person.objects.filter(email="later@example.com").exists()


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
    browser = signed_out(admin)
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
    browser = signed_out(admin)
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
    reply = signed_out(owner).post("/rooms/hall-1/end/", {"reason": "x"}, headers={"HX-Request": "true"})
    assert reply.status_code == 204
    assert reply["HX-Redirect"] == "/accounts/login/?next=/rooms/hall-1/end/"


def test_a_kept_form_is_shown_on_its_own_page_only_and_not_for_ever(admin):
    browser = signed_out(admin)
    browser.post("/people/", TYPED)
    back_in(browser, admin)
    assert "later@example.com" not in text_of(browser.get("/language/"))
    assert "later@example.com" in text_of(browser.get("/people/"))
    with time_machine.travel(time.time() + kept.FOR + 1):
        assert "later@example.com" not in text_of(browser.get("/people/"))


def test_form_that_is_too_long_waits_in_the_page_instead(admin):
    browser = signed_out(admin)
    reply = browser.post("/people/", {"email": "x" * (kept.LARGEST + 1)}, headers=OURS)
    assert reply.status_code == 403
    assert "x" * kept.LARGEST in text_of(reply)
    assert kept_forms() == []


def test_the_token_is_not_kept(admin):
    signed_out(admin).post("/people/", {**TYPED, "csrfmiddlewaretoken": "y" * 64})
    (key,) = kept_forms()
    stored = broker.link().get(key)
    assert isinstance(stored, bytes)
    assert b"later@example.com" in stored
    assert b"yyyy" not in stored


def test_another_person_on_the_same_browser_gets_nothing_of_it(admin):
    """Signed out by time, not by a click: the browser's session goes on into the next person's."""
    other = factories.make_person("second-admin@example.com", role=Role.ADMIN)
    room = factories.make_room("Hall 1")
    archive = reverse("room_archive", args=[room.slug])
    browser = Client()
    for address, typed in (("/people/", TYPED), (archive, {"next": "/secret-way-back/"})):
        browser.force_login(admin)
        browser.get("/language/")
        Session.objects.all().delete()
        browser.post(address, typed)
        assert len(kept_forms()) == 1
        browser.force_login(other)
        reply = browser.get(address)
        assert "later@example.com" not in text_of(reply)
        assert "secret-way-back" not in reply.get("Location", "")


def test_browser_knows_who_used_it_last(admin, owner):
    browser = Client()
    marks = []
    for person in (admin, owner, admin):
        browser.force_login(person)
        browser.get("/")
        mark = browser.cookies[kept.COOKIE]
        assert mark["httponly"]
        marks.append(mark.value)
    assert marks[0] == marks[2] != marks[1]


@pytest.mark.parametrize("forged", ["", "1", "{pk}", "{pk}:" + "x" * 43, "é:1"])
def test_stranger_makes_us_keep_nothing(admin, forged):
    """With our own Origin and a token of their own making, which proves nothing."""
    browser = Client(enforce_csrf_checks=True)
    browser.cookies[kept.COOKIE] = forged.format(pk=admin.pk)
    typed = {**TYPED, "csrfmiddlewaretoken": token(browser, "/accounts/login/")}
    for address in ("/people/", "/", "/rooms/hall-1/end/", "/lookup/ask/"):
        reply = browser.post(address, typed, headers=OURS)
        assert reply.status_code in {302, 403, 404}, address
    assert kept_forms() == []
    assert not Session.objects.exists()


def test_no_address_begins_a_session_for_a_stranger_but_the_sign_in(db):
    """And the session of a sign-in ends after half an hour, so that the hourly clean-up has something to take away."""
    browser = Client(enforce_csrf_checks=True)
    typed = {"csrfmiddlewaretoken": token(browser, "/accounts/login/"), "language": "de", "time_zone": "UTC"}
    for address in addresses():
        browser.get(address)
        browser.post(address, typed, headers=OURS)
        if address == "/accounts/google/login/":
            (session,) = Session.objects.all()
            assert session.expire_date <= timezone.now() + timedelta(minutes=30)
            Session.objects.all().delete()
        assert not Session.objects.exists(), address
        browser.cookies.pop("meetadmin-session", None)


def addresses() -> list[str]:
    """All addresses, with something in the place of what varies."""
    found: list[str] = []

    def walk(patterns: Any, before: str) -> None:
        for one in patterns:
            path = before + str(one.pattern)
            if isinstance(one, URLResolver):
                walk(one.url_patterns, path)
            else:
                found.append("/" + re.sub("<slug:.*?>", "hall-1", path).replace("<int:pk>", "1"))

    walk(get_resolver().url_patterns, "")
    assert len(found) > 40
    return found


def test_session_of_somebody_signed_in_lasts(admin):
    browser = Client()
    browser.force_login(admin)
    assert Session.objects.get().expire_date > timezone.now() + timedelta(hours=11)


def test_number_of_kept_forms_is_limited_and_each_person_has_one(admin, owner, monkeypatch):
    monkeypatch.setattr(kept, "MOST", 1)
    first, second = signed_out(admin), signed_out(owner)
    for _ in range(3):
        assert first.post("/people/", TYPED, headers=OURS).status_code == 302
    reply = second.post("/settings/filters/", {"name": "mine", "query": "q=1"}, headers=OURS)
    assert reply.status_code == 403
    assert 'name="query" value="q=1"' in text_of(reply), "it waits in the page"
    assert len(kept_forms()) == 1
    with time_machine.travel(time.time() + kept.FOR + 1):
        assert second.post("/settings/filters/", {"name": "mine"}, headers=OURS).status_code == 302


def test_kept_form_expires_by_itself(admin):
    signed_out(admin).post("/people/", TYPED, headers=OURS)
    (key,) = kept_forms()
    assert 0 < broker.link().ttl(key) <= kept.FOR
    assert 0 < broker.link().ttl(kept._INDEX) <= kept.FOR


def test_form_waits_in_the_page_while_redis_is_away(admin, settings):
    browser = signed_out(admin)
    settings.REDIS_URL = "unix:///nowhere/valkey.sock?db=1"
    reply = browser.post("/people/", TYPED, headers=OURS)
    assert reply.status_code == 403
    assert 'value="later@example.com"' in text_of(reply)
