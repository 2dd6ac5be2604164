"""Verbs about events: take them in, and follow what they hint at. Google's API is the truth, an event only says where to look."""

import logging
import time
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.core.cache import cache
from django.db import transaction
from django.utils import timezone

from spaces import access, meet
from spaces.access import Actor, Permission
from spaces.google import events, pubsub, resources
from spaces.google.errors import GoogleError, NotFound, NotPermitted, TryLater
from spaces.meet import Lane
from spaces.models import Account, Conference, Event, Space, Subscription
from spaces.models.pieces import delete_in_pieces
from spaces.sync.clients import acting_as
from spaces.sync.participants import count_heads, read_recordings

logger = logging.getLogger(__name__)

AT_ONCE = 200
LEASE = timedelta(seconds=150)  # longer than a task may run (120 s): events of a worker that died come back
COUNT_PAUSE = 1
"""Seconds between two counts of one call caused by events: a crowd that comes in together costs one or two counts."""
FOLLOWING_TIME = 10  # seconds after which a worker does first what else waits for it
PURGING_TIME = 20  # seconds for which a worker may be taken from others once an hour
MOST_ATTEMPTS = 5
KEPT = timedelta(days=3)
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
    return Event.keep(pubsub.read_push(body, arrangement=arrangement))


def pull(*, subscription: str, client: pubsub.PullClient, actor: Actor) -> int:
    """Fetch what waits at one Pub/Sub subscription, store it, then acknowledge it; returns how many messages were new.

    Waits at Google while nothing is there. Raises GoogleErrors; nothing is lost then.
    """
    access.require(actor, Permission.EVENTS_TAKE)
    found = client.pull(subscription)
    new = sum(Event.keep(one.received) for one in found)
    if found:
        client.acknowledge(subscription, [one.ack for one in found])
    return new


def process(*, actor: Actor) -> float | None:
    """Deal with the events that are due. Returns in how many seconds something is due again that was put off here, None if
    nothing was.

    Harmless twice and at the same time: an event is taken on by one worker only, and every question to Google stores what is
    true, not what the event said. So their order does not matter, nor how often they come.
    """
    access.require(actor, Permission.EVENTS_TAKE)
    now = timezone.now()
    taken = Event.claim(AT_ONCE, now=now, until=now + LEASE)
    if not taken:
        return None
    subscriptions = {
        one.name: one
        for one in Subscription.objects.select_related("account").filter(
            name__in={event.subscription for event in taken if event.subscription}
        )
    }
    for account in {one.account for one in subscriptions.values()}:
        account.heard(now)
    calls: dict[str, list[Event]] = {}
    for event in taken:
        ours = subscriptions.get(event.subscription)
        if event.attempts >= MOST_ATTEMPTS:
            Event.settle([event], Event.Outcome.GIVEN_UP)  # whoever took it on died of it, again and again
        elif event.change:
            if ours:
                ours.hear(event.change, event.suspension, now=now)
            Event.settle([event], Event.Outcome.LIFECYCLE)
        elif event.detail:
            Event.settle([event], Event.Outcome.UNREADABLE)
        elif event.record and event.type in OF_CALLS | OF_PEOPLE | OF_RECORDINGS:
            calls.setdefault(event.record, []).append(event)
        else:
            Event.settle([event], Event.Outcome.IGNORED)
    pauses = [0.0] if len(taken) == AT_ONCE else []
    # Accounts for which Google gives no answer at the moment, and for how many seconds they are left alone.
    away: dict[int, float] = {}
    until = time.monotonic() + FOLLOWING_TIME
    for record, group in calls.items():
        if time.monotonic() > until:
            Event.put_off(group, timezone.now(), tried=False)
            pauses.append(0.0)
            continue
        listener = next(
            (subscriptions[one.subscription] for one in group if one.subscription in subscriptions), None
        )
        try:
            pause = _follow(record, group, listener.account if listener else None, away)
        except Exception:  # what nobody thought of in one event must not bring back the others for ever
            logger.exception("following %s", record)
            Event.settle(group, Event.Outcome.GIVEN_UP)
            continue
        if pause is not None:
            pauses.append(pause)
    return min(pauses, default=None)


def _follow(
    record: str, group: Sequence[Event], listener: Account | None, away: dict[int, float]
) -> float | None:
    """Ask Google about one call that events hint at: about itself if it is new or has begun or ended, who is in it, and whether
    it is recorded. One question for each of these at most. Returns the seconds after which there is more to do."""
    call = Conference.objects.select_related("space__account").filter(record=record).first()
    account = call.space.account if call else listener
    if account is None or cache.get(_not_ours(record)):
        Event.settle(group, Event.Outcome.NOT_OURS)
        return None
    of_call = [event for event in group if event.type in OF_CALLS]
    of_recording = [event for event in group if event.type in OF_RECORDINGS]
    if call and call.ended_at and not of_call:
        Event.settle(group, Event.Outcome.OLD)
        return None
    now = timezone.now()
    if account.status == Account.Status.BROKEN:
        Event.settle(group, Event.Outcome.GIVEN_UP)
        return None
    if account.open_until and account.open_until > now:
        away.setdefault(account.pk, (account.open_until - now).total_seconds())
    if account.pk in away:
        # One account that times out on every call must not make the others wait.
        return _later(group, away[account.pk])
    if call and not of_call and (pause := _until_count(record)):
        Event.put_off(group, now + timedelta(seconds=pause), tried=False)
        return pause
    try:
        with acting_as(account, kind="people", lane=Lane.BACKGROUND) as client:
            if call is None or of_call:
                asked_at = timezone.now()
                seen = client.conference(record)
                space = Space.objects.filter(name=seen.space).first()
                if space is None:
                    cache.set(_not_ours(record), 1, timeout=NOT_OURS_FOR)
                    Event.settle(group, Event.Outcome.NOT_OURS)
                    return None
                call = _take_in(space, seen, asked_at)
                _until_count(record)
            if call and call.ended_at is None:
                if len(of_recording) < len(group) or call.counted_at is None:
                    count_heads(client, call)
                if of_recording:
                    read_recordings(client, call)
    except (NotFound, NotPermitted):
        Event.settle(group, Event.Outcome.HIDDEN)
    except TryLater as error:
        away[account.pk] = error.retry_after or 0.0
        return _later(group, away[account.pk])
    except GoogleError:
        # The account's trouble, stored there by acting_as; polling goes on when it is mended.
        Event.settle(group, Event.Outcome.GIVEN_UP)
    else:
        Event.settle(group, Event.Outcome.FOLLOWED)
        # Whoever came or went before we asked is in the answer, also if their event waits for the next count.
        told = Event.objects.told_before(now, record=record, types=OF_PEOPLE)
        Event.settle(told, Event.Outcome.FOLLOWED)
    return None


def _take_in(space: Space, seen: resources.ConferenceRecord, asked_at: datetime) -> Conference | None:
    """Store what Google says about one call. That it is over says something about the space only if it is the call that we
    take to be on there: the news of an older call may come late."""
    with transaction.atomic():
        if seen.ended_at is None:
            space.see_call(seen.name, seen_at=asked_at, started_at=seen.started_at)
        else:
            now_on = (
                Space.objects.select_for_update(of=("self",)).select_related("conference").get(pk=space.pk)
            )
            if now_on.conference and now_on.conference.record == seen.name:
                space.see_call(None, seen_at=asked_at)
            facts = {"space": space, "started_at": seen.started_at, "ended_at": seen.ended_at}
            Conference.objects.get_or_create(record=seen.name, defaults=facts)
            Conference.objects.filter(record=seen.name, running_in=None).update(ended_at=seen.ended_at)
    return Conference.objects.filter(record=seen.name).first()


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


def _later(group: Sequence[Event], at_least: float) -> float | None:
    """Try again after a growing pause; some times, since polling comes along anyway."""
    tired = [event for event in group if event.attempts + 1 >= MOST_ATTEMPTS]
    Event.settle(tired, Event.Outcome.GIVEN_UP)
    rest = [event for event in group if event not in tired]
    if not rest:
        return None
    pause = min(max(at_least, 2.0 ** (1 + max(event.attempts for event in rest))), 60.0)
    Event.put_off(rest, timezone.now() + timedelta(seconds=pause), tried=True)
    return pause


def purge(*, actor: Actor) -> int:
    """Throw away what came some days ago; returns how many rows. What still waits then, say because push was switched off meanwhile,
    tells nothing any more that polling has not found."""
    access.require(actor, Permission.EVENTS_TAKE)
    old = Event.objects.filter(received_at__lt=timezone.now() - KEPT)
    return delete_in_pieces(old, until=time.monotonic() + PURGING_TIME)
