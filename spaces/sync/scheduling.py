"""Looking after accounts: all whose turn it is at once, in threads that only talk to Google.

A round goes on while anything is on its way and takes up accounts as their turn comes, so that a slow one delays nobody: it
holds a few threads until it has used up its time. Only one round runs at a time in an installation, hence every other
worker process is free for people and events; a round gives its process back after a while, and as soon as may be when anything
waits for one all the same. Who dies in the middle leaves nothing half-done (answers are stored one by one, the older never over
the newer) and a lease that ends within seconds.
"""

import logging
import random
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from django.conf import settings
from django.db import DatabaseError
from django.db.models import Count, Q, Sum
from django.utils import timezone
from redis.exceptions import RedisError
from redis.lock import Lock

from spaces import access, broker, meet
from spaces.access import Actor, Permission
from spaces.google.errors import GoogleError, OverQuota, TryLater
from spaces.google.meet import MeetClient
from spaces.meet import Lane
from spaces.models import Account, Conference, Space, Subscription, state
from spaces.models.accounts import RequestKind
from spaces.models.spaces import Liveness
from spaces.models.subscriptions import SubscriptionQuerySet
from spaces.sync import planning, requests
from spaces.sync.clients import HIDDEN, record_failure
from spaces.sync.requests import Errand
from spaces.words import text as _

logger = logging.getLogger(__name__)

OLDEST = 60.0
"""Seconds: no room's state is to be older by polling alone."""
THREADS = 16
FOR_FAILING = THREADS // 2
"""Accounts whose last look failed may be looked at so many at once: however many do not answer, the others have their turn."""
AT_ONCE = 4
"""Calls to Google that one account may have on their way: a slow one leaves threads to the others."""
VISIT = 20.0
"""Seconds after which an account asks nothing more in this turn; what is left comes first in the next one."""
ROUND = 25.0
"""Seconds after which a round takes up no further accounts."""
LEASE = timedelta(seconds=15)
"""For so long an account, or the round, is taken if its process dies. Prolonged while it lives."""
PROLONG = 4.0
TAKE_UP = 0.5
"""Seconds between two looks at whose turn it is, and at who waits for our process."""
MOST_OF_AN_ACCOUNT = 0.5
"""The share of one account's own quota that looking after it may use."""


def run(*, actor: Actor) -> int:
    """Sweep all accounts whose turn it is, for at most some 45 seconds; returns how many. None when another round is on its way.

    Raises nothing of Google's: what goes wrong is stored on the account in words.
    """
    access.require(actor, Permission.ACCOUNT_SWEEP)
    lock = broker.lock("sweeps:round", seconds=LEASE.total_seconds())
    # Without Redis the leases of accounts, which lie in the database, are enough for all to go right.
    with suppress(RedisError, OSError):
        if not lock.acquire():
            return 0
    try:
        with ThreadPoolExecutor(THREADS, thread_name_prefix="google") as threads:
            this = _Round(threads, lock)
            this.take_up()
            while this.on_its_way:
                this.collect()
                if this.is_open:
                    this.take_up()
            return this.done
    finally:
        with suppress(RedisError, OSError):
            lock.release()


def sweep(*, account: Account, actor: Actor) -> bool:
    """Look at one account now, whether its turn has come or not. Returns False when somebody else is at it."""
    access.require(actor, Permission.ACCOUNT_SWEEP)
    now = timezone.now()
    if not account.claim(now=now, until=now + LEASE, due=False):
        return False
    with ThreadPoolExecutor(THREADS, thread_name_prefix="google") as threads:
        this = _Round(threads)
        this.begin(account)
        while this.on_its_way:
            this.collect()
    return True


def mark_stuck(*, actor: Actor) -> int:
    """Store which calls have become stuck because time has passed, and tell open pages. Return how many."""
    access.require(actor, Permission.ACCOUNT_SWEEP)
    return state.mark_stuck(timezone.now())


@dataclass
class _Visit:
    """One account's turn. `vital`: questions still open whose answers tell what is on; `spare`: readings left over for who is in a
    call whose number has changed; `answered`: the kinds of requests that Google answered."""

    account: Account
    load: planning.Load
    plan: planning.Plan
    began_at: datetime
    until: float
    todo: deque[Errand] = field(default_factory=deque)
    on_its_way: int = 0
    vital: int = 1
    spare: int = 0
    slow_queued: bool = False
    trouble: GoogleError | None = None
    trouble_kind: RequestKind = "watch"
    answered: set[RequestKind] = field(default_factory=set)
    same: list[Conference] = field(default_factory=list)
    same_at: datetime | None = None

    def stop(self, trouble: GoogleError, kind: RequestKind) -> None:
        """Ask nothing more in this turn, and remember why."""
        self.todo.clear()
        self.trouble, self.trouble_kind = trouble, kind

    @property
    def well(self) -> set[RequestKind]:
        """The kinds of requests that Google answered each time."""
        return self.answered - {self.trouble_kind} if self.trouble or self.vital else self.answered

    def note_same(self, call: Conference, asked_at: datetime) -> None:
        """Nothing has changed in this call; stored for all of them together at the end."""
        self.same.append(call)
        self.same_at = min(self.same_at or asked_at, asked_at)


class _Round:
    """What is on its way for whom."""

    def __init__(self, threads: ThreadPoolExecutor, lock: Lock | None = None) -> None:
        self._threads = threads
        self._lock = lock
        self._flying: dict[Future[tuple[datetime, Any]], tuple[_Visit, Errand]] = {}
        self._visits: dict[int, _Visit] = {}
        self._prolonged = self._taken_up = time.monotonic()
        self._begun = False
        self._until = time.monotonic() + ROUND
        self.done = 0

    @property
    def on_its_way(self) -> bool:
        """Whether anything is still to come."""
        return bool(self._flying)

    @property
    def is_open(self) -> bool:
        """Whether further accounts may be taken up; once it is not it stays so."""
        return time.monotonic() < self._until

    @cached_property
    def _totals(self) -> dict[str, int]:
        """What all accounts together have to have looked at."""
        accounts = Account.objects.exclude(spaces=None).distinct()
        numbers = {
            "all_accounts": accounts.count(),
            "all_live": accounts.aggregate(live=Sum("live_calls"))["live"] or 0,
        }
        return numbers | {"all_rooms": Space.objects.in_use().count()}

    def take_up(self) -> None:
        """Begin with accounts whose turn it is, as far as there are threads for them. Asked again too soon it does nothing."""
        free = THREADS - len(self._visits)
        moment = time.monotonic()
        if free <= 0 or (self._begun and moment - self._taken_up < TAKE_UP):
            return
        if self._begun and self._others_wait():
            self._until = moment
            return
        self._begun, self._taken_up = True, moment
        now = timezone.now()
        if settings.PUSH:
            # Whose events have become unreliable since they were looked at is not left alone until then.
            deaf = Account.objects.filter(counts_on_push=True)
            deaf = deaf.exclude(pk__in=SubscriptionQuerySet(Subscription).healthy(now).values("account"))
            deaf.update(counts_on_push=False, next_sweep_at=now)
        due = Account.objects.due(now).select_related("subscription")
        well = list(due.filter(fail_count=0)[:free])
        failing = sum(visit.account.fail_count > 0 for visit in self._visits.values())
        more = max(min(free - len(well), FOR_FAILING - failing), 0)
        for account in [*well, *due.filter(fail_count__gt=0)[:more]]:
            if account.claim(now=now, until=now + LEASE):
                self.begin(account)

    def begin(self, account: Account) -> None:
        """Plan this account's turn and ask the first question."""
        now = timezone.now()
        subscription = getattr(account, "subscription", None)
        push = bool(subscription and subscription.is_healthy(now))
        before = now - timedelta(seconds=settings.RECONCILE_AFTER)
        own = Space.objects.in_use().filter(account=account, owned=True)
        numbers = own.aggregate(
            rooms=Count("pk"),
            stale=Count("pk", filter=Q(checked_at=None) | Q(checked_at__lt=before)),
        )
        load = planning.Load(live=account.live_calls, push=push, **numbers, **self._totals)
        plan = planning.plan(load, _pace())
        visit = _Visit(account, load, plan, began_at=now, until=time.monotonic() + VISIT)
        self._visits[account.pk] = visit
        with self._unsurprised(visit):
            self._ask_what_is_on(visit, subscription, before)

    def _ask_what_is_on(self, visit: _Visit, subscription: Subscription | None, before: datetime) -> None:
        account = visit.account
        if visit.plan.way == "links":
            # Also a link that its room has no more, until the call is over in which people still are.
            own = Space.objects.filter(Q(retired_at=None) | ~Q(conference=None), account=account, owned=True)
            few = list(own.select_related("conference"))
            visit.todo.extend(
                requests.link(space, vital=True, stale=space.checked_at is None or space.checked_at < before)
                for space in few
            )
            visit.vital = len(few)
        else:
            told_since = subscription.tells_since if subscription else None
            visit.todo.append(requests.running_calls(account, told_since=told_since))
        self._go_on(visit)

    def collect(self) -> None:
        """Wait for an answer, take in all that have come, and ask what follows from them."""
        self._prolong()
        come, __ = wait(self._flying, timeout=0.25, return_when=FIRST_COMPLETED)
        for future in come:
            self._prolong()
            visit, errand = self._flying.pop(future)
            visit.on_its_way -= 1
            with self._unsurprised(visit):
                asked_at, answer = future.result()
                self._take(visit, errand, answer, asked_at)
                self._go_on(visit)

    @contextmanager
    def _unsurprised(self, visit: _Visit) -> Iterator[None]:
        """What nobody thought of in one account (an answer, a row) is noted there, costs its turn, and is not the others' trouble."""
        try:
            yield
        except DatabaseError:
            raise  # nothing can be noted; leases end by themselves
        except Exception:
            logger.exception("sweeping %s", visit.account.email)
            surprise = _("Something unexpected came up while Google was asked; the log has the details.")
            visit.stop(GoogleError(surprise), "watch" if visit.vital else "history")
            if not visit.on_its_way:
                self._finish(visit)

    def _take(self, visit: _Visit, errand: Errand, answer: Any, asked_at: datetime) -> None:
        if isinstance(answer, HIDDEN) and errand.hidden:
            errand.hidden(answer, asked_at)
        elif isinstance(answer, GoogleError):
            visit.stop(answer, errand.kind)
            return
        else:
            visit.answered.add(errand.kind)
            for further in errand.take(answer, asked_at) or ():
                if visit.spare:
                    visit.spare -= 1
                elif visit.todo:
                    visit.todo.pop()  # the call that was counted last; it comes sooner next time
                visit.todo.appendleft(further)
        if errand.vital:
            visit.vital -= 1
            if not visit.vital:
                self._count(visit)

    def _count(self, visit: _Visit) -> None:
        """It is known what is on: ask who is in."""
        live = Space.objects.filter(account=visit.account, liveness=Liveness.ACTIVE).count()
        visit.load = replace(visit.load, live=live)
        visit.plan = planning.plan(visit.load, _pace())
        calls = requests.calls_to_count(visit.account, visit.plan.heads)
        visit.spare = visit.plan.heads - len(calls)
        within = timedelta(seconds=visit.plan.every)
        visit.todo.extend(requests.heads(call, within=within, same=visit.note_same) for call in calls)

    def _go_on(self, visit: _Visit) -> None:
        in_time = time.monotonic() < visit.until
        if (
            not visit.todo
            and not visit.on_its_way
            and not visit.slow_queued
            and not visit.trouble
            and in_time
        ):
            visit.slow_queued = True
            visit.todo.extend(requests.slow(visit.account, visit.plan.slow))
        while visit.todo and visit.on_its_way < AT_ONCE and in_time:
            errand = visit.todo.popleft()
            future = self._threads.submit(_ask, visit.account, errand.ask)
            self._flying[future] = visit, errand
            visit.on_its_way += 1
        if not visit.on_its_way:
            self._finish(visit)

    def _finish(self, visit: _Visit) -> None:
        del self._visits[visit.account.pk]
        self.done += 1
        if visit.same and visit.same_at:
            Conference.unchanged(visit.same, counted_at=visit.same_at)
        if visit.vital:
            self._failed(visit)
        else:
            self._succeeded(visit)

    def _succeeded(self, visit: _Visit) -> None:
        account, trouble = visit.account, visit.trouble
        pause = visit.plan.every * random.uniform(0.95, 1.05)  # noqa: S311 - spreads those that began together
        account.record_success(*visit.well)
        # Over quota while counting: what runs is known, and that was the point.
        if trouble and not isinstance(trouble, OverQuota):
            record_failure(account, visit.trouble_kind, trouble)
        if isinstance(trouble, TryLater):
            logger.info("sweep of %s stopped early: %s", account.email, trouble.detail)
            pause = max(pause, trouble.retry_after or 0)
        account.release(
            next_sweep_at=max(visit.began_at + timedelta(seconds=pause), timezone.now()),
            swept_at=visit.began_at,
            live_calls=visit.load.live,
            plan=visit.plan.why,
            counts_on_push=visit.load.push,
            fail_count=0,
            open_until=None,
        )

    def _failed(self, visit: _Visit) -> None:
        account, trouble = visit.account, visit.trouble
        if trouble is None:
            trouble = TryLater(_("Google answered too slowly for all of this account's links to be read."))
        account.record_success(*visit.well)
        record_failure(account, visit.trouble_kind, trouble)
        retry_after = trouble.retry_after or 0.0 if isinstance(trouble, TryLater) else 0.0
        now = timezone.now()
        if isinstance(trouble, OverQuota):
            # Nothing is wrong with the account; the bucket says when there is room again.
            pause = max(retry_after, 1.0) + random.uniform(0, visit.plan.every / 4)  # noqa: S311 - as above
            account.release(next_sweep_at=now + timedelta(seconds=pause))
            return
        failures = account.fail_count + 1
        pause = planning.pause_after(
            failures, every=settings.SWEEP_EVERY, for_good=trouble.effect == "account_broken"
        )
        # At most, with a tick and the look itself on top, two turns from the end of an outage until all is known again.
        pause *= random.uniform(0.7, 0.9)  # noqa: S311 - as above
        until = now + timedelta(seconds=max(pause, retry_after))
        account.release(next_sweep_at=until, fail_count=failures, open_until=until)

    def _others_wait(self) -> bool:
        """Whether tasks that are no ticks wait for a process: then none but ours can be free."""
        try:
            return bool(broker.link().llen(broker.ORDERS))
        except (RedisError, OSError):
            return False

    def _prolong(self) -> None:
        """Every few seconds, also between two answers: storing many of them takes longer than a lease on a slow disk."""
        if time.monotonic() - self._prolonged < PROLONG:
            return
        self._prolonged = time.monotonic()
        Account.objects.filter(pk__in=list(self._visits)).update(lease_until=timezone.now() + LEASE)
        with suppress(RedisError, OSError):
            if self._lock and not broker.renew(self._lock):
                # We stood still for so long that another round began: only what is on its way is brought to its end.
                self._until = self._prolonged


def _ask(account: Account, ask: Callable[[MeetClient], Any]) -> tuple[datetime, Any]:
    """In a thread: the moment before asking, and the answer or the GoogleError. Knows no database."""
    asked_at = timezone.now()
    try:
        with meet.client(account, lane=Lane.BACKGROUND) as client:
            return asked_at, ask(client)
    except GoogleError as error:
        return asked_at, error


def _pace() -> planning.Pace:
    return planning.Pace(
        every=float(settings.SWEEP_EVERY),
        with_push=float(settings.SWEEP_WITH_PUSH),
        oldest=OLDEST,
        budget=settings.QUOTA.read_project * settings.POLL_SHARE,
        account_budget=settings.QUOTA.read_account * MOST_OF_AN_ACCOUNT,
    )
