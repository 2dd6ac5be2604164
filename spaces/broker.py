"""Connections to Redis for callers that must not wait for it: short timeouts, no hidden queue, and locks.

A server that hangs (it accepts and never answers) costs each caller a timeout, and a page makes several calls. So the first failed call
marks the server as away, and until it answers again all other calls of the process fail at once.
"""

import json
import os
import threading
import time
from functools import lru_cache
from typing import Any, Final, Self

from django.conf import settings
from redis import ConnectionPool, Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as NoConnection
from redis.exceptions import LockError, RedisError
from redis.lock import Lock
from redis.retry import Retry

ORDERS: Final = "celery"
"""The queue of tasks that somebody has asked for, under Celery's own name for its only one."""
TICKS: Final = "ticks"
"""The queue of what the scheduler sends."""

TIMEOUT: Final = 1.0
"""Seconds that one answer may take. A server that writes to a busy disk takes tenths of one."""
CONNECT_TIMEOUT: Final = 0.5
LOOK_AGAIN: Final = 0.5
"""Seconds between two looks at a server that is away."""


class Presence:
    """Whether the Redis at one address answers, as far as this process has found out."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.forget()

    def forget(self) -> None:
        """Know nothing: a forked process has no thread that looks."""
        self.away = False
        self._lock = threading.Lock()

    def lost(self) -> None:
        """It did not answer: nobody else asks until it does."""
        with self._lock:
            if self.away:
                return
            self.away = True
        threading.Thread(target=self._look, name="looks for Redis", daemon=True).start()

    def _look(self) -> None:
        while True:
            try:
                with Redis.from_url(self._url, **_patience(tries=1)) as client:
                    client.ping()
                break
            except (RedisError, OSError):
                time.sleep(LOOK_AGAIN)
        self.away = False


@lru_cache(maxsize=16)
def _presence(url: str) -> Presence:
    presence = Presence(url)
    os.register_at_fork(after_in_child=presence.forget)
    return presence


def _patience(*, tries: int) -> dict[str, Any]:
    """How long one waits for Redis. One that was started anew has closed our connection and is worth a second try at once; one that
    is silent is not."""
    retry = Retry(NoBackoff(), tries - 1, supported_errors=(NoConnection,))
    return {"socket_timeout": TIMEOUT, "socket_connect_timeout": CONNECT_TIMEOUT, "retry": retry}


class Pool(ConnectionPool):
    """Connections to one Redis, also those of Django's cache. Its users get RedisError or OSError within about a second when
    it is away, and at once while that is known."""

    presence: Presence

    @classmethod
    def from_url(cls, url: str, **options: Any) -> Self:
        """The connections to this address."""
        pool: Self = super().from_url(url, **_patience(tries=2) | options)
        pool.presence = _presence(url)
        return pool

    def get_connection(self, *args: Any, **options: Any) -> Any:
        """A connection that is open."""
        if self.presence.away:
            raise NoConnection("away")
        return super().get_connection(*args, **options)

    def release(self, connection: Any) -> None:
        """Take it back. One that comes back closed could not be opened, or broke under a command."""
        broken = not connection.is_connected
        super().release(connection)
        if broken:
            self.presence.lost()


class JSONSerializer:
    """Values of Django's cache as JSON. What is no JSON, for example a pickle that somebody else has put there, counts as missing."""

    def dumps(self, value: Any) -> bytes | int:
        """Return what is stored. Whole numbers stay numbers, so that Redis can add to them."""
        return value if type(value) is int else json.dumps(value).encode()

    def loads(self, stored: bytes) -> Any:
        """Return the value that was stored, or None."""
        try:
            return json.loads(stored)
        except ValueError:
            return None


def link() -> Redis:
    """The installation's Redis. Its calls raise RedisError or OSError within about a second when it is away."""
    return _link(settings.REDIS_URL)


@lru_cache(maxsize=4)
def _link(url: str) -> Redis:
    return Redis(connection_pool=Pool.from_url(url))


def presence() -> Presence:
    """Whether the installation's Redis answers, for those who reach it in another way."""
    return _presence(settings.REDIS_URL)


def lock(name: str, *, seconds: float) -> Lock:
    """Return a lock that one process of the installation holds at a time. It ends by itself `seconds` after it was last renewed.

    Acquiring does not wait. Releasing raises LockError when another process holds it by now. All methods raise RedisError or OSError.
    """
    return Lock(link(), f"meetadmin:{name}", timeout=seconds, blocking=False, thread_local=False)


def renew(held: Lock) -> bool:
    """Hold the lock for its full time from now, also when it has expired or Redis has lost it. Return False when another process
    holds it by now. Raises RedisError or OSError."""
    try:
        held.reacquire()
    except LockError:
        return bool(held.acquire())
    return True
