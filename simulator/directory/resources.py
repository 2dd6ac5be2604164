"""Directory API: the methods of rooms (calendars), buildings and features."""

import json
from collections.abc import Callable

from simulator import masks
from simulator.directory.admin import SERVICE, bad, not_found, page_of, require_admin
from simulator.directory.query import ordered, parse_query
from simulator.directory.state import CUSTOMER, KIND, etag_of, resource
from simulator.errors import ApiError, OlderError
from simulator.gate import Api, Call, Method
from simulator.reading import JSON

_AUTH = "https://www.googleapis.com/auth/"
WRITE = (_AUTH + "admin.directory.resource.calendar",)
READ = (*WRITE, _AUTH + "admin.directory.resource.calendar.readonly")
DEFAULT_SIZE = 100
LARGEST = 500


def _enter(call: Call, folder: str) -> dict[str, JSON]:
    require_admin(call)
    if call.path["customer"] not in ("my_customer", CUSTOMER):
        raise OlderError(403, "Not Authorized to access this resource/api", "forbidden")
    return call.machine.directory.folders[folder]


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
            item = {**resource(call.world, key), **item}
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

API = Api(SERVICE, METHODS)
