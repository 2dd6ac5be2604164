"""Is everything alive? One report that pages, probes and metrics share, and a sentence for each thing that is wrong."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from django.conf import settings
from django.db import DatabaseError, connection
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from redis.exceptions import RedisError

from spaces import broker, pulse
from spaces.language import day_and_time, spoken
from spaces.models import Account, Space, Subscription

Level = Literal["fine", "look", "act", "off"]
Push = Literal["on", "waiting", "silent", "off"]

CAUSES = ("redis", "worker", "beat", "process", "account_refused", "google", "late", "push")
"""All keys that a Cause may have."""
LATEST = timedelta(minutes=15)
"""However seldom an account is meant to be looked at, after this long its picture is old."""


@dataclass(frozen=True, slots=True)
class Cause:
    """One thing that is wrong, in words: what, what it means, what to do. `key` is the same in pages, probes and metrics.

    `named` says the same with the names of accounts, for those who manage them (empty: nothing to name). `staff`: of no use to
    people who only have rooms.
    """

    key: str
    level: Level
    sentence: str
    named: str = ""
    staff: bool = False


@dataclass(frozen=True)
class Health:
    """What is alive. Ages are measured at `at`. `accounts` are those that have spaces to look after."""

    at: datetime
    database: bool = True
    broker: bool = True
    processes: tuple[pulse.Process, ...] = ()
    accounts: tuple[Account, ...] = field(default=())

    def alive(self, kind: pulse.Kind) -> int:
        """How many processes of this kind give signs of life."""
        return sum(one.alive for one in self.processes if one.kind == kind)

    def age_of(self, kind: pulse.Kind) -> float | None:
        """Seconds since the latest sign of any process of this kind; None: there is none to speak of."""
        return min((one.age for one in self.processes if one.kind == kind), default=None)

    @property
    def worker(self) -> bool:
        """Whether a worker has reported lately."""
        return self.alive("worker") > 0

    @property
    def _worker_has_no_work(self) -> bool:
        """Whether workers fell silent with the timetable: they give signs with their tasks, and nobody sends any."""
        worker, beat = self.age_of("worker"), self.age_of("beat")
        return not self.beat and worker is not None and beat is not None and worker < beat + 2 * pulse.EVERY

    @property
    def beat(self) -> bool:
        """Whether the timetable has sent something out lately."""
        return self.alive("beat") > 0

    @property
    def usable(self) -> list[Account]:
        """The accounts that are not broken: those that the timetable looks at."""
        return [one for one in self.accounts if one.status != Account.Status.BROKEN]

    @property
    def never_swept(self) -> int:
        """How many of the usable accounts were never looked at successfully."""
        return sum(one.swept_at is None for one in self.usable)

    @property
    def oldest_sweep_at(self) -> datetime | None:
        """The oldest of the last successful looks; None: no account has been looked at yet."""
        return min((one.swept_at for one in self.usable if one.swept_at), default=None)

    @property
    def late(self) -> list[Account]:
        """Accounts whose picture is growing old: their turn is overdue, or Google was asked and gave nothing."""
        return [one for one in self.usable if self.is_late(one)]

    def is_late(self, account: Account) -> bool:
        """Whether this account's picture is older than it is meant to become. How often an account is looked at differs, and
        the moment of the next look is known; a look that fails moves it on without making the picture younger."""
        if account.swept_at is None:
            return False  # told apart, as never swept
        patience = timedelta(seconds=max(3 * settings.SWEEP_EVERY, 60))
        age = self.at - account.swept_at
        if account.problem or account.fail_count:
            return age > patience
        return self.at - account.next_sweep_at > patience or age > max(LATEST, patience)

    @property
    def sweeps_late(self) -> bool:
        """Whether some working account's picture is growing old."""
        return bool(self.late)

    @property
    def push(self) -> Push:
        """Whether pushed events arrive: they do; none has come yet; for some account they should and do not; not switched on."""
        if not settings.PUSH:
            return "off"
        if any(deaf(one) for one in self.accounts):
            return "silent"
        listened = [subscription for one in self.accounts if (subscription := subscription_of(one))]
        return "on" if any(one.is_healthy(self.at) for one in listened) else "waiting"

    @property
    def push_heard_at(self) -> datetime | None:
        """When the last event came for any account."""
        return max((one.push_heard_at for one in self.accounts if one.push_heard_at), default=None)

    @property
    def ready(self) -> bool:
        """Whether people can work with it: pages come up, clicks are carried out and the picture is kept fresh."""
        fresh = self.never_swept == 0 and not self.sweeps_late
        return self.database and self.broker and self.worker and self.beat and fresh

    @cached_property
    def causes(self) -> list[Cause]:
        """What is wrong, the worst first; one entry for each cause, not for each thing that suffers from it."""
        if not self.broker:
            return [
                Cause(
                    "redis",
                    "act",
                    _(
                        "Redis cannot be reached, so nothing is being refreshed. What you see was true at the times shown; "
                        "“Refresh now” and “End” still ask Google directly."
                    ),
                )
            ]
        return [*self._of_processes(), *self._of_accounts()]

    def _of_processes(self) -> Iterator[Cause]:
        if not self.worker and not self._worker_has_no_work:
            yield Cause(
                "worker",
                "act",
                _(
                    "No worker is running, so nothing is being refreshed. What you see was true at the times shown; "
                    "“Refresh now” and “End” still ask Google directly."
                ),
            )
        elif not self.beat:
            yield Cause(
                "beat",
                "act",
                _(
                    "The timetable (beat) is not running, so nothing is being refreshed. What you see was true at the times shown; "
                    "a second one takes over within 20 seconds, otherwise start it again."
                ),
            )
        for one in self.processes:
            if not one.alive and self.alive(one.kind):  # type: ignore[arg-type]
                yield Cause(
                    "process",
                    "look",
                    _("%(kind)s %(pid)s on %(host)s fell silent %(seconds)s s ago; others do its work.")
                    % {
                        "kind": one.kind.capitalize(),
                        "pid": one.pid,
                        "host": one.host,
                        "seconds": round(one.age),
                    },
                    staff=True,
                )

    def _of_accounts(self) -> Iterator[Cause]:
        broken = [one for one in self.accounts if one.status == Account.Status.BROKEN]
        if broken:
            count = len(broken)
            text = ngettext(
                "Google refuses one of our accounts; its rooms are Unknown until an admin has mended its access.",
                "Google refuses %(count)s of our accounts; their rooms are Unknown until an admin has mended their access.",
                count,
            )
            yield Cause(
                "account_refused",
                "act",
                text % {"count": count},
                named=_("Google has refused %(names)s since %(since)s. %(problem)s")
                % {
                    "names": names(broken),
                    "since": _since(broken),
                    "problem": spoken(broken[0].problem)
                    if len({one.problem for one in broken}) == 1
                    else _("They have different reasons, which stand with the cures under “System”."),
                },
                staff=True,
            )
        if not (self.worker and self.beat):
            return  # that the picture grows old is said by then
        failing = [one for one in self.late if one.problem]
        if failing:
            yield Cause(
                "google",
                "act",
                _(
                    "Google has not answered since %(since)s, so the picture is growing old. The times beside the rooms say how old "
                    "each fact is; it goes on by itself."
                )
                % {"since": _since(failing)},
                named=_("Google gives no answer for %(names)s since %(since)s. %(problem)s")
                % {"names": names(failing), "since": _since(failing), "problem": spoken(failing[0].problem)},
            )
        elif self.late:
            yield Cause(
                "late",
                "look",
                _("The regular look at Google is late. The times beside the rooms say how old each fact is."),
                named=_(
                    "The regular look at Google is late for %(names)s. The times beside the rooms say how old each fact is; look at "
                    "the workers and the queue."
                )
                % {"names": names(self.late)},
            )
        if self.push == "silent":
            silent = [one for one in self.accounts if deaf(one)]
            yield Cause(
                "push",
                "look",
                _("Google's events do not come, so changes are found by asking instead, some seconds later."),
                named=_(
                    "Google's events do not come for %(names)s, so changes are found by asking instead. %(problem)s"
                )
                % {"names": names(silent), "problem": spoken(deaf(silent[0], self.at))},
                staff=True,
            )


def subscription_of(account: Account) -> Subscription | None:
    """The account's subscription to events, if there ever was one."""
    found: Subscription | None = getattr(account, "subscription", None)
    return found


def deaf(account: Account, now: datetime | None = None) -> str:
    """Why events that should come do not, in words; empty when they come, or nobody has been disappointed yet."""
    subscription = subscription_of(account)
    if subscription is None or account.status == Account.Status.BROKEN:
        return ""
    there = subscription.state == Subscription.State.ACTIVE
    if there and not subscription.is_missing_news:
        return ""
    if subscription.state == Subscription.State.NONE and not subscription.problem:
        return ""
    return subscription.words(now or timezone.now())


def names(accounts: Iterable[Account]) -> str:
    """The first three by name and how many more there are."""
    listed = [one.email for one in accounts]
    text = ", ".join(listed[:3])
    more = len(listed) - 3
    if more > 0:
        return ngettext("%(names)s and %(count)s more", "%(names)s and %(count)s more", more) % {
            "names": text,
            "count": more,
        }
    return text


def _since(accounts: Iterable[Account]) -> str:
    """Since when the first of them has its problem, as a time of the day or a date, in the reader's zone."""
    moments = [one.problem_since for one in accounts if one.problem_since]
    if not moments:
        return _("a while")
    since, now = timezone.localtime(min(moments)), timezone.localtime()
    return f"{since:%H:%M}" if since.date() == now.date() else day_and_time(since)


RECENT = 1.0
"""Seconds for which pages do without looking again."""
_recent: Health | None = None  # of this process


def recent() -> Health:
    """The report for pages, a second old at most: two hundred pages that hear of one change need not all look."""
    global _recent  # noqa: PLW0603
    known = _recent
    if known is None or not 0 <= (timezone.now() - known.at).total_seconds() < RECENT:
        known = _recent = report()
    return known


def report() -> Health:
    """Look at everything now: one database query and one round trip to Redis."""
    database = True
    accounts: tuple[Account, ...] = ()
    try:
        connection.ensure_connection()
        looked_after = Account.objects.filter(pk__in=Space.objects.values("account"))
        accounts = tuple(looked_after.select_related("subscription").defer("sealed_token"))
    except DatabaseError:
        database = False
    reachable = True
    processes: tuple[pulse.Process, ...] = ()
    try:
        processes = pulse.processes(broker.link())
    except (RedisError, OSError):
        reachable = False
    return Health(
        at=timezone.now(), database=database, broker=reachable, processes=processes, accounts=accounts
    )
