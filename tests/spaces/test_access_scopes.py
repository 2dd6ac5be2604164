"""Scopes say the same in Python and in SQL, for every role and every kind of room; and a role is data."""

from dataclasses import replace
from itertools import product

import pytest

from spaces import access
from spaces.access import ROLES, ROOM_PERMISSIONS, Permission, RoleSpec, RoomRef, Scope
from spaces.access.roles import all_rooms
from spaces.forms import PersonForm
from spaces.models import Member, Person, Role, Room
from spaces.sync.apply.spaces import apply_conference
from tests import factories


def everybody() -> list[Person]:
    """One person for each role that can be given, and one limited to a building."""
    people = [factories.make_person(role=role.name) for role in access.assignable_roles()]
    limited = factories.make_person(role=Role.ADMIN)
    limited.buildings.set([factories.make_building("BER")])
    return [*people, limited]


def rooms_for(person: Person) -> list[Room]:
    """Rooms in every combination of building, link, ownership and archive, as they relate to this person."""
    made = []
    grid = product(
        ("BER", "MUC"),
        ("none", "idle", "member", "present", "was present"),
        ("", "owner", "deputy"),
        (False, True),
    )
    for code, link, ownership, archived in grid:
        room = factories.make_room(
            building=factories.make_building(code),
            with_space=link != "none",
            owners=(person,) if ownership == "owner" else (),
            deputies=(person,) if ownership == "deputy" else (),
        )
        if room.space and link == "member":
            Member.objects.create(space=room.space, email=person.handle, role="MEMBER")
        if room.space and link in {"present", "was present"}:
            factories.make_call(room.space, people=(person,))
        if room.space and link == "was present":
            apply_conference(room.space, None, seen_at=room.created_at)
        if archived:
            Room.objects.filter(pk=room.pk).update(archived_at=room.created_at)
        made.append(room)
    return made


def test_scope_of_every_role_contains_the_rooms_that_its_condition_finds(db):
    for person in everybody():
        rooms_for(person)
        for role in ROLES.values():
            scope = role.scope(person)
            for read in (scope, scope.resolved()):
                found = set(Room.objects.filter(read.q).values_list("pk", flat=True))
                contained = {room.pk for room in Room.objects.all() if read.contains(room)}
                assert contained == found, (person.role, role.name)


def test_permissions_on_a_room_agree_with_lists_of_rooms_for_every_permission(db):
    for person in everybody():
        rooms_for(person)
        links = access.room_links(person)
        visible = set(access.visible_rooms(person).values_list("pk", flat=True))
        asked = {room.pk: access.permissions(person, room) for room in Room.objects.all()}
        at_once = {
            room.pk: access.permissions(person, RoomRef(room.pk, room.building_id, room.space_id), links)
            for room in Room.objects.all()
        }
        for permission in ROOM_PERMISSIONS:
            by_list = set(access.rooms_where(person, permission).values_list("pk", flat=True))
            assert by_list == {pk for pk, may in asked.items() if permission in may}, permission
            assert by_list == {pk for pk, may in at_once.items() if permission in may} & visible, permission
            named = access.visible_q(person, permission, links)
            everything = Room.objects.all() if named is None else Room.objects.filter(named)
            assert set(everything.values_list("pk", flat=True)) & visible == by_list, permission
            assert access.everywhere(person, permission) <= (named is None)


def test_scope_does_not_contain_a_room_without_link_when_it_asks_for_links(db, colleague):
    room = factories.make_room(with_space=False)
    factories.make_call(factories.make_space(), people=(colleague,))
    assert not ROLES["participant"].scope(colleague).contains(room)
    assert not Scope.of(building_id=frozenset({1})).contains(RoomRef(pk=1, building_id=None, space_id=None))


def test_scope_united_with_everything_is_everything():
    assert (Scope.of(pk=frozenset({1})) | Scope(everything=True)).everything


def test_role_added_to_the_registry_grants_what_it_says(db, monkeypatch):
    room = factories.make_room()
    auditor = RoleSpec(
        "auditor", frozenset({Permission.AUDIT_READ, Permission.AUDIT_ROOM}), all_rooms, label="Auditor"
    )
    monkeypatch.setitem(ROLES, auditor.name, auditor)
    person = factories.make_person(role=auditor.name)
    assert access.permissions(person) >= {Permission.AUDIT_READ, Permission.ACCOUNT_CONNECT}
    assert access.permissions(person, room) == {Permission.AUDIT_ROOM, Permission.ROOM_SEE}
    assert access.everywhere(person, Permission.AUDIT_ROOM)
    assert 'value="auditor"' in str(PersonForm()["role"])


@pytest.mark.parametrize("name", ["", "no-such-role", "owner", "participant"])
def test_role_name_that_cannot_be_held_grants_no_more_than_everybody_has(db, name):
    room = factories.make_room()
    person = factories.make_person(role=name)
    assert access.permissions(person, room) == {Permission.ROOM_SEE}
    assert access.permissions(person) == ROLES["colleague"].in_general


def test_role_limited_to_buildings_loses_what_would_lift_the_limit():
    admin, limited = ROLES["admin"], ROLES["building_admin"]
    assert admin.limited == limited.name
    assert not limited.grants & {
        Permission.PEOPLE_MANAGE,
        Permission.PEOPLE_MERGE,
        Permission.ACCOUNT_MANAGE,
        Permission.BUILDING_ADD,
        Permission.BUILDING_DELETE,
    }
    assert replace(limited, grants=admin.grants).on_rooms == limited.on_rooms
