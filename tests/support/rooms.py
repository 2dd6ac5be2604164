"""Rooms of ours that stand on spaces which really exist in the simulator, and what Google was asked."""

from typing import Any

from spaces.meet import Lane
from spaces.models import AuditEntry, Person, Room, Space
from spaces.sync import readings
from tests import factories
from tests.support.simulator import SimulatorProcess

BERLIN = "rooms-ber@example.com"
MUNICH = "rooms-muc@example.com"
OUR_PROJECT = "meetadmin-demo"


def space_at_google(
    google: SimulatorProcess, *, owner: str = BERLIN, project: str = OUR_PROJECT
) -> dict[str, Any]:
    """A new, idle space at Google that we know nothing of yet."""
    made = google.control("POST", "spaces", {"owner": owner, "project": project})
    assert isinstance(made, dict)
    return made


def known_room(
    google: SimulatorProcess,
    *,
    owners: tuple[Person, ...] = (),
    account: str = BERLIN,
    project: str = OUR_PROJECT,
    name: str = "",
    **space_fields: Any,
) -> Room:
    """A room of ours whose space exists at Google, is idle there, and was read once."""
    made = space_at_google(google, owner=account, project=project)
    space = factories.make_space(
        made["meetingCode"],
        name=made["name"],
        account=factories.make_account(account),
        **space_fields,
    )
    room = factories.make_room(name, space=space, owners=owners)
    readings.sync_space(space, lane=Lane.BACKGROUND)
    forget_requests(google)
    return room


def start_call(
    google: SimulatorProcess, room: Room, *participants: dict[str, str], ago: float = 1200, seen: bool = True
) -> str:
    """Start a call in the room; the name of its record. `seen`: we have read it already, as an actor would have."""
    space = space_of(room)
    people = participants or ({"email": "engineer-01@example.com"},)
    record = google.start_conference(space.name, *people, ago=ago)["name"]
    if seen:
        readings.sync_space(space, lane=Lane.BACKGROUND)
        room.refresh_from_db()
    forget_requests(google)
    return str(record)


def space_of(room: Room) -> Space:
    """The room's space, as it is stored now."""
    return Space.objects.select_related("account", "conference").get(room=room)


def forget_requests(google: SimulatorProcess) -> None:
    """Count from zero."""
    google.control("DELETE", "requests")


def asked(google: SimulatorProcess) -> dict[str, int]:
    """How often each method of Google was called since the counting began."""
    counts: dict[str, int] = google.control("GET", "requests")["by_method"]
    return counts


def fault(google: SimulatorProcess, method: str, **order: Any) -> None:
    """Order a misbehaviour of Google: `status` or `kind`, `times`, `after` (the deed is done, the answer lost)."""
    google.control("POST", "faults", {"method": method, **order})


def is_on(google: SimulatorProcess, record: str) -> bool:
    """Whether this call runs at Google."""
    return any(call["name"] == record and call["endTime"] is None for call in google.world()["conferences"])


def settings_at_google(google: SimulatorProcess, name: str) -> dict[str, Any]:
    """The configuration of a space as the simulator holds it."""
    found: dict[str, Any] = next(one["config"] for one in google.world()["spaces"] if one["name"] == name)
    return found


def only_entry() -> AuditEntry:
    """The one row that the audit trail must hold."""
    return AuditEntry.objects.get()
