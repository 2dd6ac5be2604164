"""Cloud Pub/Sub: is a push really from Google, what does a message say, and fetching messages ourselves.

Facts: Pub/Sub guides "Push subscriptions" (the wrapped message), "Authenticate push subscriptions", "Pull subscriptions";
Workspace Events guides "Google Meet events" and "Lifecycle events" for what messages hold.
"""

import base64
import binascii
import hashlib
import hmac
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from google.auth.credentials import Credentials

from spaces.google import errors, idtokens, interpret
from spaces.google.idtokens import Keys
from spaces.google.push import Arrangement
from spaces.google.refusals import Row, words
from spaces.google.rest import GoogleApi, moment
from spaces.words import text as _

LARGEST = 256 * 1024
"""Bytes of a push that we read. Events of Meet have one or two kilobytes."""
LEEWAY = 10
"""Seconds that Google's clock and ours may differ."""
PULL_TIMEOUT = 100.0
"""Seconds for a pull, which Google answers late on purpose while nothing is there."""
PULL_AT_ONCE = 100

SERVICE = interpret.Service(
    "Cloud Pub/Sub API",
    "pubsub.googleapis.com",
    (
        Row(
            "pull_not_allowed",
            errors.NotPermitted,
            _(
                "Our service account may not read the Pub/Sub subscription. Give it the role Pub/Sub Subscriber "
                "(roles/pubsub.subscriber) there."
            ),
            subject="project",
            effect="none",
            reasons=words("IAM_PERMISSION_DENIED"),
            message=r"not authorized to perform this action|does not have permission|^permission denied on resource (?!project)",
            within=words("PERMISSION_DENIED"),
        ),
        Row(
            "no_subscription",
            errors.NotFound,
            _(
                "There is no such Pub/Sub subscription. Compare MEETADMIN_PUSH_SUBSCRIPTIONS with the console."
            ),
            subject="project",
            effect="none",
            reasons=words("notFound"),
            statuses=words("NOT_FOUND"),
            message=r"^resource not found|^requested entity was not found",
            within=words("NOT_FOUND"),
        ),
    ),
)
"""Refusals about the project's set-up, never about a meeting."""

_RECORD = re.compile(r"conferenceRecords/[A-Za-z0-9_-]{1,180}")
_SOURCE = re.compile(r"(?://workspaceevents\.googleapis\.com/)?(subscriptions/[A-Za-z0-9_-]{1,180})")
_LIFECYCLE = re.compile(r"google\.workspace\.events\.subscription\.v1\.(\w+)")


class NotAuthentic(Exception):
    """A push that does not prove to come from Google. Holds a sentence for the log; nothing of the token."""


class NotMeant(NotAuthentic):
    """It comes from Google, but not from our subscription or not by our service account."""


def check_sender(authorization: str, *, arrangement: Arrangement, keys: Keys) -> None:
    """Raise NotAuthentic unless this header proves that Pub/Sub sent the push for our subscription's service account.

    Signature, issuer, audience and times are checked, and the address: any service account of anybody can get a good token
    for any audience. Raises TryLater when Google's signing keys are unavailable; then nothing can be said.
    """
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise NotAuthentic("no token")
    try:
        claims = idtokens.verify(token, audience=arrangement.audience, keys=keys, leeway=LEEWAY)
    except idtokens.InvalidToken as problem:
        raise NotAuthentic(str(problem)) from problem
    email = str(claims.get("email") or "")
    if claims.get("email_verified") is not True or not hmac.compare_digest(
        email.encode(), arrangement.account.encode()
    ):
        raise NotMeant(f"signed for {errors.scrub(email)[:100]!r}, not for our service account")


@dataclass(frozen=True, slots=True)
class Received:
    """What a message says. Texts are short and safe to store; what could not be read is empty, and `problem` says so.

    `message_id` is Pub/Sub's (one a delivery to the topic), `event_id` the event's own. `subscription` is Google's name of ours
    (`subscriptions/…`), `record` the call it is about. `change`, `suspension` and `expires_at` belong to lifecycle events.
    """

    message_id: str
    event_id: str = ""
    type: str = ""
    subscription: str = ""
    record: str = ""
    happened_at: datetime | None = None
    change: str = ""
    suspension: str = ""
    expires_at: datetime | None = None
    problem: str = ""


def read_push(body: bytes, *, arrangement: Arrangement) -> Received:
    """The wrapped message of a push. Raises NotMeant when it is from another Pub/Sub subscription than ours; everything
    else, however broken, is read as far as it goes."""
    try:
        values = json.loads(body)
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict):
        return _unreadable(body, "not a JSON object")
    if values.get("subscription") not in arrangement.subscriptions:
        raise NotMeant("from a Pub/Sub subscription that is not ours")
    message = values.get("message")
    return read(message) if isinstance(message, dict) else _unreadable(body, "without a message")


def read(message: Mapping[str, Any]) -> Received:
    """One message, pushed or pulled. Never raises."""
    found = message.get("attributes")
    attributes: Mapping[str, Any] = found if isinstance(found, dict) else {}
    message_id = _text(message.get("messageId"))
    if not message_id:
        return _unreadable(json.dumps(message, default=str).encode(), "without an id")
    data, problem = _data(message.get("data"))
    kind = _text(attributes.get("ce-type"))
    source = _SOURCE.fullmatch(_text(attributes.get("ce-source")))
    lifecycle = _LIFECYCLE.fullmatch(kind)
    about: Mapping[str, Any] = {}
    if lifecycle:
        inner = data.get("subscription")
        about = inner if isinstance(inner, dict) else {}
        named = _SOURCE.fullmatch(_text(about.get("name")))
        source = named or source
    record = next((match for value in data.values() if (match := _record_in(value))), "")
    return Received(
        message_id=message_id,
        event_id=_text(attributes.get("ce-id")),
        type=kind,
        subscription=source.group(1) if source else "",
        record=record,
        happened_at=moment(_text(attributes.get("ce-time"))),
        change=lifecycle.group(1) if lifecycle else "",
        # Google's examples write snake case, its references camel case.
        suspension=_text(about.get("suspension_reason") or about.get("suspensionReason"))[:60],
        expires_at=moment(_text(about.get("expire_time") or about.get("expireTime"))),
        problem=problem,
    )


def _record_in(value: object) -> str:
    name = value.get("name") if isinstance(value, dict) else None
    match = _RECORD.match(name) if isinstance(name, str) else None
    return match.group(0) if match else ""


def _data(raw: object) -> tuple[Mapping[str, Any], str]:
    if not isinstance(raw, str):
        return {}, "without data"
    try:
        values = json.loads(base64.b64decode(raw, validate=True))
    except (binascii.Error, ValueError, RecursionError):
        return {}, "data that is no JSON in base64"
    return (values, "") if isinstance(values, dict) else ({}, "data that is no JSON object")


def _unreadable(body: bytes, problem: str) -> Received:
    # The same nonsense delivered again has the same name, and is one row.
    return Received(message_id=f"unreadable:{hashlib.sha256(body).hexdigest()[:40]}", problem=problem)


def _text(value: object) -> str:
    """A text as databases take it: no NUL, no half characters, not long."""
    if not isinstance(value, str):
        return ""
    return value[:200].encode("utf-8", "replace").decode().replace("\x00", "?")


@dataclass(frozen=True, slots=True)
class Pulled:
    """A message that was fetched, and the word with which to acknowledge it."""

    ack: str
    received: Received


class PullClient(GoogleApi):
    """Fetches messages of a Pub/Sub subscription in the service account's own name: nothing has to reach us from outside.

    Needs `roles/pubsub.subscriber` on the subscription. Google's Pub/Sub library is not used: it brings gRPC streams and threads
    of its own for what are two plain calls.
    """

    service = SERVICE

    def __init__(self, credentials: Credentials, *, base_url: str, timeout: float = PULL_TIMEOUT) -> None:
        super().__init__(credentials, base_url=base_url, timeout=timeout)

    def pull(self, subscription: str) -> list[Pulled]:
        """What is there; when nothing is, Google waits a while before it answers with nothing. Raises GoogleErrors."""
        found = self._call("POST", f"/v1/{subscription}:pull", {"maxMessages": PULL_AT_ONCE})
        rows = found.get("receivedMessages")
        return [
            Pulled(row["ackId"], read(row["message"]))
            for row in (rows if isinstance(rows, list) else [])
            if isinstance(row, dict)
            and isinstance(row.get("ackId"), str)
            and isinstance(row.get("message"), dict)
        ]

    def acknowledge(self, subscription: str, acks: Iterable[str]) -> None:
        """These messages are stored and need not come again. Raises GoogleErrors; then they come again, which does no harm."""
        self._call("POST", f"/v1/{subscription}:acknowledge", {"ackIds": list(acks)})
