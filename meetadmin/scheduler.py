"""Celery's scheduler with a lock: one process of the installation sends the tasks, however many were started."""

import logging
from typing import Any, Final

from celery.beat import Scheduler
from redis.exceptions import RedisError

from spaces import broker

logger = logging.getLogger(__name__)

LOCK_TIMEOUT: Final = 15.0
"""Seconds after which another scheduler may take over from one that has stopped renewing the lock."""
STANDBY_INTERVAL: Final = 5.0
"""Seconds between two attempts of a scheduler on standby to get the lock."""
RETRY_INTERVAL: Final = 1.0
"""Seconds between two attempts while Redis is away."""


class LockedScheduler(Scheduler):
    """Celery's scheduler, without its file on disk, that renews a lock in Redis before each tick.

    A lock that Redis has lost is taken again, and a process that was suspended for longer than the lock lasts finds out first whether
    another one has taken over. So neither an emptied Redis nor a suspended machine ends the process.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        self._lock = broker.lock("scheduler", seconds=LOCK_TIMEOUT)
        self._state = ""
        super().__init__(*args, **options)

    def setup_schedule(self) -> None:
        """Read the schedule of `meetadmin.celery` only."""
        self.merge_inplace(self.app.conf.beat_schedule)

    def tick(self, *args: Any, **options: Any) -> float:
        """Send the tasks that are due if this process holds the lock. Return the seconds until the next tick."""
        try:
            if not broker.renew(self._lock):
                self._log("on standby, another scheduler is active")
                return STANDBY_INTERVAL
        except (RedisError, OSError) as error:
            self._log(f"Redis is away ({type(error).__name__}), nothing is sent")
            return RETRY_INTERVAL
        self._log("active")
        pause: float = super().tick(*args, **options)
        return pause

    def close(self) -> None:
        """Release the lock, so that another scheduler takes over at once."""
        try:
            self._lock.release()
        except (RedisError, OSError) as error:
            logger.info("scheduler: the lock was not released (%s)", type(error).__name__)
        super().close()

    def _log(self, state: str) -> None:
        if state != self._state:
            self._state = state
            logger.info("scheduler: %s", state)
