"""Verbs about room devices: say what a participant is."""

from typing import Any

from django.db import transaction
from django.utils import timezone

from spaces import access, audit
from spaces.access import Actor, Permission
from spaces.actions.outcomes import Outcome, duplicate
from spaces.models import DeviceIdentity, Participant, Participation, Person, Room
from spaces.sync.participants import recount_everywhere


def identify(*, room: Room, participant: str, is_device: bool, actor: Actor, key: str = "") -> Outcome:
    """Store whether a participant of this room's calls is a room device or a person, by its Google id, and count anew.

    `participant` is Google's name, `conferenceRecords/…/participants/…`. The answer holds in every room and can be changed by
    another answer. Raises NotAllowed, or ActionRejected when the participant is unknown, has no Google id, or signs in here.
    """
    access.require(actor, Permission.DEVICE_IDENTIFY, room)
    listed = Participation.objects.filter(name=participant, conference__space__room=room).first()
    if listed is None:
        raise audit.ActionRejected("device.not_listed")
    if not listed.google_id:
        raise audit.ActionRejected("device.no_account")
    if is_device and Person.objects.filter(google_id=listed.google_id).exists():
        raise audit.ActionRejected("device.signs_in", {"name": listed.display_name})
    try:
        with transaction.atomic():
            before, after = _store(listed, room, actor, is_device=is_device)
            audit.note(
                permission=Permission.DEVICE_IDENTIFY,
                actor=actor,
                room=room,
                before=before,
                after=after,
                key=key,
            )
            recount_everywhere(
                listed.google_id, Participant.Kind.DEVICE if is_device else Participant.Kind.PERSON
            )
    except audit.DuplicateRequest as again:
        return duplicate(again.entry)
    if is_device:
        return Outcome("device.is_device", {"name": listed.display_name})
    return Outcome("device.is_person", {"name": listed.display_name})


def _store(
    listed: Participation, room: Room, actor: Actor, *, is_device: bool
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Keep the answer; returns what the audit log shows as before and after. A person's name is kept in neither."""
    known, _made = DeviceIdentity.objects.select_for_update().get_or_create(google_id=listed.google_id)
    before = _shown(known)
    known.is_device = is_device
    known.display_name = listed.display_name if is_device else ""
    known.room = (known.room or room) if is_device else None
    known.confirmed_by = actor if isinstance(actor, Person) else None
    known.confirmed_at = known.seen_at = timezone.now()
    known.save()
    return before, _shown(known)


def _shown(identity: DeviceIdentity) -> dict[str, Any]:
    kinds = {True: "room device", False: "person", None: "unknown"}
    shown: dict[str, Any] = {"participant": kinds[identity.is_device]}
    if identity.is_device:
        shown |= {"device": identity.display_name, "room": identity.room.name if identity.room else None}
    return shown
