"""When a call looks forgotten: the rules, their words, and a score from 0 to 100.

Every rule says since when something has held ("room devices only") and after how many minutes that is too long. So
each has one moment from which it is true if nothing moves. The earliest of them is stored with the call (`stuck_at`), which
makes the database's form of the question one comparison; words and score are computed when somebody looks. Pure functions:
`call` is anything with the fields of a Conference, saved or not.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

STUCK_FROM = 50
"""A score from here on means stuck: one rule's time is over. Below, the first rule is on its way there."""
EACH_FURTHER = 10
"""What every further rule adds."""


class Call(Protocol):
    """What the rules look at; see models.Conference for the meaning of each."""

    people: int | None
    devices: int | None
    phones: int | None
    guests: int | None
    bots: int | None
    peak: int
    started_at: datetime | None
    same_since: datetime | None
    host_left_at: datetime | None
    recording_since: datetime | None


@dataclass(frozen=True, slots=True)
class Limits:
    """Minutes after which a rule makes a call stuck; 0 switches the rule off.

    `empty`: nobody is in it; `devices`: room devices, bots and phones only; `alone`: one person and neither device nor phone;
    `hostless`: the last of those who run it has left and others stay; `running`: since its beginning, whoever is in.
    """

    empty: int
    devices: int
    alone: int
    hostless: int
    running: int

    @classmethod
    def configured(cls) -> "Limits":
        """Those of the installation (MEETADMIN_STUCK_…)."""
        return cls(**settings.STUCK_AFTER)

    def but(self, own: Mapping[str, int | None]) -> "Limits":
        """With a room's own limits in place of these where it has any."""
        return replace(self, **{name: minutes for name, minutes in own.items() if minutes is not None})


@dataclass(frozen=True, slots=True)
class Verdict:
    """How forgotten a call looks: 0 to 100, stuck from STUCK_FROM on; `reasons` in words, the weightiest first; empty when
    it is not stuck."""

    score: int = 0
    reasons: tuple[str, ...] = ()

    @property
    def stuck(self) -> bool:
        """Whether somebody should look after it."""
        return bool(self.reasons)


@dataclass(frozen=True, slots=True)
class _Finding:
    """A rule that fits a call: since when, for how long it may, and how to say it for a time that has passed."""

    since: datetime
    limit: timedelta
    words: Callable[[timedelta], str]

    @property
    def at(self) -> datetime:
        return self.since + self.limit


def stuck_at(call: Call, limits: Limits) -> datetime | None:
    """The moment from which the call counts as stuck if nothing moves; None: no rule fits it."""
    return min((finding.at for finding in _findings(call, limits)), default=None)


def verdict(call: Call, limits: Limits, now: datetime) -> Verdict:
    """How forgotten a running call looks now, and why.

    The rule that is furthest over its time counts: half of its time is 25, all of it 50, twice is 100. Every further rule
    whose time is over adds 10, and so does a recording that is still running.
    """
    found = sorted(_findings(call, limits), key=lambda one: (now - one.since) / one.limit, reverse=True)
    over = [one for one in found if one.at <= now]
    if not over:
        nearest = max((((now - one.since) / one.limit) for one in found), default=0.0)
        return Verdict(min(int(max(nearest, 0.0) * STUCK_FROM), STUCK_FROM - 1))
    worst = (now - over[0].since) / over[0].limit
    reasons = [one.words(now - one.since) for one in over]
    if call.recording_since is not None:
        reasons.append(_("still being recorded"))
    score = max(int(worst * STUCK_FROM), STUCK_FROM) + EACH_FURTHER * (len(reasons) - 1)
    return Verdict(min(score, 100), tuple(reasons))


def _findings(call: Call, limits: Limits) -> Iterator[_Finding]:
    if call.people is not None and call.same_since is not None:
        people = call.people + (call.guests or 0)
        others = bool(call.devices or call.bots or call.phones)
        if not people and not others and limits.empty:
            words = _nobody_left if call.peak else _nobody_came
            yield _Finding(call.same_since, timedelta(minutes=limits.empty), words)
        if not people and others and limits.devices:
            yield _Finding(call.same_since, timedelta(minutes=limits.devices), _nobody_but(call))
        if people == 1 and not call.devices and not call.phones and limits.alone:
            yield _Finding(call.same_since, timedelta(minutes=limits.alone), _alone)
        if people and call.host_left_at is not None and limits.hostless:
            yield _Finding(call.host_left_at, timedelta(minutes=limits.hostless), _hostless)
    if call.started_at is not None and limits.running:
        yield _Finding(call.started_at, timedelta(minutes=limits.running), _running)


def _nobody_came(passed: timedelta) -> str:
    return _("nobody has joined for %(time)s") % {"time": span(passed)}


def _nobody_left(passed: timedelta) -> str:
    return _("everybody left %(time)s ago") % {"time": span(passed)}


def _nobody_but(call: Call) -> Callable[[timedelta], str]:
    """How to say that no person is in the call, but these kinds."""
    kinds = (bool(call.devices), bool(call.bots), bool(call.phones))
    return lambda passed: _ONLY[kinds] % {"time": span(passed)}


# By whether there are devices, bots and phones.
_ONLY: Mapping[tuple[bool, bool, bool], str | Promise] = {
    (True, False, False): gettext_lazy("room devices only for %(time)s"),
    (True, True, False): gettext_lazy("only room devices and bots for %(time)s"),
    (True, False, True): gettext_lazy("only room devices and phones for %(time)s"),
    (True, True, True): gettext_lazy("only room devices, bots and phones for %(time)s"),
    (False, True, False): gettext_lazy("note-taking bots only for %(time)s"),
    (False, True, True): gettext_lazy("only bots and phones for %(time)s"),
    (False, False, True): gettext_lazy("phones only for %(time)s"),
}


def _alone(passed: timedelta) -> str:
    return _("one person alone for %(time)s") % {"time": span(passed)}


def _hostless(passed: timedelta) -> str:
    return _("host left %(time)s ago, others still in") % {"time": span(passed)}


def _running(passed: timedelta) -> str:
    return _("running for %(time)s") % {"time": span(passed)}


def span(passed: timedelta) -> str:
    """A length of time in the unit that fits: 45 min, 8 h, 3 d."""
    minutes = int(passed.total_seconds() // 60)
    if minutes < 120:
        return _("%(n)s min") % {"n": minutes}
    hours = minutes // 60
    if hours < 72:
        return _("%(n)s h") % {"n": hours}
    return _("%(n)s d") % {"n": hours // 24}
