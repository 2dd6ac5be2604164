"""Read each request's body before anything works on it, within limits of size, time and memory.

Nobody is known yet at this point, so the limits hold for strangers too (docs/decisions/0019). What works on the request gets the
body whole, in a single message.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

LARGEST: Final = 1_200_000
"""Bytes of a body: more than any form here may hold. The largest is 1 MB of text to look up (spaces.google.codes)."""
SMALL: Final = 16_000
"""Bytes of a body that is accepted however many others are being held."""
MOST_HELD: Final = 64_000_000
"""Bytes of all larger bodies together, from their arrival until their requests are answered."""
RETRY_AFTER: Final = b"10"  # seconds

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

CUT: Final = "meetadmin.body_cut"
"""Key of the scope: the body was longer than LARGEST, and only its beginning is handed on."""


class Malformed(Exception):
    """The body breaks off, or its chunks cannot be read."""


class NoRoom(Exception):
    """Too many large bodies are being held already."""


class Bodies:
    """An ASGI application that reads the body, then calls `then`. `seconds`: how long a body may take to arrive."""

    def __init__(self, then: Application, *, seconds: float) -> None:
        self.then = then
        self.seconds = seconds
        self.held = 0  # bytes of larger bodies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request: 400, 408 or 503 when the body does not arrive, otherwise what `then` answers."""
        if scope["type"] != "http":
            return await self.then(scope, receive, send)
        body = bytearray()
        try:
            async with asyncio.timeout(self.seconds):
                whole = await self._read(receive, body)
        except Malformed:
            await refuse(scope, send, 400, "This request cannot be read. Nothing was changed.")
        except TimeoutError:
            await refuse(
                scope, send, 408, "The request took too long to arrive. Nothing was changed. Send it again."
            )
        except NoRoom:
            await refuse(
                scope, send, 503, "The server is busy. Nothing was changed. Send it again in a moment."
            )
        else:
            message = {"type": "http.request", "body": bytes(body), "more_body": False}
            await self.then(scope if whole else {**scope, CUT: True}, _once(message, receive), send)
        finally:
            self.held -= _counted(body)

    async def _read(self, receive: Receive, body: bytearray) -> bool:
        """Read until the end or LARGEST; whether that is all of it."""
        more = True
        while more:
            message = await receive()
            if message["type"] != "http.request":
                raise Malformed
            chunk, more = message.get("body", b""), message.get("more_body", False)
            before = _counted(body)
            room = LARGEST - len(body)
            body += chunk[:room]
            self.held += _counted(body) - before
            if self.held > MOST_HELD and _counted(body):
                raise NoRoom
            if len(chunk) > room:
                return False
        return True


def _counted(body: bytearray) -> int:
    """How many bytes of the shared allowance a body takes."""
    return len(body) if len(body) > SMALL else 0


def _once(message: Message, receive: Receive) -> Receive:
    """A `receive` that gives this message first, and then what the server has to say."""
    waiting = [message]

    async def receive_next() -> Message:
        return waiting.pop() if waiting else await receive()

    return receive_next


async def answer(send: Send, status: int, headers: Headers | None = None, content: bytes = b"") -> None:
    """Send a whole answer."""
    await send({"type": "http.response.start", "status": status, "headers": headers or []})
    await send({"type": "http.response.body", "body": content})


async def refuse(scope: Scope, send: Send, status: int, sentence: str) -> None:
    """Answer in one line of text and close the connection: part of the request may still be on its way."""
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"cache-control", b"no-store")]
    if status == 503:
        headers.append((b"retry-after", RETRY_AFTER))
    if scope.get("http_version", "1.1").startswith("1"):  # HTTP/2 has no such header
        headers.append((b"connection", b"close"))
    await answer(send, status, headers, f"{sentence}\n".encode())
