"""People by role, buildings, rooms and their spaces: the part of a world that does not depend on the time."""

import random

from simulator.entities import Building, Person, Room
from simulator.identifiers import number_of
from simulator.world import DEFAULT_CONFIG, DOMAIN, FOREIGN_PROJECTS, OUR_PROJECT, World

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


def people_of_world(world: World) -> None:
    """Everybody who can sign in. Ids depend on the address alone, so they are the same in every world."""

    def add(email: str, name: str, hd: str | None, *, verified: bool = True) -> None:
        identifier = number_of("person", email, digits=21, lead="1")
        world.people[email] = Person(email, name, identifier, hd, verified)

    for email, name in CAST:
        add(email, name, DOMAIN)
    add("stranger@elsewhere.example", "Stranger", "elsewhere.example")
    add("consumer@mail.example", "Consumer", None)
    add("consumer@example.com", "Private Consumer", None)  # a private account that uses a company address
    add("unverified@example.com", "Unverified", DOMAIN, verified=False)
    for building in world.buildings:
        add(facility_of(building), f"Facility {building.name}", DOMAIN)
    for number in range(1, crowd_size(world.room_count) + 1):
        role = CROWD_ROLES[number % len(CROWD_ROLES)]
        in_role = (number - 1) // len(CROWD_ROLES) + 1
        add(f"{role}-{in_role:02}@{DOMAIN}", f"{role.title()} {in_role:02}", DOMAIN)
    owner = world.people["room-owner@example.com"]
    owner.aliases = ("owner-of-rooms@example.com",)
    owner.non_editable_aliases = ("room-owner@example.com.test-google-a.com",)
    world.index_aliases()


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


def _build(world: World, index: int, size: int, accounts: int) -> None:
    """Add a building for `size` rooms, and the mailbox that owns their spaces."""
    short, city = place(index)
    floors = [str(number) for number in range(1, -(-size // per_floor(size)) + 1)]
    owner, owner_city = place(index % accounts)
    mailbox = f"rooms-{owner}@{DOMAIN}"
    zone = TIME_ZONES.get(short[:3], "Europe/Berlin")
    world.buildings.append(Building(short, city, zone, floors, mailbox))
    if mailbox not in world.mailboxes:
        identifier = number_of("mailbox", mailbox, digits=21, lead="1")
        world.mailboxes[mailbox] = Person(mailbox, f"Rooms {owner_city}", identifier, DOMAIN)


def build_rooms(world: World) -> None:
    """Buildings, people, rooms and their spaces: the part of a world that does not depend on the time."""
    count = world.room_count
    buildings = world.building_count or default_buildings(count)
    accounts = min(world.account_count or buildings, buildings)
    sizes = [count // buildings + (1 if index < count % buildings else 0) for index in range(buildings)]
    for index, size in enumerate(sizes):
        _build(world, index, size, accounts)
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
    _moderate(world, parts)


def _moderate(world: World, parts: "Parts") -> None:
    """Restrict the spaces that play moderated rooms."""
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
        foreign = set(self.foreign)
        last = [index for index in self.rest if index not in foreign][-6:] if count >= 60 else []
        self.forgotten = last  # nobody is left, but something goes on
        self.forgotten_bot, self.unnamed_device, self.recorded = last[:2], last[2:4], last[4:]
