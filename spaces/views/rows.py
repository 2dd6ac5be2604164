"""A room as one row of a list: what this person may see of it, ready to print. Overview, lookup and "my rooms" share it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from spaces import access
from spaces.access import Permission
from spaces.google import config
from spaces.models import Account, Conference, Person, Room, Space


@dataclass(frozen=True, slots=True)
class Row:
    """One room. `call`, `seen_at` and the rest are empty where the person may not know."""

    room: Room
    may: frozenset[Permission]
    state: str  # stuck, live, idle, unknown, none; "hidden" where the person may not know
    reasons: list[str] = field(default_factory=list)
    call: Conference | None = None
    seen_at: datetime | None = None
    group: str = ""

    @property
    def space(self) -> Space | None:
        """The room's Meet space."""
        return self.room.space

    @property
    def running(self) -> timedelta | None:
        """How long the call has been on when last seen."""
        if self.call and self.call.started_at and self.seen_at:
            return self.seen_at - self.call.started_at
        return None

    @property
    def can_end(self) -> bool:
        """Whether to offer ending: a call is on, the person may, and Google would."""
        return bool(
            self.call and self.space and self.space.can_be_ended and Permission.CONFERENCE_END in self.may
        )

    @property
    def access_label(self) -> str:
        """Who may join without knocking, in words; empty when not known."""
        value = self.space.settings.get("accessType", "") if self.space else ""
        return config.BY_PATH["accessType"].choice(value).label if value else ""


def row(room: Room, person: Person, now: datetime) -> Row:
    """The room as this person may see it."""
    may = access.permissions(person, room)
    if Permission.CALL_SEE not in may:
        return Row(room, may, "hidden" if room.space else "none", group=room.building.name)
    state = room.state(now)
    space = room.space
    if space is None:
        return Row(room, may, "none", group=room.building.name)
    reasons = (
        space.stuck_reasons(now) if state == "stuck" else unknown_reasons(space) if state == "unknown" else []
    )
    return Row(
        room,
        may,
        state,
        reasons,
        call=space.conference if state in {"live", "stuck", "unknown"} else None,
        seen_at=space.seen_at,
        group="Needs action" if state in {"stuck", "unknown"} else room.building.name,
    )


def unknown_reasons(space: Space) -> list[str]:
    """Why the state cannot be told."""
    if space.account.status == Account.Status.BROKEN:
        return [f"account {space.account.email}: {space.account.problem}"]
    if space.trouble:
        return [space.get_trouble_display()]
    if not space.owned:
        return ["none of our accounts owns this meeting, so Google does not show whether a call is on"]
    return ["not asked yet"]


def rows(rooms: Iterable[Room], person: Person, now: datetime) -> list[Row]:
    """The rooms as rows, in their order."""
    return [row(room, person, now) for room in rooms]
