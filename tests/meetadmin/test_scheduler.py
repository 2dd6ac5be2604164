"""One process of the installation sends the timetable out, whatever becomes of Redis and of its machine's sleep."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.utils import timezone

from meetadmin.celery import app
from meetadmin.timetable import LOOK, WITHOUT_REDIS, Timetable
from spaces import broker


@pytest.fixture
def two() -> Iterator[tuple[Timetable, Timetable]]:
    """Two timetables in which everything is due."""
    broker.link().delete(broker.TICKS, "meetadmin:timetable")
    made = Timetable(app=app), Timetable(app=app)
    for each in made:
        for entry in each.schedule.values():
            entry.last_run_at = timezone.now() - timedelta(hours=2)
    yield made
    for each in made:
        each.close()
    broker.link().delete(broker.TICKS)


def sent(timetable: Timetable) -> int:
    """How many ticks it sends out now."""
    before = broker.link().llen(broker.TICKS)
    for _ in range(2 * len(timetable.schedule)):
        timetable.tick()
    return int(broker.link().llen(broker.TICKS)) - int(before)


def test_the_second_one_waits_and_takes_over_when_the_first_one_ends(two):
    first, second = two
    assert sent(first) == len(app.conf.beat_schedule)
    assert sent(second) == 0
    assert second.tick() == LOOK
    first.close()
    assert sent(second) == len(app.conf.beat_schedule)


def test_a_redis_that_was_emptied_changes_nothing(two):
    first, second = two
    first.tick()
    broker.link().delete("meetadmin:timetable")
    assert sent(first) > 0
    assert sent(second) == 0


def test_who_slept_sends_nothing_when_another_has_taken_over(two):
    first, second = two
    first.tick()
    broker.link().delete("meetadmin:timetable")  # its lease is over
    second.tick()
    assert sent(first) == 0
    second.close()
    assert sent(first) > 0


def test_without_redis_it_waits_and_goes_on_by_itself(two, settings, tmp_path):
    first, _ = two
    there = settings.REDIS_URL
    settings.REDIS_URL = f"unix://{tmp_path}/nobody.sock"
    assert first.tick() == WITHOUT_REDIS
    settings.REDIS_URL = there
    assert sent(first) == len(app.conf.beat_schedule)
