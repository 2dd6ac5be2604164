"""Verbs about people who turn out to be one, or who leave: merge two rows, keep them apart, hand rooms over.

Each has a plan without side effects, which the page shows before anybody agrees and which the verb itself follows.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import transaction

from spaces import access, audit, live
from spaces.access import Actor, Permission
from spaces.actions.outcomes import Outcome, duplicate
from spaces.actions.people import refuse_addresses, refuse_merged
from spaces.audit import Action
from spaces.message import Message
from spaces.models import Building, Ownership, Person, PersonAlias, Preferences, Role, Room

OWNER, DEPUTY = Ownership.Kind.OWNER, Ownership.Kind.DEPUTY
_STRONGER = {Role.COLLEAGUE: 0, Role.HELPDESK: 1, Role.ADMIN: 2}


@dataclass(frozen=True, slots=True)
class Merge:
    """What becomes of two rows that are one human being. `kept` is the row that stays."""

    old: Person
    kept: Person
    owned: list[Room]
    deputy: list[Room]
    role: Role
    buildings: list[Building]  # what an admin is limited to afterwards; empty: nothing
    favourites: int
    saved_filters: int
    accounts: list[str]  # Google accounts that `old` has connected

    @property
    def alias(self) -> str:
        """The address that becomes an alias of `kept`; empty when there is none."""
        return self.old.email or ""


def plan_merge(person: Person, other: Person) -> Merge:
    """Return what merging these two would do. The row with an address and a sign-in stays; of two equal ones `other` does.

    Raises ActionRejected when they cannot be merged.
    """
    if person.pk == other.pk:
        raise audit.ActionRejected("merge.same_entry")
    for each in (person, other):
        refuse_merged(each)
    old, kept = (other, person) if _standing(person) > _standing(other) else (person, other)
    if old.is_active != kept.is_active:
        locked, other = (kept, old) if old.is_active else (old, kept)
        raise audit.ActionRejected("merge.one_locked", {"person": locked.handle, "other": other.handle})
    return Merge(
        old=old,
        kept=kept,
        owned=_rooms(old, OWNER),
        deputy=_rooms(old, DEPUTY),
        role=max(Role(old.role), Role(kept.role), key=lambda role: _STRONGER[role]),
        buildings=_limits(old, kept),
        favourites=old.favourites.count(),
        saved_filters=old.saved_filters.count(),
        accounts=[account.email for account in old.accounts.order_by("email")],
    )


def _standing(person: Person) -> tuple[bool, bool]:
    return person.email is not None, person.has_signed_in


def _limits(old: Person, kept: Person) -> list[Building]:
    """The buildings that an admin is limited to after merging: none as soon as one of the two is an admin without limits."""
    limits = [list(each.buildings.all()) for each in (old, kept) if each.role == Role.ADMIN]
    if not limits or not all(limits):
        return []
    return sorted({building for each in limits for building in each}, key=lambda building: building.pk)


def _rooms(person: Person, kind: str) -> list[Room]:
    return list(
        Room.objects.filter(ownerships__person=person, ownerships__kind=kind)
        .select_related("building")
        .order_by("building__name", "name")
    )


def merge(*, person: Person, other: Person, reason: str, actor: Actor, key: str = "") -> Outcome:
    """Make one person of two rows: rooms, role, accounts, favourites, filters and preferences move, the address becomes an
    alias. The other row stays for the audit log, and nobody signs in as it any more. Safe to repeat.

    Raises NotAllowed or ActionRejected.
    """
    access.require(actor, Permission.PEOPLE_MERGE)
    if person.merged_into_id == other.pk or other.merged_into_id == person.pk:
        return Outcome("merge.done_already", level="info")
    try:
        with transaction.atomic():
            list(
                Person.objects.filter(pk__in=[person.pk, other.pk])
                .select_for_update(of=("self",))
                .order_by("pk")
            )
            person.refresh_from_db()
            other.refresh_from_db()
            plan = plan_merge(person, other)
            detail = Message("merge.merged", {"old": plan.old.label, "kept": plan.kept.label})
            before = {"role": plan.kept.role, "buildings": _names(plan.kept.buildings.all())}
            _carry_out(plan)
            audit.note(
                permission=Permission.PEOPLE_MERGE,
                actor=actor,
                about=plan.kept,
                target=plan.kept.handle,
                reason=reason,
                detail=detail,
                before=before,
                after={
                    "role": plan.role,
                    "buildings": _names(plan.buildings),
                    "owner_of": [room.slug for room in plan.owned],
                    "deputy_of": [room.slug for room in plan.deputy],
                },
                key=key,
            )
    except audit.DuplicateRequest as again:
        return duplicate(again.entry)
    return Outcome("merge.done", {"old": plan.old.handle, "kept": plan.kept.handle})


def _names(buildings: Iterable[Building]) -> list[str]:
    return [building.name for building in buildings]


def _carry_out(plan: Merge) -> None:
    old, kept = plan.old, plan.kept
    live.rooms_changed([ownership.room_id for ownership in _move_rooms(old, kept)])
    live.rights_changed([old.pk, kept.pk])
    old.accounts.update(person=kept)
    _move_arrangements(old, kept)
    old.merged.update(merged_into=kept)
    old.addresses_taken.exclude(pk=kept.pk).update(address_taken_by=kept)
    Person.objects.filter(pk=kept.pk, address_taken_by=old).update(address_taken_by=None)
    old.aliases.update(person=kept)
    former, kept.role = old.email or old.former_email, plan.role
    kept.language, kept.time_zone = kept.language or old.language, kept.time_zone or old.time_zone
    kept.name = kept.name or old.name
    kept.save(update_fields=["role", "language", "time_zone", "name"])
    kept.buildings.set(plan.buildings)
    old.buildings.clear()
    Person.objects.filter(pk=old.pk).update(
        email=None,
        former_email=former,
        role=Role.COLLEAGUE,
        is_active=False,
        merged_into=kept,
        address_taken_by=None,
    )
    if plan.alias:
        PersonAlias.objects.create(person=kept, address=plan.alias)


def _move_rooms(person: Person, to: Person, kinds: tuple[str, ...] = (OWNER, DEPUTY)) -> list[Ownership]:
    """Give `to` what `person` is to rooms; who is both owner and deputy of one becomes its owner. Returns the ownerships that
    `person` had."""
    theirs = {ownership.room_id: ownership for ownership in to.ownerships.all()}
    moved = list(person.ownerships.filter(kind__in=kinds).select_related("room__building", "room__space"))
    for ownership in moved:
        if known := theirs.get(ownership.room_id):
            if ownership.kind == OWNER and known.kind != OWNER:
                Ownership.objects.filter(pk=known.pk).update(kind=OWNER)
            Ownership.objects.filter(pk=ownership.pk).delete()
        else:
            Ownership.objects.filter(pk=ownership.pk).update(person=to)
    return moved


def _move_arrangements(old: Person, kept: Person) -> None:
    """Favourites, saved filters and columns; where both have one of a kind, that of `kept` stays."""
    stars = set(kept.favourites.values_list("room", flat=True))
    old.favourites.exclude(room__in=stars).update(person=kept)
    taken = {name.lower() for name in kept.saved_filters.values_list("name", flat=True)}
    for saved in old.saved_filters.all():
        name, number = saved.name, 2
        while name.lower() in taken:
            name, number = f"{saved.name[:54]} ({number})", number + 1
        taken.add(name.lower())
        saved.person, saved.name = kept, name
        saved.save(update_fields=["person", "name"])
    if not Preferences.objects.filter(person=kept).exists():
        Preferences.objects.filter(person=old).update(person=kept)


def keep_apart(*, person: Person, reason: str, actor: Actor) -> Outcome:
    """Settle that the Google account which uses this person's address now is somebody else. Nothing moves. Safe to repeat.

    Raises NotAllowed.
    """
    access.require(actor, Permission.PEOPLE_MERGE)
    taker = person.address_taken_by
    if taker is None:
        return Outcome("merge.nothing_to_settle", {"person": person.handle}, "info")
    with transaction.atomic():
        if Person.objects.filter(pk=person.pk, address_taken_by=taker).update(address_taken_by=None):
            audit.note(
                permission=Permission.PEOPLE_MERGE,
                action=Action.PEOPLE_KEEP_APART,
                actor=actor,
                about=taker,
                target=taker.handle,
                reason=reason,
                detail=Message("merge.kept_apart", {"old": person.label, "kept": taker.label}),
            )
    return Outcome("merge.stay_apart", {"old": person.handle, "kept": taker.handle})


def separate(*, person: Person, reason: str, actor: Actor) -> Outcome:
    """Undo a merge as far as signing in goes: the account may sign in again, as a colleague without rooms. Safe to repeat.

    What was moved stays where it is; the audit entry of the merge names it. Raises NotAllowed.
    """
    access.require(actor, Permission.PEOPLE_MERGE)
    kept = person.merged_into
    if kept is None:
        return Outcome("merge.not_merged", {"person": person.handle}, "info")
    with transaction.atomic():
        address = person.former_email
        kept.aliases.filter(address=address).delete()
        if Person.objects.filter(email=address).exists():
            address = ""
        Person.objects.filter(pk=person.pk).update(
            merged_into=None,
            is_active=True,
            email=address or None,
            former_email="" if address else person.former_email,
        )
        person.refresh_from_db()
        audit.note(
            permission=Permission.PEOPLE_MERGE,
            action=Action.PEOPLE_SEPARATE,
            actor=actor,
            about=kept,
            target=kept.handle,
            reason=reason,
            detail=Message("merge.separated", {"old": person.label, "kept": kept.label}),
        )
    return Outcome("merge.two_again", {"old": person.handle, "kept": kept.handle})


@dataclass(frozen=True, slots=True)
class HandOver:
    """Which rooms would go from a person to a successor. `successor` is None while nobody is known under `address`."""

    person: Person
    address: str
    successor: Person | None
    owned: list[Room]
    deputy: list[Room]

    @property
    def is_unproven(self) -> bool:
        """Whether nobody has signed in with the successor's address yet."""
        return self.successor is None or not self.successor.has_signed_in


def plan_hand_over(person: Person, to: str) -> HandOver:
    """Return what handing this person's rooms over to the address `to` would do. Raises ActionRejected when it cannot be."""
    address = to.strip().lower()
    successor = Person.objects.by_address(address)
    if successor is None:
        refuse_addresses([address])
    elif successor.pk == person.pk:
        raise audit.ActionRejected("hand_over.same_person")
    elif not successor.is_active:
        raise audit.ActionRejected("hand_over.locked", {"person": successor.handle})
    elif successor.email:
        refuse_addresses([successor.email])
    return HandOver(
        person=person,
        address=address,
        successor=successor,
        owned=_rooms(person, OWNER),
        deputy=_rooms(person, DEPUTY),
    )


def hand_over(
    *, person: Person, to: str, deputies: bool, reason: str, actor: Actor, key: str = ""
) -> Outcome:
    """Make somebody else owner of all rooms this person owns, with `deputies` also deputy where the person is one. One step,
    written into the audit log as such and for each room. Safe to repeat.

    Raises NotAllowed or ActionRejected.
    """
    access.require(actor, Permission.PEOPLE_SUCCEED)
    try:
        with transaction.atomic():
            plan = plan_hand_over(person, to)
            successor = plan.successor or Person.objects.named(plan.address)
            rooms = plan.owned + (plan.deputy if deputies else [])
            if not rooms:
                return Outcome("hand_over.no_rooms", {"person": person.handle}, "info")
            moved = _move_rooms(person, successor, (OWNER, DEPUTY) if deputies else (OWNER,))
            audit.note(
                permission=Permission.PEOPLE_SUCCEED,
                actor=actor,
                about=person,
                target=person.handle,
                reason=reason,
                detail=Message("hand_over.moved", {"to": successor.label, "number": len(rooms)}),
                after={"rooms": [room.slug for room in rooms]},
                key=key,
            )
            _note_rooms(moved, successor, reason, actor)
            live.rights_changed([person.pk, successor.pk])
    except audit.DuplicateRequest as again:
        return duplicate(again.entry)
    params = {"number": len(rooms), "person": person.handle, "to": successor.handle}
    if successor.has_signed_in:
        return Outcome("hand_over.done", params)
    return Outcome("hand_over.done_unproven", params, "warning")


def _note_rooms(moved: list[Ownership], successor: Person, reason: str, actor: Actor) -> None:
    """Tell of a hand-over in the log of each room, and on open pages."""
    for ownership in moved:
        field = "owners" if ownership.kind == OWNER else "deputies"
        audit.note(
            permission=Permission.ROOM_EDIT,
            actor=actor,
            room=ownership.room,
            reason=reason,
            before={field: [ownership.person.handle]},
            after={field: [successor.handle]},
        )
    live.rooms_changed([ownership.room_id for ownership in moved])
