"""Topics, subscriptions and the messages on their way.

Cloud Pub/Sub guides: "Push subscriptions", "Authenticate push subscriptions", "Pull subscriptions". Delivery is at least
once: what is not acknowledged comes again after a pause that grows. Topics and subscriptions are set up by the control,
since they are made in the Cloud console and not by the application.

All moments are world time, so moving the clock also brings forward what waits for another attempt.
"""

import asyncio
import base64
import heapq
import random
import secrets
from dataclasses import asdict, dataclass, field

from simulator.identifiers import number_of
from simulator.reading import JSON
from simulator.world import World

RETENTION = 7 * 86400.0
MOST_WAITING = 20_000  # messages kept per subscription, oldest dropped first
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


def project_of(name: str) -> str:
    """The project in ``projects/P/topics/T``."""
    return name.split("/")[1] if name.count("/") >= 3 else ""
