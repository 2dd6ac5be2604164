"""Merging two rows of one person, keeping them apart, and handing rooms over."""

import pytest
from django.db.models import ForeignObjectRel

from spaces import access
from spaces.access import OPERATOR, SYSTEM, NotAllowed
from spaces.actions import people, rooms, succession
from spaces.audit import ActionRejected
from spaces.message import Message
from spaces.models import (
    AuditEntry,
    Favourite,
    Member,
    Ownership,
    Person,
    PersonAlias,
    Preferences,
    Role,
    Room,
    SavedFilter,
)
from tests import factories

ANN = "room-owner@example.com"


def admit(email: str, google_id: str = "100", name: str = "Room Owner") -> Person:
    return people.admit(google_id=google_id, email=email, name=name, actor=SYSTEM)


def merge(person: Person, other: Person, actor: Person, key: str = ""):
    return succession.merge(person=person, other=other, reason="HR says so", actor=actor, key=key)


def kinds(person: Person) -> set[tuple[int, str]]:
    return set(person.ownerships.values_list("room", "kind"))


@pytest.fixture
def recreated(db) -> tuple[Person, Person]:
    """A Google account that was deleted and made again with the same address: the earlier row and the new one."""
    earlier = admit(ANN, "100")
    return earlier, admit(ANN, "200", "")


# --- An address that another Google account uses now -----------------------------------------------


def test_a_recreated_account_leaves_nothing_to_mail(recreated):
    earlier, present = recreated
    earlier.refresh_from_db()
    assert earlier.mail_address is None
    assert earlier.handle == "formerly room-owner@example.com"
    assert earlier.label == "Room Owner (formerly room-owner@example.com)"
    assert (earlier.address_taken_by, present.mail_address) == (present, ANN)
    assert not Person.objects.filter(email__startswith="former").exists()


def test_merging_a_recreated_account_moves_everything_in_one_audited_step(recreated, admin):
    earlier, present = recreated
    owned, shared, deputised = factories.make_room(), factories.make_room(), factories.make_room()
    Ownership.objects.create(room=owned, person=earlier)
    Ownership.objects.create(room=shared, person=earlier)
    Ownership.objects.create(room=shared, person=present, kind=Ownership.Kind.DEPUTY)
    Ownership.objects.create(room=deputised, person=earlier, kind=Ownership.Kind.DEPUTY)
    account = factories.make_account("room-owner@example.com", kind="consented", person=earlier)
    Favourite.objects.create(person=earlier, room=owned)
    Favourite.objects.create(person=earlier, room=shared)
    Favourite.objects.create(person=present, room=shared)
    SavedFilter.objects.create(person=earlier, name="Mine", query="mine=on")
    SavedFilter.objects.create(person=present, name="mine", query="state=stuck")
    Preferences.objects.create(person=earlier, columns=["people"])
    Person.objects.filter(pk=earlier.pk).update(role=Role.HELPDESK, language="de", time_zone="Europe/Berlin")
    before = AuditEntry.objects.count()

    outcome = merge(earlier, present, admin)

    earlier.refresh_from_db()
    present.refresh_from_db()
    account.refresh_from_db()
    assert outcome.level == "success"
    assert kinds(present) == {(owned.pk, "owner"), (shared.pk, "owner"), (deputised.pk, "deputy")}
    assert not earlier.ownerships.exists()
    assert (present.role, present.language, present.time_zone) == (Role.HELPDESK, "de", "Europe/Berlin")
    assert set(present.favourites.values_list("room", flat=True)) == {owned.pk, shared.pk}
    assert set(present.saved_filters.values_list("name", "query")) == {
        ("mine", "state=stuck"), ("Mine (2)", "mine=on"),
    }  # fmt: skip
    assert present.preferences.columns == ["people"]
    assert account.person == present
    assert (earlier.merged_into, earlier.is_active, earlier.role) == (present, False, Role.COLLEAGUE)
    assert (earlier.email, earlier.former_email, earlier.address_taken_by) == (None, ANN, None)
    assert AuditEntry.objects.count() == before + 1
    entry = AuditEntry.objects.first()
    assert entry is not None
    assert entry.after is not None
    assert (entry.action, entry.target, entry.reason) == ("people:merge", ANN, "HR says so")
    assert entry.after["owner_of"] == [owned.slug, shared.slug]


def test_every_relation_to_a_person_is_moved_or_kept_on_purpose():
    """A table that names people and is forgotten here would be lost by merging."""
    moved = {"PersonAlias.person", "Favourite.person", "SavedFilter.person", "Preferences.person", "Account.person",
             "Ownership.person", "Person.address_taken_by", "Person.merged_into"}  # fmt: skip
    kept = {"AuditEntry.actor", "DeviceIdentity.confirmed_by", "SocialAccount.user", "EmailAddress.user"}
    names = {
        f"{each.related_model.__name__}.{each.field.name}"
        for each in Person._meta.get_fields(include_hidden=True)
        if isinstance(each, ForeignObjectRel) and not each.many_to_many and each.related_model is not None
    }
    assert names - {"Person_buildings.person"} == moved | kept


def test_merging_twice_is_merging_once(recreated, admin):
    earlier, present = recreated
    for key in ("k" * 20, "k" * 20, "l" * 20):
        merge(Person.objects.get(pk=earlier.pk), Person.objects.get(pk=present.pk), admin, key)
    assert AuditEntry.objects.filter(action="people:merge").count() == 1


def test_the_page_shows_what_merging_would_do_and_does_nothing(recreated):
    earlier, present = recreated
    room = factories.make_room(owners=(earlier,))
    earlier.refresh_from_db()
    plan = succession.plan_merge(present, earlier)
    assert (plan.old, plan.kept, plan.owned, plan.alias) == (earlier, present, [room], "")
    assert not present.ownerships.exists()


def test_somebody_else_with_the_address_gets_nothing(recreated, admin):
    earlier, present = recreated
    room = factories.make_room(owners=(earlier,))
    earlier.refresh_from_db()
    for _ in range(2):
        succession.keep_apart(person=earlier, reason="", actor=admin)
        earlier.refresh_from_db()
    assert earlier.address_taken_by is None
    assert kinds(earlier) == {(room.pk, "owner")}
    assert not present.ownerships.exists()
    assert AuditEntry.objects.filter(action="people:keep_apart").count() == 1


def test_the_earlier_account_that_signs_in_again_is_somebody_else(recreated):
    earlier, _present = recreated
    again = admit("room-owner-2@example.com", "100")
    assert again.pk == earlier.pk
    assert (again.email, again.address_taken_by) == ("room-owner-2@example.com", None)


def test_three_accounts_in_a_row_become_one(db, admin):
    first, second, third = admit(ANN, "100"), admit(ANN, "200"), admit(ANN, "300")
    room = factories.make_room(owners=(first,))
    first.refresh_from_db()
    second.refresh_from_db()
    merge(second, third, admin)
    first.refresh_from_db()
    assert first.address_taken_by == third
    merge(first, Person.objects.get(pk=third.pk), admin)
    assert kinds(third) == {(room.pk, "owner")}
    assert set(third.merged.all()) == {first, second}


def test_a_merged_account_is_not_admitted_and_nothing_is_written(recreated, admin):
    earlier, present = recreated
    earlier.refresh_from_db()
    merge(earlier, present, admin)
    entries = AuditEntry.objects.count()
    again = admit("somewhere@example.com", "100")
    assert (again.pk, again.merged_into, again.is_active) == (earlier.pk, present, False)
    earlier.refresh_from_db()
    assert earlier.former_email == ANN
    assert AuditEntry.objects.count() == entries


# --- Aliases ----------------------------------------------------------------------------------------


def test_an_owner_entered_by_alias_is_merged_and_the_alias_remembered(admin):
    person = admit(ANN)
    entered = Person.objects.named("r.owner@example.com")
    room = factories.make_room(owners=(entered,))
    merge(person, entered, admin)  # whichever way round: who signs in stays
    assert kinds(person) == {(room.pk, "owner")}
    assert Person.objects.by_address("R.Owner@example.com ") == person
    assert Person.objects.named("r.owner@example.com") == person
    outcome = people.set_role(email="r.owner@example.com", role=Role.HELPDESK, buildings=(), actor=admin)
    assert outcome.params == {"address": "room-owner@example.com", "role": Message("role.helpdesk")}


def test_an_alias_entered_for_a_room_later_is_the_person(admin):
    person = admit(ANN)
    PersonAlias.objects.create(person=person, address="r.owner@example.com")
    facts = rooms.RoomFacts(
        name="Berlin 3.14",
        building=factories.make_building(),
        owners=(ANN,),
        deputies=("r.owner@example.com",),
    )
    room = rooms.create(room=facts, actor=admin)
    assert kinds(person) == {(room.pk, "owner")}, "owner and deputy by two addresses is an owner"
    assert rooms.facts(room).owners == (ANN,)


def test_a_member_of_the_space_by_alias_takes_part(admin):
    person = admit(ANN)
    PersonAlias.objects.create(person=person, address="r.owner@example.com")
    space = factories.make_space()
    room = factories.make_room(space=space)
    Member.objects.create(space=space, email="r.owner@example.com")
    assert access.can(person, access.Permission.CALL_SEE, room)


def test_an_alias_that_becomes_the_primary_address_is_the_same_person(admin):
    entered, typed = Person.objects.named(ANN), Person.objects.named("r.owner@example.com")
    room = factories.make_room(owners=(typed,))
    merge(typed, entered, admin)
    person = admit("r.owner@example.com")
    assert person.pk == entered.pk
    assert kinds(person) == {(room.pk, "owner")}
    assert set(person.aliases.values_list("address", flat=True)) == {ANN}


def test_a_new_address_of_a_person_keeps_the_old_one_as_an_alias(db):
    person = admit("maiden@example.com")
    admit("married@example.com")
    assert Person.objects.by_address("maiden@example.com") == person


def test_an_alias_that_goes_to_another_account_brings_no_rights_along(admin):
    person = admit("maiden@example.com", "100")
    factories.make_room(owners=(person,))
    admit("married@example.com", "100")
    other = admit("maiden@example.com", "200")
    person.refresh_from_db()
    assert other.pk != person.pk
    assert not other.ownerships.exists()
    assert (person.email, person.address_taken_by) == ("married@example.com", other)
    assert Person.objects.by_address("maiden@example.com") == other
    assert not PersonAlias.objects.exists()


def test_a_first_admins_old_address_makes_nobody_admin(db):
    admit("it-admin@example.com", "100")
    admit("chief@example.com", "100")
    assert admit("it-admin@example.com", "200").role == Role.COLLEAGUE


# --- What cannot be merged ---------------------------------------------------------------------------


def test_the_same_row_cannot_be_merged(admin):
    with pytest.raises(ActionRejected, match=r"merge\.same_entry"):
        merge(admin, admin, admin)


def test_a_merged_row_cannot_be_merged_changed_or_let_in(recreated, admin, owner):
    earlier, present = recreated
    earlier.refresh_from_db()
    merge(earlier, present, admin)
    earlier.refresh_from_db()
    for attempt in (
        lambda: merge(earlier, admin, admin),
        lambda: people.change_role(person=earlier, role=Role.ADMIN, buildings=(), actor=admin),
        lambda: people.set_active(person=earlier, active=True, actor=admin),
    ):
        with pytest.raises(ActionRejected, match=r"people\.merged_away"):
            attempt()


@pytest.fixture
def owner(db) -> Person:
    return factories.make_person("owner-2@example.com")


@pytest.mark.parametrize("locked", [0, 1])
def test_a_locked_out_person_is_not_let_in_by_merging(admin, owner, colleague, locked):
    Person.objects.filter(pk=(owner, colleague)[locked].pk).update(is_active=False)
    owner.refresh_from_db()
    colleague.refresh_from_db()
    with pytest.raises(ActionRejected, match=r"merge\.one_locked"):
        merge(owner, colleague, admin)
    assert not AuditEntry.objects.exists()


@pytest.mark.parametrize(
    ("roles", "limits", "after"),
    [
        (("colleague", "helpdesk"), ((), ()), ("helpdesk", ())),
        (("helpdesk", "colleague"), ((), ()), ("helpdesk", ())),
        (("admin", "helpdesk"), (("BER",), ()), ("admin", ("BER",))),
        (("colleague", "admin"), ((), ("MUC",)), ("admin", ("MUC",))),
        (("admin", "admin"), (("BER",), ("MUC",)), ("admin", ("BER", "MUC"))),
        (("admin", "admin"), ((), ("MUC",)), ("admin", ())),
        (("admin", "admin"), (("BER",), ()), ("admin", ())),
    ],
)
def test_the_stronger_role_stays_and_limits_are_joined(admin, owner, colleague, roles, limits, after):
    for person, role, codes in zip((owner, colleague), roles, limits, strict=True):
        Person.objects.filter(pk=person.pk).update(role=role)
        person.buildings.set([factories.make_building(code) for code in codes])
    merge(owner, colleague, admin)
    colleague.refresh_from_db()
    assert colleague.role == after[0]
    assert set(colleague.buildings.values_list("code", flat=True)) == set(after[1])


@pytest.mark.parametrize("who", ["helpdesk", "colleague", "limited"])
def test_only_unlimited_admins_merge_and_hand_over(admin, owner, request, who):
    if who == "limited":
        person = factories.make_person(role=Role.ADMIN)
        person.buildings.set([factories.make_building()])
    else:
        person = request.getfixturevalue(who)
    room = factories.make_room(owners=(owner,))
    for attempt in (
        lambda: merge(owner, person, person),
        lambda: succession.keep_apart(person=owner, reason="", actor=person),
        lambda: succession.separate(person=owner, reason="", actor=person),
        lambda: hand_over(owner, person.handle, person),
    ):
        with pytest.raises(NotAllowed):
            attempt()
    assert kinds(owner) == {(room.pk, "owner")}
    assert not AuditEntry.objects.exists()


def test_a_merge_by_mistake_is_undone_as_far_as_signing_in_goes(admin, owner, colleague):
    room = factories.make_room(owners=(owner,))
    address = owner.email
    merge(owner, colleague, admin)
    owner.refresh_from_db()
    succession.separate(person=owner, reason="wrong person", actor=admin)
    again = admit(str(address), str(owner.google_id))
    assert (again.pk, again.is_active, again.merged_into, again.email) == (owner.pk, True, None, address)
    assert again.role == Role.COLLEAGUE
    assert kinds(colleague) == {(room.pk, "owner")}
    assert Person.objects.by_address(str(address)) == again


# --- The only admin ---------------------------------------------------------------------------------


def test_the_only_admin_whose_account_was_recreated_comes_back_from_the_server(db):
    earlier = admit("it-admin@example.com", "100")
    assert earlier.role == Role.ADMIN
    present = admit("it-admin@example.com", "200")
    assert present.role == Role.COLLEAGUE
    earlier.refresh_from_db()
    succession.merge(person=earlier, other=present, reason="", actor=OPERATOR)
    present.refresh_from_db()
    assert present.role == Role.ADMIN


def test_an_admin_who_cannot_sign_in_does_not_count_as_the_one_who_is_left(admin):
    people.set_role(email="typed@example.com", role=Role.ADMIN, buildings=(), actor=admin)
    with pytest.raises(ActionRejected, match=r"people\.last_admin"):
        people.set_role(email=admin.handle, role=Role.COLLEAGUE, buildings=(), actor=admin)
    factories.make_person("gone@example.com", role=Role.ADMIN, google_id="77")
    Person.objects.filter(google_id="77").update(email=None, former_email="gone@example.com")
    with pytest.raises(ActionRejected, match=r"people\.last_admin"):
        people.set_active(person=admin, active=False, actor=admin)


# --- Leavers ----------------------------------------------------------------------------------------


def hand_over(person: Person, to: str, actor: Person, *, deputies: bool = True, key: str = ""):
    return succession.hand_over(
        person=person, to=to, deputies=deputies, reason="left the company", actor=actor, key=key
    )


def test_all_rooms_go_to_a_successor_in_one_step(admin, owner, colleague):
    first, second = (
        factories.make_room("A", owners=(owner,)),
        factories.make_room("B", owners=(owner, colleague)),
    )
    deputised = factories.make_room("C", deputies=(owner,))
    plan = succession.plan_hand_over(owner, colleague.handle)
    assert ([room.name for room in plan.owned], [room.name for room in plan.deputy]) == (["A", "B"], ["C"])
    assert not AuditEntry.objects.exists()
    outcome = hand_over(owner, colleague.handle, admin)
    assert outcome.message == Message(
        "hand_over.done", {"number": 3, "person": "owner-2@example.com", "to": "colleague@example.com"}
    )
    assert kinds(colleague) == {(first.pk, "owner"), (second.pk, "owner"), (deputised.pk, "deputy")}
    assert not kinds(owner)
    step = AuditEntry.objects.get(action="people:succeed")
    assert (step.target, step.reason) == ("owner-2@example.com", "left the company")
    assert step.after == {"rooms": [first.slug, second.slug, deputised.slug]}
    told = AuditEntry.objects.filter(action="room:edit")
    assert set(told.values_list("room", flat=True)) == {first.pk, second.pk, deputised.pk}
    hand_over(owner, colleague.handle, admin)
    assert AuditEntry.objects.count() == 4, "a second time there is nothing left to do"


def test_rooms_of_which_somebody_is_deputy_can_stay(admin, owner, colleague):
    factories.make_room(owners=(owner,))
    deputised = factories.make_room(deputies=(owner,))
    hand_over(owner, colleague.handle, admin, deputies=False)
    assert kinds(owner) == {(deputised.pk, "deputy")}


def test_a_successor_who_has_not_signed_in_yet_is_named(admin, owner):
    room = factories.make_room(owners=(owner,))
    assert succession.plan_hand_over(owner, "new@example.com").is_unproven
    assert not Person.objects.filter(email="new@example.com").exists()
    outcome = hand_over(owner, "new@example.com", admin)
    assert outcome.level == "warning"
    assert kinds(Person.objects.get(email="new@example.com")) == {(room.pk, "owner")}


@pytest.mark.parametrize(
    ("to", "code"),
    [
        ("owner-2@example.com", "hand_over.same_person"),
        ("stranger@elsewhere.example", "address.never_signs_in"),
        ("c_188@resource.calendar.google.com", "address.never_signs_in"),
        ("colleague@example.com", "hand_over.locked"),
    ],
)
def test_who_cannot_succeed_is_refused(admin, owner, colleague, to, code):
    factories.make_room(owners=(owner,))
    Person.objects.filter(pk=colleague.pk).update(is_active=False)
    with pytest.raises(ActionRejected, match=code):
        hand_over(owner, to, admin)
    assert Room.objects.get().ownerships.get().person == owner
    assert not AuditEntry.objects.exists()
