"""Redis as everybody reaches it who must not wait for it: short timeouts, one second try, never a hidden queue."""

from functools import lru_cache

from django.conf import settings
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry


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
