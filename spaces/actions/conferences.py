"""Verbs about calls: end one, reveal who is in it, forget what was kept for long enough."""

import logging
import time
from datetime import timedelta

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from spaces import access, audit, live
from spaces.access import Actor, Permission
from spaces.actions.asking import acting_as
from spaces.actions.outcomes import Outcome, told_before
from spaces.google import config, resources
from spaces.google.errors import (
    GoogleError,
    NothingToEnd,
    NotPermitted,
    OutcomeUnknown,
    ScopeMissing,
)
from spaces.google.meet import MeetClient
from spaces.models import AuditEntry, Conference, DeviceIdentity, Participant, Participation, Room, Space
from spaces.models.pieces import delete_in_pieces
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
LONGEST_CHANGE = timedelta(minutes=5)
"""No change of settings takes longer; a row of the trail that is open for longer is of a process that died."""
FORGETTING_TIME = 20  # seconds for which a worker may be taken from others once an hour


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
    if room is None or room.space is None or room.space.name != entry.space_name:
        return Outcome(_("The call is over. Its room has been given another link meanwhile."), "info")
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
    if not lost or after.settings is None or room.space is None or _changed_since(room, ending):
        return []
    with audit.attempt(
        verb=Permission.SETTINGS_CHANGE,
        actor=actor,
        room=room,
        reason=_("Google changed settings when %(person)s ended the call; put back")
        % {"person": ending.actor_name},
        before=dict(after.settings),
    ) as entry:
        repaired = client.patch_space(room.space.name, config.to_send(after.settings, before))
        room.space.absorb(repaired, seen_at=timezone.now())
        entry.after = dict(repaired.settings or {})
    return [change.setting.label for change in lost]


def _changed_since(room: Room, ending: AuditEntry) -> bool:
    """Whether anybody's change of the settings was under way when the ending began, or came later."""
    began = ending.at - LONGEST_CHANGE
    later = Q(at__gt=ending.at) | Q(finished_at__gt=ending.at) | Q(finished_at=None)
    return AuditEntry.objects.filter(later, room=room, verb=Permission.SETTINGS_CHANGE, at__gt=began).exists()


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


def forget(*, actor: Actor) -> tuple[int, int]:
    """Throw away what has been kept for long enough: names in calls that ended MEETADMIN_KEEP_NAMES days ago, accounts that somebody
    should have said about whether they are devices, last seen then, and calls that ended
    MEETADMIN_KEEP_CALLS days ago. A call whose end nobody could see, because the link or the access was lost while it ran, is
    taken to have ended when it was last counted. Returns how many rows of either. Harmless twice and when it is killed: it goes
    piece by piece, and what it does not get to within its time is left to the next run.
    """
    access.require(actor, Permission.HISTORY_FORGET)
    now, until = timezone.now(), time.monotonic() + FORGETTING_TIME
    names_until, calls_until = (
        now - timedelta(days=days) for days in (settings.KEEP_NAMES, settings.KEEP_CALLS)
    )
    names = [
        Participation.objects.filter(conference__ended_at__lt=names_until),
        Participation.objects.filter(conference__ended_at=None, conference__counted_at__lt=names_until),
        Participant.objects.filter(conference__counted_at__lt=names_until),
        DeviceIdentity.objects.filter(is_device=None, seen_at__lt=names_until),
        DeviceIdentity.objects.filter(is_device=False, seen_at__lt=calls_until),
    ]
    calls = [
        Conference.objects.filter(ended_at__lt=calls_until),
        Conference.objects.filter(ended_at=None, counted_at__lt=calls_until),
    ]
    return (
        sum(delete_in_pieces(some, until=until) for some in names),
        sum(delete_in_pieces(some, until=until) for some in calls),
    )
