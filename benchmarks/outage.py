"""Google is away for ten minutes and comes back: what a page says meanwhile, and how long until all is known again."""

from benchmarks import ready  # noqa: F401

# isort: split
import html
import re
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from django.conf import settings
from django.db.models import Min
from django.utils import timezone

from benchmarks.overview import Visitor, cookie_of
from benchmarks.stage import Stage, percentile, say, table, wait_for
from benchmarks.sweep import ACCOUNTS, World, age
from meetadmin.monitoring import health
from spaces.models import Account, Conference, Person, Role, Space
from spaces.models.spaces import Liveness

ROOMS, LIVE = 1_200, 120
LATENCY = {"median_ms": 80, "p99_ms": 400}
CALM, AFTERWARDS = 90, 150  # seconds
LOOK = 1.0  # seconds between two looks at everything
SENTENCE = "Google has not answered since"
NAMED = "Google has not answered for"


@dataclass(frozen=True, slots=True)
class Look:
    """The overview as an admin's browser had it at that moment: `live` and `unknown` rooms, `age` in seconds of the oldest picture
    as the page says it, the sentence about the trouble, how long the page took."""

    at: float
    live: int
    unknown: int
    age: float
    words: tuple[str, ...]
    took: float


@dataclass
class Watch:
    """An admin's overview and the simulator's counter of requests, about once a second."""

    place: Stage
    cookie: str
    looks: list[Look] = field(default_factory=list)
    counts: list[tuple[float, int, int]] = field(default_factory=list)  # at, readings so far, 429 so far
    failure: str = ""
    stopped: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Look, wait, until told to stop."""
        visitor = Visitor(self.place.env["MEETADMIN_BASE_URL"].removeprefix("http://"), self.cookie)
        while not self.stopped.wait(LOOK):
            try:
                took, page = visitor.read("/")
                self.looks.append(look(page, took))
                told = self.place.control("requests")
            except (OSError, RuntimeError) as trouble:
                self.failure = repr(trouble)
                return
            sent = sum(number for name, number in told["by_method"].items() if name != "token")
            self.counts.append((time.monotonic(), sent, told["by_status"].get("429", 0)))

    def between(self, since: float, until: float) -> list[Look]:
        """The looks of that time."""
        return [one for one in self.looks if since <= one.at < until]

    def busiest_minute(self, since: float, until: float) -> int:
        """The most calls sent in any sixty seconds that begin in that time."""
        return max(self._minutes(since, until), default=0)

    def _minutes(self, since: float, until: float) -> Iterator[int]:
        for index, (begun, sent, _) in enumerate(self.counts):
            if since <= begun < until:
                yield max(later for at, later, _ in self.counts[index:] if at <= begun + 60) - sent


def look(page: str, took: float) -> Look:
    """What stands in the overview."""

    def counter(name: str) -> int:
        found = re.search(rf'class="{name}[ "][^>]*>\s*<b>(\d+)</b>', page)
        return int(found[1]) if found else 0

    oldest = re.search(r'id="status".*?<time datetime="([^"]+)"', page, re.DOTALL)
    if oldest is None:
        raise RuntimeError("the page does not say how old its picture is")
    seconds = (datetime.now(UTC) - datetime.fromisoformat(oldest[1])).total_seconds()
    banners = re.findall(r'<p class="banner[^>]*>(.*?)</p>', page, re.DOTALL)
    words = tuple(html.unescape(re.sub(r"<[^>]+>", "", one)).strip() for one in banners)
    return Look(time.monotonic(), counter("live"), counter("unknown"), seconds, words, took)


def known() -> tuple[int, int]:
    """How many calls we take to be on, and how many links to be in an unknown state."""
    return (
        Space.objects.filter(liveness=Liveness.ACTIVE).count(),
        Space.objects.filter(liveness=Liveness.UNKNOWN).count(),
    )


def right(place: Stage) -> bool:
    """Whether what we take to be on is what is on."""
    on = {one["name"] for one in place.control("world")["conferences"] if one["endTime"] is None}
    return on == set(
        Space.objects.filter(liveness=Liveness.ACTIVE).values_list("conference__record", flat=True)
    )


@dataclass(frozen=True, slots=True)
class Recovery:
    """Seconds after the outage until accounts were synced, calls were right, participants were counted, pages were quiet."""

    swept: float
    true: float
    counted: float
    quiet: float


def recover(place: Stage, watch: Watch, up: float, up_at: datetime) -> Recovery:
    """Wait until all is as before; `up` and `up_at` are the end of the outage."""
    swept = wait_for(
        lambda: not Account.objects.exclude(swept_at__gte=up_at).exists(), seconds=600, every=0.1
    )
    wait_for(lambda: right(place), seconds=600, every=0.1)
    true = time.monotonic() - up
    live = Conference.objects.filter(running_in__liveness=Liveness.ACTIVE)
    wait_for(lambda: not live.exclude(counted_at__gte=up_at).exists(), seconds=600, every=0.1)
    counted = time.monotonic() - up
    wait_for(lambda: bool(watch.failure) or not watch.looks[-1].words, seconds=600, every=0.1)
    return Recovery(swept, true, counted, time.monotonic() - up)


def in_sweeps(seconds: float) -> str:
    """Return the seconds, and how many sweeps they are."""
    return f"{seconds:.1f} s ({seconds / settings.SWEEP_EVERY:.1f})"


def main(seconds: int) -> None:
    """Fill, calm, outage, recovery; print."""
    person = Person.objects.named("it-admin@example.com")
    person.role = Role.ADMIN
    person.save()
    with Stage.inherited() as place:
        world = World(place)
        world.grow(ROOMS)
        world.start(LIVE)
        place.control("latency", LATENCY)
        place.application("web", "worker", "beat")
        wait_for(lambda: health.report().ready and known()[0] == LIVE, seconds=120, every=0.5)
        watch = Watch(place, cookie_of(person))
        watching = threading.Thread(target=watch.run, daemon=True)
        calm = time.monotonic()
        watching.start()
        stop = threading.Event()
        moving = threading.Thread(target=world.move, args=(stop,), daemon=True)
        moving.start()
        time.sleep(CALM)

        place.control("faults", {"method": "*", "status": 503, "times": 0})
        down, down_at = time.monotonic(), timezone.now()
        time.sleep(seconds)
        last_sweep = Account.objects.aggregate(oldest=Min("swept_at"))["oldest"]
        tries = dict(Account.objects.values_list("email", "fail_count"))

        stop.set()  # so that "all is as at Google" has one moment
        moving.join()
        place.control("faults", method="DELETE")
        up, up_at = time.monotonic(), timezone.now()
        recovery = recover(place, watch, up, up_at)
        time.sleep(max(AFTERWARDS - recovery.quiet, 0))
        ended = time.monotonic()
        watch.stopped.set()
        watching.join(30)
        oldest = age("seen_at", Space.objects.filter(owned=True))
    if watch.failure:
        raise RuntimeError(f"the overview could not be looked at: {watch.failure}")
    report(watch, calm=calm, down=down, up=up, ended=ended)
    say(
        f"Recovery, in seconds and in sweeps of {settings.SWEEP_EVERY} s: all {ACCOUNTS} accounts synced {in_sweeps(recovery.swept)}, all calls "
        f"as at Google {in_sweeps(recovery.true)}, all participants counted {in_sweeps(recovery.counted)}, no sentence in the overview "
        f"{in_sweeps(recovery.quiet)}. Tries of an account during the outage: {min(tries.values())} to "
        f"{max(tries.values())}. Last success before: {(down_at - last_sweep).total_seconds():.0f} s before it. Oldest state at the end: "
        f"{oldest:.0f} s. Answers 429 in the whole run: {watch.counts[-1][2]}."
    )


def report(watch: Watch, *, calm: float, down: float, up: float, ended: float) -> None:
    """What was seen, by phase."""
    quota = settings.QUOTA.read_project
    say(
        f"{ROOMS:,} rooms under {ACCOUNTS} accounts, {LIVE} live, answers after {LATENCY['median_ms']} ms (p99 {LATENCY['p99_ms']} ms), people coming "
        f"and going; every method answers 503 for {up - down:.0f} s. Real worker, beat and web; an admin's overview once a second."
    )
    lines = []
    for name, since, until in (("before", calm, down), ("outage", down, up), ("after", up, ended)):
        looks = watch.between(since, until)
        busiest = watch.busiest_minute(since, until)
        lines.append(
            (
                name,
                f"{min(one.live for one in looks)}-{max(one.live for one in looks)}",
                str(max(one.unknown for one in looks)),
                f"{max(one.age for one in looks):.0f}",
                f"{sum(bool(one.words) for one in looks)}/{len(looks)}",
                f"{percentile([one.took for one in looks], 0.95):.0f}",
                f"{busiest}",
                f"{busiest / quota:.1%}",
            )
        )
    table(
        (
            "",
            "live shown",
            "unknown shown",
            "oldest picture s",
            "with a sentence",
            "page ms p95",
            "calls in the busiest minute",
            "of the quota",
        ),
        lines,
    )
    first = next((one for one in watch.between(down, up) if one.words), None)
    if first is None:
        raise RuntimeError("no page said that Google does not answer")
    says = {words for one in watch.between(first.at, up) for words in one.words}
    mute = [one for one in watch.between(first.at, up) if not one.words]
    if mute or not all(SENTENCE in one or NAMED in one for one in says):
        raise RuntimeError(f"{len(mute)} pages said nothing; the others: {sorted(says)}")
    say(f"First said after {first.at - down:.0f} s, when the oldest picture was {first.age:.0f} s old:")
    say(f"  {first.words[0]}")
    longest = max(says, key=len)
    if longest not in first.words:
        say(f"and later: {longest}")
    say()


if __name__ == "__main__":
    main(int(sys.argv[1]))
