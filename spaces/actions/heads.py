"""Who is in a call: read from Google, told apart by kind. Shared by the verbs."""

from collections.abc import Iterable

from django.db.models import Q
from django.utils import timezone

from spaces.google import resources
from spaces.google.meet import MeetClient
from spaces.models import Conference, Participant, Participation, Person, PersonAlias, Room, Space


def count_heads(client: MeetClient, call: Conference, devices: frozenset[str]) -> None:
    """Count who is in the call, by kind, and note when anybody last came or went.

    Google shows a room device as a signed-in user under the device's name (Meet REST reference, "participants"), so the
    names of our devices, in lower case, tell them from people.
    """
    asked_at = timezone.now()
    everybody = client.participants(call.record, present_only=False)
    call.count(parts(everybody, devices), counted_at=asked_at, hosts=hosts_of(call.space))


def parts(everybody: Iterable[resources.Participant], devices: frozenset[str]) -> list[Participation]:
    """What Google lists of a call, as we keep it."""
    return [_part(one, devices) for one in everybody]


def _part(one: resources.Participant, devices: frozenset[str]) -> Participation:
    if one.kind == "guest":
        kind = Participant.Kind.GUEST
    elif one.kind == "phone":
        kind = Participant.Kind.PHONE
    else:
        is_device = one.display_name.strip().lower() in devices
        kind = Participant.Kind.DEVICE if is_device else Participant.Kind.PERSON
    return Participation(
        name=one.name,
        kind=kind,
        google_id=one.google_id or "",
        display_name=one.display_name,
        joined_at=one.joined_at,
        left_at=one.left_at,
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


def device_names() -> frozenset[str]:
    """The names of all our room devices, in lower case: a device may sit in another room's call."""
    names = Room.objects.exclude(device_name="").values_list("device_name", flat=True)
    return frozenset(name.strip().lower() for name in names)
