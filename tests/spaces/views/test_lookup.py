"""Lookup as people read it: the verdict, the next step for each of them, and what they looked up before."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse

from spaces.models import Conference, Person, Room, Space
from spaces.models.spaces import Liveness
from tests import factories

HTMX = {"HX-Request": "true"}


def look_up(browser: Any, text: str, **extra: Any) -> Any:
    return browser.get("/lookup/", {"q": text}, **extra)


def text_of(reply: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", reply.content.decode()).split())


def room_in(state: str, owner: Person | None) -> Room:
    return factories.room_in(state, owner, "Berlin 3.14")


# --- The next step ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "of_admin", "of_owner", "of_helpdesk", "of_colleague"),
    [
        ("live", "end", "end", "mail", "copy"),
        ("stuck", "end", "end", "mail", "copy"),
        ("foreign", "copy", "copy", "copy", "copy"),
        ("idle", "copy", "copy", "copy", "copy"),
        ("unknown", "refresh", "refresh", "refresh", "copy"),
        ("none", "create", "", "", ""),
    ],
)
def test_each_person_gets_the_step_that_they_can_take(
    state, of_admin, of_owner, of_helpdesk, of_colleague, admin, owner, helpdesk, colleague, sign_in
):
    room_in(state, owner)
    found = [
        look_up(sign_in(who), "Berlin 3.14").context["step"].act
        for who in (admin, owner, helpdesk, colleague)
    ]
    assert found == [of_admin, of_owner, of_helpdesk, of_colleague]


def test_the_step_of_a_colleague_is_the_same_whatever_is_on(owner, colleague, sign_in):
    """If it moved, it would tell of the call."""
    room = room_in("idle", owner)
    browser = sign_in(colleague)
    before = look_up(browser, "Berlin 3.14").context["step"]
    assert room.space is not None
    factories.make_call(room.space, devices=2, ago=timedelta(hours=5))
    assert look_up(browser, "Berlin 3.14").context["step"] == before
    Space.objects.filter(pk=room.space.pk).update(liveness=Liveness.UNKNOWN)
    assert look_up(browser, "Berlin 3.14").context["step"] == before


def test_helpdesk_writes_to_the_owner_with_the_address_where_the_call_is_ended(
    owner, helpdesk, sign_in, settings
):
    settings.BASE_URL = "https://meet.example.com"
    room = room_in("stuck", owner)
    step = look_up(sign_in(helpdesk), "Berlin 3.14").context["step"]
    assert step.address.startswith("mailto:room-owner@example.com?subject=Call%20in%20Berlin%203.14&body=")
    assert f"https%3A//meet.example.com/rooms/{room.slug}/end/" in step.address


def test_an_address_adds_nothing_to_the_letter(helpdesk, sign_in):
    room_in("stuck", factories.make_person("a?bcc=stranger@elsewhere.example"))
    step = look_up(sign_in(helpdesk), "Berlin 3.14").context["step"]
    assert step.address.startswith("mailto:a%3Fbcc%3Dstranger@elsewhere.example?subject=")


def test_without_an_owner_nobody_is_written_to(helpdesk, sign_in):
    room_in("stuck", None)
    step = look_up(sign_in(helpdesk), "Berlin 3.14").context["step"]
    assert (step.act, step.address) == ("", "")
    assert "no owner is written down" in step.words


def test_nobody_is_sent_to_somebody_in_a_call_with_devices_alone(owner, helpdesk, sign_in):
    room = room_in("foreign", owner)
    assert room.space is not None
    assert room.space.conference is not None
    for people, words in ((1, "Somebody in the call has to end it there"), (0, "Hang up at the device")):
        Conference.objects.update(people=people, guests=0, phones=0, devices=2)
        assert words in look_up(sign_in(helpdesk), "Berlin 3.14").context["step"].words


def test_the_verdict_comes_first_then_the_step_then_the_facts(owner, helpdesk, sign_in):
    room = room_in("stuck", owner)
    assert room.space is not None
    text = text_of(look_up(sign_in(helpdesk), room.space.meeting_code))
    order = [
        "This is the link of Berlin 3.14", "Next:", "Now", "Room and place", "Who can help", "Joins without knocking",
        "Last calls", "You may", "For the ticket",
    ]  # fmt: skip
    places = [text.index(words, text.index("This is the link")) for words in order]
    assert places == sorted(places)


def test_there_is_one_solid_button_beside_a_verdict(owner, helpdesk, sign_in):
    room_in("stuck", owner)
    text = look_up(sign_in(helpdesk), "Berlin 3.14").content.decode()
    assert len(re.findall(r'class="[^"]*\b(?:primary|solid)\b', text)) == 1


def test_a_misheard_code_leads_to_the_code_it_may_have_been(owner, helpdesk, sign_in):
    room = room_in("idle", owner)
    assert room.space is not None
    code = room.space.meeting_code
    heard = f"{code[:-1]}{'a' if code[-1] != 'a' else 'b'}"
    reply = look_up(sign_in(helpdesk), heard)
    assert f'?q={code}"' in reply.content.decode()
    assert reply.context["single"] is None


# --- Looked up before ---------------------------------------------------------------------------------------


def recent(reply: Any) -> list[str]:
    return [one["q"] for one in reply.context["recent"]]


def test_what_was_looked_up_is_there_for_the_call_at_hand_and_can_be_cleared(owner, helpdesk, sign_in):
    room = room_in("idle", owner)
    assert room.space is not None
    code = room.space.meeting_code
    browser = sign_in(helpdesk)
    assert recent(look_up(browser, "zzz-zzzz-zzz")) == []
    assert recent(look_up(browser, f"https://meet.google.com/{code}")) == ["zzz-zzzz-zzz"]
    assert recent(look_up(browser, "zzz-zzzz-zzz")) == [code]  # the one on the page is not "before"
    assert recent(browser.get("/lookup/")) == ["zzz-zzzz-zzz", code]
    assert "Looked up before" in browser.get("/lookup/", headers=HTMX).content.decode()
    assert recent(sign_in(owner).get("/lookup/")) == []
    browser.post(reverse("lookup_forget"))
    assert recent(browser.get("/lookup/")) == []


def test_of_an_invitation_only_its_code_is_kept(owner, helpdesk, sign_in):
    room = room_in("idle", owner)
    assert room.space is not None
    browser = sign_in(helpdesk)
    look_up(
        browser, f"Join https://meet.google.com/{room.space.meeting_code} with PIN 4711 4712#, Paula Present"
    )
    assert browser.session["lookups"] == [{"q": room.space.meeting_code, "label": "Berlin 3.14"}]


@pytest.mark.parametrize("text", ["", "   ", "nobody knows this", "https://zoom.us/j/123"])
def test_what_led_nowhere_is_not_kept(helpdesk, sign_in, text):
    browser = sign_in(helpdesk)
    look_up(browser, text)
    assert "lookups" not in browser.session


def test_only_the_last_few_are_kept(helpdesk, sign_in):
    browser = sign_in(helpdesk)
    codes = [f"abc-defg-hi{letter}" for letter in "jklmnopqrst"]
    for code in codes:
        look_up(browser, code)
    assert recent(browser.get("/lookup/")) == codes[:-9:-1]


# --- Names ---------------------------------------------------------------------------------------------------


def test_names_are_offered_to_helpdesk_where_they_read_and_to_nobody_else(
    owner, helpdesk, admin, colleague, sign_in
):
    room = room_in("live", owner)
    where = reverse("reveal", args=[room.slug])
    offered = [
        where in look_up(sign_in(who), "Berlin 3.14").content.decode()
        for who in (helpdesk, owner, admin, colleague)
    ]
    assert offered == [True, False, False, False]
