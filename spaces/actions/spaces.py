"""Verbs about a room's Meet space: create, adopt, configure, refresh."""

import logging
from collections.abc import Mapping

from django.db import IntegrityError, transaction
from django.utils import timezone

from spaces import access, audit, live
from spaces.access import Actor, Permission
from spaces.actions.outcomes import Outcome, told_before
from spaces.google import codes, config, resources
from spaces.google.errors import AccessRefused, GoogleError, NotPermitted, OutcomeUnknown, Refused
from spaces.google.meet import MeetClient
from spaces.meet import Lane
from spaces.models import Account, AuditEntry, Room, Space
from spaces.sync.apply.spaces import apply_google_state, apply_refused_settings, store_space
from spaces.sync.clients import acting_as, owners_for, resolve_space
from spaces.sync.readings import find_origin, read_space, sync_space
from spaces.words import Text, joined, within
from spaces.words import text as _

logger = logging.getLogger(__name__)


def create(
    *,
    room: Room,
    account: Account,
    wanted: Mapping[str, str],
    reason: str,
    actor: Actor,
    key: str = "",
    lane: Lane = Lane.INTERACTIVE,
) -> Outcome:
    """Create a new Meet space owned by `account` and give it to the room; an earlier space is kept in its history.

    Creating is not idempotent at Google and takes no request id (Meet REST guide, "Create a meeting space"), so it is sent
    once. Raises NotAllowed, ValueError (unknown setting), or a GoogleError; after OutcomeUnknown a space may exist that
    nobody can list.
    """
    access.require(actor, Permission.SPACE_CREATE, room)
    access.require_account(actor, account)
    config.check(wanted)
    earlier = room.space
    try:
        with audit.attempt(
            permission=Permission.SPACE_CREATE,
            actor=actor,
            room=room,
            reason=reason,
            before={"space": earlier.name if earlier else None, "settings": dict(wanted)},
            key=key,
            lane=lane,
        ) as entry:
            asked_at = timezone.now()
            with acting_as(account, kind="change", lane=lane) as client:
                try:
                    made = client.create_space(wanted)
                except OutcomeUnknown as error:
                    raise OutcomeUnknown(
                        _(
                            "Google did not answer clearly. A space may have been created that nobody can find or "
                            "delete; the room has none of it. Try again when Google answers. (%(why)s)"
                        )
                        % {"why": error.sentence},
                        detail=error.detail,
                    ) from error
            space = store_space(
                made, account=account, origin=Space.Origin.OURS, asked_at=asked_at, created_here=True
            )
            assign(room, space)
            entry.space_name = space.name
            entry.after = {"space": space.name, "code": space.meeting_code, "settings": space.settings}
            missed = {
                change.setting.path: _why_kept(space, change.setting.path)
                for change in config.diff(space.settings, wanted)
            }
            apply_refused_settings(space, wanted, missed)
            refused = [config.BY_PATH[path].label for path in missed]
            entry.detail = (
                _("Google did not take: %(names)s.") % {"names": joined(*refused, by=", ")} if refused else ""
            )
    except audit.AlreadyAsked as again:
        return told_before(again.entry)
    made_sentence = _("%(room)s now has the link %(code)s.") % {"room": room.name, "code": space.meeting_code}
    if refused:
        return Outcome(joined(made_sentence, entry.detail, _("The room shows what holds now.")), "warning")
    return Outcome(made_sentence)


def adopt(
    *,
    room: Room,
    text: str,
    account: Account | None,
    reason: str,
    actor: Actor,
    key: str = "",
    lane: Lane = Lane.INTERACTIVE,
) -> Outcome:
    """Give the room an existing space, named by a pasted code, link or `spaces/{id}`.

    Without `account` every working account is asked until one turns out to be the owner. A code is resolved first and never
    used where Google wants an id. Raises NotAllowed, audit.Refused or a GoogleError.
    """
    access.require(actor, Permission.SPACE_ADOPT, room)
    if account:
        access.require_account(actor, account)
    parsed = codes.parse_one(text)
    earlier = room.space
    try:
        with audit.attempt(
            permission=Permission.SPACE_ADOPT,
            actor=actor,
            room=room,
            reason=reason,
            before={"space": earlier.name if earlier else None, "pasted": parsed.value},
            key=key,
            lane=lane,
        ) as entry:
            sighting = resolve_space(parsed, [account] if account else owners_for(actor), lane=lane)
            if sighting is None:
                raise audit.Refused(
                    _(
                        "Google shows none of our accounts a meeting behind %(code)s. The code may have expired, "
                        "may be mistyped, or the meeting is hidden from us."
                    )
                    % {"code": parsed.value}
                )
            found, owner = sighting.space, sighting.account
            if sighting.unheard and not found.asked_by_owner:
                raise sighting.unheard  # that account may be the owner
            taken = Room.objects.filter(space__name=found.name).exclude(pk=room.pk).first()
            if taken:
                raise audit.Refused(
                    _(
                        "This link already belongs to %(room)s (%(building)s). Two rooms with one link would end "
                        "each other's calls."
                    )
                    % {"room": taken.name, "building": taken.building.name}
                )
            if not access.may_take_link(actor, Space.objects.filter(name=found.name).first()):
                raise audit.Refused(
                    _(
                        "This link was in a room outside your buildings before, and its calls would come along. Ask an admin of that "
                        "building, or create a new link."
                    )
                )
            origin = find_origin(owner, found.name, lane=lane) if found.asked_by_owner else _UNTESTED
            space = store_space(found, account=owner, origin=origin, asked_at=sighting.asked_at)
            assign(room, space)
            entry.space_name = space.name
            entry.after = {"space": space.name, "code": space.meeting_code, "origin": space.origin}
    except audit.AlreadyAsked as again:
        return told_before(again.entry)
    if not space.owned:
        return Outcome(
            _(
                "%(room)s now has the link %(code)s, but none of the connected accounts owns it: "
                "Meetadmin can show the link, not the call, and can neither set it up nor end it."
            )
            % {"room": room.name, "code": space.meeting_code},
            "warning",
        )
    if space.origin == Space.Origin.FOREIGN:
        return Outcome(
            _(
                "%(room)s now has the link %(code)s. It was made outside this dashboard: settings can be "
                "changed here, but Google lets only the app that made it end its calls."
            )
            % {"room": room.name, "code": space.meeting_code},
            "warning",
        )
    return Outcome(_("%(room)s now has the link %(code)s.") % {"room": room.name, "code": space.meeting_code})


_UNTESTED = Space.Origin.UNTESTED


def assign(room: Room, space: Space) -> None:
    """Make this the room's space; the one before goes into the room's history, where its old links are still found.

    Raises audit.Refused when another room took the space in the same moment.
    """
    try:
        with transaction.atomic():
            # As it is now: somebody else may have given the room a link since it was loaded.
            earlier = Room.objects.select_for_update().values_list("space", flat=True).get(pk=room.pk)
            if earlier and earlier != space.pk:
                Space.objects.filter(pk=earlier).update(former_room=room, retired_at=timezone.now())
            Space.objects.filter(pk=space.pk).update(former_room=None, retired_at=None)
            Room.objects.filter(pk=room.pk).update(space=space)
            live.rooms_changed([room.pk])
    except IntegrityError:
        raise audit.Refused(_("Another room was given this link in the same moment.")) from None
    space.refresh_from_db()
    room.space = space


def configure(
    *,
    room: Room,
    wanted: Mapping[str, str],
    seen: Mapping[str, str],
    reason: str,
    actor: Actor,
    key: str = "",
    lane: Lane = Lane.INTERACTIVE,
) -> Outcome:
    """Change settings of the room's space from what the actor saw to what they want.

    Only what differs is sent, under an explicit mask (Meet REST guide, "Configure meeting spaces"), and only if nobody has
    changed those settings since. Google's reply is believed: what it did not take is told. Raises NotAllowed, ValueError
    (unknown setting), audit.Refused or a GoogleError.
    """
    access.require(actor, Permission.SETTINGS_CHANGE, room)
    config.check(wanted, current=seen)
    space = room.space
    try:
        with audit.attempt(
            permission=Permission.SETTINGS_CHANGE,
            actor=actor,
            room=room,
            reason=reason,
            before=dict(seen),
            key=key,
            lane=lane,
        ) as entry:
            if space is None:
                raise audit.Refused(_("This room has no Meet space to set up."))
            if not space.owned:
                raise audit.Refused(
                    _("None of the connected accounts owns this meeting, so Google would refuse the change.")
                )
            with acting_as(space.account, kind="link", lane=lane) as client:
                now = read_space(client, space)
            if now.settings is None:
                raise audit.Refused(
                    _("Google did not show the settings of this Meet link. Nothing was saved; try again.")
                )
            current = dict(now.settings)
            touched = [change.setting for change in config.diff(seen, wanted)]
            moved = [one.label for one in touched if current.get(one.path) != seen.get(one.path)]
            if moved:
                raise audit.Refused(
                    _(
                        "Somebody changed this in the meantime: %(names)s. Nothing was saved; your choices are "
                        "below, compared with what holds now."
                    )
                    % {"names": joined(*moved, by=", ")}
                )
            send = config.to_send(current, {one.path: wanted[one.path] for one in touched})
            entry.before = {path: current.get(path) for path in send}
            if not send:
                entry.outcome = AuditEntry.Outcome.ALREADY
                entry.detail = _("Everything was set like this already.")
                refused: dict[str, str] = {}
            else:
                with acting_as(space.account, kind="change", lane=lane) as client:
                    refused = _patch(client, space, send)
                apply_refused_settings(space, send, refused)
                entry.after = {path: space.settings.get(path) for path in send}
                if refused:
                    entry.detail = _("Google did not take: %(names)s.") % {"names": _named(refused)}
                    if len(refused) == len(send):
                        entry.outcome = AuditEntry.Outcome.REFUSED
    except audit.AlreadyAsked as again:
        return told_before(again.entry)
    if entry.outcome == AuditEntry.Outcome.ALREADY:
        return Outcome(_("Nothing to save: everything was set like this already."), "info")
    if refused:
        return Outcome(joined(entry.detail, _("The room shows what holds now.")), "warning")
    return Outcome(_("The settings of %(room)s are saved.") % {"room": room.name})


def _why_kept(space: Space, path: str) -> str:
    """Why Google answered with another value than it was sent, without calling that an error."""
    if path in config.RESET_BY_MODERATION_OFF and space.settings.get(config.MODERATION) == "OFF":
        return _("it has no effect while host management is off")
    return _("a rule of the organisation keeps it as it was")


def _named(refused: Mapping[str, str]) -> Text:
    """What was not taken and why, in one line."""
    named = [
        Text("%(name)s (%(why)s)") % {"name": config.BY_PATH[path].label, "why": within(why)}
        for path, why in refused.items()
    ]
    return joined(*named, by="; ")


_REFUSALS = (Refused, NotPermitted, AccessRefused)
"""What may be about single settings only, so that others are taken: a licence or a rule of the organisation comes in any of them."""


def _patch(client: MeetClient, space: Space, send: Mapping[str, str]) -> dict[str, str]:
    """Send the settings; when Google refuses them together, one by one, to learn which. Returns what was not taken, path to
    reason. Raises the refusal itself when nothing at all was taken."""
    refused: dict[str, str] = {}
    reply: resources.Space | None = None
    saved: set[str] = set()
    try:
        reply = client.patch_space(space.name, send)
        answered_at = timezone.now()
    except _REFUSALS as error:
        if len(send) == 1:
            apply_refused_settings(space, send, dict.fromkeys(send, error.sentence))
            raise
        for path, value in send.items():
            try:
                reply = client.patch_space(space.name, {path: value})
                answered_at = timezone.now()
            except _REFUSALS as one:
                refused[path] = one.sentence
            except GoogleError as one:
                if reply is None:
                    raise
                # Some of it is saved: say which is not, rather than that nothing was.
                refused |= {rest: one.sentence for rest in send if rest not in saved and rest not in refused}
                break
            else:
                saved.add(path)
        if reply is None:
            apply_refused_settings(space, send, refused)
            raise error from None
    apply_google_state(space, reply, seen_at=answered_at)
    holds = reply.settings or {}
    for path, value in send.items():
        if path not in refused and holds.get(path) != value:
            refused[path] = _why_kept(space, path)
    return refused


def refresh(*, room: Room, actor: Actor, lane: Lane = Lane.INTERACTIVE) -> Outcome:
    """Ask Google about this room now: code, settings, members, whether a call is on and who is in. Only reads; not audited.

    Raises NotAllowed, audit.Refused or a GoogleError; a refusal opens a doubt about the space (`read_space`).
    """
    access.require(actor, Permission.SPACE_REFRESH, room)
    space = room.space
    if space is None:
        raise audit.Refused(_("This room has no Meet space to ask about."))
    sync_space(space, lane=lane)
    return Outcome(_("%(room)s is fresh: this is what Google says now.") % {"room": room.name})
