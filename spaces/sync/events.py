"""Verbs about events: receive them, and ask Google about what they hint at. Only Google's answer is stored, never the event."""

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.core.cache import cache
from django.utils import timezone

from spaces import access, meet
from spaces.access import Actor, Permission
from spaces.google import events, pubsub
from spaces.google.errors import GoogleError, NotFound, NotPermitted, TryLater
from spaces.meet import Lane
from spaces.models import Account, Conference, DomainEvent, Event, Space, Subscription
from spaces.models.pieces import delete_in_pieces
from spaces.sync.apply.conferences import apply_record
from spaces.sync.clients import acting_as
from spaces.sync.participants import read_participants, read_recordings

logger = logging.getLogger(__name__)

AT_ONCE = 200
LEASE = timedelta(seconds=150)  # longer than a task may run (120 s): events of a worker that died come back
COUNT_PAUSE = 1
"""Seconds between two counts of one call caused by events: a group that arrives together costs one or two counts."""
FOLLOWING_TIME = 10  # seconds after which a worker returns to the queue
PURGING_TIME = 20  # seconds for which a worker may be taken from others once an hour
MOST_ATTEMPTS = 5
KEPT = timedelta(days=3)
DOMAIN_EVENTS_KEPT = timedelta(days=14)
"""A consumer that was not running for longer misses events."""
NOT_OURS_FOR = (
    6 * 3600
)  # seconds for which a call in somebody else's room is remembered, so that nobody asks again

OF_CALLS = {events.CONFERENCE_STARTED, events.CONFERENCE_ENDED}
OF_PEOPLE = {events.PARTICIPANT_JOINED, events.PARTICIPANT_LEFT}
OF_RECORDINGS = {events.RECORDING_STARTED, events.RECORDING_ENDED}


def receive(*, authorization: str, body: bytes, actor: Actor) -> bool:
    """Take in one push: check that it is from Google and meant for us, and store it. Returns False for a duplicate.

    Raises pubsub.NotAuthentic, or TryLater when Google's signing keys are unavailable. Anything that is authentic is stored, however
    unreadable, so that Pub/Sub does not send it again and again.
    """
    access.require(actor, Permission.EVENTS_TAKE)
    arrangement = settings.PUSH
    if arrangement is None or arrangement.pull:
        raise pubsub.NotAuthentic("pushes are not configured")
    pubsub.check_sender(authorization, arrangement=arrangement, keys=meet.google_keys())
    return Event.store(pubsub.read_push(body, arrangement=arrangement))


def pull(*, subscription: str, client: pubsub.PullClient, actor: Actor) -> int:
    """Fetch what waits at one Pub/Sub subscription, store it, then acknowledge it; returns how many messages were new.

    Waits at Google while nothing is there. Raises GoogleErrors; nothing is lost then.
    """
    access.require(actor, Permission.EVENTS_TAKE)
    found = client.pull(subscription)
    new = sum(Event.store(one.received) for one in found)
    if found:
        client.acknowledge(subscription, [one.ack for one in found])
    return new


def process(*, actor: Actor) -> float | None:
    """Process the events that are due. Return in how many seconds an event that was rescheduled here is due again, None if there is none.

    Harmless twice and at the same time: an event is claimed by one worker only, and every request to Google stores what is true, not
    what the event said. So neither the order of events matters nor how often they come.
    """
    access.require(actor, Permission.EVENTS_TAKE)
    now = timezone.now()
    claimed = Event.claim(AT_ONCE, now=now, until=now + LEASE)
    if not claimed:
        return None
    subscriptions = _subscriptions_of(claimed)
    for account in {subscription.account for subscription in subscriptions.values()}:
        account.record_push(now)
    calls = _group_by_call(claimed, subscriptions, now)
    pauses = [0.0] if len(claimed) == AT_ONCE else []
    return min([*pauses, *_follow_all(calls, subscriptions)], default=None)


def _subscriptions_of(claimed: Sequence[Event]) -> dict[str, Subscription]:
    """Return the subscriptions through which these events came, by their name at Google."""
    names = {event.subscription for event in claimed if event.subscription}
    found = Subscription.objects.select_related("account").filter(name__in=names)
    return {subscription.name: subscription for subscription in found}


def _group_by_call(
    claimed: Sequence[Event], subscriptions: Mapping[str, Subscription], now: datetime
) -> dict[str, list[Event]]:
    """Return the events that hint at calls, by the name of the call. All others are done afterwards."""
    calls: dict[str, list[Event]] = {}
    for event in claimed:
        if event.attempts >= MOST_ATTEMPTS:
            Event.finalise([event], Event.Outcome.GIVEN_UP)  # each worker that claimed it has crashed
        elif event.change:
            if subscription := subscriptions.get(event.subscription):
                subscription.apply_lifecycle_event(event.change, event.suspension, now=now)
            Event.finalise([event], Event.Outcome.LIFECYCLE)
        elif event.detail:
            Event.finalise([event], Event.Outcome.UNREADABLE)
        elif event.record and event.type in OF_CALLS | OF_PEOPLE | OF_RECORDINGS:
            calls.setdefault(event.record, []).append(event)
        else:
            Event.finalise([event], Event.Outcome.IGNORED)
    return calls


def _follow_all(
    calls: Mapping[str, Sequence[Event]], subscriptions: Mapping[str, Subscription]
) -> Iterator[float]:
    """Follow the events of each call as long as there is time. Yield the seconds after which rescheduled ones are due."""
    # Seconds for which accounts are left alone because Google does not answer them at the moment.
    away: dict[int, float] = {}
    until = time.monotonic() + FOLLOWING_TIME
    for record, group in calls.items():
        if time.monotonic() > until:
            Event.reschedule(group, timezone.now(), tried=False)
            yield 0.0
            continue
        names = [event.subscription for event in group if event.subscription in subscriptions]
        listener = subscriptions[names[0]].account if names else None
        try:
            pause = _follow(record, group, listener, away)
        except Exception:  # an unexpected error in one event must not bring back the others forever
            logger.exception("following %s", record)
            Event.finalise(group, Event.Outcome.GIVEN_UP)
            continue
        if pause is not None:
            yield pause


def _follow(
    record: str, group: Sequence[Event], listener: Account | None, away: dict[int, float]
) -> float | None:
    """Ask Google about one call that events hint at. Return the seconds after which there is more to do."""
    call = Conference.objects.select_related("space__account").filter(record=record).first()
    account = call.space.account if call else listener
    if account is None or cache.get(_not_ours(record)):
        Event.finalise(group, Event.Outcome.NOT_OURS)
        return None
    is_of_call = any(event.type in OF_CALLS for event in group)
    if call and call.ended_at and not is_of_call:
        Event.finalise(group, Event.Outcome.OLD)
        return None
    now = timezone.now()
    if account.status == Account.Status.BROKEN:
        Event.finalise(group, Event.Outcome.GIVEN_UP)
        return None
    if account.open_until and account.open_until > now:
        away.setdefault(account.pk, (account.open_until - now).total_seconds())
    if account.pk in away:
        # An account that times out on every request must not delay the others.
        return _retry_later(group, away[account.pk])
    if call and not is_of_call and (pause := _until_count(record)):
        Event.reschedule(group, now + timedelta(seconds=pause), tried=False)
        return pause
    try:
        outcome = _ask(account, record, call, group)
    except (NotFound, NotPermitted):
        outcome = Event.Outcome.HIDDEN
    except TryLater as error:
        away[account.pk] = error.retry_after or 0.0
        return _retry_later(group, away[account.pk])
    except GoogleError:
        # The problem of the account is stored by acting_as; polling continues when it is fixed.
        outcome = Event.Outcome.GIVEN_UP
    Event.finalise(group, outcome)
    if outcome == Event.Outcome.FOLLOWED:
        # People who came or left before the request are in the answer, also if their event waits for the next count.
        earlier = Event.objects.told_before(now, record=record, types=OF_PEOPLE)
        Event.finalise(earlier, Event.Outcome.FOLLOWED)
    return None


def _ask(account: Account, record: str, call: Conference | None, group: Sequence[Event]) -> Event.Outcome:
    """Ask about the call itself if it is new, has begun or ended; who is in it; and whether it is recorded: one request for each at most.
    Raises the GoogleError."""
    of_recording = sum(event.type in OF_RECORDINGS for event in group)
    with acting_as(account, kind="people", lane=Lane.BACKGROUND) as client:
        if call is None or any(event.type in OF_CALLS for event in group):
            asked_at = timezone.now()
            seen = client.conference(record)
            space = Space.objects.filter(name=seen.space).first()
            if space is None:
                cache.set(_not_ours(record), 1, timeout=NOT_OURS_FOR)
                return Event.Outcome.NOT_OURS
            call = apply_record(space, seen, asked_at=asked_at)
            _until_count(record)
        if call and call.ended_at is None:
            if of_recording < len(group) or call.counted_at is None:
                read_participants(client, call)
            if of_recording:
                read_recordings(client, call)
    return Event.Outcome.FOLLOWED


def _until_count(record: str) -> float:
    """Take this second's count of the call, or say how long until the next one may be had. Shared by all workers, in Redis, without
    which no worker runs anyway."""
    key, now = f"events:counted:{record}", time.time()
    if cache.add(key, now + COUNT_PAUSE, timeout=COUNT_PAUSE):
        return 0.0
    left: float = cache.get(key, 0.0) - now
    return min(max(left, 0.05), float(COUNT_PAUSE))


def _not_ours(record: str) -> str:
    return f"events:not-ours:{record}"


def _retry_later(group: Sequence[Event], at_least: float) -> float | None:
    """Try again after a growing pause; some times, since polling comes along anyway."""
    tired = [event for event in group if event.attempts + 1 >= MOST_ATTEMPTS]
    Event.finalise(tired, Event.Outcome.GIVEN_UP)
    rest = [event for event in group if event not in tired]
    if not rest:
        return None
    pause = min(max(at_least, 2.0 ** (1 + max(event.attempts for event in rest))), 60.0)
    Event.reschedule(rest, timezone.now() + timedelta(seconds=pause), tried=True)
    return pause


def purge(*, actor: Actor) -> int:
    """Delete old rows of the inbox and of the outbox. Return how many.

    An event that has waited in the inbox for so long, say because push was switched off, tells nothing that polling has not found.
    """
    access.require(actor, Permission.EVENTS_TAKE)
    now, until = timezone.now(), time.monotonic() + PURGING_TIME
    old = Event.objects.filter(received_at__lt=now - KEPT)
    delivered = DomainEvent.objects.filter(at__lt=now - DOMAIN_EVENTS_KEPT)
    return sum(delete_in_pieces(rows, until=until) for rows in (old, delivered))
