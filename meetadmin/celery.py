"""The Celery app, its schedule, and the heartbeats of its processes."""

import gc
import os
import sys
import time
from contextlib import suppress
from typing import Any

from celery import Celery
from celery.schedules import crontab
from celery.signals import (
    after_task_publish,
    beat_init,
    before_task_publish,
    celeryd_init,
    task_postrun,
    task_prerun,
    worker_before_create_process,
    worker_ready,
)
from django.conf import settings
from kombu import Exchange, Queue
from redis.exceptions import RedisError

from meetadmin.monitoring import heartbeat
from meetadmin.start import read_settings
from spaces import broker

read_settings()
app = Celery("meetadmin")
app.config_from_object("django.conf:settings", namespace="CELERY")
if "beat" in sys.argv:
    # The scheduler sends names. A beat that loads neither the tasks behind them, with Google's libraries, nor (by Django's
    # system checks, which the other processes run) all pages, takes a fifth less memory.
    os.environ.setdefault("CELERY_SKIP_CHECKS", "1")
else:
    app.autodiscover_tasks(["spaces"])

MOST_TICKS = 500
# The scheduler has a queue of its own. A worker takes from both in turns, so that neither waits behind a heap in the other one; and
# while no worker is there, what nobody will want any more is cut off instead of filling Redis.
app.conf.task_queues = [
    Queue(name, Exchange(name), routing_key=name) for name in (broker.ORDERS, broker.TICKS)
]

WORKERS_PATIENCE = {"socket_timeout": 30, "socket_connect_timeout": 3}
"""Seconds. A worker that took a slow answer for a lost connection could not confirm what it is at, and it would be done twice."""

TICK = 2  # seconds between two looks at whose turn it is; how often an account's turn comes is MEETADMIN_SWEEP_EVERY

BUSY = 30
"""Seconds for which all workers may be busy with events (each takes up to 10 at a time) before a tick is dropped ("expires"). A tick that finds
no account due returns at once, so the few that wait cost nothing."""

app.conf.beat_schedule = {
    "look after the accounts whose turn it is": {
        "task": "spaces.tasks.look_after_accounts",
        "schedule": float(TICK),
        "options": {"expires": BUSY, "queue": broker.TICKS},
    },
    "mark calls that have become stuck": {
        "task": "spaces.tasks.mark_stuck_calls",
        "schedule": float(TICK),
        "options": {"expires": TICK, "queue": broker.TICKS},
    },
    "deliver domain events": {
        "task": "spaces.tasks.deliver_domain_events",
        "schedule": float(TICK),
        "options": {"expires": TICK, "queue": broker.TICKS},
    },
    # Also without push: what was subscribed to before is taken back.
    "look after the subscriptions to events": {
        "task": "spaces.tasks.tend_subscriptions",
        "schedule": 5.0,
        "options": {"expires": 5, "queue": broker.TICKS},
    },
    # Hourly, although days are what counts: a day whose hour was missed would be a day too long. By the clock, because an hour
    # that is counted from the start never comes where it is started anew more often.
    "throw away what was kept for long enough": {
        "task": "spaces.tasks.forget_history",
        "schedule": crontab(minute="7"),
        "options": {"expires": 600, "queue": broker.TICKS},
    },
    "throw away sessions that are over": {
        "task": "spaces.tasks.forget_sessions",
        "schedule": crontab(minute="17"),
        "options": {"expires": 600, "queue": broker.TICKS},
    },
    "throw away old events": {
        "task": "spaces.tasks.purge_events",
        "schedule": crontab(minute="27"),
        "options": {"expires": 600, "queue": broker.TICKS},
    },
}


@app.on_after_configure.connect
def _with_push(sender: Celery, **_: Any) -> None:
    """Not at import: settings that build on ours (the benchmarks') import this module before they are complete."""
    if settings.PUSH:
        sender.conf.beat_schedule["take up events whose order was lost"] = {
            "task": "spaces.tasks.follow_events",
            "schedule": float(TICK),
            "options": {"expires": TICK, "queue": broker.TICKS},
        }


@celeryd_init.connect
def _be_patient(conf: Any = None, **_: Any) -> None:
    conf.broker_transport_options = conf.broker_transport_options | WORKERS_PATIENCE
    heartbeat.begin("worker")


@worker_before_create_process.connect
def _share_memory(**_: Any) -> None:
    """What is loaded by now is needed for good: taken out of the collector's sight, its pages stay shared with the worker's
    child processes instead of being copied at their first collection."""
    gc.collect()
    gc.freeze()


@before_task_publish.connect
def _stamp(headers: dict[str, Any] | None = None, **_: Any) -> None:
    """A task knows since when it waits, so that the system page can tell how old the oldest one in the queue is."""
    if headers is not None:
        headers["sent_at"] = time.time()


@worker_ready.connect
@task_prerun.connect
@task_postrun.connect
def _record_worker(**_: Any) -> None:
    """A worker is alive when it starts, and when one of its processes starts or ends a task. Celery's own heartbeat would go on while
    all processes that run tasks hang."""
    heartbeat.record("worker")


@beat_init.connect
def _watch_scheduler(**_: Any) -> None:
    after_task_publish.connect(_record_scheduler)


def _record_scheduler(**_: Any) -> None:
    """The scheduler is alive when it sends a task; one on standby records nothing."""
    heartbeat.record("beat")
    trim_ticks()


def trim_ticks() -> None:
    """Leave only the newest ticks in their queue: new ones are pushed on the left. Without Redis there is nothing to trim."""
    with suppress(RedisError, OSError):
        broker.link().ltrim(broker.TICKS, 0, MOST_TICKS - 1)
