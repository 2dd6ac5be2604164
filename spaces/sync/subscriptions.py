"""Verbs about subscriptions: see to it that Google tells each account's events, for as long as push is configured."""

import logging
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from spaces import access, meet
from spaces.access import Actor, Permission
from spaces.google import events
from spaces.google.errors import GoogleError, NotFound, NotPermitted, Refused, ScopeMissing
from spaces.google.events import AlreadyThere, EventsClient
from spaces.google.push import Arrangement
from spaces.google.resources import EventSubscription
from spaces.models import Account, Space, Subscription
from spaces.words import text as _

logger = logging.getLogger(__name__)

LEASE = timedelta(seconds=150)  # longer than a task may run (120 s)
LOOK_EVERY = timedelta(hours=1)
"""At a subscription that is well: that it was suspended may have been told in vain."""
FIRST_PAUSE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(hours=1)


def due(*, actor: Actor) -> list[int]:
    """The accounts whose subscription is to be looked at now; each gets a row on the way."""
    access.require(actor, Permission.ACCOUNT_MANAGE)
    if settings.PUSH is not None:
        # Accounts without links of their own have nothing that could happen.
        new = Account.objects.usable().filter(spaces__owned=True, subscription=None).distinct()
        Subscription.objects.bulk_create(
            [Subscription(account=account) for account in new], ignore_conflicts=True
        )
    else:
        # Those that cannot be taken back any more die by themselves within a week.
        Subscription.objects.filter(account__status=Account.Status.BROKEN).delete()
    found = Subscription.objects.filter(next_try_at__lte=timezone.now()).exclude(
        account__status=Account.Status.BROKEN
    )
    return list(found.order_by("next_try_at").values_list("account_id", flat=True))


def reconcile(*, account: Account, actor: Actor) -> bool:
    """Bring one account's subscription to what is configured: make it, take over one that is there, make its life longer, wake a
    suspended one, make a lost one anew; remove it when push is not configured any more.

    Returns False when it is not due or somebody else is at it. What goes wrong is stored on the subscription in words, and
    tried again after a growing pause; it says nothing about the account itself, which sweeps judge.
    """
    access.require(actor, Permission.ACCOUNT_MANAGE)
    ours = Subscription.objects.select_related("account").filter(account=account).first()
    now = timezone.now()
    claimed = now + LEASE
    if ours is None or not ours.claim(now=now, until=claimed):
        return False
    wanted: Arrangement | None = settings.PUSH
    pause = LOOK_EVERY
    try:
        if wanted is None:
            if ours.name and ours.expires_at and ours.expires_at > now:
                meet.events_client(account).delete(ours.name)
            ours.delete()
            return True
        _ensure(meet.events_client(account), ours, wanted, now=now)
    except GoogleError as error:
        logger.warning("events of %s: %s: %s", account.email, type(error).__name__, error.detail)
        ours.record_failure(error.sentence, at=now)
        pause = min(FIRST_PAUSE * 2 ** min(ours.attempts - 1, 10), LONGEST_PAUSE)
    ours.reschedule(timezone.now() + pause, claimed=claimed)
    return True


def _ensure(client: EventsClient, ours: Subscription, wanted: Arrangement, *, now: datetime) -> None:
    seen = _get(client, ours) if ours.name else None
    if seen is None:
        # Never there, expired (Google deletes those for good), or removed by somebody.
        ours.forget()
        seen = _make(client, ours.account, wanted)
    if not _fits(seen, ours.account, wanted):
        # Target and topic of a subscription cannot be changed.
        client.delete(seen.name)
        ours.forget()
        seen = _make(client, ours.account, wanted)
    ours.apply(seen, at=now)
    if ours.state == Subscription.State.SUSPENDED:
        try:
            seen = client.reactivate(seen.name)
        except Refused as refusal:
            # Why it is suspended is known and shown with its cure; that it still is, is no news.
            logger.info("events of %s stay suspended: %s", ours.account.email, refusal.detail)
            raise Refused(ours.words(now), detail=refusal.detail) from refusal
        ours.apply(seen, at=now)
    if ours.needs_renewal(now):
        ours.apply(client.renew(seen.name), at=now, renewed=True)


def _get(client: EventsClient, ours: Subscription) -> EventSubscription | None:
    try:
        return client.get(ours.name)
    except ScopeMissing:
        raise
    except (NotFound, NotPermitted):
        return None  # Google does not always tell "gone" from "not yours"


def _fits(seen: EventSubscription, account: Account, wanted: Arrangement) -> bool:
    return (
        seen.topic == wanted.topic
        and seen.target == events.user_target(account.google_id)
        and seen.event_types >= set(events.WANTED)
    )


def _make(client: EventsClient, account: Account, wanted: Arrangement) -> EventSubscription:
    """Create, or take over what is there: there is one for each user and target, perhaps made by us and its answer lost."""
    if not account.google_id:
        _learn_id(client, account, wanted)
    try:
        return _create(client, account, wanted)
    except NotPermitted as refusal:
        if isinstance(refusal, ScopeMissing) or account.kind != Account.Kind.DELEGATED:
            raise
        # A mailbox that was deleted and made anew under its old address is another user.
        before = account.google_id
        _learn_id(client, account, wanted)
        if account.google_id == before:
            raise
        return _create(client, account, wanted)


def _create(client: EventsClient, account: Account, wanted: Arrangement) -> EventSubscription:
    target = events.user_target(account.google_id)
    try:
        return client.create(target, topic=wanted.topic)
    except AlreadyThere:
        found = client.find(target)
        if found is None:
            raise
        return found


def _learn_id(client: EventsClient, account: Account, wanted: Arrangement) -> None:
    """Find out the numeric id of a mailbox that we act as by delegation.

    Only the id names a user as a target. The Meet API does not tell it, and the delegation shall not need a scope of the
    Directory or of sign-in for it. But whoever subscribes to one space is told as whom: `userAuthority`. A preview answers
    that without making anything; should Google leave it out there, a short-lived subscription is made and removed.
    """
    space = Space.objects.filter(account=account, owned=True).order_by("pk").first()
    if space is None:
        raise NotFound(_("None of the links belongs to this account, so there is nothing to listen to."))
    target = events.space_target(space.name)
    made = None
    try:
        seen = client.create(target, topic=wanted.topic, ttl=events.SHORT, only_validate=True)
        if not seen.authority:
            seen = made = client.create(target, topic=wanted.topic, ttl=events.SHORT)
    except AlreadyThere:
        seen = client.find(target) or EventSubscription("", target, "", "", "", "", frozenset(), None, None)
    if made is not None:
        client.delete(made.name)
    if not seen.authority.isdecimal():
        raise NotFound(
            _("Google does not tell the numeric id of %(account)s, which events need.")
            % {"account": account.email}
        )
    Account.objects.filter(pk=account.pk).update(google_id=seen.authority)
    account.google_id = seen.authority
