"""People and devices come and go by themselves: seeded movement, a function of the seed and of world time.

Every room has its own sequence of steps. A step draws from a generator made of seed, room and step number, so the same
seed moves in the same way whatever requests come in between. Due steps are caught up on when somebody looks; no
timer is needed. Calls of a scene that are meant to stay (stuck ones) and calls started through the control are left
alone.
"""

import heapq
import math
import random
from typing import Any

from simulator import door
from simulator.entities import Conference, Space
from simulator.places import crowd
from simulator.scenes import rest_of
from simulator.world import World

STEP = (60.0, 300.0)  # seconds between two steps in a running call
IDLE = (20 * 60.0, 124 * 60.0)  # seconds between two calls of a room
END_CHANCE = 1 / 12


class Life:
    """The movement of one world; its own clock stands still while it is frozen."""

    def __init__(self, world: World, *, running: bool) -> None:
        self.world = world
        self.running = running
        self.behind = 0.0  # seconds of world time that the life has missed by being frozen
        self.frozen_at = world.now()
        self.crowd = crowd(world)
        rest = rest_of(world)
        self.idle = (IDLE[0] * rest, IDLE[1] * rest)
        self.steps: dict[int, int] = {}
        self.due: list[tuple[float, int, int]] = []  # (moment on the life's clock, room, step)
        for index, room in enumerate(world.rooms):
            chance = self._chance(index, 0)
            active = world.spaces[room.space].active
            soon = chance.uniform(0, STEP[1]) if active else self._rest_left(chance)
            self.due.append((world.now() + soon, index, 0))
            self.steps[index] = 0
        heapq.heapify(self.due)
        world.when_call_ends = self._call_ended

    def _rest_left(self, chance: random.Random) -> float:
        """What is left of a rest that somebody looks at: as many calls begin as end, from the first minute on."""
        shortest, longest = self.idle
        # Long rests are met more often.
        whole = math.sqrt(shortest**2 + chance.random() * (longest**2 - shortest**2))
        return max(60.0, chance.random() * whole)

    def clock(self) -> float:
        """The life's own time: world time without the time it was frozen."""
        return (self.world.now() if self.running else self.frozen_at) - self.behind

    def freeze(self) -> None:
        """Stop all movement."""
        if self.running:
            self.catch_up()
            self.frozen_at = self.world.now()
            self.running = False

    def thaw(self) -> None:
        """Go on where the movement stopped."""
        if not self.running:
            self.behind += self.world.now() - self.frozen_at
            self.running = True

    def catch_up(self) -> None:
        """Take every step that is due."""
        if not self.running:
            return
        now = self.clock()
        while self.due and self.due[0][0] <= now:
            moment, room, step = heapq.heappop(self.due)
            if self.steps[room] == step:
                self._step(room, step, moment)

    def kept(self) -> list[Any]:
        """What a snapshot keeps: the life's clock and every planned step."""
        return [self.clock(), [each for each in self.due if self.steps[each[1]] == each[2]]]

    def resume(self, kept: list[Any]) -> None:
        """Go on from a snapshot. The time in between did not happen for the life: running calls continue."""
        clock, due = kept
        self.behind = (self.world.now() if self.running else self.frozen_at) - clock
        self.due = [(moment, room, step) for moment, room, step in due]
        self.steps = {room: step for _, room, step in self.due}
        heapq.heapify(self.due)

    def _chance(self, room: int, step: int) -> random.Random:
        return random.Random(f"{self.world.seed}/{room}/{step}")

    def _plan(self, room: int, moment: float) -> None:
        self.steps[room] += 1
        heapq.heappush(self.due, (moment, room, self.steps[room]))

    def _call_ended(self, space: Space, at: float) -> None:
        """A call ended in whatever way: the room rests for a while."""
        if space.room is not None:
            # Not the generator of the step: its first draw was small, or the call would not have ended.
            chance = self._chance(space.room, -1 - self.steps[space.room])
            ended = at - self.behind if self.running else self.clock()
            self._plan(space.room, ended + chance.uniform(*self.idle))

    def _step(self, room: int, step: int, moment: float) -> None:
        chance = self._chance(room, step)
        at = moment + self.behind
        space = self.world.spaces[self.world.rooms[room].space]
        call = space.active
        if call is None and door.is_shut(self.world, space):
            self._plan(room, moment + chance.uniform(*self.idle))
            return
        if call is None:
            call = self.world.start_call(space, origin="life", at=at)
            if chance.random() < 0.85:
                self.world.join_device(call, self.world.rooms[room], at=at)
            for _ in range(chance.randint(1, 3)):
                self.world.join_person(call, chance.choice(self.crowd), at=at)
        elif call.origin == "life":
            self._move(call, chance, at)
            if call.end is not None:
                return  # the end has planned the next step
        self._plan(room, moment + chance.uniform(*STEP))

    def _move(self, call: Conference, chance: random.Random, at: float) -> None:
        present = call.present()
        if not present or chance.random() < END_CHANCE:
            self.world.end_call(call, at=at)
            return
        if chance.random() < 0.5 or len(present) == 1:
            draw = chance.random()
            if draw < 0.06:
                self.world.join(call, kind="guest", name="Guest", email=None, user=None, at=at)
            elif draw < 0.1:
                name = f"+49 30 ***-**{chance.randint(10, 99)}"
                self.world.join(call, kind="phone", name=name, email=None, user=None, at=at)
            else:
                self.world.join_person(call, chance.choice(self.crowd), at=at)
        else:
            # Devices stay until the end, as they do: leaving is what people do.
            people = [each for each in present if each.kind != "device"] or present
            self.world.leave(call, chance.choice(people), at=at)
