"""An installation of a given size, written straight into the database: for what only the database and the pages take."""

from benchmarks import ready  # noqa: F401

# isort: split
import random
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from django.db import connection, models, transaction
from django.utils import timezone

from spaces.models import (
    Account,
    AuditEntry,
    Building,
    Conference,
    Member,
    Ownership,
    Participant,
    PastCode,
    Person,
    Role,
    Room,
    Space,
)
from spaces.models.spaces import Liveness
from spaces.models.stuck import Limits, stuck_at

ACCOUNTS, BUILDINGS = 10, 24
T = TypeVar("T", bound=models.Model)
AT_ONCE = 2000


@dataclass(frozen=True, slots=True)
class Cast:
    """The people who look."""

    admin: Person
    helpdesk: Person
    owner: Person  # of five rooms
    colleague: Person

    def named(self) -> dict[str, Person]:
        """By role."""
        return {
            "admin": self.admin,
            "helpdesk": self.helpdesk,
            "owner of 5 rooms": self.owner,
            "colleague": self.colleague,
        }


def letters(number: int, length: int) -> str:
    """A number written in small letters."""
    return "".join(chr(97 + number // 26**place % 26) for place in reversed(range(length)))


def code_of(number: int) -> str:
    """The meeting code of the room with this number, from 0."""
    return f"{letters(number % 17_000, 3)}-{letters(number, 4)}-{letters(number * 7 % 17_000, 3)}"


def _person(email: str, role: str = Role.COLLEAGUE) -> Person:
    return Person(
        email=email, role=role, google_id=f"1{abs(hash_of(email)):020}", name=email.split("@", 1)[0].title()
    )


def hash_of(text: str) -> int:
    """A number that is the same in every run."""
    return random.Random(text).randrange(10**20)


def _save(model: type[T], rows: Iterable[T]) -> list[T]:
    return model._default_manager.bulk_create(list(rows), batch_size=AT_ONCE)


def fill(rooms: int, *, live: int, stuck: int, unknown: int) -> Cast:
    """So many rooms in 24 buildings under 10 accounts: some live (of which some stuck), some unknown, one in fifty without a
    link, each with two earlier calls and one audit row; the owner has five, two of them live."""
    chance = random.Random(rooms)
    with transaction.atomic():
        people = _people()
        numbers = list(range(rooms))
        chance.shuffle(numbers)
        linked = [number for number in numbers if number % 50 != 49]
        lives, unknowns = linked[:live], set(linked[live : live + unknown])
        spaces = _spaces(rooms, unknowns)
        made = _rooms(rooms, spaces)
        own = {*lives[:1], *lives[-1:], *numbers[-3:]}
        owners = [
            people[
                "room-owner@example.com" if number in own else f"facility-{number % BUILDINGS}@example.com"
            ]
            for number in range(rooms)
        ]
        _save(
            Ownership,
            [Ownership(room=room, person=owner) for room, owner in zip(made, owners, strict=True)],
        )
        _earlier(spaces, made)
        _calls([spaces[number] for number in lives], stuck)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return Cast(
        people["it-admin@example.com"],
        people["helpdesk@example.com"],
        people["room-owner@example.com"],
        people["colleague@example.com"],
    )


def _people() -> dict[str, Person]:
    """Return the cast and a facility manager for each building, by address."""
    people = [
        _person("it-admin@example.com", Role.ADMIN),
        _person("helpdesk@example.com", Role.HELPDESK),
        _person("room-owner@example.com"),
        _person("colleague@example.com"),
        *(_person(f"facility-{index}@example.com") for index in range(BUILDINGS)),
    ]
    return {person.email or "": person for person in _save(Person, people)}


def _spaces(rooms: int, unknowns: set[int]) -> dict[int, Space]:
    """Return the spaces by number of their room: none for each fiftieth room, and `unknowns` with an unknown state."""
    now = timezone.now()
    accounts = _save(
        Account,
        [
            Account(
                email=f"rooms-{index}@example.com",
                kind=Account.Kind.DELEGATED,
                status=Account.Status.OK,
                swept_at=now,
            )
            for index in range(ACCOUNTS)
        ],
    )
    settings = {"accessType": "TRUSTED", "entryPointAccess": "ALL", "moderation": "OFF"}
    spaces = {
        number: Space(
            name=f"spaces/{letters(number, 4)}{number:08}",
            account=accounts[number % ACCOUNTS],
            owned=number not in unknowns,
            origin=Space.Origin.OURS,
            meeting_code=code_of(number),
            meeting_uri=f"https://meet.google.com/{code_of(number)}",
            code_confirmed_at=now,
            settings=settings,
            checked_at=now,
            seen_at=now - timedelta(seconds=number % 60),
            liveness=Liveness.UNKNOWN if number in unknowns else Liveness.IDLE,
        )
        for number in range(rooms)
        if number % 50 != 49
    }
    return dict(zip(spaces, _save(Space, spaces.values()), strict=True))


def _rooms(rooms: int, spaces: dict[int, Space]) -> list[Room]:
    """Return the rooms by number, spread over all buildings."""
    buildings = _save(
        Building,
        [
            Building(code=f"B{index:02}", name=f"Building {index:02}", time_zone="Europe/Berlin")
            for index in range(BUILDINGS)
        ],
    )
    return _save(
        Room,
        [
            Room(
                slug=f"room-{number:05}",
                name=f"Room {number * 7919 % rooms:05}",
                building=buildings[number % BUILDINGS],
                floor=str(number // BUILDINGS % 12),
                capacity=4 + number % 16,
                device_name=f"Device {number:05}",
                space=spaces.get(number),
            )
            for number in range(rooms)
        ],
    )


def _calls(spaces: list[Space], stuck: int) -> None:
    """A running call in each, the first ones stuck (only a device is left, for hours)."""
    now = timezone.now()
    calls = []
    for index, space in enumerate(spaces):
        left, begun = index < stuck, timedelta(minutes=300 if index < stuck else 5 + index % 40)
        calls.append(
            Conference(
                record=f"conferenceRecords/live-{index}",
                space=space,
                started_at=now - begun,
                people=0 if left else 3,
                devices=1,
                phones=0,
                guests=0,
                counted_at=now,
                same_since=now - begun,
                listed_at=now,
                peak=4,
            )
        )
        calls[-1].stuck_at = stuck_at(calls[-1], Limits.configured())
    _save(Conference, calls)
    for space, call in zip(spaces, calls, strict=True):
        space.liveness, space.conference = Liveness.ACTIVE, call
    Space.objects.bulk_update(spaces, ["liveness", "conference"], batch_size=200)
    _save(
        Participant,
        [
            Participant(
                conference=call,
                name=f"{call.record}/participants/{seat}",
                kind=Participant.Kind.PERSON if seat else Participant.Kind.DEVICE,
                google_id=f"2{index:010}{seat:010}",
                display_name=f"Somebody {seat}",
                joined_at=call.started_at or now,
            )
            for index, call in enumerate(calls)
            for seat in range((call.people or 0) + 1)
        ],
    )


def _earlier(spaces: dict[int, Space], rooms: list[Room]) -> None:
    """What an installation of some age has beside its rooms: calls that are over, audit rows, old codes, members."""
    now = timezone.now()
    _save(
        Conference,
        [
            Conference(
                record=f"conferenceRecords/past-{number}-{day}",
                space=space,
                started_at=now - timedelta(days=day, hours=2),
                ended_at=now - timedelta(days=day, hours=1),
                people=4,
                devices=1,
                phones=0,
                guests=0,
                peak=5,
            )
            for number, space in spaces.items()
            for day in (1, 2)
        ],
    )
    AuditEntry.rows.append(
        [
            AuditEntry(
                action="room:create",
                actor_name="it-admin@example.com",
                room=room,
                target=room.name,
                outcome="done",
                at=now - timedelta(days=30),
                finished_at=now - timedelta(days=30),
            )
            for room in rooms
        ],
    )
    tenth = [(number, space) for number, space in spaces.items() if number % 10 == 0]
    _save(PastCode, [PastCode(space=space, code=f"old-{letters(number, 4)}-old") for number, space in tenth])
    _save(
        Member, [Member(space=space, email=f"facility-{number % 24}@example.com") for number, space in tenth]
    )
