"""The REST methods of Pub/Sub: pull, acknowledge, and the subscription itself."""

import asyncio
import time
from collections.abc import Iterable

from simulator import masks
from simulator.errors import ApiError
from simulator.gate import Api, Call, Method, Service
from simulator.identity import SERVICE_ACCOUNT
from simulator.pubsub.push import Pump
from simulator.pubsub.state import RETENTION, Subscription
from simulator.reading import JSON

SERVICE = Service("pubsub.googleapis.com", "Cloud Pub/Sub API")
SCOPES = ("https://www.googleapis.com/auth/pubsub", "https://www.googleapis.com/auth/cloud-platform")
PULL_WAIT = 20.0  # seconds a pull waits for the first message

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

API = Api(SERVICE, METHODS, background=lambda machine: Pump(machine).lifetime)
