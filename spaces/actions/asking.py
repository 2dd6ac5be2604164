"""Asking Google as one of our accounts, and remembering on the account how that went."""

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet
from django.utils import timezone

from spaces import access, audit, meet
from spaces.access import Actor
from spaces.google import codes, credentials, resources
from spaces.google.errors import ConnectionBroken, GoogleError, NotFound, NotPermitted, ScopeMissing
from spaces.google.meet import MeetClient
from spaces.models import Account
from spaces.words import text as _

logger = logging.getLogger(__name__)


@contextmanager
def acting_as(
    account: Account, *, actor: Actor, scopes: tuple[str, ...] = credentials.MEET_SCOPES
) -> Iterator[MeetClient]:
    """A client that acts as this account on behalf of `actor`: people have a reserve of the quota. A broken connection is remembered on the account and raised on; a call that
    Google accepted clears it."""
    try:
        with meet.client(account, actor=actor, scopes=scopes) as client:
            yield client
    except (ConnectionBroken, ScopeMissing) as error:
        logger.warning("acting as %s: %s: %s", account.email, type(error).__name__, error.detail)
        account.fails(error.sentence, broken=True)
        raise
    except GoogleError as error:
        logger.info("acting as %s: %s: %s", account.email, type(error).__name__, error.detail)
        raise
    account.works()


@dataclass(frozen=True, slots=True)
class Sighting:
    """A space as `account` saw it when asked at `asked_at`."""

    space: resources.Space
    account: Account
    asked_at: datetime


def usable_for(actor: Actor) -> QuerySet[Account]:
    """The accounts that can be asked for this actor: those that are open to them and not known to be broken."""
    return access.accounts_for(actor).exclude(status=Account.Status.BROKEN)


def owners_for(actor: Actor) -> QuerySet[Account]:
    """The accounts whose links this actor may give to rooms, and that are not known to be broken."""
    return access.link_accounts_for(actor).exclude(status=Account.Status.BROKEN)


def sight(parsed: codes.Parsed, accounts: Iterable[Account], *, actor: Actor) -> Sighting | None:
    """The space behind a parsed code or `spaces/{id}`, seen through the account that owns it if any of them does.

    One read an account at most. None: Google hides it from all of them, or there is no such space. Raises audit.Refused when
    the text is no code or there is no account to ask, and the GoogleError when the trouble was another.
    """
    if parsed.kind not in {"code", "space"}:
        raise audit.Refused(parsed.sentence)
    seen: Sighting | None = None
    trouble: GoogleError | None = None
    asked = False
    for account in accounts:
        asked, asked_at = True, timezone.now()
        try:
            with acting_as(account, actor=actor) as client:
                find = client.find_space if parsed.kind == "code" else client.get_space
                space = find(parsed.value)
        except ScopeMissing as error:
            trouble = error
        except (NotFound, NotPermitted):
            continue
        except GoogleError as error:
            trouble = error
        else:
            if space.asked_by_owner:
                return Sighting(space, account, asked_at)
            seen = seen or Sighting(space, account, asked_at)
    if not asked:
        raise audit.Refused(
            _(
                "No Google account is connected yet, so nobody can be asked. Connect one under “Google accounts”."
            )
        )
    if seen is None and trouble:
        raise trouble
    return seen
