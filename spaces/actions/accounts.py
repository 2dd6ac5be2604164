"""Verbs about Google accounts: the configured mailboxes, connecting one's own, disconnecting."""

import logging

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from spaces import access, audit, live, meet
from spaces.access import Actor, Permission
from spaces.actions.outcomes import Outcome, Rejection
from spaces.google import addresses, credentials
from spaces.google.errors import ConnectionBroken, GoogleError, TryLater
from spaces.meet import Lane
from spaces.message import Message
from spaces.models import Account, Person, ScopeCheck
from spaces.sync.clients import acting_as

logger = logging.getLogger(__name__)


def sync_configured(*, actor: Actor) -> int:
    """Make an account of every mailbox in MEETADMIN_ROOM_MAILBOXES; returns how many are new."""
    access.require(actor, Permission.ACCOUNT_MANAGE)
    made = 0
    for email in settings.ROOM_MAILBOXES:
        made += Account.objects.get_or_create(email=email, defaults={"kind": Account.Kind.DELEGATED})[1]
        # A mailbox that somebody had connected by hand and disconnected goes back to delegation.
        Account.objects.filter(email=email, kind=Account.Kind.CONSENTED, sealed_token="").update(
            kind=Account.Kind.DELEGATED,
            person=None,
            status=Account.Status.UNTESTED,
            failing={},
            problem="",
            problem_since=None,
            google_says="",
        )
    return made


def connect(*, consent: credentials.Consent, actor: Person) -> Outcome:
    """Keep the access that somebody has just granted to their Google account, sealed.

    People connect their own account; admins also a mailbox they can sign in to. Raises NotAllowed or ActionRejected.
    """
    access.require(actor, Permission.ACCOUNT_CONNECT)
    if rejection := _why_not_connected(consent, actor):
        raise audit.ActionRejected.of(rejection)
    email = consent.email.lower()
    with transaction.atomic():
        account = _account_for(consent)
        account.kind, account.person, account.google_id = Account.Kind.CONSENTED, actor, consent.google_id
        account.scopes = sorted(consent.scopes)
        account.sealed_token = meet.vault().seal(consent.refresh_token or "", binding=meet.binding(account))
        account.forget_problems()
        account.next_sweep_at = timezone.now()
        account.save()
        live.account_changed(account.pk)
        audit.note(permission=Permission.ACCOUNT_CONNECT, actor=actor, about=account, target=email)
    return Outcome("account.connected", {"email": email})


def _why_not_connected(consent: credentials.Consent, actor: Person) -> Rejection | None:
    """Return why this consent is not stored, None when it may be."""
    email = consent.email.lower()
    if consent.google_id != actor.google_id and not access.can(actor, Permission.ACCOUNT_MANAGE):
        return Rejection("account.not_own", {"email": email, "own": actor.handle})
    why = addresses.refusal_of(consent, settings.DOMAINS)
    if why == "private":
        return Rejection("account.private", {"email": email})
    if why:
        return Rejection("account.other_domain", {"email": email, "domains": tuple(sorted(settings.DOMAINS))})
    if not meet.vault():
        return Rejection("account.no_token_key")
    if consent.missing:
        missing = tuple(sorted(scope.rpartition(".")[2] for scope in consent.missing))
        return Rejection("account.scopes_unticked", {"scopes": missing})
    if not consent.refresh_token:
        return Rejection("account.no_refresh_token")
    return None


def _account_for(consent: credentials.Consent) -> Account:
    """The account that this consent is for, locked; a new one when there is none. Whose address has changed is known by Google's
    id and keeps their links. Raises ActionRejected when the address was somebody else's here."""
    email = consent.email.lower()
    locked = Account.objects.select_for_update()
    account = locked.filter(email=email).first() or locked.filter(google_id=consent.google_id).first()
    if account and account.google_id not in {"", consent.google_id}:
        raise audit.ActionRejected("account.other_identity", {"email": email})
    account = account or Account()
    account.email = email
    return account


def disconnect(*, account: Account, actor: Actor) -> Outcome:
    """Forget a connected account's access and withdraw it at Google. The rooms stay, with what is known of them."""
    own = isinstance(actor, Person) and account.person_id == actor.pk
    access.require(actor, Permission.ACCOUNT_DISCONNECT if own else Permission.ACCOUNT_MANAGE)
    if account.kind != Account.Kind.CONSENTED or not account.sealed_token:
        raise audit.ActionRejected("account.not_connected", {"account": account.email})
    withdrawn = True
    with audit.attempt(
        permission=Permission.ACCOUNT_DISCONNECT, actor=actor, about=account, target=account.email
    ) as entry:
        try:
            credentials.revoke(meet.refresh_token(account), revoke_url=settings.GOOGLE.revoke)
        except GoogleError as error:
            withdrawn = False
            entry.detail = Message("account.revocation_unconfirmed")
            logger.warning("revoking the grant of an account failed: %s", error.detail)
        with transaction.atomic():
            Account.objects.filter(pk=account.pk).update(sealed_token="", scopes=[])
            account.sealed_token = ""
            disconnected = ConnectionBroken(Message("account.was_disconnected"))
            account.record_failure("access", disconnected, broken=True)
    if not withdrawn:
        return Outcome("account.disconnected_here", {"account": account.email}, "warning")
    return Outcome("account.disconnected", {"account": account.email})


def reseal(*, actor: Actor) -> tuple[int, list[str]]:
    """Seal every stored access anew with the first of the configured keys, so that older keys can be retired.

    Returns how many were resealed, and the addresses of those that none of the keys opens (they stay as they are). Harmless
    twice and while everything runs: an access that changes meanwhile is left to whoever changed it.
    """
    access.require(actor, Permission.ACCOUNT_MANAGE)
    done, closed = 0, []
    for account in Account.objects.exclude(sealed_token=""):
        sealed = account.sealed_token
        if meet.vault().is_newest(sealed):
            continue
        try:
            token = meet.refresh_token(account)
        except ConnectionBroken:
            closed.append(account.email)
            continue
        done += Account.objects.filter(pk=account.pk, sealed_token=sealed).update(
            sealed_token=meet.vault().seal(token, binding=meet.binding(account))
        )
    return done, closed


def test(*, account: Account, actor: Actor) -> Outcome:
    """Try the account: ask Google for its running calls. A success starts anew: earlier problems are forgotten until a request meets
    them again, and the account's turn comes at once.

    Raises NotAllowed or the GoogleError with its cure.
    """
    access.require(actor, Permission.ACCOUNT_MANAGE)
    with acting_as(account, kind="watch", lane=Lane.INTERACTIVE) as client:
        running = client.running_conferences()
    with transaction.atomic():
        tested = Account.objects.select_for_update().get(pk=account.pk)
        tested.forget_problems()
        tested.next_sweep_at = timezone.now()
        tested.save()
    return Outcome("account.works", {"account": account.email, "n": len(running)})


def check(*, account: Account, actor: Actor) -> Outcome:
    """Find out which permissions the account has: ask Google for each one by itself. What was found is kept for the system page
    and written into the trail.

    Raises NotAllowed, or TryLater when Google was not to be asked: then nothing is kept.
    """
    access.require(actor, Permission.ACCOUNT_CHECK)
    found: dict[str, str] = {}
    at = timezone.now()
    for scope in credentials.MEET_SCOPES:
        try:
            meet.prove(account, scope)
            found[scope] = ""
        except TryLater:
            raise
        except GoogleError as error:
            logger.info("checking %s of %s: %s", scope, account.email, error.detail)
            found[scope] = error.sentence
    missing = tuple(credentials.short(scope) for scope, problem in found.items() if problem)
    with transaction.atomic():
        for scope, problem in found.items():
            ScopeCheck.remember(account.pk, scope, problem=problem, at=at)
        audit.note(
            permission=Permission.ACCOUNT_CHECK,
            actor=actor,
            about=account,
            target=account.email,
            detail=Message("account.scopes_missing", {"scopes": missing}) if missing else "",
        )
    if not missing:
        return Outcome("account.has_all_scopes", {"account": account.email})
    if len(missing) == len(found):
        why = found[credentials.MEET_SCOPES[0]]
        return Outcome("account.has_no_scope", {"account": account.email, "why": why}, "warning")
    return Outcome("account.lacks_scopes", {"account": account.email, "scopes": missing}, "warning")
