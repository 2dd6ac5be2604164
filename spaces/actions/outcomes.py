"""What an action answers when it went well. When it did not, it raises: NotAllowed, Refused or a GoogleError, each with a
sentence for the person."""

from dataclasses import dataclass
from typing import Literal

from django.utils import timezone

from spaces.models import AuditEntry
from spaces.words import joined
from spaces.words import text as _


@dataclass(frozen=True, slots=True)
class Outcome:
    """The sentence to show, and how glad it is."""

    sentence: str
    level: Literal["success", "info", "warning"] = "success"


_WORDS = {
    "done": _("done"),
    "already": _("nothing was left to do"),
    "refused": _("refused"),
    "failed": _("failed"),
}


def told_before(entry: AuditEntry) -> Outcome:
    """The answer to a form that was sent a second time: what became of the first."""
    at = f"{timezone.localtime(entry.at):%H:%M:%S %Z}"
    if entry.is_open:
        return Outcome(
            _(
                "This was already asked for at %(at)s and its outcome is not known yet. Nothing was "
                "sent again; refresh the room to see what is true now."
            )
            % {"at": at},
            "warning",
        )
    asked = _("This was already asked for at %(at)s: %(outcome)s.") % {
        "at": at,
        "outcome": _WORDS[entry.outcome],
    }
    return Outcome(joined(asked, entry.detail) if entry.detail else asked, "info")
