"""From settings and an Account to clients that act as it, Meet's within the quota. Nothing else builds them."""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from functools import lru_cache

from django.conf import settings
from google.auth.credentials import Credentials
from redis import Redis

from spaces import broker
from spaces.google import credentials
from spaces.google.errors import ConnectionBroken, broken
from spaces.google.events import EventsClient
from spaces.google.idtokens import Keys
from spaces.google.limits import Limits
from spaces.google.meet import MeetClient
from spaces.google.pubsub import PullClient
from spaces.google.quota import Gate, Quota, Turnstile
from spaces.models import Account
from spaces.vault import CannotOpen, Vault
from spaces.words import text as _

MOST_IDLE = 128
"""Clients that a process keeps for the next call; each takes some 50 kB. The one unused for longest gives way."""
# Building a client costs milliseconds of CPU, and its connections are worth keeping.
_Key = tuple[str, str, tuple[str, ...]]
_idle: deque[tuple[_Key, MeetClient]] = deque(maxlen=MOST_IDLE)
_hands = threading.Lock()


class Lane(StrEnum):
    """Which share of Google's quota a piece of work uses, and how long it may wait for its turn. Only a person who waits for the answer is
    interactive, and may use the reserve; who asked for it does not matter."""

    INTERACTIVE = "interactive"
    BULK = "bulk"
    BACKGROUND = "background"


PATIENCE = 5.0
"""Seconds that one call may wait for its turn. Whatever takes longer is better tried again later than waited for."""
PATIENCE_OF_PEOPLE = 10.0
"""Seconds that all calls of one click may wait together."""
PATIENCE_OF_MACHINES = 25.0
"""The same for bulk and background work, which with its own 60 seconds stays below the limit of a task."""


def vault() -> Vault:
    """The vault with the configured keys."""
    return Vault(settings.TOKEN_KEYS)


def binding(account: Account) -> str:
    """What a sealed token of this account is bound to."""
    return f"account:{account.email}"


def refresh_token(account: Account) -> str:
    """The account's own refresh token. Raises ConnectionBroken when it cannot be opened."""
    try:
        return vault().open(account.sealed_token, binding=binding(account))
    except CannotOpen as error:
        raise ConnectionBroken(
            _(
                "The stored access for %(account)s cannot be opened with the configured keys. Connect "
                "the account again, or bring the old key back into MEETADMIN_TOKEN_KEYS."
            )
            % {"account": account.email},
            detail=str(error),
        ) from error


def _credentials(account: Account, scopes: tuple[str, ...]) -> Credentials:
    if account.kind == Account.Kind.CONSENTED:
        if not account.sealed_token:
            raise ConnectionBroken(
                _("%(account)s is not connected. Its user has to connect it again under “Google accounts”.")
                % {"account": account.email},
                detail="",
            )
        return credentials.consented(
            refresh_token(account),
            client_id=settings.GOOGLE_CLIENT_ID,
            client_secret=settings.GOOGLE_CLIENT_SECRET,
            token_url=settings.GOOGLE.token,
            scopes=scopes,
        )
    if account.email not in settings.ROOM_MAILBOXES:
        raise ConnectionBroken(
            _("%(account)s is not in MEETADMIN_ROOM_MAILBOXES, the list of accounts Meetadmin may act as.")
            % {"account": account.email},
            detail="",
        )
    if settings.GOOGLE_SERVICE_ACCOUNT is None:
        raise ConnectionBroken(
            _(
                "No service account is configured. Set GOOGLE_SERVICE_ACCOUNT_FILE to its key file (docs/install.md)."
            ),
            detail="",
        )
    try:
        return credentials.delegated(
            settings.GOOGLE_SERVICE_ACCOUNT,
            subject=account.email,
            scopes=scopes,
            token_url=settings.GOOGLE.token,
        )
    except ValueError as error:
        raise broken("bad_key", detail=str(error)) from error


def prove(account: Account, scope: str) -> None:
    """Ask the token endpoint for this one scope in the account's name; with several in one request, one that is missing fails
    them all (Workspace Admin help, "Control API access with domain-wide delegation"). Raises the GoogleError that tells why not."""
    credentials.renew(_credentials(account, (scope,)), force=True)


def quota() -> Quota:
    """The quota of this installation, which all its processes share through Redis."""
    return _quota(broker.link(), settings.QUOTA, settings.QUOTA_RESERVE)


@lru_cache(maxsize=4)
def _quota(redis: Redis, limits: Limits, reserve: float) -> Quota:
    return Quota(redis, limits, reserve=reserve)


def _gate(account: Account, lane: Lane) -> Gate:
    waits = lane is Lane.INTERACTIVE
    return Turnstile(
        quota(),
        account.email,
        person=waits,
        patience=PATIENCE,
        in_all=PATIENCE_OF_PEOPLE if waits else PATIENCE_OF_MACHINES,
    )


@contextmanager
def client(
    account: Account, *, lane: Lane, scopes: tuple[str, ...] = credentials.MEET_SCOPES
) -> Iterator[MeetClient]:
    """A client that acts as this account, with the patience and the share of the quota that the lane has. Touches no database.

    Clients go from hand to hand, so that there are as many of them as calls at once and not one for every thread and account.
    Raises ConnectionBroken when the configuration does not let us act as it.
    """
    key = (account.email, account.sealed_token, scopes)
    one = _taken(key) or MeetClient(
        _credentials(account, scopes),
        scoped={scope: _credentials(account, (scope,)) for scope in scopes} if len(scopes) > 1 else None,
        base_url=settings.GOOGLE.meet,
        timeout=float(settings.GOOGLE_TIMEOUT),
        quota_user=account.email,
    )
    one.quota = _gate(account, lane)
    try:
        yield one
    finally:
        with _hands:
            _idle.append((key, one))


def _taken(wanted: _Key) -> MeetClient | None:
    """The idle client used last of this kind: its connection is most likely still open."""
    with _hands:
        for index in range(len(_idle) - 1, -1, -1):
            key, one = _idle[index]
            if key == wanted:
                del _idle[index]
                return one
    return None


def events_client(account: Account) -> EventsClient:
    """A client for this account's subscription to events. Workspace Events has a quota of its own (600 changes a minute and
    project), of which a subscription needs one a day.

    Raises ConnectionBroken when the configuration does not let us act as the account.
    """
    return EventsClient(
        _credentials(account, (credentials.READONLY,)),
        base_url=settings.GOOGLE.events,
        timeout=float(settings.GOOGLE_TIMEOUT),
    )


def pull_client() -> PullClient:
    """A client that fetches events in the name of the service account itself. Raises ConnectionBroken without a usable key."""
    if settings.GOOGLE_SERVICE_ACCOUNT is None:
        raise ConnectionBroken(
            _("No service account is configured (GOOGLE_SERVICE_ACCOUNT_FILE)."), detail=""
        )
    try:
        own = credentials.own(
            settings.GOOGLE_SERVICE_ACCOUNT, scopes=[credentials.PUBSUB], token_url=settings.GOOGLE.token
        )
    except ValueError as error:
        raise broken("bad_key", detail=str(error)) from error
    return PullClient(own, base_url=settings.GOOGLE.pubsub)


@lru_cache(maxsize=4)
def _keys(url: str) -> Keys:
    return Keys(url)


def google_keys() -> Keys:
    """Google's public keys, kept for the process."""
    return _keys(settings.GOOGLE.certs)
