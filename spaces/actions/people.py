"""Verbs about people: admit at sign-in, give a role, stop and let in again. Merging and handing over: succession.py."""

from collections.abc import Iterable, Mapping

from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.db import transaction

from spaces import access, audit, live
from spaces.access import Actor, Permission
from spaces.actions.outcomes import Outcome
from spaces.audit import Action
from spaces.google import addresses
from spaces.message import Message
from spaces.models import Building, Person, PersonAlias, Role
from spaces.words import joined


def refuse_addresses(given: Iterable[str]) -> None:
    """Raise ActionRejected, with every reason, when nobody can ever sign in with one of these addresses."""
    reasons = [why for address in given if (why := addresses.explain(address, settings.DOMAINS))]
    if reasons:
        raise audit.ActionRejected("address.never_signs_in", {"why": joined(*reasons)})


def admit(*, google_id: str, email: str, name: str, actor: Actor) -> Person:
    """Return the person who has just proved to be `google_id` (Google's `sub`), with a verified address of an allowed domain.

    Somebody who was given rooms or a role by address before is recognised at the first sign-in. An address that has moved
    to another Google account brings none of the earlier holder's rights; an admin settles whether it is the same person. The
    first admins come from configuration. Nothing is stored for a person who is locked out or was merged: look at `is_active`.
    """
    access.require(actor, Permission.PEOPLE_ADMIT)
    address = email.strip().lower()
    with transaction.atomic():
        everybody = Person.objects.select_for_update(of=("self",))
        person = everybody.filter(google_id=google_id).first()
        if person and not person.is_active:
            return person
        holder = Person.objects.by_address(address)
        holder = everybody.get(pk=holder.pk) if holder else None
        if person is None and holder and not holder.has_signed_in:
            if not holder.is_active:
                return holder
            person = holder
        had_before = Person.objects.filter(former_email=address).exists()
        if holder and holder != person:
            if holder.has_signed_in:
                _lose_address(holder, address, actor)
                had_before = True
            elif person:
                _merge_invitation(holder, person)
        person = person or Person.objects.named(address)
        _take_address(person, google_id, address)
        if holder and holder != person and holder.has_signed_in:
            Person.objects.filter(pk=holder.pk).update(address_taken_by=person)
        person.name = name[:200] or person.name
        if address in settings.FIRST_ADMINS and not person.last_login and not had_before:
            _make_first_admin(person, actor)
        person.save()
    return person


def _take_address(person: Person, google_id: str, address: str) -> None:
    """Give the person this address. Google keeps a replaced one as an alias, so it goes on finding them."""
    PersonAlias.objects.filter(address=address).delete()
    if person.email and person.email != address:
        PersonAlias.objects.create(person=person, address=person.email)
    person.google_id, person.email = google_id, address
    person.address_taken_by = None  # who signs in is another one than the account that took the address


def _lose_address(holder: Person, address: str, actor: Actor) -> None:
    """Another Google account has this address now. The earlier holder keeps their rights and can sign in with another address."""
    audit.note(
        permission=Permission.PEOPLE_ADMIT,
        action=Action.PEOPLE_LOSE_ADDRESS,
        actor=actor,
        about=holder,
        target=address,
        detail=Message("people.address_moved"),
    )
    if holder.email == address:
        Person.objects.filter(pk=holder.pk).update(email=None, former_email=address)
    holder.aliases.filter(address=address).delete()


def _make_first_admin(person: Person, actor: Actor) -> None:
    if person.role == Role.ADMIN:
        return
    person.role = Role.ADMIN
    audit.note(
        permission=Permission.PEOPLE_ADMIT,
        action=Action.PEOPLE_FIRST_ADMIN,
        actor=actor,
        about=person,
        target=person.handle,
        detail=Message("people.first_admin"),
        after={"role": Role.ADMIN},
    )


def _merge_invitation(invited: Person, person: Person) -> None:
    """Somebody known under an old address was given rooms under the new one, or locked out: hand that over."""
    for ownership in invited.ownerships.all():
        person.ownerships.get_or_create(room=ownership.room, defaults={"kind": ownership.kind})
    if person.role == Role.COLLEAGUE:
        person.role = invited.role
        person.buildings.set(invited.buildings.all())
    person.is_active = person.is_active and invited.is_active
    invited.merged.update(merged_into=person)
    invited.aliases.update(person=person)
    other = invited.email
    invited.delete()
    if other:  # an alias brought us here, or it is the address that the person takes next
        PersonAlias.objects.create(person=person, address=other)


_ROLES: Mapping[str, Message] = {
    Role.COLLEAGUE: Message("role.colleague"),
    Role.HELPDESK: Message("role.helpdesk"),
    Role.ADMIN: Message("role.admin"),
}


def set_role(*, email: str, role: str, buildings: Iterable[Building], actor: Actor) -> Outcome:
    """Give the person with this address or alias a role, known to us or not yet. An admin may be limited to buildings.

    Raises NotAllowed; ActionRejected when nobody can sign in with the address, buildings are given for another role than admin,
    or the last unlimited admin would be gone.
    """
    access.require(actor, Permission.PEOPLE_MANAGE)
    person = Person.objects.by_address(email)
    if person is None:
        refuse_addresses([email.strip()])
    with transaction.atomic():
        person = person or Person.objects.named(email)
        return change_role(person=person, role=role, buildings=buildings, actor=actor)


def change_role(*, person: Person, role: str, buildings: Iterable[Building], actor: Actor) -> Outcome:
    """Give this person a role. Raises as `set_role` does; a role can be taken away from everybody."""
    access.require(actor, Permission.PEOPLE_MANAGE)
    wanted = sorted(building.pk for building in buildings)
    if wanted and role != Role.ADMIN:
        raise audit.ActionRejected("people.buildings_without_admin")
    refuse_merged(person)
    if role != Role.COLLEAGUE and role != person.role:
        _refuse_without_sign_in(person)
    with transaction.atomic():
        before = {"role": person.role, "buildings": sorted(person.buildings.values_list("pk", flat=True))}
        after = {"role": role, "buildings": wanted}
        if before == after:
            return Outcome("people.role_unchanged", {"address": person.handle}, "info")
        if role != Role.ADMIN or wanted:
            _refuse_last_admin(person)
        Person.objects.filter(pk=person.pk).update(role=role)
        person.buildings.set(wanted)
        live.rights_changed([person.pk])
        audit.note(
            permission=Permission.PEOPLE_MANAGE,
            actor=actor,
            about=person,
            target=person.handle,
            before=before,
            after=after,
        )
    params = {"address": person.handle, "role": _ROLES.get(role) or access.ROLES[role].label}
    if person.has_signed_in:
        return Outcome("people.role_given", params)
    then = Message("people.not_signed_in", {"address": person.handle})
    return Outcome("people.role_given_unproven", {**params, "then": then})


def refuse_merged(person: Person) -> None:
    """Raise ActionRejected when this row was merged into another person."""
    if person.merged_into:
        params = {"person": person.handle, "into": person.merged_into.handle}
        raise audit.ActionRejected("people.merged_away", params)


def _refuse_without_sign_in(person: Person) -> None:
    if person.email is None:
        raise audit.ActionRejected("people.no_address", {"person": person.handle})
    refuse_addresses([person.email])


def set_active(*, person: Person, active: bool, actor: Actor) -> Outcome:
    """Stop somebody from signing in, or let them in again. It holds from their next click. Raises NotAllowed or ActionRejected."""
    access.require(actor, Permission.PEOPLE_MANAGE)
    refuse_merged(person)
    with transaction.atomic():
        if not active:
            _refuse_last_admin(person)
        if Person.objects.filter(pk=person.pk).exclude(is_active=active).update(is_active=active):
            audit.note(
                permission=Permission.PEOPLE_MANAGE,
                action=Action.PEOPLE_UNLOCK if active else Action.PEOPLE_LOCK,
                actor=actor,
                about=person,
                target=person.handle,
                after={"active": active},
            )
            live.rights_changed([person.pk])
    return Outcome("people.unlocked" if active else "people.locked", {"person": person.handle})


def _refuse_last_admin(person: Person) -> None:
    """Raise ActionRejected when nobody but this person could manage people. Who has never signed in, or whose address was given
    up, does not count: perhaps they never can."""
    admins = list(
        Person.objects.filter(role=Role.ADMIN, is_active=True, buildings=None).select_for_update(of=("self",))
    )
    others = [admin for admin in admins if admin.pk != person.pk and admin.has_signed_in and admin.email]
    if person in admins and not others:
        raise audit.ActionRejected("people.last_admin")


def prefer(*, chosen: Mapping[str, str], actor: Person) -> None:
    """Remember somebody's own language and time zone (`language`, `time_zone`; empty: no choice). It is nobody else's business, so
    neither rights nor the trail are asked."""
    Person.objects.filter(pk=actor.pk).update(
        **{name: chosen[name] for name in ("language", "time_zone") if name in chosen}
    )


def forget_sessions(*, actor: Actor) -> None:
    """Throw away sessions that are over: Django keeps them for good, and everybody who only comes to the door leaves one."""
    access.require(actor, Permission.HISTORY_FORGET)
    SessionStore.clear_expired()
