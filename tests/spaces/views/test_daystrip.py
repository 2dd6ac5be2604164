"""The strip of a room's last day: which calls, where they stand, what it says in words."""

import re
from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from spaces.models import Conference
from spaces.views import daystrip
from spaces.views.daystrip import Bar
from tests import factories

NOW = timezone.now()


def hours(number: float) -> datetime:
    return NOW - timedelta(hours=number)


@pytest.mark.parametrize(
    ("begin", "end", "expected"),
    [
        (24, 23, (0, 12)),
        (12, 11.5, (144, 6)),
        (1, 0, (276, 12)),
        (3, 3, (252, 1)),  # too short to be drawn to scale
        (0, 0, (287, 1)),  # begun this very moment
    ],
)
def test_where_a_call_stands(begin, end, expected):
    assert Bar(hours(begin), hours(end)).span(hours(24)) == expected


def test_only_calls_of_the_last_day_are_found_and_cut_off_at_its_beginning(db):
    one, other = factories.make_space(), factories.make_space()
    for begin, end in ((60, 50), (30, 22), (5, 4)):
        Conference.objects.create(
            record=f"conferenceRecords/{begin}", space=one, started_at=hours(begin), ended_at=hours(end)
        )
    Conference.objects.create(record="conferenceRecords/on", space=other, started_at=hours(2))
    Conference.objects.create(record="conferenceRecords/odd", space=other, ended_at=hours(1))
    found = daystrip.earlier([one.pk, other.pk], NOW)
    assert found == {one.pk: [Bar(hours(24), hours(22)), Bar(hours(5), hours(4))]}


def test_the_running_call_reaches_to_now(db):
    call = factories.make_call(factories.make_space(), ago=timedelta(hours=40), now=NOW)
    assert daystrip.running(call, NOW, stuck=True) == [Bar(hours(24), NOW, "stuck")]
    call.started_at = NOW + timedelta(seconds=3)  # Google's clock is ahead of ours
    assert daystrip.running(call, NOW, stuck=False) == [Bar(NOW, NOW, "live")]
    call.started_at = None
    assert daystrip.running(call, NOW, stuck=False) == []


def test_the_picture_and_its_words():
    bars = [Bar(hours(12), hours(11)), Bar(hours(6), hours(5.5)), Bar(hours(1), NOW, "stuck")]
    drawn = str(daystrip.strip(bars, NOW))
    assert 'aria-label="3 calls in the last 24 hours, 2 h 30 min in all"' in drawn
    assert re.findall(r'<path class="(\w+)" d="([^"]+)"/>', drawn) == [
        ("past", "M144 0h12v12h-12zM216 0h6v12h-6z"),
        ("stuck", "M276 0h12v12h-12z"),
    ]
    assert "style" not in drawn
    assert "No call in the last 24 hours" in daystrip.strip([], NOW)
