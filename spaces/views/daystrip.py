"""The calls of a room's last day as a picture: a strip from 24 hours ago to now, drawn on the server.

The picture is SVG with geometry in attributes and colour in classes, because the Content Security Policy forbids inline style. A
strip says the same in words, for those who do not see it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache

from django.utils.html import escape
from django.utils.safestring import SafeString
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from spaces.models import Conference
from spaces.models.conferences import ConferenceQuerySet

LENGTH = timedelta(hours=24)
UNITS = 288  # of five minutes each: whole numbers keep the drawing small
HEIGHT = 12


@dataclass(frozen=True, slots=True)
class Bar:
    """One call in the strip, cut off at its edges."""

    begin: datetime
    end: datetime
    kind: str = "past"  # past, live, stuck

    def span(self, since: datetime, units: int = UNITS) -> tuple[int, int]:
        """Where it begins and how long it is, in whole units of the strip; at least one, so that a short call is seen."""
        per = LENGTH / units
        left = min(int((self.begin - since) / per), units - 1)
        return left, max(round((self.end - since) / per) - left, 1)


def earlier(spaces: Iterable[int], now: datetime) -> dict[int, list[Bar]]:
    """The calls that were over within the last day, by space id: one query for any number of spaces."""
    since = now - LENGTH
    found: dict[int, list[Bar]] = {}
    ended = ConferenceQuerySet(Conference).over_since(since, spaces=spaces)
    for space, begin, end in ended.values_list("space", "started_at", "ended_at"):
        if begin and end:
            found.setdefault(space, []).append(Bar(max(begin, since), min(end, now)))
    return found


def running(call: Conference, now: datetime, *, stuck: bool) -> list[Bar]:
    """The call that is on, up to now; nothing while its beginning is not known."""
    if call.started_at is None:
        return []
    return [Bar(min(max(call.started_at, now - LENGTH), now), now, "stuck" if stuck else "live")]


def words(bars: list[Bar]) -> str:
    """What the strip shows, in words."""
    if not bars:
        return _("No call in the last 24 hours")
    minutes = int(sum((bar.end - bar.begin for bar in bars), timedelta()).total_seconds() // 60)
    return _sum(len(bars), minutes, get_language())


@lru_cache(maxsize=512)
def _sum(number: int, minutes: int, _language: str | None) -> str:
    count = ngettext("%(number)s call in the last 24 hours", "%(number)s calls in the last 24 hours", number)
    total = _("%(hours)s h %(minutes)02d min in all") % {"hours": minutes // 60, "minutes": minutes % 60}
    return f"{count % {'number': number}}, {total}"


def strip(bars: list[Bar], now: datetime) -> SafeString:
    """The small picture in a row. Its width and height are the style sheet's; all calls that are over are one path."""
    since, past, on = now - LENGTH, "", ""
    for bar in bars:
        left, length = bar.span(since)
        if bar.kind == "past":
            past += f"M{left} 0h{length}v{HEIGHT}h-{length}z"
        else:
            on += f'<path class="{bar.kind}" d="M{left} 0h{length}v{HEIGHT}h-{length}z"/>'
    # Only the words could hold what has to be escaped; fifty of these stand on a page.
    return SafeString(
        f'<svg class="day" viewBox="0 0 {UNITS} {HEIGHT}" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(words(bars))}">{f"""<path class="past" d="{past}"/>""" if past else ""}{on}</svg>'
    )


# --- The large one on a room's page: the same bars over the hours of the building's clocks ------------------------

WIDTH = 98.0
"""Per cent of the picture that the day takes; what is left keeps the line for now and its word inside."""
CROWDED = timedelta(minutes=100)  # the word for now takes that much on the narrowest phone
EVERY = 3
"""Hours of the building's clocks between two marks."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A bar where the picture has it: `x` and `width` in per cent, as SVG takes them whatever the language of the page."""

    bar: Bar
    x: str
    width: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A full hour by the building's clocks. `crowded`: its label would run into the word for now."""

    x: str
    label: str
    midnight: bool
    crowded: bool


@dataclass(frozen=True, slots=True)
class Day:
    """All that the template of the large strip draws."""

    bars: list[Placed]
    marks: list[Mark]
    words: str
    now: str = f"{WIDTH:.2f}%"


def day(bars: list[Bar], now: datetime, zone: tzinfo) -> Day:
    """The last 24 hours in the building's time. Where the clocks are changed a day has an hour twice or not at all; lengths
    stay true, because they are reckoned in UTC."""
    placed = [
        Placed(
            bar,
            f"{_share(bar.begin, now):.2f}%",
            f"{max(_share(bar.end, now) - _share(bar.begin, now), 0.3):.2f}%",
        )
        for bar in sorted(bars, key=lambda bar: bar.begin)
    ]
    return Day(placed, list(_marks(now, zone)), words(bars))


def _share(moment: datetime, now: datetime) -> float:
    """Where a moment stands, in per cent from the left."""
    return WIDTH * (1 - (now - moment) / LENGTH)


def _marks(now: datetime, zone: tzinfo) -> Iterator[Mark]:
    moment = (now - LENGTH).astimezone(UTC)
    while moment < now:
        local = moment.astimezone(zone)
        past = timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
        if past:  # on to the next full hour there; some zones are half an hour off
            moment += timedelta(hours=1) - past
            continue
        if local.hour % EVERY == 0:
            crowded = now - moment < CROWDED
            yield Mark(f"{_share(moment, now):.2f}%", f"{local:%H}", local.hour == 0, crowded)
        moment += timedelta(hours=1)
