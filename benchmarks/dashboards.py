"""Two hundred overviews left open while calls begin, end and change: what the web process spends, and how soon a row is new.

Half of them look at the first page, as people do; the others at later pages and at the live rooms. They behave as
`static/js/live.js` does. Afterwards the same with polling alone."""

from benchmarks import fill, ready  # noqa: F401

# isort: split
import asyncio
import contextlib
import json
import math
import random
import re
import subprocess
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field

import aiohttp
from django.db import connections
from django.utils import timezone

from benchmarks.overview import cookie_of
from benchmarks.stage import Stage, group_cpu, percentile, say, table
from spaces.models import Conference, Participation, Person, Role, Space
from spaces.models.spaces import Liveness
from spaces.sync.apply.conferences import apply_participants
from spaces.sync.apply.spaces import apply_conference

ROOMS, LIVE, STUCK, UNKNOWN = 10_000, 500, 30, 10
DASHBOARDS, PEOPLE = 200, 20
SETTLING, SECONDS = 10, 30
HEADS, TURNS = 4.0, 0.4  # a second: people who come or go, calls that begin or end. 500 calls of 40 minutes
APART, SPREAD = 5.0, 0.4  # as in static/js/live.js
POLL = 5.0
ROW = re.compile(r'<tr id="room-(\d+)"')
VERSION = re.compile(r'data-live="([^"]*)"')


@dataclass
class World:
    """What happens meanwhile: changes at random, each with the moment after its commit."""

    changed_at: dict[int, float] = field(default_factory=dict)
    stopped: threading.Event = field(default_factory=threading.Event)
    changes: int = 0

    def run(self) -> None:
        """Change one room after the other until told to stop."""
        chance = random.Random(5)
        live = list(Space.objects.filter(liveness=Liveness.ACTIVE).select_related("conference", "room"))
        idle = list(Space.objects.filter(liveness=Liveness.IDLE).select_related("room")[:2000])
        try:
            while not self.stopped.wait(chance.expovariate(HEADS + TURNS)):
                now = timezone.now()
                if chance.random() < HEADS / (HEADS + TURNS):
                    space = chance.choice(live)
                    call = Conference.objects.get(running_in=space)
                    people = [
                        Participation(name=f"{call.record}/p{n}", kind="person", joined_at=now)
                        for n in range((call.people or 0) % 9 + 1)
                    ]
                    apply_participants(call, people, counted_at=now)
                elif chance.random() < 0.5:
                    space = idle.pop(chance.randrange(len(idle)))
                    apply_conference(
                        space, f"conferenceRecords/bench-{space.pk}", seen_at=now, started_at=now
                    )
                    space.refresh_from_db()
                    live.append(space)
                else:
                    space = live.pop(chance.randrange(len(live)))
                    apply_conference(space, None, seen_at=now)
                self.changed_at[space.room.pk] = time.monotonic()
                self.changes += 1
        finally:
            connections.close_all()


@dataclass
class Tally:
    """What all dashboards together have seen."""

    late: list[float] = field(default_factory=list)  # rows that were on the page
    appeared: list[float] = field(default_factory=list)  # rows that came into it
    asked: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    took: list[float] = field(default_factory=list)
    began: float = float("inf")  # only what changes after this moment counts


class Dashboard:
    """One open page."""

    def __init__(
        self, web: aiohttp.ClientSession, url: str, cookie: str, path: str, tally: Tally, world: World
    ) -> None:
        self.web, self.url, self.path, self.tally, self.world = web, url, path, tally, world
        self.headers = {"Cookie": cookie, "HX-Request": "true"}
        self.shown: set[int] = set()
        self.version = ""
        self.rows: set[int] = set()
        self.due = math.inf
        self.last_whole = 0.0
        self.seen_at: dict[int, float] = {}  # the change of a room that this page shows
        self.wake, self.hurry = asyncio.Event(), asyncio.Event()
        self.spread, self.apart = SPREAD, APART
        self.needs = ""

    async def ask(self, kind: str, **headers: str) -> None:
        """Fetch, and note how old each change is that it brings."""
        began = time.monotonic()
        if began > self.tally.began:
            self.tally.asked[kind] += 1
        async with self.web.get(self.url + self.path, headers={**self.headers, **headers}) as answer:
            text = await answer.text()
            if answer.status == 304:
                self.tally.asked["304"] += began > self.tally.began
            elif answer.status != 200:
                raise RuntimeError(f"{self.path} answered {answer.status}")
        now = time.monotonic()
        if began > self.tally.began:
            self.tally.took.append(now - began)
        got = {int(number) for number in ROW.findall(text)}
        before = self.shown
        if kind != "rows" and got:
            self.shown = got
            found = VERSION.search(text)
            self.version = found[1] if found else ""
        for room in got:
            moment = self.world.changed_at.get(room, 0.0)
            if self.seen_at.get(room, 0.0) < moment < began:
                self.seen_at[room] = moment
                if moment > self.tally.began:
                    (self.tally.late if room in before else self.tally.appeared).append(now - moment)

    async def streaming(self, until: float) -> None:
        """Hear of changes and fetch what has changed."""
        await asyncio.sleep(random.uniform(0, SETTLING / 2))
        fetcher = asyncio.create_task(self._fetching())
        since = self.version.split("-")[0]
        try:
            async with (
                asyncio.timeout_at(asyncio.get_running_loop().time() + until - time.monotonic()),
                self.web.get(f"{self.url}/live/?since={since}", headers=self.headers) as stream,
            ):
                if stream.status != 200:
                    raise RuntimeError(f"the stream answered {stream.status}")
                async for line in stream.content:
                    if line.startswith(b"data: {") and len(line) > 10:
                        self._heard(json.loads(line[6:]))
        except TimeoutError:
            pass
        finally:
            fetcher.cancel()

    def _heard(self, news: dict[str, object]) -> None:
        moved: list[int] = news.get("moved", [])  # type: ignore[assignment]
        changed: list[int] = news.get("changed", [])  # type: ignore[assignment]
        self.rows |= self.shown & {*moved, *changed}
        if moved:
            self.due = min(self.due, self.last_whole + 3 * self.apart)
        if news.get("all") or (moved and "state" in self.path) or self.rows & {*moved}:
            self.due = min(self.due, self.last_whole + self.apart)
        if self.due < math.inf or self.rows:
            self.needs = str(news["version"])
        self.spread = max(SPREAD, int(str(news.get("spread", 0))) / 1000)
        self.wake.set()
        if self.rows:
            self.hurry.set()
        if self.rows:
            self.hurry.set()

    async def _fetching(self) -> None:
        while True:
            await self.wake.wait()
            if self.rows:
                await asyncio.sleep(random.uniform(0, self.spread))
            else:
                pause = max(0.0, self.due - time.monotonic())
                with contextlib.suppress(TimeoutError):  # news of a row come first
                    async with asyncio.timeout(pause + random.uniform(0, 1.5 * self.spread)):
                        await self.hurry.wait()
            self.wake.clear()
            self.hurry.clear()
            rows, self.rows = self.rows, set()
            if time.monotonic() >= self.due:
                self.due = math.inf
                self.last_whole = time.monotonic()
                self.apart = APART * random.uniform(0.8, 1.4)
                await self.ask("list", **{"Live-Needs": self.needs})
            elif rows:
                await self.ask("rows", **{"Live-Rooms": ",".join(map(str, rows)), "Live-Needs": self.needs})
            if self.due < math.inf or self.rows:
                self.wake.set()

    async def polling(self, until: float) -> None:
        """Look every five seconds, as a page without a stream does."""
        await asyncio.sleep(random.uniform(0, POLL))
        while time.monotonic() < until:
            await self.ask("list", **{"Live-Seen": self.version})
            await asyncio.sleep(POLL * random.uniform(0.9, 1.1))


async def watch(
    url: str,
    cookies: list[str],
    world: World,
    tally: Tally,
    web_process: "subprocess.Popen[bytes]",
    *,
    stream: bool,
) -> tuple[float, float]:
    """All dashboards, for a while; the processor time that the web process spent, and how long it was."""
    paths = ["/"] * 5 + ["/?state=live"] * 2 + [f"/?page={n}" for n in (2, 3, 40)]
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as web:
        boards = [
            Dashboard(web, url, cookies[n % PEOPLE], paths[n % len(paths)], tally, world)
            for n in range(DASHBOARDS)
        ]
        for start in range(0, DASHBOARDS, 4):
            await asyncio.gather(*(board.ask("first") for board in boards[start : start + 4]))
        until = time.monotonic() + SETTLING + SECONDS
        looking = [
            asyncio.create_task(board.streaming(until) if stream else board.polling(until))
            for board in boards
        ]
        await asyncio.sleep(SETTLING)
        tally.began = time.monotonic()
        spent = group_cpu(web_process)
        await asyncio.gather(*looking)
        return group_cpu(web_process) - spent, time.monotonic() - tally.began


def line(name: str, world: World, tally: Tally, share: float) -> tuple[str, ...]:
    """Return a line of the table; `share` of a core is what the web process used."""
    late, appeared = tally.late or [math.nan], tally.appeared or [math.nan]
    return (
        name,
        str(world.changes),
        str(tally.asked["rows"]),
        f"{tally.asked['list']} ({tally.asked['304']})",
        f"{share * 100:.0f} %",
        f"{percentile(late, 0.5):.2f}",
        f"{percentile(late, 0.95):.2f}",
        f"{percentile(appeared, 0.95):.2f}",
        f"{percentile(tally.took, 0.95) * 1000:.0f}",
    )


def main() -> None:
    """Fill, serve, watch twice."""
    fill.fill(ROOMS, live=LIVE, stuck=STUCK, unknown=UNKNOWN)
    people = [
        Person.objects.create(email=f"helpdesk-{n}@example.com", role=Role.HELPDESK) for n in range(PEOPLE)
    ]
    cookies = [cookie_of(person) for person in people]
    lines = []
    with Stage.inherited() as place:
        web = place.application("web")["web"]
        for name, stream in (("stream", True), ("polling only", False)):
            world = World()
            changing = threading.Thread(target=world.run, daemon=True)
            tally = Tally()
            changing.start()
            spent, took = asyncio.run(
                watch(place.env["MEETADMIN_BASE_URL"], cookies, world, tally, web, stream=stream)
            )
            world.stopped.set()
            changing.join(10)
            lines.append(line(name, world, tally, spent / took))
    say(
        f"  {DASHBOARDS} dashboards of {PEOPLE} people, {ROOMS} rooms, {LIVE} live; {SECONDS} s, {HEADS + TURNS} changes a second."
    )
    table(
        (
            "",
            "changes",
            "rows",
            "lists (304)",
            "CPU of web",
            "row p50 s",
            "p95 s",
            "new row p95 s",
            "request p95 ms",
        ),
        lines,
    )


if __name__ == "__main__":
    main()
