"""The stream that tells open pages which rooms have changed (server-sent events), as a small ASGI application for one path.

An open stream costs a few kilobytes: it holds no thread and no database connection. Whoever connects is looked up once, in a
thread; from then on one connection to Redis for the whole process hears what `spaces.live` tells and hands every stream the
names of those rooms whose calls its person may see. Everything else on the path of a request is Django's, as ever.
"""

import asyncio
import io
import json
import logging
import random
import signal
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import import_module
from types import FrameType
from typing import Any
from urllib.parse import parse_qs

from django.conf import settings
from django.contrib import auth
from django.core.exceptions import BadRequest, SuspiciousOperation
from django.core.handlers.asgi import ASGIRequest
from django.db import DatabaseError, connections
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as NoConnection
from redis.exceptions import RedisError

from spaces import access, broker, live
from spaces.access import Permission
from spaces.models import Person

logger = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

PATH = "/live/"
GATHER = 0.2  # seconds in which messages are put together: a sweep tells of many rooms one by one
BEAT = 15.0  # seconds between two signs of life, for the page and for proxies that close silent connections
LIFETIME = (
    300.0  # seconds after which a stream ends and the page comes back, so that rights are looked at again
)
SENDING = 10.0  # seconds a client may take to accept what it is sent
SPREAD, MOST_SPREAD = (
    5,
    1200,
)  # milliseconds over which pages spread what they fetch: for each that is told, and at most
MOST_STREAMS = 1000  # in one process
MOST_EACH = 20  # of one person in one process; a browser holds one, however many pages it has open
REMEMBERED = 500  # messages, for those who come back after a moment

HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (
        b"x-accel-buffering",
        b"no",
    ),  # a proxy that collects the answer would deliver it when nobody wants it any more
    (b"x-content-type-options", b"nosniff"),
]


@dataclass(frozen=True, slots=True)
class News:
    """Which rooms have changed. `everything`: any room may have."""

    version: int
    moved: frozenset[int] = frozenset()
    changed: frozenset[int] = frozenset()
    everything: bool = False

    def joined(self, other: "News") -> "News":
        """Both in one; `other` is the later one."""
        return News(
            other.version,
            self.moved | other.moved,
            self.changed | other.changed,
            self.everything or other.everything,
        )

    def among(self, rooms: frozenset[int] | None) -> "News | None":
        """What of it somebody may know who may know of these rooms (None: of all). None when that is nothing."""
        if rooms is None:
            return self
        if not rooms:
            return None
        mine = News(self.version, self.moved & rooms, self.changed & rooms, self.everything)
        return mine if mine.moved or mine.changed or mine.everything else None

    def written(self, name: str = "rooms", *, all_rooms: bool, spread: int = 0) -> bytes:
        """As an event of the stream. Its id is the version, so that a browser that comes back says what it knows; but only for
        those who may know of all rooms, because for others the version would tell of news that is not theirs."""
        data: dict[str, Any] = {"version": self.version} if all_rooms else {}
        if self.everything:
            data["all"] = True
        else:
            data |= {"moved": sorted(self.moved), "changed": sorted(self.changed - self.moved)}
        if spread:
            data["spread"] = spread
        return event(name, data, number=self.version if all_rooms else None)


def event(name: str, data: object, *, number: int | None = None) -> bytes:
    """One event as it goes over the line."""
    numbered = "" if number is None else f"id: {number}\n"
    return f"{numbered}event: {name}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n".encode()


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who has connected, and of which rooms' calls they may know (None: of all). `passing`: those that they know of for taking part
    only, which may end with the call."""

    person: int
    session: str
    rooms: frozenset[int] | None
    passing: frozenset[int] = frozenset()


@dataclass(eq=False, slots=True)
class Stream:
    """An open stream: what it still has to send, and whether it is over. What waits is joined, so it never grows."""

    visitor: Visitor
    news: News | None = None
    text: bytes = b""  # the news as it is sent, where that is the same for many
    over: str = ""
    wake: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self, news: News, text: bytes) -> None:
        """Hand it what its person may know; `text` is the whole of it as it is sent."""
        mine = news.among(self.visitor.rooms)
        if mine:
            self.text = text if mine is news and self.news is None else b""
            self.news = self.news.joined(mine) if self.news else mine
            self.wake.set()
            if mine.moved & self.visitor.passing:
                self.end(
                    "again"
                )  # after this news: whether they may know of the next call there is looked at anew

    def end(self, why: str) -> None:
        """Let it say goodbye and end."""
        self.over = self.over or why
        self.wake.set()


class Hub:
    """Hears what is told, once for the whole process, and hands it on. Listens from the first stream on."""

    def __init__(self) -> None:
        self.streams: set[Stream] = set()
        self.version: int | None = None  # None: not listening
        self.listening = asyncio.Event()
        self.rights = 0  # messages heard that somebody's rights have changed, or a session is over
        self._whole_since = 0  # everything told after this version is in `_told`
        self._told: deque[News] = deque()
        self._gathered: News | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def spread(self) -> int:
        """Over how many milliseconds the pages had better spread what they fetch."""
        return min(len(self.streams) * SPREAD, MOST_SPREAD)

    async def ready(self, seconds: float) -> bool:
        """Listen, and say whether it works."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._listen())
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.listening.wait()
        return self.listening.is_set()

    def close(self) -> None:
        """End all streams and stop listening."""
        self._end_all("restart")
        if self._task:
            self._task.cancel()

    async def closed(self) -> None:
        """Wait until the connection to Redis is given back."""
        if self._task:
            await asyncio.wait([self._task])

    def missed(self, since: int | None) -> News | None:
        """What was told after that version; None when nothing was. Everything, when that is not known any more."""
        version = self.version or 0
        if since is not None and since >= version:
            return None
        if since is None or since < self._whole_since:
            return News(version, everything=True)
        found = News(version)
        for news in self._told:
            if news.version > since:
                found = found.joined(news)
        return found

    async def _listen(self) -> None:
        pause = 0.2
        while True:
            try:
                async with Redis.from_url(
                    settings.REDIS_URL, socket_connect_timeout=1, health_check_interval=10
                ) as redis:
                    key, name = live.address()
                    async with redis.pubsub(ignore_subscribe_messages=True) as channel:
                        await channel.subscribe(name)
                        await channel.get_message(timeout=2)
                        self._begin(int(await redis.get(key) or 0))
                        pause = 0.2
                        while True:
                            message = await channel.get_message(timeout=1)
                            if (
                                broker.presence().away
                            ):  # a page has found out that it hangs, which a silent channel may be
                                raise NoConnection("it does not answer")
                            if message:
                                self._hear(message["data"])
            except (RedisError, OSError) as error:
                logger.warning("the stream of changes has lost Redis: %s", type(error).__name__)
            finally:
                self.version = None
                self.listening.clear()
                # What is told now is not heard. Pages look by themselves until they can connect again.
                self._end_all("away")
            await asyncio.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311  (spreads, hides nothing)
            pause = min(pause * 2, 5.0)

    def _begin(self, version: int) -> None:
        self.version = self._whole_since = version
        self._told.clear()
        self.listening.set()

    def _hear(self, data: bytes) -> None:
        try:
            number, _, text = data.partition(b" ")
            version, content = int(number), json.loads(text)
            news = News(
                version,
                frozenset(content.get("moved", ())),
                frozenset(content.get("changed", ())),
                bool(content.get("all")),
            )
            people, sessions = set(content.get("people", ())), set(content.get("sessions", ()))
        except (ValueError, TypeError, AttributeError):
            logger.warning("a message on the channel of changes cannot be read")
            return
        self.version = version
        self.rights += bool(people or sessions)
        for stream in self.streams:
            if stream.visitor.person in people:
                stream.end("rights")
            if stream.visitor.session in sessions:
                stream.end("session")
        if not (news.moved or news.changed or news.everything):
            return
        self._told.append(news)
        if len(self._told) > REMEMBERED:
            self._whole_since = self._told.popleft().version
        if self._gathered is None:
            self._gathered = news
            asyncio.get_running_loop().call_later(GATHER, self._hand_out)
        else:
            self._gathered = self._gathered.joined(news)

    def _hand_out(self) -> None:
        news, self._gathered = self._gathered, None
        if news:
            text = news.written(all_rooms=True, spread=self.spread)
            for stream in self.streams:
                stream.take(news, text)

    def _end_all(self, why: str) -> None:
        for stream in self.streams:
            stream.end(why)


class LiveStream:
    """The ASGI application: the stream at PATH, everything else is `then`'s."""

    def __init__(self, then: Application) -> None:
        self.then = then
        self.hub = Hub()
        self.closing = False
        # Looking somebody up takes milliseconds; two at a time leave the database's connections to the pages.
        self.door = ThreadPoolExecutor(max_workers=2, thread_name_prefix="live")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One connection, or the server's beginning and end."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http" and scope["path"] == PATH:
            await self._connect(scope, receive, send)
        else:
            await self.then(scope, receive, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self._close_on_signals()
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                self.close()
                await self.hub.closed()
                await send({"type": "lifespan.shutdown.complete"})
                return

    def close(self) -> None:
        """End all streams and take no more. Once: being told a second time would break off the tidying up."""
        if not self.closing:
            self.closing = True
            self.hub.close()

    def _close_on_signals(self) -> None:
        """A server that is told to stop waits for its open connections before it says so to the application, so for ours it
        would wait until they end by themselves. We hear the signal ourselves, and then whoever heard it before."""
        loop = asyncio.get_running_loop()

        def closing(former: Any) -> Callable[[int, FrameType | None], None]:
            def handle(number: int, frame: FrameType | None) -> None:
                loop.call_soon_threadsafe(self.close)
                if callable(former):
                    former(number, frame)

            return handle

        for number in (signal.SIGTERM, signal.SIGINT):
            with suppress(ValueError):  # not in the main thread: a server that does without signals
                signal.signal(number, closing(signal.getsignal(number)))

    async def _connect(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "GET":
            return await refuse(send, 405)
        full = len(self.hub.streams) >= MOST_STREAMS
        if self.closing or full or broker.presence().away or not await self.hub.ready(2.0):
            return await refuse(send, 503)
        rights = -1
        try:
            while rights != self.hub.rights:  # nobody would end this one if they change while they are read
                rights = self.hub.rights
                visitor = await asyncio.get_running_loop().run_in_executor(self.door, look_up, scope)
        except (DatabaseError, OSError):
            return await refuse(send, 503)
        if visitor is None:
            return await refuse(send, 401)
        if not self.hub.listening.is_set() or self.closing:
            return await refuse(send, 503)
        if sum(other.visitor.person == visitor.person for other in self.hub.streams) >= MOST_EACH:
            return await refuse(send, 429)  # the page goes on without a stream
        stream = Stream(visitor)
        self.hub.streams.add(stream)
        watch = asyncio.create_task(_watch(receive, stream))
        try:
            async with asyncio.timeout(SENDING):
                await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
            await self._run(stream, known_version(scope), send)
        except (OSError, TimeoutError) as error:
            logger.debug("a stream broke off: %s", type(error).__name__)
        finally:
            self.hub.streams.discard(stream)
            watch.cancel()

    async def _run(self, stream: Stream, since: int | None, send: Send) -> None:
        async def write(data: bytes, *, more: bool = True) -> None:
            async with asyncio.timeout(SENDING):
                await send({"type": "http.response.body", "body": data, "more_body": more})

        all_rooms = stream.visitor.rooms is None
        missed = self.hub.missed(since if all_rooms else None)
        mine = missed.among(stream.visitor.rooms) if missed else None
        retry = random.randint(1500, 4500)  # noqa: S311  (spreads those who come back after a restart)
        hello = (mine or News(self.hub.version or 0)).written("hello", all_rooms=all_rooms)
        await write(f"retry: {retry}\n".encode() + hello)
        end = time.monotonic() + LIFETIME * random.uniform(0.8, 1.2)  # noqa: S311
        while not stream.over:
            try:
                async with asyncio.timeout(min(BEAT, max(end - time.monotonic(), 0))):
                    await stream.wake.wait()
            except TimeoutError:
                if time.monotonic() >= end:
                    stream.end("again")
                else:
                    await write(event("beat", {}))
                continue
            stream.wake.clear()
            if stream.news:
                news, stream.news = stream.news, None
                await write(stream.text or news.written(all_rooms=all_rooms, spread=self.hub.spread))
        if stream.over != "gone":
            await write(event("bye", {"why": stream.over}), more=False)


async def _watch(receive: Receive, stream: Stream) -> None:
    """Notice when the browser has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
    stream.end("gone")


async def refuse(send: Send, status: int) -> None:
    """Answer without a stream; the page goes on looking by itself."""
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [(b"content-type", b"text/plain"), (b"cache-control", b"no-store")],
        }
    )
    await send({"type": "http.response.body", "body": b""})


def known_version(scope: Scope) -> int | None:
    """The version that the page knows: what the browser says by itself when it comes back, or what the page has asked with."""
    said = dict(scope["headers"]).get(b"last-event-id", b"").decode("latin1")
    asked: Iterable[str] = parse_qs(scope["query_string"].decode("latin1")).get("since", [])
    for text in (said, *asked):
        if text.isascii() and text.isdigit() and len(text) < 20:
            return int(text)
    return None


def is_signed_in(scope: Scope) -> bool:
    """Whether the request's session is that of somebody who may use this installation. Asks the database; without one, nobody is."""
    try:
        return look_up(scope) is not None
    except DatabaseError:
        return False


def look_up(scope: Scope) -> Visitor | None:
    """Who this is and what they may know, by their session; None when nobody is signed in. Runs in a thread of ours and gives
    the database connection back. Raises DatabaseError."""
    try:
        request = ASGIRequest(dict(scope), io.BytesIO())
        request.get_host()
        key = request.COOKIES.get(settings.SESSION_COOKIE_NAME)
        request.session = import_module(settings.SESSION_ENGINE).SessionStore(key)
        person = auth.get_user(request)
        if not key or not isinstance(person, Person):
            return None
        rooms, passing = None, frozenset[int]()
        if not access.everywhere(person, Permission.CALL_SEE):
            rooms, lasting = (
                frozenset(access.rooms_where(person, permission).values_list("pk", flat=True))
                for permission in (Permission.CALL_SEE, Permission.HISTORY_SEE)
            )
            passing = rooms - lasting
        return Visitor(person.pk, live.session_name(key), rooms, passing)
    except (SuspiciousOperation, BadRequest):
        return None
    finally:
        connections.close_all()
