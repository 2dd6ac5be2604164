"""Django's WSGI application under an ASGI server: a request is read whole, answered in a thread, and sent whole.

That is one hop to a thread and back for each request. General bridges hand every piece of an answer from thread to loop and
wait for it, which made small pages two fifths slower; this one costs no more than a WSGI server (docs/decisions/0013). An
answer is held in memory while it is sent, so this is for pages and not for endless streams.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from tempfile import SpooledTemporaryFile
from typing import IO, Any

MOST_BODY = 20_000_000  # bytes; more than any form or file we take
IN_MEMORY = 1_000_000  # bytes of a request's body; more goes to a temporary file

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]


class Pages:
    """A WSGI application as an ASGI one, with so many threads."""

    def __init__(self, application: Callable[..., Iterable[bytes]], *, threads: int) -> None:
        self.application = application
        self.threads = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="pages")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request and its answer. A browser that goes away while it is still sending gets none."""
        with SpooledTemporaryFile(max_size=IN_MEMORY) as body:
            length, more = 0, True
            while more:
                message = await receive()
                if message["type"] != "http.request":
                    return
                chunk = message.get("body", b"")
                length, more = length + len(chunk), message.get("more_body", False)
                if length > MOST_BODY:
                    return await answer(send, 413)
                body.write(chunk)
            body.seek(0)
            status, headers, content = await asyncio.get_running_loop().run_in_executor(
                self.threads, self._ask, environ(scope, body)
            )
        await answer(send, status, headers, content)

    def _ask(self, environ: dict[str, Any]) -> tuple[int, Headers, bytes]:
        """In a thread: have the request answered, to the end (Django gives its database connection back at the close)."""
        began: list[tuple[int, Headers]] = []

        def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
            began[:] = [
                (
                    int(status[:3]),
                    [(name.lower().encode("latin1"), value.encode("latin1")) for name, value in headers],
                )
            ]

        parts = self.application(environ, start_response)
        try:
            content = b"".join(parts)
        finally:
            close = getattr(parts, "close", None)
            if close:
                close()
        return (*began[0], content)


async def answer(send: Send, status: int, headers: Headers | None = None, content: bytes = b"") -> None:
    """Send a whole answer."""
    await send({"type": "http.response.start", "status": status, "headers": headers or []})
    await send({"type": "http.response.body", "body": content})


def environ(scope: Scope, body: IO[bytes]) -> dict[str, Any]:
    """An ASGI scope as WSGI's environment (PEP 3333)."""
    host, port = scope.get("server") or ("127.0.0.1", 0)
    made: dict[str, Any] = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": scope["path"].encode().decode("latin1"),
        "QUERY_STRING": scope["query_string"].decode("latin1"),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "SERVER_NAME": host,
        "SERVER_PORT": str(port),
        "REMOTE_ADDR": (scope.get("client") or ("",))[0],
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.get("scheme", "http"),
        "wsgi.input": body,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for raw, value in scope["headers"]:
        if b"_" in raw:
            continue  # would be taken for the one with a dash, which a proxy in front sets and lets nobody else set
        name, text = raw.decode("latin1").upper().replace("-", "_"), value.decode("latin1")
        if name not in {"CONTENT_TYPE", "CONTENT_LENGTH"}:
            name = f"HTTP_{name}"
        # HTTP/2 may send each cookie by itself; other headers that come twice are lists.
        made[name] = f"{made[name]}{'; ' if name == 'HTTP_COOKIE' else ','}{text}" if name in made else text
    return made
