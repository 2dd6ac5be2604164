"""Fill an empty installation with rooms and links in bulk, for demonstrations and measurements against a simulator."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from django.db import transaction
from django.utils import timezone

from spaces import access, audit
from spaces.access import Actor, Permission
from spaces.actions.rooms import RoomFacts, address_of
from spaces.google import resources
from spaces.message import Message
from spaces.models import Account, Conference, Ownership, Person, Room, Space
from spaces.models.spaces import Liveness
from spaces.sync.apply.spaces import columns_of

AT_ONCE = 500  # rooms a transaction


@dataclass(frozen=True, slots=True)
class Seed:
    """A room to add, with its link as the account that owns it reads it from Google."""

    room: RoomFacts
    space: resources.Space
    account: Account
    created_by_app: bool
    started_at: datetime | None = None  # of the running call


def add_rooms(*, seeds: Iterable[Seed], actor: Actor, progress: Callable[[int], None]) -> int:
    """Add rooms that are not there yet, and return how many. `progress` is told after each batch how many were looked at.

    Safe to repeat, also after a run that was ended in the middle. The audit log gets one entry a building and batch. Raises NotAllowed.
    """
    access.require(actor, Permission.ROOM_CREATE)
    access.require(actor, Permission.SPACE_ADOPT)
    known = set(Room.objects.values_list("building", "name"))
    addresses = set(Room.objects.values_list("slug", flat=True))
    people: dict[str, Person] = {}
    looked_at = added = 0
    for batch in _batches(seeds):
        new = [seed for seed in batch if (seed.room.building.pk, seed.room.name) not in known]
        for email in {
            email for seed in new for email in (*seed.room.owners, *seed.room.deputies)
        } - people.keys():
            people[email] = Person.objects.named(email)
        _add(new, addresses, people, actor, read_at=timezone.now())
        looked_at, added = looked_at + len(batch), added + len(new)
        progress(looked_at)
    return added


def _batches(seeds: Iterable[Seed]) -> Iterator[list[Seed]]:
    remaining = iter(seeds)
    while batch := list(islice(remaining, AT_ONCE)):
        yield batch


def _add(
    seeds: Sequence[Seed], addresses: set[str], people: dict[str, Person], actor: Actor, *, read_at: datetime
) -> None:
    with transaction.atomic():
        spaces = Space.objects.bulk_create([_space(seed, read_at) for seed in seeds])
        _add_calls(seeds, spaces, read_at)
        rooms = []
        for seed, space in zip(seeds, spaces, strict=True):
            address = address_of(seed.room, addresses.__contains__)
            addresses.add(address)
            rooms.append(_room(seed.room, address, space))
        Room.objects.bulk_create(rooms)
        Ownership.objects.bulk_create(
            Ownership(room=room, person=people[email], kind=kind)
            for seed, room in zip(seeds, rooms, strict=True)
            for kind, emails in (
                (Ownership.Kind.OWNER, seed.room.owners),
                (
                    Ownership.Kind.DEPUTY,
                    [email for email in seed.room.deputies if email not in seed.room.owners],
                ),
            )
            for email in emails
        )
        for building, number in Counter(room.building for room in rooms).items():
            audit.note(
                permission=Permission.ROOM_CREATE,
                actor=actor,
                target=building.name,
                detail=Message("room.seeded", {"n": number}),
            )


def _add_calls(seeds: Sequence[Seed], spaces: Sequence[Space], read_at: datetime) -> None:
    """Store the running calls; who is in them is left to the sync."""
    live = [(seed, space) for seed, space in zip(seeds, spaces, strict=True) if seed.space.active_record]
    calls = Conference.objects.bulk_create(
        Conference(record=seed.space.active_record or "", space=space, started_at=seed.started_at)
        for seed, space in live
    )
    for call, (_, space) in zip(calls, live, strict=True):
        space.conference, space.liveness, space.seen_at = call, Liveness.ACTIVE, read_at
    Space.objects.bulk_update([space for _, space in live], ["conference", "liveness", "seen_at"])


def _room(facts: RoomFacts, address: str, space: Space) -> Room:
    return Room(slug=address, building=facts.building, space=space, **facts.values())


def _space(seed: Seed, read_at: datetime) -> Space:
    idle = seed.space.liveness == "idle"
    return Space(
        name=seed.space.name,
        account=seed.account,
        origin=Space.Origin.OURS if seed.created_by_app else Space.Origin.FOREIGN,
        liveness=Liveness.IDLE if idle else Liveness.UNKNOWN,
        seen_at=read_at if idle else None,
        **columns_of(seed.space, read_at=read_at),
    )
