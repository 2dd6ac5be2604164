"""EventsClient: subscriptions to what happens in the spaces of one user, in the name of that user.

Facts: Google Workspace Events API, REST reference v1 and the guides "Create a subscription", "Update or renew a
subscription", "Reactivate a subscription"; "Subscribe to Google Meet events" for targets and types.

Google's own library for this API is not used: it cannot read an operation that was not done at once, because the answers
hold a field that it does not know, and it drops suspension reasons that are newer than it is (docs/decisions/0012).
"""

import re
import time
from collections.abc import Mapping
from typing import Any

from spaces.google import answers, errors, interpret
from spaces.google.credentials import READONLY
from spaces.google.refusals import Row, words
from spaces.google.resources import EventSubscription
from spaces.google.rest import GoogleApi, moment
from spaces.words import text as _

CONFERENCE_STARTED = "google.workspace.meet.conference.v2.started"
CONFERENCE_ENDED = "google.workspace.meet.conference.v2.ended"
PARTICIPANT_JOINED = "google.workspace.meet.participant.v2.joined"
PARTICIPANT_LEFT = "google.workspace.meet.participant.v2.left"
RECORDING_STARTED = "google.workspace.meet.recording.v2.started"
RECORDING_ENDED = "google.workspace.meet.recording.v2.ended"
WANTED: tuple[str, ...] = (
    *(CONFERENCE_STARTED, CONFERENCE_ENDED, PARTICIPANT_JOINED, PARTICIPANT_LEFT),
    *(RECORDING_STARTED, RECORDING_ENDED),
)

LONGEST = "604800s"
"""Seven days, the most for subscriptions without resource data, and Meet's events never have any."""
SHORT = "3600s"
OPERATION_TIME = 20.0
"""Seconds to wait for an operation. Normally it is done when it is answered."""

_NAME = re.compile(r"subscriptions/[A-Za-z0-9_-]{1,200}")
# Operations tell errors by gRPC's numbers (google.rpc.Code), everything else by HTTP's numbers and by words.
_OF_RPC = {
    3: (400, "INVALID_ARGUMENT"),
    4: (504, "DEADLINE_EXCEEDED"),
    5: (404, "NOT_FOUND"),
    6: (409, "ALREADY_EXISTS"),
    7: (403, "PERMISSION_DENIED"),
    8: (429, "RESOURCE_EXHAUSTED"),
    9: (400, "FAILED_PRECONDITION"),
    10: (409, "ABORTED"),
    13: (500, "INTERNAL"),
    14: (503, "UNAVAILABLE"),
    16: (401, "UNAUTHENTICATED"),
}


class AlreadyThere(errors.Refused):
    """This user has a subscription to this target already: find it and take it over."""


class TopicRefused(errors.Refused):
    """The Pub/Sub topic does not exist, or not in the Cloud project that asks."""


SERVICE = interpret.Service(
    "Google Workspace Events API",
    "workspaceevents.googleapis.com",
    (
        Row(
            "topic_refused",
            TopicRefused,
            _(
                "Google does not accept the Pub/Sub topic. It must exist, and in the very Cloud project of the OAuth client and "
                "of the service account: compare MEETADMIN_PUSH_TOPIC with the console."
            ),
            subject="project",
            reasons=words("INVALID_PUBSUB_TOPIC"),
        ),
        Row(
            "already_there",
            AlreadyThere,
            _("There is such a subscription already."),
            reasons=words("ALREADY_EXISTS SUBSCRIPTION_ALREADY_EXISTS duplicate"),
            statuses=words("ALREADY_EXISTS"),
        ),
        Row(
            "target_hidden",
            errors.NotPermitted,
            _(
                "Google does not let this account listen to its own meetings. The mailbox must be an ordinary account with Meet, "
                "and the numeric id that Meetadmin knows of it must still be its own."
            ),
            subject="account",
            effect="account_problem",
            reasons=words("TARGET_RESOURCE_ACCESS_DENIED"),
            message=r"^the caller does not have permission|^permission denied on resource (?!project)|or it does not exist",
            within=words("PERMISSION_DENIED"),
        ),
    ),
)
"""Refusals that Workspace Events has on its own; everything else means what it means elsewhere."""


def user_target(google_id: str) -> str:
    """All spaces that this user owns; the numeric id, since addresses and `me` are refused."""
    return f"//cloudidentity.googleapis.com/users/{google_id}"


def space_target(name: str) -> str:
    """One space, `spaces/{id}`."""
    return f"//meet.googleapis.com/{name}"


class EventsClient(GoogleApi):
    """The Workspace Events API in the name of one Google user. `timeout` in seconds for each call.

    Everything raises GoogleErrors. A call that changes something and is not answered raises OutcomeUnknown; all of them are
    harmless to repeat, because `create` finds what is there. Not to be shared between threads.
    """

    service = SERVICE
    scope = READONLY

    def create(
        self, target: str, *, topic: str, ttl: str = LONGEST, only_validate: bool = False
    ) -> EventSubscription:
        """Subscribe to WANTED of this target. With `only_validate` nothing is made; the answer shows what would be.

        Raises AlreadyThere, TopicRefused, NotPermitted (the target is not this user, or not theirs).
        """
        body = {
            "targetResource": target,
            "eventTypes": list(WANTED),
            "notificationEndpoint": {"pubsubTopic": topic},
            "payloadOptions": {"includeResource": False},
            "ttl": ttl,
        }
        params = {"validateOnly": "true"} if only_validate else {}
        done = self._change("POST", "subscriptions", body, **params)
        return _subscription(done.get("response"), named=not only_validate)

    def get(self, name: str) -> EventSubscription:
        """One subscription. Raises NotFound, or NotPermitted for somebody else's."""
        return _subscription(self._get(f"/v1/{_require(name)}"))

    def find(self, target: str) -> EventSubscription | None:
        """This user's subscription to the target, which the API allows one of; None when there is none."""
        # At least one event type is mandatory in the filter; ours always has this one, a stranger's may not.
        types = " OR ".join(f'event_types:"{one}"' for one in WANTED)
        found = self._get("/v1/subscriptions", {"filter": f'({types}) AND target_resource="{target}"'})
        rows = found.get("subscriptions")
        return _subscription(rows[0]) if isinstance(rows, list) and rows else None

    def renew(self, name: str) -> EventSubscription:
        """Let it live as long again as is possible (`ttl` 0)."""
        done = self._change("PATCH", _require(name), {"ttl": "0s"}, updateMask="ttl")
        return _subscription(done.get("response"))

    def reactivate(self, name: str) -> EventSubscription:
        """Wake a suspended one, once the cause is gone. Raises Refused while it is not."""
        return _subscription(self._change("POST", f"{_require(name)}:reactivate", {}).get("response"))

    def delete(self, name: str) -> None:
        """Remove it; one that is gone already counts as done."""
        self._change("DELETE", _require(name), allowMissing="true")

    def _change(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, **params: str
    ) -> Mapping[str, Any]:
        """Send a change and wait until it is done; returns the finished operation."""
        return self._finished(self._call(method, f"/v1/{path}", body, params=params, kind="write"))

    def _finished(self, operation: Mapping[str, Any]) -> Mapping[str, Any]:
        """Wait until a long-running operation is done; raises what went wrong in it."""
        until, pause = time.monotonic() + OPERATION_TIME, 0.1
        while not operation.get("done"):
            name = operation.get("name")
            if not isinstance(name, str) or not re.fullmatch(r"operations/[A-Za-z0-9_/-]{1,200}", name):
                raise errors.outcome_unknown("an operation without a name")
            if time.monotonic() > until:
                raise errors.outcome_unknown(f"{name} was not done after {OPERATION_TIME:.0f} s")
            time.sleep(pause)
            pause = min(2 * pause, 2.0)
            operation = self._get(f"/v1/{name}")
        problem = operation.get("error")
        if isinstance(problem, Mapping):
            code, status = _OF_RPC.get(problem.get("code", 0), (500, "UNKNOWN"))
            raise interpret.from_answer(
                answers.read_answer(code, {"error": {**problem, "status": status}}),
                write=True,
                service=SERVICE,
            )
        return operation


def _require(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name[:140]!r} is not the name of a subscription.")
    return name


def _subscription(raw: object, *, named: bool = True) -> EventSubscription:
    values = raw if isinstance(raw, Mapping) else {}

    def text(name: str) -> str:
        value = values.get(name)
        return value if isinstance(value, str) else ""

    name = text("name")
    if named and not _NAME.fullmatch(name):
        raise errors.unreadable(f"a subscription called {name[:140]!r}", write=False)
    endpoint = values.get("notificationEndpoint")
    topic = endpoint.get("pubsubTopic") if isinstance(endpoint, Mapping) else ""
    types = values.get("eventTypes")
    return EventSubscription(
        name=name,
        target=text("targetResource"),
        topic=topic if isinstance(topic, str) else "",
        state=text("state"),
        suspension=text("suspensionReason"),
        authority=(text("userAuthority") or text("authority")).removeprefix("users/"),
        event_types=frozenset(map(str, types)) if isinstance(types, list) else frozenset(),
        expires_at=moment(text("expireTime")),
        created_at=moment(text("createTime")),
    )
