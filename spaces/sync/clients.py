"""Asking Google as one of our accounts, and what its answers and refusals mean for the account.

Google's table of refusals (`spaces.google.refusals`) says by `effect` what an error is about; here, and nowhere else, that effect is
applied. What answers mean for a space: `spaces.sync.readings`.
"""

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime

from django.db.models import QuerySet
from django.utils import timezone

from spaces import access, audit, meet
from spaces.access import Actor
from spaces.google import codes, resources
from spaces.google.errors import ConnectionBroken, GoogleError, NotFound, NotPermitted
from spaces.google.meet import MeetClient
from spaces.meet import Lane
from spaces.models import Account
from spaces.models.accounts import RequestKind

logger = logging.getLogger(__name__)

HIDDEN = (NotFound, NotPermitted)
"""Google hides one object from the account; nothing is said about any other."""


@contextmanager
def acting_as(account: Account, *, kind: RequestKind, lane: Lane) -> Iterator[MeetClient]:
    """A client that acts as this account, for requests of this kind. What Google's refusal means for the account is stored before it is
    raised on; a block that ends well ends an earlier problem of this kind."""
    try:
        with meet.client(account, lane=lane) as client:
            yield client
    except GoogleError as error:
        if error.effect in {"account_problem", "account_broken"}:
            record_failure(account, kind, error)
        else:
            logger.info("acting as %s: %s: %s", account.email, error.code, error.detail)
        raise
    account.record_success(kind)


def record_failure(account: Account, kind: RequestKind, error: GoogleError) -> None:
    """Store at the account that requests of this kind fail. Only a refusal of the access itself, or of the question what is running,
    makes the whole account broken: a missing permission for changes leaves its rooms visible."""
    kind = "access" if isinstance(error, ConnectionBroken) else kind
    broken = error.effect == "account_broken" and kind in {"access", "watch"}
    level = logging.WARNING if error.effect == "account_broken" else logging.INFO
    logger.log(level, "%s of %s: %s: %s", kind, account.email, error.code, error.detail)
    account.record_failure(kind, error, broken=broken)


@dataclass(frozen=True, slots=True)
class ResolvedSpace:
    """A space as shown to `account` when asked at `asked_at`. `unheard`: why another account could not be asked; if this one is not the
    owner, that one may be."""

    space: resources.Space
    account: Account
    asked_at: datetime
    unheard: GoogleError | None = None


def usable_for(actor: Actor) -> QuerySet[Account]:
    """The accounts that can be asked for this actor: those that are open to them and not known to be broken."""
    return access.accounts_for(actor).exclude(status=Account.Status.BROKEN)


def owners_for(actor: Actor) -> QuerySet[Account]:
    """The accounts whose links this actor may give to rooms, and that are not known to be broken."""
    return access.link_accounts_for(actor).exclude(status=Account.Status.BROKEN)


def resolve_space(
    parsed: codes.Parsed, accounts: Iterable[Account], *, lane: Lane = Lane.INTERACTIVE
) -> ResolvedSpace | None:
    """Return the space behind a parsed code or `spaces/{id}`, as shown to the account that owns it if any of them does.

    One read an account; where the space shows itself only as to a stranger, accounts that were refused are asked once more, because
    the owner may be among them. None: Google hides it from all of them, or there is no such space. Raises ActionRejected when the text
    is no code or there is no account to ask, and the GoogleError when the trouble was another.
    """
    if parsed.kind not in {"code", "space"}:
        raise audit.ActionRejected("lookup.not_a_code", {"why": parsed.sentence})
    stranger: ResolvedSpace | None = None
    trouble: GoogleError | None = None
    refused: list[Account] = []
    asked = False
    for account in accounts:
        asked = True
        try:
            seen = _read_as(account, parsed, lane)
        except HIDDEN:
            refused.append(account)
        except GoogleError as error:
            trouble = error
        else:
            if seen.space.asked_by_owner:
                return seen
            stranger = stranger or seen
    if not asked:
        raise audit.ActionRejected("account.none_connected")
    if stranger is None and trouble:
        raise trouble
    for account in refused if stranger else ():
        try:
            seen = _read_as(account, parsed, lane)
        except GoogleError:
            continue
        if seen.space.asked_by_owner:
            return seen
    return replace(stranger, unheard=trouble) if stranger else None


def _read_as(account: Account, parsed: codes.Parsed, lane: Lane) -> ResolvedSpace:
    asked_at = timezone.now()
    with acting_as(account, kind="link", lane=lane) as client:
        find = client.find_space if parsed.kind == "code" else client.get_space
        return ResolvedSpace(find(parsed.value), account, asked_at)
