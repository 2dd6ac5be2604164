"""Heartbeats of the background processes: one expiring key per process in Redis.

A worker records a heartbeat with each task that it runs, the scheduler with each task that it sends. The scheduler sends one every two
seconds, so a process that hangs is soon overdue. The age of a heartbeat is what Redis has counted down since, so the clocks of several
machines need not agree. This module imports no model: the scheduler's process loads none.
"""

import atexit
import json
import os
import socket
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar, Final, Literal

from django.conf import settings
from redis import Redis
from redis.exceptions import RedisError

from spaces import broker

Kind = Literal["worker", "beat"]

KINDS: Final[tuple[Kind, ...]] = ("worker", "beat")
INTERVAL: Final = 5.0
"""Seconds between two heartbeats of one process."""
OVERDUE_AFTER: Final[dict[str, float]] = {"worker": 50.0, "beat": 15.0}
"""Seconds without a heartbeat after which a process counts as gone. One task of a worker may take 45: a sync of all accounts."""
KEPT: Final = 900
"""Seconds for which a process without a heartbeat is still listed, unless another has taken its place."""

PREFIX: Final = "meetadmin:heartbeat:"
INDEX: Final = "meetadmin:heartbeats"
"""The set of all keys, so that reading them need not scan Redis."""


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
        """Return whether its last heartbeat is recent."""
        return self.age < OVERDUE_AFTER.get(self.kind, 0.0)


class _Self:
    """What this process has recorded. The children of a worker record for the worker: `pid` is set before they are forked."""

    pid = 0
    started_at = 0.0
    recorded: ClassVar[dict[str, float]] = {}  # by kind: the time.monotonic() of the last heartbeat


def begin(kind: Kind) -> None:
    """Set the process id under which this process and the children that it forks record heartbeats; remove its key at exit."""
    _Self.pid, _Self.started_at = os.getpid(), time.time()
    _Self.recorded.clear()
    atexit.register(_remove, kind, os.getpid())


def record(kind: Kind) -> None:
    """Record a heartbeat of this process, at most one every `INTERVAL`. Raises nothing: the caller finds out by itself that Redis is
    away."""
    now = time.monotonic()
    if not _Self.pid:
        begin(kind)
    if now - _Self.recorded.get(kind, -INTERVAL) < INTERVAL:
        return
    _Self.recorded[kind] = now
    value = {
        "kind": kind,
        "host": socket.gethostname(),
        "pid": _Self.pid,
        "started": _Self.started_at,
        "version": settings.VERSION,
    }
    try:
        with broker.link().pipeline() as pipe:
            pipe.set(_key(kind), json.dumps(value), ex=KEPT)
            pipe.sadd(INDEX, _key(kind))
            pipe.execute()
    except (RedisError, OSError):
        _Self.recorded[kind] = -INTERVAL  # try again the next time


def _key(kind: Kind) -> str:
    return f"{PREFIX}{kind}:{socket.gethostname()}:{_Self.pid}"


def _remove(kind: Kind, pid: int) -> None:
    """Remove the key of a process that ends in order. A forked child also runs its parent's exit functions: `pid` tells them apart."""
    if pid == os.getpid():
        try:
            broker.link().delete(_key(kind))
        except (RedisError, OSError):
            return


def processes(redis: Redis) -> tuple[Process, ...]:
    """Return all known processes, those alive first. A process that is gone is left out once another of its kind has started on the
    same host since. Raises RedisError or OSError."""
    keys: list[bytes] = sorted(redis.smembers(INDEX))  # type: ignore[arg-type]
    with redis.pipeline(transaction=False) as pipe:
        for key in keys:
            pipe.get(key)
            pipe.pttl(key)
        answers = pipe.execute()
    values, left = answers[::2], answers[1::2]
    if expired := [key for key, value in zip(keys, values, strict=True) if value is None]:
        redis.srem(INDEX, *expired)
    found = [
        process
        for value, milliseconds in zip(values, left, strict=True)
        if value is not None and (process := _process(value, KEPT - milliseconds / 1000))
    ]
    found.sort(key=lambda process: (not process.alive, process.kind, process.host, process.pid))
    return tuple(process for process in found if process.alive or not _replaced(process, found))


def _process(value: bytes, age: float) -> Process | None:
    try:
        fields: dict[str, Any] = json.loads(value)
        return Process(
            kind=fields["kind"],
            host=fields["host"],
            pid=fields["pid"],
            started_at=datetime.fromtimestamp(fields["started"], UTC),
            version=fields["version"],
            age=max(age, 0.0),
        )
    except (ValueError, KeyError, TypeError):
        return None  # written by another version


def _replaced(gone: Process, others: list[Process]) -> bool:
    gone_at = time.time() - gone.age
    return any(
        other.alive
        and (other.kind, other.host) == (gone.kind, gone.host)
        and other.started_at.timestamp() > gone_at - INTERVAL
        for other in others
    )
