"""Verbs about calls: end one, count who is in, look at all of an account at once, reveal names."""

import logging
import time
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import F, Q
from django.utils import timezone

from spaces import access, audit, live
from spaces.access import Actor, Permission
from spaces.actions.asking import acting_as
from spaces.actions.heads import count_heads, device_names
from spaces.actions.outcomes import Outcome, told_before
from spaces.google import config, resources
from spaces.google.errors import (
    ConnectionBroken,
    GoogleError,
    NotFound,
    NothingToEnd,
    NotPermitted,
    OutcomeUnknown,
    OverQuota,
    ScopeMissing,
    TryLater,
)
from spaces.google.meet import MeetClient
from spaces.models import (
    Account,
    AuditEntry,
    Conference,
    Participant,
    Room,
    Space,
)
from spaces.models.spaces import Liveness
from spaces.words import counted, joined
from spaces.words import text as _

logger = logging.getLogger(__name__)

FOREIGN = _(
    "This meeting was not created by this dashboard; Google lets only the app that created it end its calls. End it from "
    "within the call, or let an admin give the room a space of ours."
)
NOT_OWNED = _(
    "None of the connected accounts owns this meeting, so Google would refuse to end it. Somebody in the call, or its owner, "
    "can end it there."
)
SWEEP_LEASE = timedelta(
    seconds=150
)  # longer than a task may run (120 s), so a killed sweep frees its account
COUNTING_TIME = 60  # seconds a sweep may spend on counting heads, well below the limit of a task
BROKEN_PAUSE = timedelta(minutes=10)


def end(*, room: Room, conference: str, reason: str, actor: Actor, key: str = "") -> Outcome:
    """End the call in this room: the very one the actor saw, `conference` (`conferenceRecords/…`), and no other.

    Google's method takes no conference id (Meet REST guide, "End active conference"), so the space is read right before
    and the ending is refused when another call has begun. The call is sent once, never repeated. Afterwards the space is
    read again and settings that Google changed by the way are put back.

    Raises NotAllowed, Refused, or the GoogleError that tells why it failed (OutcomeUnknown: it may have ended).
    """
    access.require(actor, Permission.CONFERENCE_END, room)
    space = room.space
    try:
        with audit.attempt(
            verb=Permission.CONFERENCE_END,
            actor=actor,
            room=room,
            reason=reason,
            before={"conference": conference},
            key=key,
        ) as entry:
            if space is None:
                raise audit.Refused(_("This room has no Meet space, so there is no call to end."))
            if space.origin == Space.Origin.FOREIGN:
                raise audit.Refused(FOREIGN)
            if not space.owned:
                raise audit.Refused(NOT_OWNED)
            with acting_as(space.account, actor=actor) as client:
                before = _read(client, space)
                entry.before = {"conference": conference, "settings": dict(before.settings or {})}
                if before.active_record and before.active_record != conference:
                    raise audit.Refused(
                        _(
                            "Another call has started in this room since you looked, so nothing was ended. Look at the room "
                            "again and end that one if you mean it."
                        )
                    )
                if before.active_record is None:
                    entry.outcome = AuditEntry.Outcome.ALREADY
                    entry.detail = _("The call was over already; nothing was sent.")
                else:
                    _end_once(client, space, before.active_record, entry)
                    entry.after = {"conference": None}
                    if entry.outcome != AuditEntry.Outcome.ALREADY:
                        Conference.objects.filter(record=before.active_record).update(ended_by=actor.label)
    except audit.AlreadyAsked as again:
        return told_before(again.entry)
    if entry.outcome == AuditEntry.Outcome.ALREADY:
        return Outcome(_("The call in %(room)s was over already.") % {"room": room.name}, "info")
    return settle(entry=entry, actor=actor)


def _read(client: MeetClient, space: Space) -> resources.Space:
    """Read the space and take the answer in."""
    asked_at = timezone.now()
    seen = client.get_space(space.name)
    space.absorb(seen, seen_at=asked_at)
    return seen


def _end_once(client: MeetClient, space: Space, record: str, entry: AuditEntry) -> None:
    try:
        client.end_active_conference(space.name)
    except NothingToEnd:
        entry.outcome = AuditEntry.Outcome.ALREADY
        entry.detail = _("The call ended by itself in the same moment.")
    except ScopeMissing:
        raise
    except NotPermitted:
        # We own it and still may not: somebody else's app made it. Remember, so that nobody is led here again.
        Space.objects.filter(pk=space.pk).update(origin=Space.Origin.FOREIGN)
        live.spaces_changed([space.pk])
        raise audit.Refused(FOREIGN) from None
    except OutcomeUnknown:
        # The answer is lost, the truth is not: ask whether that call is still on.
        try:
            still = client.get_space(space.name).active_record == record
        except GoogleError:
            still = True
        if still:
            raise
        entry.outcome = AuditEntry.Outcome.DONE
        entry.detail = _(
            "Google's answer was lost on the way; reading the room again shows that the call is over."
        )
    else:
        Space.objects.filter(pk=space.pk).update(origin=Space.Origin.OURS)


def settle(*, entry: AuditEntry, actor: Actor) -> Outcome:
    """After an ending, told by its audit row: read the room again, and put back settings that Google changed by the way.

    Called right after the ending and once more some seconds later, because Google may show an ended call a little longer and
    what it does to the settings is not documented. Harmless twice, and it never overrides a person: after any later change of
    the settings it leaves them alone. Whatever goes wrong here never says that the ending failed.
    """
    room = entry.room
    if room is None or room.space is None:
        return Outcome(_("The room is gone."), "info")
    access.require(actor, Permission.SPACE_REFRESH, room)
    done = _("The call in %(room)s is over. Its link stays the same.") % {"room": room.name}
    try:
        with acting_as(room.space.account, actor=actor) as client:
            after = _read(client, room.space)
            lost = _put_back(client, room, after, entry, actor)
    except GoogleError:
        return Outcome(
            joined(done, _("Reading the room again did not work, so what you see may be a little old.")),
            "warning",
        )
    if lost:
        return Outcome(
            joined(
                done,
                _("Google had changed some settings (%(names)s); they were put back.")
                % {"names": joined(*lost, by=", ")},
            )
        )
    if after.active_record == (entry.before or {}).get("conference"):
        return Outcome(
            _("Google has ended the call in %(room)s. It can take some seconds to show here.")
            % {"room": room.name}
        )
    return Outcome(done)


def _put_back(
    client: MeetClient, room: Room, after: resources.Space, ending: AuditEntry, actor: Actor
) -> list[str]:
    """Repair what differs from the settings before the ending; returns the names of what was put back."""
    before = (ending.before or {}).get("settings") or {}
    lost = config.diff(after.settings or {}, before)
    changed_since = AuditEntry.objects.filter(
        room=room, verb=Permission.SETTINGS_CHANGE, at__gt=ending.at
    ).exists()
    if not lost or after.settings is None or changed_since or room.space is None:
        return []
    with audit.attempt(
        verb=Permission.SETTINGS_CHANGE,
        actor=actor,
        room=room,
        reason=_("Google changed settings when %(person)s ended the call; put back")
        % {"person": ending.actor_name},
        before=dict(after.settings),
    ) as entry:
        asked_at = timezone.now()
        repaired = client.patch_space(room.space.name, config.to_send(after.settings, before))
        room.space.absorb(repaired, seen_at=asked_at)
        entry.after = dict(repaired.settings or {})
    return [change.setting.label for change in lost]


def sweep(*, account: Account, actor: Actor) -> bool:
    """Look at every running call of this account's spaces: one list for all of them, one count for each.

    Returns False when somebody else is at it. What goes wrong is stored on the account in words; a sweep raises nothing
    of Google's, because the next one comes anyway.
    """
    access.require(actor, Permission.ACCOUNT_SWEEP)
    now = timezone.now()
    if not account.claim(now=now, until=now + SWEEP_LEASE):
        return False
    pause = timedelta(seconds=settings.SWEEP_EVERY)
    try:
        with acting_as(account, actor=actor) as client:
            running = client.running_conferences()
            _take_in(account, running, asked_at=now)
            devices = device_names()
            until = time.monotonic() + COUNTING_TIME
            for call in Conference.objects.filter(
                running_in__account=account, running_in__liveness=Liveness.ACTIVE
            ).order_by(F("counted_at").asc(nulls_first=True)):
                if time.monotonic() > until:
                    break  # those not counted for longest come first, so the next sweep goes on from here
                try:
                    count_heads(client, call, devices)
                except (NotFound, NotPermitted):
                    continue  # one call that Google hides from us is no reason to leave the others uncounted
                except OverQuota as error:
                    # What runs is known, and that was the point. The next sweep goes on counting from here.
                    logger.info("sweep of %s stopped counting: %s", account.email, error.detail)
                    pause = max(pause, timedelta(seconds=error.retry_after or 0))
                    break
        Account.objects.filter(pk=account.pk).update(swept_at=now)
    except ConnectionBroken:
        pause = BROKEN_PAUSE
    except TryLater as error:
        account.fails(error.sentence, broken=False)
        pause = max(pause, timedelta(seconds=error.retry_after or 0))
    except GoogleError as error:
        account.fails(error.sentence, broken=False)
    finally:
        account.release(next_sweep_at=timezone.now() + pause)
    return True


def _take_in(account: Account, running: Iterable[resources.ConferenceRecord], *, asked_at: datetime) -> None:
    """Store which of the account's own spaces have a call on, and that the others have none."""
    calls = {record.space: record for record in running}
    spaces = Space.objects.filter(account=account, owned=True).select_related("conference")
    changed = spaces.filter(Q(name__in=calls) | ~Q(conference=None))
    for space in changed:
        record = calls.get(space.name)
        space.see_call(
            record.name if record else None,
            seen_at=asked_at,
            started_at=record.started_at if record else None,
        )
    quiet = spaces.exclude(name__in=calls).filter(conference=None).exclude(seen_at__gt=asked_at)
    news = list(quiet.exclude(liveness=Liveness.IDLE).values_list("pk", flat=True))
    quiet.update(liveness=Liveness.IDLE, seen_at=asked_at)
    if news:
        live.spaces_changed(news, moved=True)


def reveal(*, room: Room, actor: Actor) -> list[Participant]:
    """The people in the running call, for helpdesk staff; each look is written down. Raises NotAllowed."""
    access.require(actor, Permission.NAMES_REVEAL, room)
    call = room.space.conference if room.space else None
    participants = list(call.participants.all()) if call else []
    audit.note(
        verb=Permission.NAMES_REVEAL,
        actor=actor,
        room=room,
        detail=counted("%(n)s name shown", "%(n)s names shown", len(participants)) % {"n": len(participants)},
    )
    return participants
