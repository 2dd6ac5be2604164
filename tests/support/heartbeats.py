"""Heartbeats in Redis as background processes record them, without the processes."""

import json
import time

from meetadmin.monitoring import heartbeat
from spaces import broker


def record(
    kind: heartbeat.Kind = "worker",
    *,
    host: str = "host-a",
    pid: int = 100,
    started: float = 3600,
    age: float = 0,
    version: str = "0.1.0+test",
) -> None:
    """Record what a process that started `started` seconds ago recorded last, `age` seconds ago."""
    value = {"kind": kind, "host": host, "pid": pid, "started": time.time() - started, "version": version}
    key = f"{heartbeat.PREFIX}{kind}:{host}:{pid}"
    if age < heartbeat.KEPT:
        broker.link().set(key, json.dumps(value), px=round(1000 * (heartbeat.KEPT - age)))
    broker.link().sadd(heartbeat.INDEX, key)


def record_all() -> None:
    """Record a worker and a scheduler that are alive."""
    record("worker")
    record("beat", pid=101)
