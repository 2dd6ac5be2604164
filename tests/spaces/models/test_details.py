"""A room's attribute is declared once; these tests hold for every declaration, also for one added later."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse

from spaces.actions import rooms
from spaces.models import AuditEntry, Person, Room
from spaces.models.details import DETAILS, SEARCHED, Detail, Kind
from spaces.templatetags.spaces_text import differences
from tests import factories

ROOT = Path(__file__).resolve().parents[3]
OTHERS = {
    *("id", "slug", "building", "space", "archived_at", "created_at"),
    *("name_key", "name_words", "device_words", "resource_words", "search_text"),
    *("state", "state_reason", "need", "rank", "people_in", "stuck_at", "building_name"),
}
"""Columns that nobody enters as an attribute of the room, or that are derived from those."""


def another(detail: Detail) -> Any:
    """Return a value that no test room has."""
    return 7 if detail.kind in {Kind.NUMBER, Kind.MINUTES} else f"another {detail.name}"


def entered(room: Room) -> dict[str, object]:
    """Return the form of a room with another value in every attribute."""
    form = {
        "key": "k" * 20,
        "building": room.building_id,
        "owners": "",
        "deputies": "",
        "seen": rooms.facts(room).version,
    }
    return form | {name: another(detail) for name, detail in DETAILS.items()}


def test_every_column_of_a_room_is_declared_or_named_as_an_exception():
    columns = {field.name for field in Room._meta.concrete_fields}
    assert columns == DETAILS.keys() | OTHERS


@pytest.mark.parametrize("name", DETAILS)
def test_declared_attribute_is_in_form_store_and_audit_log(db, admin, sign_in, name):
    room = factories.make_room()
    browser = sign_in(admin)
    assert f'name="{name}"' in browser.get(reverse("room_edit", args=[room.slug])).content.decode()
    assert browser.post(reverse("room_edit", args=[room.slug]), entered(room)).status_code == 302
    room.refresh_from_db()
    assert getattr(room, name) == another(DETAILS[name])
    entry = AuditEntry.objects.get(action="room:edit")
    assert entry.after is not None
    assert entry.after[name] == another(DETAILS[name])
    assert str(DETAILS[name].label) in {label for label, _before, _after in differences(entry)}


def test_room_is_added_with_every_declared_attribute(db, admin: Person):
    facts = rooms.RoomFacts(
        building=factories.make_building(), **{name: another(detail) for name, detail in DETAILS.items()}
    )
    made = rooms.create(room=facts, actor=admin)
    assert rooms.facts(Room.objects.get(pk=made.pk)) == facts


def test_searched_attributes_are_texts_that_find_the_room(db):
    for name in SEARCHED:
        assert DETAILS[name].kind in {Kind.NAME, Kind.TEXT}
        room = factories.make_room(f"Room of {name}")
        setattr(room, name, f"unmistakable {name}")
        room.save()
        assert "unmistakable" in Room.objects.get(pk=room.pk).search_text


def test_attributes_are_not_listed_again_by_form_view_and_actions():
    for path in ("forms/rooms.py", "views/rooms.py", "actions/rooms.py", "actions/seeding.py"):
        text = (ROOT / "spaces" / path).read_text()
        found = set(re.findall(r"\w+", text)) & (DETAILS.keys() - {"name"})
        assert not found, f"{path} names {found}; derive it from spaces.models.details"


def test_number_that_is_none_is_rejected_and_blank_means_not_set():
    capacity = DETAILS["capacity"]
    assert (capacity.parse("12"), capacity.parse("")) == (12, None)
    with pytest.raises(ValueError, match="twelve"):
        capacity.parse("twelve")
    assert DETAILS["name"].parse("  Hall\u200b  1 ") == "Hall 1"
