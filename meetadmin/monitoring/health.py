"""One report on the state of the installation for pages, probes and metrics, with a sentence for each problem."""

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

from meetadmin.monitoring import heartbeat
from spaces import broker
from spaces.language import day_and_time, spoken
from spaces.models import Account, Space, Subscription

Level = Literal["ok", "warning", "critical", "unknown", "off"]
"""How a figure is rated; off: there is nothing to rate."""
Push = Literal["on", "waiting", "silent", "off"]

PROBLEMS = ("redis", "worker", "beat", "process", "account_refused", "google", "late", "push")
"""All keys that a Problem may have. They are part of /readyz and /metrics."""
MAX_DATA_AGE = timedelta(minutes=15)
"""However seldom an account is meant to be synced, its data is out of date after this time."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong. `key` is the same on pages, in probes and in metrics.

    `with_names` is the sentence with the names of accounts, for those who manage them (empty: there are no names). `staff_only`: of no
    use to people who only have rooms.
    """

    key: str
    level: Level
    sentence: str
    with_names: str = ""
    staff_only: bool = False


@dataclass(frozen=True)
class Health:
    """The state of the installation at one moment, to which all ages refer. `accounts` are those that own spaces."""

    at: datetime
    database: bool = True
    broker: bool = True
    processes: tuple[heartbeat.Process, ...] = ()
    accounts: tuple[Account, ...] = field(default=())

    def alive(self, kind: heartbeat.Kind) -> int:
        """Return how many processes of this kind are alive."""
        return sum(process.alive for process in self.processes if process.kind == kind)

    def age_of(self, kind: heartbeat.Kind) -> float | None:
        """Return the seconds since the latest heartbeat of this kind, None without any."""
        return min((process.age for process in self.processes if process.kind == kind), default=None)

    @property
    def worker(self) -> bool:
        """Return whether a worker is alive."""
        return self.alive("worker") > 0

    @property
    def beat(self) -> bool:
        """Return whether a scheduler is alive."""
        return self.alive("beat") > 0

    @property
    def _worker_is_idle(self) -> bool:
        """Return whether workers stopped reporting with the scheduler: they report with their tasks, and nothing sends any."""
        worker, beat = self.age_of("worker"), self.age_of("beat")
        idle_since = 2 * heartbeat.INTERVAL
        return not self.beat and worker is not None and beat is not None and worker < beat + idle_since

    @property
    def usable(self) -> list[Account]:
        """Return the accounts that are not broken, which are synced."""
        return [account for account in self.accounts if account.status != Account.Status.BROKEN]

    @property
    def never_checked(self) -> int:
        """Return how many of the usable accounts were never synced."""
        return sum(account.swept_at is None for account in self.usable)

    @property
    def oldest_check_at(self) -> datetime | None:
        """Return the oldest of the last successful syncs, None before the first one."""
        return min((account.swept_at for account in self.usable if account.swept_at), default=None)

    @property
    def overdue(self) -> list[Account]:
        """Return the usable accounts whose data is out of date."""
        return [account for account in self.usable if self.is_overdue(account)]

    def is_overdue(self, account: Account) -> bool:
        """Return whether this account's data is older than intended.

        The intervals of accounts differ, and the moment of the next sync is known. A failed sync moves that moment without making the
        data newer. An account that was never synced is not overdue; it counts as never checked.
        """
        if account.swept_at is None:
            return False
        tolerance = timedelta(seconds=max(3 * settings.SWEEP_EVERY, 60))
        age = self.at - account.swept_at
        if account.problem or account.fail_count:
            return age > tolerance
        return self.at - account.next_sweep_at > tolerance or age > max(MAX_DATA_AGE, tolerance)

    @property
    def push(self) -> Push:
        """Return whether events arrive: on, waiting for the first one, silent for an account that should get them, or not configured."""
        if not settings.PUSH:
            return "off"
        if any(push_problem(account) for account in self.accounts):
            return "silent"
        subscriptions = [found for account in self.accounts if (found := subscription_of(account))]
        return "on" if any(found.is_healthy(self.at) for found in subscriptions) else "waiting"

    @property
    def push_heard_at(self) -> datetime | None:
        """Return when the last event arrived for any account."""
        return max(
            (account.push_heard_at for account in self.accounts if account.push_heard_at), default=None
        )

    @property
    def ready(self) -> bool:
        """Return whether people can work with it: pages load, tasks are carried out and data is up to date."""
        up_to_date = self.never_checked == 0 and not self.overdue
        return self.database and self.broker and self.worker and self.beat and up_to_date

    @cached_property
    def problems(self) -> list[Problem]:
        """Return what is wrong, the worst first; one entry for each cause, not for each thing that it affects."""
        if not self.broker:
            text = _(
                "Redis cannot be reached, so data is not updated. You can still refresh a room or end a call: both ask Google directly."
            )
            return [Problem("redis", "critical", text)]
        return [*self._of_processes(), *self._of_accounts()]

    def _of_processes(self) -> Iterator[Problem]:
        if not self.worker and not self._worker_is_idle:
            text = _(
                "No worker is running, so data is not updated. You can still refresh a room or end a call: both ask Google directly."
            )
            yield Problem("worker", "critical", text)
        elif not self.beat:
            text = _(
                "The scheduler (beat) is not running, so data is not updated. Start it, unless a second one takes over within 20 seconds."
            )
            yield Problem("beat", "critical", text)
        for process in self.processes:
            if not process.alive and any(
                other.alive for other in self.processes if other.kind == process.kind
            ):
                text = _(
                    "%(kind)s %(pid)s on %(host)s has not reported for %(seconds)s s; other processes have taken over."
                )
                facts = {"pid": process.pid, "host": process.host, "seconds": round(process.age)}
                facts["kind"] = _("Worker") if process.kind == "worker" else _("Scheduler")
                yield Problem("process", "warning", text % facts, staff_only=True)

    def _of_accounts(self) -> Iterator[Problem]:
        yield from self._of_refused_accounts()
        if self.worker and self.beat:  # otherwise it is clear why data is out of date
            yield from self._of_overdue_accounts()
            yield from self._of_push()

    def _of_refused_accounts(self) -> Iterator[Problem]:
        broken = [account for account in self.accounts if account.status == Account.Status.BROKEN]
        if not broken:
            return
        count = len(broken)
        text = ngettext(
            "Google refuses access to one account. The status of its rooms is unknown until an admin fixes the access.",
            "Google refuses access to %(count)s accounts. The status of their rooms is unknown until an admin fixes the access.",
            count,
        )
        same = len({account.problem for account in broken}) == 1
        facts = {
            "names": account_names(broken),
            "since": _since(broken),
            "problem": spoken(broken[0].problem)
            if same
            else _("The reasons differ; “System” shows them with their fixes."),
        }
        named = _("Google has refused access to %(names)s since %(since)s. %(problem)s") % facts
        yield Problem("account_refused", "critical", text % {"count": count}, named, staff_only=True)

    def _of_overdue_accounts(self) -> Iterator[Problem]:
        failing = [account for account in self.overdue if account.problem]
        if failing:
            facts = {
                "names": account_names(failing),
                "since": _since(failing),
                "problem": spoken(failing[0].problem),
            }
            text = _(
                "Google has not answered since %(since)s. Data is out of date; updates resume automatically."
            )
            named = _("Google has not answered for %(names)s since %(since)s. %(problem)s")
            yield Problem("google", "critical", text % facts, named % facts)
        elif self.overdue:
            text = _("Updates from Google are late, so data may be out of date.")
            named = _(
                "Updates from Google are late for %(names)s, so data may be out of date. Check the workers and the queue."
            )
            yield Problem("late", "warning", text, named % {"names": account_names(self.overdue)})

    def _of_push(self) -> Iterator[Problem]:
        if self.push == "silent":
            silent = [account for account in self.accounts if push_problem(account)]
            facts = {"names": account_names(silent), "problem": spoken(push_problem(silent[0], self.at))}
            text = _("Events from Google do not arrive, so changes appear some seconds later.")
            named = _(
                "Events from Google do not arrive for %(names)s, so changes appear some seconds later. %(problem)s"
            )
            yield Problem("push", "warning", text, named % facts, staff_only=True)


def subscription_of(account: Account) -> Subscription | None:
    """Return the account's subscription to events, if there ever was one."""
    found: Subscription | None = getattr(account, "subscription", None)
    return found


def push_problem(account: Account, now: datetime | None = None) -> str:
    """Return why expected events do not arrive; empty when they do, or when none has been missed yet."""
    subscription = subscription_of(account)
    if subscription is None or account.status == Account.Status.BROKEN:
        return ""
    active = subscription.state == Subscription.State.ACTIVE
    if active and not subscription.is_missing_news:
        return ""
    if subscription.state == Subscription.State.NONE and not subscription.problem:
        return ""
    return subscription.words(now or timezone.now())


def account_names(accounts: Iterable[Account]) -> str:
    """Return the names of the first three accounts and how many more there are."""
    names = [account.email for account in accounts]
    text = ", ".join(names[:3])
    more = len(names) - 3
    if more > 0:
        return ngettext("%(names)s and %(count)s more", "%(names)s and %(count)s more", more) % {
            "names": text,
            "count": more,
        }
    return text


def _since(accounts: Iterable[Account]) -> str:
    """Return since when the first of them has its problem, as a time of the day or a date, in the reader's zone."""
    moments = [account.problem_since for account in accounts if account.problem_since]
    if not moments:
        return _("a while ago")
    since, now = timezone.localtime(min(moments)), timezone.localtime()
    return f"{since:%H:%M}" if since.date() == now.date() else day_and_time(since)


MAX_REPORT_AGE = 1.0
"""Seconds for which pages share a report."""
_recent: Health | None = None  # of this process


def recent() -> Health:
    """Return a report that is at most a second old: two hundred pages that refresh after one change need not all query."""
    global _recent  # noqa: PLW0603
    latest = _recent
    if latest is None or not 0 <= (timezone.now() - latest.at).total_seconds() < MAX_REPORT_AGE:
        latest = _recent = report()
    return latest


def report() -> Health:
    """Query everything now: one database query and two round trips to Redis."""
    database = True
    accounts: tuple[Account, ...] = ()
    try:
        connection.ensure_connection()
        with_spaces = Account.objects.filter(pk__in=Space.objects.values("account"))
        accounts = tuple(with_spaces.select_related("subscription").defer("sealed_token"))
    except DatabaseError:
        database = False
    reachable = True
    processes: tuple[heartbeat.Process, ...] = ()
    try:
        processes = heartbeat.processes(broker.link())
    except (RedisError, OSError):
        reachable = False
    return Health(
        at=timezone.now(), database=database, broker=reachable, processes=processes, accounts=accounts
    )
