"""Subscriptions of Workspace Events, and what they deliver.

Workspace Events REST reference v1 and its guides "Create a subscription", "Update or renew", "Reactivate", "Lifecycle
events" and "Google Meet events". Meet's events never carry resource data, a subscription lives seven days at most, and
an expired one is gone for good.
"""

import hashlib
import json
import uuid
from dataclasses import asdict, dataclass, field

from simulator.entities import Conference, Happening, Space
from simulator.identifiers import number_of
from simulator.identity import READONLY
from simulator.leftovers import FILE_AFTER, artifacts_of
from simulator.pubsub.state import PubSub
from simulator.reading import JSON
from simulator.world import World

HOST = "workspaceevents.googleapis.com"
PREFIX = "google.workspace.meet."
LIFECYCLE = "google.workspace.events.subscription.v1."
ARTIFACTS = {"recordings": "recording", "transcripts": "transcript", "smartNotes": "smartNote"}
LOOK_EVERY = 5.0  # seconds between two looks at what calls leave behind
EVENT_TYPES = frozenset(
    [
        f"{PREFIX}conference.v2.started",
        f"{PREFIX}conference.v2.ended",
        f"{PREFIX}participant.v2.joined",
        f"{PREFIX}participant.v2.left",
        *(
            f"{PREFIX}{artifact}.v2.{what}"
            for artifact in ARTIFACTS.values()
            for what in ("started", "ended", "fileGenerated")
        ),
    ]
)
OF_ARTIFACTS = frozenset(each for each in EVENT_TYPES if each.split(".")[3] in ARTIFACTS.values())
FOR_INVITEES = frozenset([f"{PREFIX}conference.v2.started", f"{PREFIX}transcript.v2.fileGenerated"])
LONGEST = 7 * 86400.0
REMINDERS = (12 * 3600.0, 3600.0)  # seconds before the expiry
REASONS = (
    "USER_SCOPE_REVOKED", "APP_SCOPE_REVOKED", "RESOURCE_DELETED", "USER_AUTHORIZATION_FAILURE",
    "APP_AUTHORIZATION_FAILURE", "ENDPOINT_PERMISSION_DENIED", "ENDPOINT_NOT_FOUND", "ENDPOINT_RESOURCE_EXHAUSTED",
    "OTHER",
)  # fmt: skip


@dataclass(slots=True)
class Subscription:
    """One user's subscription to a space or to all spaces that the user owns."""

    id: str
    uid: str
    email: str
    user: str
    project: str
    client: str
    scopes: list[str]
    target: str
    space: str  # id of the space; empty for a user subscription
    event_types: list[str]
    topic: str
    expires: float
    created: float
    updated: float
    suspended: str = ""
    reminded: int = 0  # how many reminders went out for this expiry

    @property
    def name(self) -> str:
        """Resource name."""
        return f"subscriptions/{self.id}"

    def etag(self) -> str:
        """Changes whenever something about the subscription does."""
        values = [self.id, self.event_types, self.expires, self.updated, self.suspended]
        return hashlib.sha256(json.dumps(values).encode()).hexdigest()[:16]

    def next_moment(self) -> float:
        """When the clock has something to do with it: a reminder, or the end."""
        if not self.suspended and self.reminded < len(REMINDERS):
            return self.expires - REMINDERS[self.reminded]
        return self.expires


@dataclass(slots=True)
class Habits:
    """What Google leaves open, and what it does at times.

    operation_seconds   an operation is answered unfinished, and finished so much later (its effect comes at once)
    silent_without_role a topic that Meet may not publish to stays silent; else the subscription is suspended
    """

    operation_seconds: float = 0.0
    silent_without_role: bool = True


@dataclass(slots=True)
class Operation:
    """A long-running operation, which mostly is over when it is answered."""

    user: str
    metadata: str
    response: JSON
    done_at: float = field(default=0.0)


class Events:
    """All subscriptions of one world."""

    def __init__(self, world: World, pubsub: PubSub) -> None:
        self.world = world
        self.pubsub = pubsub
        self.subscriptions: dict[str, Subscription] = {}
        self.operations: dict[str, Operation] = {}
        self.habits = Habits()
        self.made = 0
        self.sent = 0
        self.next_moment = float("inf")
        self.followed: dict[
            str, set[tuple[str, str]]
        ] = {}  # call -> what was told of its recordings and the like
        self.next_look = 0.0
        self.wants_artifacts = False
        world.when_told = None

    # -- what happens ------------------------------------------------------------------------------------------

    def listen(self) -> None:
        """Listen to the world while, and only while, somebody is subscribed; note when the clock matters next."""
        self.world.when_told = self.tell if self.subscriptions else None
        wanted = {kind for each in self.subscriptions.values() for kind in each.event_types}
        self.wants_artifacts = not wanted.isdisjoint(OF_ARTIFACTS)
        self.next_moment = min(
            (each.next_moment() for each in self.subscriptions.values()), default=float("inf")
        )
        self.world.version += 1

    def tell(self, happening: Happening) -> None:
        """Pass a change on to whoever is subscribed to it and may know."""
        if self.wants_artifacts:
            self.followed.setdefault(happening.call.id, set())
        space = self.world.spaces[happening.call.space]
        kind = PREFIX + happening.kind
        for each in list(self.subscriptions.values()):
            if (
                not each.suspended
                and kind in each.event_types
                and happening.at < each.expires
                and self._may_know(each, space, happening, kind)
            ):
                data = {happening.resource: {"name": happening.name}}
                self._publish(each, kind, data, happening.at)

    def _may_know(self, each: Subscription, space: Space, happening: Happening, kind: str) -> bool:
        if READONLY not in each.scopes and space.project != each.project:
            return False
        owner = space.owner == each.email
        if not each.space:
            return owner
        if space.id != each.space:
            return False
        if owner or any(one.user == f"users/{each.user}" for one in happening.call.participants):
            return True
        return kind in FOR_INVITEES and any(
            self.world.is_user(member["email"], each.email) for member in space.members.values()
        )

    def _publish(self, each: Subscription, kind: str, data: JSON, at: float) -> None:
        topic = self.pubsub.topics.get(each.topic)
        if topic is None or not topic.publisher:
            if each.suspended:
                return
            if topic is None:
                self._put_out(each, "ENDPOINT_NOT_FOUND", at)
            elif not self.habits.silent_without_role:
                self._put_out(each, "ENDPOINT_PERMISSION_DENIED", at)
            return
        self.sent += 1
        source = f"//{HOST}/{each.name}"
        attributes = {
            "ce-datacontenttype": "application/json",
            "ce-id": str(uuid.UUID(int=int(number_of("event", self.world.seed, self.sent, digits=38)))),
            "ce-source": source,
            "ce-specversion": "1.0",
            "ce-subject": each.target,
            "ce-type": kind,
        }
        text = json.dumps(data, separators=(",", ":")).encode()
        self.pubsub.publish(each.topic, text, attributes=attributes, ordering_key=source, happened=at)

    def _put_out(self, each: Subscription, reason: str, at: float) -> None:
        each.suspended = reason
        each.updated = at
        self.world.version += 1

    def suspend(self, each: Subscription, reason: str) -> None:
        """Suspend a subscription and say so on its topic."""
        if each.suspended:
            return
        now = self.world.now()
        self._put_out(each, reason, now)
        data = {"subscription": {"name": each.name, "suspension_reason": reason}}
        self._publish(each, LIFECYCLE + "suspended", data, now)
        self.listen()

    def suspend_person(self, email: str, reason: str, *, client: str | None = None) -> None:
        """Suspend whatever a person has authorised, perhaps only through one client."""
        for each in list(self.subscriptions.values()):
            if each.email == email and client in (None, each.client):
                self.suspend(each, reason)

    def forget_person(self, email: str) -> None:
        """Drop the subscriptions of an account that no longer exists."""
        for each in [each for each in self.subscriptions.values() if each.email == email]:
            del self.subscriptions[each.id]
        self.listen()

    def settle(self) -> None:
        """Remind of what expires soon; drop what has expired, for good."""
        now = self.world.now()
        if self.followed and self.next_look <= now:
            self._look_at_artifacts(now)
        if self.next_moment > now:
            return
        for each in list(self.subscriptions.values()):
            while (moment := each.next_moment()) <= now and moment < each.expires:
                each.reminded += 1
                self._lifecycle(each, "expirationReminder", moment)
            if each.expires <= now:
                del self.subscriptions[each.id]
                self._lifecycle(each, "expired", each.expires)
        self.listen()

    def follow(self, call: Conference) -> None:
        """Tell at once what has become of the recordings and the like of a call."""
        if self.wants_artifacts:
            self.followed.setdefault(call.id, set())
            self._look_at_artifacts(self.world.now())

    def _look_at_artifacts(self, now: float) -> None:
        """Tell what has become of the recordings, transcripts and notes of the calls that are followed.

        They are not stored but follow from the call, so their changes are found by looking now and then.
        """
        self.next_look = now + LOOK_EVERY
        for identifier, told in list(self.followed.items()):
            call = self.world.conferences.get(identifier)
            if call is None or not self.wants_artifacts:
                del self.followed[identifier]
                continue
            for kind, resource in ARTIFACTS.items():
                for artifact in artifacts_of(self.world, call, kind):
                    stages = {
                        "started": artifact.start,
                        "ended": artifact.end,
                        "fileGenerated": artifact.file_at,
                    }
                    for stage, at in stages.items():
                        if at is not None and at <= now and (artifact.name, stage) not in told:
                            told.add((artifact.name, stage))
                            self.world.tell(f"{resource}.v2.{stage}", call, resource, artifact.name, at)
            if call.end is not None and call.end + FILE_AFTER[1] < now:
                del self.followed[identifier]

    def _lifecycle(self, each: Subscription, what: str, at: float) -> None:
        data = {"subscription": {"name": each.name, "expire_time": self.world.shown(each.expires)}}
        self._publish(each, LIFECYCLE + what, data, at)

    # -- snapshot ----------------------------------------------------------------------------------------------

    def kept(self) -> JSON:
        """What a snapshot keeps."""
        return {
            "subscriptions": [asdict(each) for each in self.subscriptions.values()],
            "habits": asdict(self.habits),
            "made": self.made,
            "sent": self.sent,
        }

    def resume(self, kept: JSON) -> None:
        """Go on from a snapshot."""
        for each in kept["subscriptions"]:
            self.subscriptions[each["id"]] = Subscription(**each)
        self.habits = Habits(**kept["habits"])
        self.made, self.sent = kept["made"], kept["sent"]
        self.listen()


# -- subscriptions as JSON -------------------------------------------------------------------------------------------


def as_json(world: World, each: Subscription) -> JSON:
    """A subscription as Google shows it; ttl goes in and never comes out."""
    answer: JSON = {
        "name": each.name,
        "uid": each.uid,
        "targetResource": each.target,
        "eventTypes": list(each.event_types),
        "payloadOptions": {},
        "notificationEndpoint": {"pubsubTopic": each.topic},
        "state": "SUSPENDED" if each.suspended else "ACTIVE",
    }
    if each.suspended:
        answer["suspensionReason"] = each.suspended
    return {
        **answer,
        "authority": f"users/{each.user}",
        "userAuthority": f"users/{each.user}",
        "createTime": world.shown(each.created),
        "updateTime": world.shown(each.updated),
        "expireTime": world.shown(each.expires),
        "etag": each.etag(),
    }
