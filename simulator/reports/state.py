"""Meet's log, in which one ``call_ended`` is one endpoint leaving a call.

Reports API reference, activities.list, and its appendix "Google Meet activity events". An entry appears with a delay;
``organizer_email`` is the only official way to learn whose space a code belongs to. The log reaches back as far as the
world's records do: 30 days here, about half a year at Google.
"""

from dataclasses import dataclass

from simulator.directory.state import CUSTOMER, etag_of
from simulator.entities import Conference, Participant
from simulator.identifiers import number_of, token_of
from simulator.reading import JSON
from simulator.world import DOMAIN, World

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
