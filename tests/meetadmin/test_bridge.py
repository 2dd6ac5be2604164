"""Django's WSGI application under an ASGI server: what comes in arrives, what goes out is whole."""

import asyncio
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from django.core.exceptions import RequestDataTooBig

from meetadmin.bodies import CUT
from meetadmin.bridge import EACH, QUEUE, Pages

SCOPE: dict[str, Any] = {
    "type": "http",
    "method": "POST",
    "path": "/räume/ü",
    "query_string": b"q=a%20b&q=c",
    "http_version": "1.1",
    "scheme": "https",
    "server": ("rooms.example.com", 443),
    "client": ("192.0.2.7", 4711),
    "headers": [],
}


def made(application: Callable[..., Iterable[bytes]], **lanes: int) -> Pages:
    """Pages whose lanes are named by the path, for callers named by a header."""
    return Pages(
        application,
        lanes=lanes,
        lane_of=lambda _, path: path[1:] if path[1:] in lanes else "pages",
        caller_of=lambda environ: environ.get("HTTP_COOKIE", ""),
        refused="refused",
    )


def ask(
    application: Callable[..., Iterable[bytes]], *messages: dict[str, Any], **scope: Any
) -> list[dict[str, Any]]:
    """Let the application answer one request, as a server does; gives what it sends."""
    sent: list[dict[str, Any]] = []
    waiting = list(messages or [{"type": "http.request", "body": b""}])

    async def receive() -> dict[str, Any]:
        return waiting.pop(0)

    async def send(message: Any) -> None:
        sent.append(dict(message))

    pages = made(application, pages=1)
    asyncio.run(pages({**SCOPE, **scope}, receive, send))
    return sent


def test_the_environment_is_what_pep_3333_says():
    seen: dict[str, Any] = {}

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        seen.update(environ, body=environ["wsgi.input"].read())
        start_response("204 No Content", [])
        return []

    headers = [
        (b"x_forwarded_for", b"203.0.113.9"),  # nobody may pass for the proxy by another spelling
        (b"content-type", b"text/csv"),
        (b"content-length", b"6"),
        (b"x-forwarded-for", b"198.51.100.1"),
        (b"x-forwarded-for", b"198.51.100.2"),
        (b"cookie", b"a=1"),
        (b"cookie", b"b=2"),
    ]
    ask(application, {"type": "http.request", "body": b"abcdef"}, headers=headers)
    expected = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/räume/ü".encode().decode("latin1"),
        "QUERY_STRING": "q=a%20b&q=c",
        "SERVER_NAME": "rooms.example.com",
        "SERVER_PORT": "443",
        "REMOTE_ADDR": "192.0.2.7",
        "wsgi.url_scheme": "https",
        "CONTENT_TYPE": "text/csv",
        "CONTENT_LENGTH": "6",
        "HTTP_X_FORWARDED_FOR": "198.51.100.1,198.51.100.2",
        "HTTP_COOKIE": "a=1; b=2",
        "body": b"abcdef",
    }
    assert {name: seen[name] for name in expected} == expected


def test_an_answer_is_sent_whole_and_closed():
    class Parts:
        closed = False

        def __iter__(self) -> Iterator[bytes]:
            yield b"one "
            yield b"two"

        def close(self) -> None:
            self.closed = True

    parts = Parts()

    def application(environ: dict[str, Any], start_response: Any) -> Parts:
        start_response("200 OK", [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("X-Word", "grün")])
        return parts

    start, body = ask(application)
    assert start["status"] == 200
    assert start["headers"] == [
        (b"set-cookie", b"a=1"),
        (b"set-cookie", b"b=2"),
        (b"x-word", "grün".encode("latin1")),
    ]
    assert body["body"] == b"one two"
    assert parts.closed


def test_body_without_a_length_is_read_whole():
    """A body in chunks has no Content-Length, and Django reads no more than that says."""
    seen: dict[str, Any] = {}

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        seen.update(environ)
        start_response("204 No Content", [])
        return []

    ask(application, {"type": "http.request", "body": b"abcdef"})
    assert seen["CONTENT_LENGTH"] == "6"


def test_body_that_was_cut_can_be_read_up_to_the_cut_only():
    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        body = environ["wsgi.input"]
        assert body.read(4) == b"abcd"
        with pytest.raises(RequestDataTooBig):
            body.read(3)
        assert int(environ["CONTENT_LENGTH"]) > 6
        start_response("200 OK", [])
        return [b"read"]

    _, body = ask(application, {"type": "http.request", "body": b"abcdef"}, **{CUT: True})
    assert body["body"] == b"read"


@pytest.mark.parametrize(
    ("callers", "refusal"),
    [
        ([str(number) for number in range(QUEUE * 3)], "all"),
        (["" for _ in range(QUEUE * 3)], "all"),
        (["one"] * EACH, "each"),
    ],
)
def test_full_lane_stalls_no_other_and_refuses_the_rest(callers, refusal):
    """All threads of one lane hang: the pages go on, and what no longer fits into the lane is refused in the application's words."""
    go_on = threading.Event()
    refused: list[str] = []

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        refused.append(environ.get("refused", ""))
        if environ["PATH_INFO"] == "/slow" and not refused[-1]:
            assert go_on.wait(20)
        start_response("503 Refused" if environ.get("refused") else "200 OK", [])
        return []

    async def story() -> tuple[list[int], list[int]]:
        pages = made(application, pages=1, slow=3)

        async def answered(path: str, caller: str = "one") -> int:
            statuses: list[int] = []

            async def receive() -> dict[str, Any]:
                return {"type": "http.request", "body": b""}

            async def send(message: Any) -> None:
                statuses.append(message.get("status", 0))

            scope = {**SCOPE, "method": "GET", "path": path, "headers": [(b"cookie", caller.encode())]}
            await pages(scope, receive, send)
            return statuses[0]

        slow = [asyncio.create_task(answered("/slow", caller)) for caller in callers]
        await asyncio.sleep(0)  # all of them have begun
        meanwhile = [await asyncio.wait_for(answered(path), 10) for path in ("/pages", "/slow", "/pages")]
        assert refusal in refused
        if refusal == "each":
            other = asyncio.create_task(answered("/slow", "another"))
            await asyncio.sleep(0)
            slow.append(other)
        go_on.set()
        found = list(await asyncio.gather(*slow))
        assert not pages.requests, "nothing is counted that is over"
        return meanwhile, found

    meanwhile, slow = asyncio.run(story())
    assert meanwhile == [200, 503, 200]
    assert set(slow) == {200}
