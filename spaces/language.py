"""Saying things in the reader's language, and telling times in a zone that is named."""

import re
from datetime import datetime
from functools import cache
from zoneinfo import available_timezones

from django.utils import timezone
from django.utils.dates import MONTHS_3
from django.utils.translation import get_language, gettext, ngettext, override

from spaces.message import Message
from spaces.words import Text

_BETWEEN = re.compile(r"(?<=[.!?”]) ")


def spoken(sentence: str | Message) -> str:
    """The sentence in the language of the request. A Text knows how; of a plain one, as it comes back from the database, those
    parts are translated that stand in the catalogue, the rest stays as it was written."""
    if isinstance(sentence, Message):
        return str(sentence)
    if isinstance(sentence, Text):
        found = (
            ngettext(sentence.pattern, sentence.plural, sentence.number)
            if sentence.plural
            else gettext(sentence.pattern)
        )
        if sentence.values is not None:
            found = found % {
                n: spoken(v) if isinstance(v, Text | Message) else v for n, v in sentence.values.items()
            }
        return found.rstrip(".") if sentence.bare else found
    if not sentence or get_language() == "en":
        return sentence
    parts, said = _BETWEEN.split(sentence), []
    while parts:
        for length in range(len(parts), 0, -1):
            piece = " ".join(parts[:length])
            if length == 1 or gettext(piece) != piece:
                said.append(gettext(piece))
                del parts[:length]
                break
    return " ".join(said)


Text.speak = spoken  # from here on a template says a Text in the reader's language by itself


@cache
def _months(language: str | None) -> tuple[str, ...]:
    with override(language):
        return tuple(str(MONTHS_3[number]).capitalize() for number in range(1, 13))


def day_and_time(moment: datetime, *, exact: bool = False) -> str:
    """A moment in the reader's zone, short: “3 Mar, 09:40”; `exact` with year, seconds and the zone's name. Django's own `date`
    takes several times as long, and lists have one in every row."""
    here = timezone.localtime(moment)
    language = get_language()
    day = f"{here.day}{'.' if language == 'de' else ''} {_months(language)[here.month - 1]}"
    if exact:
        return f"{day} {here.year}, {here:%H:%M:%S %Z}"
    return f"{day}, {here:%H:%M}"


def time_beside(moment: datetime, other: datetime) -> str:
    """Return a moment as it stands beside another one that shows its day: the time alone, with the day where that differs."""
    here = timezone.localtime(moment)
    same_day = here.date() == timezone.localtime(other).date()
    return f"{here:%H:%M}" if same_day else day_and_time(here)


@cache
def zones() -> tuple[str, ...]:
    """The names of all time zones that are places, and UTC, for choosing one."""
    odd = ("Etc/", "SystemV/", "US/", "posix/", "right/")
    return (
        "UTC",
        *sorted(name for name in available_timezones() if "/" in name and not name.startswith(odd)),
    )
