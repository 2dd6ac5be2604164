"""One simulator: its world, its life, its accounts, its orders for misbehaviour."""

import asyncio

from simulator.accounts.accounts import Accounts
from simulator.directory.state import Directory
from simulator.events.state import Events
from simulator.faults import Fault, FaultBook, Tally
from simulator.identity import CLIENT_ID, Identity
from simulator.latency import Latency
from simulator.life import Life
from simulator.pubsub.state import PubSub
from simulator.quota import Limit, Quotas
from simulator.reports.state import Reports
from simulator.scenes import MOVING, build_world
from simulator.world import World

DOWN_SECONDS = 120.0
TIGHT_LIMITS = {"read": Limit(90, 30), "write": Limit(20, 6), "create": Limit(4, 2)}


def outage(now: float) -> Fault:
    """Google is down altogether, sign-in too, and then it is back."""
    return Fault(
        method="*",
        status=503,
        kind=None,
        remaining=None,
        delay=0.0,
        account=None,
        after=False,
        message=None,
        retry_after=None,
        since=now,
        until=now + DOWN_SECONDS,
    )


class Machine:
    """Everything that the web addresses work on."""

    def __init__(self, *, world: World, identity: Identity, still: bool) -> None:
        self.still = still
        self.faults = FaultBook(world.seed)
        self.quotas = Quotas()
        self.latency = Latency(seed=world.seed)
        self.tally = Tally()
        self.news = asyncio.Event()  # set when a message may have to go out
        self.identity = identity
        self._settle_in(world)

    def _settle_in(self, world: World) -> None:
        self.world = world
        self.life = Life(world, running=not self.still and world.scene in MOVING)
        self.directory = Directory(world)
        self.accounts = Accounts(world, self.identity, self._closed_because)
        self.reports = Reports(world)
        self.pubsub = PubSub(world, self.news)
        self.events = Events(world, self.pubsub)
        self.identity.when_revoked = self._consent_is_over
        self.news.set()

    def _closed_because(self, email: str) -> str:
        return self.directory.state(email).closed_because()

    def _consent_is_over(self, email: str) -> None:
        self.events.suspend_person(email, "USER_SCOPE_REVOKED", client=CLIENT_ID)

    def catch_up(self) -> None:
        """Let happen what is due."""
        self.life.catch_up()
        self.world.settle()
        self.events.settle()

    def reset(self) -> None:
        """The world of the seed again: no tokens, no faults, no counts; quotas and latency as at the start. Keys stay."""
        world = self.world
        fresh = build_world(
            seed=world.seed,
            rooms=world.room_count,
            scene=world.scene,
            buildings=world.building_count,
            accounts=world.account_count,
            calls=world.call_count,
            clock=world.clock,
        )
        fresh.version = world.version + 1
        self.identity.reset()
        self.faults.restart(world.seed)
        self.quotas.restart()
        self.latency.restart(world.seed)
        self.tally.clear()
        self._settle_in(fresh)
        self.order_scene(fresh=True)

    def order_scene(self, *, fresh: bool) -> None:
        """The misbehaviour that belongs to the scene; an outage only when the world is ``fresh`` from the seed."""
        if self.world.scene == "google-is-down" and fresh:
            self.faults.faults.append(outage(self.world.now()))
        if self.world.scene == "quota-tight":
            self.quotas.limits = dict(TIGHT_LIMITS)

    def version(self) -> int:
        """Counts every change of world and accounts."""
        return self.world.version + self.identity.version
