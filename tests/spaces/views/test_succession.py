"""The pages on which an admin settles who is who, and hands rooms over."""

from typing import Any

import pytest
from django.urls import reverse

from spaces.access import SYSTEM
from spaces.actions import people
from spaces.models import AuditEntry, Person, PersonAlias, Role
from tests import factories

ANN = "ann@example.com"
KEY = "k" * 24


def text(reply: Any) -> str:
    return " ".join(reply.content.decode().split())


@pytest.fixture
def recreated(db) -> tuple[Person, Person]:
    earlier = people.admit(google_id="100", email=ANN, name="Ann", actor=SYSTEM)
    factories.make_room("Berlin 3.14", owners=(earlier,))
    present = people.admit(google_id="200", email=ANN, name="Ann", actor=SYSTEM)
    earlier.refresh_from_db()
    return earlier, present


def test_people_tell_of_a_new_account_and_settle_it(admin, sign_in, recreated):
    earlier, present = recreated
    browser = sign_in(admin)
    for page in ("/people/", f"/people/{earlier.pk}/", f"/people/{present.pk}/"):
        assert "A new Google account signed in with the address of Ann" in text(browser.get(page))
    address = f"/people/{earlier.pk}/merge/"
    shown = text(browser.get(address, {"other": ANN}))
    assert "Berlin 3.14" in shown
    assert "formerly ann@example.com" in shown
    form = {"other": ANN, "key": KEY, "reason": "made again by mistake"}
    for _ in range(2):
        reply = browser.post(address, form, follow=True)
        assert reply.redirect_chain
    assert AuditEntry.objects.filter(action="people:merge").count() == 1
    assert present.ownerships.count() == 1
    assert "A new Google account signed in" not in text(browser.get("/people/"))
    assert "stays for the audit log" in text(browser.get(f"/people/{earlier.pk}/"))


def test_people_can_be_kept_apart(admin, sign_in, recreated):
    earlier, present = recreated
    browser = sign_in(admin)
    reply = browser.post(reverse("person_keep_apart", args=[earlier.pk]), follow=True)
    assert "stay two people" in text(reply)
    assert "A new Google account signed in" not in text(browser.get("/people/"))
    assert not present.ownerships.exists()


@pytest.mark.parametrize("query", ["", "formerly", "ann@example.com", "an.alias", "Ann"])
def test_people_are_found_by_every_address(admin, sign_in, recreated, query):
    earlier, present = recreated
    PersonAlias.objects.create(person=present, address="an.alias@example.com")
    PersonAlias.objects.create(person=earlier, address="an.alias2@example.com")
    found = {person.pk for person in sign_in(admin).get("/people/", {"q": query}).context["leaf"]}
    assert ({earlier.pk, present.pk} <= found) is (query != "formerly")


@pytest.mark.slow
def test_no_page_shows_or_mails_an_invented_address(admin, helpdesk, owner, sign_in, recreated):
    earlier, _present = recreated
    room = earlier.ownerships.get().room
    factories.make_call(room.space, guests=1)
    for person in (admin, helpdesk, owner):
        browser = sign_in(person)
        for page in (
            "/",
            "/?owner=ann@example.com",
            f"/rooms/{room.slug}/",
            f"/rooms/{room.slug}/edit/",
            "/lookup/?q=Berlin+3.14",
            "/people/",
            f"/people/{earlier.pk}/",
        ):
            shown = browser.get(page).content.decode()
            assert "former-" not in shown, page
            assert "mailto:None" not in shown, page
            assert "mailto:ann" not in shown, page
            assert f">{None}<" not in shown, page


def test_an_alias_is_merged_by_its_page(admin, owner, sign_in):
    typed = Person.objects.named("o.wner@example.com")
    factories.make_room("Berlin 3.14", owners=(typed,))
    browser = sign_in(admin)
    assert "Not signed in yet" in text(browser.get(f"/people/{typed.pk}/"))
    address = f"/people/{typed.pk}/merge/"
    assert "Enter the other address" in text(browser.get(address))
    assert "Nobody is known under who@example.com" in text(browser.get(address, {"other": "who@example.com"}))
    assert "o.wner@example.com becomes an alias." in text(browser.get(address, {"other": owner.handle}))
    reply = browser.post(address, {"other": owner.handle, "key": KEY, "reason": "alias"}, follow=True)
    assert reply.redirect_chain == [(f"/people/{owner.pk}/", 302)]
    assert "o.wner@example.com" in text(reply)
    assert owner.ownerships.count() == 1
    assert typed.pk not in {person.pk for person in browser.get("/people/").context["leaf"]}


def test_a_merge_without_a_reason_keeps_what_was_typed(admin, owner, colleague, sign_in):
    reply = sign_in(admin).post(
        f"/people/{owner.pk}/merge/", {"other": colleague.handle, "key": KEY, "reason": ""}
    )
    assert reply.status_code == 422
    assert "This field is required" in text(reply)
    assert f'value="{colleague.handle}"' in text(reply)
    assert not AuditEntry.objects.exists()


def test_a_refused_merge_says_why_and_keeps_the_reason(admin, owner, colleague, sign_in):
    Person.objects.filter(pk=colleague.pk).update(is_active=False)
    reply = sign_in(admin).post(
        f"/people/{owner.pk}/merge/", {"other": colleague.handle, "key": KEY, "reason": "the very same"}
    )
    assert reply.status_code == 422
    assert "is locked out" in text(reply)
    assert "the very same" in text(reply)


def test_rooms_are_handed_over_by_the_page(admin, owner, colleague, sign_in):
    room = factories.make_room("Berlin 3.14", owners=(owner,))
    browser = sign_in(admin)
    assert "Hand over rooms" in text(browser.get(f"/people/{owner.pk}/"))
    address = f"/people/{owner.pk}/hand-over/"
    assert "Berlin 3.14" in text(browser.get(address, {"to": colleague.handle}))
    assert "Not signed in yet" in text(browser.get(address, {"to": "new@example.com"}))
    assert "calendar address" in text(browser.get(address, {"to": "c_1@resource.calendar.google.com"}))
    form = {"to": colleague.handle, "key": KEY, "reason": "left", "deputies": "on"}
    for _ in range(2):
        reply = browser.post(address, form, follow=True)
    assert reply.redirect_chain
    assert room.ownerships.get().person == colleague
    assert AuditEntry.objects.filter(action="people:succeed").count() == 1


def test_a_refused_hand_over_keeps_what_was_typed(admin, owner, sign_in):
    factories.make_room(owners=(owner,))
    form = {"to": "stranger@elsewhere.example", "key": KEY, "reason": "left the company"}
    reply = sign_in(admin).post(f"/people/{owner.pk}/hand-over/", form)
    assert reply.status_code == 422
    assert "not of an allowed domain" in text(reply)
    assert "stranger@elsewhere.example" in text(reply)
    assert "left the company" in text(reply)


@pytest.mark.parametrize("name", ["person_merge", "person_keep_apart", "person_separate", "person_hand_over"])
@pytest.mark.parametrize("who", ["colleague", "helpdesk", "limited"])
def test_only_unlimited_admins_reach_these_pages(request, sign_in, owner, name, who):
    if who == "limited":
        person = factories.make_person(role=Role.ADMIN)
        person.buildings.set([factories.make_building()])
    else:
        person = request.getfixturevalue(who)
    browser = sign_in(person)
    for number in (owner.pk, 999_999):
        assert browser.post(reverse(name, args=[number])).status_code == 403


def test_whose_rooms_are_missing_reads_what_to_do(colleague, sign_in):
    shown = text(sign_in(colleague).get("/mine/"))
    assert "You are signed in as colleague@example.com." in shown
    assert "entered under another address of yours" in shown


def test_the_room_form_names_who_could_never_sign_in(admin, sign_in):
    form = {
        "key": KEY,
        "name": "Berlin 3.14",
        "building": factories.make_building().pk,
        "owners": "c_188@resource.calendar.google.com, room-owner@example.com",
    }
    reply = sign_in(admin).post("/rooms/new/", form)
    assert reply.status_code == 422
    assert "calendar address of a room" in text(reply)
    assert "room-owner@example.com" in text(reply)
    assert not Person.objects.filter(email__startswith="c_188").exists()


def test_a_room_says_which_owners_have_not_signed_in(admin, colleague, sign_in):
    room = factories.make_room(owners=(Person.objects.named("all-hands@example.com"),))
    assert "Not signed in yet: all-hands@example.com" in text(sign_in(admin).get(room.get_absolute_url()))
    assert "Not signed in yet" not in text(sign_in(colleague).get(room.get_absolute_url()))


def test_ticked_buildings_of_a_helpdesk_are_an_error_that_keeps_them(admin, sign_in):
    berlin = factories.make_building("BER")
    form = {"email": "new@example.com", "role": "helpdesk", "buildings": [berlin.code]}
    reply = sign_in(admin).post("/people/", form)
    assert reply.status_code == 422
    assert "Only admins can be limited to buildings" in text(reply)
    assert "checked" in text(reply)
    assert not Person.objects.filter(email="new@example.com").exists()
