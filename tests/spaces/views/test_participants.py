"""What screens show of participants and recordings: the same numbers everywhere, the question about devices, times with their day."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.urls import reverse
from django.utils import timezone

from spaces.models import (
    AuditEntry,
    Building,
    Conference,
    DeviceIdentity,
    Participant,
    Participation,
    Person,
    Room,
)
from tests import factories
from tests.spaces.views.test_rooms import rooms_in

NOW = datetime(2026, 11, 27, 23, 30, tzinfo=UTC)


def text_of(reply: Any) -> str:
    """The words of a page without its elements."""
    return " ".join(re.sub(r"<[^>]+>", " ", reply.content.decode()).split())


@pytest.fixture
def room(owner: Person) -> Room:
    """A room in whose call is one account that looks like a device, and a colleague who never signed in here."""
    made = factories.make_room("Berlin 3.14", owners=(owner,), slug="berlin-3-14")
    assert made.space is not None
    call = factories.make_call(made.space)
    for number, name in enumerate(("chromebox 7f3a", "Paula Present")):
        facts = {
            "conference": call,
            "name": f"{call.record}/participants/{number}",
            "kind": "person",
            "google_id": f"77{number}",
            "display_name": name,
            "joined_at": call.started_at,
        }
        Participant.objects.create(**facts)
        Participation.objects.create(**facts)
    Conference.objects.update(people=2)
    DeviceIdentity.objects.create(google_id="770", display_name="chromebox 7f3a", room=made)
    return made


def answers(reply: Any) -> list[tuple[str, str]]:
    """The buttons about participants: (answer, name of the participant)."""
    return re.findall(
        r'<button[^>]*?name="(device|person)"\s+value="([^"]+)"', reply.content.decode(), re.DOTALL
    )


# --- The question ---------------------------------------------------------------------------------------------


def test_the_question_is_asked_once_and_the_answer_counts(room, owner, sign_in):
    browser = sign_in(owner)
    page = browser.get(room.get_absolute_url())
    assert "Is chromebox 7f3a the room's device?" in text_of(page).replace("&#x27;", "'")
    device = Participant.objects.get(google_id="770").name
    person = Participant.objects.get(google_id="771").name
    assert sorted(answers(page)) == sorted([("device", device), ("person", device), ("device", person)])
    key = page.context["device_form"]["key"].value()
    reply = browser.post(reverse("identify", args=[room.slug]), {"key": key, "device": device}, follow=True)
    assert "chromebox 7f3a now counts as a room device." in text_of(reply)
    assert "Is chromebox" not in text_of(reply)
    assert answers(reply) == [("device", person), ("person", device)] or sorted(answers(reply)) == sorted(
        [("device", person), ("person", device)]
    )
    assert "1 person 1 room device 0 phones" in text_of(reply)
    assert "Meet device chromebox 7f3a" in text_of(reply)
    assert AuditEntry.objects.get().action == "device:identify"


@pytest.mark.parametrize("who", ["admin", "helpdesk", "participant", "colleague"])
def test_only_who_may_answer_is_asked(room, sign_in, request, who):
    page = sign_in(request.getfixturevalue(who)).get(room.get_absolute_url())
    assert bool(answers(page)) is (who == "admin")
    assert ("chromebox" in text_of(page)) is (who == "admin")


def test_people_who_sign_in_here_and_guests_are_not_offered(room, owner, sign_in):
    factories.make_person("paula@example.com", google_id="771")
    Participant.objects.filter(google_id="770").update(google_id="")
    assert answers(sign_in(owner).get(room.get_absolute_url())) == []


@pytest.mark.parametrize(
    "data", [{}, {"device": "a", "person": "a"}, {"device": "x" * 400}, {"device": "a\x00"}]
)
def test_a_damaged_answer_stores_nothing(room, owner, sign_in, data):
    reply = sign_in(owner).post(reverse("identify", args=[room.slug]), {"key": "k" * 20} | data, follow=True)
    assert "Nothing was saved." in text_of(reply)
    assert not AuditEntry.objects.exists()
    assert DeviceIdentity.objects.get().is_device is None


def test_rooms_are_filtered_by_their_device(room, owner, admin, colleague, sign_in):
    known = factories.make_room("Berlin 1.01", device_name="Kit 1")
    other = factories.make_room("Berlin 1.02")
    assert set(rooms_in(sign_in(admin).get("/?device=none"))) == {room.name, other.name}
    assert set(rooms_in(sign_in(admin).get("/?device=unknown"))) == {room.name}
    assert set(rooms_in(sign_in(owner).get("/?device=none"))) == {room.name}
    assert set(rooms_in(sign_in(colleague).get("/?device=unknown"))) == set()
    assert known.name in set(rooms_in(sign_in(admin).get("/?device=nonsense")))


def test_the_form_takes_the_name_in_calendar(room, admin, sign_in):
    browser = sign_in(admin)
    page = browser.get(reverse("room_edit", args=[room.slug]))
    form = {one.html_name: one.value() for one in page.context["form"] if one.value() is not None}
    form["building"] = room.building.pk
    browser.post(reverse("room_edit", args=[room.slug]), form | {"resource_name": "BER-3-Spree (4) [TV]"})
    room.refresh_from_db()
    assert (room.resource_name, room.resource_words) == ("BER-3-Spree (4) [TV]", "spree")


# --- The same numbers everywhere ----------------------------------------------------------------------------


def test_row_room_page_dialog_and_lookup_count_the_same_way(owner, admin, sign_in):
    """The dialog said "1 device and 4 people" where the row showed 3 people, 1 device, 1 phone."""
    room = factories.make_room("Berlin 1.01", owners=(owner,))
    assert room.space is not None
    factories.make_call(room.space, people=(owner, admin), guests=1, devices=1, phones=1, bots=1)
    browser = sign_in(owner)
    shown = "3 people 1 room device 1 phone 1 bot"
    for address in ("/", room.get_absolute_url(), f"/lookup/?q={room.space.meeting_code}", "/mine/"):
        assert shown in text_of(browser.get(address)), address
    dialog = browser.get(reverse("end", args=[room.slug]))
    assert (
        "Removes 3 people, 1 device, 1 phone, 1 bot from the call in Berlin 1.01. The link stays."
        in text_of(dialog)
    )


def test_a_bot_is_shown_where_there_is_one_only(owner, sign_in):
    room = factories.make_room("Berlin 1.01", owners=(owner,))
    assert room.space is not None
    factories.make_call(room.space, guests=1)
    assert not re.search(r"\bbots?\b", text_of(sign_in(owner).get("/")))


def test_an_empty_call_is_said_to_be_empty(owner, sign_in):
    room = factories.make_room("Berlin 1.01", owners=(owner,))
    assert room.space is not None
    factories.make_call(room.space)
    text = text_of(sign_in(owner).get(reverse("end", args=[room.slug])))
    assert "Ends the call in Berlin 1.01. Nobody is in it. The link stays." in text


# --- Recordings ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("recorded", [True, False])
def test_a_recording_is_shown_wherever_the_call_is(owner, sign_in, recorded):
    room = factories.make_room("Berlin 1.01", owners=(owner,))
    assert room.space is not None
    call = factories.make_call(room.space, devices=1, ago=timedelta(hours=3))
    if recorded:
        Conference.objects.filter(pk=call.pk).update(recording_since=timezone.now())
    browser = sign_in(owner)
    addresses = ("/", room.get_absolute_url(), f"/lookup/?q={room.space.meeting_code}", "/mine/")
    for address in addresses:
        assert ("till being recorded" in text_of(browser.get(address))) is recorded, address
    dialog = text_of(browser.get(reverse("end", args=[room.slug])))
    assert (
        "The recording stops and is saved to the owner's Drive." in dialog.replace("&#x27;", "'")
    ) is recorded


def test_a_live_call_that_is_recorded_has_its_mark(owner, sign_in):
    room = factories.make_room("Berlin 1.01", owners=(owner,))
    assert room.space is not None
    call = factories.make_call(room.space, guests=2)
    browser = sign_in(owner)
    for mark in (False, True):
        for address in ("/", room.get_absolute_url(), f"/lookup/?q={room.space.meeting_code}", "/mine/"):
            assert ("Recording" in text_of(browser.get(address))) is mark, address
        Conference.objects.filter(pk=call.pk).update(recording_since=timezone.now())


@pytest.mark.parametrize(("hours", "asked"), [(0.2, True), (3, False)])
def test_phones_ask_for_the_rooms_name_until_the_call_is_stuck(owner, sign_in, hours, asked):
    room = factories.make_room("Berlin 1.01", owners=(owner,))
    assert room.space is not None
    factories.make_call(room.space, phones=2, ago=timedelta(hours=hours))
    form = sign_in(owner).get(reverse("end", args=[room.slug])).context["form"]
    assert ("confirm" in form.fields) is asked


def test_strangers_learn_nothing_of_a_recording(owner, colleague, sign_in):
    room = factories.make_room("Berlin 1.01", owners=(owner,))
    assert room.space is not None
    call = factories.make_call(room.space, guests=1)
    Conference.objects.filter(pk=call.pk).update(recording_since=timezone.now())
    browser = sign_in(colleague)
    for address in ("/", room.get_absolute_url(), f"/lookup/?q={room.space.meeting_code}"):
        assert "ecording" not in text_of(browser.get(address))


# --- Times over midnight --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("began", "ended", "zone", "shown"),
    [
        ((27, 9, 0), (27, 10, 5), "UTC", "10:05"),
        ((26, 23, 30), (27, 0, 40), "UTC", "27 Nov, 00:40"),
        ((26, 22, 30), (26, 23, 40), "Europe/Berlin", "27 Nov, 00:40"),
        ((26, 22, 30), (26, 22, 50), "Europe/Berlin", "23:50"),
        ((26, 23, 30), (27, 0, 40), "America/New_York", "19:40"),
    ],
)
def test_the_end_of_a_call_shows_its_day_when_it_is_another(owner, sign_in, began, ended, zone, shown):
    """In the building's time whatever the reader's is."""
    Building.objects.filter(pk=factories.make_building().pk).update(time_zone=zone)
    Person.objects.filter(pk=owner.pk).update(time_zone="Asia/Tokyo")
    room = factories.make_room("Berlin 1.01", owners=(Person.objects.get(pk=owner.pk),))
    assert room.space
    times = [datetime(2026, 11, day, hour, minute, tzinfo=UTC) for day, hour, minute in (began, ended)]
    Conference.objects.create(
        record="conferenceRecords/past", space=room.space, started_at=times[0], ended_at=times[1]
    )
    page = sign_in(Person.objects.get(pk=owner.pk)).get(room.get_absolute_url(), {"tab": "history"})
    [cell] = re.findall(r'<td data-label="Ended">(.*?)</td>', page.content.decode(), re.DOTALL)
    assert cell.strip() == shown


def test_what_has_not_changed_since_another_day_says_which(owner, sign_in):
    with time_machine.travel(NOW, tick=False):
        room = factories.make_room("Berlin 1.01", owners=(owner,))
        assert room.space is not None
        factories.make_call(room.space, guests=2, devices=1, ago=timedelta(minutes=50))
        browser = sign_in(owner)
        assert "come or gone since 22:40" in text_of(browser.get(room.get_absolute_url()))
    with time_machine.travel(NOW + timedelta(hours=2), tick=False):
        assert "come or gone since 27 Nov, 22:40" in text_of(browser.get(room.get_absolute_url()))
