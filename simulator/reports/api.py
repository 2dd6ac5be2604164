"""Reports API: activities.list."""

import json
import re
from collections.abc import Callable
from typing import Any

from simulator import masks
from simulator.directory.admin import SERVICE, bad, page_of, require_admin
from simulator.directory.state import etag_of
from simulator.filters import parse_time
from simulator.gate import Api, Call, Method
from simulator.reading import JSON
from simulator.reports.state import Departure, Value

SCOPES = ("https://www.googleapis.com/auth/admin.reports.audit.readonly",)
LARGEST = 1000
HALF_MICROSECOND = 5e-7  # times are shown in microseconds, and a time that was shown must find its entry

_CONDITION = re.compile(r"([a-z_]+)(==|<>|<=|>=|<|>)(.*)", re.DOTALL)
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": lambda a, b: a == b,
    "<>": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
    "<=": lambda a, b: a <= b,
    ">=": lambda a, b: a >= b,
}
_KNOWN = {
    "meeting_code", "conference_id", "organizer_email", "endpoint_id", "device_type", "display_name",
    "duration_seconds", "is_external", "product_type", "location_country", "identifier", "identifier_type",
}  # fmt: skip


def parse_filters(text: str) -> Callable[[dict[str, Value]], bool]:
    """``name==value,other<>value``: all must hold; raises 400."""
    conditions: list[tuple[str, str, str]] = []
    for part in text.split(",") if text else []:
        match = _CONDITION.fullmatch(part.strip())
        if match is None or match.group(1) not in _KNOWN:
            raise bad("filters")
        conditions.append((match.group(1), match.group(2), match.group(3)))

    def holds(parameters: dict[str, Value]) -> bool:
        for name, operator, wanted in conditions:
            value = parameters.get(name)
            if value is None:
                return False
            if isinstance(value, bool):
                value = "true" if value else "false"
            if isinstance(value, int):
                if not wanted.isdecimal():
                    raise bad("filters")
                if not _COMPARE[operator](value, int(wanted)):
                    return False
            elif not _COMPARE[operator](value, wanted):
                return False
        return True

    return holds


def _moment(call: Call, name: str, default: float) -> float:
    text = call.query.get(name, "")
    if not text:
        return default
    try:
        return parse_time(text) + call.world.offset
    except ValueError:
        raise bad(name) from None


def activities(call: Call) -> JSON:
    """activities.list: newest first."""
    require_admin(call)
    if call.path["application"] != "meet":
        raise bad("applicationName")
    reports = call.machine.reports
    event, filters, user = call.query.get("eventName", ""), call.query.get("filters", ""), call.path["user"]
    if filters and not event:
        raise bad("filters: eventName is required")
    holds = parse_filters(filters)
    begin = _moment(call, "startTime", 0)
    end = _moment(call, "endTime", call.world.now())
    if begin > end:
        raise bad("startTime must be before endTime")
    last = min(end + HALF_MICROSECOND, call.world.now() - reports.habits.delay_seconds)
    found: list[tuple[Departure, dict[str, Value]]] = []
    for each in reports.departures() if event in ("", "call_ended") else []:
        if each.at > last:
            continue
        if each.at < begin - HALF_MICROSECOND:
            break
        who = each.participant
        if user != "all" and user not in (who.email, (who.user or "").removeprefix("users/")):
            continue
        parameters = reports.parameters(each)
        if holds(parameters):
            found.append((each, parameters))
    what = json.dumps([user, event, filters, call.query.get("startTime"), call.query.get("endTime")])
    part, following = page_of(call, found, what, default=LARGEST, largest=LARGEST)
    items = [reports.as_json(each, parameters) for each, parameters in part]
    answer: JSON = {"kind": "admin#reports#activities", "etag": etag_of(items)}
    if items:
        answer["items"] = items
    if following:
        answer["nextPageToken"] = following
    return answer


_LEAF: masks.Tree = {}
_PARAMETER: masks.Tree = {"name": _LEAF, "value": _LEAF, "intValue": _LEAF, "boolValue": _LEAF}
_ACTIVITY: masks.Tree = {
    "kind": _LEAF,
    "etag": _LEAF,
    "ipAddress": _LEAF,
    "id": {"time": _LEAF, "uniqueQualifier": _LEAF, "applicationName": _LEAF, "customerId": _LEAF},
    "actor": {"callerType": _LEAF, "email": _LEAF, "profileId": _LEAF, "key": _LEAF},
    "events": {"type": _LEAF, "name": _LEAF, "parameters": _PARAMETER},
}
METHODS = [
    Method(
        "GET", "/admin/reports/v1/activity/users/{user}/applications/{application}", "reports.activities.list",
        "ccc.hosted.frontend.reports.v1.list", SCOPES, activities,
        {"kind": _LEAF, "etag": _LEAF, "items": _ACTIVITY, "nextPageToken": _LEAF},
    ),
]  # fmt: skip

API = Api(SERVICE, METHODS)
