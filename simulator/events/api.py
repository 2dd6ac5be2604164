"""The methods of the Workspace Events API."""

import re
import uuid
from collections.abc import Callable
from dataclasses import asdict

from simulator import masks
from simulator.entities import Person, Space
from simulator.errors import ApiError
from simulator.events.filter import parse_filter
from simulator.events.requests import (
    FIELDS,
    RPC,
    SERVICE,
    event_types_of,
    expiry_of,
    flag_of,
    invalid,
    read_subscription,
    refused,
    unknown_name,
)
from simulator.events.state import REMINDERS, Operation, Subscription, as_json
from simulator.gate import Api, Call, Method, page_start, page_token
from simulator.identifiers import number_of
from simulator.identity import CREATED, READONLY, Token
from simulator.pubsub.state import project_of
from simulator.reading import JSON
from simulator.world import World

SCOPES = (CREATED, READONLY)
_SPACE = re.compile(r"//meet\.googleapis\.com/spaces/([A-Za-z0-9_-]{1,128})")
_USER = re.compile(r"//cloudidentity\.googleapis\.com/users/([^/]+)")
_TYPE = "type.googleapis.com/google.apps.events.subscriptions.v1."


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
    refusal = refused(
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
        raise invalid("subscription.target_resource", f"Unsupported target resource: {target}")
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
    body = read_subscription(call.body)
    if not call.caller:
        raise ApiError(403, "The caller does not have permission")
    target = body.get("targetResource")
    if not isinstance(target, str) or not target:
        raise invalid("subscription.target_resource", "Required.")
    event_types = event_types_of(body.get("eventTypes"))
    if (body.get("payloadOptions") or {}).get("includeResource"):
        raise invalid(
            "subscription.payload_options", "Resource data is not supported for Google Meet events."
        )
    if body.get("driveOptions"):
        raise invalid("subscription.drive_options", "Supported for Google Drive only.")
    topic = (body.get("notificationEndpoint") or {}).get("pubsubTopic")
    if not isinstance(topic, str) or not topic:
        raise invalid("subscription.notification_endpoint.pubsub_topic", "Required.")
    expires = expiry_of(world, body)
    space = _target(call, target)
    if project_of(topic) != call.token.project or topic not in events.pubsub.topics:
        message = "The Pub/Sub topic must exist in the Cloud project of the caller."
        raise refused("INVALID_PUBSUB_TOPIC", "CreateSubscription", 400, message)
    for each in events.subscriptions.values():
        if (each.email, each.project, each.target) == (call.caller, call.token.project, target):
            message = "A subscription for this user and target resource already exists."
            raise refused("SUBSCRIPTION_ALREADY_EXISTS", "CreateSubscription", 409, message)
    subscription = _new(call, target, space, event_types, topic, expires)
    if flag_of(call, "validateOnly"):
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
        raise invalid("page_token", "Invalid page size or token.") from None
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
    body = read_subscription(call.body)
    each = _find(call)
    mask = call.query.get("updateMask", call.query.get("update_mask", ""))
    names = [masks.camel(name.strip()) for name in mask.split(",") if name.strip()]
    if names == ["*"]:
        names = ["eventTypes", "ttl" if "ttl" in body else "expireTime"]
    if not names:
        names = [name for name in body if name in ("ttl", "expireTime", "eventTypes")]
    for name in names:
        if name not in ("ttl", "expireTime", "eventTypes"):
            raise invalid("update_mask", f"Not a field that can be updated: {name}")
    if not names:
        raise invalid("update_mask", "Nothing to update.")
    _check_etag(each, body.get("etag"))
    event_types = event_types_of(body.get("eventTypes")) if "eventTypes" in names else each.event_types
    expires = each.expires
    if "ttl" in names or "expireTime" in names:
        expires = expiry_of(world, {name: body.get(name) for name in names})
    changed = Subscription(**{**asdict(each), "event_types": event_types, "expires": expires})
    changed.updated = world.now()
    if expires != each.expires:
        changed.reminded = _passed_reminders(expires - world.now())
    if flag_of(call, "validateOnly"):
        return _operation(call, "UpdateSubscription", _as_response(world, changed), keep=False)
    events.subscriptions[each.id] = changed
    events.listen()
    return _operation(call, "UpdateSubscription", _as_response(world, changed))


def delete(call: Call) -> JSON:
    """subscriptions.delete: no lifecycle event tells of it."""
    events = call.machine.events
    empty = {"@type": "type.googleapis.com/google.protobuf.Empty"}
    if call.path["subscription"] not in events.subscriptions and flag_of(call, "allowMissing"):
        return _operation(call, "DeleteSubscription", empty, keep=False)
    each = _find(call)
    _check_etag(each, call.query.get("etag"))
    if not flag_of(call, "validateOnly"):
        del events.subscriptions[each.id]
        events.listen()
    return _operation(call, "DeleteSubscription", empty)


def reactivate(call: Call) -> JSON:
    """subscriptions.reactivate: only from SUSPENDED, and only when the cause is gone."""
    events = call.machine.events
    if isinstance(call.body, dict):
        for name in call.body:
            raise unknown_name(name, "")
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


_LEAF: masks.Tree = {}
SUBSCRIPTION: masks.Tree = {
    **dict.fromkeys(FIELDS, _LEAF),
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
    _method("POST", "/v1/subscriptions", _NAME + "create", RPC + "CreateSubscription", create, OPERATION),
    _method(
        "GET", "/v1/subscriptions", _NAME + "list", RPC + "ListSubscriptions", listed,
        {"subscriptions": SUBSCRIPTION, "nextPageToken": _LEAF},
    ),
    _method("GET", _ONE, _NAME + "get", RPC + "GetSubscription", get, SUBSCRIPTION),
    _method("PATCH", _ONE, _NAME + "patch", RPC + "UpdateSubscription", patch, OPERATION),
    _method("DELETE", _ONE, _NAME + "delete", RPC + "DeleteSubscription", delete, OPERATION),
    _method(
        "POST", _ONE + ":reactivate", _NAME + "reactivate", RPC + "ReactivateSubscription", reactivate, OPERATION
    ),
    _method(
        "GET", "/v1/operations/{operation}", "workspaceevents.operations.get",
        "google.longrunning.Operations.GetOperation", get_operation, OPERATION,
    ),
]  # fmt: skip

API = Api(SERVICE, METHODS)
