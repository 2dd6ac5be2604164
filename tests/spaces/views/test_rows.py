"""Rows show the stored state, say why, and load in one query."""

from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.template import Context
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from spaces import access
from spaces.models import Account, Conference, Person, Room, Space
from spaces.models.spaces import Liveness
from spaces.models.state import mark_stuck, store_states
from spaces.templatetags.rows_text import room_row
from spaces.views import rows
from spaces.views.rows import Row
from tests import factories
from tests.support.rooms import space_of

NOW = timezone.now()
ALL = ("people", "since", "code", "seen")


@pytest.fixture
def room(db: None) -> Room:
    """A room with a call that one person has sat in alone for seventy minutes."""
    made = factories.make_room("Berlin 1.01", floor="1", capacity=4)
    call = Conference.objects.create(
        record="conferenceRecords/on",
        space=space_of(made),
        started_at=NOW - timedelta(minutes=80),
        same_since=NOW - timedelta(minutes=70),
        stuck_at=NOW - timedelta(minutes=10),
        people=1,
        devices=0,
        peak=3,
    )
    Space.objects.filter(room=made).update(liveness=Liveness.ACTIVE, conference=call, seen_at=NOW)
    return made


def loaded(person: Person, now: datetime, *those: Room) -> list[Row]:
    """Their rows as a list has them."""
    return rows.load([one.pk for one in those], person, now, access.room_links(person), columns=())


def test_rows_load_in_one_query_and_need_no_other(room, admin):
    bare = factories.make_room("Berlin 1.02", with_space=False)
    person = Person.objects.get(pk=admin.pk)
    links = access.room_links(person)
    for wanted in ([room.pk], [bare.pk, room.pk]):
        with CaptureQueriesContext(connection) as queries:
            found = rows.load(wanted, person, NOW, links, columns=())
            assert [row.room.pk for row in found] == wanted
            for row in found:
                room_row(Context({"request": RequestFactory().get("/"), "columns": ALL}), row)
        assert len(queries) == 1


def test_reasons_of_a_stuck_call_say_how_long_it_has_lasted(room, admin):
    for minutes in (70, 71):
        [reason] = loaded(admin, NOW + timedelta(minutes=minutes - 70), room)[0].reasons
        assert f"{minutes} min" in reason


def test_row_is_stuck_when_the_stored_state_is(room, admin):
    moment = NOW + timedelta(minutes=3)
    Conference.objects.update(same_since=moment - timedelta(minutes=60), stuck_at=moment)
    store_states([room.pk], moment - timedelta(seconds=1))
    [row] = loaded(admin, moment, room)
    assert (row.state, row.reasons) == ("live", [])
    mark_stuck(moment)
    [row] = loaded(admin, moment, room)
    assert row.state == "stuck"
    assert row.reasons


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"trouble": "not_found"}, "Not found at Google"),
        ({"trouble": "not_permitted"}, "No access"),
        ({"owned": False}, "none of our accounts owns this meeting"),
        ({"owned": True}, "not asked yet"),
    ],
)
def test_row_says_why_a_state_is_unknown(room, admin, facts, words):
    Space.objects.update(**{"liveness": "unknown", "conference": None, **facts})
    [row] = loaded(admin, NOW, room)
    assert row.state == "unknown"
    assert words in row.reasons[0]


def test_row_escapes_what_people_typed(admin):
    evil = "<script>\"&'"
    room = factories.make_room(evil, floor=evil, building=factories.make_building("BER", name=evil))
    [row] = rows.load([room.pk], admin, NOW, access.room_links(admin), columns={"owner"})
    html = room_row(Context({"request": RequestFactory().get("/"), "columns": ALL, "selectable": True}), row)
    assert "<script>" not in html
    assert "&lt;script&gt;&quot;&amp;&#x27;" in html


def test_row_shows_the_facts_of_the_moment(room, admin):
    for people in (1, 2, 1):
        Conference.objects.update(people=people)
        row = loaded(admin, NOW, room)[0]
        assert row.call is not None
        assert row.call.people == people
    Account.objects.update(status=Account.Status.BROKEN)
    assert loaded(admin, NOW, room)[0].state == "unknown"
