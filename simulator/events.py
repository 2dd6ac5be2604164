"""Google Workspace Events: subscriptions to what happens in Meet, delivered to a Pub/Sub topic.

Workspace Events REST reference v1 and its guides "Create a subscription", "Update or renew", "Reactivate", "Lifecycle
events" and "Google Meet events". Meet's events never carry resource data, a subscription lives seven days at most, and
an expired one is gone for good.
"""

import hashlib
import json
import re
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from aiohttp import web

from simulator import masks
from simulator.errors import ApiError
from simulator.filters import parse_time
from simulator.gate import (
    JSON,
    Call,
    Method,
    Serve,
    Service,
    error_info,
    page_start,
    page_token,
    register,
)
from simulator.identity import CREATED, READONLY, Token
from simulator.leftovers import FILE_AFTER, artifacts_of
from simulator.pubsub import PubSub, project_of
from simulator.world import Conference, Happening, Person, Space, World, number_of

if TYPE_CHECKING:
    from simulator.machine import Machine

SERVICE = Service("workspaceevents.googleapis.com", "Google Workspace Events API")
SCOPES = (CREATED, READONLY)
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
_SPACE = re.compile(r"//meet\.googleapis\.com/spaces/([A-Za-z0-9_-]{1,128})")
_USER = re.compile(r"//cloudidentity\.googleapis\.com/users/([^/]+)")
_DURATION = re.compile(r"(\d{1,12})(?:\.(\d{1,9}))?s")
_RPC = "google.apps.events.subscriptions.v1.SubscriptionsService."
_TYPE = "type.googleapis.com/google.apps.events.subscriptions.v1."


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
        source = f"//{SERVICE.host}/{each.name}"
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


def _refused(reason: str, rpc: str, code: int, message: str) -> ApiError:
    return ApiError(code, message, details=[error_info(SERVICE, reason, _RPC + rpc)])


def _invalid(field_name: str, description: str) -> ApiError:
    violation = {"field": field_name, "description": description}
    details = [{"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [violation]}]
    return ApiError(400, "Request contains an invalid argument.", details=details)


def _unknown_name(name: str, path: str) -> ApiError:
    where = f" at '{path}'" if path else ""
    return ApiError(400, f'Invalid JSON payload received. Unknown name "{name}"{where}: Cannot find field.')


def _flag(call: Call, name: str) -> bool:
    value = call.query.get(name, "")
    if value.lower() not in ("", "true", "false"):
        raise _invalid(name, f"Not a flag: {value}")
    return value.lower() == "true"


_BELOW = {
    "notificationEndpoint": {"pubsubTopic"},
    "payloadOptions": {"includeResource", "fieldMask"},
    "driveOptions": {"includeDescendants"},
}
_FIELDS = {
    "name", "uid", "targetResource", "eventTypes", "payloadOptions", "notificationEndpoint", "state",
    "suspensionReason", "authority", "userAuthority", "serviceAccountAuthority", "createTime", "updateTime",
    "expireTime", "ttl", "etag", "reconciling", "driveOptions",
}  # fmt: skip


def _read(body: Any) -> JSON:
    """A Subscription body with camel-case names; output-only fields are tolerated and without effect."""
    if not isinstance(body, dict):
        raise ApiError(400, "Invalid JSON payload received. Root element must be a message.")
    found: JSON = {}
    for raw, value in body.items():
        name = masks.camel(raw)
        if name not in _FIELDS:
            raise _unknown_name(raw, "subscription")
        if name in _BELOW and value is not None:
            if not isinstance(value, dict):
                raise _invalid(f"subscription.{raw}", "Must be a message.")
            for below in value:
                if masks.camel(below) not in _BELOW[name]:
                    raise _unknown_name(below, f"subscription.{raw}")
            found[name] = {masks.camel(below): inner for below, inner in value.items()}
        else:
            found[name] = value
    return found


def _event_types(value: Any) -> list[str]:
    if not isinstance(value, list) or not value:
        raise _invalid("subscription.event_types", "At least one event type is required.")
    for each in value:
        if each not in EVENT_TYPES:
            raise _invalid("subscription.event_types", f"Unsupported event type: {each}")
    return list(dict.fromkeys(value))


def _expiry(world: World, body: JSON) -> float:
    """When the subscription is to end: by ttl (0 = the longest) or expireTime, the longest if neither is there."""
    now = world.now()
    if body.get("ttl") is not None and body.get("expireTime") is not None:
        raise ApiError(400, "Invalid value: oneof field 'expiration' is already set. Cannot set 'ttl'.")
    if body.get("ttl") is not None:
        match = _DURATION.fullmatch(str(body["ttl"]))
        if match is None:
            raise _invalid("subscription.ttl", f"Not a duration: {body['ttl']}")
        seconds = float(f"{match.group(1)}.{match.group(2) or 0}")
        if seconds > LONGEST:
            raise _invalid("subscription.ttl", "The longest lifetime is 604800s.")
        return now + (seconds or LONGEST)
    if body.get("expireTime") is not None:
        try:
            moment = parse_time(str(body["expireTime"])) + world.offset
        except ValueError:
            raise _invalid("subscription.expire_time", "Not a time.") from None
        if not now < moment <= now + LONGEST + 1:
            raise _invalid("subscription.expire_time", "Must lie within the next 7 days.")
        return moment
    return now + LONGEST


# -- the methods -----------------------------------------------------------------------------------------------------


def _operation(call: Call, what: str, response: JSON, *, keep: bool = True) -> JSON:
    """The operation of a method; mostly it is done at once."""
    events = call.machine.events
    events.made += 1
    name = f"operations/{uuid.UUID(int=int(number_of('operation', call.world.seed, events.made, digits=38)))}"
    wait = events.habits.operation_seconds
    operation = Operation(call.caller, f"{_TYPE}{what}Metadata", response, call.world.now() + wait)
    if keep:
        events.operations[name] = operation
        while len(events.operations) > 1000:
            del events.operations[next(iter(events.operations))]
    return _operation_as_json(call.world, name, operation)


def _operation_as_json(world: World, name: str, operation: Operation) -> JSON:
    answer: JSON = {"name": name, "metadata": {"@type": operation.metadata}}
    if operation.done_at > world.now():
        return answer
    return {**answer, "done": True, "response": operation.response}


def _as_response(world: World, each: Subscription) -> JSON:
    return {"@type": f"{_TYPE}Subscription", **as_json(world, each)}


def _target(call: Call, target: str) -> str:
    """The id of the target space, empty for a user; raises ApiError 403 for what the caller may not watch."""
    refusal = _refused(
        "TARGET_RESOURCE_ACCESS_DENIED",
        "CreateSubscription",
        403,
        "The caller does not have permission to access the target resource, or it does not exist.",
    )
    person = call.world.user(call.caller)
    if person is None:
        raise refusal
    if (match := _USER.fullmatch(target)) is not None:
        if match.group(1) != person.id:
            raise refusal
        return ""
    if (match := _SPACE.fullmatch(target)) is None:
        raise _invalid("subscription.target_resource", f"Unsupported target resource: {target}")
    space = call.world.find_space(match.group(1), by_code=False)
    if space is None or not _related(call.world, space, person):
        raise refusal
    if READONLY not in call.token.scopes and space.project != call.token.project:
        raise refusal
    return space.id


def _related(world: World, space: Space, person: Person) -> bool:
    """Owner, member, or somebody who has been in one of the space's calls."""
    return (
        space.owner == person.email
        or any(world.is_user(member["email"], person.email) for member in space.members.values())
        or any(each.user == f"users/{person.id}" for record in space.records for each in record.participants)
    )


def create(call: Call) -> JSON:
    """subscriptions.create: one per user and target; the topic must be in the project that calls."""
    events, world = call.machine.events, call.world
    body = _read(call.body)
    if not call.caller:
        raise ApiError(403, "The caller does not have permission")
    target = body.get("targetResource")
    if not isinstance(target, str) or not target:
        raise _invalid("subscription.target_resource", "Required.")
    event_types = _event_types(body.get("eventTypes"))
    if (body.get("payloadOptions") or {}).get("includeResource"):
        raise _invalid(
            "subscription.payload_options", "Resource data is not supported for Google Meet events."
        )
    if body.get("driveOptions"):
        raise _invalid("subscription.drive_options", "Supported for Google Drive only.")
    topic = (body.get("notificationEndpoint") or {}).get("pubsubTopic")
    if not isinstance(topic, str) or not topic:
        raise _invalid("subscription.notification_endpoint.pubsub_topic", "Required.")
    expires = _expiry(world, body)
    space = _target(call, target)
    if project_of(topic) != call.token.project or topic not in events.pubsub.topics:
        message = "The Pub/Sub topic must exist in the Cloud project of the caller."
        raise _refused("INVALID_PUBSUB_TOPIC", "CreateSubscription", 400, message)
    for each in events.subscriptions.values():
        if (each.email, each.project, each.target) == (call.caller, call.token.project, target):
            message = "A subscription for this user and target resource already exists."
            raise _refused("SUBSCRIPTION_ALREADY_EXISTS", "CreateSubscription", 409, message)
    subscription = _new(call, target, space, event_types, topic, expires)
    if _flag(call, "validateOnly"):
        return _operation(call, "CreateSubscription", _as_response(world, subscription), keep=False)
    events.subscriptions[subscription.id] = subscription
    events.listen()
    return _operation(call, "CreateSubscription", _as_response(world, subscription))


def _new(
    call: Call, target: str, space: str, event_types: list[str], topic: str, expires: float
) -> Subscription:
    events, world, token = call.machine.events, call.world, call.token
    events.made += 1
    uid = str(uuid.UUID(int=int(number_of("subscription", world.seed, events.made, digits=38))))
    person = world.user(call.caller)
    now = world.now()
    return Subscription(
        id=f"meet-{'spaces' if space else 'users'}-{uid}",
        uid=uid,
        email=call.caller,
        user=person.id if person else "",
        project=token.project,
        client=token.client,
        scopes=sorted(token.scopes),
        target=target,
        space=space,
        event_types=event_types,
        topic=topic,
        expires=expires,
        created=now,
        updated=now,
        reminded=_passed_reminders(expires - now),
    )


def _passed_reminders(left: float) -> int:
    """How many of the reminders a subscription with so many seconds to live is too short for."""
    return sum(left <= reminder for reminder in REMINDERS)


def _mine(token: Token, each: Subscription) -> bool:
    return (token.email, token.project) == (each.email, each.project)


def _find(call: Call) -> Subscription:
    found = call.machine.events.subscriptions.get(call.path["subscription"])
    if found is None:
        raise ApiError(404)
    if not _mine(call.token, found):
        raise ApiError(403, "The caller does not have permission")
    return found


def get(call: Call) -> JSON:
    """subscriptions.get."""
    return as_json(call.world, _find(call))


def listed(call: Call) -> JSON:
    """subscriptions.list: the caller's own that match; the filter must name an event type."""
    text = call.query.get("filter", "")
    holds = parse_filter(text)
    try:
        size = int(call.query.get("pageSize", call.query.get("page_size", "")) or 0)
        start = page_start(f"{text}/{call.caller}", call.query.get("pageToken", ""))
        if size < 0:
            raise ValueError("negative")
    except (ValueError, TypeError):
        raise _invalid("page_token", "Invalid page size or token.") from None
    size = min(size or 50, 100)
    found = [
        each for each in call.machine.events.subscriptions.values() if _mine(call.token, each) and holds(each)
    ]
    answer: JSON = {}
    if found[start : start + size]:
        answer["subscriptions"] = [as_json(call.world, each) for each in found[start : start + size]]
    if start + size < len(found):
        answer["nextPageToken"] = page_token(f"{text}/{call.caller}", start + size)
    return answer


def _check_etag(each: Subscription, etag: object) -> None:
    if etag and etag != each.etag():
        raise ApiError(409, "The etag does not match that of the subscription.", status="ABORTED")


def patch(call: Call) -> JSON:
    """subscriptions.patch: ttl or expire_time (renew), event_types; anything else is refused."""
    events, world = call.machine.events, call.world
    body = _read(call.body)
    each = _find(call)
    mask = call.query.get("updateMask", call.query.get("update_mask", ""))
    names = [masks.camel(name.strip()) for name in mask.split(",") if name.strip()]
    if names == ["*"]:
        names = ["eventTypes", "ttl" if "ttl" in body else "expireTime"]
    if not names:
        names = [name for name in body if name in ("ttl", "expireTime", "eventTypes")]
    for name in names:
        if name not in ("ttl", "expireTime", "eventTypes"):
            raise _invalid("update_mask", f"Not a field that can be updated: {name}")
    if not names:
        raise _invalid("update_mask", "Nothing to update.")
    _check_etag(each, body.get("etag"))
    event_types = _event_types(body.get("eventTypes")) if "eventTypes" in names else each.event_types
    expires = each.expires
    if "ttl" in names or "expireTime" in names:
        expires = _expiry(world, {name: body.get(name) for name in names})
    changed = Subscription(**{**asdict(each), "event_types": event_types, "expires": expires})
    changed.updated = world.now()
    if expires != each.expires:
        changed.reminded = _passed_reminders(expires - world.now())
    if _flag(call, "validateOnly"):
        return _operation(call, "UpdateSubscription", _as_response(world, changed), keep=False)
    events.subscriptions[each.id] = changed
    events.listen()
    return _operation(call, "UpdateSubscription", _as_response(world, changed))


def delete(call: Call) -> JSON:
    """subscriptions.delete: no lifecycle event tells of it."""
    events = call.machine.events
    empty = {"@type": "type.googleapis.com/google.protobuf.Empty"}
    if call.path["subscription"] not in events.subscriptions and _flag(call, "allowMissing"):
        return _operation(call, "DeleteSubscription", empty, keep=False)
    each = _find(call)
    _check_etag(each, call.query.get("etag"))
    if not _flag(call, "validateOnly"):
        del events.subscriptions[each.id]
        events.listen()
    return _operation(call, "DeleteSubscription", empty)


def reactivate(call: Call) -> JSON:
    """subscriptions.reactivate: only from SUSPENDED, and only when the cause is gone."""
    events = call.machine.events
    if isinstance(call.body, dict):
        for name in call.body:
            raise _unknown_name(name, "")
    each = _find(call)
    if not each.suspended:
        raise ApiError(400, "The subscription is not suspended.", status="FAILED_PRECONDITION")
    topic = events.pubsub.topics.get(each.topic)
    if topic is None or (each.suspended == "ENDPOINT_PERMISSION_DENIED" and not topic.publisher):
        raise ApiError(
            400, "The error that suspended the subscription is not resolved.", status="FAILED_PRECONDITION"
        )
    each.suspended = ""
    each.scopes = sorted(call.token.scopes)
    each.updated = call.world.now()
    events.listen()
    return _operation(call, "ReactivateSubscription", _as_response(call.world, each))


def get_operation(call: Call) -> JSON:
    """operations.get."""
    name = f"operations/{call.path['operation']}"
    operation = call.machine.events.operations.get(name)
    if operation is None or operation.user != call.caller:
        raise ApiError(404)
    return _operation_as_json(call.world, name, operation)


# -- the filter of the list ------------------------------------------------------------------------------------------

Holds = Callable[[Subscription], bool]
_TOKEN = re.compile(r'\s*(?:([()])|(AND|OR)\b|(event_types\s*:|target_resource\s*=)\s*"([^"\\]*)")')


def parse_filter(text: str) -> Holds:
    """``event_types:"..."`` joined by OR, and ``target_resource="..."`` by AND; raises ApiError 400.

    AND and OR side by side need brackets, as in Google's examples: which binds closer is not documented.
    """
    tokens: list[tuple[str, str]] = []
    position = 0
    stripped = text.rstrip()
    while position < len(stripped):
        match = _TOKEN.match(stripped, position)
        if match is None:
            raise _invalid("filter", "Invalid filter.")
        bracket, word, name, value = match.groups()
        tokens.append((name.rstrip(" :=\t"), value) if name else (bracket or word, ""))
        position = match.end()
    if not any(name == "event_types" for name, _ in tokens):
        raise _invalid("filter", "At least one event type is required.")
    holds, rest = _expression(tokens, 0)
    if rest != len(tokens):
        raise _invalid("filter", "Invalid filter.")
    return holds


def _expression(tokens: list[tuple[str, str]], at: int) -> tuple[Holds, int]:
    first, at = _term(tokens, at)
    terms, word = [first], ""
    while at < len(tokens) and tokens[at][0] in ("AND", "OR"):
        if word and tokens[at][0] != word:
            raise _invalid("filter", "AND and OR need brackets.")
        word = tokens[at][0]
        term, at = _term(tokens, at + 1)
        terms.append(term)
    if word == "OR":
        return lambda each: any(term(each) for term in terms), at
    return lambda each: all(term(each) for term in terms), at


def _term(tokens: list[tuple[str, str]], at: int) -> tuple[Holds, int]:
    if at >= len(tokens):
        raise _invalid("filter", "Invalid filter.")
    name, value = tokens[at]
    if name == "(":
        holds, at = _expression(tokens, at + 1)
        if at >= len(tokens) or tokens[at][0] != ")":
            raise _invalid("filter", "Invalid filter.")
        return holds, at + 1
    if name == "event_types":
        if value not in EVENT_TYPES:
            raise _invalid("filter", f"Unsupported event type: {value}")
        return lambda each: value in each.event_types, at + 1
    if name == "target_resource":
        return lambda each: each.target == value, at + 1
    raise _invalid("filter", "Invalid filter.")


# -- the table -------------------------------------------------------------------------------------------------------

_LEAF: masks.Tree = {}
SUBSCRIPTION: masks.Tree = {
    **dict.fromkeys(_FIELDS, _LEAF),
    "payloadOptions": {"includeResource": _LEAF, "fieldMask": _LEAF},
    "notificationEndpoint": {"pubsubTopic": _LEAF},
}
OPERATION: masks.Tree = {
    "name": _LEAF,
    "done": _LEAF,
    "metadata": _LEAF,
    "response": _LEAF,
    "error": {"code": _LEAF, "message": _LEAF, "details": _LEAF},
}
_ONE = "/v1/subscriptions/{subscription:[^/:]+}"
_NAME = "workspaceevents.subscriptions."


def _method(
    verb: str, path: str, name: str, rpc: str, handler: Callable[[Call], JSON], reply: masks.Tree
) -> Method:
    return Method(verb, path, name, rpc, SCOPES, handler, reply)


METHODS = [
    _method("POST", "/v1/subscriptions", _NAME + "create", _RPC + "CreateSubscription", create, OPERATION),
    _method(
        "GET", "/v1/subscriptions", _NAME + "list", _RPC + "ListSubscriptions", listed,
        {"subscriptions": SUBSCRIPTION, "nextPageToken": _LEAF},
    ),
    _method("GET", _ONE, _NAME + "get", _RPC + "GetSubscription", get, SUBSCRIPTION),
    _method("PATCH", _ONE, _NAME + "patch", _RPC + "UpdateSubscription", patch, OPERATION),
    _method("DELETE", _ONE, _NAME + "delete", _RPC + "DeleteSubscription", delete, OPERATION),
    _method(
        "POST", _ONE + ":reactivate", _NAME + "reactivate", _RPC + "ReactivateSubscription", reactivate, OPERATION
    ),
    _method(
        "GET", "/v1/operations/{operation}", "workspaceevents.operations.get",
        "google.longrunning.Operations.GetOperation", get_operation, OPERATION,
    ),
]  # fmt: skip


def routes(app: web.Application, machine: "Machine", serve: Serve) -> None:
    """Enter the methods into the application."""
    register(app, machine, serve, SERVICE, METHODS)
