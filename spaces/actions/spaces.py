"""Verbs about a room's Meet space: create, adopt, configure, refresh."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.utils import timezone

from spaces import access, audit, live
from spaces.access import Actor, Permission
from spaces.actions.outcomes import Outcome, Rejection, duplicate
from spaces.actions.settings_change import (
    Reason,
    SettingsChange,
    blocks_joining,
    named,
    patch,
    settings_change,
    why_kept,
)
from spaces.google import codes, config
from spaces.google.errors import OutcomeUnknown
from spaces.meet import Lane
from spaces.message import Message
from spaces.models import Account, AuditEntry, Room, Space
from spaces.sync.apply.spaces import apply_refused_settings, store_space
from spaces.sync.clients import ResolvedSpace, acting_as, owners_for, resolve_space
from spaces.sync.readings import find_origin, read_space, sync_space

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CreateChange:
    """What creating a link would do: `replaces` is the room's link so far. `blocks_joining`: nobody could join by the normal link."""

    account: Account
    replaces: Space | None
    blocks_joining: bool


def check_create(
    *, room: Room, account: Account, wanted: Mapping[str, str], actor: Actor
) -> CreateChange | Rejection:
    """Return what `create` would do. Raises NotAllowed, or ValueError for an unknown setting."""
    access.require(actor, Permission.SPACE_CREATE, room)
    access.require_account(actor, account)
    config.check(wanted)
    return CreateChange(
        account=account, replaces=room.space, blocks_joining=blocks_joining(wanted=wanted, seen={})
    )


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
    once. Raises NotAllowed, ValueError (unknown setting), ActionRejected or a GoogleError; after OutcomeUnknown a space may exist that
    nobody can list.
    """
    change = check_create(room=room, account=account, wanted=wanted, actor=actor)
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
            if isinstance(change, Rejection):
                raise audit.ActionRejected.of(change)
            space = _create_at_google(account, wanted, lane)
            assign(room, space)
            entry.space_name = space.name
            entry.after = {"space": space.name, "code": space.meeting_code, "settings": space.settings}
            missed = {
                change.setting.path: why_kept(space, change.setting.path)
                for change in config.diff(space.settings, wanted)
            }
            apply_refused_settings(space, wanted, missed)
            refused = tuple(config.BY_PATH[path].label for path in missed)
            if refused:
                entry.detail = Message("settings.refused", {"names": refused})
    except audit.DuplicateRequest as again:
        return duplicate(again.entry)
    params = {"room": room.name, "code": space.meeting_code}
    if refused:
        return Outcome("link.created_partly", {**params, "names": refused}, "warning")
    return Outcome("link.created", params)


def _create_at_google(account: Account, wanted: Mapping[str, str], lane: Lane) -> Space:
    """Create a space once and store it. Raises a GoogleError."""
    asked_at = timezone.now()
    with acting_as(account, kind="change", lane=lane) as client:
        try:
            made = client.create_space(wanted)
        except OutcomeUnknown as error:
            sentence = Message("link.creation_unknown", {"why": error.sentence})
            raise OutcomeUnknown(sentence, detail=error.detail) from error
    return store_space(made, account=account, origin=Space.Origin.OURS, asked_at=asked_at, created_here=True)


@dataclass(frozen=True, slots=True)
class AdoptChange:
    """What adopting would do: the space that Google shows for the text, and the account that owns it if `sighting.space.asked_by_owner`.
    `replaces` is the room's link so far."""

    sighting: ResolvedSpace
    replaces: Space | None


def check_adopt(
    *, room: Room, parsed: codes.Parsed, account: Account | None, actor: Actor, lane: Lane = Lane.INTERACTIVE
) -> AdoptChange | Rejection:
    """Return which existing space the room would get, or why it cannot. Asks Google, but only reads.

    Raises NotAllowed, ActionRejected (no code) or a GoogleError.
    """
    access.require(actor, Permission.SPACE_ADOPT, room)
    if account:
        access.require_account(actor, account)
    sighting = resolve_space(parsed, [account] if account else owners_for(actor), lane=lane)
    if sighting is None:
        return Rejection("link.hidden", {"code": parsed.value})
    if sighting.unheard and not sighting.space.asked_by_owner:
        raise sighting.unheard  # that account may be the owner
    taken = Room.objects.filter(space__name=sighting.space.name).exclude(pk=room.pk).first()
    if taken:
        return Rejection("link.taken", {"room": taken.name, "building": taken.building.name})
    if not access.may_take_link(actor, Space.objects.filter(name=sighting.space.name).first()):
        return Rejection("link.from_other_building")
    return AdoptChange(sighting=sighting, replaces=room.space)


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
    used where Google wants an id. Raises NotAllowed, ActionRejected or a GoogleError.
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
            change = check_adopt(room=room, parsed=parsed, account=account, actor=actor, lane=lane)
            if isinstance(change, Rejection):
                raise audit.ActionRejected.of(change)
            space = _keep_sighting(change.sighting, lane)
            assign(room, space)
            entry.space_name = space.name
            entry.after = {"space": space.name, "code": space.meeting_code, "origin": space.origin}
    except audit.DuplicateRequest as again:
        return duplicate(again.entry)
    params = {"room": room.name, "code": space.meeting_code}
    if not space.owned:
        return Outcome("link.adopted_not_owned", params, "warning")
    if space.origin == Space.Origin.FOREIGN:
        return Outcome("link.adopted_made_elsewhere", params, "warning")
    return Outcome("link.adopted", params)


def _keep_sighting(sighting: ResolvedSpace, lane: Lane) -> Space:
    found, owner = sighting.space, sighting.account
    origin = find_origin(owner, found.name, lane=lane) if found.asked_by_owner else _UNTESTED
    return store_space(found, account=owner, origin=origin, asked_at=sighting.asked_at)


_UNTESTED = Space.Origin.UNTESTED


def assign(room: Room, space: Space) -> None:
    """Make this the room's space; the one before goes into the room's history, where its old links are still found.

    Raises ActionRejected when another room took the space in the same moment.
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
        raise audit.ActionRejected("link.taken_meanwhile") from None
    space.refresh_from_db()
    room.space = space


def check_configure(
    *, room: Room, wanted: Mapping[str, str], seen: Mapping[str, str], actor: Actor
) -> SettingsChange | Rejection:
    """Return what changing settings from `seen` to `wanted` would do, or why Google would refuse it. Reads only what is stored.

    Raises NotAllowed, or ValueError for an unknown setting.
    """
    access.require(actor, Permission.SETTINGS_CHANGE, room)
    config.check(wanted, current=seen)
    space = room.space
    if space is None:
        return Rejection("settings.no_link")
    if not space.owned:
        return Rejection("settings.not_owned")
    return settings_change(space=space, seen=seen, wanted=wanted)


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
    changed those settings since. Google's reply is believed: what it did not accept is named. Raises NotAllowed, ValueError
    (unknown setting), ActionRejected or a GoogleError.
    """
    change = check_configure(room=room, wanted=wanted, seen=seen, actor=actor)
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
            if isinstance(change, Rejection):
                raise audit.ActionRejected.of(change)
            refused = _save(change.space, wanted, seen, entry, lane)
    except audit.DuplicateRequest as again:
        return duplicate(again.entry)
    if entry.outcome == AuditEntry.Outcome.ALREADY:
        return Outcome("settings.unchanged", level="info")
    if refused:
        return Outcome("settings.saved_partly", {"names": named(refused)}, "warning")
    return Outcome("settings.saved", {"room": room.name})


def _save(
    space: Space, wanted: Mapping[str, str], seen: Mapping[str, str], entry: AuditEntry, lane: Lane
) -> Mapping[str, Reason]:
    """Read the settings and send what differs. Returns what Google did not accept, path to reason.

    Raises ActionRejected when somebody else changed one of these settings, or a GoogleError.
    """
    with acting_as(space.account, kind="link", lane=lane) as client:
        now = read_space(client, space)
    if now.settings is None:
        raise audit.ActionRejected("settings.hidden")
    current = dict(now.settings)
    touched = [change.setting for change in config.diff(seen, wanted)]
    moved = tuple(one.label for one in touched if current.get(one.path) != seen.get(one.path))
    if moved:
        raise audit.ActionRejected("settings.changed", {"names": moved})
    send = config.to_send(current, {one.path: wanted[one.path] for one in touched})
    entry.before = {path: current.get(path) for path in send}
    if not send:
        entry.outcome = AuditEntry.Outcome.ALREADY
        entry.detail = Message("settings.unchanged")
        return {}
    with acting_as(space.account, kind="change", lane=lane) as client:
        refused = patch(client, space, send)
    apply_refused_settings(space, send, refused)
    entry.after = {path: space.settings.get(path) for path in send}
    if refused:
        entry.detail = Message("settings.refused", {"names": named(refused)})
        if len(refused) == len(send):
            entry.outcome = AuditEntry.Outcome.REFUSED
    return refused


def refresh(*, room: Room, actor: Actor, lane: Lane = Lane.INTERACTIVE) -> Outcome:
    """Ask Google about this room now: code, settings, members, whether a call is on and who is in. Only reads; not audited.

    Raises NotAllowed, ActionRejected or a GoogleError; a refusal opens a doubt about the space (`read_space`).
    """
    access.require(actor, Permission.SPACE_REFRESH, room)
    space = room.space
    if space is None:
        raise audit.ActionRejected("room.nothing_to_refresh")
    sync_space(space, lane=lane)
    return Outcome("room.refreshed", {"room": room.name})
