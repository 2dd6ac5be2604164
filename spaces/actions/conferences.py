"""Verbs about calls: end one, check afterwards, reveal who is in it, forget what was kept for long enough."""

import logging
import time
from collections.abc import Mapping
from datetime import datetime, timedelta

from django.conf import settings as configured
from django.db.models import Q
from django.utils import timezone

from spaces import access, audit
from spaces.access import SYSTEM, Actor, Permission
from spaces.actions.outcomes import Outcome, told_before
from spaces.google import config, resources
from spaces.google.errors import GoogleError, NothingToEnd, OutcomeUnknown, Refused, Unreachable
from spaces.google.meet import MeetClient
from spaces.meet import Lane
from spaces.models import AuditEntry, Conference, DeviceIdentity, Participant, Participation, Room, Space
from spaces.models.pieces import delete_in_pieces
from spaces.sync.apply.spaces import apply_google_state, apply_origin
from spaces.sync.clients import HIDDEN, acting_as
from spaces.sync.readings import find_origin, read_space
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
UNCERTAIN = _(
    "Google does not show whether a call is running in this room, so nothing was sent. Try again in a minute."
)
STILL_RUNNING = _("The call is still running.")
OURS_REFUSED = _(
    "Google refused to end the call, although this Meet link was created by this dashboard. Try again in a minute; if it is "
    "refused again, end it from within the call."
)
REJOIN: Mapping[str, str] = {
    "OPEN": _("Afterwards people can rejoin with the same link, perhaps not in the first moment."),
    "TRUSTED": _("Afterwards colleagues can rejoin with the same link, perhaps not in the first moment."),
    "RESTRICTED": _("Afterwards nobody may be able to rejoin until a host is back."),
}
"""What an ending does to rejoining, by access type. Google documents it for "End meeting for all" in the call (Meet help, "Start or end
a meeting"): locked until the host returns, unless quick access is on, today access type TRUSTED or OPEN. That the API does the same is
inferred; in one live test not even the host could rejoin in the first moment."""
REJOIN_UNKNOWN = _("Afterwards people may be unable to rejoin for a while.")
LOOKS = (4, 12, 28, 58)
"""Seconds after an ending at which the room is read again: Google may show an ended call, or change settings, some time later."""
LONGEST_CHANGE = timedelta(minutes=5)
"""No change of settings takes longer; a row of the audit log that is open for longer is of a process that died."""
FORGETTING_TIME = 20  # seconds for which a worker may be taken from others once an hour


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
    and the ending is refused when another call has begun. The call is sent once, never repeated. Whatever Google answers, the
    call counts as over only when it says so or a reading shows it. Afterwards settings that Google changed are restored.

    Raises NotAllowed, Refused, or the GoogleError that tells why it failed (OutcomeUnknown: it may have ended).
    """
    access.require(actor, Permission.CONFERENCE_END, room)
    space = room.space
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
            if space is None:
                raise audit.Refused(_("This room has no Meet space, so there is no call to end."))
            if space.origin == Space.Origin.FOREIGN:
                raise audit.Refused(FOREIGN)
            if not space.owned:
                raise audit.Refused(NOT_OWNED)
            with acting_as(space.account, kind="link", lane=lane) as client:
                seen = read_space(client, space)
            entry.before = {"conference": conference, "settings": dict(seen.settings or {})}
            _check_call(seen, conference)
            if seen.active_record is None:
                entry.outcome = AuditEntry.Outcome.ALREADY
                entry.detail = _("The call was over already; nothing was sent.")
            else:
                with acting_as(space.account, kind="change", lane=lane) as client:
                    _end_once(client, space, seen.active_record, entry, lane)
                entry.after = {"conference": None}
    except audit.AlreadyAsked as again:
        return told_before(again.entry)
    if entry.outcome == AuditEntry.Outcome.ALREADY:
        return Outcome(_("The call in %(room)s was over already.") % {"room": room.name}, "info")
    Conference.objects.filter(record=conference, ended_by="").update(ended_by=actor.label)
    return _check_again(entry, lane=lane)


def rejoin(settings: Mapping[str, str]) -> str:
    """Whether people can come back after an ending, with these settings, as a sentence."""
    return REJOIN.get(settings.get("accessType", ""), REJOIN_UNKNOWN)


def _check_call(seen: resources.Space, conference: str) -> None:
    """Refuse to end anything but the call that the actor saw."""
    if seen.liveness == "unknown":
        raise audit.Refused(UNCERTAIN)
    if seen.active_record and seen.active_record != conference:
        raise audit.Refused(
            _(
                "Another call has started in this room since you looked, so nothing was ended. Look at the room "
                "again and end that one if you mean it."
            )
        )


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
        raise _unknown(error, _("Google says that no call is running, but did not confirm it. Look again."))
    if over is None and (isinstance(error, Refused) or error.code == "changed_meanwhile"):
        raise _unknown(
            error, _("Google refused to end the call and did not show whether it is still running.")
        )
    if isinstance(error, HIDDEN) and _is_ours(space, error, lane):
        error.sentence = OURS_REFUSED
    if over is False and not isinstance(error, OutcomeUnknown):
        error.sentence = joined(error.sentence, STILL_RUNNING)
    raise error


def _is_ours(space: Space, error: GoogleError, lane: Lane) -> bool:
    """Whether a space that Google hid from the ending is ours all the same. Foreign it becomes by a clear test only, and never if we
    made it; then audit.Refused is raised."""
    if not space.created_here:
        origin = find_origin(space.account, space.name, lane=lane)
        if origin not in {Space.Origin.UNTESTED, space.origin}:
            apply_origin(space, origin)
    if space.origin == Space.Origin.FOREIGN:
        raise audit.Refused(FOREIGN) from error
    return space.origin == Space.Origin.OURS


def _unknown(error: GoogleError, sentence: str) -> OutcomeUnknown:
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
        entry.detail = _(
            "Google's answer was lost on the way; reading the room again shows that the call is over."
        )
    else:
        entry.outcome = AuditEntry.Outcome.ALREADY
        entry.detail = _("The call ended in the same moment, but not by this request.")


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
        return Outcome(_("The call is over. Its room has been given another link meanwhile."), "info")
    before = entry.before or {}
    done = _("The call in %(room)s is over. Its link stays the same.") % {"room": room.name}
    try:
        with acting_as(room.space.account, kind="link", lane=lane) as client:
            after = read_space(client, room.space)
        lost = _restore(room.space, after, entry, lane)
    except GoogleError:
        return Outcome(
            joined(done, _("Checking the room afterwards did not work, so what you see may be out of date.")),
            "warning",
        )
    if after.active_record and after.active_record == before.get("conference"):
        done = _("Google has ended the call in %(room)s. It can take some seconds to show here.") % {
            "room": room.name
        }
    if lost:
        restored = _("Google had changed some settings (%(names)s); they were put back.")
        return Outcome(joined(done, restored % {"names": joined(*lost, by=", ")}))
    return Outcome(joined(done, rejoin(before.get("settings") or {})))


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
        reason=_("Google changed settings when %(person)s ended the call; put back")
        % {"person": ending.actor_name},
        before={path: current.get(path) for path in send},
        lane=lane,
    ) as entry:
        with acting_as(space.account, kind="change", lane=lane) as client:
            repaired = client.patch_space(space.name, send)
        apply_google_state(space, repaired, seen_at=timezone.now())
        entry.after = {path: (repaired.settings or {}).get(path) for path in send}
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
