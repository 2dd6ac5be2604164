"""Django's WSGI application under an ASGI server: what comes in arrives, what goes out is whole."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from io import BytesIO
from typing import Any

import pytest

from meetadmin import bridge
from meetadmin.bridge import Pages

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

    pages = Pages(application, threads=1)
    asyncio.run(pages({**SCOPE, **scope}, receive, send))
    pages.threads.shutdown()
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
    parts = [
        {"type": "http.request", "body": b"abc", "more_body": True},
        {"type": "http.request", "body": b"def", "more_body": False},
    ]
    ask(application, *parts, headers=headers)
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


def test_a_body_that_is_too_large_is_refused_before_anybody_reads_it(monkeypatch):
    monkeypatch.setattr(bridge, "MOST_BODY", 10)
    chunk = {"type": "http.request", "body": b"123456", "more_body": True}
    start, _ = ask(pytest.fail, chunk, chunk)
    assert start["status"] == 413


def test_a_browser_that_goes_away_while_it_sends_is_not_answered():
    chunk = {"type": "http.request", "body": b"123456", "more_body": True}
    assert ask(pytest.fail, chunk, {"type": "http.disconnect"}) == []


def test_large_bodies_arrive_whole(monkeypatch):
    monkeypatch.setattr(bridge, "IN_MEMORY", 4)
    kept = BytesIO()

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        kept.write(environ["wsgi.input"].read())
        start_response("200 OK", [])
        return []

    chunk = {"type": "http.request", "body": b"123456", "more_body": True}
    ask(application, chunk, {**chunk, "more_body": False})
    assert kept.getvalue() == b"123456123456"
