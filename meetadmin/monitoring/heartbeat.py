"""Signs of life of the background processes: each says when it has done something, and who it is.

A worker gives its signs with the tasks that it carries out, the timetable with those that it sends. Something is sent every two seconds,
so a process that only exists, or hangs, soon counts as silent. The signs live in Redis, not in the database: they change all the time and nobody misses an old one. Redis writes the time beside
each, so that the clocks of several machines need not agree. Nothing here knows a model: the timetable's process, which
loads none, uses it as well.
"""

import atexit
import json
import os
import socket
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar, Final, Literal

from django.conf import settings
from redis import Redis
from redis.exceptions import RedisError

from spaces import broker

Kind = Literal["worker", "beat"]

EVERY: Final = 5.0
"""Seconds between two signs of one process."""
SILENT_AFTER: Final[dict[str, float]] = {"worker": 50.0, "beat": 15.0}
"""Seconds without a sign after which a process counts as gone. One task of a worker may take 45: a round of looking at accounts."""
FORGOTTEN_AFTER: Final = 900.0
"""Seconds for which one that fell silent is still spoken of, unless another has taken its place."""

_KEY: Final = "meetadmin:pulse"
# Those that died without a word are thrown out, lest a process that dies again and again fills what every page reads.
_BEAT: Final = """
local now = redis.call('TIME')
redis.call('HSET', KEYS[1], ARGV[1], now[1] .. ' ' .. ARGV[2])
redis.call('EXPIRE', KEYS[1], 86400)
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  local seen = tonumber(string.match(all[i + 1], '^%d+') or '0')
  if seen < now[1] - ARGV[3] then redis.call('HDEL', KEYS[1], all[i]) end
end
"""


@dataclass(frozen=True, slots=True)
class Process:
    """One background process as it last described itself. `age`: seconds since then."""

    kind: str
    host: str
    pid: int
    started_at: datetime
    version: str
    age: float

    @property
    def alive(self) -> bool:
        """Whether it has given a sign lately."""
        return self.age < SILENT_AFTER.get(self.kind, 0.0)


class _Self:
    """What this process has said of itself. The children of a worker speak for the worker: it is set before they are forked."""

    pid = 0
    started_at = 0.0
    last: ClassVar[dict[str, float]] = {}


def begin(kind: Kind) -> None:
    """Tell this process, and the children that it will fork, under which number they give signs; take it off the list at its end."""
    _Self.pid, _Self.started_at = os.getpid(), time.time()
    _Self.last.clear()
    atexit.register(_ends, kind, os.getpid())


def beats(kind: Kind) -> None:
    """Say that something was done just now; more often than every few seconds this says nothing. Raises nothing: the caller notices
    a missing Redis by itself."""
    now = time.monotonic()
    if not _Self.pid:
        begin(kind)
    if now - _Self.last.get(kind, -EVERY) < EVERY:
        return
    _Self.last[kind] = now
    about = {
        "kind": kind,
        "host": socket.gethostname(),
        "pid": _Self.pid,
        "started": _Self.started_at,
        "version": settings.VERSION,
    }
    try:
        broker.link().eval(_BEAT, 1, _KEY, _name(kind), json.dumps(about), str(FORGOTTEN_AFTER))
    except (RedisError, OSError):
        _Self.last[kind] = -EVERY  # the next turn of the loop tries again


def _name(kind: Kind) -> str:
    return f"{kind}:{socket.gethostname()}:{_Self.pid}"


def _ends(kind: Kind, pid: int) -> None:
    """A process that was asked to end takes itself off the list, so that nobody is told of a death. `pid`: who it is."""
    if pid == os.getpid():
        try:
            broker.link().hdel(_KEY, _name(kind))
        except (RedisError, OSError):
            return


def ask(pipe: Any) -> None:
    """Put the question for all processes into a pipeline; `read` takes its two answers."""
    pipe.time()
    pipe.hgetall(_KEY)


def read(answers: Iterable[Any]) -> tuple[Process, ...]:
    """All processes worth speaking of, those alive first. One that fell silent is left out once another of its kind has begun
    on the same machine since then: that one took its place."""
    (seconds, micros), fields = answers
    now = seconds + micros / 1e6
    found = [
        process
        for raw in fields.values()
        if (process := _process(raw, now)) and process.age < FORGOTTEN_AFTER
    ]
    found.sort(key=lambda one: (not one.alive, one.kind, one.host, one.pid))
    return tuple(one for one in found if one.alive or not _replaced(one, found, now))


def processes(redis: Redis) -> tuple[Process, ...]:
    """The same by itself, in one round trip. Raises RedisError or OSError."""
    with redis.pipeline(transaction=False) as pipe:
        ask(pipe)
        return read(pipe.execute())


def _process(raw: bytes, now: float) -> Process | None:
    seen, _, text = raw.decode().partition(" ")
    try:
        about = json.loads(text)
        return Process(
            kind=about["kind"],
            host=about["host"],
            pid=about["pid"],
            started_at=datetime.fromtimestamp(about["started"], UTC),
            version=about["version"],
            age=max(now - int(seen), 0.0),
        )
    except (ValueError, KeyError, TypeError):
        return None  # of another version of this program


def _replaced(silent: Process, others: list[Process], now: float) -> bool:
    gone_at = now - silent.age
    return any(
        other.alive
        and (other.kind, other.host) == (silent.kind, silent.host)
        and other.started_at.timestamp() > gone_at - EVERY
        for other in others
    )
