"""The timetable as it is sent out: by one process of the installation at a time, however many were started."""

import logging
from typing import Any, Final

from celery.beat import Scheduler
from redis.exceptions import RedisError

from spaces import broker

logger = logging.getLogger(__name__)

LEASE: Final = 15.0
"""Seconds after which another beat may take over from one that has fallen silent."""
LOOK: Final = 5.0
"""Seconds between two looks of one that waits for its turn."""
WITHOUT_REDIS: Final = 1.0


class Timetable(Scheduler):
    """Celery's own scheduler, which keeps nothing on disk, with a lease in Redis before each turn.

    What Redis has forgotten is asked for again, and who was asleep for longer than the lease looks first whether another has taken
    over. So neither a Redis that was emptied nor a machine that slept ends the process.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        self._lease = broker.Lease("timetable", seconds=LEASE)
        self._state = ""
        super().__init__(*args, **options)

    def setup_schedule(self) -> None:
        """The timetable of `meetadmin.celery` alone."""
        self.merge_inplace(self.app.conf.beat_schedule)

    def tick(self, *args: Any, **options: Any) -> float:
        """Send out what is due, if it is ours to do; seconds until the next turn."""
        try:
            if not self._lease.keep():
                self._says("waiting: another one sends the timetable out")
                return LOOK
        except (RedisError, OSError) as error:
            self._says(f"Redis is away ({type(error).__name__}): nothing is sent out")
            return WITHOUT_REDIS
        self._says("sending the timetable out")
        pause: float = super().tick(*args, **options)
        return pause

    def close(self) -> None:
        """Let another one take over at once."""
        try:
            self._lease.give_back()
        except (RedisError, OSError):
            logger.info("Redis is away: the timetable's lease ends by itself")
        super().close()

    def _says(self, state: str) -> None:
        if state != self._state:
            self._state = state
            logger.info("beat: %s", state)
