"""Roles as data: what each role grants, and on which rooms. To add a role, add its RoleSpec here.

The relations follow Google's own table (Meet REST guide, "Meeting spaces overview", meeting roles): owners change settings
and end conferences, participants see that one is running, others see name, link and code. Staff roles come on top.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from django.db.models import QuerySet

from spaces.access.permissions import ROOM_PERMISSIONS, Permission
from spaces.access.scope import EVERYTHING, IdQuery, Scope
from spaces.message import Message
from spaces.models import Member, Ownership, Participant, Person
from spaces.models.spaces import Liveness

P = Permission


# --- Scopes: on which rooms a role grants its room permissions to a person ---------------------------------------


def all_rooms(_person: Person) -> Scope:
    """Return every room."""
    return EVERYTHING


def rooms_in_own_buildings(person: Person) -> Scope:
    """Return the rooms in the buildings to which the person is limited."""
    return Scope.of(building_id=buildings_of(person))


def owned_rooms(person: Person) -> Scope:
    """Return the rooms of which the person is owner or deputy."""
    return Scope.of(pk=IdQuery(Ownership.objects.filter(person=person), "room"))


def joined_rooms(person: Person) -> Scope:
    """Return the rooms whose link the person takes part in: as a member by address, or in its running call by Google id."""
    members = Scope.of(space_id=IdQuery(Member.objects.filter(email__in=_addresses(person)), "space"))
    if not person.google_id:
        return members
    present = Participant.objects.filter(
        google_id=person.google_id, conference__running_in__liveness=Liveness.ACTIVE
    )
    return members | Scope.of(space_id=IdQuery(present, "conference__running_in"))


def _addresses(person: Person) -> QuerySet[Any, Any]:
    """Return the person's address and aliases as one subquery that an index can serve."""
    own = Person.objects.filter(pk=person.pk).order_by()
    return own.values("email").union(person.aliases.order_by().values("address"))


def buildings_of(person: Person) -> frozenset[int]:
    """Return the ids of the buildings to which a person is limited; empty when not limited. Read once per loaded person."""
    cached: frozenset[int] | None = person.__dict__.get("_building_limits")
    if cached is None:
        cached = frozenset(person.buildings.values_list("pk", flat=True))
        person.__dict__["_building_limits"] = cached
    return cached


# --- Roles ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class RoleSpec:
    """One role: `grants` its room permissions on the rooms in `scope`, and its other permissions for the installation.

    - `label`: what people read. A role with a label can be given to people; one without follows from something else.
    - `limited`: the role that replaces this one for a person who is limited to buildings.
    - `relation`: nobody holds it; a person has it on the rooms in its scope.
    """

    name: str
    grants: frozenset[Permission]
    scope: Callable[[Person], Scope]
    label: str | Message = field(default="", compare=False)
    limited: str = ""
    relation: bool = False

    @cached_property
    def on_rooms(self) -> frozenset[Permission]:
        """What the role grants on rooms."""
        return self.grants & ROOM_PERMISSIONS

    @cached_property
    def in_general(self) -> frozenset[Permission]:
        """What the role grants for the whole installation."""
        return self.grants - ROOM_PERMISSIONS


COLLEAGUE = RoleSpec(
    "colleague",
    frozenset({P.ROOM_SEE, P.ACCOUNT_CONNECT, P.ACCOUNT_DISCONNECT}),
    all_rooms,
    label=Message("role.label_colleague"),
)
"""Everybody who signs in has this role, whatever else they are."""

PARTICIPANT = RoleSpec("participant", frozenset({P.ROOM_SEE, P.CALL_SEE}), joined_rooms, relation=True)

OWNER = RoleSpec(
    "owner",
    PARTICIPANT.grants
    | {
        P.HISTORY_SEE,
        P.NAMES_SEE,
        P.SECRETS_SEE,
        P.SETTINGS_SEE,
        P.SETTINGS_CHANGE,
        P.SPACE_REFRESH,
        P.CONFERENCE_END,
        P.DEVICE_IDENTIFY,
        P.AUDIT_ROOM,
    },
    owned_rooms,
    relation=True,
)
"""Owners and deputies: both may do the same."""

HELPDESK = RoleSpec(
    "helpdesk",
    COLLEAGUE.grants
    | {P.CALL_SEE, P.HISTORY_SEE, P.NAMES_REVEAL, P.SECRETS_SEE, P.SPACE_REFRESH, P.LOOKUP_ASK, P.SYSTEM_SEE},
    all_rooms,
    label=Message("role.label_helpdesk"),
)

# Someone limited to buildings must not be able to lift the limit, so roles, accounts and new buildings are left out.
BUILDING_ADMIN = RoleSpec(
    "building_admin",
    COLLEAGUE.grants
    | OWNER.grants
    | {
        P.ROOM_EDIT,
        P.SPACE_CREATE,
        P.SPACE_ADOPT,
        P.LOOKUP_ASK,
        P.AUDIT_READ,
        P.ROOM_CREATE,
        P.BUILDING_EDIT,
        P.SYSTEM_SEE,
    },
    rooms_in_own_buildings,
)

ADMIN = RoleSpec(
    "admin",
    BUILDING_ADMIN.grants
    | {
        P.ACCOUNT_MANAGE,
        P.ACCOUNT_CHECK,
        P.PEOPLE_MANAGE,
        P.PEOPLE_MERGE,
        P.PEOPLE_SUCCEED,
        P.BUILDING_ADD,
        P.BUILDING_DELETE,
    },
    all_rooms,
    label=Message("role.label_admin"),
    limited=BUILDING_ADMIN.name,
)

ROLES: dict[str, RoleSpec] = {
    role.name: role for role in (COLLEAGUE, PARTICIPANT, OWNER, HELPDESK, BUILDING_ADMIN, ADMIN)
}
"""All roles by name. Code looks a role up here by the name that a person, a relation or a group has for it."""


def assignable_roles() -> list[RoleSpec]:
    """Return the roles that can be given to a person."""
    return [role for role in ROLES.values() if role.label]


# --- Actors that are no people -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class System:
    """An actor that is no person, with its own short grants. A missing actor never turns into it."""

    label: str
    grants: frozenset[Permission]


SYSTEM = System(
    label="Meetadmin",
    grants=frozenset(
        {
            P.SETTINGS_RESTORE,
            P.ACCOUNT_SWEEP,
            P.EVENTS_TAKE,
            P.HISTORY_FORGET,
            P.ACCOUNT_MANAGE,
            P.PEOPLE_ADMIT,
        }
    ),
)

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
"""Fills a demonstration from the simulator."""

OPERATOR = System(
    label="Operator at the server", grants=frozenset({P.PEOPLE_MANAGE, P.PEOPLE_MERGE, P.ACCOUNT_MANAGE})
)
"""Commands on the server, for repairs that no admin can make: no admin is left, or a key has to be replaced."""
