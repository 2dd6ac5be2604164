"""What it costs to know which of all rooms are in a call: our sweep by account, and asking Google room by room."""

from benchmarks import ready  # noqa: F401

# isort: split
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from django.db import connections
from django.utils import timezone
from google.oauth2.credentials import Credentials
from googleapiclient.discovery import build

from benchmarks.stage import Stage, say, table
from spaces import tasks
from spaces.models import Account, Building, Room, Space
from spaces.models.spaces import Liveness

ACCOUNTS, START = 10, 240  # a world of 240 rooms has exactly ten mailboxes; more spaces are then made in them
GROWTH, SAME_LIVE = (1_000, 3_000, 10_000), 100
LIVE, LATENCY = 500, 80
SAMPLE, POOL, WORKERS = 1_000, 32, 2
PEOPLE = [
    {"email": "engineer-01@example.com"},
    {"email": "teacher-01@example.com"},
    {"device": "Somewhere device"},
]


@dataclass(frozen=True, slots=True)
class Cost:
    """What one look at all accounts took."""

    calls: dict[str, int]
    wall: float
    cpu: float
    oldest: float  # seconds since the look that the oldest fact comes from, when all was done

    @property
    def total(self) -> int:
        """Calls to Google but those for a token."""
        return sum(number for name, number in self.calls.items() if name != "token")


class World:
    """The pretended Google and our database, grown together."""

    def __init__(self, place: Stage) -> None:
        self.place = place
        world = place.control("world")
        self.mailboxes = [one["email"] for one in world["accounts"]]
        self.names: list[str] = []
        self.live = 0
        self.building = Building.objects.create(code="all", name="All")
        self.accounts = {
            email: Account.objects.create(email=email, kind=Account.Kind.DELEGATED, status=Account.Status.OK)
            for email in self.mailboxes
        }
        self._keep(world["spaces"])

    def _keep(self, made: list[dict[str, Any]]) -> None:
        now = timezone.now()
        spaces = Space.objects.bulk_create(
            [
                Space(
                    name=one["name"],
                    account=self.accounts[one["owner"]],
                    owned=True,
                    origin=Space.Origin.OURS,
                    meeting_code=one["meetingCode"],
                    checked_at=now,
                    code_confirmed_at=now,
                    seen_at=now,
                    liveness=Liveness.IDLE,
                )
                for one in made
            ]
        )
        first = len(self.names)
        Room.objects.bulk_create(
            [
                Room(
                    slug=f"r{first + index}",
                    name=f"Room {first + index}",
                    building=self.building,
                    space=space,
                )
                for index, space in enumerate(spaces)
            ]
        )
        self.names += [one["name"] for one in made]

    def grow(self, rooms: int) -> None:
        """More spaces at Google, spread over the mailboxes, and their rooms here."""

        def make(number: int) -> dict[str, Any]:
            owner = self.mailboxes[number % len(self.mailboxes)]
            made: dict[str, Any] = self.place.control("spaces", {"owner": owner, "project": "meetadmin-demo"})
            return made

        with ThreadPoolExecutor(4) as pool:
            self._keep(list(pool.map(make, range(len(self.names), rooms))))

    def start(self, live: int) -> None:
        """Calls until so many are on."""
        for name in self.names[self.live : live]:
            self.place.control(
                "conferences", {"space": name, "participants": PEOPLE, "started_seconds_ago": 600}
            )
        self.live = max(self.live, live)

    def sweep(self) -> Cost:
        """All accounts once, two at a time as the worker has it."""
        self.place.control("requests", method="DELETE")
        Account.objects.update(lease_until=timezone.now(), next_sweep_at=timezone.now())
        keys = list(Account.objects.values_list("pk", flat=True))
        began, used = time.monotonic(), time.process_time()

        def one(key: int) -> None:
            tasks.sweep_account(account_id=key)
            connections.close_all()

        with ThreadPoolExecutor(WORKERS) as pool:
            list(pool.map(one, keys))
        wall, cpu = time.monotonic() - began, time.process_time() - used
        oldest = Space.objects.order_by("seen_at").values_list("seen_at", flat=True)[0]
        calls = self.place.control("requests")["by_method"]
        known = Space.objects.filter(liveness=Liveness.ACTIVE).count()
        if known != self.live:
            raise RuntimeError(f"{known} calls are known, {self.live} are on")
        return Cost(calls, wall, cpu, (timezone.now() - oldest).total_seconds() if oldest else 0.0)

    def naive(self) -> Cost:
        """One `spaces.get` a room with Google's dynamic client, a client for every thread and account; on a sample."""
        owners = dict(Space.objects.values_list("name", "account__email"))
        tokens = {
            email: self.place.control("token", {"email": email})["access_token"] for email in self.mailboxes
        }
        mine = threading.local()

        def ask(name: str) -> bool:
            clients: dict[str, Any] = mine.__dict__.setdefault("clients", {})
            owner = owners[name]
            if owner not in clients:
                clients[owner] = build(
                    "meet",
                    "v2",
                    credentials=Credentials(tokens[owner]),
                    client_options={"api_endpoint": self.place.google},
                    cache_discovery=False,
                    static_discovery=True,
                )
            return "activeConference" in clients[owner].spaces().get(name=name).execute()

        sample = self.names[:: len(self.names) // SAMPLE][:SAMPLE]
        with ThreadPoolExecutor(POOL) as pool:
            list(pool.map(ask, sample))  # clients are built and connected before the clock starts
            self.place.control("requests", method="DELETE")
            began, used = time.monotonic(), time.process_time()
            list(pool.map(ask, sample))
            wall, cpu = time.monotonic() - began, time.process_time() - used
        return Cost(self.place.control("requests")["by_method"], wall, cpu, wall)


def growth(world: World) -> None:
    """(b): more rooms, the same number of calls."""
    lines = []
    base: Cost | None = None
    for rooms in GROWTH:
        world.grow(rooms)
        world.start(SAME_LIVE)
        world.sweep()  # finds the calls
        cost = min((world.sweep() for _ in range(3)), key=lambda one: one.cpu)
        base = base or cost
        lines.append(
            (
                f"{rooms:,} rooms, {SAME_LIVE} live",
                str(cost.total),
                f"{cost.total / base.total:.2f}",
                f"{cost.cpu:.2f}",
                f"{cost.cpu / base.cpu:.2f}",
            )
        )
    say(
        f"Growth of the sweep: {ACCOUNTS} accounts, no latency; the cheapest of three sweeps; CPU of this process in seconds."
    )
    table(("", "calls to Google", "ratio", "CPU", "ratio"), lines)


def sweep(world: World) -> None:
    """(a): ten thousand rooms, Google at a distance, beside the naive way."""
    world.grow(GROWTH[-1])
    world.start(LIVE)
    world.place.control("faults", {"method": "*", "kind": "slow", "delay_ms": LATENCY, "times": 0})
    rooms = len(world.names)
    costs = {"sweep that finds the calls": world.sweep(), "sweep after that": world.sweep()}
    naive = world.naive()
    share = rooms / SAMPLE
    world.place.control("faults", method="DELETE")
    say(
        f"Sweep of {rooms:,} rooms under {ACCOUNTS} accounts, {LIVE} live, {LATENCY} ms latency. Ours: {WORKERS} accounts at a time, with "
        f"head counts. Naive: google-api-python-client, one spaces.get a room, {POOL} threads, without head counts; measured on "
        f"{SAMPLE:,} rooms with warm clients, times {share:.0f}. CPU of this process in seconds."
    )
    table(
        ("", "calls to Google", "wall s", "CPU s", "oldest fact s", "calls by method"),
        [
            (
                name,
                str(cost.total),
                f"{cost.wall:.1f}",
                f"{cost.cpu:.1f}",
                f"{cost.oldest:.1f}",
                ", ".join(f"{method} {number}" for method, number in sorted(cost.calls.items())),
            )
            for name, cost in costs.items()
        ]
        + [
            (
                "naive, extrapolated",
                f"{naive.total * share:.0f}",
                f"{naive.wall * share:.1f}",
                f"{naive.cpu * share:.1f}",
                f"{naive.wall * share:.1f}",
                "",
            )
        ],
    )


def main(names: list[str]) -> None:
    """The named ones of `growth` and `sweep`, on one world."""
    with Stage.inherited() as place:
        world = World(place)
        for name, part in (("growth", growth), ("sweep", sweep)):
            if name in names:
                part(world)


if __name__ == "__main__":
    main(sys.argv[1:])
