"""Verbs about Google accounts: the configured mailboxes, connecting one's own, disconnecting."""

import logging

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from spaces import access, audit, live, meet
from spaces.access import Actor, Permission
from spaces.actions.asking import acting_as
from spaces.actions.outcomes import Outcome, said
from spaces.google import addresses, credentials
from spaces.google.errors import ConnectionBroken, GoogleError, TryLater
from spaces.meet import Lane
from spaces.models import Account, Person, ScopeCheck
from spaces.words import counted
from spaces.words import text as _

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

    People connect their own account; admins also a mailbox they can sign in to. Raises NotAllowed or audit.Refused.
    """
    access.require(actor, Permission.ACCOUNT_CONNECT)
    email = consent.email.lower()
    if consent.google_id != actor.google_id and not access.can(actor, Permission.ACCOUNT_MANAGE):
        raise audit.Refused(
            _("You chose %(email)s. Connect the account you are signed in with: %(own)s.")
            % {"email": email, "own": actor.handle}
        )
    why = addresses.refusal_of(consent, settings.DOMAINS)
    if why == "private":
        raise audit.Refused(
            _("%(email)s is a private Google account with a company address. Connect a Workspace account.")
            % {"email": email}
        )
    if why:
        raise audit.Refused(
            _("%(email)s does not belong to an allowed domain (%(domains)s).")
            % {"email": email, "domains": ", ".join(sorted(settings.DOMAINS))}
        )
    if not meet.vault():
        raise audit.Refused(
            _(
                "No key is configured to seal the access with (MEETADMIN_TOKEN_KEYS), so nothing was stored. An operator has to set "
                "one (docs/install.md)."
            )
        )
    if consent.missing:
        missing = sorted(scope.rpartition(".")[2] for scope in consent.missing)
        raise audit.Refused(
            _(
                "Google was asked for the permissions to read, set up and create meetings, but %(scopes)s "
                "was left unticked. Nothing was stored; connect again and leave all boxes ticked."
            )
            % {"scopes": ", ".join(missing)}
        )
    if not consent.refresh_token:
        raise audit.Refused(
            _(
                "Google gave no lasting access this time. Nothing was stored; remove Meetadmin under “Third-party access” of your "
                "Google account and connect again."
            )
        )
    with transaction.atomic():
        account = _account_for(consent)
        account.kind, account.person, account.google_id = Account.Kind.CONSENTED, actor, consent.google_id
        account.scopes = sorted(consent.scopes)
        account.sealed_token = meet.vault().seal(consent.refresh_token, binding=meet.binding(account))
        account.forget_problems()
        account.next_sweep_at = timezone.now()
        account.save()
        live.account_changed(account.pk)
        audit.note(permission=Permission.ACCOUNT_CONNECT, actor=actor, about=account, target=email)
    return said(
        _("%(email)s is connected. Meetadmin can now act as it on its own meetings.") % {"email": email}
    )


def _account_for(consent: credentials.Consent) -> Account:
    """The account that this consent is for, locked; a new one when there is none. Whose address has changed is known by Google's
    id and keeps their links. Raises audit.Refused when the address was somebody else's here."""
    email = consent.email.lower()
    locked = Account.objects.select_for_update()
    account = locked.filter(email=email).first() or locked.filter(google_id=consent.google_id).first()
    if account and account.google_id not in {"", consent.google_id}:
        raise audit.Refused(
            _(
                "%(email)s was another Google account when it was connected before. Its rooms belong to "
                "that one, so nothing was stored; an admin has to give them new links."
            )
            % {"email": email}
        )
    account = account or Account()
    account.email = email
    return account


def disconnect(*, account: Account, actor: Actor) -> Outcome:
    """Forget a connected account's access and withdraw it at Google. The rooms stay, with what is known of them."""
    own = isinstance(actor, Person) and account.person_id == actor.pk
    access.require(actor, Permission.ACCOUNT_DISCONNECT if own else Permission.ACCOUNT_MANAGE)
    if account.kind != Account.Kind.CONSENTED or not account.sealed_token:
        raise audit.Refused(
            _("%(account)s is not connected by a person; delegation is set up in the configuration.")
            % {"account": account.email}
        )
    withdrawn = True
    with audit.attempt(
        permission=Permission.ACCOUNT_DISCONNECT, actor=actor, about=account, target=account.email
    ) as entry:
        try:
            credentials.revoke(meet.refresh_token(account), revoke_url=settings.GOOGLE.revoke)
        except GoogleError as error:
            withdrawn = False
            entry.detail = _("Google did not confirm the withdrawal; our copy is gone.")
            logger.warning("revoking the grant of an account failed: %s", error.detail)
        with transaction.atomic():
            Account.objects.filter(pk=account.pk).update(sealed_token="", scopes=[])
            account.sealed_token = ""
            disconnected = ConnectionBroken(
                _("Disconnected. Its rooms show what was known last; connect it again to see and end calls.")
            )
            account.record_failure("access", disconnected, broken=True)
    if not withdrawn:
        return said(
            _(
                "%(account)s is disconnected here, but Google could not be told. Remove Meetadmin under "
                "“Third-party access” of that Google account, too."
            )
            % {"account": account.email},
            "warning",
        )
    return said(_("%(account)s is disconnected.") % {"account": account.email})


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
    return said(
        counted(
            "%(account)s works: Google shows %(n)s running call.",
            "%(account)s works: Google shows %(n)s running calls.",
            len(running),
        )
        % {"account": account.email, "n": len(running)}
    )


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
    missing = [credentials.short(scope) for scope, problem in found.items() if problem]
    with transaction.atomic():
        for scope, problem in found.items():
            ScopeCheck.remember(account.pk, scope, problem=problem, at=at)
        audit.note(
            permission=Permission.ACCOUNT_CHECK,
            actor=actor,
            about=account,
            target=account.email,
            detail=_("Missing: %(scopes)s.") % {"scopes": ", ".join(missing)} if missing else "",
        )
    if not missing:
        return said(_("%(account)s has every permission it needs.") % {"account": account.email})
    if len(missing) == len(found):
        why = found[credentials.MEET_SCOPES[0]]
        return said(
            _("%(account)s has none of the permissions. %(why)s") % {"account": account.email, "why": why},
            "warning",
        )
    return said(
        _(
            "%(account)s lacks %(scopes)s, and one missing permission fails every request. Add it to the delegation in the "
            "Google Admin console (Security, API controls, Domain-wide delegation); a person who connected the account connects "
            "it again with all boxes ticked."
        )
        % {"account": account.email, "scopes": ", ".join(missing)},
        "warning",
    )
