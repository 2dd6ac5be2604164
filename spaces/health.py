"""Is everything alive? Heartbeats of the background processes, and one report that pages and probes share.

Heartbeats live in Redis, not in the database: they change every few seconds and nobody misses an old one.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.core.cache import cache
from django.db import DatabaseError, connection
from django.db.models import Count, Exists, Min, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext as _
from redis.exceptions import RedisError

from spaces.models import Account, Space

WORKER_SILENT_AFTER = timedelta(seconds=30)
_WORKER = "heartbeat:worker"


def worker_beats() -> None:
    """Called by a worker every few seconds."""
    cache.set(_WORKER, timezone.now(), timeout=24 * 3600)


@dataclass(frozen=True, slots=True)
class Health:
    """What is alive. Ages are measured at `at`."""

    at: datetime
    database: bool
    broker: bool
    worker_seen_at: datetime | None
    oldest_sweep_at: datetime | None  # None: no account has been swept yet
    accounts: int  # accounts that have spaces to look after
    never_swept: int

    @property
    def worker(self) -> bool:
        """Whether a worker has reported lately."""
        return self.worker_seen_at is not None and self.at - self.worker_seen_at < WORKER_SILENT_AFTER

    @property
    def sweeps_late(self) -> bool:
        """Whether some working account has not been looked at for three intervals: the picture is growing old."""
        late = timedelta(seconds=max(3 * settings.SWEEP_EVERY, 60))
        return self.oldest_sweep_at is not None and self.at - self.oldest_sweep_at > late

    @property
    def ready(self) -> bool:
        """Whether people can work with it: pages come up, clicks are carried out and the picture is kept fresh."""
        swept = not self.accounts or (self.never_swept == 0 and not self.sweeps_late)
        return self.database and self.broker and self.worker and swept

    @property
    def sentence(self) -> str:
        """What is wrong and what it means, for the top of a page; empty when all is well."""
        if not self.broker:
            return _(
                "Redis cannot be reached, so nothing is being refreshed. What you see was true at the times shown; "
                "“Refresh now” and “End” still ask Google directly."
            )
        if not self.worker:
            return _(
                "No worker is running, so nothing is being refreshed. What you see was true at the times shown; "
                "“Refresh now” and “End” still ask Google directly."
            )
        if self.sweeps_late:
            return _(
                "The regular look at Google is late. The times beside the rooms say how old each fact is."
            )
        return ""


def report() -> Health:
    """Look at everything now: one database query and one round trip to Redis."""
    now = timezone.now()
    database, oldest, accounts, never = True, None, 0, 0
    try:
        connection.ensure_connection()
        looked_after = Exists(Space.objects.filter(account=OuterRef("pk")))
        numbers = (
            Account.objects.filter(looked_after)
            .exclude(status=Account.Status.BROKEN)
            .aggregate(
                accounts=Count("pk"), never=Count("pk", filter=Q(swept_at=None)), oldest=Min("swept_at")
            )
        )
        accounts, never, oldest = numbers["accounts"], numbers["never"], numbers["oldest"]
    except DatabaseError:
        database = False
    broker, seen = True, None
    try:
        seen = cache.get(_WORKER)
    except (RedisError, OSError):
        broker = False
    return Health(
        at=now,
        database=database,
        broker=broker,
        worker_seen_at=seen,
        oldest_sweep_at=oldest,
        accounts=accounts,
        never_swept=never,
    )
