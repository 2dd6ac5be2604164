"""Who joins a call, in every shape in which Google shows participants: people, devices, phones, guests, bots.

Meet REST reference, "participants": a room's device is a signed-in user under the name that the administrator gave it. Devices
that join through other systems, and most note-taking bots, are anonymous.
"""

import re
import unicodedata
from typing import Any

from simulator.entities import Conference, Participant, Room
from simulator.identifiers import number_of
from simulator.reading import ControlError, a_flag, a_text
from simulator.world import World

WHO = ("email", "device", "phone", "guest", "bot", "unknown")
OPTIONS = ("name", "spelling", "signed_in")
SPELLINGS = (
    "device", "room", "generated", "blanks", "no-break", "zero-width", "nfc", "nfd", "upper", "lower", "trimmed",
)  # fmt: skip
_FIELD = re.compile(r"[a-z][A-Za-z0-9]{2,40}")
_SENTENCE = 'A participant is one of {"email"}, {"device"}, {"phone"}, {"guest"}, {"bot"} or {"unknown"}.'


def let_in(world: World, call: Conference, body: object, at: float) -> Participant:
    """Let somebody in whom ``body`` names; raises ControlError. README, "Participants"."""
    if not isinstance(body, dict) or set(body) - {*WHO, *OPTIONS}:
        raise ControlError(_SENTENCE)
    named = [kind for kind in WHO if kind in body]
    if len(named) != 1 or not isinstance(body[named[0]], str) or not body[named[0]].strip():
        raise ControlError(_SENTENCE)
    kind, value = named[0], body[named[0]]
    name = _shown_name(body)
    if kind == "email":
        return _person(world, call, value, name, at)
    if kind == "device":
        return _device(world, call, body, name, at)
    if kind == "unknown":
        if not _FIELD.fullmatch(value):
            raise ControlError("unknown must be the name of a field, such as deviceUser.")
        return world.join(call, kind=f"unknown:{value}", name=name or value, email=None, user=None, at=at)
    user = None
    if kind == "bot" and a_flag(body, "signed_in", default=False):
        user = "users/" + number_of("bot", value, digits=21, lead="1")
    return world.join(call, kind=kind, name=name or value, email=None, user=user, at=at)


def _shown_name(body: dict[str, Any]) -> str:
    """The display name that was asked for, exactly as given; empty if none was."""
    if body.get("name") is None:
        return ""
    a_text(body, "name")
    return str(body["name"])


def _person(world: World, call: Conference, address: str, name: str, at: float) -> Participant:
    person = world.user(address)
    if person is not None:
        user, email = f"users/{person.id}", person.email
        return world.join(call, kind="person", name=name or person.name, email=email, user=user, at=at)
    email = address.strip().lower()
    user = "users/" + number_of("person", email, digits=21, lead="1")
    return world.join(call, kind="person", name=name or address, email=email, user=user, at=at)


def _device(world: World, call: Conference, body: dict[str, Any], name: str, at: float) -> Participant:
    value = body["device"]
    room = room_of_device(world, value)
    spelt = spelling_of(world, room, value, body.get("spelling", []))
    number = room.device_id if room is not None else number_of("device", value, digits=21, lead="1")
    user = f"users/{number}" if a_flag(body, "signed_in", default=True) else None
    return world.join(call, kind="device", name=name or spelt, email=None, user=user, at=at)


def room_of_device(world: World, value: str) -> Room | None:
    """The room with this name, or whose device has this name or id."""
    for room in world.rooms:
        if value in (room.name, room.device_name, room.device_id):
            return room
    return None


def spelling_of(world: World, room: Room | None, value: str, wanted: object) -> str:
    """How a device is called on the screen: a base (device, room, generated), then changes; raises ControlError."""
    steps = [wanted] if isinstance(wanted, str) else wanted
    if not isinstance(steps, list) or any(step not in SPELLINGS for step in steps):
        raise ControlError(f"spelling must be one or a list of {', '.join(SPELLINGS)}.")
    name = value if room is None else room.device_name
    for step in steps:
        if step in ("device", "room", "generated"):
            if room is None:
                raise ControlError("Only the device of a room has the name of a room.")
            name = {
                "device": room.device_name, "room": room.name, "generated": world.generated_name(room),
            }[step]  # fmt: skip
        else:
            name = _changed(name, step)
    return name


def _changed(name: str, step: str) -> str:
    if step in ("nfc", "nfd"):
        return unicodedata.normalize("NFC" if step == "nfc" else "NFD", name)
    changes = {
        "blanks": f" {name.replace(' ', '  ')} ",
        "no-break": name.replace(" ", "\u00a0"),
        "zero-width": name.replace(" ", "\u200b "),
        "upper": name.upper(),
        "lower": name.lower(),
        "trimmed": name.replace(" ", ""),
    }
    return changes[step]
