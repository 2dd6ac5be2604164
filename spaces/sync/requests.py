"""What a sync asks Google. The request runs in a thread that only talks to Google; its answer is stored afterwards (`sync.apply`), in
short transactions of the thread that waits for all of them."""

import logging
import math
import random
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import F
from django.utils import timezone

from spaces.google import resources
from spaces.google.errors import AccessRefused, GoogleError, NotFound, Refused
from spaces.google.meet import RECORDS_PER_PAGE, MeetClient
from spaces.models import Account, Conference, Participant, Space
from spaces.models.accounts import RequestKind
from spaces.models.spaces import Liveness
from spaces.sync.apply.conferences import (
    apply_ended_calls,
    apply_recordings,
    finalise,
    finalise_hidden,
    mark_recordings_hidden,
)
from spaces.sync.apply.spaces import (
    apply_access,
    apply_conference,
    apply_google_state,
    apply_members,
    apply_running_calls,
    mark_unavailable,
)
from spaces.sync.clients import HIDDEN
from spaces.sync.participants import parts, recordings_due, store_participants

logger = logging.getLogger(__name__)

LIST_AGAIN = timedelta(minutes=10)
"""Participants are listed again after this time even if their number is the same: one may have come as another left."""
FORGOTTEN = timedelta(days=29)
"""Google deletes a call 30 days after its end; nothing is requested one day before."""
HARVEST_EVERY = timedelta(minutes=10)
HARVEST_AT_ONCE = timedelta(hours=2)
"""The span of the past that one request covers: a list that does not end within some pages would be abandoned."""
OVERLAP = timedelta(minutes=5)
"""The span that is read again: Google may list the end of a call late."""
FINALISE_AFTER = timedelta(minutes=1)
ASK_AGAIN_FOR = timedelta(hours=1)
"""For this time after the end of a call, a refusal to show its participants counts as temporary."""
DOUBTS_AT_ONCE = 3
"""How many doubtful links of an account are read again in one turn, whatever else is due."""


@dataclass(frozen=True, slots=True)
class SyncRequest:
    """One request of a `kind`. `apply` stores the answer and may return further requests. `hidden` is called when Google hides this one
    object; without it that is a problem of the whole account. `vital`: without its answer it is not known which calls are running."""

    kind: RequestKind
    ask: Callable[[MeetClient], Any]
    apply: Callable[[Any, datetime], "Iterable[SyncRequest] | None"]
    hidden: Callable[[GoogleError, datetime], None] | None = None
    vital: bool = False


# Running calls


def running_calls(account: Account, *, events_since: datetime | None) -> SyncRequest:
    """Return the request for all running calls of the account. `events_since`: an event was due for each call that began later."""

    def apply(running: list[resources.ConferenceRecord], asked_at: datetime) -> list[SyncRequest]:
        apply_running_calls(account, running, asked_at=asked_at, events_since=events_since)
        freed = apply_access(account, [record.space for record in running], seen_at=asked_at)
        doubtful = Space.objects.in_use().filter(account=account).doubtful(timezone.now())
        again = [*freed, *doubtful.select_related("conference")[:DOUBTS_AT_ONCE]]
        return [link(space, vital=False) for space in again]

    return SyncRequest("watch", lambda client: client.running_conferences(), apply, vital=True)


@dataclass(frozen=True, slots=True)
class _LinkAnswer:
    """What was read about one link."""

    space: resources.Space
    call: resources.ConferenceRecord | None
    members: list[resources.Member] | None


def link(space: Space, *, vital: bool, stale: bool = True) -> SyncRequest:
    """Return the request for one link: code, settings, the running call and its start; with `stale` also its members."""
    known = space.conference.record if space.conference and space.conference.started_at else None

    def ask(client: MeetClient) -> _LinkAnswer:
        seen = client.get_space(space.name)
        call: resources.ConferenceRecord | None = None
        members: list[resources.Member] | None = None
        if seen.active_record and seen.active_record != known:
            with _if_shown():
                call = client.conference(seen.active_record)
        if stale and seen.asked_by_owner:
            if space.origin == Space.Origin.FOREIGN:
                members = []  # Google keeps the members of spaces made elsewhere to itself
            with _if_shown():
                members = client.members(space.name)
        return _LinkAnswer(seen, call, members)

    def apply(answer: _LinkAnswer, asked_at: datetime) -> None:
        apply_google_state(space, answer.space, seen_at=asked_at)
        if answer.call and answer.call.ended_at is None:
            apply_conference(space, answer.call.name, seen_at=asked_at, started_at=answer.call.started_at)
        if answer.members is not None:
            apply_members(space, answer.members)

    def hidden(error: GoogleError, asked_at: datetime) -> None:
        mark_unavailable(space, error, seen_at=asked_at)

    return SyncRequest("watch" if vital else "link", ask, apply, hidden, vital=vital)


@contextmanager
def _if_shown() -> Iterator[None]:
    """Ignore that Google hides a part of a link: the rest of the answer counts all the same."""
    try:
        yield
    except (*HIDDEN, AccessRefused) as refusal:
        logger.info("a part of a link is not shown: %s: %s", refusal.code, refusal.detail)


# Participants


def participants(
    call: Conference,
    *,
    within: timedelta,
    same: Callable[[Conference, datetime], None],
) -> SyncRequest:
    """Return the request for the participants of a call; `same` is called when nothing has changed.

    Only the number is requested where it is likely to be as before; the list is requested when the number has changed, when it was
    read long ago, and before the call would become stuck `within` this time.
    """
    now = timezone.now()
    listed = call.listed_at
    by_name = (
        listed is None
        or listed < now - LIST_AGAIN
        or (call.stuck_at is not None and call.stuck_at <= now + within and listed < call.stuck_at - within)
    )
    if by_name:
        return _list_participants(call)

    def apply(number: int, asked_at: datetime) -> Iterable[SyncRequest]:
        if number != call.heads:
            return [_list_participants(call)]
        same(call, asked_at)
        return []

    return SyncRequest("people", lambda client: client.head_count(call.record), apply, _ignore)


def _list_participants(call: Conference) -> SyncRequest:
    def apply(everybody: list[resources.Participant], asked_at: datetime) -> Iterable[SyncRequest]:
        present = [one for one in store_participants(call, everybody, asked_at) if one.left_at is None]
        people = any(one.kind in {Participant.Kind.PERSON, Participant.Kind.GUEST} for one in present)
        return [_recordings(call)] if recordings_due(call, asked_at, people=people) else []

    return SyncRequest(
        "people", lambda client: client.participants(call.record, present_only=False), apply, _ignore
    )


def _recordings(call: Conference) -> SyncRequest:
    """Return the request for the recordings of a call."""

    def apply(found: list[resources.Recording], asked_at: datetime) -> None:
        apply_recordings(call, found, read_at=asked_at)

    def hidden(_: GoogleError, asked_at: datetime) -> None:
        mark_recordings_hidden(call, read_at=asked_at)

    return SyncRequest("people", lambda client: client.recordings(call.record), apply, hidden)


def _ignore(*_: object) -> None:
    """Ignore that Google hides one call: the others are counted all the same."""


# What can wait


def slow(account: Account, readings: float) -> list[SyncRequest]:
    """Return requests that can wait, that need this number of readings on average: for ended calls, for their final participants, and for
    the settings that were read longest ago."""
    now = timezone.now()
    over = Conference.objects.filter(
        space__account=account, settled_at=None, ended_at__range=(now - FORGOTTEN, now - FINALISE_AFTER)
    )
    before = now - timedelta(seconds=settings.RECONCILE_AFTER)
    stale = Space.objects.in_use().filter(account=account).stale(before).select_related("conference")
    seen_to = account.harvested_to or now - FORGOTTEN
    unseen = seen_to < now - HARVEST_EVERY
    kinds = unseen + over.exists() + stale.exists()
    if not kinds:
        return []
    share = readings / kinds
    # The latest first: after a long time away there may be more than can be read before Google forgets the first ones.
    ended = over.select_related("space").order_by("-ended_at")[: _about(share)]
    reading = stale[: _about(share / 2)]  # two readings each
    harvesting = [_harvest(account, seen_to, share)] if unseen and _about(min(share, 1)) else []
    return harvesting + [_finalise(call) for call in ended] + [link(space, vital=False) for space in reading]


def _about(number: float) -> int:
    """Return a whole number that is this on average, so that accounts with a small share make progress, too."""
    return math.floor(number + random.random())  # noqa: S311 - no secret


def _harvest(account: Account, seen_to: datetime, readings: float) -> SyncRequest:
    """Return the request for ended calls, from `seen_to` on and as far as the readings go."""
    now = timezone.now()
    since = max(seen_to - OVERLAP, now - FORGOTTEN)
    until = min(since + HARVEST_AT_ONCE, now)

    def ask(client: MeetClient) -> list[resources.ConferenceRecord]:
        try:
            return client.ended_conferences(since, until)
        except Refused:
            # The end is among the fields that can be asked for, but Google's examples compare only the beginning.
            return client.begun_conferences(since - timedelta(days=1), until)

    def apply(found: list[resources.ConferenceRecord], _: datetime) -> list[SyncRequest]:
        apply_ended_calls(account, found, until=until)
        left = readings - max(1, math.ceil(len(found) / RECORDS_PER_PAGE))
        return [_harvest(account, until, left)] if left >= 1 and until < now - HARVEST_EVERY else []

    return SyncRequest("history", ask, apply)


def _finalise(call: Conference) -> SyncRequest:
    """Return the request for the participants of a call that is over."""

    def apply(everybody: list[resources.Participant], asked_at: datetime) -> None:
        finalise(call, parts(call.space, everybody, seen_at=asked_at), settled_at=asked_at)

    def hidden(refusal: GoogleError, asked_at: datetime) -> None:
        soon = call.ended_at is not None and call.ended_at > asked_at - ASK_AGAIN_FOR
        if isinstance(refusal, NotFound) or not soon:
            finalise_hidden(call, settled_at=asked_at)

    return SyncRequest(
        "history", lambda client: client.participants(call.record, present_only=False), apply, hidden
    )


def calls_to_count(account: Account, readings: int) -> list[Conference]:
    """Return running calls, those counted longest ago first."""
    running = Conference.objects.filter(running_in__account=account, running_in__liveness=Liveness.ACTIVE)
    running = running.select_related("space__room", "space__account")
    return list(running.order_by(F("counted_at").asc(nulls_first=True))[:readings])
