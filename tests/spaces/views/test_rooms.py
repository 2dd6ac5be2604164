"""The overview and pages of rooms: addresses, filters, paging, empty states, forms."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from spaces.models import Account, Building, Person, Role, Room, Space
from tests import factories
from tests.support import heartbeats
from tests.support.simulator import SimulatorProcess

HTMX = {"HX-Request": "true"}


def rooms_in(reply: Any) -> list[str]:
    """Names of the rooms on an overview, in order."""
    return re.findall(r'<a href="/rooms/[^"]+">([^<]+)</a>', reply.content.decode())


@pytest.fixture
def halls(admin: Person, owner: Person) -> list[Room]:
    """Some rooms in two buildings."""
    muc = factories.make_building("MUC")
    return [
        factories.make_room("Hall A", floor="1", owners=(owner,)),
        factories.make_room("Hall Blue", floor="2"),
        factories.make_room("Hall C", building=muc, floor="1"),
    ]


# --- Filters in the address ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["Hall A", "Hall Blue", "Hall C"]),
        ("q=hall+blue", ["Hall Blue"]),
        ("q=nothing", []),
        ("building=MUC", ["Hall C"]),
        ("floor=1", ["Hall A", "Hall C"]),
        ("floor=1&building=BER", ["Hall A"]),
        ("owner=Room-Owner@example.com", ["Hall A"]),
        ("state=idle&sort=name", ["Hall A", "Hall Blue", "Hall C"]),
        ("mine=on", []),
        ("archived=on", []),
        # What is not understood counts as not asked for.
        ("building=NOWHERE", ["Hall A", "Hall Blue", "Hall C"]),
        ("state=sleepy&sort=weird&page=x", ["Hall A", "Hall Blue", "Hall C"]),
        ("q=%00", ["Hall A", "Hall Blue", "Hall C"]),
        ("page=99", ["Hall A", "Hall Blue", "Hall C"]),
    ],
)
def test_filters_stand_in_the_address(halls, admin, sign_in, query, names):
    reply = sign_in(admin).get(f"/?{query}")
    assert reply.status_code == 200
    assert rooms_in(reply) == names


def test_filters_stay_in_the_form(halls, admin, sign_in):
    text = sign_in(admin).get("/?building=BER&q=hall").content.decode()
    assert 'value="hall"' in text
    assert re.search(r'<option value="BER"\s+selected', text)


def test_every_number_is_a_filter_that_shows_as_many_rooms(halls, admin, sign_in):
    space = halls[1].space
    assert space is not None
    factories.make_call(space, devices=2, ago=timedelta(hours=5))
    factories.make_room("Hall without", with_space=False)
    browser = sign_in(admin)
    text = browser.get("/?building=MUC").content.decode()
    counters = re.findall(r'href="(/?\?state=[a-z]+)">\s*<b>(\d+)</b>', text)
    assert len(counters) == 6
    for address, number in counters:
        assert len(rooms_in(browser.get(f"/{address.lstrip('/')}"))) == int(number), address


def test_my_rooms_as_a_filter(halls, owner, sign_in):
    assert rooms_in(sign_in(owner).get("/?mine=on")) == ["Hall A"]


def test_archived_rooms_are_listed_when_asked_for(halls, admin, sign_in):
    Room.objects.filter(name="Hall Blue").update(archived_at=timezone.now())
    browser = sign_in(admin)
    assert rooms_in(browser.get("/")) == ["Hall A", "Hall C"]
    assert rooms_in(browser.get("/?archived=on")) == ["Hall Blue"]


def test_pages_of_fifty(admin, sign_in):
    for number in range(53):
        factories.make_room(f"Hall {number:02}", with_space=False)
    browser = sign_in(admin)
    first, second = browser.get("/?sort=name"), browser.get("/?sort=name&page=2")
    assert rooms_in(first) == [f"Hall {number:02}" for number in range(50)]
    assert rooms_in(second) == ["Hall 50", "Hall 51", "Hall 52"]
    assert "sort=name&amp;page=2" in first.content.decode()


def test_longest_call_and_oldest_data(admin, sign_in):
    now = timezone.now()
    for name, hours in (("Long", 9), ("Longer", 11), ("Short", 1)):
        room = factories.make_room(name)
        assert room.space is not None
        factories.make_call(room.space, people=(admin,), guests=3, ago=timedelta(hours=hours))
    factories.make_room("Old", space=factories.make_space(seen_at=now - timedelta(days=2)))
    browser = sign_in(admin)
    assert rooms_in(browser.get("/?sort=since")) == ["Longer", "Long", "Short", "Old"]
    assert rooms_in(browser.get("/?sort=seen"))[0] == "Old"


def test_empty_states_say_what_to_do(admin, colleague, sign_in):
    assert "Add the first room" in sign_in(admin).get("/").content.decode()
    text = sign_in(colleague).get("/").content.decode()
    assert "An admin of your organisation has to add them." in text
    factories.make_room()
    assert "No room fits these filters" in sign_in(admin).get("/?q=zzz").content.decode()
    assert "No room is yours" in sign_in(colleague).get("/mine/").content.decode()


# --- htmx ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "element"),
    [("/", "board"), ("/mine/", "board"), ("/lookup/?q=hall", "answer"), ("room", "now")],
)
def test_htmx_gets_the_very_part_that_stands_in_the_page(halls, admin, sign_in, address, element):
    url = halls[0].get_absolute_url() if address == "room" else address
    browser = sign_in(admin)
    page, part = browser.get(url), browser.get(url, headers=HTMX)
    assert "<html" in page.content.decode()
    assert "<html" not in part.content.decode()
    assert (
        part.content.decode().count(f'id="{element}"') == page.content.decode().count(f'id="{element}"') == 1
    )
    assert "HX-Request" in part["Vary"]
    assert part["Cache-Control"] == ("no-store" if address == "room" else "private, no-cache")


# --- Is everything alive? -------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", ["/", "/mine/", "/lookup/", "/people/", "/audit/", "/google/"])
def test_every_page_says_when_no_worker_is_alive(halls, admin, sign_in, address):
    browser = sign_in(admin)
    assert "No worker is running, so data is not updated" in browser.get(address).content.decode()
    heartbeats.record_all()
    assert "No worker is running" not in browser.get(address).content.decode()


def test_pages_come_up_and_say_so_when_redis_is_gone(halls, admin, sign_in, settings):
    browser = sign_in(admin)
    settings.REDIS_URL = "unix:///nowhere/valkey.sock?db=1"
    reply = browser.get("/")
    assert reply.status_code == 200
    assert "Redis cannot be reached" in reply.content.decode()
    assert rooms_in(reply) == ["Hall A", "Hall Blue", "Hall C"]


def test_late_sweeps_are_told(halls, admin, sign_in):
    heartbeats.record_all()
    overdue = timezone.now() - timedelta(minutes=10)
    Account.objects.update(swept_at=overdue, next_sweep_at=overdue)
    assert "Updates from Google are late" in sign_in(admin).get("/").content.decode()


# --- No page asks Google -----------------------------------------------------------------------------------------


def test_no_page_asks_google(google: SimulatorProcess, halls, admin, owner, sign_in):
    space = halls[0].space
    assert space is not None
    factories.make_call(space, people=(owner,), devices=1)
    browser = sign_in(admin)
    room = halls[0].slug
    account = space.account.pk
    addresses = [
        "/", "/mine/", "/people/", "/audit/", "/google/", "/lookup/", f"/lookup/?q={space.meeting_code}",
        "/lookup/?q=zzz-zzzz-zzz", "/rooms/new/", f"/r/{room}", "/healthz", "/readyz",
        f"/people/{owner.pk}/", *(f"/rooms/{room}/?tab={tab}" for tab in ("history", "settings", "members", "spaces", "audit")),
        *(reverse(name, args=[room]) for name in ("room_edit", "room_card", "end", "configure", "space_create", "space_adopt")),
    ]  # fmt: skip
    for address in addresses:
        assert browser.get(address).status_code in {200, 302, 503}, address
    assert account
    assert google.control("GET", "requests")["by_method"] == {}


# --- Rooms as they are written down ---------------------------------------------------------------------------------


def form_of(reply: Any) -> dict[str, Any]:
    form = reply.context["form"]
    values = {bound.html_name: bound.value() for bound in form}
    return {name: getattr(value, "pk", value) for name, value in values.items() if value not in (None, "")}


def test_adding_a_room_in_a_new_building(admin, sign_in):
    browser = sign_in(admin)
    form = form_of(browser.get("/rooms/new/"))
    written = form | {
        "name": "3.14",
        "new_building": "Leipzig",
        "owners": "a@example.com; b@example.com\nA@example.com",
    }
    reply = browser.post("/rooms/new/", written)
    room = Room.objects.get()
    assert reply["Location"] == room.get_absolute_url()
    assert room.building.name == "Leipzig"
    assert sorted(room.owners.values_list("email", flat=True)) == ["a@example.com", "b@example.com"]
    again = browser.post("/rooms/new/", written | {"name": "Other"})
    assert again["Location"] == room.get_absolute_url()
    assert Room.objects.count() == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": ""}, "This field is required"),
        ({"capacity": "many"}, "whole number"),
        ({"capacity": "0"}, "greater than or equal to 1"),
        ({"owners": "not-an-address"}, "“not-an-address” is not an e-mail address."),
        ({"building": ""}, "Choose a building, or enter the name of a new one."),
        ({"name": "hall a"}, "Berlin has a room of this name already."),
        (
            {"building": "", "new_building": "berlin", "name": "HALL A"},
            "Berlin has a room of this name already.",
        ),
    ],
)
def test_a_bad_room_form_keeps_what_was_typed(halls, admin, sign_in, change, words):
    browser = sign_in(admin)
    berlin = Building.objects.get(code="BER")
    form = form_of(browser.get("/rooms/new/"))
    reply = browser.post(
        "/rooms/new/", form | {"name": "New", "building": berlin.pk, "notes": "typed words"} | change
    )
    assert reply.status_code == 422
    text = reply.content.decode()
    assert words in text
    assert "typed words" in text
    assert Room.objects.count() == 3


def test_editing_shows_what_is_written_and_saves_the_change(halls, admin, sign_in):
    browser = sign_in(admin)
    url = reverse("room_edit", args=[halls[0].slug])
    form = form_of(browser.get(url))
    assert (form["name"], form["floor"], form["owners"]) == ("Hall A", "1", "room-owner@example.com")
    assert "Empty: 30, as everywhere" in browser.get(url).content.decode()
    reply = browser.post(url, form | {"floor": "7", "stuck_devices": "240"}, follow=True)
    assert "Hall A is saved." in reply.content.decode()
    saved = Room.objects.get(pk=halls[0].pk)
    assert (saved.floor, saved.stuck_devices, saved.stuck_alone) == ("7", 240, None)
    assert form_of(browser.get(url))["stuck_devices"] == 240


def test_archive_and_restore(halls, admin, sign_in):
    browser = sign_in(admin)
    room = halls[0]
    reply = browser.post(reverse("room_archive", args=[room.slug]), follow=True)
    assert "is archived" in reply.content.decode()
    assert "Restore it" in reply.content.decode()
    browser.post(reverse("room_restore", args=[room.slug]))
    assert Room.objects.get(pk=room.pk).archived_at is None


def test_the_stable_address_leads_into_the_call(halls, colleague, sign_in):
    browser = sign_in(colleague)
    space = halls[0].space
    assert space is not None
    assert browser.get(f"/r/{halls[0].slug}")["Location"] == f"https://meet.google.com/{space.meeting_code}"
    bare = factories.make_room(with_space=False)
    assert browser.get(f"/r/{bare.slug}")["Location"] == bare.get_absolute_url()


def test_an_unknown_tab_is_the_first_one(halls, colleague, sign_in):
    reply = sign_in(colleague).get(f"{halls[0].get_absolute_url()}?tab=audit")
    assert reply.context["tab"] == "spaces"


def test_my_rooms_begin_with_what_is_on_wherever_it_is(owner, sign_in):
    """Stuck, cannot be told, live, quiet: across buildings."""
    kinds = ("idle", "live", "unknown", "stuck", "none")
    for number, kind in enumerate(kinds):
        room = factories.make_room(
            kind, building=factories.make_building(f"B{number}"), owners=(owner,), with_space=kind != "none"
        )
        if room.space and kind == "live":
            factories.make_call(room.space, people=(owner,), devices=1)
        elif room.space and kind == "stuck":
            factories.make_call(room.space, devices=2, ago=timedelta(hours=5))
        elif room.space and kind == "unknown":
            Space.objects.filter(pk=room.space.pk).update(liveness="unknown")
    shown = sign_in(owner).get("/mine/")
    assert rooms_in(shown) == ["stuck", "unknown", "live", "idle", "none"]
    text = shown.content.decode()
    assert text.count('class="btn danger solid"') == 1
    assert text.count('class="btn danger"') == 1


def test_of_two_admins_who_edit_at_once_the_second_is_told_and_loses_nothing(admin, sign_in):
    room = factories.make_room("Hall 1", floor="1")
    other = factories.make_person("second-admin@example.com", role=Role.ADMIN)
    address = f"/rooms/{room.slug}/edit/"
    first, second = sign_in(admin), sign_in(other)
    forms = [browser.get(address).context["form"] for browser in (first, second)]
    typed = [{name: form[name].value() or "" for name in form.fields} for form in forms]
    assert first.post(address, typed[0] | {"notes": "Key at the desk"}).status_code == 302

    reply = second.post(address, typed[1] | {"floor": "7"})
    assert reply.status_code == 422
    text = reply.content.decode()
    assert "it-admin@example.com has changed this room since you opened the form" in text
    assert 'value="7"' in text
    room.refresh_from_db()
    assert (room.floor, room.notes) == ("1", "Key at the desk")

    again = {name: reply.context["form"][name].value() or "" for name in reply.context["form"].fields}
    assert second.post(address, again).status_code == 302
    room.refresh_from_db()
    assert (room.floor, room.notes) == ("7", ""), "told of it, the second has decided"
