"""A stand-in for Cloud Pub/Sub: topics, push with signed tokens, and pull over REST.

Cloud Pub/Sub guides: "Push subscriptions", "Authenticate push subscriptions", "Pull subscriptions". Delivery is at least
once: what is not acknowledged comes again after a pause that grows. Topics and subscriptions are set up by the control,
since they are made in the Cloud console and not by the application.

All moments are world time, so moving the clock also brings forward what waits for another attempt.
"""

import asyncio
import base64
import contextlib
import heapq
import json
import random
import secrets
import time
from collections.abc import AsyncIterator, Iterable
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import jwt
from aiohttp import web

from simulator import masks
from simulator.errors import ApiError
from simulator.gate import JSON, Call, Method, Serve, Service, register
from simulator.identity import ISSUER, SERVICE_ACCOUNT, KeyPair
from simulator.world import World, number_of

if TYPE_CHECKING:
    from simulator.machine import Machine

SERVICE = Service("pubsub.googleapis.com", "Cloud Pub/Sub API")
SCOPES = ("https://www.googleapis.com/auth/pubsub", "https://www.googleapis.com/auth/cloud-platform")
ACKNOWLEDGED = frozenset([102, 200, 201, 202, 204])
RETENTION = 7 * 86400.0
MOST_WAITING = 20_000  # messages kept per subscription, oldest dropped first
IN_FLIGHT = 8  # pushes of one subscription at a time
TOKEN_USE = 300.0  # seconds that one token serves all pushes of a subscription
PULL_WAIT = 20.0  # seconds a pull waits for the first message
CREDENTIALS = ("good", "none", "wrong-audience", "wrong-email", "wrong-key", "expired")


@dataclass(slots=True)
class Topic:
    """A topic; ``publisher`` tells whether Meet's own account may publish to it."""

    name: str
    publisher: bool = True


@dataclass(slots=True)
class Message:
    """One message; ``data`` is base64. ``happened`` is told as ``ce-time``, on the clock of the moment it is delivered."""

    id: str
    data: str
    attributes: dict[str, str]
    ordering_key: str
    published: float
    happened: float | None = None

    def as_json(self, world: World, *, wrapped: bool) -> JSON:
        """As it is delivered; a push spells id and time in both ways."""
        when = world.shown(self.published)
        attributes = dict(self.attributes)
        if self.happened is not None:
            attributes["ce-time"] = world.shown(self.happened)
        answer: JSON = {"attributes": attributes, "data": self.data, "messageId": self.id}
        if wrapped:
            answer["message_id"] = self.id
        if self.ordering_key:
            answer["orderingKey"] = self.ordering_key
        answer["publishTime"] = when
        if wrapped:
            answer["publish_time"] = when
        return answer


@dataclass(slots=True)
class Delivery:
    """A message on its way to one subscription."""

    message: Message
    due: float
    attempts: int = 0
    lease: str = ""


@dataclass(slots=True)
class Habits:
    """How a subscription delivers: what Google promises, and what it is allowed to do badly.

    ``duplicates`` and ``drop`` are probabilities; the other numbers are seconds. ``credential`` is which token a push carries.
    """

    ack_deadline_seconds: float = 10.0
    min_backoff_seconds: float = 0.1
    max_backoff_seconds: float = 60.0
    delay_seconds: float = 0.0
    disorder_seconds: float = 0.0
    duplicates: float = 0.0
    drop: float = 0.0
    credential: str = "good"


@dataclass(slots=True)
class Subscription:
    """A Pub/Sub subscription: push if it has an endpoint, else pull."""

    name: str
    topic: str
    push_endpoint: str = ""
    service_account: str = ""
    audience: str = ""
    subscriber: bool = True
    habits: Habits = field(default_factory=Habits)
    waiting: dict[int, Delivery] = field(default_factory=dict)
    due: list[tuple[float, int]] = field(default_factory=list)
    in_flight: int = 0
    counts: dict[str, int] = field(default_factory=dict)

    def count(self, what: str) -> None:
        """One more of something, for whoever looks."""
        self.counts[what] = self.counts.get(what, 0) + 1

    def put_off(self, serial: int, until: float) -> None:
        """Let a delivery wait."""
        delivery = self.waiting[serial]
        delivery.due = until
        delivery.lease = ""
        heapq.heappush(self.due, (until, serial))

    def next_due(self) -> float | None:
        """When the next delivery is due; forgets planned moments that no longer hold."""
        while self.due:
            moment, serial = self.due[0]
            delivery = self.waiting.get(serial)
            if delivery is not None and delivery.due == moment:
                return moment
            heapq.heappop(self.due)
        return None

    def take(self, now: float, most: int) -> list[tuple[int, Delivery]]:
        """Deliveries that are due, leased until the acknowledgement deadline."""
        taken: list[tuple[int, Delivery]] = []
        while len(taken) < most and (moment := self.next_due()) is not None and moment <= now:
            serial = heapq.heappop(self.due)[1]
            delivery = self.waiting[serial]
            if delivery.message.published + RETENTION <= now:
                del self.waiting[serial]
                self.count("expired")
                continue
            delivery.attempts += 1
            taken.append((serial, delivery))
        for serial, delivery in taken:
            self.put_off(serial, now + self.habits.ack_deadline_seconds)
            delivery.lease = f"{serial}.{secrets.token_urlsafe(12)}"
        return taken

    def acknowledge(self, serial: int) -> bool:
        """The message has arrived; False if it had already."""
        if self.waiting.pop(serial, None) is None:
            return False
        self.count("acknowledged")
        return True

    def as_json(self) -> JSON:
        """As the control shows it."""
        return {
            "name": self.name,
            "topic": self.topic,
            "push_endpoint": self.push_endpoint or None,
            "service_account": self.service_account or None,
            "audience": self.audience or None,
            "subscriber": self.subscriber,
            **asdict(self.habits),
            "waiting": len(self.waiting),
            "counts": dict(self.counts),
        }


class PubSub:
    """The topics and subscriptions of all projects."""

    def __init__(self, world: World, news: asyncio.Event) -> None:
        self.world = world
        self.news = news  # set whenever something may have become due
        self.topics: dict[str, Topic] = {}
        self.subscriptions: dict[str, Subscription] = {}
        self.published = 0
        self.serial = 0
        self.chance = random.Random(f"pubsub/{world.seed}")

    def publish(
        self,
        topic: str,
        data: bytes,
        *,
        attributes: dict[str, str],
        ordering_key: str,
        happened: float | None = None,
    ) -> Message:
        """Publish to a topic and so to each of its subscriptions."""
        self.published += 1
        identifier = number_of("message", self.world.seed, self.published, digits=17, lead="1")
        text = base64.b64encode(data).decode()
        message = Message(identifier, text, attributes, ordering_key, self.world.now(), happened)
        for each in self.subscriptions.values():
            if each.topic == topic:
                self._hand_over(each, message)
        self.world.version += 1
        self.news.set()
        return message

    def _hand_over(self, subscription: Subscription, message: Message) -> None:
        habits = subscription.habits
        subscription.count("published")
        if habits.drop and self.chance.random() < habits.drop:
            subscription.count("dropped")
            return
        copies = 1
        if habits.duplicates and self.chance.random() < habits.duplicates:
            subscription.count("duplicated")
            copies = 2
        for _ in range(copies):
            wait = habits.delay_seconds + self.chance.uniform(0, habits.disorder_seconds)
            self.add(subscription, Delivery(message, message.published + wait))

    def add(self, subscription: Subscription, delivery: Delivery) -> None:
        """Let a delivery wait for its moment."""
        self.serial += 1
        subscription.waiting[self.serial] = delivery
        heapq.heappush(subscription.due, (delivery.due, self.serial))
        if len(subscription.waiting) > MOST_WAITING:
            del subscription.waiting[next(iter(subscription.waiting))]
            subscription.count("overflowed")

    def kept(self) -> JSON:
        """What a snapshot keeps."""
        return {
            "topics": [[each.name, each.publisher] for each in self.topics.values()],
            "published": self.published,
            "subscriptions": [
                {
                    "plain": [
                        each.name, each.topic, each.push_endpoint, each.service_account, each.audience,
                        each.subscriber,
                    ],
                    "habits": asdict(each.habits),
                    "waiting": [[asdict(one.message), one.due, one.attempts] for one in each.waiting.values()],
                }
                for each in self.subscriptions.values()
            ],
        }  # fmt: skip

    def resume(self, kept: JSON) -> None:
        """Go on from a snapshot."""
        self.published = kept["published"]
        for name, publisher in kept["topics"]:
            self.topics[name] = Topic(name, publisher)
        for each in kept["subscriptions"]:
            subscription = Subscription(*each["plain"])
            subscription.habits = Habits(**each["habits"])
            self.subscriptions[subscription.name] = subscription
            for message, due, attempts in each["waiting"]:
                self.add(subscription, Delivery(Message(**message), due, attempts))


# -- push ------------------------------------------------------------------------------------------------------------


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

    def __init__(self, machine: "Machine") -> None:
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


# -- pull and the rest of the REST surface ---------------------------------------------------------------------------

_LEAF: masks.Tree = {}
_MESSAGE: masks.Tree = {
    "data": _LEAF,
    "attributes": _LEAF,
    "messageId": _LEAF,
    "publishTime": _LEAF,
    "orderingKey": _LEAF,
}


def _denied(what: str) -> ApiError:
    return ApiError(403, f"User not authorized to perform this action on {what}.")


def _subscription(call: Call) -> Subscription:
    """The subscription of a request, for our service account in its own name and with the subscriber role."""
    name = f"projects/{call.path['project']}/subscriptions/{call.path['subscription']}"
    found = call.machine.pubsub.subscriptions.get(name)
    if found is None:
        raise ApiError(404, f"Resource not found (resource={call.path['subscription']}).")
    if call.caller or call.token.client != SERVICE_ACCOUNT or not found.subscriber:
        raise _denied("this subscription")
    return found


def _fields(call: Call, allowed: Iterable[str]) -> JSON:
    body = call.body if isinstance(call.body, dict) else {}
    for name in body:
        if masks.camel(name) not in allowed:
            message = f'Invalid JSON payload received. Unknown name "{name}": Cannot find field.'
            raise ApiError(400, message)
    return {masks.camel(name): value for name, value in body.items()}


def _whole(body: JSON, name: str, *, least: int, most: int) -> int:
    value = body.get(name)
    if isinstance(value, str) and value.isdecimal():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ApiError(400, f"The value for {name} is out of range. You passed {value} in the request.")
    return value


async def pull(call: Call) -> JSON:
    """subscriptions.pull: what is due, or after a while of waiting nothing."""
    found = _subscription(call)
    body = _fields(call, ("maxMessages", "returnImmediately"))
    most = _whole(body, "maxMessages", least=1, most=1000)
    if found.push_endpoint:
        message = "This method is not supported for this subscription type."
        raise ApiError(400, message, status="FAILED_PRECONDITION")
    pubsub = call.machine.pubsub
    deadline = time.monotonic() + (0 if body.get("returnImmediately") is True else PULL_WAIT)
    while not (taken := found.take(pubsub.world.now(), most)):
        left = deadline - time.monotonic()
        if left <= 0:
            return {}
        moment = found.next_due()
        ready = left if moment is None else max(0.01, moment - pubsub.world.now())
        # A look now and then, since several may wait and the pump forgets the news for all of them.
        await asyncio.sleep(min(left, ready, 0.05))
        call.machine.catch_up()
    return {
        "receivedMessages": [
            {
                "ackId": delivery.lease,
                "message": delivery.message.as_json(pubsub.world, wrapped=False),
                "deliveryAttempt": delivery.attempts,
            }
            for _, delivery in taken
        ]
    }


def _leased(call: Call, found: Subscription, body: JSON) -> list[int]:
    """The deliveries that good acknowledgement ids stand for; those of an older lease are passed over."""
    given = body.get("ackIds")
    if not isinstance(given, list) or not given or not all(isinstance(each, str) for each in given):
        raise ApiError(400, "No ack ids specified.")
    serials = []
    for each in given:
        head = each.partition(".")[0]
        if not head.isdecimal():
            raise ApiError(400, "You have passed an invalid ack ID to the service.")
        delivery = found.waiting.get(int(head))
        if delivery is not None and delivery.lease == each and delivery.due > call.world.now():
            serials.append(int(head))
    return serials


def acknowledge(call: Call) -> JSON:
    """subscriptions.acknowledge: too late an acknowledgement is accepted and has no effect."""
    found = _subscription(call)
    for serial in _leased(call, found, _fields(call, ("ackIds",))):
        found.acknowledge(serial)
    call.world.version += 1
    return {}


def modify_ack_deadline(call: Call) -> JSON:
    """subscriptions.modifyAckDeadline: more time, or none (0 = deliver it again)."""
    found = _subscription(call)
    body = _fields(call, ("ackIds", "ackDeadlineSeconds"))
    seconds = _whole(body, "ackDeadlineSeconds", least=0, most=600)
    for serial in _leased(call, found, body):
        lease = found.waiting[serial].lease
        found.put_off(serial, call.world.now() + seconds)
        if seconds:
            found.waiting[serial].lease = lease
    return {}


def get_subscription(call: Call) -> JSON:
    """subscriptions.get."""
    found = _subscription(call)
    answer: JSON = {
        "name": found.name,
        "topic": found.topic,
        "ackDeadlineSeconds": int(found.habits.ack_deadline_seconds),
        "messageRetentionDuration": f"{int(RETENTION)}s",
        "state": "ACTIVE",
    }
    if found.push_endpoint:
        oidc = {"serviceAccountEmail": found.service_account, "audience": found.audience}
        answer["pushConfig"] = {
            "pushEndpoint": found.push_endpoint,
            **({"oidcToken": oidc} if oidc["serviceAccountEmail"] else {}),
        }
    return answer


_IN_SUBSCRIPTION = "/v1/projects/{project}/subscriptions/{subscription:[^/:]+}"
METHODS = [
    Method(
        "POST", _IN_SUBSCRIPTION + ":pull", "pubsub.subscriptions.pull", "google.pubsub.v1.Subscriber.Pull",
        SCOPES, pull,
        {"receivedMessages": {"ackId": _LEAF, "message": _MESSAGE, "deliveryAttempt": _LEAF}},
    ),
    Method(
        "POST", _IN_SUBSCRIPTION + ":acknowledge", "pubsub.subscriptions.acknowledge",
        "google.pubsub.v1.Subscriber.Acknowledge", SCOPES, acknowledge, {},
    ),
    Method(
        "POST", _IN_SUBSCRIPTION + ":modifyAckDeadline", "pubsub.subscriptions.modifyAckDeadline",
        "google.pubsub.v1.Subscriber.ModifyAckDeadline", SCOPES, modify_ack_deadline, {},
    ),
    Method(
        "GET", _IN_SUBSCRIPTION, "pubsub.subscriptions.get", "google.pubsub.v1.Subscriber.GetSubscription",
        SCOPES, get_subscription,
        {
            "name": _LEAF, "topic": _LEAF, "ackDeadlineSeconds": _LEAF, "messageRetentionDuration": _LEAF,
            "state": _LEAF, "pushConfig": {"pushEndpoint": _LEAF, "oidcToken": _LEAF},
        },
    ),
]  # fmt: skip


def routes(app: web.Application, machine: "Machine", serve: Serve) -> None:
    """Pull and its kin; and the pump that pushes."""
    register(app, machine, serve, SERVICE, METHODS)
    app.cleanup_ctx.append(Pump(machine).lifetime)


def project_of(name: str) -> str:
    """The project in ``projects/P/topics/T``."""
    return name.split("/")[1] if name.count("/") >= 3 else ""
