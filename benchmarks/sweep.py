"""What it costs to know which of all rooms are in a call: our sweep by account, and asking Google room by room."""

from benchmarks import ready  # noqa: F401

# isort: split
import sys
import threading
import time
import urllib.error
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import Min
from django.utils import timezone
from google.oauth2.credentials import Credentials
from googleapiclient.discovery import build

from benchmarks.stage import Stage, say, table
from spaces.access import SYSTEM
from spaces.models import Account, Building, Conference, Room, Space
from spaces.models.spaces import Liveness
from spaces.sync import scheduling

ACCOUNTS, START = 10, 240  # a world of 240 rooms has exactly ten mailboxes; more spaces are then made in them
GROWTH, SAME_LIVE = (1_000, 3_000, 10_000, 30_000), 100
ROOMS, LIVE, LATENCY = 10_000, 500, 80
SAMPLE, POOL = 1_000, 32
WARM_UP, STEADY = 60, 180  # seconds
MOVES, CALLS = 100, 10  # a minute: people who come or go, and calls that begin and end
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
        self.moving_cpu = 0.0  # of the thread that moves people: no part of what is measured
        self.building = Building.objects.create(code="all", name="All")
        self.accounts = {
            email: Account.objects.create(
                email=email,
                kind=Account.Kind.DELEGATED,
                status=Account.Status.OK,
                harvested_to=timezone.now(),
            )
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
                    # Read in turns within the last hours, as an installation of some age has it.
                    checked_at=now - timedelta(seconds=index * 97 % 20_000),
                    code_confirmed_at=now,
                    seen_at=now,
                    liveness=Liveness.IDLE,
                )
                for index, one in enumerate(made)
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
        """One look at all accounts, as the worker does it."""
        self.place.control("requests", method="DELETE")
        Account.objects.update(lease_until=timezone.now(), next_sweep_at=timezone.now())
        began, used = time.monotonic(), time.process_time()
        scheduling.run(actor=SYSTEM)
        wall, cpu = time.monotonic() - began, time.process_time() - used
        calls = self.place.control("requests")["by_method"]
        known = Space.objects.filter(liveness=Liveness.ACTIVE).count()
        if known != self.live:
            raise RuntimeError(f"{known} calls are known, {self.live} are on")
        return Cost(calls, wall, cpu, age("seen_at", Space.objects.all()))

    def move(self, until: threading.Event) -> None:
        """People come and go, calls begin and end, until told to stop."""
        number = 0
        running: list[dict[str, Any]] = []
        while not until.wait(60 / (MOVES + 2 * CALLS)):
            self.moving_cpu = time.thread_time()
            number += 1
            running = self.place.control("world")["conferences"] if number % 20 == 1 else running
            on = [one for one in running if one["endTime"] is None]
            call = on[number * 7919 % len(on)]["name"].replace("conferenceRecords", "conferences")
            if number % 12 == 0:
                self.place.control(f"{call}/end", {})
                on = [one for one in on if one["name"] != call]
                name = self.names[(LIVE + number) % len(self.names)]
                with suppress(urllib.error.HTTPError):  # one in which a call is on
                    self.place.control(
                        "conferences", {"space": name, "participants": PEOPLE, "started_seconds_ago": 0}
                    )
            else:
                with suppress(urllib.error.HTTPError):  # one that has ended in the meantime
                    self.place.control(f"{call}/join", {"guest": f"Guest {number}"})

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

        sample = self.names[::7][:SAMPLE]  # of every mailbox the same share
        with ThreadPoolExecutor(POOL) as pool:
            list(pool.map(ask, sample))  # clients are built and connected before the clock starts
            self.place.control("requests", method="DELETE")
            began, used = time.monotonic(), time.process_time()
            list(pool.map(ask, sample))
            wall, cpu = time.monotonic() - began, time.process_time() - used
        return Cost(self.place.control("requests")["by_method"], wall, cpu, wall)


def age(field: str, rows: Any) -> float:
    """Seconds since the oldest of these moments."""
    oldest = rows.aggregate(oldest=Min(field))["oldest"]
    return (timezone.now() - oldest).total_seconds() if oldest else 0.0


def growth(world: World) -> None:
    """(b): more rooms, the same number of calls."""
    lines = []
    base: Cost | None = None
    settings.RECONCILE_AFTER = 10**7  # only what is on
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
        f"Growth of a look at all {ACCOUNTS} accounts, no latency; the cheapest of three; CPU of this process in seconds."
    )
    table(("", "calls to Google", "ratio", "CPU", "ratio"), lines)


def sweep(world: World) -> None:
    """(a): ten thousand rooms, Google at a distance, beside the naive way."""
    world.grow(ROOMS)
    world.start(LIVE)
    world.place.control("faults", {"method": "*", "kind": "slow", "delay_ms": LATENCY, "times": 0})
    settings.RECONCILE_AFTER = 1800
    costs = {"look that finds the calls": world.sweep(), "look after that": world.sweep()}
    naive = world.naive()
    share = ROOMS / SAMPLE
    say(
        f"One look at {ROOMS:,} rooms under {ACCOUNTS} accounts, {LIVE} live, {LATENCY} ms latency: what is on, heads of half the calls, some "
        f"settings. Naive: google-api-python-client, one spaces.get a room, {POOL} threads, without head counts; measured on "
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
    steady(world, naive_calls=naive.total * share, naive_cpu=naive.cpu * share)
    world.place.control("faults", method="DELETE")


def steady(world: World, *, naive_calls: float, naive_cpu: float) -> None:
    """The same for some minutes, every account at its own pace, while people come and go."""
    stop = threading.Event()
    moving = threading.Thread(target=world.move, args=(stop,), daemon=True)
    moving.start()
    Account.objects.update(next_sweep_at=timezone.now())
    live_ages, head_ages = [], []
    begun = time.monotonic()
    used, warm = 0.0, False
    while (passed := time.monotonic() - begun) < WARM_UP + STEADY:
        if not warm and passed > WARM_UP:
            warm, used = True, time.process_time() - world.moving_cpu
            world.place.control("requests", method="DELETE")
        scheduling.run(actor=SYSTEM)
        if warm:
            live_ages.append(age("seen_at", Space.objects.filter(owned=True)))
            running = Conference.objects.filter(ended_at=None)
            head_ages.append(age("counted_at", running))
        time.sleep(0.5)
    cpu = time.process_time() - world.moving_cpu - used
    calls = world.place.control("requests")
    stop.set()
    moving.join()
    oldest = (max(live_ages), max(head_ages))
    report_steady(calls, cpu, oldest, naive_calls=naive_calls, naive_cpu=naive_cpu)


def report_steady(
    calls: dict[str, Any], cpu: float, oldest: tuple[float, float], *, naive_calls: float, naive_cpu: float
) -> None:
    """Print the requests, the CPU and the age of the `oldest` state and participant count, in seconds."""
    minutes = STEADY / 60
    total = sum(number for name, number in calls["by_method"].items() if name != "token")
    budget = settings.QUOTA.read_project * settings.POLL_SHARE
    say(
        f"Steady state for {STEADY} s, every {settings.SWEEP_EVERY} s, {MOVES} comings and {CALLS} new calls a minute; 429 answered: "
        f"{calls['by_status'].get('429', 0)}; budget {budget:.0f} readings a minute. Naive: every room once a minute."
    )
    table(
        ("", "readings a minute", "of the quota", "CPU s a minute", "oldest state s", "oldest head count s"),
        [
            (
                "ours",
                f"{total / minutes:.0f}",
                f"{total / minutes / settings.QUOTA.read_project:.1%}",
                f"{cpu / minutes:.1f}",
                f"{oldest[0]:.0f}",
                f"{oldest[1]:.0f}",
            ),
            (
                "naive",
                f"{naive_calls:.0f}",
                f"{naive_calls / settings.QUOTA.read_project:.0%}",
                f"{naive_cpu:.1f}",
                "60",
                "-",
            ),
        ],
    )


def main(names: list[str]) -> None:
    """The named ones of `growth` and `sweep`, on one world."""
    settings.SWEEP_EVERY = 30  # as with the real Google
    with Stage.inherited() as place:
        world = World(place)
        for name, part in (("growth", growth), ("sweep", sweep)):
            if name in names:
                part(world)


if __name__ == "__main__":
    main(sys.argv[1:])
