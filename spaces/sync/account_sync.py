"""One account's turn of a sync: what is still to be asked, how Google answered, and what that means for the account."""

import logging
import random
from collections import deque
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone

from spaces.google.errors import GoogleError, OverQuota, TryLater
from spaces.models import Account, Conference, Space
from spaces.models.accounts import RequestKind
from spaces.models.spaces import Liveness
from spaces.sync import planning, requests
from spaces.sync.apply.conferences import apply_unchanged_counts
from spaces.sync.clients import HIDDEN, record_failure
from spaces.sync.requests import SyncRequest
from spaces.words import text as _

logger = logging.getLogger(__name__)

OLDEST = 60.0
"""Seconds: by polling alone, no room's state is to be older than this."""
MOST_OF_AN_ACCOUNT = 0.5
"""The share of one account's own quota that its sync may use."""


@dataclass
class AccountSync:
    """One account's turn. `vital`: open requests whose answers show which calls are running; `spare`: readings left for listing the
    participants of calls whose number has changed; `answered`: the kinds of requests that Google answered; `in_flight`: how many requests
    are under way. `until`: the monotonic time at which nothing more is asked."""

    account: Account
    load: planning.Load
    plan: planning.Plan
    began_at: datetime
    until: float
    todo: deque[SyncRequest] = field(default_factory=deque)
    in_flight: int = 0
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
    def succeeded_kinds(self) -> set[RequestKind]:
        """The kinds of requests that Google answered each time."""
        return self.answered - {self.trouble_kind} if self.trouble or self.vital else self.answered

    def note_same(self, call: Conference, asked_at: datetime) -> None:
        """Remember that nothing has changed in this call; stored for all such calls together at the end."""
        self.same.append(call)
        self.same_at = min(self.same_at or asked_at, asked_at)

    def apply(self, request: SyncRequest, answer: Any, asked_at: datetime) -> None:
        """Store the answer to a request, and queue the requests that follow from it. A GoogleError ends the turn, unless Google hides one
        object only."""
        if isinstance(answer, HIDDEN) and request.hidden:
            request.hidden(answer, asked_at)
        elif isinstance(answer, GoogleError):
            self.stop(answer, request.kind)
            return
        else:
            self.answered.add(request.kind)
            for further in request.apply(answer, asked_at) or ():
                if self.spare:
                    self.spare -= 1
                elif self.todo:
                    self.todo.pop()  # the call that was counted last; it comes sooner next time
                self.todo.appendleft(further)
        if request.vital:
            self.vital -= 1
            if not self.vital:
                self._queue_counts()

    def _queue_counts(self) -> None:
        """Queue the requests for participants, as soon as it is known which calls are running."""
        live = Space.objects.filter(account=self.account, liveness=Liveness.ACTIVE).count()
        self.load = replace(self.load, live=live)
        self.plan = planning.plan(self.load, pace())
        calls = requests.calls_to_count(self.account, self.plan.heads)
        self.spare = self.plan.heads - len(calls)
        within = timedelta(seconds=self.plan.every)
        self.todo.extend(requests.participants(call, within=within, same=self.note_same) for call in calls)

    def queue_slow(self) -> None:
        """Queue the requests that can wait, once per turn."""
        self.slow_queued = True
        self.todo.extend(requests.slow(self.account, self.plan.slow))

    def finish(self) -> None:
        """Store how the turn went, and give it back with the time of the next one."""
        if self.same and self.same_at:
            apply_unchanged_counts(self.same, counted_at=self.same_at)
        if self.vital:
            self._failed()
        else:
            self._succeeded()

    def _succeeded(self) -> None:
        account, trouble = self.account, self.trouble
        pause = self.plan.every * random.uniform(0.95, 1.05)  # noqa: S311 - spreads those that began together
        account.record_success(*self.succeeded_kinds)
        # Over quota while counting: what runs is known, and that was the point.
        if trouble and not isinstance(trouble, OverQuota):
            record_failure(account, self.trouble_kind, trouble)
        if isinstance(trouble, TryLater):
            logger.info("sync of %s stopped early: %s", account.email, trouble.detail)
            pause = max(pause, trouble.retry_after or 0)
        account.release(
            next_sweep_at=max(self.began_at + timedelta(seconds=pause), timezone.now()),
            swept_at=self.began_at,
            live_calls=self.load.live,
            plan=self.plan.why,
            counts_on_push=self.load.push,
            fail_count=0,
            open_until=None,
        )

    def _failed(self) -> None:
        account, trouble = self.account, self.trouble
        if trouble is None:
            trouble = TryLater(_("Google answered too slowly for all of this account's links to be read."))
        account.record_success(*self.succeeded_kinds)
        record_failure(account, self.trouble_kind, trouble)
        retry_after = trouble.retry_after or 0.0 if isinstance(trouble, TryLater) else 0.0
        now = timezone.now()
        if isinstance(trouble, OverQuota):
            # Nothing is wrong with the account; the bucket says when there is room again.
            pause = max(retry_after, 1.0) + random.uniform(0, self.plan.every / 4)  # noqa: S311 - as above
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


def pace() -> planning.Pace:
    """Return what the settings ask for."""
    return planning.Pace(
        every=float(settings.SWEEP_EVERY),
        with_push=float(settings.SWEEP_WITH_PUSH),
        oldest=OLDEST,
        budget=settings.QUOTA.read_project * settings.POLL_SHARE,
        account_budget=settings.QUOTA.read_account * MOST_OF_AN_ACCOUNT,
    )
