"""From settings and an Account to a client that acts as it. Nothing else builds one."""

import threading

from django.conf import settings
from google.auth.credentials import Credentials

from spaces.google import credentials
from spaces.google.errors import ConnectionBroken, broken
from spaces.google.meet import MeetClient
from spaces.models import Account
from spaces.vault import CannotOpen, Vault

# Building a client costs milliseconds of CPU and its connections are worth keeping; sessions are not shared by threads.
_kept = threading.local()


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
            f"The stored access for {account.email} cannot be opened with the configured keys. "
            "Connect the account again, or bring the old key back into MEETADMIN_TOKEN_KEYS.",
            detail=str(error),
        ) from error


def _credentials(account: Account, scopes: tuple[str, ...]) -> Credentials:
    if account.kind == Account.Kind.CONSENTED:
        if not account.sealed_token:
            raise ConnectionBroken(
                f"{account.email} is not connected. Its user has to connect it again under “Google accounts”.",
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
            f"{account.email} is not in MEETADMIN_ROOM_MAILBOXES, the list of accounts Meetadmin may act as.",
            detail="",
        )
    if settings.GOOGLE_SERVICE_ACCOUNT is None:
        raise ConnectionBroken(
            "No service account is configured. Set GOOGLE_SERVICE_ACCOUNT_FILE to its key file (docs/install.md).",
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


def client(account: Account, *, scopes: tuple[str, ...] = credentials.MEET_SCOPES) -> MeetClient:
    """A client that acts as this account, kept for the thread.

    Raises ConnectionBroken when the configuration does not let us act as it.
    """
    kept: dict[tuple[str, str, tuple[str, ...]], MeetClient] = _kept.__dict__.setdefault("clients", {})
    key = (account.email, account.sealed_token, scopes)
    if key not in kept:
        kept[key] = MeetClient(
            _credentials(account, scopes),
            base_url=settings.GOOGLE.meet,
            timeout=float(settings.GOOGLE_TIMEOUT),
            quota_user=account.email,
        )
    return kept[key]
