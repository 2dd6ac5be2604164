"""The timetable's doors: ids in, one action called. Every task is harmless twice and limited in time (settings)."""

import time
from datetime import timedelta
from typing import Any

from celery import shared_task
from celery.signals import heartbeat_sent, worker_ready
from django.utils import timezone
from redis.exceptions import RedisError

from spaces import health
from spaces.access import SYSTEM, Permission
from spaces.actions import conferences, spaces
from spaces.models import Account, AuditEntry

JUST_NOW = timedelta(minutes=5)
HEARTBEAT_EVERY = 5  # seconds; Celery's own heartbeat comes every two


@shared_task
def sweep_due_accounts() -> None:
    """Send out one sweep for every account whose turn it is. A sweep that nobody takes up within its interval is dropped: the
    next tick sends another, and the account's lease keeps two from running at once."""
    for account_id in Account.objects.due(timezone.now()).distinct().values_list("pk", flat=True):
        sweep_account.apply_async(kwargs={"account_id": account_id}, expires=30)


@shared_task
def sweep_account(*, account_id: int) -> None:
    """Look at the running calls of one account."""
    account = Account.objects.filter(pk=account_id).first()
    if account:
        conferences.sweep(account=account, actor=SYSTEM)


@shared_task
def reconcile_spaces() -> None:
    """Read settings and codes of the spaces that were not read for longest."""
    spaces.reconcile(actor=SYSTEM)


@shared_task
def settle_ending(*, room_id: int) -> None:
    """Look once more at a room some seconds after a call in it was ended: is it over, are its settings as before?"""
    endings = AuditEntry.objects.filter(room=room_id, verb=Permission.CONFERENCE_END)
    # Only the ending just asked for: an older one says nothing about the settings of today, which may have been changed at Google.
    endings = endings.filter(at__gte=timezone.now() - JUST_NOW)
    done = endings.filter(outcome__in=[AuditEntry.Outcome.DONE, AuditEntry.Outcome.UNKNOWN]).first()
    if done:
        conferences.settle(entry=done, actor=SYSTEM)


class _Pulse:
    """When this process last told that it is alive."""

    last = 0.0


@worker_ready.connect
@heartbeat_sent.connect
def worker_beats(**_: Any) -> None:
    """Tell the pages that a worker is alive."""
    now = time.monotonic()
    if now - _Pulse.last >= HEARTBEAT_EVERY:
        _Pulse.last = now
        try:
            health.worker_beats()
        except (RedisError, OSError):
            _Pulse.last = 0.0  # Redis is away; Celery itself reports that
