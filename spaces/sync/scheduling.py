"""Sync all accounts that are due, at the same time, in threads that only talk to Google.

A run goes on while any request is in flight and begins with accounts as they become due. A slow account delays no other: it holds a few
threads until its time is used up. Only one run at a time is active in an installation, so all other worker processes are free for people
and events; a run ends after a while, and early when tasks of people wait for a process. A process that dies leaves nothing half-done
(answers are stored one by one, an older one never over a newer one) and leases that expire within seconds.
"""

import logging
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
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
from spaces.google.errors import GoogleError
from spaces.google.meet import MeetClient
from spaces.meet import Lane
from spaces.models import Account, Space, Subscription, state
from spaces.models.subscriptions import SubscriptionQuerySet
from spaces.sync import account_sync, planning, requests
from spaces.sync.account_sync import AccountSync
from spaces.sync.requests import SyncRequest
from spaces.words import text as _

logger = logging.getLogger(__name__)

THREADS = 16
FOR_FAILING = THREADS // 2
"""How many accounts whose last sync failed have their turn at once: however many do not answer, the others have theirs."""
IN_FLIGHT = 4
"""Requests that one account may have in flight: a slow one leaves threads to the others."""
TURN = 20.0
"""Seconds after which nothing more is asked for an account in this turn; the rest comes first in the next one."""
RUN = 25.0
"""Seconds after which a run begins with no further accounts."""
LEASE = timedelta(seconds=15)
"""How long an account, or the run, stays taken if its process dies. Extended while it lives."""
PROLONG = 4.0
TAKE_UP = 0.5
"""Seconds between two checks of which accounts are due, and of whether tasks wait for this process."""


def run(*, actor: Actor) -> int:
    """Sync all accounts that are due, for about 45 seconds at most. Return how many; 0 when another run is under way.

    Raises no GoogleError: problems are stored on the account.
    """
    access.require(actor, Permission.ACCOUNT_SWEEP)
    lock = broker.lock("sweeps:round", seconds=LEASE.total_seconds())
    # Without Redis the leases of accounts, which lie in the database, are enough for all to go right.
    with suppress(RedisError, OSError):
        if not lock.acquire():
            return 0
    try:
        with ThreadPoolExecutor(THREADS, thread_name_prefix="google") as threads:
            this = SyncRun(threads, lock)
            this.take_up()
            while this.in_flight:
                this.collect()
                if this.is_open:
                    this.take_up()
            return this.done
    finally:
        with suppress(RedisError, OSError):
            lock.release()


def sync(*, account: Account, actor: Actor) -> bool:
    """Sync one account now, due or not. Return False when another process has its lease."""
    access.require(actor, Permission.ACCOUNT_SWEEP)
    now = timezone.now()
    if not account.claim(now=now, until=now + LEASE, due=False):
        return False
    with ThreadPoolExecutor(THREADS, thread_name_prefix="google") as threads:
        this = SyncRun(threads)
        this.begin(account)
        while this.in_flight:
            this.collect()
    return True


def mark_stuck(*, actor: Actor) -> int:
    """Store which calls have become stuck because time has passed, and tell open pages. Return how many."""
    access.require(actor, Permission.ACCOUNT_SWEEP)
    return state.mark_stuck(timezone.now())


class SyncRun:
    """All accounts whose turn is under way, and the requests in flight."""

    def __init__(self, threads: ThreadPoolExecutor, lock: Lock | None = None) -> None:
        self._threads = threads
        self._lock = lock
        self._in_flight: dict[Future[tuple[datetime, Any]], tuple[AccountSync, SyncRequest]] = {}
        self._turns: dict[int, AccountSync] = {}
        self._prolonged = self._taken_up = time.monotonic()
        self._begun = False
        self._until = time.monotonic() + RUN
        self.done = 0

    @property
    def in_flight(self) -> bool:
        """Whether requests are under way."""
        return bool(self._in_flight)

    @property
    def is_open(self) -> bool:
        """Whether further accounts may begin; once False, it stays False."""
        return time.monotonic() < self._until

    @cached_property
    def _totals(self) -> dict[str, int]:
        """Return the numbers of all accounts together."""
        accounts = Account.objects.exclude(spaces=None).distinct()
        numbers = {
            "all_accounts": accounts.count(),
            "all_live": accounts.aggregate(live=Sum("live_calls"))["live"] or 0,
        }
        return numbers | {"all_rooms": Space.objects.in_use().count()}

    def take_up(self) -> None:
        """Begin with accounts that are due, as far as there are threads for them. Does nothing when called again too soon."""
        free = THREADS - len(self._turns)
        moment = time.monotonic()
        if free <= 0 or (self._begun and moment - self._taken_up < TAKE_UP):
            return
        if self._begun and self._others_wait():
            self._until = moment
            return
        self._begun, self._taken_up = True, moment
        now = timezone.now()
        if settings.PUSH:
            # An account whose events have become unreliable is due at once.
            unreliable = Account.objects.filter(counts_on_push=True)
            unreliable = unreliable.exclude(
                pk__in=SubscriptionQuerySet(Subscription).healthy(now).values("account")
            )
            unreliable.update(counts_on_push=False, next_sweep_at=now)
        due = Account.objects.due(now).select_related("subscription")
        well = list(due.filter(fail_count=0)[:free])
        failing = sum(turn.account.fail_count > 0 for turn in self._turns.values())
        more = max(min(free - len(well), FOR_FAILING - failing), 0)
        for account in [*well, *due.filter(fail_count__gt=0)[:more]]:
            if account.claim(now=now, until=now + LEASE):
                self.begin(account)

    def begin(self, account: Account) -> None:
        """Plan this account's turn and send the first request."""
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
        plan = planning.plan(load, account_sync.pace())
        turn = AccountSync(account, load, plan, began_at=now, until=time.monotonic() + TURN)
        self._turns[account.pk] = turn
        with self._isolate_failures(turn):
            self._ask_what_is_running(turn, subscription, before)

    def _ask_what_is_running(
        self, turn: AccountSync, subscription: Subscription | None, before: datetime
    ) -> None:
        account = turn.account
        if turn.plan.way == "links":
            # Former links of rooms, too, until the call in them is over.
            own = Space.objects.filter(Q(retired_at=None) | ~Q(conference=None), account=account, owned=True)
            few = list(own.select_related("conference"))
            turn.todo.extend(
                requests.link(space, vital=True, stale=space.checked_at is None or space.checked_at < before)
                for space in few
            )
            turn.vital = len(few)
        else:
            events_since = subscription.tells_since if subscription else None
            turn.todo.append(requests.running_calls(account, events_since=events_since))
        self._go_on(turn)

    def collect(self) -> None:
        """Wait for an answer, store all that have arrived, and send what follows from them."""
        self._prolong()
        arrived, __ = wait(self._in_flight, timeout=0.25, return_when=FIRST_COMPLETED)
        for future in arrived:
            self._prolong()
            turn, request = self._in_flight.pop(future)
            turn.in_flight -= 1
            with self._isolate_failures(turn):
                asked_at, answer = future.result()
                turn.apply(request, answer, asked_at)
                self._go_on(turn)

    @contextmanager
    def _isolate_failures(self, turn: AccountSync) -> Iterator[None]:
        """Store an unexpected error at its account and end its turn, so that the other accounts go on."""
        try:
            yield
        except DatabaseError:
            raise  # nothing can be stored; leases expire by themselves
        except Exception:
            logger.exception("sync of %s", turn.account.email)
            sentence = _("Something unexpected came up while Google was asked; the log has the details.")
            turn.stop(GoogleError(sentence), "watch" if turn.vital else "history")
            if not turn.in_flight:
                self._finish(turn)

    def _go_on(self, turn: AccountSync) -> None:
        in_time = time.monotonic() < turn.until
        if not turn.todo and not turn.in_flight and not turn.slow_queued and not turn.trouble and in_time:
            turn.queue_slow()
        while turn.todo and turn.in_flight < IN_FLIGHT and in_time:
            request = turn.todo.popleft()
            future = self._threads.submit(_ask, turn.account, request.ask)
            self._in_flight[future] = turn, request
            turn.in_flight += 1
        if not turn.in_flight:
            self._finish(turn)

    def _finish(self, turn: AccountSync) -> None:
        del self._turns[turn.account.pk]
        self.done += 1
        turn.finish()

    def _others_wait(self) -> bool:
        """Return whether tasks of people wait for a process: then only this one can become free."""
        try:
            return bool(broker.link().llen(broker.ORDERS))
        except (RedisError, OSError):
            return False

    def _prolong(self) -> None:
        """Extend the leases every few seconds, also between two answers: on a slow disk, storing many of them takes longer than a lease."""
        if time.monotonic() - self._prolonged < PROLONG:
            return
        self._prolonged = time.monotonic()
        Account.objects.filter(pk__in=list(self._turns)).update(lease_until=timezone.now() + LEASE)
        with suppress(RedisError, OSError):
            if self._lock and not broker.renew(self._lock):
                # This process stood still for so long that another run began: only finish what is in flight.
                self._until = self._prolonged


def _ask(account: Account, ask: Callable[[MeetClient], Any]) -> tuple[datetime, Any]:
    """In a thread: return the moment before the request, and the answer or the GoogleError. Does not use the database."""
    asked_at = timezone.now()
    try:
        with meet.client(account, lane=Lane.BACKGROUND) as client:
            return asked_at, ask(client)
    except GoogleError as error:
        return asked_at, error
