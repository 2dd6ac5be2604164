"""One owner presses Refresh in 48 rooms at once while Google takes 2 to 8 seconds for each of their calls: what that does to everybody
else. Measured from outside: granian, worker and beat as `make run` starts them, and a simulator with delays, over HTTP."""

from benchmarks import ready  # noqa: F401

# isort: split
import http.client
import statistics
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from urllib.parse import urlencode

from django.conf import settings

from benchmarks.overview import cookie_of
from benchmarks.stage import Stage, percentile, say, table, wait_for
from spaces.models import Account, Conference, Ownership, Person, Role, Room

REFRESHES = 48
DELAYS = ((8000, 0.2), (6500, 0.25), (5000, 0.33), (3500, 0.5), (2000, 1.0))
"""Milliseconds and the chance of each, in the order in which the simulator throws the dice: each is drawn as often."""
ENDS = 5
PAUSE = 0.25  # seconds between two requests of one visitor
SECRET = "s" * 32  # of the protection against forged forms: cookie and form have to agree


@dataclass
class Visitor:
    """A signed-in person's browser."""

    address: str
    cookie: str

    def ask(self, path: str, form: dict[str, str] | None = None) -> tuple[int, float]:
        """Status, and the seconds until the whole answer is here."""
        began = time.monotonic()
        headers = {
            "Cookie": f"{self.cookie}; {settings.CSRF_COOKIE_NAME}={SECRET}",
            "Origin": f"http://{self.address}",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        body = None if form is None else urlencode({**form, "csrfmiddlewaretoken": SECRET})
        with closing(http.client.HTTPConnection(self.address, timeout=120)) as link:
            link.request("GET" if body is None else "POST", path, body, headers)
            answer = link.getresponse()
            answer.read()
            return answer.status, time.monotonic() - began


@dataclass
class Figures:
    """How long each kind of request took, and how the refreshes were answered."""

    took: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    refreshes: Counter[int] = field(default_factory=Counter)


def owner_of(rooms: list[Room]) -> Person:
    """Somebody who owns exactly these rooms."""
    owner = Person.objects.create(email="busy-owner@example.com", name="Busy Owner")
    Ownership.objects.bulk_create(Ownership(room=room, person=owner) for room in rooms)
    return owner


def start_calls(place: Stage, rooms: list[Room]) -> list[tuple[Room, str]]:
    """Calls in these rooms that we know of, each with the name of its record."""
    began = []
    for room in rooms:
        if room.space is None:
            continue
        body = {"space": room.space.name, "participants": [{"guest": "A"}], "started_seconds_ago": 60}
        began.append((room, str(place.control("conferences", body)["name"])))
    records = [record for _, record in began]
    wait_for(lambda: Conference.objects.filter(record__in=records).count() == len(records), seconds=90)
    return began


def measure(
    place: Stage, people: dict[str, Person], calls: list[tuple[Room, str]], rooms: list[Room]
) -> Figures:
    """Look at pages, end calls and, if there are `rooms`, refresh all of those at once meanwhile."""
    address = place.env["MEETADMIN_BASE_URL"].removeprefix("http://")
    visitors = {name: Visitor(address, cookie_of(person)) for name, person in people.items()}
    figures, stopped = Figures(), threading.Event()

    def look(name: str, path: str, who: str) -> None:
        while not stopped.is_set():
            status, seconds = visitors[who].ask(path)
            figures.took[name if status == 200 else f"{name}: {status}"].append(seconds)
            stopped.wait(PAUSE)

    def end() -> None:
        for room, record in calls:
            form = {"conference": record, "other": "Benchmark", "confirm": room.name, "key": record[-20:]}
            status, seconds = visitors["admin"].ask(f"/rooms/{room.slug}/end/", form)
            figures.took["End" if status == 302 else f"End: {status}"].append(seconds)

    def refresh(room: Room) -> None:
        figures.refreshes[visitors["owner"].ask(f"/rooms/{room.slug}/refresh/", {})[0]] += 1

    works: list[tuple[Callable[..., None], tuple[object, ...]]] = [(refresh, (room,)) for room in rooms]
    looking = [
        (look, ("/, admin", "/", "admin")),
        (look, ("/, colleague", "/", "colleague")),
        (look, ("/mine/, the owner", "/mine/", "owner")),
        (look, ("/healthz", "/healthz", "colleague")),
    ]
    threads = [threading.Thread(target=work, args=args) for work, args in works]
    others = [threading.Thread(target=work, args=args) for work, args in looking]
    for thread in [*threads, *others]:
        thread.start()
    end()
    for thread in threads:
        thread.join()
    stopped.set()
    for thread in others:
        thread.join()
    return figures


def main() -> None:
    """Measure with and without the owner's refreshes."""
    accounts = list(Account.objects.filter(spaces__room__isnull=False).distinct().order_by("email"))
    busy, calm = accounts[:2], accounts[2:]
    found = Room.objects.select_related("space", "space__account").exclude(space=None).order_by("pk")
    rooms = list(found.filter(space__account__in=busy)[:REFRESHES])
    ending = list(found.filter(space__account__in=calm)[: 2 * ENDS])
    people = {
        "admin": Person.objects.get_or_create(email="it-admin@example.com", defaults={"role": Role.ADMIN})[0],
        "owner": owner_of(rooms),
        "colleague": Person.objects.create(email="bench-colleague@example.com"),
    }
    lines = []
    with ExitStack() as stack:
        place = stack.enter_context(Stage.inherited())
        place.application("web", "worker", "beat")
        calls = start_calls(place, ending)
        for name, chosen, some in (
            ("nobody refreshes", [], calls[:ENDS]),
            (f"{len(rooms)} refreshes by one owner", rooms, calls[ENDS:]),
        ):
            if chosen:
                for account in busy:
                    for delay, chance in DELAYS:
                        order = {"method": "*", "kind": "slow", "delay_ms": delay, "probability": chance}
                        place.control("faults", {**order, "account": account.email, "times": 0})
            figures = measure(place, people, some, chosen)
            answers = ", ".join(
                f"{number} x {status}" for status, number in sorted(figures.refreshes.items())
            )
            say(f"  {name}: {answers or 'none'}")
            lines += [
                (
                    f"{kind}, {name}",
                    str(len(took)),
                    f"{statistics.median(took):.2f}",
                    f"{percentile(took, 0.95):.2f}",
                    f"{max(took):.2f}",
                )
                for kind, took in sorted(figures.took.items())
            ]
    say()
    table(("seconds", "requests", "p50", "p95", "longest"), lines)


if __name__ == "__main__":
    main()
