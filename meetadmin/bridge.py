"""Run Django's WSGI application under an ASGI server: a request is answered in a thread of its lane, and sent whole.

That is one hop to a thread and back for each request. General bridges hand every piece of an answer from thread to loop and
wait for it, which made small pages two fifths slower; this one costs no more than a WSGI server (docs/decisions/0013). An
answer is held in memory while it is sent, so this is for pages and not for endless streams. Lanes: docs/decisions/0019.
"""

import asyncio
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import IO, Any, Final

from django.core.exceptions import RequestDataTooBig

from meetadmin.bodies import CUT, Headers, Receive, Scope, Send, answer

QUEUE: Final = 4
"""Requests for each thread of a lane, running and waiting together, before further ones are refused."""
EACH: Final = 8
"""Requests of one session in a lane, running and waiting together, before its further ones are refused."""


class Pages:
    """A WSGI application as an ASGI one. `lanes`: threads by name; `lane_of` names the lane of a method and path.

    The first lane takes every request. Another one is limited, in all and for each caller (`caller_of` the environment; empty:
    not known). A request beyond that runs in the first lane with the key `refused` in its environment ("all" or "each"), so that
    the application refuses it in its own words.
    """

    def __init__(
        self,
        application: Callable[..., Iterable[bytes]],
        *,
        lanes: Mapping[str, int],
        lane_of: Callable[[str, str], str],
        caller_of: Callable[[Mapping[str, Any]], str],
        refused: str,
    ) -> None:
        self.application = application
        self.lane_of = lane_of
        self.caller_of = caller_of
        self.refused = refused
        self.size = dict(lanes)
        self.first = next(iter(lanes))
        self.threads = {
            name: ThreadPoolExecutor(number, thread_name_prefix=name) for name, number in lanes.items()
        }
        # Running and waiting: by lane, and by lane and caller.
        self.requests: Counter[tuple[str, ...]] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, whose body comes whole in the first message (meetadmin.bodies)."""
        message = await receive()
        made = environ(scope, message.get("body", b""))
        lane = self.lane_of(scope["method"], scope["path"])
        if lane == self.first:
            counted: list[tuple[str, ...]] = []
        else:
            caller = self.caller_of(made)
            counted = [(lane,), (lane, caller)] if caller else [(lane,)]
            if refusal := self._refusal(lane, counted):
                lane, counted, made[self.refused] = self.first, [], refusal
        self.requests.update(counted)
        try:
            loop = asyncio.get_running_loop()
            status, headers, content = await loop.run_in_executor(self.threads[lane], self._ask, made)
        finally:
            self.requests -= Counter(counted)  # drops what comes to zero
        await answer(send, status, headers, content)

    def _refusal(self, lane: str, counted: list[tuple[str, ...]]) -> str:
        """Whether a lane takes a request: empty, or the limit that it would exceed."""
        if any(self.requests[key] >= EACH for key in counted[1:]):
            return "each"
        return "all" if self.requests[lane,] >= QUEUE * self.size[lane] else ""

    def _ask(self, environ: dict[str, Any]) -> tuple[int, Headers, bytes]:
        """Have the request answered to the end, in a thread. Django gives its database connection back at the close."""
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


class Beginning(BytesIO):
    """The beginning of a body that was too long. Reading beyond it raises RequestDataTooBig, which Django answers with a page."""

    def read(self, size: int | None = -1, /) -> bytes:
        """Return exactly `size` bytes."""
        found = super().read(size)
        if size is None or size < 0 or len(found) < size:
            raise RequestDataTooBig("The body is longer than any form.")
        return found


def environ(scope: Scope, body: bytes) -> dict[str, Any]:
    """Return an ASGI scope and a body as WSGI's environment (PEP 3333)."""
    host, port = scope.get("server") or ("127.0.0.1", 0)
    content: IO[bytes] = Beginning(body) if scope.get(CUT) else BytesIO(body)
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
        "wsgi.input": content,
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
    if body:
        # A body in chunks has no length of its own, and Django reads only as much as it is told.
        made["CONTENT_LENGTH"] = str(len(body) + bool(scope.get(CUT)))
    return made
