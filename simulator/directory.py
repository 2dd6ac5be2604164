"""The Admin SDK's Directory: room resources, buildings and features; and what is known of users and groups.

Directory API reference, resources.calendars, resources.buildings, resources.features. A room resource knows nothing of Meet: no
field leads from it to a space.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from aiohttp import web

from simulator import masks
from simulator.errors import ApiError
from simulator.gate import (
    JSON,
    Call,
    Method,
    OlderError,
    Serve,
    Service,
    page_start,
    page_token,
    register,
)
from simulator.world import DOMAIN, Person, World, number_of, token_of

if TYPE_CHECKING:
    from simulator.machine import Machine

SERVICE = Service("admin.googleapis.com", "Admin SDK API", older=True)
_AUTH = "https://www.googleapis.com/auth/"
WRITE = (_AUTH + "admin.directory.resource.calendar",)
READ = (*WRITE, _AUTH + "admin.directory.resource.calendar.readonly")
CUSTOMER = "C01simula"
KIND = "admin#directory#resources#"
FEATURES = ("Video conference", "Whiteboard", "Phone", "Wheelchair accessible")
DEFAULT_SIZE = 100
Item = TypeVar("Item")
LARGEST = 500


def etag_of(value: Any) -> str:
    """A checksum in quotes, as these APIs carry it in the body."""
    digest = hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
    return f'"{digest[:27]}"'


def not_found(what: str) -> OlderError:
    """Something that does not exist."""
    return OlderError(404, f"Resource Not Found: {what}", "notFound")


def bad(what: str) -> OlderError:
    """A parameter or a field with a value that makes no sense."""
    return OlderError(400, f"Invalid Input: {what}", "invalid")


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
        answer = _resource(world, room.name)
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
            **_resource(world, name),
            "resourceName": name,
            "generatedResourceName": f"({each.name})-{name}",
            "resourceCategory": "OTHER",
            "resourceType": "Projector",
            "buildingId": each.id,
        }


def _resource(world: World, name: str) -> JSON:
    local = token_of("resource", world.seed, name, length=24).lower().replace("-", "0").replace("_", "1")
    return {
        "kind": KIND + "calendars#CalendarResource",
        "resourceId": "-" + number_of("resource", world.seed, name, digits=11, lead="1"),
        "resourceEmail": f"c_188{local}@resource.calendar.google.com",
    }


# -- who may, and pages ----------------------------------------------------------------------------------------------


def require_admin(call: Call) -> None:
    """Only an administrator (or the holder of a role that allows it) may ask; raises 403."""
    if not call.caller or not call.machine.directory.state(call.caller).admin:
        raise OlderError(403, "Not Authorized to access this resource/api", "forbidden")


def _enter(call: Call, folder: str) -> dict[str, JSON]:
    require_admin(call)
    if call.path["customer"] not in ("my_customer", CUSTOMER):
        raise OlderError(403, "Not Authorized to access this resource/api", "forbidden")
    return call.machine.directory.folders[folder]


def size_of(call: Call, *, default: int, largest: int) -> int:
    """maxResults; raises 400 outside its limits."""
    text = call.query.get("maxResults", "")
    if not text:
        return default
    if not text.isdecimal() or not 1 <= int(text) <= largest:
        raise bad("maxResults")
    return int(text)


def page_of(
    call: Call, items: list[Item], what: str, *, default: int, largest: int
) -> tuple[list[Item], str]:
    """One page and the token of the next; raises 400 for a token of another list."""
    size = size_of(call, default=default, largest=largest)
    try:
        start = page_start(what, call.query.get("pageToken", ""))
    except (ValueError, TypeError):
        raise bad("pageToken") from None
    following = page_token(what, start + size) if start + size < len(items) else ""
    return items[start : start + size], following


def _with_etag(item: JSON) -> JSON:
    return {**item, "etags": etag_of(item)}


def _list(folder: str, key: str, kind: str) -> Callable[[Call], JSON]:
    def listed(call: Call) -> JSON:
        items = list(_enter(call, folder).values())
        what = folder
        if folder == "calendars":
            query, order = call.query.get("query", ""), call.query.get("orderBy", "")
            items = ordered(list(filter(parse_query(query), items)), order)
            what = json.dumps([folder, query, order])
        part, following = page_of(call, items, what, default=DEFAULT_SIZE, largest=LARGEST)
        answer: JSON = {"kind": f"{KIND}{folder}#{kind}", "etag": etag_of(part)}
        if part:
            answer[key] = [_with_etag(each) for each in part]
        if following:
            answer["nextPageToken"] = following
        return answer

    return listed


def _get(folder: str) -> Callable[[Call], JSON]:
    def got(call: Call) -> JSON:
        found = _enter(call, folder).get(call.path["key"])
        if found is None:
            raise not_found(_KEYS[folder])
        return _with_etag(found)

    return got


# -- changes ---------------------------------------------------------------------------------------------------------

_KEYS = {"calendars": "resourceId", "buildings": "buildingId", "features": "name"}
_OUTPUT = {"kind", "etags", "resourceEmail", "generatedResourceName"}


def _read(call: Call, folder: str) -> JSON:
    if not isinstance(call.body, dict):
        raise bad("body")
    for name in call.body:
        if name not in _TREES[folder]:
            raise ApiError(400, f'Invalid JSON payload received. Unknown name "{name}": Cannot find field.')
    return {name: value for name, value in call.body.items() if name not in _OUTPUT}


def _generated(call: Call, item: JSON) -> None:
    """The fields of a room that Google fills in."""
    if "resourceName" not in item:
        raise OlderError(400, "Missing required field: resourceName", "required")
    building = call.machine.directory.folders["buildings"].get(item.get("buildingId", ""))
    if "buildingId" in item and building is None:
        raise bad("buildingId")
    parts = [
        str(building["buildingName"]) if building else "",
        item.get("floorName", ""),
        item["resourceName"],
    ]
    name = "-".join(each for each in parts if each)
    item["generatedResourceName"] = name + (f" ({item['capacity']})" if item.get("capacity") else "")
    item.setdefault("resourceCategory", "CATEGORY_UNKNOWN")


def _insert(folder: str) -> Callable[[Call], JSON]:
    def inserted(call: Call) -> JSON:
        items = _enter(call, folder)
        item = _read(call, folder)
        key = item.get(_KEYS[folder])
        if not isinstance(key, str) or not key:
            raise OlderError(400, f"Missing required field: {_KEYS[folder]}", "required")
        if key in items:
            raise OlderError(409, "Entity already exists.", "duplicate")
        if folder == "calendars":
            item = {**_resource(call.world, key), **item}
            _generated(call, item)
        else:
            item = {"kind": f"{KIND}{folder}#{folder[:-1].title()}", **item}
        items[key] = item
        call.machine.directory.note_change()
        return _with_etag(item)

    return inserted


def _change(folder: str, *, whole: bool) -> Callable[[Call], JSON]:
    def changed(call: Call) -> JSON:
        items = _enter(call, folder)
        key = call.path["key"]
        if key not in items:
            raise not_found(_KEYS[folder])
        kept = {
            name: value
            for name, value in items[key].items()
            if not whole or name in _OUTPUT or name == _KEYS[folder]
        }
        item = {**kept, **_read(call, folder), _KEYS[folder]: key}
        item = {name: value for name, value in item.items() if value is not None}
        if folder == "calendars":
            _generated(call, item)
        items[key] = item
        call.machine.directory.note_change()
        return _with_etag(item)

    return changed


def _delete(folder: str) -> Callable[[Call], JSON]:
    def deleted(call: Call) -> JSON:
        items = _enter(call, folder)
        if items.pop(call.path["key"], None) is None:
            raise not_found(_KEYS[folder])
        call.machine.directory.note_change()
        return {}

    return deleted


def rename_feature(call: Call) -> JSON:
    """resources.features.rename: also in the rooms that have the feature."""
    items = _enter(call, "features")
    old, new = call.path["key"], call.body.get("newName") if isinstance(call.body, dict) else None
    if old not in items:
        raise not_found("name")
    if not isinstance(new, str) or not new or new in items:
        raise bad("newName")
    items[new] = {**items.pop(old), "name": new}
    for room in call.machine.directory.folders["calendars"].values():
        for each in room.get("featureInstances", []):
            if each["feature"]["name"] == old:
                each["feature"]["name"] = new
    call.machine.directory.note_change()
    return {}


# -- query and order of the rooms ------------------------------------------------------------------------------------

Holds = Callable[[JSON], bool]
_FIELDS = {
    "generatedResourceName": "generatedResourceName",
    "name": "resourceName",
    "buildingId": "buildingId",
    "floor_name": "floorName",
    "capacity": "capacity",
    "featureInstances.feature.name": "",
    "resourceEmail": "resourceEmail",
    "resourceCategory": "resourceCategory",
}
_CLAUSE = re.compile(
    r"""\s*(?P<not>NOT\s+)?(?P<field>[A-Za-z_.]+)\s*(?P<operator>!=|=|:)\s*
    (?:"(?P<quoted>[^"]*)"|(?P<bare>[^\s"()]+))(?P<star>\*)?""",
    re.VERBOSE,
)
_AND = re.compile(r"\s+AND\s+")


def parse_query(text: str) -> Holds:
    """The ``query`` of calendars.list: clauses joined by AND, each perhaps with NOT before it; raises 400."""
    clauses: list[Holds] = []
    rest = text.strip()
    while rest:
        match = _CLAUSE.match(rest)
        if match is None or match["field"] not in _FIELDS:
            raise bad("query")
        clauses.append(_clause(match))
        rest = rest[match.end() :]
        if rest:
            joined = _AND.match(rest)
            if joined is None or not rest[joined.end() :].strip():
                raise bad("query")
            rest = rest[joined.end() :]
    return lambda item: all(clause(item) for clause in clauses)


def _clause(match: re.Match[str]) -> Holds:
    field = match["field"]
    value = match["quoted"] if match["quoted"] is not None else match["bare"]
    prefix = match["star"] is not None
    if match["quoted"] is None and value.endswith("*"):
        value, prefix = value[:-1], True
    operator = match["operator"]
    if prefix and operator != ":":
        raise bad("query")
    if field == "capacity" and (prefix or not value.isdecimal()):
        raise bad("query")
    value = value.casefold()

    def holds(item: JSON) -> bool:
        if field == "featureInstances.feature.name":
            found = [each["feature"]["name"] for each in item.get("featureInstances", [])]
        else:
            found = [item[_FIELDS[field]]] if _FIELDS[field] in item else []
        texts = [str(each).casefold() for each in found]
        if prefix:
            return any(each.startswith(value) for each in texts)
        return value in texts

    negative = (operator == "!=") != (match["not"] is not None)
    return (lambda item: not holds(item)) if negative else holds


_ORDERS = ("resourceId", "resourceName", "capacity", "buildingId", "floorName")


def ordered(items: list[JSON], text: str) -> list[JSON]:
    """The rooms in the order asked for: ``field [asc|desc], ...``; raises 400. What lacks the field comes first."""
    terms = [term.split() for term in text.split(",")] if text.strip() else []
    for term in reversed(terms):
        if len(term) not in (1, 2) or term[0] not in _ORDERS or term[1:] not in ([], ["asc"], ["desc"]):
            raise bad("orderBy")
        name = term[0]
        empty: int | str = 0 if name == "capacity" else ""

        def key(item: JSON, name: str = name, empty: int | str = empty) -> Any:
            return item.get(name, empty)

        items.sort(key=key, reverse=term[1:] == ["desc"])
    return items


# -- the table -------------------------------------------------------------------------------------------------------

_LEAF: masks.Tree = {}
_TREES: dict[str, masks.Tree] = {
    "calendars": dict.fromkeys(("kind", "etags", "resourceId", "resourceName", "generatedResourceName", "resourceEmail", "resourceCategory", "resourceType", "buildingId", "floorName", "floorSection", "capacity", "resourceDescription", "userVisibleDescription"), _LEAF),
    "buildings": dict.fromkeys(("kind", "etags", "buildingId", "buildingName", "description", "floorNames"), _LEAF),
    "features": {"kind": _LEAF, "etags": _LEAF, "name": _LEAF},
}  # fmt: skip
_TREES["calendars"]["featureInstances"] = {"feature": _TREES["features"]}
_TREES["buildings"]["coordinates"] = {"latitude": _LEAF, "longitude": _LEAF}
_TREES["buildings"]["address"] = dict.fromkeys(("regionCode", "addressLines", "administrativeArea", "languageCode", "locality", "postalCode", "sublocality"), _LEAF)  # fmt: skip


def _methods(folder: str, list_kind: str, key: str) -> list[Method]:
    base = "/admin/directory/v1/customer/{customer}/resources/" + folder
    one = base + "/{key}"
    tree = _TREES[folder]
    name = f"directory.resources.{folder}."
    table: list[tuple[str, str, str, tuple[str, ...], Callable[[Call], JSON], masks.Tree]] = [
        (
            "GET", base, "list", READ, _list(folder, key, list_kind),
            {"kind": _LEAF, "etag": _LEAF, key: tree, "nextPageToken": _LEAF},
        ),
        ("GET", one, "get", READ, _get(folder), tree),
        ("POST", base, "insert", WRITE, _insert(folder), tree),
        ("PATCH", one, "patch", WRITE, _change(folder, whole=False), tree),
        ("PUT", one, "update", WRITE, _change(folder, whole=True), tree),
        ("DELETE", one, "delete", WRITE, _delete(folder), {}),
    ]  # fmt: skip
    return [
        Method(verb, path, name + word, f"ccc.hosted.frontend.directory.v1.{word}", scopes, handler, reply)
        for verb, path, word, scopes, handler, reply in table
    ]


METHODS = [
    *_methods("calendars", "calendarResourcesList", "items"),
    *_methods("buildings", "buildingsList", "buildings"),
    *_methods("features", "featuresList", "features"),
    Method(
        "POST", "/admin/directory/v1/customer/{customer}/resources/features/{key}/rename",
        "directory.resources.features.rename", "ccc.hosted.frontend.directory.v1.rename", WRITE, rename_feature, {},
    ),
]  # fmt: skip


def routes(app: web.Application, machine: "Machine", serve: Serve) -> None:
    """Enter the methods into the application."""
    register(app, machine, serve, SERVICE, METHODS)
