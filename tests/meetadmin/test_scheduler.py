"""One process of the installation sends the scheduled tasks, also when Redis loses data or the machine is suspended."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.utils import timezone

from embedded import broker as embedded_broker
from embedded import process
from meetadmin.celery import app
from meetadmin.scheduler import RETRY_INTERVAL, STANDBY_INTERVAL, LockedScheduler
from spaces import broker

LOCK = "meetadmin:scheduler"


def all_due() -> LockedScheduler:
    """A scheduler whose tasks are all due."""
    scheduler = LockedScheduler(app=app)
    for entry in scheduler.schedule.values():
        entry.last_run_at = timezone.now() - timedelta(hours=2)
    return scheduler


@pytest.fixture
def two() -> Iterator[tuple[LockedScheduler, LockedScheduler]]:
    broker.link().delete(broker.TICKS, LOCK)
    schedulers = all_due(), all_due()
    yield schedulers
    for scheduler in schedulers:
        scheduler.close()
    broker.link().delete(broker.TICKS)


def sent(scheduler: LockedScheduler) -> int:
    """How many tasks it sends now."""
    before = broker.link().llen(broker.TICKS)
    for _ in range(2 * len(scheduler.schedule)):
        scheduler.tick()
    return int(broker.link().llen(broker.TICKS)) - int(before)


def test_second_scheduler_waits_until_the_first_one_ends(two):
    first, second = two
    assert sent(first) == len(app.conf.beat_schedule)
    assert sent(second) == 0
    assert second.tick() == STANDBY_INTERVAL
    first.close()
    assert sent(second) == len(app.conf.beat_schedule)


def test_scheduler_keeps_its_lock_when_redis_has_lost_it(two):
    first, second = two
    first.tick()
    broker.link().delete(LOCK)
    assert sent(first) > 0
    assert sent(second) == 0


def test_suspended_scheduler_sends_nothing_when_another_has_taken_over(two):
    first, second = two
    first.tick()
    broker.link().delete(LOCK)  # it expired
    second.tick()
    assert sent(first) == 0
    second.close()
    assert sent(first) > 0


def test_scheduler_waits_while_redis_is_away_and_continues(settings, tmp_path):
    folder = tmp_path / "broker"
    settings.REDIS_URL = embedded_broker.url(folder)
    scheduler = all_due()
    assert scheduler.tick() == RETRY_INTERVAL
    with embedded_broker.start(folder):
        process.wait_until(lambda: scheduler.tick() != RETRY_INTERVAL, seconds=10, what="The scheduler")
        assert broker.link().exists(LOCK)
