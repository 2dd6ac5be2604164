"""What a sweep asks Google, and how each answer is taken in. An errand's question runs in a thread that only talks to Google; its
answer is stored afterwards, in short transactions of the thread that waits for all of them."""

import logging
import math
import random
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import F, Q
from django.utils import timezone

from spaces import live
from spaces.google import resources
from spaces.google.errors import AccessRefused, GoogleError, NotFound, Refused
from spaces.google.meet import RECORDS_PER_PAGE, MeetClient
from spaces.models import Account, Conference, Member, Participant, Space
from spaces.models.accounts import RequestKind
from spaces.models.spaces import Liveness
from spaces.sync.clients import HIDDEN
from spaces.sync.participants import parts, recordings_due, recordings_hidden, take_participants

logger = logging.getLogger(__name__)

LIST_AGAIN = timedelta(minutes=10)
"""After so long it is read anew who is in a call even if the number is the same: one may have come as another went."""
PUSH_GRACE = timedelta(minutes=1)
"""A call that polling finds later than this after its beginning should have been told of by an event."""
FORGOTTEN = timedelta(days=29)
"""Google forgets a call 30 days after its end; one day earlier nobody asks any more."""
HARVEST_EVERY = timedelta(minutes=10)
HARVEST_AT_ONCE = timedelta(hours=2)
"""So much of the past one harvest looks at: a list that does not end within some pages would be given up."""
OVERLAP = timedelta(minutes=5)
"""So much of what was harvested is looked at again: Google may list the end of a call late."""
SETTLE_AFTER = timedelta(minutes=1)
ASK_AGAIN_FOR = timedelta(hours=1)
"""For so long after its end a refusal to show who was in a call is taken for a passing one."""
DOUBTS_AT_ONCE = 3
"""So many doubtful links of an account are read again in one turn, whatever else is due."""


@dataclass(frozen=True, slots=True)
class Errand:
    """One question of a `kind`, and what is done about its answer: `take` stores it and may have further questions. `hidden` is told when
    Google shows this one thing not to us; without it that is trouble of the whole account. `vital`: it must be answered for us to
    know what is on."""

    kind: RequestKind
    ask: Callable[[MeetClient], Any]
    take: Callable[[Any, datetime], "Iterable[Errand] | None"]
    hidden: Callable[[GoogleError, datetime], None] | None = None
    vital: bool = False


# What is on


def running_calls(account: Account, *, told_since: datetime | None) -> Errand:
    """One list for all links of the account. `told_since`: events ought to have come of all calls that began later."""

    def take(running: list[resources.ConferenceRecord], asked_at: datetime) -> list[Errand]:
        _take_in(account, running, asked_at=asked_at, told_since=told_since)
        freed = Space.record_access(account, [record.space for record in running], seen_at=asked_at)
        doubtful = Space.objects.in_use().filter(account=account).doubtful(timezone.now())
        again = [*freed, *doubtful.select_related("conference")[:DOUBTS_AT_ONCE]]
        return [link(space, vital=False) for space in again]

    return Errand("watch", lambda client: client.running_conferences(), take, vital=True)


def _take_in(
    account: Account,
    running: Iterable[resources.ConferenceRecord],
    *,
    asked_at: datetime,
    told_since: datetime | None,
) -> None:
    """Store which of the account's own spaces have a call on, and that the others have none. A transaction for each that has
    changed, one for all that have not: what it costs grows with the changes."""
    calls: dict[str, resources.ConferenceRecord] = {}
    for record in running:
        calls.setdefault(record.space, record)  # the newest comes first, should one linger
    own = Space.objects.filter(account=account, owned=True)
    same = []
    for space in own.filter(Q(name__in=calls) | ~Q(conference=None)).select_related("conference"):
        on, known = calls.get(space.name), space.conference
        if (
            on
            and known
            and known.record == on.name
            and known.started_at
            and known.ended_at is None
            and space.liveness == Liveness.ACTIVE
        ):
            same.append(space.pk)
            continue
        counted = space.see_call(
            on.name if on else None,
            seen_at=asked_at,
            started_at=on.started_at if on else None,
        )
        if told_since and counted and on and told_since < on.started_at < asked_at - PUSH_GRACE:
            Account.objects.filter(pk=account.pk).update(push_missed_at=asked_at)
    older = Q(seen_at=None) | Q(seen_at__lte=asked_at)
    own.filter(older, pk__in=same, liveness=Liveness.ACTIVE).update(seen_at=asked_at)
    quiet = own.filter(older, conference=None).exclude(name__in=calls)
    news = list(quiet.exclude(liveness=Liveness.IDLE).values_list("pk", flat=True))
    if news:
        quiet.filter(pk__in=news).update(
            liveness=Liveness.IDLE
        )  # unless a call was found there this very moment
        live.spaces_changed(news, moved=True)
    quiet.update(seen_at=asked_at)  # the one statement that touches all links: it changes no indexed column


@dataclass(frozen=True, slots=True)
class _News:
    """What was read of one link."""

    space: resources.Space
    call: resources.ConferenceRecord | None
    members: list[resources.Member] | None


def link(space: Space, *, vital: bool, stale: bool = True) -> Errand:
    """Read one link: code, settings, whether a call is on and since when; with `stale` its members, too."""
    known = space.conference.record if space.conference and space.conference.started_at else None

    def ask(client: MeetClient) -> _News:
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
        return _News(seen, call, members)

    def take(news: _News, asked_at: datetime) -> None:
        space.absorb(news.space, seen_at=asked_at)
        if news.call and news.call.ended_at is None:
            space.see_call(news.call.name, seen_at=asked_at, started_at=news.call.started_at)
        if news.members is not None:
            Member.replace(space, news.members)

    def hidden(error: GoogleError, asked_at: datetime) -> None:
        space.record_refusal(error, seen_at=asked_at)

    return Errand("watch" if vital else "link", ask, take, hidden, vital=vital)


@contextmanager
def _if_shown() -> Iterator[None]:
    """A part of a link that Google does not show us is no trouble of the link, and keeps nobody from knowing what is on."""
    try:
        yield
    except (*HIDDEN, AccessRefused) as refusal:
        logger.info("a part of a link is not shown: %s: %s", refusal.code, refusal.detail)


# Who is in


def heads(
    call: Conference,
    *,
    within: timedelta,
    same: Callable[[Conference, datetime], None],
) -> Errand:
    """Count who is in a call; `same` is told when nothing has changed.

    The number alone is asked for where it is likely to be as before; who they are when the number has changed, when that was read
    long ago, and before the call would be called stuck `within` this time.
    """
    now = timezone.now()
    listed = call.listed_at
    by_name = (
        listed is None
        or listed < now - LIST_AGAIN
        or (call.stuck_at is not None and call.stuck_at <= now + within and listed < call.stuck_at - within)
    )
    if by_name:
        return _everybody(call)

    def take(number: int, asked_at: datetime) -> Iterable[Errand]:
        if number != call.heads:
            return [_everybody(call)]
        same(call, asked_at)
        return []

    return Errand("people", lambda client: client.head_count(call.record), take, _leave)


def _everybody(call: Conference) -> Errand:
    def take(everybody: list[resources.Participant], asked_at: datetime) -> Iterable[Errand]:
        present = [one for one in take_participants(call, everybody, asked_at) if one.left_at is None]
        people = any(one.kind in {Participant.Kind.PERSON, Participant.Kind.GUEST} for one in present)
        return [_recordings(call)] if recordings_due(call, asked_at, people=people) else []

    return Errand("people", lambda client: client.participants(call.record, present_only=False), take, _leave)


def _recordings(call: Conference) -> Errand:
    """Read whether a call is being recorded."""

    def take(found: list[resources.Recording], asked_at: datetime) -> None:
        call.note_recordings(found, read_at=asked_at)

    def hidden(_: GoogleError, asked_at: datetime) -> None:
        recordings_hidden(call, asked_at)

    return Errand("people", lambda client: client.recordings(call.record), take, hidden)


def _leave(*_: object) -> None:
    """One call that Google hides from us is no reason to leave the others uncounted."""


# What can wait


def slow(account: Account, readings: float) -> list[Errand]:
    """What can wait, in so many readings on average: looking for ended calls, settling some of them, reading settings that were
    not read for longest."""
    now = timezone.now()
    over = Conference.objects.filter(
        space__account=account, settled_at=None, ended_at__range=(now - FORGOTTEN, now - SETTLE_AFTER)
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
    settling = over.select_related("space").order_by("-ended_at")[: _about(share)]
    reading = stale[: _about(share / 2)]  # two readings each
    harvesting = [_harvest(account, seen_to, share)] if unseen and _about(min(share, 1)) else []
    return harvesting + [_settle(call) for call in settling] + [link(space, vital=False) for space in reading]


def _about(number: float) -> int:
    """A whole number that is this on average: many accounts with a small share each shall do their part all the same."""
    return math.floor(number + random.random())  # noqa: S311 - no secret


def _harvest(account: Account, seen_to: datetime, readings: float) -> Errand:
    """Look for calls that ended unseen, and for the true ends of the others, from `seen_to` on and as far as the readings go."""
    now = timezone.now()
    since = max(seen_to - OVERLAP, now - FORGOTTEN)
    until = min(since + HARVEST_AT_ONCE, now)

    def ask(client: MeetClient) -> list[resources.ConferenceRecord]:
        try:
            return client.ended_conferences(since, until)
        except Refused:
            # The end is among the fields that can be asked for, but Google's examples compare only the beginning.
            return client.begun_conferences(since - timedelta(days=1), until)

    def take(found: list[resources.ConferenceRecord], _: datetime) -> list[Errand]:
        _keep_ended(account, found)
        Account.objects.filter(pk=account.pk).update(harvested_to=until)
        left = readings - max(1, math.ceil(len(found) / RECORDS_PER_PAGE))
        return [_harvest(account, until, left)] if left >= 1 and until < now - HARVEST_EVERY else []

    return Errand("history", ask, take)


def _keep_ended(account: Account, found: Iterable[resources.ConferenceRecord]) -> None:
    """Store ended calls of our spaces. Calls that we believe to be on are left to the look at what is on."""
    ended = {record.name: record for record in found if record.ended_at}
    spaces = dict(Space.objects.filter(account=account).values_list("name", "pk"))
    known = {
        call.record: call
        for call in Conference.objects.filter(record__in=ended).only(
            "record", "started_at", "ended_at", "space"
        )
    }
    new = [
        Conference(
            record=record.name,
            space_id=spaces[record.space],
            started_at=record.started_at,
            ended_at=record.ended_at,
        )
        for record in ended.values()
        if record.name not in known and record.space in spaces
    ]
    Conference.objects.bulk_create(new, ignore_conflicts=True)
    for name, call in known.items():
        record = ended[name]
        if call.ended_at and (call.started_at, call.ended_at) != (record.started_at, record.ended_at):
            Conference.objects.filter(pk=call.pk).exclude(ended_at=None).update(
                started_at=record.started_at, ended_at=record.ended_at
            )


def _settle(call: Conference) -> Errand:
    """Read once more who took part in a call that is over."""

    def take(everybody: list[resources.Participant], asked_at: datetime) -> None:
        call.settle(parts(call.space, everybody, seen_at=asked_at), settled_at=asked_at)

    def hidden(refusal: GoogleError, asked_at: datetime) -> None:
        soon = call.ended_at is not None and call.ended_at > asked_at - ASK_AGAIN_FOR
        if isinstance(refusal, NotFound) or not soon:
            Conference.objects.filter(pk=call.pk).update(settled_at=asked_at)

    return Errand(
        "history", lambda client: client.participants(call.record, present_only=False), take, hidden
    )


def calls_to_count(account: Account, readings: int) -> list[Conference]:
    """Running calls, those not counted for longest first."""
    running = Conference.objects.filter(running_in__account=account, running_in__liveness=Liveness.ACTIVE)
    running = running.select_related("space__room", "space__account")
    return list(running.order_by(F("counted_at").asc(nulls_first=True))[:readings])
