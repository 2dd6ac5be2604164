"""The worlds one can start with: people by role, buildings, rooms, and what is going on in them."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from simulator.world import (
    DEFAULT_CONFIG,
    DOMAIN,
    FOREIGN_PROJECTS,
    OUR_PROJECT,
    Building,
    Conference,
    Person,
    Room,
    World,
    number_of,
)

CITIES = [
    ("ber", "Berlin"), ("muc", "Munich"), ("ham", "Hamburg"), ("cgn", "Cologne"), ("fra", "Frankfurt"),
    ("str", "Stuttgart"), ("lej", "Leipzig"), ("drs", "Dresden"), ("haj", "Hanover"), ("nue", "Nuremberg"),
    ("bre", "Bremen"), ("dus", "Düsseldorf"), ("zrh", "Zurich"), ("vie", "Vienna"), ("ams", "Amsterdam"),
    ("bru", "Brussels"), ("cph", "Copenhagen"), ("osl", "Oslo"), ("arn", "Stockholm"), ("hel", "Helsinki"),
    ("waw", "Warsaw"), ("prg", "Prague"), ("mad", "Madrid"), ("lis", "Lisbon"),
]  # fmt: skip
TIME_ZONES = {
    "zrh": "Europe/Zurich", "vie": "Europe/Vienna", "ams": "Europe/Amsterdam", "bru": "Europe/Brussels",
    "cph": "Europe/Copenhagen", "osl": "Europe/Oslo", "arn": "Europe/Stockholm", "hel": "Europe/Helsinki",
    "waw": "Europe/Warsaw", "prg": "Europe/Prague", "mad": "Europe/Madrid", "lis": "Europe/Lisbon",
}  # fmt: skip
CAST = [
    ("it-admin@example.com", "IT Admin"),
    ("helpdesk@example.com", "Helpdesk"),
    ("room-owner@example.com", "Room Owner"),
    ("participant@example.com", "Participant"),
]
CROWD_ROLES = ["engineer", "teacher", "analyst", "designer", "planner", "trainee"]
ROOMS_PER_BUILDING = 24
ROOMS_PER_FLOOR = 8
CAPACITIES = [4, 4, 6, 6, 8, 8, 10, 12, 16, 24]
HOUR = 3600.0
HUGE_CALLS = 500
PAST_CALL_ROOMS = 500  # rooms that get a past at the start; more would only cost memory


def people_of_world(world: World) -> None:
    """Everybody who can sign in. Ids depend on the address alone, so they are the same in every world."""

    def add(email: str, name: str, hd: str | None, *, verified: bool = True) -> None:
        identifier = number_of("person", email, digits=21, lead="1")
        world.people[email] = Person(email, name, identifier, hd, verified)

    for email, name in CAST:
        add(email, name, DOMAIN)
    add("stranger@elsewhere.example", "Stranger", "elsewhere.example")
    add("consumer@mail.example", "Consumer", None)
    add("unverified@example.com", "Unverified", DOMAIN, verified=False)
    for building in world.buildings:
        add(facility_of(building), f"Facility {building.name}", DOMAIN)
    for number in range(1, crowd_size(world.room_count) + 1):
        role = CROWD_ROLES[number % len(CROWD_ROLES)]
        in_role = (number - 1) // len(CROWD_ROLES) + 1
        add(f"{role}-{in_role:02}@{DOMAIN}", f"{role.title()} {in_role:02}", DOMAIN)


def crowd_size(rooms: int) -> int:
    """How many people besides the cast go to meetings."""
    return max(36, min(600, rooms // 2))


def crowd(world: World) -> list[Person]:
    """The people that the moving life of the world is made of; nobody with a part to play."""
    return [each for each in world.people.values() if each.email.split("-")[0] in CROWD_ROLES]


def facility_of(building: Building) -> str:
    """The address of the people who look after a building's rooms."""
    name = building.name.lower().replace("ü", "ue").replace(" ", "-")
    return f"facility-{name}@{DOMAIN}"


def default_buildings(rooms: int) -> int:
    """How many buildings a number of rooms has if nobody says."""
    buildings = max(1, min(len(CITIES), -(-rooms // ROOMS_PER_BUILDING), rooms))
    return max(3, buildings) if rooms >= 3 else buildings


def place(index: int) -> tuple[str, str]:
    """Short name and name of a building: the cities, then a second building in each, and so on."""
    round_, city = divmod(index, len(CITIES))
    short, name = CITIES[city]
    return (short, name) if not round_ else (f"{short}{round_ + 1}", f"{name} {round_ + 1}")


def build_rooms(world: World) -> None:
    """Buildings, people, rooms and their spaces: the part of a world that does not depend on the time."""
    count = world.room_count
    buildings = world.building_count or default_buildings(count)
    accounts = min(world.account_count or buildings, buildings)
    sizes = [count // buildings + (1 if index < count % buildings else 0) for index in range(buildings)]
    for index, size in enumerate(sizes):
        short, city = place(index)
        floors = [str(number) for number in range(1, -(-size // per_floor(size)) + 1)]
        owner, owner_city = place(index % accounts)
        mailbox = f"rooms-{owner}@{DOMAIN}"
        zone = TIME_ZONES.get(short[:3], "Europe/Berlin")
        world.buildings.append(Building(short, city, zone, floors, mailbox))
        if mailbox not in world.mailboxes:
            identifier = number_of("mailbox", mailbox, digits=21, lead="1")
            world.mailboxes[mailbox] = Person(mailbox, f"Rooms {owner_city}", identifier, DOMAIN)
    people_of_world(world)
    chance = random.Random(f"rooms/{world.seed}")
    parts = Parts(world)
    foreign = {room: position for position, room in enumerate(parts.foreign)}
    number = 0
    for building, size in zip(world.buildings, sizes, strict=True):
        on_floor = per_floor(size)
        for index in range(size):
            floor, door = divmod(index, on_floor)
            name = f"{building.name} {floor + 1}.{door + 1:02}"
            project = OUR_PROJECT
            if number in foreign:
                project = FOREIGN_PROJECTS[foreign[number] % 2]
            space = world.add_space(
                owner=building.mailbox, project=project, config=DEFAULT_CONFIG, room=number
            )
            deputies = []
            if number in parts.deputised:
                deputies.append(
                    "engineer-01@example.com" if number in parts.owned else "room-owner@example.com"
                )
            world.rooms.append(
                Room(
                    name=name,
                    building=building.id,
                    floor=str(floor + 1),
                    capacity=chance.choice(CAPACITIES),
                    device_name=f"{name} device",
                    device_id=number_of("device", name, digits=21, lead="1"),
                    owner_email="room-owner@example.com" if number in parts.owned else facility_of(building),
                    deputy_emails=tuple(deputies),
                    account=building.mailbox,
                    space=space.id,
                )
            )
            number += 1
    for index in sorted(parts.moderated):
        space = world.spaces[world.rooms[index].space]
        space.config = {
            **DEFAULT_CONFIG,
            "accessType": "RESTRICTED",
            "moderation": "ON",
            "moderationRestrictions.presentRestriction": "HOSTS_ONLY",
        }


def per_floor(size: int) -> int:
    """Rooms on a floor, so that no building of the big worlds becomes a tower."""
    return max(ROOMS_PER_FLOOR, -(-size // 20))


class Parts:
    """Which room plays which part; the same for the same seed and number of rooms."""

    def __init__(self, world: World) -> None:
        count = world.room_count
        chance = random.Random(f"parts/{world.seed}/{count}")
        order = list(range(count))
        chance.shuffle(order)
        self.two_devices = order[0:1]
        self.alone = order[1:2]
        self.endless = order[2:3]
        self.deputy_stuck = order[3:4]
        self.lone_device = order[4:5]
        self.seated = order[5:7]
        self.foreign_stuck = order[9:10]
        self.foreign = order[9 : 9 + max(1, round(count * 0.03))]
        self.owned = set(order[0:2] + order[7:9] + order[-1:] if count > 10 else order[0:2])
        self.deputised = set(order[0:1] + order[3:4])
        self.idle = order[7:8]
        self.moderated = set(order[8:9] + order[-2:-1]) if count > 10 else set()
        self.rest = order[10:] + order[8:9]
        chance.shuffle(self.rest)


class Seeder:
    """Fills the rooms of a fresh world with calls."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.parts = Parts(world)
        self.chance = random.Random(f"calls/{world.seed}")
        self.crowd = crowd(world)
        self.now = world.now()

    def call(self, index: int, *, ago: float, origin: str = "pinned") -> Conference:
        space = self.world.spaces[self.world.rooms[index].space]
        return self.world.start_call(space, origin=origin, at=self.now - ago)

    def device(self, call: Conference, index: int) -> None:
        self.world.join_device(call, self.world.rooms[index], at=call.start)

    def somebody(self, call: Conference, *, ago: float, gone_ago: float | None = None) -> None:
        person = self.chance.choice(self.crowd)
        if any(each.email == person.email for each in call.participants):
            return
        joined = self.world.join_person(call, person, at=max(call.start, self.now - ago))
        if gone_ago is not None:
            joined.sessions[-1][1] = max(joined.joined + 1, self.now - gone_ago)

    def person(self, call: Conference, email: str, *, ago: float) -> None:
        self.world.join_person(call, self.world.people[email], at=self.now - ago)

    def two_devices(self, index: int, *, ago: float) -> None:
        """Everybody has gone, two devices were left on."""
        call = self.call(index, ago=ago)
        self.device(call, index)
        self.device(call, (index + 1) % len(self.world.rooms))
        for _ in range(3):
            self.somebody(call, ago=ago - 60, gone_ago=ago - 0.6 * HOUR)

    def lone_device(self, index: int, *, ago: float) -> None:
        call = self.call(index, ago=ago)
        self.device(call, index)
        self.somebody(call, ago=ago - 30, gone_ago=ago - 0.8 * HOUR)

    def alone(self, index: int, *, ago: float) -> None:
        """One person never hung up."""
        call = self.call(index, ago=ago)
        self.somebody(call, ago=ago)
        self.somebody(call, ago=ago - 120, gone_ago=ago - 0.9 * HOUR)

    def endless(self, index: int, *, ago: float) -> None:
        """A call that has been running since yesterday, with people in it."""
        call = self.call(index, ago=ago)
        self.device(call, index)
        for hours in (20.0, 3.0, 1.0):
            self.somebody(call, ago=min(ago, hours * HOUR))
        self.world.join(
            call, kind="phone", name="+49 30 ***-**00", email=None, user=None, at=self.now - 2 * HOUR
        )

    def seated(self, index: int, *, ago: float) -> None:
        """participant@ sits here, in a room of somebody else."""
        call = self.call(index, ago=ago)
        self.device(call, index)
        self.person(call, "participant@example.com", ago=ago - 90)
        self.somebody(call, ago=ago - 200)
        self.somebody(call, ago=ago - 400)

    def ordinary(self, index: int) -> None:
        """A meeting in progress; the world's life goes on with it."""
        ago = self.chance.uniform(2 * 60, 45 * 60)
        call = self.call(index, ago=ago, origin="life")
        if self.chance.random() < 0.85:
            self.device(call, index)
        for _ in range(self.chance.randint(1, 5)):
            self.somebody(call, ago=self.chance.uniform(30, ago))
        if self.chance.random() < 0.15:
            self.world.join(
                call,
                kind="guest",
                name="Guest",
                email=None,
                user=None,
                at=self.now - self.chance.uniform(10, ago),
            )

    def past(self, index: int) -> None:
        """A meeting of the last day that is over."""
        start = self.chance.uniform(3, 20) * HOUR
        length = self.chance.uniform(10 * 60, 80 * 60)
        call = self.call(index, ago=start, origin="life")
        self.device(call, index)
        for _ in range(self.chance.randint(1, 4)):
            self.somebody(call, ago=start - self.chance.uniform(0, 300))
        self.world.end_call(call, at=self.now - start + length)

    def some_past(self) -> None:
        for index in range(min(len(self.world.rooms), PAST_CALL_ROOMS)):
            if self.chance.random() < 0.6:
                self.past(index)
        self.world.ended = type(self.world.ended)(
            sorted(self.world.ended, key=lambda each: self.world.conferences[each].end or 0)
        )


def quiet(world: World) -> None:
    """Nothing is on."""
    del world


def monday_morning(world: World) -> None:
    """About a third of the rooms are in calls; several of those calls are stuck."""
    seeder = Seeder(world)
    parts = seeder.parts
    seeder.some_past()
    for index in parts.two_devices:
        seeder.two_devices(index, ago=5 * HOUR)
    for index in parts.alone:
        seeder.alone(index, ago=7.5 * HOUR)
    for index in parts.endless:
        seeder.endless(index, ago=26 * HOUR)
    for index in parts.deputy_stuck:
        seeder.two_devices(index, ago=3.2 * HOUR)
    for index in parts.lone_device:
        seeder.lone_device(index, ago=9 * HOUR)
    for index in parts.foreign_stuck:
        seeder.two_devices(index, ago=4 * HOUR)
    for number, index in enumerate(parts.seated):
        seeder.seated(index, ago=(0.4 + 0.5 * number) * HOUR)
    busy = sum(1 for space in world.spaces.values() if space.active is not None)
    taken = {*parts.foreign_stuck}
    free = [index for index in parts.rest if index not in taken]
    for index in free[: max(0, world.room_count // 3 - busy)]:
        seeder.ordinary(index)


def huge(world: World) -> None:
    """As many calls as ``HUGE_CALLS``, most of them ordinary, in a world that is meant to be very large."""
    seeder = Seeder(world)
    parts = seeder.parts
    seeder.some_past()
    for index in parts.two_devices + parts.deputy_stuck + parts.foreign_stuck:
        seeder.two_devices(index, ago=seeder.chance.uniform(3, 8) * HOUR)
    for index in parts.alone + parts.lone_device:
        seeder.alone(index, ago=seeder.chance.uniform(3, 8) * HOUR)
    busy = sum(1 for space in world.spaces.values() if space.active is not None)
    free = [index for index in parts.rest if index not in parts.foreign_stuck]
    for index in free[: max(0, min(HUGE_CALLS, world.room_count) - busy)]:
        seeder.ordinary(index)


def stuck(world: World) -> None:
    """Half of the rooms are stuck in one way or another."""
    seeder = Seeder(world)
    seeder.some_past()
    ways: list[Callable[[int], None]] = [
        lambda index: seeder.two_devices(index, ago=seeder.chance.uniform(2, 12) * HOUR),
        lambda index: seeder.alone(index, ago=seeder.chance.uniform(2, 12) * HOUR),
        lambda index: seeder.lone_device(index, ago=seeder.chance.uniform(2, 48) * HOUR),
        lambda index: seeder.endless(index, ago=seeder.chance.uniform(22, 30) * HOUR),
    ]
    parts = seeder.parts
    first = parts.two_devices + parts.alone + parts.endless + parts.deputy_stuck + parts.lone_device
    others = [index for index in parts.foreign_stuck + parts.rest if index not in first]
    for number, index in enumerate((first + others)[: max(1, -(-world.room_count // 2))]):
        ways[number % len(ways)](index)


SCENES: dict[str, Callable[[World], None]] = {
    "monday-morning": monday_morning,
    "quiet": quiet,
    "stuck": stuck,
    "google-is-down": monday_morning,
    "quota-tight": monday_morning,
    "huge": huge,
}
MOVING = {"monday-morning", "stuck", "google-is-down", "quota-tight", "huge"}
REST = {
    "huge": 9.5
}  # how much longer than usual a room rests between two calls, so that few are busy at a time


@dataclass(frozen=True, slots=True)
class Size:
    """How large a world is; no number of buildings means one per 24 rooms, no accounts one per building."""

    rooms: int
    buildings: int | None = None
    accounts: int | None = None


SIZES = {"huge": Size(10_000, 50, 20)}
"""What a scene has if nobody says anything; other scenes have ``USUAL``."""
USUAL = Size(120)


def build_world(
    *,
    seed: int,
    rooms: int,
    scene: str,
    buildings: int | None = None,
    accounts: int | None = None,
    populated: bool = True,
    clock: Callable[[], float] = time.time,
) -> World:
    """A world from its seed; ``populated`` is off when a snapshot brings the calls."""
    world = World(seed=seed, rooms=rooms, scene=scene, buildings=buildings, accounts=accounts, clock=clock)
    build_rooms(world)
    if populated:
        SCENES[scene](world)
    return world
