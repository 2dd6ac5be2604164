"""One simulator: its world, its life, its accounts, its orders for misbehaviour."""

from simulator.accounts import Accounts
from simulator.faults import FaultBook, Tally
from simulator.identity import Identity
from simulator.life import Life
from simulator.scenes import MOVING, build_world
from simulator.world import World


class Machine:
    """Everything that the web addresses work on."""

    def __init__(self, *, world: World, identity: Identity, still: bool) -> None:
        self.still = still
        self.faults = FaultBook()
        self.tally = Tally()
        self.identity = identity
        self._settle_in(world)

    def _settle_in(self, world: World) -> None:
        self.world = world
        self.life = Life(world, running=not self.still and world.scene in MOVING)
        self.accounts = Accounts(world, self.identity)

    def catch_up(self) -> None:
        """Let happen what is due."""
        self.life.catch_up()
        self.world.settle()

    def reset(self) -> None:
        """The world of the seed again: no tokens, no faults, no counts. Keys stay."""
        world = self.world
        fresh = build_world(seed=world.seed, rooms=world.room_count, scene=world.scene)
        fresh.version = world.version + 1
        self.identity.reset()
        self.faults.faults.clear()
        self.tally.clear()
        self._settle_in(fresh)

    def version(self) -> int:
        """Counts every change of world and accounts."""
        return self.world.version + self.identity.version
