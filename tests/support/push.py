"""What tests need to hear of the simulator's push: topics, a puller, and a web server that receives."""

import base64
import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from spaces.google.push import Arrangement
from tests.support.simulator import SimulatorProcess

TOPIC = "projects/meetadmin-demo/topics/meet-events"
PULL = "projects/meetadmin-demo/subscriptions/meet-events-pull"
PUSH = "projects/meetadmin-demo/subscriptions/meet-events-push"
PUBSUB_SCOPE = "https://www.googleapis.com/auth/pubsub"
ENDPOINT_ACCOUNT = "meet-push@meetadmin-demo.iam.gserviceaccount.com"
AUDIENCE = "https://rooms.example.com/hooks/google/pubsub"
PUSHED = Arrangement(topic=TOPIC, subscriptions=(PUSH,), account=ENDPOINT_ACCOUNT, audience=AUDIENCE)
PULLED = Arrangement(topic=TOPIC, subscriptions=(PULL,), pull=True)


def wait_until(holds: Callable[[], bool], *, seconds: float = 20) -> None:
    """Look again and again until something is so; AssertionError when it is not within ``seconds``."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "It did not happen in time."
        time.sleep(0.01)


def data_of(message: dict[str, Any]) -> Any:
    """The decoded JSON of a message."""
    return json.loads(base64.b64decode(message["data"]))


class Puller:
    """A topic with a pull subscription, and what has come through it."""

    def __init__(self, google: SimulatorProcess) -> None:
        self.google = google
        google.control("POST", "topics", {"name": TOPIC})
        google.control("POST", "push", {"name": PULL, "topic": TOPIC})

    def call(self, verb: str, body: Any) -> tuple[int, Any]:
        """One REST request about the subscription, with a token that is fresh whatever the clock was moved to."""
        token = self.google.token(None, PUBSUB_SCOPE)
        return self.google.call("POST", f"/v1/{PULL}:{verb}", body, token=token)

    def receive(self) -> list[dict[str, Any]]:
        """Everything that waits, acknowledged; an empty list at once if nothing does."""
        found: list[dict[str, Any]] = []
        while True:
            status, answer = self.call("pull", {"maxMessages": 100, "returnImmediately": True})
            assert status == 200, answer
            received = answer.get("receivedMessages", [])
            if not received:
                return found
            found += [each["message"] for each in received]
            assert self.call("acknowledge", {"ackIds": [each["ackId"] for each in received]})[0] == 200

    def types(self) -> list[str]:
        """The event types of all that waits, without what they have in common, in order of publishing."""
        found = sorted(self.receive(), key=lambda each: each["publishTime"])
        return [
            each["attributes"]["ce-type"].removeprefix("google.workspace.").removeprefix("meet.")
            for each in found
        ]


class Receiver:
    """A web server on loopback that takes pushes; ``answers`` are the next statuses, 204 when there are none."""

    def __init__(self) -> None:
        self.pushes: list[tuple[dict[str, str], dict[str, Any]]] = []
        self.times: list[float] = []
        self.answers: list[int] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            """Keeps what comes."""

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status = receiver.answers.pop(0) if receiver.answers else 204
                receiver.times.append(time.monotonic())
                receiver.pushes.append(({k.lower(): v for k, v in self.headers.items()}, body))
                self.wfile.write(f"HTTP/1.1 {status} Whatever\r\nContent-Length: 0\r\n\r\n".encode())

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}/hooks/google/pubsub"

    def __enter__(self) -> Self:
        threading.Thread(
            target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        ).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.server.shutdown()
        self.server.server_close()

    def messages(self) -> list[dict[str, Any]]:
        """The messages of all pushes so far."""
        return [body["message"] for _, body in self.pushes]

    def configure(self, google: SimulatorProcess, **more: Any) -> None:
        """Make the topic, and a push subscription to this server."""
        google.control("POST", "topics", {"name": TOPIC})
        google.control(
            "POST",
            "push",
            {
                "name": PUSH,
                "topic": TOPIC,
                "push_endpoint": self.url,
                "service_account": ENDPOINT_ACCOUNT,
                "audience": AUDIENCE,
                **more,
            },
        )


def publish(google: SimulatorProcess, number: int) -> str:
    """Publish a message that says just a number; answers its id."""
    body = {"topic": TOPIC, "data": json.dumps({"number": number}), "attributes": {"number": str(number)}}
    return str(google.control("POST", "publish", body)["messageId"])
