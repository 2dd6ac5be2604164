"""What an action answers when it went well. When it did not, it raises: NotAllowed, Refused or a GoogleError, each with a
sentence for the person."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from spaces import meet
from spaces.google import credentials
from spaces.google.errors import ConnectionBroken, GoogleError, ScopeMissing
from spaces.google.meet import MeetClient
from spaces.models import Account, AuditEntry

logger = logging.getLogger(__name__)


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


@contextmanager
def acting_as(account: Account, *, scopes: tuple[str, ...] = credentials.MEET_SCOPES) -> Iterator[MeetClient]:
    """A client that acts as this account. A broken connection is remembered on the account and raised on; a call that
    Google accepted clears it."""
    try:
        yield meet.client(account, scopes=scopes)
    except (ConnectionBroken, ScopeMissing) as error:
        logger.warning("acting as %s: %s: %s", account.email, type(error).__name__, error.detail)
        account.fails(error.sentence, broken=True)
        raise
    except GoogleError as error:
        logger.info("acting as %s: %s: %s", account.email, type(error).__name__, error.detail)
        raise
    account.works()
