"""Rows are kept, and never show what they do not show any more."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from spaces.models import Account, Building, Conference, Favourite, Person, Preferences, Role, Room, Space
from spaces.models.spaces import Liveness
from spaces.templatetags import rows_text
from tests import factories
from tests.support.rooms import space_of

Change = Callable[[Room, Person], object]


def _space(**fields: Any) -> Change:
    return lambda room, person: Space.objects.filter(room=room).update(**fields)


def _room(**fields: Any) -> Change:
    return lambda room, person: Room.objects.filter(pk=room.pk).update(**fields)


def _call(**fields: Any) -> Change:
    return lambda room, person: Conference.objects.filter(space=room.space_id).update(**fields)


def _person(**fields: Any) -> Change:
    return lambda room, person: Person.objects.filter(pk=person.pk).update(**fields)


NOW = timezone.now()
CHANGES: dict[str, Change] = {
    "nothing": lambda room, person: None,
    "name": _room(name="Another name"),
    "floor": _room(floor="17"),
    "capacity": _room(capacity=99),
    "archived": _room(archived_at=NOW),
    "building": lambda room, person: Building.objects.update(code="XYZ"),
    "code": _space(meeting_code="new-code-new"),
    "seen": _space(seen_at=NOW - timedelta(minutes=9)),
    "idle": _space(liveness=Liveness.IDLE, conference=None),
    "trouble": _space(trouble=Space.Trouble.NOT_FOUND),
    "foreign": _space(origin=Space.Origin.FOREIGN),
    "account": lambda room, person: Account.objects.update(
        status=Account.Status.BROKEN, problem="Withdrawn."
    ),
    "people": _call(people=7),
    "devices": _call(devices=3),
    "phones": _call(phones=2),
    "bots": _call(bots=1),
    "recording": _call(recording_since=NOW - timedelta(minutes=5)),
    "longer": _call(started_at=NOW - timedelta(hours=5)),
    "stuck": _call(started_at=NOW - timedelta(hours=30)),
    "star": lambda room, person: Favourite.objects.create(room=room, person=person),
    "columns": lambda room, person: Preferences.objects.create(person=person, columns=["owner"]),
    "owner": lambda room, person: room.ownerships.create(person=person),
    "language": _person(language="de"),
    "zone": _person(time_zone="Asia/Tokyo"),
    "rights": _person(role=Role.HELPDESK),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=list(CHANGES))
@pytest.mark.parametrize("path", ["/?sort=name", "/?state=live", "/lookup/?q=Berlin"])
def test_a_kept_row_shows_what_one_made_anew_would(sign_in, admin, change, path):
    room = factories.make_room("Berlin 1.01", floor="1", capacity=4)
    space = space_of(room)
    call = Conference.objects.create(
        record="conferenceRecords/on",
        space=space,
        started_at=NOW - timedelta(minutes=20),
        people=1,
        devices=0,
    )
    Space.objects.filter(pk=space.pk).update(liveness=Liveness.ACTIVE, conference=call, seen_at=NOW)
    browser = sign_in(admin)
    with time_machine.travel(NOW + timedelta(minutes=1), tick=False):
        browser.get(path)
        change(room, admin)
        kept = rows(browser.get(path).content.decode())
        rows_text._rows.clear()
        assert kept == rows(browser.get(path).content.decode())
    assert "[[" not in kept


def rows(page: str) -> str:
    """The part with rows, without what is different in every answer."""
    found = page.partition("<tbody>")[2].partition("</table>")[0]
    return re.sub('name="csrfmiddlewaretoken" value="[^"]+"', "", found)


def test_rows_are_kept_for_the_next_one_and_bounded(sign_in, admin, monkeypatch):
    for number in range(5):
        factories.make_room(f"Berlin 1.0{number}")
    browser = sign_in(admin)
    browser.get("/")
    first = dict(rows_text._rows)
    assert len(first) == 5
    Space.objects.update(seen_at=NOW)
    browser.get("/")
    assert dict(rows_text._rows) == first  # another age, the same rows
    monkeypatch.setattr(rows_text, "MOST", 3)
    factories.make_room("Berlin 1.06")
    browser.get("/")
    assert len(rows_text._rows) == 5  # one came, one went


def test_a_rooms_name_is_no_place_for_anything(sign_in, admin):
    room = factories.make_room("Hall [[seen]] [[strip]] [[token]] seen token")
    Space.objects.filter(pk=space_of(room).pk).update(liveness=Liveness.UNKNOWN, seen_at=NOW)
    page = sign_in(admin).get("/").content.decode()
    assert f">{room.name}</a>" in page
    assert page.count("data-age") >= 1


def test_a_kept_row_with_a_form_holds_nobodys_token(sign_in, admin):
    room = factories.make_room()
    Space.objects.filter(pk=space_of(room).pk).update(liveness=Liveness.UNKNOWN)
    tokens = set()
    for person in (admin, factories.make_person("second@example.com", role=Role.ADMIN)):
        page = sign_in(person).get("/").content.decode()
        form = page.partition("/refresh/")[2].partition("</form>")[0]
        tokens.add(form.partition('name="csrfmiddlewaretoken" value="')[2].partition('"')[0])
    [html] = rows_text._rows.values()
    assert "/refresh/" in html
    assert len(tokens) == 2
    assert not any(token in html or not token for token in tokens)


def test_the_first_age_of_a_row_is_shown(sign_in, admin):
    """A space that none of our accounts owns stays unknown when it is looked at; all that changes is that it was."""
    room = factories.make_room()
    Space.objects.filter(room=room).update(liveness=Liveness.UNKNOWN, seen_at=None, owned=False)
    browser = sign_in(admin)
    assert "data-age" not in rows(browser.get("/?sort=name").content.decode())
    Space.objects.filter(room=room).update(seen_at=NOW)
    assert "data-age" in rows(browser.get("/?sort=name").content.decode())
