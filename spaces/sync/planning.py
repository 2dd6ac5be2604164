"""How an account is looked at: one list or link by link, how often, and with how many readings. Arithmetic only.

All accounts share one budget of readings a minute, a share of what Google gives the Cloud project. Knowing which rooms are
live comes first, counting heads takes what is left, settings and history a tenth. When accounts are too many for the
budget, everything becomes slower rather than dearer, and `why` says so.
"""

import math
from dataclasses import dataclass
from typing import Literal

from spaces.google.meet import RECORDS_PER_PAGE
from spaces.words import counted, joined
from spaces.words import text as _

FEW = 5
"""Links: with more of them an account is never asked link by link."""
QUIET = 1.5
"""So many times longer than a busy account a quiet one waits for its turn."""
LATEST = 0.75
"""The share of the greatest age after which a quiet account has its turn: the rest is for ticks and slow answers."""
FOR_LISTS = 0.5
"""Lists of running calls never take more than this share of the budget, so that heads can be counted."""
LONGEST_PAUSE = 900.0
"""Seconds between two tries of an account that a person has to mend."""
FOR_SLOW = 0.1
"""The share of the budget for settings, codes and ended calls."""


@dataclass(frozen=True, slots=True)
class Pace:
    """What the installation wants. `every`: seconds between two looks at an account with calls; `with_push`: the same where Google
    tells of changes by itself; `oldest`: seconds that a fact may be old at most; `budget`: readings a minute for all accounts
    together, `account_budget` for one of them."""

    every: float
    with_push: float
    oldest: float
    budget: float
    account_budget: float


@dataclass(frozen=True, slots=True)
class Load:
    """What is to be looked after: of this account, and (`all_…`) of all of them. `stale`: links whose settings are to be read
    again anyway; `push`: events can be relied on."""

    rooms: int
    live: int
    stale: int
    push: bool
    all_accounts: int
    all_rooms: int
    all_live: int


@dataclass(frozen=True, slots=True)
class Plan:
    """`every`: seconds until the next look; `heads`: readings for counting heads in one look; `slow`: readings for settings and
    history in one look, on average; `why`: all this in words."""

    way: Literal["list", "links"]
    every: float
    heads: int
    slow: float
    why: str


def plan(load: Load, pace: Pace) -> Plan:
    """The cheapest way to know what is on in this account's rooms, as often as wanted and as the budget allows."""
    pages = max(1, math.ceil(load.live / RECORDS_PER_PAGE))
    by_link = 0 < load.rooms <= min(FEW, pages + load.stale)
    price = load.rooms if by_link else pages
    wanted, pause = _wanted(load, pace)
    affordable = load.all_accounts * price * 60 / (pace.budget * FOR_LISTS)
    every = max(wanted, affordable)
    looks = 60 / every  # a minute
    left = max(pace.budget * (1 - FOR_SLOW) - load.all_accounts * price * looks, 0.0)
    heads = 0
    if load.live:
        mine = min(left * load.live / max(load.all_live, load.live), pace.account_budget - price * looks)
        heads = max(1, min(int(mine / looks), 2 * load.live))
    slow = pace.budget * FOR_SLOW * load.rooms / max(load.all_rooms, load.rooms, 1) / looks
    words = [_way(load, pages, by_link=by_link), pause]
    if every > wanted:
        words.append(
            _("Every %(seconds)d s is what %(accounts)d accounts can have of %(budget)d readings a minute.")
            % {"seconds": every, "accounts": load.all_accounts, "budget": pace.budget}
        )
    if load.live and heads < load.live:
        words.append(
            _("%(heads)d of %(live)d calls are counted each time, those not counted for longest first.")
            % {"heads": heads, "live": load.live}
        )
    return Plan("links" if by_link else "list", every, heads, slow, joined(*words))


def _wanted(load: Load, pace: Pace) -> tuple[float, str]:
    """Seconds between two looks if the budget does not matter, and why."""
    if load.push and pace.with_push > pace.every:
        words = _("Every %(seconds)d s: Google tells of changes by itself, and this only makes sure.")
        return pace.with_push, words % {"seconds": pace.with_push}
    if load.live:
        return pace.every, _("Every %(seconds)d s: calls are on.") % {"seconds": pace.every}
    quiet = max(pace.every, min(pace.every * QUIET, pace.oldest * LATEST))
    return quiet, _("Every %(seconds)d s: no call is on.") % {"seconds": quiet}


def _way(load: Load, pages: int, *, by_link: bool) -> str:
    if by_link:
        return counted(
            "Its link is read by itself: that costs no more than a list and tells the settings, too.",
            "Its %(rooms)d links are read one by one: most of their settings are due, so that costs no more than a list.",
            load.rooms,
        ) % {"rooms": load.rooms}
    if not load.rooms:
        return _("It owns none of our links; a list shows that it still works.")
    return counted(
        "One list of running calls tells of all %(rooms)d links; one by one would cost %(rooms)d readings.",
        "A list of running calls in %(pages)d pages tells of all %(rooms)d links; one by one would cost %(rooms)d readings.",
        pages,
    ) % {"pages": pages, "rooms": load.rooms}


def pause_after(failures: int, *, every: float, for_good: bool) -> float:
    """Seconds until an account is tried again after so many failures in a row (the first is 1).

    What passes by itself is tried again after two turns, so that within two looks of the end of an outage all is fresh; what
    only a person can mend (`for_good`) more and more seldom. The caller adds jitter.
    """
    return min(every * 2.0 ** min(failures, 10), LONGEST_PAUSE if for_good else 2 * every)
