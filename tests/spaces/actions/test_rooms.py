"""Adding, editing, archiving rooms; buildings."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from spaces.access import NotAllowed
from spaces.actions import buildings, rooms
from spaces.actions.rooms import RoomFacts
from spaces.audit import ActionRejected, DuplicateRequest
from spaces.message import Message
from spaces.models import AuditEntry, Building, Person, Role, Room
from spaces.models.rooms import RoomQuerySet
from tests import factories


@pytest.fixture
def berlin(db: None) -> Building:
    """A site."""
    return factories.make_building("BER")


@pytest.fixture
def limited(berlin: Building) -> Person:
    """An admin of Berlin only."""
    person = factories.make_person("berlin-admin@example.com", role=Role.ADMIN)
    person.buildings.set([berlin])
    return person


def a_room(berlin: Building, **changes) -> RoomFacts:
    return replace(
        RoomFacts(
            name="3.14",
            building=berlin,
            floor="3",
            capacity=8,
            device_name="Berlin 3.14 device",
            owners=("room-owner@example.com",),
            deputies=("deputy@example.com",),
        ),
        **changes,
    )


def test_a_room_is_added_with_its_people_and_a_stable_address(admin, berlin):
    room = rooms.create(room=a_room(berlin), actor=admin)
    assert room.slug == "ber-3-14"
    assert rooms.facts(room) == a_room(berlin)
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.room, entry.target) == ("room:create", room, "3.14 (Berlin)")
    after = entry.after or {}
    assert (after["owners"], after["building"]) == (["room-owner@example.com"], "Berlin")
    rooms.edit(room=room, to=a_room(berlin, name="Big Hall"), actor=admin)
    assert Room.objects.get().slug == "ber-3-14"


def test_a_rooms_own_limits_count_at_once(admin, berlin):
    """A waiting area in which the device sits for hours is no reason to call anybody."""
    room = rooms.create(room=a_room(berlin), actor=admin)
    space = factories.make_space()
    Room.objects.filter(pk=room.pk).update(space=space)
    room.refresh_from_db()
    now = timezone.now()
    factories.make_call(space, devices=1, ago=timedelta(minutes=40), now=now)
    assert Room.objects.get().state == "stuck"
    assert RoomQuerySet(Room).stuck().exists()
    for limits in ({"stuck_devices": 240}, {"stuck_devices": 0}):
        rooms.edit(room=room, to=a_room(berlin, **limits), actor=admin)
        assert rooms.facts(Room.objects.get()) == a_room(berlin, **limits)
        assert Room.objects.get().state == "live"
        assert not RoomQuerySet(Room).stuck().exists()
    assert AuditEntry.objects.first().after == {"stuck_devices": 0}  # type: ignore[union-attr]


def test_rooms_of_one_name_in_two_buildings_have_two_addresses(admin, berlin):
    other = Building.objects.create(code="BER-2", name="Berlin")
    first = rooms.create(room=a_room(berlin, name="Berlin 1"), actor=admin)
    second = rooms.create(room=a_room(other, name="Berlin 1"), actor=admin)
    assert (first.slug, second.slug) == ("berlin-1", "berlin-1-2")


@pytest.mark.parametrize(
    ("name", "address"),
    [
        *(("会議室", "ber-huiyishi"), ("!!!", "ber-room"), ("ß", "ber-ss"), ("Αίθουσα 2", "ber-aithoysa-2")),
        *(("قاعة", "ber-qh"), ("3.14", "ber-3-14"), ("31.4", "ber-31-4"), ("Berlin 1.01", "berlin-1-01")),
    ],
)
def test_address_is_made_of_name_in_every_script(admin, berlin, name, address):
    room = rooms.create(room=a_room(berlin, name=name), actor=admin)
    assert room.slug == address


def test_the_same_form_twice_adds_one_room(admin, berlin):
    rooms.create(room=a_room(berlin), actor=admin, key="the-key-of-this-form")
    with pytest.raises(DuplicateRequest) as again:
        rooms.create(room=a_room(berlin, name="Other"), actor=admin, key="the-key-of-this-form")
    assert again.value.entry.room == Room.objects.get()
    assert AuditEntry.objects.count() == 1


def test_editing_writes_down_only_what_changed(admin, berlin):
    room = rooms.create(room=a_room(berlin), actor=admin)
    rooms.edit(
        room=room, to=a_room(berlin, capacity=10, owners=("new@example.com",), deputies=()), actor=admin
    )
    entry = AuditEntry.objects.get(action="room:edit")
    assert entry.before == {
        "capacity": 8, "owners": ["room-owner@example.com"], "deputies": ["deputy@example.com"],
    }  # fmt: skip
    assert entry.after == {"capacity": 10, "owners": ["new@example.com"], "deputies": []}
    assert rooms.facts(room).owners == ("new@example.com",)


def test_owner_and_deputy_change_places(admin, berlin):
    room = rooms.create(room=a_room(berlin), actor=admin)
    swapped = a_room(berlin, owners=("deputy@example.com",), deputies=("room-owner@example.com",))
    rooms.edit(room=room, to=swapped, actor=admin)
    assert rooms.facts(room) == swapped


def test_nobody_is_owner_and_deputy_at_once(admin, berlin):
    both = a_room(berlin, deputies=("room-owner@example.com",))
    room = rooms.create(room=both, actor=admin)
    assert (rooms.facts(room).owners, rooms.facts(room).deputies) == (("room-owner@example.com",), ())


def test_saving_without_a_change_writes_nothing(admin, berlin):
    room = rooms.create(room=a_room(berlin), actor=admin)
    assert rooms.edit(room=room, to=a_room(berlin), actor=admin).code == "room.unchanged"
    assert AuditEntry.objects.count() == 1


def test_the_same_edit_twice_acts_once(admin, berlin):
    room = rooms.create(room=a_room(berlin), actor=admin)
    rooms.edit(room=room, to=a_room(berlin, capacity=10), actor=admin, key="the-key-of-this-form")
    again = rooms.edit(room=room, to=a_room(berlin, capacity=12), actor=admin, key="the-key-of-this-form")
    assert again.code == "room.saved_already"
    assert Room.objects.get().capacity == 10


def test_archiving_keeps_everything_and_can_be_undone(admin):
    room = factories.make_room()
    rooms.archive(room=room, actor=admin)
    rooms.archive(room=room, actor=admin)
    archived = Room.objects.get()
    assert archived.archived_at is not None
    assert archived.space is not None
    rooms.restore(room=archived, actor=admin)
    assert Room.objects.get().archived_at is None
    assert [entry.action for entry in AuditEntry.objects.order_by("pk")] == ["room:archive", "room:restore"]


@pytest.mark.parametrize("who", ["owner", "helpdesk", "colleague"])
def test_only_admins_write_about_rooms(request, berlin, who):
    person = request.getfixturevalue(who)
    owner = request.getfixturevalue("owner")
    room = factories.make_room(owners=(owner,))
    acts = [
        lambda: rooms.create(room=a_room(berlin), actor=person),
        lambda: rooms.edit(room=room, to=a_room(berlin), actor=person),
        lambda: rooms.archive(room=room, actor=person),
        lambda: rooms.restore(room=room, actor=person),
        lambda: buildings.ensure(name="Paris", actor=person),
    ]
    for act in acts:
        with pytest.raises(NotAllowed):
            act()
    assert Room.objects.count() == 1
    assert not AuditEntry.objects.exists()


def test_a_limited_admin_stays_within_their_buildings(limited, berlin):
    munich = factories.make_building("MUC")
    elsewhere = factories.make_room(building=munich)
    mine = rooms.create(room=a_room(berlin), actor=limited)
    rooms.edit(room=mine, to=a_room(berlin, capacity=9), actor=limited)
    for act in (
        lambda: rooms.create(room=a_room(munich), actor=limited),
        lambda: rooms.edit(room=elsewhere, to=a_room(munich), actor=limited),
        lambda: rooms.edit(room=mine, to=a_room(munich), actor=limited),
        lambda: rooms.archive(room=elsewhere, actor=limited),
        lambda: buildings.ensure(name="Paris", actor=limited),
    ):
        with pytest.raises(NotAllowed):
            act()
    assert Room.objects.get(pk=mine.pk).building == berlin


def test_a_building_is_made_once_and_its_code_is_free(admin):
    first = buildings.ensure(name="Leipzig", actor=admin)
    assert buildings.ensure(name=" leipzig ", actor=admin) == first
    assert first.code == "LEIPZIG"
    assert buildings.ensure(name="Leipzig!", actor=admin).code == "LEIPZIG-2"
    assert buildings.ensure(name="🦊", actor=admin).code == "FOX"
    assert [entry.target for entry in AuditEntry.objects.order_by("pk")] == [
        "Leipzig", "Leipzig!", "🦊",
    ]  # fmt: skip


def test_who_comes_second_with_a_name_is_told_so(admin, berlin):
    rooms.create(room=rooms.RoomFacts(name="Berlin 3.14", building=berlin), actor=admin)
    with pytest.raises(ActionRejected, match=r"room\.name_taken"):
        rooms.create(room=rooms.RoomFacts(name="berlin 3.14", building=berlin), actor=admin)
    other = rooms.create(room=rooms.RoomFacts(name="Berlin 3.15", building=berlin), actor=admin)
    with pytest.raises(ActionRejected, match=r"room\.name_taken"):
        rooms.edit(room=other, to=rooms.RoomFacts(name="Berlin 3.14", building=berlin), actor=admin)


def test_editing_takes_no_link_away_that_the_room_was_given_meanwhile(admin, berlin):
    room = rooms.create(room=a_room(berlin), actor=admin)
    loaded = Room.objects.get(pk=room.pk)
    space = factories.make_space()
    Room.objects.filter(pk=room.pk).update(space=space)
    rooms.edit(room=loaded, to=a_room(berlin, capacity=99), actor=admin)
    room.refresh_from_db()
    assert (room.space, room.capacity) == (space, 99)


# --- Owners and deputies who can sign in, or not -----------------------------------------------------

NOBODY = [
    ("c_188@resource.calendar.google.com", "calendar address of a room"),
    ("c_188@group.calendar.google.com", "address of a calendar"),
    ("bot@project.iam.gserviceaccount.com", "service account"),
    ("team@googlegroups.com", "is a group"),
    ("somebody@gmail.com", "private Google account"),
    ("stranger@elsewhere.example", "not of an allowed domain"),
    ("room-owner+rooms@example.com", "Enter room-owner@example.com instead"),
    ("room-owner", "is not an e-mail address"),
]


@pytest.mark.parametrize("field", ["owners", "deputies"])
@pytest.mark.parametrize(("address", "words"), NOBODY)
def test_an_address_that_never_signs_in_is_refused_at_entry(admin, berlin, field, address, words):
    with pytest.raises(ActionRejected, match=r"address\.never_signs_in") as rejection:
        rooms.create(room=a_room(berlin, **{field: (address,)}), actor=admin)
    assert re.search(words, rejection.value.params["why"])
    room = rooms.create(room=a_room(berlin), actor=admin)
    people, entries = Person.objects.count(), AuditEntry.objects.count()
    with pytest.raises(ActionRejected, match=r"address\.never_signs_in"):
        rooms.edit(room=room, to=a_room(berlin, **{field: ("room-owner@example.com", address)}), actor=admin)
    assert (Person.objects.count(), AuditEntry.objects.count()) == (people, entries)
    assert rooms.facts(room) == a_room(berlin)


def test_every_address_that_never_signs_in_is_named_at_once(admin, berlin):
    with pytest.raises(ActionRejected) as refusal:
        rooms.create(room=a_room(berlin, owners=tuple(address for address, _words in NOBODY)), actor=admin)
    assert all(address in refusal.value.params["why"] for address, _words in NOBODY)


def test_an_owner_from_before_does_not_keep_anybody_from_editing_the_room(admin, berlin):
    """The list of domains may have become shorter since."""
    room = rooms.create(room=a_room(berlin), actor=admin)
    room.ownerships.create(person=factories.make_person("partner@elsewhere.example"))
    to = replace(rooms.facts(room), notes="new")
    assert rooms.edit(room=room, to=to, actor=admin).message == Message("room.saved", {"room": "3.14"})
    assert rooms.facts(room).owners == ("partner@elsewhere.example", "room-owner@example.com")


def test_new_owners_who_have_not_signed_in_are_named(admin, berlin):
    factories.make_person("known@example.com")
    room = rooms.create(room=a_room(berlin), actor=admin)
    to = a_room(berlin, owners=("room-owner@example.com", "known@example.com", "all-hands@example.com"))
    outcome = rooms.edit(room=room, to=to, actor=admin)
    assert outcome.code == "room.saved_with_new_people"
    assert outcome.params["then"] == Message("people.not_signed_in", {"address": ("all-hands@example.com",)})


def test_an_owner_without_an_address_is_not_taken_away_by_a_form(admin, berlin):
    """No form can name them; an admin settles or hands over what is theirs."""
    room = rooms.create(room=a_room(berlin), actor=admin)
    former = factories.make_person(email="former@example.com", name="Ann")
    room.ownerships.create(person=former)
    Person.objects.filter(pk=former.pk).update(email=None, former_email="former@example.com")
    assert rooms.facts(room) == a_room(berlin)
    rooms.edit(room=room, to=a_room(berlin, owners=(), notes="new"), actor=admin)
    assert [one.person for one in room.ownerships.all() if one.kind == "owner"] == [former]
