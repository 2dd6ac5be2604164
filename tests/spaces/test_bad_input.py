"""Whatever is typed or pasted, into every field of every form: nothing breaks, nothing is taken for markup, nothing is lost.

On PostgreSQL this finds more than on SQLite: that one stores longer texts than a column has, and NUL.
"""

import html
from collections.abc import Callable
from typing import Any

import pytest
from django.urls import reverse

from spaces.forms import new_key
from spaces.models import Account, Person, Role, Room
from tests import factories

pytestmark = pytest.mark.slow

MARKUP = "<script>alert(1)</script>\"'>"
NASTY = {
    "NUL": "a\x00b",
    "very long": "long " * 5_000,
    "long address": f"{'a' * 260}@example.com",
    "other scripts and markup": f"\u202eגדול\u202c \u2067עברית\u2069 -١٢ 👩‍👩‍👧‍👦 {MARKUP}",
    "huge number": "9" * 40,
    "header lines": "\u3000x\r\nSet-Cookie: a=b \u200b",
}
FORMS: dict[str, dict[str, str]] = {
    # route: a form that would be taken, but for those that would ask Google, which lack their key
    "room_new": {
        "name": "Hall", "new_building": "Berlin", "floor": "1", "capacity": "4", "device_name": "Hall kit", "owners": "a@example.com",
        "deputies": "", "notes": "", "stuck_empty": "", "stuck_running": "", "building": "",
    },
    "room_edit": {"name": "Hall", "new_building": "Berlin", "floor": "", "owners": "", "notes": "", "capacity": ""},
    "end": {"conference": "conferenceRecords/x", "preset": "", "other": "why", "confirm": "Hall 1", "next": "/"},
    "configure": {"accessType": "OPEN", "moderation": "ON", "seen": "{}", "reason": "why", "step": "save"},
    "space_create": {"account": "1", "accessType": "OPEN", "reason": "why"},
    "space_adopt": {"text": "abc-mnop-xyz", "account": "", "reason": "why"},
    "people": {"email": "new@example.com", "role": "admin", "buildings": "BER"},
    "person": {"email": "new@example.com", "role": "admin", "buildings": "BER"},
    "person_merge": {"other": "it-admin@example.com", "reason": "why"},
    "person_keep_apart": {"reason": "why"},
    "person_separate": {"reason": "why"},
    "person_hand_over": {"to": "new@example.com", "reason": "why", "deputies": "on"},
    "person_switch": {"active": "1"},
    "filter_save": {"name": "Mine", "query": "state=live"},
    "columns": {"columns": "code", "next": "/"},
    "star": {"on": "1", "next": "/"},
    "selection": {"room": "hall-1"},
    "selection_refresh": {"room": "hall-1", "next": "/"},
    "lookup_ask": {"q": "berlin"},
    "language": {"language": "en", "time_zone": "Europe/Berlin", "next": "/"},
}  # fmt: skip
KEYED = {"room_new", "room_edit", "person_merge", "person_hand_over"}
QUESTIONS = {
    "overview": ("q", "building", "floor", "state", "owner", "sort", "page", "mine", "starred", "tv"),
    "lookup": ("q",),
    "commands": ("q", "at", "selected"),
    "audit": ("q", "outcome", "page"),
    "people": ("q", "role", "page"),
    "person_merge": ("other", "reason"),
    "person_hand_over": ("to", "reason"),
    "room": ("tab", "page"),
    "end": ("next",),
    "connect_callback": ("state", "code", "error"),
    "account_login": ("next",),
}
# Fields in which a person types words: those come back when the form does.
TYPED = {"name", "new_building", "floor", "device_name", "owners", "deputies", "notes", "other", "confirm", "reason", "text"}  # fmt: skip


@pytest.fixture
def room(admin: Person) -> Room:
    """With a call in which people are, so that ending it asks for everything."""
    made = factories.make_room("Hall 1", slug="hall-1", owners=(admin,))
    assert made.space is not None
    factories.make_call(made.space, people=(admin,), devices=1)
    return made


def address(name: str, room: Room, admin: Person) -> str:
    if name.startswith("person"):
        return reverse(name, args=[factories.make_person("somebody@example.com", role=Role.HELPDESK).pk])
    if name in {"room", "room_edit", "end", "configure", "space_create", "space_adopt", "star"}:
        return reverse(name, args=[room.slug])
    return reverse(name)


def calm(reply: Any) -> str:
    """It was answered, in sentences, and nothing of it became markup or a header. (A crash would have been raised.)"""
    body = str(reply.content.decode())
    assert reply.status_code in {200, 302, 303, 400, 404, 413, 422}, reply.status_code
    assert MARKUP[:8] not in body
    assert "a" not in reply.cookies
    return body


@pytest.mark.parametrize("name", FORMS)
def test_every_field_of_every_form_takes_anything_calmly(
    room: Room, admin: Person, sign_in: Callable[[Person], Any], name: str
) -> None:
    browser, url, lost = sign_in(admin), address(name, room, admin), []
    account = Account.objects.get()
    for wrong in FORMS[name]:
        for what, value in NASTY.items():
            sent = FORMS[name] | {wrong: value}
            if wrong != "account" and "account" in sent:
                sent["account"] = sent["account"] and str(account.pk)
            if name in KEYED:
                sent["key"] = new_key()
            reply = browser.post(url, sent)
            body = calm(reply)
            if reply.status_code == 422 and wrong in TYPED and what != "NUL":
                shown = html.unescape(body).replace("\r", "")
                if value.strip().replace("\r", "") not in shown:
                    lost.append((wrong, what))
            if reply.status_code == 302 and "next" in sent:
                assert "://" not in reply["Location"]
    assert not lost, f"typed, and not there any more: {lost}"


@pytest.mark.parametrize("name", QUESTIONS)
def test_every_question_in_an_address_is_answered_calmly(
    room: Room, admin: Person, sign_in: Callable[[Person], Any], name: str
) -> None:
    browser, url = sign_in(admin), address(name, room, admin)
    for key in QUESTIONS[name]:
        for value in NASTY.values():
            calm(browser.get(url, {key: value}))
            if value.isprintable():
                part = {"HX-Request": "true", "Live-Rooms": value.encode("ascii", "replace").decode()}
                calm(browser.get(url, {key: value}, headers=part))


def test_ten_megabytes_are_refused_in_a_sentence_that_says_what_was_kept(
    room: Room, admin: Person, sign_in: Callable[[Person], Any]
) -> None:
    reply = sign_in(admin).post(f"/rooms/{room.slug}/end/", {"other": "x" * 10_000_000})
    assert reply.status_code == 413
    assert "Nothing was changed. Go back, what you typed is still there" in reply.content.decode()


@pytest.mark.parametrize("number", ["9" * 30, "0", "18446744073709551616"])
@pytest.mark.parametrize(
    "name", ["person", "person_switch", "disconnect", "account_test", "account_check", "filter_drop"]
)
def test_a_number_that_no_row_has(
    admin: Person, sign_in: Callable[[Person], Any], name: str, number: str
) -> None:
    reply = sign_in(admin).post(reverse(name, args=[int(number)]))
    assert reply.status_code in {302, 404}
