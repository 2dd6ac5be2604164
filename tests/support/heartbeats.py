"""Signs of life as background processes give them, without the processes."""

import json
import time

from spaces import broker, pulse


def sign(
    kind: pulse.Kind = "worker",
    *,
    host: str = "host-a",
    pid: int = 100,
    started: float = 3600,
    silent: float = 0,
    version: str = "0.1.0+test",
) -> None:
    """A process that was started `started` seconds ago and gave its last sign `silent` seconds ago."""
    about = {"kind": kind, "host": host, "pid": pid, "started": time.time() - started, "version": version}
    seconds, _ = broker.link().time()
    broker.link().hset(
        pulse._KEY, f"{kind}:{host}:{pid}", f"{int(seconds) - round(silent)} {json.dumps(about)}"
    )


def all_alive() -> None:
    """A worker and the timetable."""
    sign("worker")
    sign("beat", pid=101)
