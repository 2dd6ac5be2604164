"""Read who is in a call and whether it is recorded, and recognise people, devices, phones, guests and bots."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from spaces.google import resources
from spaces.google.errors import NotFound, NotPermitted, ScopeMissing
from spaces.google.meet import MeetClient
from spaces.models import (
    Conference,
    DeviceIdentity,
    Participant,
    Participation,
    Person,
    PersonAlias,
    Room,
    Space,
)
from spaces.models import recognition as rules
from spaces.models.rooms import RoomQuerySet
from spaces.sync.apply.conferences import (
    apply_participants,
    apply_recordings,
    correct_totals,
    mark_recordings_hidden,
)

RECORDINGS_AGAIN = timedelta(minutes=10)
"""How often the recordings of a call are read that is being recorded, records by itself, or has no people left in it."""
RECORDINGS_SELDOM = timedelta(minutes=30)
"""How often they are read of any other call. Where Google sends events, those tell sooner."""
AUTO_RECORDING = "artifactConfig.recordingConfig.autoRecordingGeneration"
TOO_YOUNG = timedelta(minutes=3)
"""A call that began later is not asked about for the first time: hardly anybody has pressed "Record" by then."""


def read_participants(client: MeetClient, call: Conference) -> None:
    """Read who is in the call and who was, and store it."""
    asked_at = timezone.now()
    everybody = client.participants(call.record, present_only=False)
    store_participants(call, everybody, asked_at)


def store_participants(
    call: Conference, everybody: Sequence[resources.Participant], asked_at: datetime
) -> list[Participation]:
    """Store who is in the call and who was, as Google listed them all. Return them with their kinds."""
    found = parts(call.space, everybody, seen_at=asked_at)
    apply_participants(call, found, counted_at=asked_at, hosts=hosts_of(call.space))
    return found


def parts(
    space: Space, everybody: Iterable[resources.Participant], *, seen_at: datetime
) -> list[Participation]:
    """Return the listed participants of a call in this space as rows to store. What recognition has learned about Google ids is stored."""
    listed = list(everybody)
    seen = [rules.Seen(one.kind, one.google_id or "", one.display_name) for one in listed]
    room = _room_of(space)
    known = _known(room, seen)
    found = []
    for one, this in zip(listed, seen, strict=True):
        verdict = rules.recognise(this, known)
        _learn(this, verdict, room, seen_at)
        found.append(
            Participation(
                name=one.name,
                kind=Participant.Kind(verdict.kind),
                google_id=this.google_id,
                display_name=this.display_name,
                joined_at=one.joined_at,
                left_at=one.left_at,
            )
        )
    return found


def _room_of(space: Space) -> Room | None:
    """The room whose link this is, or was."""
    mine = Q(space=space) if space.former_room_id is None else Q(space=space) | Q(pk=space.former_room_id)
    return Room.objects.select_related("building").filter(mine).first()


def _known(room: Room | None, seen: Sequence[rules.Seen]) -> rules.Known:
    """What is known about these participants of a call in this room. Asked for each list anew, because somebody may just have
    answered; the number of queries does not depend on how many they are."""
    ids = {one.google_id for one in seen if one.google_id}
    people = frozenset(
        Person.objects.filter(google_id__in=ids).values_list("google_id", flat=True) if ids else ()
    )
    identities = {
        one.google_id: rules.Identity(one.is_device, one.room_id, confirmed=one.confirmed_at is not None)
        for one in (DeviceIdentity.objects.filter(google_id__in=ids) if ids else ())
    }
    decided = {google_id for google_id, one in identities.items() if one.is_device is not None}
    unknown = [
        one.display_name
        for one in seen
        if one.kind != "phone" and one.google_id not in people and one.google_id not in decided
    ]
    names: dict[str, int] = {}
    if unknown:
        others = RoomQuerySet(Room).select_related("building").named_like(rules.candidates(unknown))
        here = [room.device_names(here=True)] if room else []
        names = rules.index([*here, *(one.device_names() for one in others.order_by("pk"))])
    return rules.Known(
        people=frozenset(one for one in people if one),
        identities=identities,
        names=names,
        bots=rules.patterns(settings.BOT_NAMES),
    )


def _learn(seen: rules.Seen, verdict: rules.Recognised, room: Room | None, seen_at: datetime) -> None:
    """Remember the Google id of a device that was recognised by its name, so that a later rename does not matter, and of an
    account that somebody should be asked about."""
    is_device = verdict.kind == rules.Kind.DEVICE
    if not seen.google_id or not (is_device or verdict.ask):
        return
    DeviceIdentity.note(
        seen.google_id,
        seen.display_name,
        room=verdict.room if is_device else (room.pk if room else None),
        is_device=True if is_device else None,
        seen_at=seen_at,
    )


def hosts_of(space: Space) -> frozenset[str]:
    """The Google ids of those known to run calls here: the account that owns the link, the room's owners and deputies, and the
    co-hosts, as far as we know who they are at Google."""
    cohosts = space.members.filter(role="COHOST").values("email")
    by_alias = PersonAlias.objects.filter(address__in=cohosts).values("person")
    people = Person.objects.filter(
        Q(ownerships__room__space=space) | Q(email__in=cohosts) | Q(pk__in=by_alias)
    )
    ids = {space.account.google_id, *people.exclude(google_id=None).values_list("google_id", flat=True)}
    return frozenset(one for one in ids if one)


def recount(call: Conference) -> None:
    """Tell anew what the participants of a running call are, from what is stored, after names or answers changed."""
    everybody = [_listed(one) for one in call.participations.all()]
    present = sum(one.left_at is None for one in everybody)
    if call.counted_at is None or present != call.heads:
        return  # not counted yet, or their names are gone: the next list tells
    found = parts(call.space, everybody, seen_at=call.counted_at)
    apply_participants(
        call, found, counted_at=call.counted_at, listed_at=call.listed_at, hosts=hosts_of(call.space)
    )


_KINDS: dict[str, resources.ParticipantKind] = {
    Participant.Kind.PHONE: "phone",
    Participant.Kind.GUEST: "guest",
}


def _listed(part: Participation) -> resources.Participant:
    """A stored participant as Google had listed it. Only those who are signed in have a Google id."""
    kind = _KINDS.get(
        part.kind, "guest" if part.kind == Participant.Kind.BOT and not part.google_id else "signed_in"
    )
    return resources.Participant(
        name=part.name,
        kind=kind,
        google_id=part.google_id or None,
        display_name=part.display_name,
        joined_at=part.joined_at,
        left_at=part.left_at,
    )


def recount_everywhere(google_id: str, kind: Participant.Kind) -> None:
    """Count somebody as this kind in all calls: running ones are counted again, in past ones the totals are corrected."""
    correct_totals(google_id, kind)
    running = Conference.objects.filter(ended_at=None, participations__google_id=google_id)
    for call in running.select_related("space__account").distinct():
        recount(call)


# Recordings


def read_recordings(client: MeetClient, call: Conference) -> None:
    """Read whether the call is being recorded. That Google hides its recordings from us is no reason to ask again soon."""
    asked_at = timezone.now()
    try:
        apply_recordings(call, client.recordings(call.record), read_at=asked_at)
    except ScopeMissing:
        raise
    except (NotFound, NotPermitted):
        mark_recordings_hidden(call, read_at=asked_at)


def recordings_due(call: Conference, now: datetime, *, people: bool) -> bool:
    """Whether the recordings of a running call should be read along with its participants. `people`: there are some in it.

    Google tells of a recording only to who asks for it, one reading a call, so those are read often where a recording matters
    or is likely, and seldom elsewhere.
    """
    automatic = call.space.settings.get(AUTO_RECORDING) == "ON"
    likely = automatic or call.recording_since is not None or not people
    if call.recordings_read_at is None:
        return automatic or call.started_at is None or call.started_at < now - TOO_YOUNG
    return call.recordings_read_at < now - (RECORDINGS_AGAIN if likely else RECORDINGS_SELDOM)
