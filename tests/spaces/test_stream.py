"""The stream of changes, spoken to as a web server does: who may have one, what it tells whom, and when it ends."""

import asyncio
import json
import signal
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection, connections
from redis import Redis

from embedded import broker
from spaces import live, stream
from spaces.models import Building, Conference, Member, Ownership, Participant, Person, Role, Room, Space
from spaces.models.spaces import Liveness
from spaces.stream import LiveStream
from tests import factories
from tests.support.rooms import space_of

pytestmark = pytest.mark.slow

SOON = 5.0  # seconds after which something that should have happened has not


async def nothing_else(scope: Any, receive: Any, send: Any) -> None:
    """What is behind the stream in the real server."""
    raise AssertionError(f"{scope['path']} is not the stream's")


@dataclass
class Line:
    """One connection, seen from the browser's side."""

    task: "asyncio.Task[None]"
    incoming: "asyncio.Queue[dict[str, Any]]"
    gone: asyncio.Event
    status: int = 0
    headers: dict[bytes, bytes] = field(default_factory=dict)
    text: str = ""
    ended: bool = False

    async def more(self) -> bool:
        """Take what the server sends next; False when that was all."""
        if self.ended:
            return False
        async with asyncio.timeout(SOON):
            message = await self.incoming.get()
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], dict(message["headers"])
            return True
        self.text += message["body"].decode()
        self.ended = not message.get("more_body", False)
        return not self.ended

    async def event(self) -> tuple[str, dict[str, Any]]:
        """The next whole event, signs of life left out."""
        while True:
            while "\n\n" not in self.text:
                assert not self.ended, "the stream has ended"
                await self.more()
            block, _, self.text = self.text.partition("\n\n")
            lines = dict(line.split(": ", 1) for line in block.split("\n"))
            if lines["event"] != "beat":
                return lines["event"], json.loads(lines["data"])

    async def close(self) -> None:
        """Go away, as a closed tab does."""
        self.gone.set()
        async with asyncio.timeout(SOON):
            await self.task


class Server:
    """The stream's application with its clients, in one event loop."""

    def __init__(self) -> None:
        self.app = LiveStream(nothing_else)
        self.lines: list[Line] = []

    async def connect(self, cookie: str = "", *, since: int | None = None, **scope: Any) -> Line:
        """Open a stream; comes back when the server has begun to answer."""
        incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        gone = asyncio.Event()
        asked = asyncio.Event()

        async def receive() -> dict[str, Any]:
            if not asked.is_set():
                asked.set()
                return {"type": "http.request", "body": b"", "more_body": False}
            await gone.wait()
            return {"type": "http.disconnect"}

        headers = [(b"host", scope.pop("host", "127.0.0.1").encode()), *scope.pop("headers", [])]
        if cookie:
            headers.append((b"cookie", f"{settings.SESSION_COOKIE_NAME}={cookie}".encode()))
        whole = {
            "type": "http",
            "method": "GET",
            "path": stream.PATH,
            "query_string": b"" if since is None else f"since={since}".encode(),
            "headers": headers,
            **scope,
        }
        task = asyncio.create_task(self.app(whole, receive, incoming.put))  # type: ignore[arg-type]
        line = Line(task, incoming, gone)
        self.lines.append(line)
        await line.more()
        return line


@asynccontextmanager
async def serving() -> AsyncIterator[Server]:
    """A server that stops at the end."""
    server = Server()
    try:
        yield server
    finally:
        server.app.close()
        async with asyncio.timeout(SOON):
            await server.app.hub.closed()
            await asyncio.gather(*(line.task for line in server.lines))
        server.app.door.shutdown()


def play(story: Callable[[Server], Awaitable[None]]) -> None:
    """Let a story happen."""

    async def whole() -> None:
        async with serving() as server:
            await story(server)

    asyncio.run(whole())


def told(number: int, **content: Any) -> None:
    """What a process of ours says, word for word, without one."""
    key, channel = live.address()
    redis = Redis.from_url(settings.REDIS_URL)
    redis.set(key, number)
    redis.publish(channel, f"{number} {json.dumps(content)}")
    redis.close()


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages are put together for a shorter while."""
    monkeypatch.setattr(stream, "GATHER", 0.02)


@pytest.fixture
def cookie_of(transactional_db: None, sign_in: Callable[[Person], Any]) -> Callable[[Person], str]:
    """The session of somebody who is signed in."""

    def cookie(person: Person) -> str:
        key = sign_in(person).session.session_key
        assert key
        return str(key)

    return cookie


# --- Who gets one -------------------------------------------------------------------------------------


def test_only_who_is_signed_in_gets_a_stream(cookie_of, owner):
    good = cookie_of(owner)
    locked_out = factories.make_person("former@example.com")
    stopped = cookie_of(locked_out)
    Person.objects.filter(pk=locked_out.pk).update(is_active=False)

    async def story(server: Server) -> None:
        assert (await server.connect()).status == 401
        assert (await server.connect("no-such-session")).status == 401
        assert (await server.connect(stopped)).status == 401
        assert (await server.connect(good, host="evil.example")).status == 401
        assert (await server.connect(good, method="POST")).status == 405
        line = await server.connect(good)
        assert line.status == 200
        assert line.headers[b"content-type"].startswith(b"text/event-stream")
        assert line.headers[b"x-accel-buffering"] == b"no"
        assert line.headers[b"cache-control"] == b"no-store"

    play(story)


def test_the_number_of_streams_is_bounded(cookie_of, owner, monkeypatch):
    monkeypatch.setattr(stream, "MOST_STREAMS", 2)
    cookie = cookie_of(owner)

    async def story(server: Server) -> None:
        first = await server.connect(cookie)
        await server.connect(cookie)
        assert (await server.connect(cookie)).status == 503
        await first.close()
        assert (await server.connect(cookie)).status == 200

    play(story)


def test_one_person_takes_a_few_streams_only_and_others_still_get_in(cookie_of, owner, admin, monkeypatch):
    """However many sessions they have. Refused, the page goes on by looking for itself (static/js/live.js)."""
    monkeypatch.setattr(stream, "MOST_EACH", 3)
    monkeypatch.setattr(stream, "MOST_STREAMS", 4)
    cookies, other = [cookie_of(owner), cookie_of(owner)], cookie_of(admin)

    async def story(server: Server) -> None:
        lines = [await server.connect(cookies[number % 2]) for number in range(3)]
        assert [line.status for line in lines] == [200] * 3
        for cookie in cookies:
            assert (await server.connect(cookie)).status == 429
        assert (await server.connect(other)).status == 200
        await lines[0].close()
        assert (await server.connect(cookies[1])).status == 200

    play(story)


# --- What it tells whom -------------------------------------------------------------------------------


class Stage:
    """A call in Berlin, an empty room there, another in Munich, and everybody who may be something to them."""

    def __init__(self) -> None:
        berlin, munich = factories.make_building("BER"), factories.make_building("MUC")
        self.people = {
            "colleague": factories.make_person("colleague@example.com"),
            "participant": factories.make_person("participant@example.com"),
            "member": factories.make_person("member@example.com"),
            "owner": factories.make_person("room-owner@example.com"),
            "deputy": factories.make_person("deputy@example.com"),
            "helpdesk": factories.make_person("helpdesk@example.com", role=Role.HELPDESK),
            "admin": factories.make_person("it-admin@example.com", role=Role.ADMIN),
            "munich_admin": self._limited("munich-admin@example.com", munich),
        }
        self.busy = factories.make_room(
            "busy", building=berlin, owners=(self.people["owner"],), deputies=(self.people["deputy"],)
        )
        self.empty = factories.make_room("empty", building=berlin)
        self.far = factories.make_room("far", building=munich)
        space = space_of(self.busy)
        call = Conference.objects.create(record="conferenceRecords/on", space=space)
        Space.objects.filter(pk=space.pk).update(liveness=Liveness.ACTIVE, conference=call)
        Participant.objects.create(
            conference=call,
            name="conferenceRecords/on/participants/1",
            kind=Participant.Kind.PERSON,
            google_id=self.people["participant"].google_id or "",
            joined_at=call.started_at or space.created_at,
        )
        Member.objects.create(space=space, email="member@example.com")

    @staticmethod
    def _limited(email: str, building: Building) -> Person:
        person = factories.make_person(email, role=Role.ADMIN)
        person.buildings.add(building)
        return person

    def names(self, ids: list[int]) -> set[str]:
        """Rooms by their names."""
        known = {self.busy.pk: "busy", self.empty.pk: "empty", self.far.pk: "far"}
        return {known[pk] for pk in ids}


EVERYWHERE = {"busy", "empty", "far"}
MAY_HEAR_OF = {
    "colleague": set(),
    "participant": {"busy"},
    "member": {"busy"},
    "owner": {"busy"},
    "deputy": {"busy"},
    "helpdesk": EVERYWHERE,
    "admin": EVERYWHERE,
    "munich_admin": {"far"},
}


def test_a_ping_names_only_rooms_whose_calls_the_person_may_see(cookie_of):
    stage = Stage()
    cookies = {name: cookie_of(person) for name, person in stage.people.items()}
    everything = [stage.busy.pk, stage.empty.pk, stage.far.pk]
    told(1000)

    async def story(server: Server) -> None:
        lines = {name: await server.connect(cookie, since=1000) for name, cookie in cookies.items()}
        witness = await server.connect(cookies["admin"], since=1000)
        for line in (*lines.values(), witness):
            assert (await line.event())[0] == "hello"
        await asyncio.to_thread(told, 1001, moved=everything)
        assert stage.names((await witness.event())[1]["moved"]) == EVERYWHERE  # so all have been told by now
        await asyncio.to_thread(told, 1002, people=[person.pk for person in stage.people.values()])
        for name, line in lines.items():
            kind, data = await line.event()
            heard: set[str] = set()
            if kind == "rooms":
                heard = stage.names(data["moved"])
                kind, data = await line.event()
            assert heard == MAY_HEAR_OF[name], name
            # Who only takes part is looked up anew whenever a call there begins or ends.
            why = "again" if name in {"participant", "member"} else "rights"
            assert (kind, data) == ("bye", {"why": why}), name

    play(story)


def test_rights_that_change_while_they_are_read_are_read_again(cookie_of, monkeypatch):
    """The stream is not there yet, so the news of the change cannot end it."""
    stage = Stage()
    owner, cookie, look = stage.people["owner"], cookie_of(stage.people["owner"]), stream.look_up
    seen: list[Any] = []

    async def story(server: Server) -> None:
        def changed_meanwhile(scope: Any) -> Any:
            visitor: Any = look(scope)
            if not seen:
                Ownership.objects.filter(person=owner).delete()
                connections.close_all()
                told(1001, people=[owner.pk])
                deadline = time.monotonic() + SOON
                while server.app.hub.rights == 0 and time.monotonic() < deadline:
                    time.sleep(0.005)
            seen.append(visitor.rooms)
            return visitor

        monkeypatch.setattr(stream, "look_up", changed_meanwhile)
        line = await server.connect(cookie)
        assert await line.event() == ("hello", {"moved": [], "changed": []})
        assert seen == [{stage.busy.pk}, set()]

    told(1000)
    play(story)


def test_who_took_part_hears_of_the_end_and_of_no_call_after_it(cookie_of):
    stage = Stage()
    cookies = {name: cookie_of(stage.people[name]) for name in ("participant", "owner")}
    told(1000)

    async def story(server: Server) -> None:
        guest, host = [await server.connect(cookies[name]) for name in ("participant", "owner")]
        for line in (guest, host):
            assert (await line.event())[0] == "hello"
        await asyncio.to_thread(told, 1001, changed=[stage.busy.pk])
        assert (await guest.event())[1]["changed"] == [stage.busy.pk]
        await asyncio.to_thread(told, 1002, moved=[stage.busy.pk])
        assert (await guest.event())[1]["moved"] == [stage.busy.pk]
        assert await guest.event() == ("bye", {"why": "again"})
        assert [(await host.event())[1]["moved"] for _ in range(2)][1] == [stage.busy.pk], (
            "who owns it hears on"
        )

    play(story)


def test_who_may_hear_of_no_room_does_not_even_hear_that_there_was_news(cookie_of, colleague, admin):
    cookie, all_seeing = cookie_of(colleague), cookie_of(admin)
    told(1000)

    async def story(server: Server) -> None:
        line, witness = await server.connect(cookie, since=5), await server.connect(all_seeing, since=1000)
        assert (await line.event())[1] == {
            "moved": [],
            "changed": [],
        }  # no version: it would tell of others' news
        await witness.event()
        for number in range(1001, 1004):
            await asyncio.to_thread(told, number, moved=[1], all=number == 1003)
            assert (await witness.event())[0] == "rooms"
        await asyncio.to_thread(told, 1009, people=[colleague.pk])
        assert await line.event() == ("bye", {"why": "rights"})

    play(story)


# --- Coming back --------------------------------------------------------------------------------------


def test_who_comes_back_hears_what_was_missed(cookie_of, admin):
    cookie = cookie_of(admin)
    told(1000)

    async def story(server: Server) -> None:
        line = await server.connect(cookie, since=1000)
        assert (await line.event())[1] == {"version": 1000, "moved": [], "changed": []}
        await asyncio.to_thread(told, 1001, moved=[1])
        assert (await line.event())[1]["moved"] == [1]
        await line.close()
        await asyncio.to_thread(told, 1002, moved=[2])
        await asyncio.to_thread(told, 1003, changed=[2, 3])
        while server.app.hub.version != 1003:
            await asyncio.sleep(0.005)
        back = await server.connect(cookie, headers=[(b"last-event-id", b"1001")])
        assert await back.event() == ("hello", {"version": 1003, "moved": [2], "changed": [3]})
        same = await server.connect(cookie, since=1003)
        assert (await same.event())[1] == {"version": 1003, "moved": [], "changed": []}
        for unknown in (None, 5):
            lost = await server.connect(cookie, since=unknown)
            assert (await lost.event())[1] == {"version": 1003, "all": True}

    play(story)


def test_a_version_that_somebody_should_not_know_changes_nothing_for_them(cookie_of):
    """Else trying versions would tell when something happened anywhere."""
    cookie = cookie_of(Stage().people["owner"])
    told(1000)

    async def story(server: Server) -> None:
        for version in (None, 5, 1000, 5000):
            line = await server.connect(cookie, since=version)
            assert await line.event() == ("hello", {"all": True})

    play(story)


def test_what_was_forgotten_is_told_as_everything(cookie_of, admin, monkeypatch):
    monkeypatch.setattr(stream, "REMEMBERED", 2)
    cookie = cookie_of(admin)
    told(1000)

    async def story(server: Server) -> None:
        await server.connect(cookie, since=1000)
        for number in range(1001, 1005):
            await asyncio.to_thread(told, number, moved=[number])
        while server.app.hub.version != 1004:
            await asyncio.sleep(0.005)
        enough = await server.connect(cookie, since=1002)
        assert (await enough.event())[1]["moved"] == [1003, 1004]
        late = await server.connect(cookie, since=1001)
        assert (await late.event())[1] == {"version": 1004, "all": True}

    play(story)


def test_many_changes_at_once_are_one_ping(cookie_of, admin, monkeypatch):
    monkeypatch.setattr(stream, "GATHER", 0.3)
    cookie = cookie_of(admin)
    told(1000)

    def burst() -> None:
        for number in range(1, 51):
            told(1000 + number, changed=[number])

    async def story(server: Server) -> None:
        line = await server.connect(cookie, since=1000)
        await line.event()
        await asyncio.to_thread(burst)
        heard: list[int] = []
        pings = 0
        while len(heard) < 50:
            heard += (await line.event())[1]["changed"]
            pings += 1
        assert sorted(heard) == list(range(1, 51))
        assert pings <= 3

    play(story)


def test_what_cannot_be_read_on_the_channel_disturbs_nobody(cookie_of, admin):
    cookie = cookie_of(admin)
    told(1000)

    def nonsense() -> None:
        redis = Redis.from_url(settings.REDIS_URL)
        for text in ("", "x", "5 {", "6 []", '7 {"moved": 3}', '8 {"moved": [[]]}'):
            redis.publish(live.address()[1], text)
        redis.close()
        told(1001, moved=[1])

    async def story(server: Server) -> None:
        line = await server.connect(cookie, since=1000)
        await line.event()
        await asyncio.to_thread(nonsense)
        assert (await line.event())[1]["moved"] == [1]

    play(story)


# --- When it ends -------------------------------------------------------------------------------------


def test_a_stream_ends_with_its_session_and_others_of_the_person_go_on(cookie_of, owner):
    one, other = cookie_of(owner), cookie_of(owner)
    assert one != other
    told(1000)

    async def story(server: Server) -> None:
        ending, staying = await server.connect(one), await server.connect(other)
        await ending.event()
        await staying.event()
        await asyncio.to_thread(told, 1001, sessions=[live.session_name(one)])
        assert await ending.event() == ("bye", {"why": "session"})
        await ending.task
        await asyncio.to_thread(told, 1002, people=[owner.pk])
        assert await staying.event() == ("bye", {"why": "rights"})

    play(story)


def test_a_stream_ends_by_itself_after_a_while_and_shows_life_until_then(cookie_of, owner, monkeypatch):
    monkeypatch.setattr(stream, "LIFETIME", 0.4)
    monkeypatch.setattr(stream, "BEAT", 0.05)
    cookie = cookie_of(owner)

    async def story(server: Server) -> None:
        line = await server.connect(cookie)
        everything = ""
        while await line.more():
            everything += line.text
        assert "event: beat" in everything
        assert '{"why":"again"}' in line.text

    play(story)


def test_streams_end_with_redis_and_can_be_had_again_with_it(cookie_of, owner, tmp_path: Path, settings):
    cookie = cookie_of(owner)
    folder = tmp_path / "broker"

    async def story(server: Server) -> None:
        with await asyncio.to_thread(broker.start, folder):
            line = await server.connect(cookie)
            assert line.status == 200
            await line.event()
        assert await line.event() == ("bye", {"why": "away"})
        assert (await server.connect(cookie)).status == 503
        with await asyncio.to_thread(broker.start, folder):
            async with asyncio.timeout(20):
                while (again := await server.connect(cookie, since=7)).status != 200:
                    await asyncio.sleep(0.05)
            assert (await again.event())[0] == "hello"

    settings.REDIS_URL = broker.url(folder)
    play(story)


def test_streams_end_soon_after_somebody_has_found_redis_hanging(cookie_of, owner, tmp_path: Path, settings):
    cookie = cookie_of(owner)

    async def story(server: Server) -> None:
        with await asyncio.to_thread(broker.start, tmp_path / "broker") as valkey:
            line = await server.connect(cookie)
            await line.event()
            valkey.process.send_signal(signal.SIGSTOP)
            try:
                assert await asyncio.to_thread(live.version) is None
                async with asyncio.timeout(3):
                    assert await line.event() == ("bye", {"why": "away"})
                    assert (await server.connect(cookie)).status == 503
            finally:
                valkey.process.send_signal(signal.SIGCONT)
            async with asyncio.timeout(20):
                while (again := await server.connect(cookie)).status != 200:
                    await asyncio.sleep(0.05)
            assert (await again.event())[0] == "hello"

    settings.REDIS_URL = broker.url(tmp_path / "broker")
    play(story)


def test_closing_the_server_ends_all_streams_at_once(cookie_of, owner):
    cookie = cookie_of(owner)

    async def story(server: Server) -> None:
        lines = [await server.connect(cookie) for _ in range(20)]
        server.app.close()
        for line in lines:
            await line.event()
            assert await line.event() == ("bye", {"why": "restart"})
            await line.task
        assert (await server.connect(cookie)).status == 503

    play(story)


# --- What it costs ------------------------------------------------------------------------------------


def test_open_streams_hold_no_thread_and_no_database_connection(cookie_of, owner, monkeypatch):
    """The pool of PostgreSQL has eight connections: with fifty streams open, eight requests at once still get one each."""
    monkeypatch.setattr(stream, "MOST_EACH", 100)
    cookie = cookie_of(owner)
    together = threading.Barrier(8, timeout=SOON)

    def request() -> None:
        try:
            assert Person.objects.filter(pk=owner.pk).exists()
            together.wait()  # all eight hold theirs now
        finally:
            connections.close_all()

    async def story(server: Server) -> None:
        before = threading.active_count()
        lines = [await server.connect(cookie) for _ in range(50)]
        assert all(line.status == 200 for line in lines)
        assert threading.active_count() - before <= 2  # the two of the door, whoever comes
        with ThreadPoolExecutor(8) as eight:
            loop = asyncio.get_running_loop()
            await asyncio.gather(*(loop.run_in_executor(eight, request) for _ in range(8)))

    connection.close()  # ours, which would be the ninth
    play(story)


def test_rooms_that_are_archived_or_new_need_no_stream_of_their_own(cookie_of, admin):
    """An admin hears of every room there is, also of one that was added after they connected."""
    cookie = cookie_of(admin)
    told(1000)

    async def story(server: Server) -> None:
        line = await server.connect(cookie, since=1000)
        await line.event()
        room = await asyncio.to_thread(_new_room)
        kind, data = await line.event()
        assert kind == "rooms"
        assert data["moved"] == [room.pk]

    play(story)


def _new_room() -> Room:
    try:
        room = factories.make_room(with_space=False)
        live.rooms_changed([room.pk])
        return room
    finally:
        connections.close_all()
