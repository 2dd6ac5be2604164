"""The law of access: who may do what, on which room. Nothing else in the application reads roles.

Google's own table is the floor (Meet REST guide, "Meeting spaces overview", meeting roles): owners change settings and
end conferences, participants see that one is on, others see name, link and code. Two staff roles stand on top of it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef, Q, QuerySet

from spaces.models import (
    Account,
    AuditEntry,
    Building,
    Member,
    Ownership,
    Participant,
    Person,
    Role,
    Room,
    Space,
)
from spaces.models.rooms import RoomQuerySet
from spaces.models.spaces import Liveness
from spaces.words import joined
from spaces.words import text as _


class Permission(StrEnum):
    """Everything that is guarded. The same words are the verbs of the audit trail."""

    ROOM_SEE = "room:see"
    ROOM_EDIT = "room:edit"
    ROOM_CREATE = "room:create"
    BUILDING_ADD = "building:add"
    BUILDING_EDIT = "building:edit"
    BUILDING_DELETE = "building:delete"
    CALL_SEE = "call:see"
    HISTORY_SEE = "history:see"
    NAMES_SEE = "names:see"
    NAMES_REVEAL = "names:reveal"
    SECRETS_SEE = "joining-secrets:see"
    SETTINGS_SEE = "settings:see"
    SETTINGS_CHANGE = "settings:change"
    SETTINGS_RESTORE = "settings:restore"
    SPACE_CREATE = "space:create"
    SPACE_ADOPT = "space:adopt"
    SPACE_REFRESH = "space:refresh"
    CONFERENCE_END = "conference:end"
    DEVICE_IDENTIFY = "device:identify"
    ACCOUNT_SWEEP = "account:sweep"
    EVENTS_TAKE = "events:take"
    HISTORY_FORGET = "history:forget"
    ACCOUNT_CONNECT = "account:connect"
    ACCOUNT_DISCONNECT = "account:disconnect"
    ACCOUNT_MANAGE = "account:manage"
    ACCOUNT_CHECK = "account:check"
    PEOPLE_MANAGE = "people:manage"
    PEOPLE_ADMIT = "people:admit"
    PEOPLE_MERGE = "people:merge"
    PEOPLE_SUCCEED = "people:succeed"
    LOOKUP_ASK = "lookup:ask"
    AUDIT_ROOM = "audit:room"
    AUDIT_READ = "audit:read"
    SYSTEM_SEE = "system:see"


class Standing(StrEnum):
    """What somebody is to one room."""

    COLLEAGUE = "colleague"
    PARTICIPANT = "participant"
    OWNER = "owner"
    HELPDESK = "helpdesk"
    ADMIN = "admin"


P = Permission
_COLLEAGUE = frozenset({P.ROOM_SEE})
_PARTICIPANT = _COLLEAGUE | {P.CALL_SEE}
_OWNER = _PARTICIPANT | {
    P.HISTORY_SEE,
    P.NAMES_SEE,
    P.SECRETS_SEE,
    P.SETTINGS_SEE,
    P.SETTINGS_CHANGE,
    P.SPACE_REFRESH,
    P.CONFERENCE_END,
    P.DEVICE_IDENTIFY,
    P.AUDIT_ROOM,
}
_HELPDESK = _COLLEAGUE | {P.CALL_SEE, P.HISTORY_SEE, P.NAMES_REVEAL, P.SECRETS_SEE, P.SPACE_REFRESH}
_ADMIN = _OWNER | {P.ROOM_EDIT, P.SPACE_CREATE, P.SPACE_ADOPT}

# On one room. Somebody may stand in several ways to it; what any of them grants is granted.
GRANTS: dict[Standing, frozenset[Permission]] = {
    Standing.COLLEAGUE: _COLLEAGUE,
    Standing.PARTICIPANT: _PARTICIPANT,
    Standing.OWNER: _OWNER,
    Standing.HELPDESK: _HELPDESK,
    Standing.ADMIN: _ADMIN,
}

# On the installation as a whole. An admin limited to buildings has none of an admin's words here but the trail of their
# own rooms and adding rooms in their buildings: else they could lift their own limit.
GENERAL: dict[Standing, frozenset[Permission]] = {
    Standing.COLLEAGUE: frozenset({P.ACCOUNT_CONNECT, P.ACCOUNT_DISCONNECT}),
    Standing.HELPDESK: frozenset({P.ACCOUNT_CONNECT, P.ACCOUNT_DISCONNECT, P.LOOKUP_ASK, P.SYSTEM_SEE}),
    Standing.ADMIN: frozenset(
        {
            P.ACCOUNT_CONNECT,
            P.ACCOUNT_DISCONNECT,
            P.ACCOUNT_MANAGE,
            P.ACCOUNT_CHECK,
            P.PEOPLE_MANAGE,
            P.PEOPLE_MERGE,
            P.PEOPLE_SUCCEED,
            P.LOOKUP_ASK,
            P.AUDIT_READ,
            P.ROOM_CREATE,
            P.BUILDING_ADD,
            P.BUILDING_EDIT,
            P.BUILDING_DELETE,
            P.SYSTEM_SEE,
        }
    ),
}
LIMITED_ADMIN = frozenset(
    {
        *(P.ACCOUNT_CONNECT, P.ACCOUNT_DISCONNECT, P.LOOKUP_ASK, P.AUDIT_READ),
        *(P.ROOM_CREATE, P.BUILDING_EDIT, P.SYSTEM_SEE),
    }
)

# The sentence of a refusal; the page shows the same one beside a button that is not offered.
REFUSALS: dict[Permission, str] = {
    P.ROOM_SEE: _("Only people of this organisation may see its rooms."),
    P.ROOM_EDIT: _("Only admins may change what is written about a room."),
    P.ROOM_CREATE: _("Only admins may add rooms."),
    P.BUILDING_ADD: _("Only admins may add buildings."),
    P.BUILDING_EDIT: _("Only admins may change buildings."),
    P.BUILDING_DELETE: _("Only admins may delete buildings."),
    P.CALL_SEE: _("Only the room's owner, people in the call and IT staff may see whether a call is on."),
    P.HISTORY_SEE: _("Only the room's owner and IT staff may see its earlier calls."),
    P.NAMES_SEE: _("Only the room's owner and admins may see who is in the call."),
    P.NAMES_REVEAL: _("Only helpdesk staff reveal names, and each time is written down."),
    P.SECRETS_SEE: _("Phone PINs let anybody join, so only the room's owner and IT staff may see them."),
    P.SETTINGS_SEE: _("Only the room's owner and admins may see its settings."),
    P.SETTINGS_CHANGE: _("Only the room's owner, a deputy or an admin may change its settings."),
    P.SETTINGS_RESTORE: _("Only Meetadmin itself restores settings after an ending."),
    P.SPACE_CREATE: _("Only admins may create a Meet space for a room."),
    P.SPACE_ADOPT: _("Only admins may give a room an existing Meet space."),
    P.SPACE_REFRESH: _("Only the room's owner and IT staff may refresh it."),
    P.CONFERENCE_END: _("Only the room's owner, a deputy or an admin may end its conference."),
    P.DEVICE_IDENTIFY: _(
        "Only the room's owner, a deputy or an admin may say which participant is a device."
    ),
    P.ACCOUNT_SWEEP: _("Sweeps are the timetable's business."),
    P.HISTORY_FORGET: _("What is kept for how long stands in the configuration."),
    P.EVENTS_TAKE: _("Events come from Google, not from people."),
    P.ACCOUNT_CONNECT: _("Only people of this organisation may connect a Google account."),
    P.ACCOUNT_DISCONNECT: _("Only the person who connected an account, or an admin, may disconnect it."),
    P.ACCOUNT_MANAGE: _("Only admins may see and manage the Google accounts."),
    P.ACCOUNT_CHECK: _("Only admins may have an account's permissions checked."),
    P.PEOPLE_MANAGE: _("Only admins may give roles."),
    P.PEOPLE_MERGE: _("Only admins may settle whether two entries are one person."),
    P.PEOPLE_SUCCEED: _("Only admins may hand rooms over to somebody else."),
    P.PEOPLE_ADMIT: _("Signing in admits people, nobody else does."),
    P.LOOKUP_ASK: _("Only IT staff may ask Google about a code that is not in our list."),
    P.AUDIT_ROOM: _("Only the room's owner and admins may read what was done with it."),
    P.AUDIT_READ: _("Only admins may read the audit trail."),
    P.SYSTEM_SEE: _("Only IT staff may see how Meetadmin itself is doing."),
}

# To an admin of some buildings “only admins” alone would be untrue.
OUTSIDE = _("You are an admin for certain buildings only, and this goes beyond them.")


@dataclass(frozen=True, slots=True)
class System:
    """An actor that is no person. It has its own short list; it is never what a forgotten argument turns into."""

    label: str
    grants: frozenset[Permission]


SYSTEM = System(
    label="Meetadmin",
    grants=frozenset(
        {
            *(P.SETTINGS_RESTORE, P.ACCOUNT_SWEEP, P.EVENTS_TAKE, P.HISTORY_FORGET),
            *(P.ACCOUNT_MANAGE, P.PEOPLE_ADMIT),
        }
    ),
)

# Fills a demonstration from the simulator: the one place where rooms and people come from no person's hand.
SEEDER = System(
    label="Demo data",
    grants=SYSTEM.grants
    | {
        P.ROOM_SEE,
        P.ROOM_CREATE,
        P.ROOM_EDIT,
        P.BUILDING_ADD,
        P.SPACE_CREATE,
        P.SPACE_ADOPT,
        P.PEOPLE_MANAGE,
    },
)

# Whoever can run commands on the server, for the day on which nobody else can help: no admin left, a key to be replaced.
OPERATOR = System(
    label="Operator at the server", grants=frozenset({P.PEOPLE_MANAGE, P.PEOPLE_MERGE, P.ACCOUNT_MANAGE})
)

Actor = Person | System


class Place(Protocol):
    """What rights on a room depend on besides who asks; a Room is one."""

    @property
    def pk(self) -> int: ...
    @property
    def building_id(self) -> int: ...
    @property
    def space_id(self) -> int | None: ...


class NotAllowed(PermissionDenied):
    """The actor may not do this; `sentence` says who may. Django answers 403."""

    def __init__(self, permission: Permission, *, actor: Actor | None = None) -> None:
        self.permission = permission
        self.sentence = REFUSALS[permission]
        limited = isinstance(actor, Person) and actor.role == Role.ADMIN and bool(_limits(actor))
        if limited and permission in GRANTS[Standing.ADMIN] | GENERAL[Standing.ADMIN]:
            self.sentence = joined(self.sentence, OUTSIDE)
        super().__init__(self.sentence)


def _limits(person: Person) -> frozenset[int]:
    """Ids of the buildings an admin is limited to; empty: not limited. Read once for each loaded person."""
    cached: frozenset[int] | None = person.__dict__.get("_building_limits")
    if cached is None:
        cached = frozenset(person.buildings.values_list("pk", flat=True))
        person.__dict__["_building_limits"] = cached
    return cached


def _owned(person: Person) -> QuerySet[Ownership, int]:
    """The rooms (ids) the person is owner or deputy of."""
    return Ownership.objects.filter(person=person).values_list("room", flat=True)


def _addresses(person: Person) -> QuerySet[Any, Any]:
    """The person's address and aliases, as one subquery that an index can serve."""
    own = Person.objects.filter(pk=person.pk).order_by()
    return own.values("email").union(person.aliases.order_by().values("address"))


def _joined(person: Person) -> list[QuerySet[Any, int]]:
    """The spaces (ids) the person takes part in: as a member of the space by address, and in its running call by Google id. It
    ends with the call. Found from the person, whose spaces are few, and not by a question to every room."""
    found: list[QuerySet[Any, int]] = [
        Member.objects.filter(email__in=_addresses(person)).values_list("space", flat=True)
    ]
    if person.google_id:
        present = Participant.objects.filter(
            google_id=person.google_id, conference__running_in__liveness=Liveness.ACTIVE
        )
        found.append(present.values_list("conference__running_in", flat=True))
    return found


def visible_rooms(person: Person, among: RoomQuerySet | None = None) -> RoomQuerySet:
    """The rooms (of all, or among these) that this person may open: every signed-in colleague may see name, link and code of a
    room; archived rooms are for admins."""
    rooms = RoomQuerySet(Room) if among is None else among
    if person.role != Role.ADMIN:
        return rooms.current()
    if _limits(person):
        return rooms.filter(Q(archived_at=None) | Q(building__in=_limits(person)))
    return rooms


def _allowed(
    person: Person, permission: Permission, owned: Iterable[int], joined: Iterable[Iterable[int]]
) -> Q | None:
    """Those of the visible rooms on which the person has this permission, as a condition; None: all of them."""
    if permission in _everywhere(person):
        return None
    allowed = Q(pk__in=[])
    if permission in GRANTS[Standing.OWNER]:
        allowed |= Q(pk__in=owned)
    if permission in GRANTS[Standing.PARTICIPANT]:
        for spaces in joined:
            allowed |= Q(space__in=spaces)
    if permission in GRANTS[Standing.ADMIN] and person.role == Role.ADMIN:
        allowed |= Q(building__in=_limits(person))
    return allowed


def rooms_where(person: Person, permission: Permission) -> RoomQuerySet:
    """Those of the visible rooms on which the person has this permission. Filters and counters about guarded facts start
    here, so that a filter cannot tell what a page would not show."""
    allowed = _allowed(person, permission, _owned(person), _joined(person))
    return visible_rooms(person) if allowed is None else visible_rooms(person).filter(allowed)


def _everywhere(person: Person) -> frozenset[Permission]:
    """What the role alone grants on every room."""
    if person.role == Role.ADMIN and not _limits(person):
        return GRANTS[Standing.ADMIN]
    return GRANTS[Standing.HELPDESK if person.role == Role.HELPDESK else Standing.COLLEAGUE]


def everywhere(person: Person, permission: Permission) -> bool:
    """Whether the person has this permission on every room there is. Orders that tell of guarded facts ask here."""
    return permission in _everywhere(person)


def _by_role(person: Person, room: Place) -> Standing:
    """What the person is to this room by their role alone."""
    if person.role == Role.HELPDESK:
        return Standing.HELPDESK
    if person.role == Role.ADMIN and (not _limits(person) or room.building_id in _limits(person)):
        return Standing.ADMIN
    return Standing.COLLEAGUE


@dataclass(frozen=True, slots=True)
class Ties:
    """What somebody is to rooms besides their role, where that grants more. Whoever asks for rights on many rooms asks for this
    once."""

    owned: frozenset[int]  # rooms (ids), as owner or deputy
    joined: frozenset[int]  # spaces (ids)


def ties(person: Person, room: Place | None = None) -> Ties:
    """The ties of this person to all rooms, or to this one."""
    granted = _everywhere(person)
    owned: Iterable[int] = ()
    if not GRANTS[Standing.OWNER] <= granted:
        owned = _owned(person).filter(room=room.pk) if room else _owned(person)
    joined = _joined(person) if not GRANTS[Standing.PARTICIPANT] <= granted else []
    return Ties(frozenset(owned), frozenset().union(*joined))


FEW = 500
"""Ties that a condition names one by one."""


def told_of(person: Person, permission: Permission, known: Ties) -> Q | None:
    """The condition of `rooms_where`, to be put into several questions: the person's ties are named, where they are few, so that
    not every question looks for them again. None: all rooms there are."""
    if len(known.owned) + len(known.joined) > FEW:
        return _allowed(person, permission, _owned(person), _joined(person))
    return _allowed(person, permission, known.owned, [known.joined])


def _standings(person: Person, room: Place, known: Ties | None) -> list[Standing]:
    """What this person is to this room, as far as it grants anything."""
    if known is None:
        if not visible_rooms(person).filter(pk=room.pk).exists():
            return []
        known = ties(person, room)
    found = [_by_role(person, room)]
    if room.pk in known.owned:
        found.append(Standing.OWNER)
    if room.space_id in known.joined:
        found.append(Standing.PARTICIPANT)
    return found


def permissions(actor: Actor, room: Place | None = None, known: Ties | None = None) -> frozenset[Permission]:
    """All that the actor may do: on this room, or without a room on the installation as a whole. Who has the room out of
    `visible_rooms`, and the actor's ties, spares the questions for them."""
    if isinstance(actor, System):
        return actor.grants
    if not actor.is_active:
        return frozenset()
    if room is not None:
        return frozenset[Permission]().union(
            *(GRANTS[standing] for standing in _standings(actor, room, known))
        )
    if actor.role == Role.ADMIN:
        return LIMITED_ADMIN if _limits(actor) else GENERAL[Standing.ADMIN]
    return GENERAL[Standing.HELPDESK if actor.role == Role.HELPDESK else Standing.COLLEAGUE]


def can(actor: Actor, permission: Permission, room: Room | None = None) -> bool:
    """Whether the actor may do this (on this room)."""
    return permission in permissions(actor, room)


def require(actor: Actor, permission: Permission, room: Room | None = None) -> None:
    """Raise NotAllowed unless the actor may do this (on this room)."""
    if not can(actor, permission, room):
        raise NotAllowed(permission, actor=actor)


def require_building(actor: Actor, building_id: int | None) -> None:
    """Raise NotAllowed when an admin limited to buildings reaches for a room outside them."""
    if isinstance(actor, Person) and _limits(actor) and building_id not in _limits(actor):
        raise NotAllowed(P.ROOM_CREATE, actor=actor)


def accounts_for(actor: Actor) -> QuerySet[Account]:
    """The Google accounts that may be named as the owner of a link, or asked, for this actor: who manages accounts has all,
    others the room mailboxes and their own. A colleague's own account is neither shown to them nor used for them."""
    accounts = Account.objects.all()
    if not isinstance(actor, Person) or can(actor, P.ACCOUNT_MANAGE):
        return accounts
    return accounts.filter(Q(kind=Account.Kind.DELEGATED) | Q(person=actor))


def link_accounts_for(actor: Actor) -> QuerySet[Account]:
    """The accounts whose links the actor may give to rooms. An admin limited to buildings has those that own a link there, now or
    earlier, those that own none anywhere, and their own: others belong to other buildings."""
    accounts = accounts_for(actor)
    if not isinstance(actor, Person) or not _limits(actor):
        return accounts
    links = Space.objects.filter(account=OuterRef("pk"))
    used = links.filter(Q(room__isnull=False) | Q(former_room__isnull=False))
    theirs = links.filter(Q(room__building__in=_limits(actor)) | Q(former_room__building__in=_limits(actor)))
    return accounts.filter(Q(person=actor) | Exists(theirs) | ~Exists(used))


def require_account(actor: Actor, account: Account) -> None:
    """Raise NotAllowed when the actor may not give rooms links of this account."""
    if isinstance(actor, Person) and not link_accounts_for(actor).filter(pk=account.pk).exists():
        raise NotAllowed(P.ACCOUNT_MANAGE, actor=actor)


def may_take_link(actor: Actor, space: Space | None) -> bool:
    """Whether the actor may give this link to a room: with the room it was in before, its calls and PINs go along."""
    former = space.former_room if space else None
    return former is None or can(actor, P.SPACE_ADOPT, former)


def visible_audit(person: Person) -> QuerySet[AuditEntry]:
    """The part of the audit trail this person may read: admins all of it, limited admins that of their buildings, owners
    that of their rooms."""
    entries = AuditEntry.objects.select_related("room")
    if can(person, P.AUDIT_READ) and not _limits(person):
        return entries
    return entries.filter(room__in=rooms_where(person, P.AUDIT_ROOM).values("pk"))


def buildings_for(person: Person) -> QuerySet[Building]:
    """The buildings in which this person may add rooms, and which they may edit."""
    buildings = Building.objects.all()
    return buildings.filter(pk__in=_limits(person)) if _limits(person) else buildings


def may_add_buildings(person: Person) -> bool:
    """Whether a room of theirs may stand in a building that is not there yet."""
    return can(person, P.ROOM_CREATE) and not _limits(person)


def role_name(actor: Actor) -> str:
    """Return the actor's role as the audit log records it."""
    return str(actor.role) if isinstance(actor, Person) else "system"
