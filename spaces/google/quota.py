"""Never more calls than Google allows: buckets in Redis that all processes of an installation share.

Google counts calls in fixed minutes, by class (read, write, create), for the whole Cloud project and for each user in it
(Meet REST guide, "Usage limits"). It does not say when its minutes begin, so the limit has to hold in *every* minute.

**Arithmetic.** A bucket gives `burst` calls at once and refills evenly at `rate` calls a minute (GCRA, one number a bucket:
the moment at which it will be full again). In any minute it gives at most `burst + rate` calls. We choose
`2 x burst + rate = limit`. The second burst is a margin for calls that were long on their way, and for a Redis that comes
back having forgotten what was used.

**People before machines.** A machine has to pass a second bucket beside each one, with `1 - reserve` of its burst and rate.
Machines alone can therefore never empty a bucket; what they may not take is always there for a person.

**Redis away.** Then every process keeps to buckets of its own with an eighth of the rate and a sixteenth of the burst, so that
eight processes together stay within the limits, with something to spare for the seconds in which some of them have noticed
and others not; there is never no limit. An installation of more than eight processes that ask Google has to
lower its limits for that case to be covered, too; and a bucket gives each process at least one call, which for creating under
one account is more than an eighth. When Redis is back, a process that had noticed starts with empty instead of full buckets
where Redis remembers nothing.
"""

import logging
import math
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from redis import Redis
from redis.exceptions import RedisError

from spaces.google.errors import OverQuota
from spaces.google.limits import KINDS, PROJECT, SLOTS, Flow, Kind, Limits
from spaces.google.quota_local import Counts, LocalFallback
from spaces.google.quota_scripts import PAUSE, TAKE
from spaces.words import counted, joined
from spaces.words import text as _

logger = logging.getLogger(__name__)

ALONE = 1 / 8
"""The share of each limit for a process that cannot reach Redis."""
RETRY_REDIS = 2.0
"""Seconds until a process that could not reach Redis tries again, so that not every call waits for a timeout."""
JITTER = 0.05
"""Seconds at most by which those who wait for one bucket are spread, lest they all ask again in the same moment."""


class Gate(Protocol):
    """What a client passes before each call. It stands for one account and one who asks."""

    def take(self, kind: Kind) -> None:
        """Wait for the turn of one call. Raises OverQuota when that would take too long; nothing was sent then."""

    def refused(self, kind: Kind, refusal: OverQuota) -> None:
        """Google answered that it was too much all the same."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One bucket on the meter. `used`: calls in the last minute (of the oldest ten seconds only a part); `waited`: calls in that
    time which found it empty or paused; `paused_for`: seconds that it is still shut after a 429."""

    kind: Kind
    scope: str
    limit: int
    used: int = 0
    waited: int = 0
    paused_for: float = 0.0


@dataclass(frozen=True, slots=True)
class Meter:
    """The projects' readings first, then those of accounts with anything to tell, the busiest first. `shared` is False when Redis is
    away: then it shows this process alone."""

    readings: tuple[Reading, ...]
    shared: bool


class Quota:
    """The buckets of one installation. Safe to share between threads; made once in a process.

    `reserve`: the share of every bucket that only people may use. `period`: the length of Google's window in seconds, a minute
    but in tests. `prefix` begins all keys; the braces keep them together on a cluster.
    """

    def __init__(
        self,
        client: Redis,
        limits: Limits,
        *,
        reserve: float = 0.2,
        period: float = 60.0,
        prefix: str = "{meetadmin:quota}",
    ) -> None:
        if not 0 <= reserve <= 0.9:
            raise ValueError("The reserve for people is a share between 0 and 0.9.")
        self.limits = limits
        self._redis = client
        self._reserve = reserve
        self._period = period
        self._prefix = prefix
        self._take = client.register_script(TAKE)
        self._pause = client.register_script(PAUSE)
        self._alone = LocalFallback(period)
        self._away = False
        self._try_again_at = 0.0
        self._cold_until = 0.0

    def take(self, kind: Kind, account: str, *, patience: float, person: bool) -> float:
        """Take one call of this class from the project's and from the account's bucket, or from none of them.

        Waits at most `patience` seconds and returns how many it waited. Raises OverQuota at once when the wait would be longer.
        """
        started = time.monotonic()
        first = True
        while wait := self._ask(kind, account, person=person, first=first):
            left = patience - (time.monotonic() - started)
            if wait > left:
                raise _over(kind, account, wait)
            time.sleep(wait + random.uniform(0, JITTER))  # noqa: S311 - no secret
            first = False
        return time.monotonic() - started

    def pause(self, kind: Kind, scope: str, seconds: float | None) -> None:
        """Shut a bucket for everybody: `scope` is PROJECT or an account. Without `seconds` until the next full minute, as Google
        counts by minutes and usually names no time. Never shortens a pause."""
        wanted = max(seconds or 0.0, 0.0)
        self._alone.pause(kind, scope, wanted or self._period)
        if self._may_ask_redis():
            try:
                self._pause(
                    keys=[f"{self._prefix}:{kind}:paused", f"{self._prefix}:{kind}:total"],
                    args=[scope, self._period * 1000, wanted * 1000],
                    client=self._redis,
                )
            except (RedisError, OSError) as problem:
                self._lost(problem)

    def used(self) -> Meter:
        """What a meter shows: two round trips to Redis, and nothing is changed."""
        if self._may_ask_redis():
            try:
                return self._meter(self._read_counts(), shared=True)
            except (RedisError, OSError) as problem:
                self._lost(problem)
        return self._meter(self._alone.counts(), shared=False)

    def totals(self) -> dict[tuple[Kind, str], int]:
        """Since Redis can remember, by class: calls `sent`, calls that `waited` for their turn, answers 429 (`refused`). One round
        trip. Raises RedisError or OSError."""
        with self._redis.pipeline(transaction=False) as pipe:
            for kind in KINDS:
                pipe.hgetall(f"{self._prefix}:{kind}:total")
            answers = pipe.execute()
        return {
            (kind, what): int({_text(key): value for key, value in found.items()}.get(what, 0))
            for kind, found in zip(KINDS, answers, strict=True)
            for what in ("sent", "waited", "refused")
        }

    def _ask(self, kind: Kind, account: str, *, person: bool, first: bool) -> float:
        """Take now, or say how many seconds to wait."""
        if self._may_ask_redis():
            flows = list(self._flows(kind, account, person=person, share=1.0))
            pairs = [number for flow in flows for number in (flow.each * 1000, flow.burst)]
            base = f"{self._prefix}:{kind}"
            cold = time.monotonic() < self._cold_until or self._away
            try:
                answer = self._take(
                    keys=[f"{base}:paused", base, *(f"{base}:{flow.name}" for flow in flows)],
                    args=[account, self._slot * 1000, int(first), int(cold), *pairs],
                    client=self._redis,
                )
            except (RedisError, OSError) as problem:
                self._lost(problem)
            else:
                self._found()
                return int(answer) / 1000
        flows = list(self._flows(kind, account, person=person, share=ALONE))
        return self._alone.ask(kind, account, flows, first=first)

    def _flows(self, kind: Kind, account: str, *, person: bool, share: float) -> Iterator[Flow]:
        for name, bucket in (
            (PROJECT, self.limits.project(kind)),
            (f"account:{account}", self.limits.account(kind)),
        ):
            each = self._period / (bucket.rate * share)
            burst = bucket.burst * (share if share == 1 else share / 2)
            yield Flow(name, each, max(1.0, burst))
            if not person:
                less = 1 - self._reserve
                yield Flow(f"{name}:machines", each / less, max(1.0, burst * less))

    @property
    def _slot(self) -> float:
        return self._period / SLOTS

    # Redis comes and goes

    def _may_ask_redis(self) -> bool:
        return time.monotonic() >= self._try_again_at

    def _lost(self, problem: Exception) -> None:
        self._try_again_at = time.monotonic() + min(RETRY_REDIS, self._period / 30)
        if not self._away:
            self._away = True
            logger.warning("Redis is away (%s): this process keeps to an eighth of the quota", problem)

    def _found(self) -> None:
        if self._away:
            self._away = False
            self._cold_until = time.monotonic() + self._period
            logger.warning("Redis is back: the quota is shared again")

    # The meter

    def _read_counts(self) -> "Counts":
        seconds, micros = self._redis.time()
        now = seconds + micros / 1e6
        newest = math.floor(now / self._slot)
        slots = range(newest - SLOTS + 1, newest + 1)
        wanted = [(kind, what, slot) for kind in KINDS for what in ("used", "waited") for slot in slots]
        with self._redis.pipeline(transaction=False) as pipe:
            for kind in KINDS:
                pipe.hgetall(f"{self._prefix}:{kind}:paused")
            for kind, what, slot in wanted:
                pipe.hgetall(f"{self._prefix}:{kind}:{what}:{slot}")
            answers = pipe.execute()
        counts = Counts()
        for kind, paused in zip(KINDS, answers, strict=False):
            for scope, ends in paused.items():
                counts.paused[kind, _text(scope)] = float(ends) / 1000 - now
        for (kind, what, _script), found in zip(wanted, answers[len(KINDS) :], strict=True):
            tally = counts.used if what == "used" else counts.waited
            for account, number in found.items():
                tally[kind, _text(account)] += int(number)
        return counts

    def _meter(self, counts: "Counts", *, shared: bool) -> Meter:
        paused = {key: left for key, left in counts.paused.items() if left > 0}
        projects = [
            Reading(
                kind,
                PROJECT,
                self.limits.project(kind).limit,
                used=sum(number for (one, _), number in counts.used.items() if one == kind),
                waited=sum(number for (one, _), number in counts.waited.items() if one == kind),
                paused_for=paused.get((kind, PROJECT), 0.0),
            )
            for kind in KINDS
        ]
        accounts = [
            Reading(
                kind,
                scope,
                self.limits.account(kind).limit,
                used=counts.used[kind, scope],
                waited=counts.waited[kind, scope],
                paused_for=paused.get((kind, scope), 0.0),
            )
            for kind, scope in {*counts.used, *counts.waited, *paused}
            if scope != PROJECT
        ]
        accounts.sort(key=lambda one: (-one.used, one.scope, one.kind))
        return Meter((*projects, *accounts), shared=shared)


class Turnstile:
    """The Gate of one piece of work (a click, a sweep) in one account's name.

    `patience` in seconds for each call, `in_all` for all of them together: a long wait is worth giving up for at once, because it
    would keep a thread from everybody else; many short ones are how an even flow feels.
    """

    def __init__(self, quota: Quota, account: str, *, person: bool, patience: float, in_all: float) -> None:
        self._quota = quota
        self._account = account
        self._person = person
        self._patience = patience
        self._left = in_all

    def take(self, kind: Kind) -> None:
        """Wait for the turn of one call. Raises OverQuota."""
        patience = max(min(self._patience, self._left), 0.0)
        self._left -= self._quota.take(kind, self._account, patience=patience, person=self._person)

    def refused(self, kind: Kind, refusal: OverQuota) -> None:
        """Shut the bucket that Google named, for everybody; the account's when it named none."""
        limit = refusal.quota_limit.lower()
        of_project = "project" in limit and "user" not in limit
        scope = PROJECT if of_project else self._account
        logger.warning("over quota for %s of %s: %s", kind, scope, refusal.detail)
        self._quota.pause(kind, scope, refusal.retry_after)


_WORDS: Final[dict[Kind, str]] = {
    "read": _("reading"),
    "write": _("changing"),
    "create": _("creating links"),
}


def _over(kind: Kind, account: str, wait: float) -> OverQuota:
    seconds = math.ceil(wait)
    return OverQuota(
        joined(
            _(
                "The quota that Google gives us for %(purpose)s is used up for the moment, so Google was not asked."
            )
            % {"purpose": _WORDS[kind]},
            counted("Try again in %(n)s second.", "Try again in %(n)s seconds.", seconds) % {"n": seconds},
        ),
        detail=f"our own limit: {kind} as {account}, {wait:.1f} s to wait",
        retry_after=wait,
    )


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
