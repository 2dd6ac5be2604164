"""Plain functions that make rows. Everything not named gets a sensible value."""

from datetime import datetime, timedelta
from itertools import count
from typing import Any

from django.utils import timezone

from spaces.models import (
    Account,
    Building,
    Conference,
    Ownership,
    Participant,
    Person,
    Role,
    Room,
    Space,
    Subscription,
)
from spaces.models.spaces import Liveness

_numbers = count(1)


def begin_anew() -> None:
    """Count from one again, so that names, and with them the order of lists, do not depend on what was made before."""
    global _numbers  # noqa: PLW0603
    _numbers = count(1)


def make_person(email: str = "", *, role: str = Role.COLLEAGUE, **fields: Any) -> Person:
    """Somebody who has signed in before."""
    number = next(_numbers)
    address = email or f"colleague-{number:02}@example.com"
    fields.setdefault("google_id", f"1{number:020}")
    person = Person(email=address, role=role, **fields)
    person.set_unusable_password()
    person.save()
    return person


def make_building(code: str = "BER", **fields: Any) -> Building:
    """A site; the same code gives the same one."""
    fields.setdefault("name", {"BER": "Berlin", "MUC": "Munich"}.get(code, code))
    return Building.objects.get_or_create(code=code, defaults=fields)[0]


def make_account(email: str = "rooms-ber@example.com", **fields: Any) -> Account:
    """A room mailbox under delegation; the same address gives the same one."""
    fields.setdefault("kind", Account.Kind.DELEGATED)
    fields.setdefault("status", Account.Status.OK)
    fields.setdefault("harvested_to", timezone.now())
    return Account.objects.get_or_create(email=email, defaults=fields)[0]


def make_subscription(account: Account, **fields: Any) -> Subscription:
    """The account's subscription to events: active, made an hour ago, good for a week."""
    now = timezone.now()
    fields.setdefault("name", f"subscriptions/test-{account.pk}")
    fields.setdefault("state", Subscription.State.ACTIVE)
    fields.setdefault("created_at", now - timedelta(hours=1))
    fields.setdefault("expires_at", now + timedelta(days=6))
    return Subscription.objects.create(account=account, **fields)


def make_space(code: str = "", **fields: Any) -> Space:
    """A space of ours, seen idle just now."""
    number = next(_numbers)
    letters = "".join(chr(97 + number // 26**place % 26) for place in range(4))
    code = code or f"abc-{letters}-xyz"
    fields.setdefault("account", make_account())
    fields.setdefault("owned", True)
    fields.setdefault("origin", Space.Origin.OURS)
    fields.setdefault("name", f"spaces/test{number:08}")
    fields.setdefault("seen_at", timezone.now())
    fields.setdefault("checked_at", timezone.now())
    fields.setdefault("code_confirmed_at", timezone.now())
    fields.setdefault("liveness", Liveness.IDLE)
    fields.setdefault("settings", {"accessType": "TRUSTED", "moderation": "OFF"})
    return Space.objects.create(meeting_code=code, meeting_uri=f"https://meet.google.com/{code}", **fields)


def make_room(
    name: str = "",
    *,
    building: Building | None = None,
    space: Space | None = None,
    owners: tuple[Person, ...] = (),
    deputies: tuple[Person, ...] = (),
    with_space: bool = True,
    **fields: Any,
) -> Room:
    """A room with a space, unless told otherwise."""
    number = next(_numbers)
    fields.setdefault("slug", f"room-{number}")
    if with_space and space is None:
        space = make_space()
    room = Room.objects.create(
        name=name or f"Room {number}", building=building or make_building(), space=space, **fields
    )
    for person in owners:
        Ownership.objects.create(room=room, person=person)
    for person in deputies:
        Ownership.objects.create(room=room, person=person, kind=Ownership.Kind.DEPUTY)
    return room


def make_call(
    space: Space,
    *,
    people: tuple[Person, ...] = (),
    devices: int = 0,
    guests: int = 0,
    phones: int = 0,
    bots: int = 0,
    ago: timedelta = timedelta(minutes=20),
    same_for: timedelta | None = None,
    now: datetime | None = None,
) -> Conference:
    """A running call, seen and counted just now. `same_for`: how long nobody has come or gone."""
    now = now or timezone.now()
    number = next(_numbers)
    call = Conference.objects.create(
        record=f"conferenceRecords/test-{number}",
        space=space,
        started_at=now - ago,
        people=len(people),
        devices=devices,
        guests=guests,
        phones=phones,
        bots=bots,
        counted_at=now,
        listed_at=now,
        same_since=now - (ago if same_for is None else same_for),
        peak=len(people) + devices + guests + phones + bots,
    )
    kinds = (
        [Participant.Kind.DEVICE] * devices
        + [Participant.Kind.GUEST] * guests
        + [Participant.Kind.PHONE] * phones
        + [Participant.Kind.BOT] * bots
    )
    rows = [(Participant.Kind.PERSON, person.google_id or "", person.handle) for person in people]
    rows += [(kind, "", f"{kind} {index}") for index, kind in enumerate(kinds)]
    for index, (kind, google_id, name) in enumerate(rows):
        Participant.objects.create(
            conference=call,
            name=f"{call.record}/participants/{index}",
            kind=kind,
            google_id=google_id,
            display_name=name,
            joined_at=now - ago,
        )
    call.recompute_stuck_at()
    Space.objects.filter(pk=space.pk).update(liveness=Liveness.ACTIVE, conference=call, seen_at=now)
    space.refresh_from_db()
    return call


def room_in(state: str, owner: Person | None, name: str = "") -> Room:
    """A room in a state that a page has its own words, and its own main action, for."""
    owners = (owner,) if owner else ()
    if state == "none":
        return make_room(name, owners=owners, with_space=False)
    special: dict[str, dict[str, Any]] = {
        "foreign": {"origin": Space.Origin.FOREIGN},
        "not owned": {"owned": False, "liveness": Liveness.UNKNOWN},
        "ageing": {"code_confirmed_at": timezone.now() - timedelta(days=310)},
        "dead": {"trouble": Space.Trouble.NOT_FOUND, "liveness": Liveness.UNKNOWN},
        "unknown": {"liveness": Liveness.UNKNOWN, "seen_at": None},
    }
    fields = special.get(state, {})
    if state == "broken":
        trouble = {"status": Account.Status.BROKEN, "problem": "Delegation was withdrawn."}
        fields = {"account": make_account("rooms-old@example.com", **trouble)}
    space = make_space(**fields)
    room = make_room(name, space=space, owners=owners)
    if state in {"live", "foreign"}:
        make_call(space, guests=2, devices=1)
    elif state == "stuck":
        make_call(space, devices=2, ago=timedelta(hours=5))
    room.refresh_from_db()  # its state follows from what was made after it
    return room
