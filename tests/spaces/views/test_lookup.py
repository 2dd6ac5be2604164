"""Lookup as people read it: the verdict, the next step for each of them, and what they looked up before."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from spaces.models import Conference, Person, Room, Space
from spaces.models.spaces import Liveness
from spaces.views import lookup as lookup_view
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
    assert "no owner is recorded" in step.words


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
        "This is the link of Berlin 3.14", "Next step:", "Who can join", "Now", "Who can help", "Last calls",
        "For the ticket",
    ]  # fmt: skip
    places = [text.index(words, text.index("This is the link")) for words in order]
    assert places == sorted(places)


def test_there_is_one_solid_button_beside_a_verdict(owner, helpdesk, sign_in):
    room_in("stuck", owner)
    text = look_up(sign_in(helpdesk), "Berlin 3.14").content.decode()
    assert (
        len(
            re.findall(
                r'class="[^"]*\b(?:primary|solid)\b',
                re.sub("<noscript>.*?</noscript>", "", text, flags=re.DOTALL),
            )
        )
        == 1
    )


def test_a_misheard_code_leads_to_the_code_it_may_have_been(owner, helpdesk, sign_in):
    room = room_in("idle", owner)
    assert room.space is not None
    code = room.space.meeting_code
    heard = f"{code[:-1]}{'a' if code[-1] != 'a' else 'b'}"
    reply = look_up(sign_in(helpdesk), heard)
    assert f'?q={code}"' in reply.content.decode()
    assert reply.context["single"] is None


# --- Why they cannot get in ---------------------------------------------------------------------------------


def locked_room(owner: Person | None) -> Room:
    """An idle room that lets in invited people only, and whose link no person owns."""
    room = room_in("idle", owner)
    Space.objects.update(settings={"accessType": "RESTRICTED"})
    return room


@pytest.mark.parametrize(
    ("who", "act"),
    [("admin", "settings"), ("owner", "settings"), ("helpdesk", "mail"), ("colleague", "copy")],
)
def test_link_that_lets_nobody_in_is_not_sent(admin, owner, helpdesk, colleague, sign_in, who, act):
    locked_room(owner)
    person = {"admin": admin, "owner": owner, "helpdesk": helpdesk, "colleague": colleague}[who]
    step = look_up(sign_in(person), "Berlin 3.14").context["step"]
    assert step.act == act
    assert "Send the link" not in step.words
    if who != "colleague":
        assert "Nobody can let callers in" in step.words


def test_helpdesk_writes_to_the_owner_with_the_address_of_the_settings(owner, helpdesk, sign_in, settings):
    settings.BASE_URL = "https://meet.example.com"
    room = locked_room(owner)
    step = look_up(sign_in(helpdesk), "Berlin 3.14").context["step"]
    assert step.address.startswith("mailto:room-owner@example.com?subject=Joining%20Berlin%203.14&body=")
    assert f"https%3A//meet.example.com/rooms/{room.slug}/settings/" in step.address


def test_callers_address_gives_their_reason_and_stays_in_the_form(owner, helpdesk, sign_in):
    room_in("idle", owner)
    reply = sign_in(helpdesk).get("/lookup/", {"q": "Berlin 3.14", "caller": "stranger@elsewhere.example"})
    text = text_of(reply)
    assert "Why they can't get in" in text
    assert "stranger@elsewhere.example is outside this organisation" in text
    assert "stranger@elsewhere.example has to ask to join" in text
    assert 'value="stranger@elsewhere.example"' in reply.content.decode()


def test_error_page_of_meet_says_that_meet_refused_the_person(owner, helpdesk, sign_in):
    room = room_in("idle", owner)
    assert room.space is not None
    whoops = f"https://meet.google.com/_meet/whoops?sc=256&alias={room.space.meeting_code}"
    reply = look_up(sign_in(helpdesk), whoops)
    assert "Meet refused this person" in text_of(reply)
    assert reply.context["step"].words.startswith("Have them sign in to Meet with their work account")


def test_incomplete_address_is_explained_and_the_lookup_answered(owner, helpdesk, sign_in):
    room_in("idle", owner)
    reply = sign_in(helpdesk).get("/lookup/", {"q": "Berlin 3.14", "caller": "stranger"})
    assert "Enter a complete address" in text_of(reply)
    assert reply.context["single"] is not None
    assert 'value="stranger"' in reply.content.decode()


def test_colleague_learns_no_settings_by_naming_a_caller(owner, colleague, sign_in):
    room_in("idle", owner)
    browser = sign_in(colleague)
    pages = set()
    for kind in ("OPEN", "TRUSTED", "RESTRICTED"):
        Space.objects.update(settings={"accessType": kind})
        reply = browser.get("/lookup/", {"q": "Berlin 3.14", "caller": "stranger@elsewhere.example"})
        pages.add((reply.context["step"], *reply.context["findings"]))
    assert len(pages) == 1


def test_only_what_works_here_is_listed(owner, admin, sign_in):
    room_in("foreign", owner)
    text = text_of(look_up(sign_in(admin), "Berlin 3.14"))
    assert "be ended here" in text
    assert "end the call" not in text
    assert "ask an owner" not in text


def test_ticket_has_verdict_next_step_and_who_may_join(owner, helpdesk, sign_in):
    room = locked_room(owner)
    assert room.space is not None
    page = look_up(sign_in(helpdesk), room.space.meeting_code).content.decode()
    found = re.search(r'<textarea id="ticket".*?>(.*?)</textarea>', page, flags=re.DOTALL)
    assert found
    lines = found[1].strip().splitlines()
    assert lines[:3] == [
        "Berlin 3.14, Berlin",
        "This is the link of Berlin 3.14.",
        f"Code: {room.space.meeting_code}",
    ]
    assert "Joining: Only invited people can join. Everyone else has to ask, colleagues included." in lines
    assert "Next step: Nobody can let callers in. Ask the owner to allow colleagues." in lines
    assert lines[-2] == "Owners: room-owner@example.com"


def test_address_that_google_gave_to_another_account_is_never_shown(helpdesk, owner, sign_in):
    former = factories.make_person("former-owner@example.com")
    Person.objects.filter(pk=former.pk).update(email=None, former_email="former-owner@example.com")
    room = factories.make_room("Berlin 3.14", owners=(former,), space=factories.make_space())
    assert room.space is not None
    factories.make_call(room.space, devices=2, ago=timedelta(hours=5))
    browser = sign_in(helpdesk)
    reply = look_up(browser, "Berlin 3.14")
    assert "former-owner" not in reply.content.decode()
    assert reply.context["step"].act == ""
    room.ownerships.create(person=owner)
    assert "mailto:room-owner@example.com" in look_up(browser, "Berlin 3.14").context["step"].address


def test_alias_of_an_owner_finds_their_rooms(owner, helpdesk, sign_in):
    room_in("idle", owner)
    owner.aliases.create(address="r.owner@example.com")
    assert look_up(sign_in(helpdesk), "r.owner@example.com").context["single"] is not None


def test_row_of_several_rooms_says_how_many_more_there_are(helpdesk, sign_in):
    for number in range(15):
        factories.make_room(f"Hall {number:02}")
    assert "And 3 more" in text_of(look_up(sign_in(helpdesk), "hall"))


# --- Long texts -----------------------------------------------------------------------------------------------


def test_short_text_is_led_to_its_address(helpdesk, sign_in):
    reply = sign_in(helpdesk).post("/lookup/", {"q": "Höyhen 7", "caller": "participant@example.com"})
    assert (reply.status_code, reply["Location"]) == (
        302,
        "/lookup/?q=H%C3%B6yhen+7&caller=participant%40example.com",
    )


def test_long_text_with_a_code_is_led_to_the_code(owner, helpdesk, sign_in):
    room = room_in("idle", owner)
    assert room.space is not None
    text = f"{'lorem ipsum ' * 1000} https://meet.google.com/{room.space.meeting_code}"
    reply = sign_in(helpdesk).post("/lookup/", {"q": text})
    assert (reply.status_code, reply["Location"]) == (302, f"/lookup/?q={room.space.meeting_code}")


def test_long_text_without_a_code_is_answered_and_kept(helpdesk, sign_in):
    text = "lorem ipsum " * 1000
    reply = sign_in(helpdesk).post("/lookup/", {"q": text})
    assert reply.status_code == 200
    assert reply.context["answer"].verdict == "not_a_code"
    assert text.strip() in reply.content.decode()


def test_very_long_text_comes_back_shortened_and_says_so(helpdesk, sign_in):
    text = "lorem ipsum " * 5000
    reply = sign_in(helpdesk).post("/lookup/", {"q": text})
    assert reply.context["q"] == text[: lookup_view.LONGEST_SHOWN]
    assert "Only its first 20000 characters are shown." in text_of(reply)


def test_very_long_text_is_not_sent_back_to_a_script(helpdesk, sign_in):
    reply = sign_in(helpdesk).post("/lookup/", {"q": "lorem ipsum " * 5000}, headers=HTMX)
    assert "lorem ipsum " * 20 not in reply.content.decode()


def test_script_gets_the_answer_and_the_address_to_show(helpdesk, sign_in):
    browser = sign_in(helpdesk)
    reply = browser.post("/lookup/", {"q": "zzz-zzzz-zzz"}, headers=HTMX)
    assert (reply.status_code, reply["HX-Push-Url"]) == (200, "/lookup/?q=zzz-zzzz-zzz")
    assert "<html" not in reply.content.decode()
    assert browser.post("/lookup/", {"q": "lorem ipsum " * 1000}, headers=HTMX)["HX-Push-Url"] == "/lookup/"


def test_posted_address_that_is_none_comes_back_with_all_that_was_typed(owner, helpdesk, sign_in):
    room_in("idle", owner)
    reply = sign_in(helpdesk).post("/lookup/", {"q": "Berlin 3.14", "caller": "stranger"})
    assert reply.status_code == 422
    assert "Enter a complete address" in text_of(reply)
    assert ">Berlin 3.14</textarea>" in reply.content.decode()


def test_looking_up_writes_nothing(owner, helpdesk, sign_in):
    room = room_in("stuck", owner)
    assert room.space is not None
    browser = sign_in(helpdesk)
    browser.get("/lookup/")
    with CaptureQueriesContext(connection) as queries:
        browser.get("/lookup/", {"q": room.space.meeting_code, "caller": "stranger@elsewhere.example"})
        browser.post("/lookup/", {"q": f"{'lorem ' * 1000}{room.space.meeting_code}"})
    written = [one["sql"] for one in queries if re.match("INSERT|UPDATE|DELETE", one["sql"])]
    assert [sql for sql in written if "django_session" not in sql] == []


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
    assert "Recent lookups" in browser.get("/lookup/", headers=HTMX).content.decode()
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
