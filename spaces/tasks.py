"""Celery tasks: each takes ids and calls one action. Every task may run twice, and its time is limited (settings)."""

import logging
import math
from contextlib import suppress
from datetime import timedelta
from typing import Any

from celery import Task, shared_task
from django.core.cache import cache
from django.utils import timezone
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from spaces import broker, outbox
from spaces.access import SYSTEM, Permission
from spaces.actions import conferences, people, spaces
from spaces.audit import ActionRejected
from spaces.google.errors import GoogleError
from spaces.meet import Lane
from spaces.models import Account, AuditEntry, Person, Room
from spaces.sync import events, scheduling, subscriptions

logger = logging.getLogger(__name__)

JUST_NOW = timedelta(minutes=5)
SOON = 2.0
"""Seconds: what is postponed for longer is left to the scheduler, which checks as often."""
REFRESHING = 180
"""Seconds after which an order to refresh rooms is taken for lost: more than one room may take and wait for its turn."""
_WAKING, _LATER = "events:waking", "events:later"


def order(task: "Task[..., None]", *, expires: float, countdown: float = 0.0, **about: Any) -> None:
    """Order a task for somebody who waits. Seconds: it begins after `countdown`, or never when no worker has begun it `expires`
    seconds after now. Raises OperationalError within about a second when Redis is away, or does not say whether it has taken it."""
    try:
        broker.link().ping()  # Celery's connection would find out for itself, at the price of two timeouts
        task.apply_async(kwargs=about, countdown=countdown, expires=expires, retry=False)
    except (OperationalError, RedisError, OSError) as error:
        raise OperationalError(str(error)) from error


@shared_task
def look_after_accounts() -> None:
    """Look at what is on in the accounts whose turn it is. While one worker is at it, the others leave it alone."""
    scheduling.run(actor=SYSTEM)


@shared_task
def deliver_domain_events() -> None:
    """Deliver new domain events to their consumers."""
    outbox.deliver(actor=SYSTEM)


@shared_task
def mark_stuck_calls() -> None:
    """Store which calls have become stuck because time has passed."""
    scheduling.mark_stuck(actor=SYSTEM)


def order_refreshes(*, room_ids: list[int], person_id: int) -> bool:
    """Have a worker ask Google about these rooms, one after the other. False: an earlier order of this person is still being carried
    out, and nothing was ordered. Raises OperationalError when Redis is away, or does not say whether it has taken the order."""
    try:
        if not broker.link().set(_refreshing(person_id), 1, nx=True, ex=REFRESHING):
            return False
    except (RedisError, OSError) as error:
        raise OperationalError(str(error)) from error
    order(refresh_rooms, expires=60, room_ids=room_ids, person_id=person_id)
    return True


def _refreshing(person_id: int) -> str:
    return f"meetadmin:refreshing:{person_id}"


@shared_task
def refresh_rooms(*, room_ids: list[int], person_id: int) -> None:
    """Ask Google about the first of the rooms that a person has chosen, and order the others anew: so they take turns with what
    everybody else has ordered, and one person never occupies more than one process. What Google cannot say is stored on the space
    and shown in its row, so nothing is reported twice."""
    first, *others = room_ids
    person, room = Person.objects.filter(pk=person_id).first(), Room.objects.filter(pk=first).first()
    if person and room:
        with suppress(GoogleError, ActionRejected):
            spaces.refresh(room=room, actor=person, lane=Lane.BULK)
    try:
        if others:
            broker.link().set(_refreshing(person_id), 1, ex=REFRESHING)
            order(refresh_rooms, expires=60, room_ids=others, person_id=person_id)
        else:
            broker.link().delete(_refreshing(person_id))
    except (OperationalError, RedisError, OSError):
        logger.warning("Redis is away: %s rooms were not refreshed", len(others))


@shared_task
def settle_ending(*, room_id: int, ending_id: int | None = None) -> None:
    """Look again at a room after a call in it was ended: is it over, are its settings as before? Orders the next look, for a minute."""
    endings = AuditEntry.objects.filter(room=room_id, action=Permission.CONFERENCE_END)
    # Only the ending just asked for: an older one says nothing about the settings of today, which may have been changed at Google.
    endings = endings.filter(at__gte=timezone.now() - JUST_NOW)
    endings = endings.filter(outcome__in=[AuditEntry.Outcome.DONE, AuditEntry.Outcome.UNKNOWN])
    entry = (endings.filter(pk=ending_id) if ending_id else endings).first()
    pause = conferences.check_ending(entry=entry, actor=SYSTEM) if entry else None
    if entry and pause is not None:
        about = {"room_id": room_id, "ending_id": entry.pk}
        settle_ending.apply_async(kwargs=about, countdown=pause, expires=pause + 60)


@shared_task
def follow_events() -> None:
    """Deal with the events that wait in the inbox. Sent by whoever has stored some, and by the scheduler for those whose order was
    lost; what had to be put off is ordered anew for its moment."""
    cache.delete(_WAKING)
    pause = events.process(actor=SYSTEM)
    # An order for a far moment would keep a nearer one from being made.
    if pause is not None and pause < SOON and cache.add(_LATER, 1, timeout=math.ceil(pause) + 1):
        follow_later.apply_async(countdown=pause, expires=pause + 30)


@shared_task
def follow_later() -> None:
    """The same, at the moment for which something was put off."""
    cache.delete(_LATER)
    follow_events()


def events_wait() -> None:
    """Order `follow_events`, once for all events that come before a worker begins, and once a minute while none is there. Without
    Redis nothing is lost: they wait in the inbox."""
    try:
        if cache.add(_WAKING, 1, timeout=60):
            order(follow_events, expires=60)
    except (OperationalError, RedisError, OSError):
        logger.warning("Redis is away: events wait until it is back")


@shared_task
def tend_subscriptions() -> None:
    """Send out one look for every account whose subscription to events is due for one."""
    for account_id in subscriptions.due(actor=SYSTEM):
        # Where Google does not answer each takes its time, and people shall not wait behind all of them.
        tend_subscription.apply_async(kwargs={"account_id": account_id}, expires=55, queue=broker.TICKS)


@shared_task
def tend_subscription(*, account_id: int) -> None:
    """Look after one account's subscription."""
    account = Account.objects.filter(pk=account_id).first()
    if account:
        subscriptions.reconcile(account=account, actor=SYSTEM)


@shared_task
def purge_events() -> None:
    """Throw away old events."""
    events.purge(actor=SYSTEM)


@shared_task
def forget_history() -> None:
    """Throw away what has been kept for long enough."""
    conferences.forget(actor=SYSTEM)


@shared_task
def forget_sessions() -> None:
    """Throw away sessions that are over."""
    people.forget_sessions(actor=SYSTEM)
