"""Admitting people, giving roles, locking out."""

import pytest

from spaces.access import SYSTEM, NotAllowed
from spaces.actions import people
from spaces.audit import ActionRejected
from spaces.message import Message
from spaces.models import AuditEntry, Building, Ownership, Person, Role
from tests import factories


def admit(email: str, google_id: str = "100", name: str = "Somebody") -> Person:
    return people.admit(google_id=google_id, email=email, name=name, actor=SYSTEM)


def set_role(email: str, role: str, actor: Person, buildings: tuple[Building, ...] = ()):
    return people.set_role(email=email, role=role, buildings=buildings, actor=actor)


# --- Admit ----------------------------------------------------------------------------------------


def test_somebody_new_becomes_a_colleague(db):
    person = admit("New@Example.com")
    assert (person.email, person.google_id, person.name, person.role) == (
        "new@example.com", "100", "Somebody", Role.COLLEAGUE,
    )  # fmt: skip
    assert not person.has_usable_password()


def test_who_was_given_a_room_before_is_recognised_at_the_first_sign_in(db):
    invited = Person.objects.named("later@example.com")
    room = factories.make_room(owners=(invited,))
    person = admit("later@example.com")
    assert person == invited
    assert Ownership.objects.get(room=room).person == person
    assert Person.objects.count() == 1


def test_the_google_id_is_the_person_and_the_address_may_move(db):
    first = admit("maiden@example.com", "100")
    room = factories.make_room(owners=(first,))
    again = admit("married@example.com", "100")
    assert again.pk == first.pk
    assert again.email == "married@example.com"
    assert Ownership.objects.get(room=room).person == again


def test_an_address_that_went_to_somebody_else_brings_no_rights_along(db):
    former = admit("ann@example.com", "100")
    Person.objects.filter(pk=former.pk).update(role=Role.ADMIN)
    room = factories.make_room(owners=(former,))
    newcomer = admit("ann@example.com", "200")
    assert newcomer.pk != former.pk
    assert newcomer.role == Role.COLLEAGUE
    assert not newcomer.ownerships.exists()
    former.refresh_from_db()
    assert (former.email, former.mail_address, former.former_email) == (None, None, "ann@example.com")
    assert former.address_taken_by == newcomer
    assert Ownership.objects.get(room=room).person == former
    assert AuditEntry.objects.get().target == "ann@example.com"


def test_rooms_given_to_the_new_address_are_handed_over(db):
    person = admit("maiden@example.com", "100")
    both = factories.make_room(owners=(person,))
    invited = Person.objects.named("married@example.com")
    invited.role = Role.HELPDESK
    invited.save()
    other = factories.make_room(deputies=(invited,))
    Ownership.objects.create(room=both, person=invited)
    person = admit("married@example.com", "100")
    assert set(person.ownerships.values_list("room", "kind")) == {
        (both.pk, "owner"), (other.pk, "deputy"),
    }  # fmt: skip
    assert person.role == Role.HELPDESK
    assert not Person.objects.filter(pk=invited.pk).exists()


def test_the_first_admins_come_from_configuration_and_it_is_written_down(db, settings):
    person = admit("it-admin@example.com")
    assert person.role == Role.ADMIN
    entry = AuditEntry.objects.get()
    assert (entry.actor_name, entry.target, entry.after) == (
        "Meetadmin", "it-admin@example.com", {"role": "admin"},
    )  # fmt: skip


def test_who_is_given_a_first_admins_old_address_is_no_admin(db, settings):
    admit("it-admin@example.com", "100")
    assert admit("it-admin@example.com", "200").role == Role.COLLEAGUE
    assert admit("it-admin@example.com", "200").role == Role.COLLEAGUE


def test_who_was_locked_out_by_their_new_address_stays_out(admin):
    admit("maiden@example.com", "100")
    people.set_active(person=Person.objects.named("married@example.com"), active=False, actor=admin)
    assert admit("married@example.com", "100").is_active is False
    assert Person.objects.get(google_id="100").is_active is False


def test_a_role_that_was_taken_away_does_not_come_back_by_signing_in(db, admin):
    person = admit("it-admin@example.com", admin.google_id or "")
    Person.objects.filter(pk=person.pk).update(role=Role.COLLEAGUE, last_login=person.created_at)
    assert admit("it-admin@example.com", admin.google_id or "").role == Role.COLLEAGUE


def test_nobody_but_the_sign_in_admits(admin):
    with pytest.raises(NotAllowed):
        people.admit(google_id="1", email="x@example.com", name="", actor=admin)
    assert not Person.objects.filter(email="x@example.com").exists()


# --- Roles ----------------------------------------------------------------------------------------


def test_a_role_can_be_given_before_the_first_sign_in(admin):
    outcome = set_role(" Later@Example.com ", Role.HELPDESK, admin)
    assert outcome.code == "people.role_given_unproven"
    assert outcome.params["then"] == Message("people.not_signed_in", {"address": "later@example.com"})
    person = Person.objects.get(email="later@example.com")
    assert (person.role, person.google_id) == (Role.HELPDESK, None)
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.target, entry.actor) == ("people:manage", "later@example.com", admin)
    assert entry.before == {"role": "colleague", "buildings": []}
    assert entry.after == {"role": "helpdesk", "buildings": []}


def test_an_admin_may_be_limited_to_buildings_and_others_are_not(admin, helpdesk):
    berlin = factories.make_building()
    set_role("second@example.com", Role.ADMIN, admin, (berlin,))
    assert list(Person.objects.get(email="second@example.com").buildings.all()) == [berlin]
    with pytest.raises(ActionRejected, match=r"people\.buildings_without_admin"):
        set_role("second@example.com", Role.HELPDESK, admin, (berlin,))
    set_role("second@example.com", Role.HELPDESK, admin)
    assert not Person.objects.get(email="second@example.com").buildings.exists()


def test_the_same_role_again_is_no_news(admin, helpdesk):
    assert set_role(helpdesk.email, Role.HELPDESK, admin).code == "people.role_unchanged"
    assert not AuditEntry.objects.exists()


def test_another_domain_gets_no_role(admin):
    with pytest.raises(ActionRejected, match=r"address\.never_signs_in"):
        set_role("stranger@elsewhere.example", Role.HELPDESK, admin)
    assert not Person.objects.filter(email="stranger@elsewhere.example").exists()


@pytest.mark.parametrize("role", [Role.COLLEAGUE, Role.HELPDESK])
def test_the_last_admin_cannot_go(admin, role):
    with pytest.raises(ActionRejected, match=r"people\.last_admin"):
        set_role(admin.email, role, admin)
    admin.refresh_from_db()
    assert admin.role == Role.ADMIN


def test_the_last_admin_cannot_be_limited_or_locked_out(admin):
    limited = factories.make_person(role=Role.ADMIN)
    berlin = factories.make_building()
    limited.buildings.set([berlin])
    with pytest.raises(ActionRejected, match=r"people\.last_admin"):
        set_role(admin.email, Role.ADMIN, admin, (berlin,))
    with pytest.raises(ActionRejected, match=r"people\.last_admin"):
        people.set_active(person=admin, active=False, actor=admin)
    admin.refresh_from_db()
    assert admin.is_active
    assert not admin.buildings.exists()


def test_one_of_two_admins_can_go(admin):
    second = factories.make_person(role=Role.ADMIN)
    set_role(admin.email, Role.COLLEAGUE, second)
    admin.refresh_from_db()
    assert admin.role == Role.COLLEAGUE


@pytest.mark.parametrize("who", ["helpdesk", "owner", "colleague", "limited"])
def test_only_unlimited_admins_give_roles_and_lock_out(admin, request, who):
    """An admin limited to buildings could otherwise lift the limit."""
    if who == "limited":
        person = factories.make_person(role=Role.ADMIN)
        person.buildings.set([factories.make_building()])
    else:
        person = request.getfixturevalue(who)
    with pytest.raises(NotAllowed):
        set_role(person.handle, Role.ADMIN, person)
    with pytest.raises(NotAllowed):
        people.set_active(person=admin, active=False, actor=person)
    assert not AuditEntry.objects.exists()


def test_locking_out_and_letting_in_again(admin, owner):
    assert people.set_active(person=owner, active=False, actor=admin).code == "people.locked"
    assert Person.objects.get(pk=owner.pk).is_active is False
    people.set_active(person=owner, active=False, actor=admin)
    assert AuditEntry.objects.count() == 1
    people.set_active(person=owner, active=True, actor=admin)
    assert Person.objects.get(pk=owner.pk).is_active is True
    assert [entry.after for entry in AuditEntry.objects.order_by("pk")] == [
        {"active": False}, {"active": True},
    ]  # fmt: skip
