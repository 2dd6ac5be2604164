"""What an action answers when it went well. When it did not, it raises: NotAllowed, Refused or a GoogleError, each with a
sentence for the person."""

from dataclasses import dataclass
from typing import Literal

from spaces.models import AuditEntry


@dataclass(frozen=True, slots=True)
class Outcome:
    """The sentence to show, and how glad it is."""

    sentence: str
    level: Literal["success", "info", "warning"] = "success"


def told_before(entry: AuditEntry) -> Outcome:
    """The answer to a form that was sent a second time: what became of the first."""
    if entry.is_open:
        return Outcome(
            f"This was already asked for at {entry.at:%H:%M:%S} UTC and its outcome is not known yet. Nothing was sent "
            "again; refresh the room to see what is true now.",
            "warning",
        )
    word = entry.get_outcome_display().lower()
    return Outcome(
        f"This was already asked for at {entry.at:%H:%M:%S} UTC: {word}. {entry.detail}".strip(), "info"
    )
