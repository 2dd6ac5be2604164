"""Redis as everybody reaches it who must not wait for it: short timeouts, one second try, never a hidden queue."""

import secrets
from functools import lru_cache
from typing import Final

from django.conf import settings
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

ORDERS: Final = "celery"
"""The queue of tasks that somebody has asked for, under Celery's own name for its only one."""
TICKS: Final = "ticks"
"""The queue of what the timetable sends out."""


def link() -> Redis:
    """The installation's Redis. Its calls raise RedisError or OSError within a second or two when it is away."""
    return _link(settings.REDIS_URL)


@lru_cache(maxsize=4)
def _link(url: str) -> Redis:
    # One that was started anew has closed our connection and is worth a second try at once.
    return Redis.from_url(
        url,
        socket_timeout=1.0,
        socket_connect_timeout=0.5,
        retry=Retry(NoBackoff(), 1),
        health_check_interval=0,
    )


_KEEP: Final = """
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""
_GIVE_BACK: Final = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end"


class Lease:
    """What only one process of the installation may have at a time: a key in Redis with the holder's own word in it, which ends by
    itself `seconds` after it was last kept. All methods raise RedisError or OSError."""

    def __init__(self, name: str, *, seconds: float) -> None:
        self.key = f"meetadmin:{name}"
        self._word = secrets.token_hex(8)
        self._milliseconds = round(seconds * 1000)

    def take(self) -> bool:
        """Have it, unless somebody does."""
        return bool(link().set(self.key, self._word, nx=True, px=self._milliseconds))

    def keep(self) -> bool:
        """Have it for longer, also when Redis has forgotten it. False: it is somebody else's by now."""
        return bool(link().eval(_KEEP, 1, self.key, self._word, str(self._milliseconds)))

    def give_back(self) -> None:
        """Leave it to others, unless it is theirs already."""
        link().eval(_GIVE_BACK, 1, self.key, self._word)
