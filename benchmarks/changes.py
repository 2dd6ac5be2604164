"""How long after a call has begun its row is live in an open page: told through the stream, or looking every five seconds."""

from benchmarks import ready  # noqa: F401

# isort: split
import json
import random
import statistics
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator

from django.conf import settings

from benchmarks.overview import Visitor, cookie_of
from benchmarks.stage import Stage, percentile, say, table, wait_for
from spaces.models import Person, Role, Room

CALLS, POLL = (
    10,
    5.0,
)  # without a stream the page looks every five seconds, a tenth more or less (static/js/live.js)
SPREAD = 0.4  # and with one it waits so long at most before it fetches
LONGEST = 90.0
ADMIN = "it-admin@example.com"


class Watcher(threading.Thread):
    """A page somebody left open: the list of live rooms, and when each wanted row was first in it."""

    def __init__(self, place: Stage, cookie: str, *, stream: bool) -> None:
        super().__init__(daemon=True)
        self.url, self.cookie, self.stream = place.env["MEETADMIN_BASE_URL"], cookie, stream
        self.visitor = Visitor(self.url.removeprefix("http://"), cookie)
        self.shown: dict[int, float] = {}
        self.wanted: set[int] = set()
        self.stopped = threading.Event()
        self.failure = ""

    def run(self) -> None:
        """Look whenever there is a reason to."""
        try:
            for _ in self._told() if self.stream else self._every_while():
                _, body = self.visitor.read("/?state=live")
                now = time.monotonic()
                for key in self.wanted - self.shown.keys():
                    if f'id="room-{key}"' in body:
                        self.shown[key] = now
        except (OSError, RuntimeError) as trouble:
            if not self.stopped.is_set():
                self.failure = str(trouble)

    def _every_while(self) -> Iterator[None]:
        chance = random.Random(1)
        while not self.stopped.wait(POLL * chance.uniform(0.9, 1.1)):
            yield

    def _told(self) -> Iterator[None]:
        chance = random.Random(1)
        request = urllib.request.Request(f"{self.url}/live/", headers={"Cookie": self.cookie})  # noqa: S310  (loopback)
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as stream:
            for line in stream:
                if self.stopped.is_set():
                    return
                news = json.loads(line[6:]) if line.startswith(b"data: ") else {}
                if news.get("all") or news.get("moved"):
                    time.sleep(chance.uniform(0, SPREAD))
                    yield


def start_calls(place: Stage, rooms: list[Room], watchers: list[Watcher], email: str) -> dict[int, float]:
    """Start a call in each room at random intervals; return the moments by room."""
    began: dict[int, float] = {}
    chance = random.Random(3)
    for room in rooms:
        time.sleep(chance.uniform(2, 7))
        if room.space is None:
            continue
        for watcher in watchers:
            watcher.wanted = {*watcher.wanted, room.pk}
        began[room.pk] = time.monotonic()
        place.control("conferences", {"space": room.space.name, "participants": [{"email": email}]})
    return began


def main(push: str = "") -> None:
    """Start calls at times that have nothing to do with our rhythm; wait until both pages show each."""
    person = Person.objects.named(ADMIN)
    person.role = Role.ADMIN
    person.save()
    cookie = cookie_of(person)
    rooms = list(Room.objects.exclude(space=None).filter(space__owned=True).select_related("space"))
    random.Random(2).shuffle(rooms)
    with Stage.inherited() as place:
        place.application("web", "worker", "beat")
        wait_for(place.ready, seconds=90, every=0.3)
        if push:
            wait_for(place.subscribed, seconds=60, every=0.3)
        watchers = [Watcher(place, cookie, stream=stream) for stream in (True, False)]
        for watcher in watchers:
            watcher.start()
        began = start_calls(place, rooms[:CALLS], watchers, ADMIN)
        wait_for(
            lambda: all(len(watcher.shown) == CALLS or watcher.failure for watcher in watchers),
            seconds=LONGEST,
            every=0.2,
        )
        for watcher in watchers:
            watcher.stopped.set()
        for watcher in watchers:
            if watcher.failure:
                raise RuntimeError(watcher.failure)
    lines = []
    for watcher in watchers:
        took = [watcher.shown[key] - moment for key, moment in began.items()]
        lines.append(
            (
                "told through the stream" if watcher.stream else "looking every 5 s",
                f"{statistics.median(took):.2f}",
                f"{percentile(took, 0.95):.2f}",
                f"{max(took):.2f}",
            )
        )
    how = "events pushed by the simulator" if push else f"sweep every {settings.SWEEP_EVERY} s, no push"
    say(
        f"From the start of a call to its row in an open page: {CALLS} calls among {len(rooms)} rooms, real worker and beat, "
        f"{how}; seconds."
    )
    table(("", "p50", "p95", "longest"), lines)


if __name__ == "__main__":
    main(*sys.argv[1:])
