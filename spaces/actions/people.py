"""Verbs about people: admit at sign-in, give a role, stop and let in again."""

from collections.abc import Iterable, Mapping

from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.db import transaction

from spaces import access, audit, live
from spaces.access import Actor, Permission
from spaces.actions.outcomes import Outcome
from spaces.models import Building, Person, Role
from spaces.words import text as _

FORMER = "former-"
"""So begin the addresses of those whose address went to somebody else."""


def admit(*, google_id: str, email: str, name: str, actor: Actor) -> Person:
    """The person who has just proved to be `google_id` (Google's `sub`), with a verified address of an allowed domain.

    Somebody who was given rooms or a role by address before is recognised at the first sign-in. An address that has moved
    to another human being brings none of the earlier holder's rights. The first admins come from configuration.
    """
    access.require(actor, Permission.PEOPLE_ADMIT)
    address = email.strip().lower()
    with transaction.atomic():
        person = Person.objects.select_for_update().filter(google_id=google_id).first()
        holder = Person.objects.select_for_update().filter(email=address).first()
        if holder and holder != person and holder.google_id:
            _lose_address(holder, actor)
            holder = None
        if person is None:
            person = holder or Person.objects.named(address)
            person.google_id = google_id
        elif holder and holder != person:
            _merge_invitation(holder, person)
        person.email, person.name = address, name[:200] or person.name
        first = address in settings.FIRST_ADMINS and not person.last_login
        if first and not _had_before(address) and person.role != Role.ADMIN:
            person.role = Role.ADMIN
            audit.note(
                verb=Permission.PEOPLE_MANAGE,
                actor=actor,
                target=address,
                detail=_("Admin by configuration (MEETADMIN_FIRST_ADMINS)"),
                after={"role": Role.ADMIN},
            )
        person.save()
    return person


def _lose_address(holder: Person, actor: Actor) -> None:
    """Somebody else has this address now. The earlier holder keeps their rights under a mark and can sign in with a new one."""
    audit.note(
        verb=Permission.PEOPLE_ADMIT,
        actor=actor,
        target=holder.email,
        detail=_(
            "The address belongs to another Google account now; the earlier holder's rights did not go along."
        ),
    )
    holder.email = f"{FORMER}{holder.pk}.{holder.email}"
    holder.save(update_fields=["email"])


def _had_before(address: str) -> bool:
    """Whether this was somebody else's address once."""
    return Person.objects.filter(email__startswith=FORMER, email__endswith=f".{address}").exists()


def _merge_invitation(invited: Person, person: Person) -> None:
    """Somebody known under an old address was given rooms under the new one, or locked out: hand that over."""
    for ownership in invited.ownerships.all():
        person.ownerships.get_or_create(room=ownership.room, defaults={"kind": ownership.kind})
    if person.role == Role.COLLEAGUE:
        person.role = invited.role
        person.buildings.set(invited.buildings.all())
    person.is_active = person.is_active and invited.is_active
    invited.delete()


_ROLES = {Role.COLLEAGUE: _("colleague"), Role.HELPDESK: _("helpdesk"), Role.ADMIN: _("admin")}


def set_role(*, email: str, role: str, buildings: Iterable[Building], actor: Actor) -> Outcome:
    """Give somebody a role, known to us or not yet. An admin may be limited to buildings.

    Raises NotAllowed; audit.Refused when the domain is not allowed or the last unlimited admin would be gone.
    """
    access.require(actor, Permission.PEOPLE_MANAGE)
    address = email.strip().lower()
    if (
        settings.DOMAINS
        and address.rpartition("@")[2] not in settings.DOMAINS
        and not Person.objects.filter(email=address)
    ):
        raise audit.Refused(
            _("%(address)s is not of an allowed domain (%(domains)s) and could not sign in.")
            % {"address": address, "domains": ", ".join(sorted(settings.DOMAINS))}
        )
    wanted = sorted(building.pk for building in buildings) if role == Role.ADMIN else []
    with transaction.atomic():
        person = Person.objects.named(address)
        before = {"role": person.role, "buildings": sorted(person.buildings.values_list("pk", flat=True))}
        after = {"role": role, "buildings": wanted}
        if before == after:
            return Outcome(
                _("Nothing to save: %(address)s has this role already.") % {"address": address}, "info"
            )
        if role != Role.ADMIN or wanted:
            _refuse_last_admin(person)
        Person.objects.filter(pk=person.pk).update(role=role)
        person.buildings.set(wanted)
        live.rights_changed([person.pk])
        audit.note(verb=Permission.PEOPLE_MANAGE, actor=actor, target=address, before=before, after=after)
    return Outcome(_("%(address)s is now %(role)s.") % {"address": address, "role": _ROLES[Role(role)]})


def set_active(*, person: Person, active: bool, actor: Actor) -> Outcome:
    """Stop somebody from signing in, or let them in again. It holds from their next click."""
    access.require(actor, Permission.PEOPLE_MANAGE)
    with transaction.atomic():
        if not active:
            _refuse_last_admin(person)
        if Person.objects.filter(pk=person.pk).exclude(is_active=active).update(is_active=active):
            audit.note(
                verb=Permission.PEOPLE_MANAGE, actor=actor, target=person.email, after={"active": active}
            )
            live.rights_changed([person.pk])
    return Outcome(
        (_("%(person)s may sign in again.") if active else _("%(person)s is locked out."))
        % {"person": person.email}
    )


def _refuse_last_admin(person: Person) -> None:
    admins = Person.objects.filter(role=Role.ADMIN, is_active=True, buildings=None).select_for_update(
        of=("self",)
    )
    if [admin.pk for admin in admins] == [person.pk]:
        raise audit.Refused(
            _("This is the last admin without limits. Make somebody else admin first, or nobody could.")
        )


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
