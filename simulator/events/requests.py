"""Bodies, parameters and refusals of the Workspace Events API."""

import re
from typing import Any

from simulator import masks
from simulator.errors import ApiError
from simulator.events.state import EVENT_TYPES, HOST, LONGEST
from simulator.filters import parse_time
from simulator.gate import Call, Service, error_info
from simulator.reading import JSON
from simulator.world import World

SERVICE = Service(HOST, "Google Workspace Events API")
_DURATION = re.compile(r"(\d{1,12})(?:\.(\d{1,9}))?s")
RPC = "google.apps.events.subscriptions.v1.SubscriptionsService."


def refused(reason: str, rpc: str, code: int, message: str) -> ApiError:
    return ApiError(code, message, details=[error_info(SERVICE, reason, RPC + rpc)])


def invalid(field_name: str, description: str) -> ApiError:
    violation = {"field": field_name, "description": description}
    details = [{"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [violation]}]
    return ApiError(400, "Request contains an invalid argument.", details=details)


def unknown_name(name: str, path: str) -> ApiError:
    where = f" at '{path}'" if path else ""
    return ApiError(400, f'Invalid JSON payload received. Unknown name "{name}"{where}: Cannot find field.')


def flag_of(call: Call, name: str) -> bool:
    value = call.query.get(name, "")
    if value.lower() not in ("", "true", "false"):
        raise invalid(name, f"Not a flag: {value}")
    return value.lower() == "true"


_BELOW = {
    "notificationEndpoint": {"pubsubTopic"},
    "payloadOptions": {"includeResource", "fieldMask"},
    "driveOptions": {"includeDescendants"},
}
FIELDS = {
    "name", "uid", "targetResource", "eventTypes", "payloadOptions", "notificationEndpoint", "state",
    "suspensionReason", "authority", "userAuthority", "serviceAccountAuthority", "createTime", "updateTime",
    "expireTime", "ttl", "etag", "reconciling", "driveOptions",
}  # fmt: skip


def read_subscription(body: Any) -> JSON:
    """A Subscription body with camel-case names; output-only fields are tolerated and without effect."""
    if not isinstance(body, dict):
        raise ApiError(400, "Invalid JSON payload received. Root element must be a message.")
    found: JSON = {}
    for raw, value in body.items():
        name = masks.camel(raw)
        if name not in FIELDS:
            raise unknown_name(raw, "subscription")
        if name in _BELOW and value is not None:
            if not isinstance(value, dict):
                raise invalid(f"subscription.{raw}", "Must be a message.")
            for below in value:
                if masks.camel(below) not in _BELOW[name]:
                    raise unknown_name(below, f"subscription.{raw}")
            found[name] = {masks.camel(below): inner for below, inner in value.items()}
        else:
            found[name] = value
    return found


def event_types_of(value: Any) -> list[str]:
    if not isinstance(value, list) or not value:
        raise invalid("subscription.event_types", "At least one event type is required.")
    for each in value:
        if each not in EVENT_TYPES:
            raise invalid("subscription.event_types", f"Unsupported event type: {each}")
    return list(dict.fromkeys(value))


def expiry_of(world: World, body: JSON) -> float:
    """When the subscription is to end: by ttl (0 = the longest) or expireTime, the longest if neither is there."""
    now = world.now()
    if body.get("ttl") is not None and body.get("expireTime") is not None:
        raise ApiError(400, "Invalid value: oneof field 'expiration' is already set. Cannot set 'ttl'.")
    if body.get("ttl") is not None:
        match = _DURATION.fullmatch(str(body["ttl"]))
        if match is None:
            raise invalid("subscription.ttl", f"Not a duration: {body['ttl']}")
        seconds = float(f"{match.group(1)}.{match.group(2) or 0}")
        if seconds > LONGEST:
            raise invalid("subscription.ttl", "The longest lifetime is 604800s.")
        return now + (seconds or LONGEST)
    if body.get("expireTime") is not None:
        try:
            moment = parse_time(str(body["expireTime"])) + world.offset
        except ValueError:
            raise invalid("subscription.expire_time", "Not a time.") from None
        if not now < moment <= now + LONGEST + 1:
            raise invalid("subscription.expire_time", "Must lie within the next 7 days.")
        return moment
    return now + LONGEST
