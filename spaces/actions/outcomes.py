"""What an action returns when it succeeds, and what its check returns. A failed action raises NotAllowed, ActionRejected or a
GoogleError."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from django.utils import timezone

from spaces.message import Message
from spaces.models import AuditEntry

Level = Literal["success", "info", "warning"]
Rejection = Message
"""What a check returns when the state of things forbids the action: why, and what to do."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of an action: the code and parameters of its message, and how to show it."""

    code: str
    params: Mapping[str, Any] = field(default_factory=dict)
    level: Level = "success"

    @property
    def message(self) -> Message:
        """Return what to show."""
        return Message(self.code, self.params)


_RESULTS = {
    "done": Message("result.done"),
    "already": Message("result.already"),
    "refused": Message("result.refused"),
    "failed": Message("result.failed"),
}


def duplicate(entry: AuditEntry) -> Outcome:
    """Return the outcome of a form that was sent a second time: the result of the first."""
    at = f"{timezone.localtime(entry.at):%H:%M:%S %Z}"
    if entry.is_open:
        return Outcome("request.pending", {"at": at}, "warning")
    params = {"at": at, "result": _RESULTS[entry.outcome]}
    if entry.detail:
        return Outcome("request.duplicate_because", {**params, "detail": entry.detail}, "info")
    return Outcome("request.duplicate", params, "info")
