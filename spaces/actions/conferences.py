"""Verbs about calls: end one, check afterwards, reveal who is in it, forget what was kept for long enough."""

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings as configured
from django.db.models import Q
from django.utils import timezone

from spaces import access, audit
from spaces.access import SYSTEM, Actor, Permission
from spaces.actions.outcomes import Outcome, Rejection, duplicate
from spaces.google import config, resources
from spaces.google.errors import GoogleError, NothingToEnd, OutcomeUnknown, Refused, Unreachable
from spaces.google.meet import MeetClient
from spaces.meet import Lane
from spaces.message import Message
from spaces.models import AuditEntry, Conference, DeviceIdentity, Participant, Participation, Room, Space
from spaces.models.pieces import delete_in_pieces
from spaces.sync.apply.spaces import apply_google_state, apply_origin
from spaces.sync.clients import HIDDEN, acting_as
from spaces.sync.readings import find_origin, read_space

logger = logging.getLogger(__name__)

REJOIN: Mapping[str, Message] = {
    "OPEN": Message("call.rejoin_open"),
    "TRUSTED": Message("call.rejoin_trusted"),
    "RESTRICTED": Message("call.rejoin_restricted"),
}
"""What an ending does to rejoining, by access type. Google documents it for "End meeting for all" in the call (Meet help, "Start or end
a meeting"): locked until the host returns, unless quick access is on, today access type TRUSTED or OPEN. That the API does the same is
inferred; in one live test not even the host could rejoin in the first moment."""
LOOKS = (4, 12, 28, 58)
"""Seconds after an ending at which the room is read again: Google may show an ended call, or change settings, some time later."""
LONGEST_CHANGE = timedelta(minutes=5)
"""No change of settings takes longer; a row of the audit log that is open for longer is of a process that died."""
FORGETTING_TIME = 20  # seconds for which a worker may be taken from others once an hour


@dataclass(frozen=True, slots=True)
class EndChange:
    """What ending would do, by what is stored: the call that ends if one is known, how many people it removes, and who can rejoin."""

    space: Space
    call: Conference | None
    people: int
    rejoin: Message


def check_end(*, room: Room, actor: Actor) -> EndChange | Rejection:
    """Return what ending the call in this room would do, or why Google would refuse it. Reads only what is stored.

    Raises NotAllowed.
    """
    access.require(actor, Permission.CONFERENCE_END, room)
    space = room.space
    if space is None:
        return Rejection("call.no_link")
    if space.origin == Space.Origin.FOREIGN:
        return Rejection("call.made_elsewhere")
    if not space.owned:
        return Rejection("call.not_owned")
    call = space.conference
    people = call.people_in if call else 0
    if call and room.state != "stuck":
        people += call.phones or 0  # somebody may be listening
    return EndChange(space=space, call=call, people=people, rejoin=_rejoin(space.settings))


def end(
    *,
    room: Room,
    conference: str,
    reason: str,
    actor: Actor,
    key: str = "",
    lane: Lane = Lane.INTERACTIVE,
) -> Outcome:
    """End the call in this room: the very one the actor saw, `conference` (`conferenceRecords/…`), and no other.

    Google's method takes no conference id (Meet REST guide, "End active conference"), so the space is read right before
    and the ending is rejected when another call has begun. The call is sent once, never repeated. Whatever Google answers, the
    call counts as over only when it says so or a reading shows it. Afterwards settings that Google changed are restored.

    Raises NotAllowed, ActionRejected, or the GoogleError that tells why it failed (OutcomeUnknown: it may have ended).
    """
    change = check_end(room=room, actor=actor)
    try:
        with audit.attempt(
            permission=Permission.CONFERENCE_END,
            actor=actor,
            room=room,
            reason=reason,
            before={"conference": conference},
            key=key,
            lane=lane,
        ) as entry:
            if isinstance(change, Rejection):
                raise audit.ActionRejected.of(change)
            _end_seen_call(change.space, conference, entry, lane)
    except audit.DuplicateRequest as again:
        return duplicate(again.entry)
    if entry.outcome == AuditEntry.Outcome.ALREADY:
        return Outcome("call.room_over_already", {"room": room.name}, "info")
    Conference.objects.filter(record=conference, ended_by="").update(ended_by=actor.label)
    return _check_again(entry, lane=lane)


def _rejoin(settings: Mapping[str, str]) -> Message:
    """Return who can rejoin after an ending with these settings."""
    return REJOIN.get(settings.get("accessType", ""), Message("call.rejoin_unknown"))


def _end_seen_call(space: Space, conference: str, entry: AuditEntry, lane: Lane) -> None:
    """Read the space and end its call if it is this one. Raises ActionRejected or a GoogleError unless the call is over."""
    with acting_as(space.account, kind="link", lane=lane) as client:
        seen = read_space(client, space)
    entry.before = {"conference": conference, "settings": dict(seen.settings or {})}
    _check_call(seen, conference)
    if seen.active_record is None:
        entry.outcome = AuditEntry.Outcome.ALREADY
        entry.detail = Message("call.over_already")
    else:
        with acting_as(space.account, kind="change", lane=lane) as client:
            _end_once(client, space, seen.active_record, entry, lane)
    entry.after = {"conference": None}


def _check_call(seen: resources.Space, conference: str) -> None:
    """Raise ActionRejected unless the call that runs, if any, is the one that the actor saw."""
    if seen.liveness == "unknown":
        raise audit.ActionRejected("call.state_unknown")
    if seen.active_record and seen.active_record != conference:
        raise audit.ActionRejected("call.changed")


def _end_once(client: MeetClient, space: Space, record: str, entry: AuditEntry, lane: Lane) -> None:
    """Send the ending. Raises the GoogleError unless the call is over."""
    try:
        client.end_active_conference(space.name)
    except GoogleError as error:
        # These refuse the account or never reached Google: nothing was done.
        if isinstance(error, Unreachable) or error.effect in _NOT_ABOUT_THE_CALL:
            raise
        entry.google_says = error.google_says
        _judge(client, space, record, entry, error, lane)
    else:
        apply_origin(space, Space.Origin.OURS)


_NOT_ABOUT_THE_CALL = {"account_problem", "account_broken", "pause_quota"}


def _judge(
    client: MeetClient, space: Space, record: str, entry: AuditEntry, error: GoogleError, lane: Lane
) -> None:
    """Decide what a refused or unclear ending has done by reading the space again. Raises an error unless the call is over."""
    over = _is_over(client, space, record)
    if over or (isinstance(error, NothingToEnd) and _ended_by_others(entry, record)):
        _note_over(entry, record, error)
        return
    if isinstance(error, NothingToEnd):
        raise _unknown(error, Message("call.not_confirmed"))
    if over is None and (isinstance(error, Refused) or error.code == "changed_meanwhile"):
        raise _unknown(error, Message("call.refused_unseen"))
    if isinstance(error, HIDDEN) and _is_ours(space, error, lane):
        error.sentence = Message("call.refused")
    if over is False and not isinstance(error, OutcomeUnknown):
        error.sentence = Message("call.still_running", {"why": error.sentence})
    raise error


def _is_ours(space: Space, error: GoogleError, lane: Lane) -> bool:
    """Whether a space that Google hid from the ending is ours all the same. Foreign it becomes by a clear test only, and never if we
    made it; then ActionRejected is raised."""
    if not space.created_here:
        origin = find_origin(space.account, space.name, lane=lane)
        if origin not in {Space.Origin.UNTESTED, space.origin}:
            apply_origin(space, origin)
    if space.origin == Space.Origin.FOREIGN:
        raise audit.ActionRejected("call.made_elsewhere") from error
    return space.origin == Space.Origin.OURS


def _unknown(error: GoogleError, sentence: Message) -> OutcomeUnknown:
    """The same error as one whose outcome nobody knows."""
    unknown = OutcomeUnknown(sentence, detail=error.detail)
    unknown.google_says = error.google_says
    return unknown


def _is_over(client: MeetClient, space: Space, record: str) -> bool | None:
    """Whether this call is over, by a fresh reading; None when it cannot be told."""
    try:
        seen = read_space(client, space)
    except GoogleError:
        return None
    return None if seen.liveness == "unknown" else seen.active_record != record


def _ended_by_others(entry: AuditEntry, record: str) -> bool:
    """Whether another request is known to have ended this call. Google may show it a little longer."""
    done = AuditEntry.objects.filter(action=Permission.CONFERENCE_END, outcome=AuditEntry.Outcome.DONE)
    done = done.filter(space_name=entry.space_name, before__conference=record)
    return done.exclude(pk=entry.pk).exists()


def _note_over(entry: AuditEntry, record: str, error: GoogleError) -> None:
    """Write down that the call is over, and whether it was us: not if Google refused, and not if somebody else's ending is known."""
    if isinstance(error, OutcomeUnknown) and not _ended_by_others(entry, record):
        entry.outcome = AuditEntry.Outcome.DONE
        entry.detail = Message("call.over_by_reading")
    else:
        entry.outcome = AuditEntry.Outcome.ALREADY
        entry.detail = Message("call.over_by_others")


# Afterwards


def next_look(entry: AuditEntry, now: datetime) -> float | None:
    """Seconds until the room of this ending is to be read again; None when it has been watched for long enough."""
    since = (now - (entry.finished_at or entry.at)).total_seconds()
    return next((at - since for at in LOOKS if at > since + 1), None)


def check_ending(*, entry: AuditEntry, actor: Actor) -> float | None:
    """Read the room again after an ending, told by its audit row, and restore settings that Google has changed. Returns the seconds until
    the next look, None after the last one, or when a later ending is looked after or the room has another link.

    Harmless twice; what goes wrong here never says that the ending failed. Raises NotAllowed.
    """
    access.require(actor, Permission.SETTINGS_RESTORE, entry.room)
    later = AuditEntry.objects.filter(room=entry.room, action=Permission.CONFERENCE_END, at__gt=entry.at)
    watched = later.filter(outcome__in=[AuditEntry.Outcome.DONE, AuditEntry.Outcome.UNKNOWN]).exists()
    if watched or not _has_link_of(entry):
        return None
    _check_again(entry, lane=Lane.BACKGROUND)
    return next_look(entry, timezone.now())


def _has_link_of(entry: AuditEntry) -> bool:
    """Whether the room still has the link whose call was ended."""
    space = entry.room.space if entry.room else None
    return space is not None and space.name == entry.space_name


def _check_again(entry: AuditEntry, *, lane: Lane) -> Outcome:
    """Read the room once after its ending, restore what Google has changed, and say how things stand. An internal step of the ending: it
    needs no further permission of the person, and what it restores is Meetadmin's own doing."""
    room = entry.room
    if room is None or room.space is None or not _has_link_of(entry):
        return Outcome("call.ended_link_replaced", level="info")
    before = entry.before or {}
    try:
        with acting_as(room.space.account, kind="link", lane=lane) as client:
            after = read_space(client, room.space)
        lost = _restore(room.space, after, entry, lane)
    except GoogleError:
        return Outcome("call.ended_unchecked", {"room": room.name}, "warning")
    restored = Message("call.settings_restored", {"names": tuple(lost)})
    params = {"room": room.name, "then": restored if lost else _rejoin(before.get("settings") or {})}
    if after.active_record and after.active_record == before.get("conference"):
        return Outcome("call.ending", params)
    return Outcome("call.ended", params)


def _restore(space: Space, after: resources.Space, ending: AuditEntry, lane: Lane) -> list[str]:
    """Restore settings that differ from those before the ending; returns their names. Raises the GoogleError.

    Never against a person: not after any later change through Meetadmin, and each setting once only, because whatever changes it
    again may be somebody's decision in Google's own pages.
    """
    current = after.settings
    if current is None or ending.room is None or _changed_since(ending.room, ending):
        return []
    send = config.to_send(current, _lost(current, ending))
    if not send:
        return []
    with audit.attempt(
        permission=Permission.SETTINGS_RESTORE,
        actor=SYSTEM,
        room=ending.room,
        before={path: current.get(path) for path in send},
        lane=lane,
    ) as entry:
        with acting_as(space.account, kind="change", lane=lane) as client:
            repaired = client.patch_space(space.name, send)
        apply_google_state(space, repaired, seen_at=timezone.now())
        entry.after = {path: (repaired.settings or {}).get(path) for path in send}
        entry.detail = Message("call.restored_after_end", {"person": ending.actor_name})
    return [config.BY_PATH[path].label for path in send]


def _lost(current: Mapping[str, str], ending: AuditEntry) -> dict[str, str]:
    """The settings from before the ending that hold no more, but for those that were restored since."""
    before = (ending.before or {}).get("settings") or {}
    repairs = AuditEntry.objects.filter(
        room=ending.room, action=Permission.SETTINGS_RESTORE, at__gte=ending.at
    ).exclude(outcome=AuditEntry.Outcome.FAILED)
    restored = {path for paths in repairs.values_list("before", flat=True) for path in paths or {}}
    lost = {change.setting.path for change in config.diff(current, before)}
    return {path: before[path] for path in lost - restored}


def _changed_since(room: Room, ending: AuditEntry) -> bool:
    """Whether anybody's change of the settings was under way when the ending began, or came later."""
    began = ending.at - LONGEST_CHANGE
    later = Q(at__gt=ending.at) | Q(finished_at__gt=ending.at) | Q(finished_at=None)
    return AuditEntry.objects.filter(
        later, room=room, action=Permission.SETTINGS_CHANGE, at__gt=began
    ).exists()


# Names and history


def reveal(*, room: Room, actor: Actor) -> list[Participant]:
    """The people in the running call, for helpdesk staff; each look is written down. Raises NotAllowed."""
    access.require(actor, Permission.NAMES_REVEAL, room)
    call = room.space.conference if room.space else None
    participants = list(call.participants.all()) if call else []
    audit.note(
        permission=Permission.NAMES_REVEAL,
        actor=actor,
        room=room,
        detail=Message("call.names_shown", {"n": len(participants)}),
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
        now - timedelta(days=days) for days in (configured.KEEP_NAMES, configured.KEEP_CALLS)
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
