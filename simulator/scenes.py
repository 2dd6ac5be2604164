"""The worlds one can start with: what is going on in the rooms."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from simulator.entities import Conference
from simulator.leftovers import change_artifact
from simulator.places import Parts, build_rooms, crowd
from simulator.world import World

HOUR = 3600.0
PAST_CALL_ROOMS = 500  # rooms that get a past at the start; more would only cost memory


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

    def forgotten_bot(self, index: int, *, ago: float) -> None:
        """Everybody has gone, the room's device and a note-taking bot stay."""
        call = self.call(index, ago=ago)
        self.device(call, index)
        self.world.join(call, kind="bot", name="Otter.ai", email=None, user=None, at=call.start + 40)
        self.somebody(call, ago=ago - 60, gone_ago=ago - 0.7 * HOUR)

    def unnamed_device(self, index: int, *, ago: float) -> None:
        """A forgotten device that is called what the Directory calls the room, and not by the name noted for it."""
        call = self.call(index, ago=ago)
        room = self.world.rooms[index]
        name = self.world.generated_name(room)
        user = f"users/{room.device_id}"
        self.world.join(call, kind="device", name=name, email=None, user=user, at=call.start)
        self.somebody(call, ago=ago - 60, gone_ago=ago - 0.5 * HOUR)

    def recorded(self, index: int, *, ago: float) -> None:
        """Everybody has gone, but the recording goes on."""
        call = self.call(index, ago=ago)
        self.device(call, index)
        self.somebody(call, ago=ago - 30, gone_ago=ago - 0.6 * HOUR)
        change_artifact(self.world, call, "recordings", "none", at=call.start)
        change_artifact(self.world, call, "recordings", "start", at=call.start + 300)

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

    def forgotten_things(self) -> None:
        """Bots, unknown devices and recordings left on. Comes last, with a chance of its own: all other calls stay as they were."""
        self.chance = random.Random(f"leftovers/{self.world.seed}")
        for index in self.parts.forgotten_bot:
            self.forgotten_bot(index, ago=2.6 * HOUR)
        for index in self.parts.unnamed_device:
            self.unnamed_device(index, ago=6.2 * HOUR)
        for index in self.parts.recorded:
            self.recorded(index, ago=3.8 * HOUR)

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
    """About a third of the rooms (or ``call_count`` of them) are in calls; several of those calls are stuck."""
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
    taken = {*parts.foreign_stuck, *parts.forgotten}
    free = [index for index in parts.rest if index not in taken]
    busy += len(parts.forgotten)
    for index in free[: max(0, wanted_calls(world) - busy)]:
        seeder.ordinary(index)
    seeder.forgotten_things()


def huge(world: World) -> None:
    """Many calls, most of them ordinary, in a world that is meant to be very large."""
    seeder = Seeder(world)
    parts = seeder.parts
    seeder.some_past()
    for index in parts.two_devices + parts.deputy_stuck + parts.foreign_stuck:
        seeder.two_devices(index, ago=seeder.chance.uniform(3, 8) * HOUR)
    for index in parts.alone + parts.lone_device:
        seeder.alone(index, ago=seeder.chance.uniform(3, 8) * HOUR)
    busy = sum(1 for space in world.spaces.values() if space.active is not None)
    busy += len(parts.forgotten)
    taken = {*parts.foreign_stuck, *parts.forgotten}
    free = [index for index in parts.rest if index not in taken]
    for index in free[: max(0, wanted_calls(world) - busy)]:
        seeder.ordinary(index)
    seeder.forgotten_things()


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
    "huge-busy": huge,
}
MOVING = set(SCENES) - {"quiet"}


@dataclass(frozen=True, slots=True)
class Size:
    """How large a world is. None means: one building per 24 rooms, one account per building, calls in a third of the rooms."""

    rooms: int
    buildings: int | None = None
    accounts: int | None = None
    calls: int | None = None


SIZES = {"huge": Size(10_000, 50, 20, 500), "huge-busy": Size(10_000, 50, 13, 3_000)}
"""What a scene has if nobody says anything; other scenes have ``USUAL``."""
USUAL = Size(120)


def wanted_calls(world: World) -> int:
    """How many calls run at the start."""
    wanted = world.room_count // 3 if world.call_count is None else world.call_count
    return min(wanted, world.room_count)


def rest_of(world: World) -> float:
    """How much longer than usual a room rests between two calls, so that about as many calls run as at the start.

    Calls last about 36 minutes and usual rests 72; so with a usual rest a third of the rooms is busy.
    """
    share = wanted_calls(world) / world.room_count
    return 0.5 * (1 - share) / share if 0 < share < 1 else 1.0


def build_world(
    *,
    seed: int,
    rooms: int,
    scene: str,
    buildings: int | None = None,
    accounts: int | None = None,
    calls: int | None = None,
    populated: bool = True,
    clock: Callable[[], float] = time.time,
) -> World:
    """A world from its seed; ``populated`` is off when a snapshot brings the calls."""
    world = World(
        seed=seed, rooms=rooms, scene=scene, buildings=buildings, accounts=accounts, calls=calls, clock=clock
    )
    build_rooms(world)
    if populated:
        SCENES[scene](world)
    return world
