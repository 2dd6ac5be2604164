"""Access policy: who may do what, on which room. Nothing else in the application reads roles."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef, Q, QuerySet

from spaces.access.permissions import Permission, not_allowed
from spaces.access.roles import COLLEAGUE, ROLES, RoleSpec, System, buildings_of
from spaces.access.scope import NOTHING, RoomRef, Scope
from spaces.message import Message
from spaces.models import Account, AuditEntry, Building, Person, Room, Space
from spaces.models.rooms import RoomQuerySet

P = Permission
Actor = Person | System

FEW = 500
"""Ids that a condition names one by one; beyond that the database looks them up."""


class NotAllowed(PermissionDenied):
    """The actor may not do this; the message says who may. Django answers 403."""

    def __init__(self, permission: Permission, *, actor: Actor | None = None) -> None:
        self.permission = permission
        self.message = not_allowed(permission)
        if isinstance(actor, Person) and _lost_to_limit(actor, permission):
            self.message = Message("not_allowed.outside", {"why": self.message})
        super().__init__(str(permission))

    @property
    def code(self) -> str:
        """Return the code of the message."""
        return self.message.code

    @property
    def params(self) -> Mapping[str, Any]:
        """Return the parameters of the message."""
        return self.message.params


def roles_of(person: Person) -> tuple[RoleSpec, ...]:
    """Return the roles that a person holds: everybody's, and their own. A name without a RoleSpec grants nothing.

    This is the only place that knows where roles come from.
    """
    own = ROLES.get(person.role)
    if own is None or own.relation:
        return (ROLES[COLLEAGUE.name],)
    if own.limited and buildings_of(person):
        own = ROLES[own.limited]
    return (ROLES[COLLEAGUE.name], own)


def _relations() -> Iterator[RoleSpec]:
    return (role for role in ROLES.values() if role.relation)


def _lost_to_limit(person: Person, permission: Permission) -> bool:
    """Return whether the person's role would grant this were it not limited to buildings."""
    full = ROLES.get(person.role)
    return bool(full and full not in roles_of(person) and permission in full.grants)


# --- Sets of rooms -------------------------------------------------------------------------------------------------


def room_scope(person: Person, permission: Permission) -> Scope:
    """Return the rooms on which the person has this permission, archived ones included."""
    found = NOTHING
    for role in roles_of(person):
        if permission in role.grants:
            found |= role.scope(person)
    if not found.everything:
        for role in _relations():
            if permission in role.on_rooms:
                found |= role.scope(person)
    return found


def everywhere(person: Person, permission: Permission) -> bool:
    """Return whether the person has this permission on every room. Orders that reveal guarded facts ask this."""
    return any(permission in role.on_rooms and role.scope(person).everything for role in roles_of(person))


def visible_rooms(person: Person, among: RoomQuerySet | None = None) -> RoomQuerySet:
    """Return the rooms (of all, or among these) that this person may open: all that are in use, and the archived ones that
    they could restore."""
    rooms = RoomQuerySet(Room) if among is None else among
    editable = room_scope(person, P.ROOM_EDIT)
    if editable.everything:
        return rooms
    return rooms.filter(Q(archived_at=None) | editable.q) if editable.among else rooms.current()


def rooms_where(person: Person, permission: Permission) -> RoomQuerySet:
    """Return the visible rooms on which the person has this permission. Filters and counters about guarded facts start here,
    so that a filter reveals nothing that a page would not show."""
    return visible_rooms(person).filter(room_scope(person, permission).q)


@dataclass(frozen=True, slots=True)
class RoomLinks:
    """All that a person is to rooms, with the ids read. Read it once to ask about many rooms."""

    roles: tuple[tuple[RoleSpec, Scope], ...]

    def permissions(self, room: Room | RoomRef) -> frozenset[Permission]:
        """Return what the person may do on this room."""
        found = frozenset[Permission]()
        for role, scope in self.roles:
            if scope.everything or scope.contains(room):
                found |= role.on_rooms
        return found

    def scope(self, permission: Permission) -> Scope:
        """Return the rooms on which the person has this permission."""
        found = NOTHING
        for role, scope in self.roles:
            if permission in role.on_rooms:
                found |= scope
        return found


def room_links(person: Person) -> RoomLinks:
    """Return what this person is to all rooms. Relations that grant nothing beyond the person's roles are left out."""
    found = [(role, role.scope(person).resolved()) for role in roles_of(person)]
    granted = frozenset[Permission]().union(*(role.on_rooms for role, scope in found if scope.everything))
    found += [(role, role.scope(person).resolved()) for role in _relations() if not role.on_rooms <= granted]
    return RoomLinks(tuple(found))


def visible_q(person: Person, permission: Permission, links: RoomLinks) -> Q | None:
    """Return the condition of `rooms_where`, to be used in several queries: ids are named where they are few, so that not every
    query looks them up again. None: all rooms."""
    scope = links.scope(permission)
    if scope.everything:
        return None
    return (scope if scope.size <= FEW else room_scope(person, permission)).q


# --- Permissions ---------------------------------------------------------------------------------------------------


def permissions(
    actor: Actor, room: Room | RoomRef | None = None, links: RoomLinks | None = None
) -> frozenset[Permission]:
    """Return all that the actor may do: on this room, or without a room for the whole installation.

    With `links` the room has to come out of `visible_rooms`; no query is made then.
    """
    if isinstance(actor, System):
        return actor.grants
    if not actor.is_active:
        return frozenset()
    if room is None:
        return frozenset[Permission]().union(*(role.in_general for role in roles_of(actor)))
    if links is not None:
        return links.permissions(room)
    if not visible_rooms(actor).filter(pk=room.pk).exists():
        return frozenset()
    found = frozenset[Permission]()
    for role in (*roles_of(actor), *_relations()):
        if not role.on_rooms <= found and role.scope(actor).contains(room):
            found |= role.on_rooms
    return found


def can(actor: Actor, permission: Permission, room: Room | None = None) -> bool:
    """Return whether the actor may do this (on this room)."""
    return permission in permissions(actor, room)


def require(actor: Actor, permission: Permission, room: Room | None = None) -> None:
    """Raise NotAllowed unless the actor may do this (on this room)."""
    if not can(actor, permission, room):
        raise NotAllowed(permission, actor=actor)


def require_building(actor: Actor, building_id: int | None) -> None:
    """Raise NotAllowed unless the actor may edit rooms in this building; None stands for a building that is new."""
    if isinstance(actor, Person):
        there = RoomRef(pk=0, building_id=building_id, space_id=None)
        if not room_scope(actor, P.ROOM_EDIT).contains(there):
            raise NotAllowed(P.ROOM_CREATE, actor=actor)


# --- Accounts, links, audit log, buildings -------------------------------------------------------------------------


def accounts_for(actor: Actor) -> QuerySet[Account]:
    """Return the Google accounts that may be named as the owner of a link, or asked, for this actor: all for those who manage
    accounts, the room mailboxes and their own for others. A colleague's own account is neither shown to them nor used."""
    accounts = Account.objects.all()
    if not isinstance(actor, Person) or can(actor, P.ACCOUNT_MANAGE):
        return accounts
    return accounts.filter(Q(kind=Account.Kind.DELEGATED) | Q(person=actor))


def link_accounts_for(actor: Actor) -> QuerySet[Account]:
    """Return the accounts whose links the actor may give to rooms. Those limited to buildings have the accounts that own a link
    there, now or earlier, those that own none anywhere, and their own: others belong to other buildings."""
    accounts = accounts_for(actor)
    if not isinstance(actor, Person):
        return accounts
    scope = room_scope(actor, P.SPACE_ADOPT)
    if scope.everything:
        return accounts
    links = Space.objects.filter(account=OuterRef("pk"))
    used = links.filter(Q(room__isnull=False) | Q(former_room__isnull=False))
    theirs = links.filter(scope.condition("room__") | scope.condition("former_room__"))
    return accounts.filter(Q(person=actor) | Exists(theirs) | ~Exists(used))


def require_account(actor: Actor, account: Account) -> None:
    """Raise NotAllowed when the actor may not give rooms links of this account."""
    if isinstance(actor, Person) and not link_accounts_for(actor).filter(pk=account.pk).exists():
        raise NotAllowed(P.ACCOUNT_MANAGE, actor=actor)


def may_take_link(actor: Actor, space: Space | None) -> bool:
    """Return whether the actor may give this link to a room: the calls and PINs of its former room go with it."""
    former = space.former_room if space else None
    return former is None or can(actor, P.SPACE_ADOPT, former)


def visible_audit(person: Person) -> QuerySet[AuditEntry]:
    """Return the part of the audit log this person may read: all of it, or that of the rooms in their scope."""
    entries = AuditEntry.objects.select_related("room")
    if room_scope(person, P.AUDIT_READ).everything:
        return entries
    return entries.filter(room__in=rooms_where(person, P.AUDIT_ROOM).values("pk"))


def buildings_for(person: Person) -> QuerySet[Building]:
    """Return the buildings in which this person may add and edit rooms."""
    buildings = Building.objects.all()
    limits = buildings_of(person)
    return buildings.filter(pk__in=limits) if limits else buildings


def may_add_buildings(person: Person) -> bool:
    """Return whether a new room of theirs may stand in a building that is new, too."""
    return can(person, P.ROOM_CREATE) and can(person, P.BUILDING_ADD)


def role_name(actor: Actor) -> str:
    """Return the actor's role as the audit log records it."""
    return str(actor.role) if isinstance(actor, Person) else "system"
