"""The web process's entry point: granian serves `application`.

From the outside in: the probe, the stream of changes, the limits on bodies, and Django in the threads of several lanes
(docs/decisions/0013 and 0019)."""

import gc
import json
from typing import Final

from django.conf import settings

from meetadmin.bodies import Application, Bodies, Receive, Scope, Send, answer
from meetadmin.bridge import Pages
from meetadmin.wsgi import application as pages  # makes Django ready, so it comes before what needs models
from spaces.stream import LiveStream, is_signed_in
from spaces.views.lanes import ENDING, GOOGLE, PAGES, REFUSED, lane_of, session_of

LANES: Final = {PAGES: 8, GOOGLE: 10, ENDING: 6}
"""Threads. Each may hold a database connection: DATABASES has a pool for all of them."""


class Probe:
    """Answers /healthz without a thread, so that the process is known to be alive however busy it is. The rest is `then`'s."""

    PATH: Final = "/healthz"
    BODY: Final = json.dumps({"status": "ok"}).encode()

    def __init__(self, then: Application) -> None:
        self.then = then

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or the server's beginning and end."""
        if scope["type"] == "http" and scope["path"] == self.PATH and scope["method"] == "GET":
            headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
            await answer(send, 200, headers, self.BODY)
        else:
            await self.then(scope, receive, send)


_pages = Pages(pages, lanes=LANES, lane_of=lane_of, caller_of=session_of, refused=REFUSED)
application = Probe(LiveStream(Bodies(_pages, seconds=settings.BODY_SECONDS, is_signed_in=is_signed_in)))

# What is loaded by now is needed for good. Looked through by the collector again and again it makes single answers wait.
gc.collect()
gc.freeze()
