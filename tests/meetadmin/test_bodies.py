"""Bodies are read before anybody is known: within a limit of size, of time and of memory."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from meetadmin import bodies
from meetadmin.bodies import CUT, LARGEST, LARGEST_SIGNED_IN, SMALL, Bodies

SCOPE: dict[str, Any] = {"type": "http", "http_version": "1.1", "method": "POST", "path": "/"}


def part(size: int, *, more: bool = True) -> dict[str, Any]:
    return {"type": "http.request", "body": b"x" * size, "more_body": more}


class Request:
    """One request as a server brings it: these messages, then silence."""

    def __init__(self, *messages: dict[str, Any]) -> None:
        self.waiting = list(messages)
        self.sent: list[dict[str, Any]] = []

    async def receive(self) -> dict[str, Any]:
        if not self.waiting:
            await asyncio.Event().wait()
        return self.waiting.pop(0)

    async def send(self, message: Any) -> None:
        self.sent.append(dict(message))

    @property
    def status(self) -> int:
        return int(self.sent[0]["status"])


class Application:
    """Takes what it is given and answers 200."""

    def __init__(self, until: Callable[[], Any] | None = None) -> None:
        self.bodies: list[tuple[int, bool]] = []  # length, and whether it was cut
        self.until = until

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        message = await receive()
        assert not message["more_body"]
        self.bodies.append((len(message["body"]), bool(scope.get(CUT))))
        if self.until:
            await self.until()
        await bodies.answer(send, 200)


def ask(*messages: dict[str, Any], seconds: float = 10.0, **scope: Any) -> tuple[Request, Application]:
    request, application = Request(*messages), Application()
    asyncio.run(Bodies(application, seconds=seconds)({**SCOPE, **scope}, request.receive, request.send))
    return request, application


@pytest.mark.parametrize(
    ("messages", "found"),
    [
        ([part(LARGEST), part(1, more=False)], (LARGEST + 1, False)),
        ([part(2_000_000), part(1_000_000, more=False)], (3_000_000, False)),
        ([part(LARGEST_SIGNED_IN), part(1)], (LARGEST_SIGNED_IN, True)),
    ],
)
def test_longer_body_is_read_for_somebody_who_is_signed_in(messages, found):
    request, application = Request(*messages), Application()
    asked = []

    def is_signed_in(scope: Any) -> bool:
        asked.append(scope)
        return True

    limited = Bodies(application, seconds=10, is_signed_in=is_signed_in)
    asyncio.run(limited(SCOPE, request.receive, request.send))
    assert application.bodies == [found]
    assert len(asked) == 1
    assert limited.held == 0


@pytest.mark.parametrize(
    ("messages", "found"),
    [
        ([part(0, more=False)], (0, False)),
        ([part(5), part(7), part(0, more=False)], (12, False)),
        ([part(LARGEST, more=False)], (LARGEST, False)),
        ([part(LARGEST + 1, more=False)], (LARGEST, True)),
        ([part(LARGEST), part(1)], (LARGEST, True)),
        ([part(LARGEST), part(20_000_000)], (LARGEST, True)),
    ],
)
def test_body_is_handed_on_whole_or_cut(messages, found):
    request, application = ask(*messages)
    assert request.status == 200
    assert application.bodies == [found]


def test_no_more_is_read_than_may_be_held():
    request, application = ask(*[part(100_000)] * 50)
    assert application.bodies == [(LARGEST, True)]
    assert len(request.waiting) == 50 - (LARGEST // 100_000 + 1)


@pytest.mark.parametrize("messages", [[], [part(10)], [part(100)] * 3])
def test_body_that_stalls_is_refused_in_time(messages):
    request, application = ask(*messages, seconds=0.05)
    assert request.status == 408
    assert (b"connection", b"close") in request.sent[0]["headers"]
    assert application.bodies == []


def test_body_that_drips_is_refused_in_time():
    """Each part comes soon enough; all of them together do not."""
    application, request = Application(), Request()

    async def drip() -> dict[str, Any]:
        await asyncio.sleep(0)
        return part(1)

    asyncio.run(Bodies(application, seconds=0.1)(SCOPE, drip, request.send))
    assert request.status == 408


@pytest.mark.parametrize("before", [[], [part(3)]])
def test_body_that_cannot_be_read_is_a_bad_request(before):
    """What granian says of malformed chunks, and of a browser that goes away, whom nobody can tell."""
    request, application = ask(*before, {"type": "http.disconnect"})
    assert request.status == 400
    assert b"Nothing was changed" in request.sent[1]["body"]
    assert application.bodies == []


def test_http_2_has_no_connection_header():
    request, _ = ask({"type": "http.disconnect"}, http_version="2")
    assert b"connection" not in dict(request.sent[0]["headers"])


def test_stalled_bodies_together_take_bounded_memory_and_small_forms_pass(monkeypatch):
    monkeypatch.setattr(bodies, "MOST_HELD", 3 * 100_000)

    async def story() -> None:
        application = Application()
        limited = Bodies(application, seconds=10)
        stalled = [Request(part(100_000)) for _ in range(3)]
        tasks = [asyncio.create_task(limited(SCOPE, one.receive, one.send)) for one in stalled]
        while limited.held < 300_000:
            await asyncio.sleep(0)
        another, small = Request(part(SMALL + 1)), Request(part(SMALL, more=False))
        await limited(SCOPE, another.receive, another.send)
        await limited(SCOPE, small.receive, small.send)
        assert (another.status, small.status) == (503, 200)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert limited.held == 0
        again = Request(part(100_000, more=False))
        await limited(SCOPE, again.receive, again.send)
        assert again.status == 200

    asyncio.run(story())


def test_body_counts_until_its_request_is_answered():
    async def story() -> None:
        answering, go_on = asyncio.Event(), asyncio.Event()

        async def until() -> None:
            answering.set()
            await go_on.wait()

        limited, request = Bodies(Application(until), seconds=0.5), Request(part(50_000, more=False))
        task = asyncio.create_task(limited(SCOPE, request.receive, request.send))
        await answering.wait()
        assert limited.held == 50_000
        go_on.set()
        await task
        assert limited.held == 0

    asyncio.run(story())


def test_time_to_answer_is_not_limited_by_the_time_to_arrive():
    async def story() -> None:
        async def until() -> None:
            end = asyncio.get_running_loop().time() + 0.05
            while asyncio.get_running_loop().time() < end:
                await asyncio.sleep(0)

        request = Request(part(10, more=False))
        await Bodies(Application(until), seconds=0.01)(SCOPE, request.receive, request.send)
        assert request.status == 200

    asyncio.run(story())
