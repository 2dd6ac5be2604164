"""What the simulated world is made of: people, buildings, rooms, spaces, calls and participants.

All moments are seconds of world time (see `simulator.world`).
"""

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Person:
    """A Google user: somebody who can sign in, or a room mailbox that owns spaces."""

    email: str
    name: str
    id: str
    hd: str | None
    email_verified: bool = True
    aliases: tuple[str, ...] = ()
    non_editable_aliases: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """As the control shows it."""
        found = {"email": self.email, "name": self.name, "id": self.id, "hd": self.hd}
        return found if not self.aliases else {**found, "aliases": list(self.aliases)}


@dataclass(slots=True)
class Building:
    """A building; its mailbox owns the spaces of its rooms."""

    id: str
    name: str
    time_zone: str
    floors: list[str]
    mailbox: str

    def as_json(self) -> dict[str, Any]:
        """As the control shows it."""
        return {"id": self.id, "name": self.name, "time_zone": self.time_zone, "floors": self.floors}


@dataclass(slots=True)
class Room:
    """A physical room with its meeting device and its persistent space."""

    name: str
    building: str
    floor: str
    capacity: int
    device_name: str
    device_id: str
    owner_email: str
    deputy_emails: tuple[str, ...]
    account: str
    space: str


@dataclass(slots=True)
class Participant:
    """Somebody or something in a call; each stay is a session [from, until or None]."""

    id: str
    kind: str
    display_name: str
    email: str | None
    user: str | None
    sessions: list[list[float | None]]

    @property
    def joined(self) -> float:
        """When it first came."""
        return float(self.sessions[0][0] or 0)

    @property
    def left(self) -> float | None:
        """When it finally went; None while it is there."""
        return self.sessions[-1][1]


@dataclass(slots=True)
class Recorded:
    """A recording, transcript or notes that the control started; moments of world time.

    ``end`` None = until the call ends; ``file_at`` None = some minutes after the end; ``state`` replaces Google's word for it.
    """

    start: float
    end: float | None = None
    file_at: float | None = None
    state: str = ""


@dataclass(slots=True)
class Conference:
    """One call. ``origin``: life (moves by itself), pinned (a scene's, stays as it is) or control (a test's).

    ``automatic`` names what the space's settings had recorded when the call began; ``recorded`` is what the control ordered
    (kind -> parts), which replaces the room's habit.
    """

    id: str
    space: str
    start: float
    origin: str
    end: float | None = None
    participants: list[Participant] = field(default_factory=list)
    automatic: tuple[str, ...] = ()
    recorded: dict[str, list[Recorded]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Resource name of its record."""
        return f"conferenceRecords/{self.id}"

    def present(self) -> list[Participant]:
        """Who is in the call now."""
        return [each for each in self.participants if each.left is None]

    def empty_since(self) -> float | None:
        """Since when nobody is there; None while somebody is."""
        latest = self.start
        for each in self.participants:
            if each.left is None:
                return None
            latest = max(latest, each.left)
        return latest


@dataclass(slots=True)
class Space:
    """A persistent meeting link and its settings.

    ``code`` is empty after it has died; ``code_used`` is when it was last used. A ``fleeting`` code (of an ad-hoc
    meeting started on room hardware, or of a nickname) dies with the call.
    """

    id: str
    code: str
    owner: str
    project: str
    config: dict[str, str]
    room: int | None = None
    active: Conference | None = None
    lingers_until: float | None = None
    records: list[Conference] = field(default_factory=list)
    members: dict[str, dict[str, str]] = field(default_factory=dict)
    code_used: float = 0.0
    fleeting: bool = False
    ended_for_all: bool = False  # since a call was ended by request, no host has come back
    closed_until: float = 0.0  # until then nobody gets in

    @property
    def name(self) -> str:
        """Resource name."""
        return f"spaces/{self.id}"


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that Google tells its subscribers: ``kind`` is an event type without its prefix."""

    kind: str
    call: Conference
    resource: str
    name: str
    at: float


def session_name(call: Conference, participant: Participant, number: int) -> str:
    """Resource name of a stay; ``number`` counts from 0."""
    return f"{call.name}/participants/{participant.id}/participantSessions/{number + 1}"
