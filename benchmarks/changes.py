"""How long after a call has begun its row is live in a page that polls as ours does."""

from benchmarks import ready  # noqa: F401

# isort: split
import random
import statistics
import threading
import time

from django.conf import settings
from django.test import Client

from benchmarks.overview import Visitor
from benchmarks.stage import Stage, percentile, say, table, wait_for
from spaces import health
from spaces.models import Person, Role, Room

CALLS, POLL = 10, 5.0  # the page looks every five seconds, a tenth more or less (static/js/app.js)
LONGEST = 60.0


class Watcher(threading.Thread):
    """A page somebody left open: what it shows, every five seconds."""

    def __init__(self, place: Stage, cookie: str) -> None:
        super().__init__(daemon=True)
        self.visitor = Visitor(place.env["MEETADMIN_BASE_URL"].removeprefix("http://"), cookie)
        self.shown: dict[int, float] = {}
        self.wanted: set[int] = set()
        self.stopped = threading.Event()
        self.failure = ""

    def run(self) -> None:
        """Look, note when each wanted row was first there, wait."""
        chance = random.Random(1)
        while not self.stopped.wait(POLL * chance.uniform(0.9, 1.1)):
            try:
                _, body = self.visitor.read("/?state=live")
            except (OSError, RuntimeError) as trouble:
                self.failure = str(trouble)
                return
            now = time.monotonic()
            for key in self.wanted - self.shown.keys():
                if f'id="room-{key}"' in body:
                    self.shown[key] = now


def main() -> None:
    """Start calls at times that have nothing to do with our rhythm; wait for each to be shown."""
    person = Person.objects.named("it-admin@example.com")
    person.role = Role.ADMIN
    person.save()
    browser = Client()
    browser.force_login(person)
    cookie = f"{settings.SESSION_COOKIE_NAME}={browser.cookies[settings.SESSION_COOKIE_NAME].value}"
    rooms = list(Room.objects.exclude(space=None).filter(space__owned=True).select_related("space"))
    random.Random(2).shuffle(rooms)
    with Stage.inherited() as place:
        place.application("web", "worker", "beat")
        wait_for(lambda: health.report().ready, seconds=90, every=0.3)
        watcher = Watcher(place, cookie)
        watcher.start()
        began: dict[int, float] = {}
        chance = random.Random(3)
        for room in rooms[:CALLS]:
            time.sleep(chance.uniform(2, 7))
            if room.space is None:
                continue
            watcher.wanted = {*watcher.wanted, room.pk}
            began[room.pk] = time.monotonic()
            place.control(
                "conferences", {"space": room.space.name, "participants": [{"email": person.email}]}
            )
        wait_for(lambda: len(watcher.shown) == CALLS or bool(watcher.failure), seconds=LONGEST, every=0.2)
        watcher.stopped.set()
        watcher.join(30)
    if watcher.failure:
        raise RuntimeError(watcher.failure)
    took = [watcher.shown[key] - moment for key, moment in began.items()]
    say(
        f"From the start of a call to its row in an open page: {CALLS} calls among {len(rooms)} rooms, real worker and beat, sweep every "
        f"{settings.SWEEP_EVERY} s (simulator's default), page polling every {POLL:.0f} s, no push; seconds."
    )
    table(
        ("", "p50", "p95", "longest"),
        [
            (
                "polling only",
                f"{statistics.median(took):.1f}",
                f"{percentile(took, 0.95):.1f}",
                f"{max(took):.1f}",
            )
        ],
    )


if __name__ == "__main__":
    main()
