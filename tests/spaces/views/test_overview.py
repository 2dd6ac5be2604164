"""What the overview is made of: heads of columns, groups and their sums, what a person arranges, selection, the wall."""

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from meetadmin.celery import app
from spaces.models import Conference, Favourite, Participant, Person, Preferences, Room, SavedFilter
from spaces.models.preferences import SAVED_AT_MOST
from spaces.views import overview
from tests import factories
from tests.spaces.views.test_rooms import rooms_in

HTMX = {"HX-Request": "true"}


@pytest.fixture
def busy(admin: Person, owner: Person) -> dict[str, Room]:
    """A stuck call and a live one in Berlin, an idle room there, a room without a space in Munich."""
    rooms = {
        "stuck": factories.make_room("Spree", owners=(owner,)),
        "live": factories.make_room("Tegel", capacity=8),
        "idle": factories.make_room("Panke"),
        "none": factories.make_room("Isar", building=factories.make_building("MUC"), with_space=False),
    }
    assert rooms["stuck"].space
    assert rooms["live"].space
    factories.make_call(rooms["stuck"].space, devices=2, ago=timedelta(hours=5))
    factories.make_call(rooms["live"].space, people=(admin, owner), guests=1)
    return rooms


def text_of(reply: Any) -> str:
    """Words of a page without its elements."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", reply.content.decode()))


# --- Heads of columns -----------------------------------------------------------------------------------------------


def head(reply: Any, label: str) -> tuple[str, str]:
    """(aria-sort, where its link leads) of a column; empty where there is none."""
    found = re.search(
        rf'<th scope="col"[^>]*?(?:aria-sort="(\w+)")?>\s*<a id="[^"]+"\s+href="([^"]+)">{label}',
        reply.content.decode(),
    )
    return (found.group(1) or "", found.group(2)) if found else ("", "")


def test_a_head_orders_turns_round_and_lets_go(busy, admin, sign_in):
    browser = sign_in(admin)
    assert head(browser.get("/"), "Room") == ("", "?sort=name")
    first = browser.get("/?sort=name")
    assert (rooms_in(first), head(first, "Room")) == (
        ["Isar", "Panke", "Spree", "Tegel"],
        ("ascending", "?sort=-name"),
    )
    second = browser.get("/?sort=-name")
    assert (rooms_in(second), head(second, "Room")) == (
        ["Tegel", "Spree", "Panke", "Isar"],
        ("descending", "?sort=need"),
    )


@pytest.mark.parametrize(
    ("sort", "names"),
    [
        ("people", ["Tegel", "Spree", "Isar", "Panke"]),
        ("-people", ["Spree", "Tegel", "Isar", "Panke"]),
        ("since", ["Spree", "Tegel", "Isar", "Panke"]),
        ("-since", ["Tegel", "Spree", "Isar", "Panke"]),
        ("building", ["Panke", "Spree", "Tegel", "Isar"]),
        ("need", ["Spree", "Tegel", "Panke", "Isar"]),
    ],
)
def test_orders(busy, admin, sign_in, sort, names):
    assert rooms_in(sign_in(admin).get(f"/?sort={sort}")) == names


def test_who_may_not_see_every_call_cannot_order_by_calls(busy, owner, sign_in):
    browser = sign_in(owner)
    reply = browser.get("/")
    assert head(reply, "Room")[1] == "?sort=name"
    for label in ("In the call", "For", "Seen"):
        assert head(reply, label) == ("", "")
    assert rooms_in(browser.get("/?sort=people")) == rooms_in(browser.get("/?sort=-people"))


# --- Groups ---------------------------------------------------------------------------------------------------------


def groups(reply: Any) -> list[str]:
    """The headings of the groups with their sums."""
    found = re.findall(r'<tr class="group".*?</tr>', reply.content.decode(), flags=re.DOTALL)
    return [re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", one)).strip() for one in found]


def test_what_needs_action_stands_first_and_groups_have_sums(busy, admin, sign_in):
    browser = sign_in(admin)
    assert groups(browser.get("/")) == [
        "Needs action 1 stuck",
        "Berlin 3 rooms · 2 live · 3 people in them",
        "Munich 1 room",
    ]
    # Under a filter the sums are those of what it leaves.
    assert groups(browser.get("/?state=live")) == [
        "Needs action 1 stuck",
        "Berlin 2 rooms · 2 live · 3 people in them",
    ]
    assert groups(browser.get("/?sort=name")) == []


def test_sums_tell_nothing_of_calls_that_may_not_be_seen(busy, owner, colleague, sign_in):
    # The owner sits in the other live call, too; when they leave it, it is none of their business.
    berlin = "Berlin 3 rooms · 2 live · 3 people in them"
    assert groups(sign_in(owner).get("/")) == [berlin, "Munich 1 room"]
    Participant.objects.filter(google_id=owner.google_id).delete()
    assert groups(sign_in(owner).get("/")) == ["Berlin 3 rooms · 1 live", "Munich 1 room"]
    assert groups(sign_in(colleague).get("/")) == ["Berlin 3 rooms", "Munich 1 room"]


def test_the_last_day_stands_in_the_row_for_those_who_may_know_it(busy, admin, owner, participant, sign_in):
    space = busy["live"].space
    now = timezone.now()
    Conference.objects.create(
        record="conferenceRecords/before",
        space=space,
        started_at=now - timedelta(hours=4),
        ended_at=now - timedelta(hours=3),
    )
    assert "2 calls in the last 24 hours, 1 h 20 min in all" in sign_in(admin).get("/").content.decode()
    text = sign_in(owner).get("/").content.decode()  # in the call, but not this room's owner
    assert "2 calls in the last" not in text
    assert text.count('class="day"') == 1


# --- What a person arranges -----------------------------------------------------------------------------------------


def test_stars_are_ones_own(busy, admin, owner, sign_in):
    browser, other = sign_in(admin), sign_in(owner)
    address = reverse("star", args=[busy["idle"].slug])
    for _ in range(2):  # twice does no harm
        assert browser.post(address, {"on": "1", "next": "/?starred=on"})["Location"] == "/?starred=on"
    assert rooms_in(browser.get("/?starred=on")) == ["Panke"]
    assert 'aria-pressed="true"' in browser.get("/?starred=on").content.decode()
    assert rooms_in(other.get("/?starred=on")) == []
    browser.post(address, {"on": "0"})
    assert Favourite.objects.count() == 0


def test_a_filter_is_saved_opened_replaced_and_deleted(busy, admin, owner, sign_in):
    browser, other = sign_in(admin), sign_in(owner)
    address = reverse("filter_save")
    reply = browser.post(address, {"name": "Berlin live", "query": "building=BER&page=7&state=live&x=1&tv=1"})
    assert reply["Location"] == "/?building=BER&state=live"
    text = browser.get("/?state=live&building=BER").content.decode()
    assert re.search(r'aria-current="true"\s+href="/\?building=BER&amp;state=live"', text)
    assert "Berlin live" not in other.get("/").content.decode()
    browser.post(address, {"name": "berlin LIVE", "query": "building=BER&state=stuck"})
    saved = SavedFilter.objects.get()
    assert (saved.name, saved.query) == ("berlin LIVE", "building=BER&state=stuck")
    other.post(reverse("filter_drop", args=[saved.pk]))
    assert SavedFilter.objects.exists()
    browser.post(reverse("filter_drop", args=[saved.pk]))
    assert not SavedFilter.objects.exists()


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({"name": "Nothing", "query": "page=2"}, "No filter is set, so there is nothing to save."),
        ({"name": "", "query": "state=live"}, "This field is required"),
        ({"name": "x" * 61, "query": "state=live"}, "at most 60 characters"),
    ],
)
def test_what_cannot_be_saved_says_why(admin, sign_in, sent, words):
    reply = sign_in(admin).post(reverse("filter_save"), sent)
    assert reply.status_code == 422
    assert words in reply.content.decode()
    assert not SavedFilter.objects.exists()


def test_nobody_keeps_endless_filters(admin, sign_in):
    browser = sign_in(admin)
    for number in range(SAVED_AT_MOST):
        SavedFilter.objects.create(person=admin, name=f"Filter {number}", query="state=live")
    reply = browser.post(reverse("filter_save"), {"name": "One more", "query": "state=idle"}, follow=True)
    assert f"You keep {SAVED_AT_MOST} filters already." in text_of(reply)
    assert SavedFilter.objects.count() == SAVED_AT_MOST


def test_columns_are_chosen_and_kept(busy, admin, owner, sign_in):
    browser = sign_in(admin)
    assert 'class="today"' in browser.get("/").content.decode()
    reply = browser.post(reverse("columns"), {"columns": ["owner", "code"], "next": "/?sort=name"})
    assert reply["Location"] == "/?sort=name"
    text = browser.get("/").content.decode()
    assert re.findall(r'<th scope="col"\s+class="(\w+)', text) == [
        "pick",
        "room",
        "about",
        "owner",
        "code",
        "acts",
    ]
    assert "room-owner@example.com" in text
    assert 'class="today"' not in text
    assert 'class="today"' in sign_in(owner).get("/").content.decode()
    browser.post(reverse("columns"), {})  # none at all
    assert re.findall(r'<th scope="col"\s+class="(\w+)', browser.get("/").content.decode()) == [
        "pick", "room", "about", "acts",
    ]  # fmt: skip
    browser.post(reverse("columns"), {"columns": ["nonsense"]})
    assert Preferences.objects.get(person=admin).columns == []


def test_the_owners_column_costs_two_queries_for_any_number_of_rooms(admin, owner):
    Preferences.objects.create(person=admin, columns=["owner", "today"])
    browser = Client()
    browser.force_login(admin)
    counts = []
    for wanted in (1, 3):
        while Room.objects.count() < wanted:
            factories.make_room(owners=(owner, factories.make_person()))
        browser.get("/")
        with CaptureQueriesContext(connection) as queries:
            assert browser.get("/").status_code == 200
        counts.append(len(queries))
    assert counts == [15, 15]


# --- Ticked rooms ---------------------------------------------------------------------------------------------------


def test_codes_and_links_of_ticked_rooms(busy, colleague, sign_in):
    idle = busy["idle"].space
    Room.objects.filter(pk=busy["live"].pk).update(archived_at=timezone.now())
    chosen = [busy["idle"].slug, busy["none"].slug, busy["live"].slug, "nowhere"]
    text = sign_in(colleague).post(reverse("selection"), {"room": chosen}).content.decode()
    assert idle.meeting_uri in text
    assert "Isar" in text
    assert "Tegel" not in text


def test_refreshing_ticked_rooms_asks_for_those_that_may_be(busy, owner, colleague, sign_in):
    chosen = {"room": [room.slug for room in busy.values()]}
    reply = sign_in(colleague).post(reverse("selection_refresh"), chosen, follow=True)
    assert "None of these rooms has a link that you may refresh" in text_of(reply)
    channel: Any = app.connection_for_read().default_channel
    queue = channel.client
    queue.delete("celery")
    reply = sign_in(owner).post(reverse("selection_refresh"), chosen, follow=True)
    assert "Google is being asked about 1 room; its row changes by itself." in text_of(reply)
    assert "3 of the chosen rooms were left out" in text_of(reply)
    queued = [json.loads(one) for one in queue.lrange("celery", 0, -1)]
    assert [one["headers"]["kwargsrepr"] for one in queued] == [
        repr({"room_ids": [busy["stuck"].pk], "person_id": owner.pk})
    ]
    reply = sign_in(owner).post(reverse("selection_refresh"), chosen, follow=True)
    assert "are still being checked, so nothing was added" in text_of(reply)
    assert queue.llen("celery") == 1


# --- Empty lists ----------------------------------------------------------------------------------------------------


def test_why_a_list_is_empty(busy, admin, colleague, sign_in):
    browser = sign_in(admin)
    assert "No results, but Google data may be out of date" in text_of(browser.get("/?state=ageing"))
    assert "No room fits these filters" in text_of(browser.get("/?q=zzz"))
    reply = sign_in(colleague).get("/?state=stuck")
    assert "You see calls of your own rooms only" in text_of(reply)


# --- The wall -------------------------------------------------------------------------------------------------------


def test_the_wall_shows_what_matters_and_nothing_of_anybody(busy, admin, sign_in):
    reply = sign_in(admin).get("/?tv=1")
    text = reply.content.decode()
    assert re.findall(r'<tr id="room-\d+" class="(\w+)"', text) == ["stuck", "live"]
    assert "Spree" in text
    for secret in ("example.com", busy["live"].space.meeting_code, "<button", "<input", "<form"):
        assert secret not in text, secret
    part = sign_in(admin).get("/?tv=1", headers=HTMX).content.decode()
    assert "<html" not in part
    assert part.count('id="wall"') == 1


@pytest.mark.parametrize(
    ("account", "text"),
    [
        ({"swept_at": timezone.now()}, "Nothing needs action"),
        ({"swept_at": None}, "No room has been looked at yet"),
        ({"swept_at": timezone.now(), "status": "broken"}, "No room has been looked at yet"),
    ],
)
def test_empty_wall_tells_whether_google_was_asked(admin, sign_in, account, text):
    factories.make_account(**account)
    assert text in text_of(sign_in(admin).get("/?tv=1"))


def test_the_clock_turns_the_pages_of_the_wall(admin, sign_in, time_machine):
    for number in range(overview.WALL_PAGE + 2):
        room = factories.make_room(f"Hall {number:02}")
        assert room.space
        factories.make_call(
            room.space, people=(admin, admin.__class__(email="x@example.com")), ago=timedelta(0)
        )
    browser = sign_in(admin)
    time_machine.move_to(timezone.now(), tick=False)
    pages = []
    for _ in range(3):
        reply = browser.get("/?tv=1")
        pages.append(reply.content.decode().count('<tr id="room-'))
        time_machine.shift(overview.WALL_SECONDS)
    assert sorted(set(pages)) == [2, overview.WALL_PAGE]


def test_stuck_calls_stay_on_the_wall_while_the_others_turn(busy, admin, sign_in, time_machine):
    for number in range(overview.WALL_PAGE):
        room = factories.make_room(f"Hall {number:02}")
        assert room.space
        factories.make_call(
            room.space, people=(admin, admin.__class__(email="x@example.com")), ago=timedelta(0)
        )
    browser = sign_in(admin)
    time_machine.move_to(timezone.now(), tick=False)
    seen = []
    for _ in range(2):
        shown = re.findall(r'<tr id="(room-\d+)" class="(\w+)"', browser.get("/?tv=1").content.decode())
        assert [look for _, look in shown].count("stuck") == 1
        assert shown[0][1] == "stuck"
        seen += [name for name, look in shown if look == "live"]
        time_machine.shift(overview.WALL_SECONDS)
    assert len(seen) == len(set(seen)) == overview.WALL_PAGE + 1, "every other call is shown once"


# --- Other pages of this kind ---------------------------------------------------------------------------------------


def test_the_style_guide_shows_every_state_in_both_lights(helpdesk, sign_in):
    text = sign_in(helpdesk).get(reverse("styleguide")).content.decode()
    for state in ("stuck", "live", "idle", "unknown", "none"):
        assert text.count(f'class="state {state}"') >= 2, state
    assert 'class="in-light' in text
    assert 'class="in-dark' in text
