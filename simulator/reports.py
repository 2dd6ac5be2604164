"""The Admin SDK's Reports: Meet's log, in which one ``call_ended`` is one endpoint leaving a call.

Reports API reference, activities.list, and its appendix "Google Meet activity events". An entry appears with a delay;
``organizer_email`` is the only official way to learn whose space a code belongs to. The log reaches back as far as the
world's records do: 30 days here, about half a year at Google.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aiohttp import web

from simulator import masks
from simulator.directory import CUSTOMER, bad, etag_of, page_of, require_admin
from simulator.filters import parse_time
from simulator.gate import JSON, Call, Method, Serve, Service, register
from simulator.world import DOMAIN, Conference, Participant, World, number_of, token_of

if TYPE_CHECKING:
    from simulator.machine import Machine

SERVICE = Service("admin.googleapis.com", "Admin SDK API", older=True)
SCOPES = ("https://www.googleapis.com/auth/admin.reports.audit.readonly",)
LARGEST = 1000
HALF_MICROSECOND = 5e-7  # times are shown in microseconds, and a time that was shown must find its entry
Value = str | int | bool


@dataclass(slots=True)
class Habits:
    """How the log is written: ``delay_seconds`` late; codes as ten capitals, or with dashes as documented."""

    delay_seconds: float = 900.0
    dashed_codes: bool = False
    foreign_conference_ids: bool = False  # whether conference_id is another one than the record's


@dataclass(frozen=True, slots=True)
class Departure:
    """One stay that has ended."""

    at: float
    call: Conference
    participant: Participant
    number: int


class Reports:
    """The log of one world; the list of departures is made anew after a change."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.habits = Habits()
        self._known: tuple[int, list[Departure]] = (-1, [])

    def departures(self) -> list[Departure]:
        """Every stay that has ended, newest first."""
        version, found = self._known
        if version != self.world.version:
            found = [
                Departure(until, call, each, number)
                for call in self.world.conferences.values()
                for each in call.participants
                for number, (_, until) in enumerate(each.sessions)
                if until is not None
            ]
            found.sort(key=lambda each: (-each.at, each.call.id, each.participant.id, each.number))
            self._known = (self.world.version, found)
        return found

    def parameters(self, departure: Departure) -> dict[str, Value]:
        """The parameters of a ``call_ended``."""
        call, who = departure.call, departure.participant
        space = self.world.spaces[call.space]
        code = space.code if self.habits.dashed_codes else space.code.replace("-", "").upper()
        identifier = call.id
        if self.habits.foreign_conference_ids:
            identifier = token_of("report", call.id, length=22)
        found: dict[str, Value] = {
            "meeting_code": code,
            "conference_id": identifier,
            "organizer_email": self.world.former.get(space.owner, space.owner),
            "endpoint_id": f"boq_hlane_{token_of('endpoint', call.id, who.id, departure.number, length=11)}",
            "device_type": _DEVICES.get(who.kind, "other_client"),
            "display_name": who.display_name,
            "duration_seconds": max(0, int(departure.at - float(who.sessions[departure.number][0] or 0))),
            "is_external": who.kind in ("guest", "phone", "bot")
            or (who.email is not None and not who.email.endswith(f"@{DOMAIN}")),
            "product_type": "meet",
            "location_country": "DE",
        }
        if who.email is not None:
            found.update({"identifier": who.email, "identifier_type": "email_address"})
        elif who.kind == "device" and who.user is not None:
            found.update({"identifier": who.user.removeprefix("users/"), "identifier_type": "device_id"})
        elif who.kind == "phone":
            found.update({"identifier": who.display_name, "identifier_type": "phone_number"})
        return found

    def as_json(self, departure: Departure, parameters: dict[str, Value]) -> JSON:
        """An activity."""
        who = departure.participant
        actor: JSON = {"callerType": "KEY", "key": "HANGOUTS_EXTERNAL_OR_ANONYMOUS"}
        if who.email is not None:
            actor = {"callerType": "USER", "email": who.email}
            if who.user is not None:
                actor["profileId"] = who.user.removeprefix("users/")
        answer: JSON = {
            "kind": "admin#reports#activity",
            "id": {
                "time": self.world.shown(departure.at),
                "uniqueQualifier": number_of(
                    "activity", departure.call.id, who.id, departure.number, digits=18, lead="-1"
                ),
                "applicationName": "meet",
                "customerId": CUSTOMER,
            },
            "actor": actor,
            "ipAddress": "192.0.2.7",
            "events": [
                {
                    "type": "call",
                    "name": "call_ended",
                    "parameters": [_parameter(name, value) for name, value in parameters.items()],
                }
            ],
        }
        return {**answer, "etag": etag_of(answer)}


_DEVICES = {"person": "web", "device": "chromebox", "phone": "pstn_in", "guest": "web", "bot": "web"}


def _parameter(name: str, value: Value) -> JSON:
    if isinstance(value, bool):
        return {"name": name, "boolValue": value}
    if isinstance(value, int):
        return {"name": name, "intValue": str(value)}
    return {"name": name, "value": value}


# -- the method ------------------------------------------------------------------------------------------------------

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


def routes(app: web.Application, machine: "Machine", serve: Serve) -> None:
    """Enter the method into the application."""
    register(app, machine, serve, SERVICE, METHODS)
