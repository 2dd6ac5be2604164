"""What the Directory knows: user states, groups, rooms, buildings and features.

Directory API reference, resources.calendars, resources.buildings, resources.features. A room resource knows nothing of Meet: no
field leads from it to a space.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from simulator.entities import Person
from simulator.identifiers import number_of, token_of
from simulator.reading import JSON
from simulator.world import DOMAIN, World

CUSTOMER = "C01simula"
KIND = "admin#directory#resources#"
FEATURES = ("Video conference", "Whiteboard", "Phone", "Wheelchair accessible")


def etag_of(value: Any) -> str:
    """A checksum in quotes, as these APIs carry it in the body."""
    digest = hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
    return f'"{digest[:27]}"'


@dataclass(slots=True)
class UserState:
    """What an administrator has done to a user."""

    suspended: bool = False
    deleted: bool = False
    admin: bool = False
    archived: bool = False
    restricted: bool = False  # may not get tokens, by policy
    deleted_at: float = 0.0

    def closed_because(self) -> str:
        """Why nobody can sign in or act as this user; empty if somebody can."""
        return next(
            (each for each in ("deleted", "suspended", "archived", "restricted") if getattr(self, each)), ""
        )


@dataclass(slots=True)
class Group:
    """An address with members: address -> role (OWNER, MANAGER, MEMBER). Members may be groups."""

    email: str
    name: str
    id: str
    members: dict[str, str]


def new_group(email: str, name: str, members: dict[str, str]) -> Group:
    """A group with an id that follows from its address."""
    return Group(
        email,
        name,
        "0" + token_of("group", email, length=14).lower().replace("-", "0").replace("_", "1"),
        members,
    )


def seeded_groups() -> dict[str, Group]:
    """The groups of every world; the last one contains the others."""
    team, owners, staff = (f"{name}@{DOMAIN}" for name in ("it-team", "room-owners", "staff"))
    return {
        team: new_group(team, "IT team", {f"it-admin@{DOMAIN}": "OWNER", f"helpdesk@{DOMAIN}": "MEMBER"}),
        owners: new_group(owners, "Room owners", {f"room-owner@{DOMAIN}": "MEMBER"}),
        staff: new_group(
            staff, "Staff", {team: "MEMBER", owners: "MEMBER", f"participant@{DOMAIN}": "MEMBER"}
        ),
    }


class Directory:
    """The directory of one customer. Rooms are entered when somebody first asks, since big worlds seldom need them."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.users: dict[str, UserState] = {f"it-admin@{DOMAIN}": UserState(admin=True)}
        self.former: list[
            tuple[Person, UserState]
        ] = []  # deleted accounts whose address was taken by a new one
        self.groups = seeded_groups()
        self._folders: dict[str, dict[str, JSON]] | None = None
        self.changed = False

    def state(self, email: str) -> UserState:
        """What is known of a user."""
        return self.users.get(email, UserState())

    def group_of(self, key: str) -> Group | None:
        """A group by address or id."""
        found = self.groups.get(key.strip().lower())
        return found or next((each for each in self.groups.values() if each.id == key), None)

    @property
    def folders(self) -> dict[str, dict[str, JSON]]:
        """The three collections, each by key."""
        if self._folders is None:
            self._folders = {
                "buildings": {each["buildingId"]: each for each in _buildings(self.world)},
                "features": {name: {"kind": KIND + "features#Feature", "name": name} for name in FEATURES},
                "calendars": {each["resourceId"]: each for each in _calendars(self.world)},
            }
        return self._folders

    def note_change(self) -> None:
        """Something was written."""
        self.changed = True
        self.world.version += 1

    def kept(self) -> JSON:
        """What a snapshot keeps: only what differs from the seed."""
        return {
            "users": {email: asdict(each) for email, each in self.users.items()},
            "former": [[asdict(person), asdict(state)] for person, state in self.former],
            "groups": [asdict(each) for each in self.groups.values()],
            "folders": self._folders if self.changed else None,
        }

    def resume(self, kept: JSON) -> None:
        """Go on from a snapshot."""
        self.users = {email: UserState(**flags) for email, flags in kept["users"].items()}
        self.former = [(Person(**person), UserState(**state)) for person, state in kept["former"]]
        self.groups = {each["email"]: Group(**each) for each in kept["groups"]}
        if kept["folders"] is not None:
            self._folders, self.changed = kept["folders"], True


# -- what the seed says ----------------------------------------------------------------------------------------------

_COUNTRIES = {
    "zrh": "CH", "vie": "AT", "ams": "NL", "bru": "BE", "cph": "DK", "osl": "NO", "arn": "SE", "hel": "FI",
    "waw": "PL", "prg": "CZ", "mad": "ES", "lis": "PT",
}  # fmt: skip


def _buildings(world: World) -> Iterable[JSON]:
    for each in world.buildings:
        number = int(number_of("place", each.id, digits=6))
        yield {
            "kind": KIND + "buildings#Building",
            "buildingId": each.id,
            "buildingName": each.name,
            "description": f"Office {each.name}",
            "floorNames": list(each.floors),
            "address": {
                "regionCode": _COUNTRIES.get(each.id[:3], "DE"),
                "addressLines": [f"Example Street {number % 90 + 1}"],
                "locality": each.name.split(" ")[0],
            },
            "coordinates": {
                "latitude": round(47 + number % 1000 / 150, 5),
                "longitude": round(6 + number // 1000 / 140, 5),
            },
        }


def _instances(names: Iterable[str]) -> list[JSON]:
    return [{"feature": {"kind": KIND + "features#Feature", "name": name}} for name in names]


def _calendars(world: World) -> Iterable[JSON]:
    for index, room in enumerate(world.rooms):
        answer = resource(world, room.name)
        features = ["Video conference"]
        features += [name for place, name in enumerate(FEATURES[1:], 2) if index % place == 0]
        answer.update(
            {
                "resourceName": room.name,
                "generatedResourceName": world.generated_name(room),
                "resourceCategory": "CONFERENCE_ROOM",
                "buildingId": room.building,
                "floorName": room.floor,
                "capacity": room.capacity,
                "featureInstances": _instances(features),
            }
        )
        if index % 3 == 0:
            answer["floorSection"] = "West" if index % 2 else "East"
        if index % 10 == 0:
            answer["userVisibleDescription"] = "Ask at reception for the key"
        yield answer
    for each in world.buildings:
        # What is bookable and no room is in such a directory too, and must not become a room elsewhere.
        name = f"{each.name} projector"
        yield {
            **resource(world, name),
            "resourceName": name,
            "generatedResourceName": f"({each.name})-{name}",
            "resourceCategory": "OTHER",
            "resourceType": "Projector",
            "buildingId": each.id,
        }


def resource(world: World, name: str) -> JSON:
    local = token_of("resource", world.seed, name, length=24).lower().replace("-", "0").replace("_", "1")
    return {
        "kind": KIND + "calendars#CalendarResource",
        "resourceId": "-" + number_of("resource", world.seed, name, digits=11, lead="1"),
        "resourceEmail": f"c_188{local}@resource.calendar.google.com",
    }
