"""The overview and the lookup at 10,000 rooms, beside Django admin's list of the same rows; in one process, and over granian."""

from benchmarks import fill, ready  # noqa: F401

# isort: split
import http.client
import statistics
import threading
import time
from dataclasses import dataclass, field
from urllib.parse import quote

from django.conf import settings
from django.db import connection
from django.db.models import F
from django.test import Client
from django.test.utils import CaptureQueriesContext

from benchmarks.stage import Stage, group_cpu, percentile, say, table
from meetadmin.monitoring import heartbeat
from spaces import live
from spaces.models import Conference, Person, Room
from spaces.models.rooms import RoomQuerySet

ROOMS, LIVE, STUCK, UNKNOWN = 10_000, 500, 30, 10
ROUNDS = 20
CLIENTS, SECONDS = 8, 3.0


def change(what: str) -> None:
    """`elsewhere`: all pages are told that something has changed, which none of their rows shows. `here`: so are they, and
    somebody has come into the call that an admin's list begins with."""
    if what == "here":
        first = RoomQuerySet(Room).current().by_need().values("space__conference")[:1]
        Conference.objects.filter(pk__in=list(first.values_list("space__conference", flat=True))).update(
            people=F("people") + 1
        )
    if what:
        live.everything_changed()


@dataclass
class Page:
    """One address as one person, and what it took each time (milliseconds)."""

    who: str
    name: str
    path: str
    browser: Client
    htmx: bool = False
    changed: str = (
        ""  # what is done before each time, so that no list that was kept fits any more: see `change`
    )
    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    queries: int = 0
    size: int = 0

    def get(self) -> int:
        """Ask once; the status."""
        headers = {"Host": "127.0.0.1"} | ({"HX-Request": "true"} if self.htmx else {})
        return self.browser.get(self.path, headers=headers).status_code

    def measure(self) -> None:
        """Ask once and note what it took. Without a change it has been asked for a moment before, whatever other pages had changed."""
        if not self.changed:
            self.get()
        change(self.changed)
        wall, cpu = time.perf_counter(), time.thread_time()
        status = self.get()
        self.cpu.append((time.thread_time() - cpu) * 1000)
        self.wall.append((time.perf_counter() - wall) * 1000)
        if status != 200:
            raise RuntimeError(f"{self.path} answered {status}")

    def warm(self) -> None:
        """The first time loads templates; the second time queries are counted."""
        self.get()
        change(self.changed)
        with CaptureQueriesContext(connection) as queries:
            self.get()
        self.queries = len(queries)


def pages(cast: fill.Cast) -> list[Page]:
    """What is measured."""
    found: list[Page] = []
    code, part = fill.code_of(4321), "Room 0432"
    for who, person in cast.named().items():
        browser = Client()
        browser.force_login(person)
        found += [
            Page(who, "overview, a row changed", "/", browser, changed="here"),
            Page(who, "overview, changed elsewhere", "/", browser, changed="elsewhere"),
            Page(who, "overview, nothing changed", "/", browser),
            Page(who, "overview, polled", "/", browser, htmx=True),
            Page(who, "lookup of a code", f"/lookup/?q={code}", browser),
            Page(who, "lookup by words", f"/lookup/?q={quote(part)}", browser),
        ]
        if who == "helpdesk":
            found += [
                Page(
                    who,
                    "lookup of a misheard code",
                    f"/lookup/?q={code[:-1]}{'a' if code[-1] != 'a' else 'b'}",
                    browser,
                ),
                Page(who, "lookup that finds nothing", "/lookup/?q=zebra+crossing", browser),
            ]
        if who == "admin":
            found += [
                Page(who, "Django admin's list", "/admin/spaces/room/", browser),
                Page(who, "last page, changed elsewhere", "/?page=200", browser, changed="elsewhere"),
                Page(who, "state=live, a row changed", "/?state=live", browser, changed="here"),
            ]
    return found


def in_process(cast: fill.Cast) -> None:
    """One request after the other, the pages taking turns."""
    measured = pages(cast)
    for page in measured:
        page.warm()
    for _ in range(ROUNDS):
        for page in measured:
            page.measure()
    rival = statistics.median(next(page.cpu for page in measured if page.path.startswith("/admin/")))
    say(f"  In one process, Django's test client, pages taking turns, {ROUNDS} times each; milliseconds.")
    table(
        ("page", "person", "p50", "p95", "CPU p50", "CPU p95", "queries", "CPU : admin's list"),
        [
            (
                page.name,
                page.who,
                f"{statistics.median(page.wall):.1f}",
                f"{percentile(page.wall, 0.95):.1f}",
                f"{statistics.median(page.cpu):.1f}",
                f"{percentile(page.cpu, 0.95):.1f}",
                str(page.queries),
                f"{statistics.median(page.cpu) / rival:.2f}",
            )
            for page in measured
        ],
    )


class Visitor:
    """One connection to the web server, kept open, signed in as somebody."""

    def __init__(self, address: str, cookie: str) -> None:
        self.connection = http.client.HTTPConnection(address, timeout=60)
        self.headers = {"Cookie": cookie, "HX-Request": "true"}

    def get(self, path: str) -> float:
        """Milliseconds until the whole answer is here."""
        return self.read(path)[0]

    def read(self, path: str) -> tuple[float, str]:
        """The same, and the answer."""
        began = time.perf_counter()
        self.connection.request("GET", path, headers=self.headers)
        answer = self.connection.getresponse()
        body = answer.read().decode()
        if answer.status != 200:
            raise RuntimeError(f"{path} answered {answer.status}")
        return (time.perf_counter() - began) * 1000, body


def cookie_of(person: Person) -> str:
    """What a browser of this person would send."""
    browser = Client()
    browser.force_login(person)
    return f"{settings.SESSION_COOKIE_NAME}={browser.cookies[settings.SESSION_COOKIE_NAME].value}"


def together(visitors: list[Visitor], path: str, seconds: float, pause: float) -> list[float]:
    """All visitors ask for a page at once, again and again; every answer's milliseconds."""
    took: list[float] = []
    until = time.monotonic() + seconds

    def work(visitor: Visitor) -> None:
        while time.monotonic() < until:
            took.append(visitor.get(path))
            time.sleep(pause)

    threads = [threading.Thread(target=work, args=(visitor,)) for visitor in visitors]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return took


def over_the_wire(place: Stage, cast: fill.Cast) -> None:
    """Eight connections at once to granian as `make run` starts it."""
    web = place.application("web")["web"]
    address = place.env["MEETADMIN_BASE_URL"].removeprefix("http://")
    lines = []
    for who, name, path in (
        ("admin", "overview, polled", "/"),
        ("admin", "Django admin's list", "/admin/spaces/room/"),
        ("helpdesk", "overview, polled", "/"),
        ("owner of 5 rooms", "overview, polled", "/"),
        ("colleague", "overview, polled", "/"),
        ("helpdesk", "lookup of a code", f"/lookup/?q={fill.code_of(4321)}"),
    ):
        cookie = cookie_of(cast.named()[who])
        visitors = [Visitor(address, cookie) for _ in range(CLIENTS)]
        for visitor in visitors:
            visitor.get(path)
        for kind, pause in (("without pause", 0.0), ("each every 2 s", 2.0)):
            cpu, began = group_cpu(web), time.monotonic()
            took = together(visitors, path, SECONDS + 2 * pause, pause)
            used, lasted = group_cpu(web) - cpu, time.monotonic() - began
            lines.append(
                (
                    f"{name}, {kind}",
                    who,
                    f"{statistics.median(took):.1f}",
                    f"{percentile(took, 0.95):.1f}",
                    f"{used / len(took) * 1000:.1f}",
                    f"{len(took) / lasted:.0f}",
                )
            )
    say(
        f"  Over loopback from granian (one process, as `make run` starts it), {CLIENTS} clients at once; milliseconds."
    )
    table(("page", "person", "p50", "p95", "CPU each", "answers a second"), lines)


def main() -> None:
    """Fill, measure, print."""
    say(
        f"Overview and lookup: {ROOMS:,} rooms, {LIVE} live, {STUCK} of them stuck, {UNKNOWN} unknown; SQLite."
    )
    began = time.monotonic()
    cast = fill.fill(ROOMS, live=LIVE, stuck=STUCK, unknown=UNKNOWN)
    heartbeat.record("worker")
    heartbeat.record("beat")
    say(f"  (filled in {time.monotonic() - began:.1f} s)")
    in_process(cast)
    with Stage.inherited() as place:
        over_the_wire(place, cast)


if __name__ == "__main__":
    main()
