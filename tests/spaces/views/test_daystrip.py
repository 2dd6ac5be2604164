"""The strip of a room's last day: which calls, where they stand, what it says in words."""

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

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


# --- The large strip -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "zone", "labels"),
    [
        (datetime(2026, 11, 24, 17, 30, tzinfo=UTC), "Europe/Berlin", "21 00 03 06 09 12 15 18"),
        (datetime(2026, 11, 24, 17, 0, tzinfo=UTC), "Europe/Berlin", "18 21 00 03 06 09 12 15"),
        (datetime(2026, 11, 24, 17, 30, tzinfo=UTC), "America/New_York", "15 18 21 00 03 06 09 12"),
        # The clocks go back at 3 (25 October) and forward at 2 (29 March): 25 and 23 hours between the same two hours.
        (datetime(2026, 10, 25, 11, 30, tzinfo=UTC), "Europe/Berlin", "15 18 21 00 03 06 09 12"),
        (datetime(2026, 3, 29, 10, 30, tzinfo=UTC), "Europe/Berlin", "12 15 18 21 00 03 06 09 12"),
        # Half an hour and three quarters off.
        (datetime(2026, 11, 24, 12, 0, tzinfo=UTC), "Asia/Kolkata", "18 21 00 03 06 09 12 15"),
        (datetime(2026, 11, 24, 12, 0, tzinfo=UTC), "Asia/Kathmandu", "18 21 00 03 06 09 12 15"),
        # Clocks that change by half an hour, at 2 (Lord Howe, 4 October).
        (datetime(2026, 10, 4, 6, 0, tzinfo=UTC), "Australia/Lord_Howe", "18 21 00 03 06 09 12 15"),
        # Midnight that comes twice: the Azores go from 1 back to 0.
        (datetime(2026, 10, 25, 6, 30, tzinfo=UTC), "Atlantic/Azores", "09 12 15 18 21 00 00 03"),
    ],
)
def test_the_hours_are_those_of_the_buildings_clocks(now, zone, labels):
    marks = daystrip.day([], now, ZoneInfo(zone)).marks
    assert " ".join(mark.label for mark in marks) == labels
    assert [mark.label for mark in marks if mark.midnight] == [one for one in labels.split() if one == "00"]
    places = [float(mark.x.rstrip("%")) for mark in marks]
    assert places == sorted(places)
    assert places[0] >= 0
    assert places[-1] < daystrip.WIDTH
    assert [mark.crowded for mark in marks] == [place > 91 for place in places]


def test_the_hour_between_three_and_six_is_as_long_as_it_was():
    """On the day on which the clocks go back, midnight to three are four hours."""
    now = datetime(2026, 10, 25, 11, 30, tzinfo=UTC)
    marks = {
        mark.label: float(mark.x.rstrip("%"))
        for mark in daystrip.day([], now, ZoneInfo("Europe/Berlin")).marks
    }
    hour = daystrip.WIDTH / 24
    assert marks["03"] - marks["00"] == pytest.approx(4 * hour, abs=0.02)
    assert marks["06"] - marks["03"] == pytest.approx(3 * hour, abs=0.02)


def test_large_bars_stand_in_their_order_and_short_ones_are_seen():
    day = daystrip.day(
        [Bar(hours(1), NOW, "live"), Bar(hours(24), hours(12)), Bar(hours(3), hours(3))], NOW, ZoneInfo("UTC")
    )
    assert [(placed.x, placed.width, placed.bar.kind) for placed in day.bars] == [
        ("0.00%", "49.00%", "past"),
        ("85.75%", "0.30%", "past"),
        ("93.92%", "4.08%", "live"),
    ]
    assert day.words.startswith("3 calls in the last 24 hours")
    assert daystrip.day([], NOW, ZoneInfo("UTC")).words == "No call in the last 24 hours"
