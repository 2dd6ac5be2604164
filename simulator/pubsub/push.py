"""Push: the signed token, the request, and the pump that sends what is due."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import jwt
from aiohttp import web

from simulator.identifiers import number_of
from simulator.identity import ISSUER, KeyPair
from simulator.machine import Machine
from simulator.pubsub.state import Delivery, PubSub, Subscription
from simulator.world import World

ACKNOWLEDGED = frozenset([102, 200, 201, 202, 204])
IN_FLIGHT = 8  # pushes of one subscription at a time
TOKEN_USE = 300.0  # seconds that one token serves all pushes of a subscription


def push_token(subscription: Subscription, signer: KeyPair, *, now: float) -> str:
    """The signed statement that a push carries; ``now`` is the real clock, in seconds."""
    kind = subscription.habits.credential
    email = "somebody-else@another-app.iam.gserviceaccount.com"
    if kind != "wrong-email":
        email = subscription.service_account
    identifier = number_of("service-account", email, digits=21, lead="1")
    audience = subscription.audience or subscription.push_endpoint
    issued = int(now) - (7200 if kind == "expired" else 0)
    claims = {
        "aud": "https://elsewhere.example/" if kind == "wrong-audience" else audience,
        "azp": identifier,
        "email": email,
        "email_verified": True,
        "exp": issued + 3600,
        "iat": issued,
        "iss": ISSUER,
        "sub": identifier,
    }
    key = KeyPair() if kind == "wrong-key" else signer
    return jwt.encode(claims, key.key, algorithm="RS256", headers={"kid": signer.kid})


def push_body(world: World, subscription: Subscription, delivery: Delivery) -> bytes:
    """The wrapped message of a push request."""
    body = {
        "message": delivery.message.as_json(world, wrapped=True),
        "subscription": subscription.name,
        "deliveryAttempt": delivery.attempts,
    }
    return json.dumps(body, separators=(",", ":")).encode()


async def post(address: str, body: bytes, token: str, *, timeout: float) -> int:
    """Send a push and return the first status that comes back.

    Spoken by hand because 102 is an acknowledgement to Pub/Sub, while HTTP libraries wait for a later answer.
    Raises OSError, TimeoutError or ValueError if no status comes.
    """
    parts = urlsplit(address)
    async with asyncio.timeout(timeout):
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port or 80)
        try:
            path = parts.path or "/"
            lines = [
                f"POST {path}{'?' + parts.query if parts.query else ''} HTTP/1.1",
                f"Host: {parts.netloc}",
                "Content-Type: application/json",
                f"Content-Length: {len(body)}",
                "User-Agent: CloudPubSub-Google",
                "From: noreply@google.com",
                "Accept: application/json",
                "Connection: close",
            ]
            if token:
                lines.append(f"Authorization: Bearer {token}")
            writer.write("\r\n".join([*lines, "", ""]).encode() + body)
            await writer.drain()
            status_line = (await reader.readline()).split()
            if len(status_line) < 2 or not status_line[1].isdigit():
                raise ValueError("no HTTP answer")
            return int(status_line[1])
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


def _complain(task: asyncio.Task[None]) -> None:
    """A pump that has stopped by itself must not look like Google's silence."""
    if not task.cancelled() and (error := task.exception()) is not None:
        context = {"message": "Push has stopped.", "exception": error, "task": task}
        task.get_loop().call_exception_handler(context)


class Pump:
    """Carries due messages to push endpoints, and keeps the world going while somebody is subscribed to it."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.running: set[asyncio.Task[None]] = set()
        self.tokens: dict[tuple[str, ...], tuple[float, str]] = {}

    async def lifetime(self, app: web.Application) -> AsyncIterator[None]:
        """Runs as long as the application does."""
        del app
        task = asyncio.create_task(self._run())
        task.add_done_callback(_complain)
        yield
        for each in [task, *self.running]:
            each.cancel()
        await asyncio.gather(task, *self.running, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            pubsub = self.machine.pubsub
            self.machine.news.clear()
            if self.machine.events.subscriptions:
                self.machine.catch_up()  # what happens must be told also while nobody asks
            moment = self._launch(pubsub)
            pause: float | None = 0.5 if self.machine.events.subscriptions or moment is not None else None
            if moment is not None:
                pause = min(0.5, max(0.01, moment - self.machine.world.now()))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.machine.news.wait(), timeout=pause)

    def _launch(self, pubsub: PubSub) -> float | None:
        """Start what is due; tells when the next delivery will be."""
        now = self.machine.world.now()
        following: list[float] = []
        for each in pubsub.subscriptions.values():
            if not each.push_endpoint:
                continue
            for serial, delivery in each.take(now, IN_FLIGHT - each.in_flight):
                each.in_flight += 1
                task = asyncio.create_task(self._push(pubsub, each, serial, delivery))
                self.running.add(task)
                task.add_done_callback(self.running.discard)
            moment = each.next_due()
            if moment is not None and each.in_flight < IN_FLIGHT:
                following.append(moment)
        return min(following, default=None)

    def _token(self, to: Subscription) -> str:
        """The token of a push; used for some minutes, since signing costs more than all the rest."""
        signer, now = self.machine.identity.signer, time.time()
        key = (signer.kid, to.habits.credential, to.service_account, to.audience, to.push_endpoint)
        made, token = self.tokens.get(key, (0.0, ""))
        if not made <= now < made + TOKEN_USE:
            token = push_token(to, signer, now=now)
            self.tokens[key] = (now, token)
        return token

    async def _push(self, pubsub: PubSub, to: Subscription, serial: int, delivery: Delivery) -> None:
        habits = to.habits
        status: int | None = None
        token = ""
        if to.service_account and habits.credential != "none":
            token = self._token(to)
        body = push_body(pubsub.world, to, delivery)
        lease = delivery.lease
        try:
            status = await post(to.push_endpoint, body, token, timeout=habits.ack_deadline_seconds)
        except (OSError, TimeoutError, ValueError):
            to.count("unreachable")
        finally:
            to.in_flight -= 1
            pubsub.news.set()
        if status in ACKNOWLEDGED:
            to.acknowledge(serial)
        elif serial in to.waiting and delivery.lease == lease:
            if status is not None:
                to.count("refused")
            pause = min(habits.max_backoff_seconds, habits.min_backoff_seconds * 2 ** (delivery.attempts - 1))
            to.put_off(serial, pubsub.world.now() + pause)
        pubsub.world.version += 1
