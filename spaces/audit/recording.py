"""Recording what is done. Only actions call this.

`attempt` surrounds a change at Google: the intent is committed before the call leaves, so that a crash on the way leaves an intent
without a result. `note` records a change of our own, inside the transaction of the change.

Everything a System does is recorded here, and recorded only under a permission that it holds: it has no other way to act.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Self

from django.db import IntegrityError, transaction
from django.utils import timezone

from spaces import access, request_id
from spaces.access import Actor, Permission, System
from spaces.audit.actions import Action
from spaces.google.errors import GoogleError, OutcomeUnknown
from spaces.message import Message
from spaces.models import Account, AuditEntry, Building, Person, Room

Outcome = AuditEntry.Outcome
Object = Room | Person | Account | Building


class DuplicateRequest(Exception):
    """The same form was sent before; `entry` is its result, or its intent while there is none."""

    def __init__(self, entry: AuditEntry) -> None:
        self.entry = entry
        super().__init__(f"already requested at {entry.at}")


class ActionRejected(Exception):
    """The state of things forbids it (not the person's rights). Its message says why and what to do."""

    def __init__(self, code: str, params: Mapping[str, Any] | None = None) -> None:
        self.message = Message(code, params or {})
        super().__init__(code)

    @classmethod
    def of(cls, rejection: Message) -> Self:
        """Return the error of what a check has returned."""
        return cls(rejection.code, rejection.params)

    @property
    def code(self) -> str:
        """Return the code of the message."""
        return self.message.code

    @property
    def params(self) -> Mapping[str, Any]:
        """Return the parameters of the message."""
        return self.message.params


def _entry(
    *,
    permission: Permission,
    action: Action | None,
    actor: Actor,
    room: Room | None,
    about: Object | None,
    target: str,
    **fields: Any,
) -> AuditEntry:
    if isinstance(actor, System):
        access.require(actor, permission, room)
    person = actor if isinstance(actor, Person) else None
    space = room.space if room else None
    about = about or room
    return AuditEntry(
        action=str(action or permission),
        actor=person,
        actor_name=actor.label,
        actor_address=(person.email or "") if person else "",
        actor_role=access.role_name(actor),
        object_type=str(about._meta.model_name) if about else "",
        object_id=about.pk if about else None,
        room=room,
        target=target or (f"{room.name} ({room.building.name})" if room else ""),
        space_name=space.name if space else "",
        request_id=request_id.current.get(),
        **fields,
    )


def _earlier(key: str) -> AuditEntry | None:
    """Return the entry of this key: its result, or its intent while there is none."""
    entry = AuditEntry.rows.filter(key=key).first() if key else None
    return entry and (AuditEntry.rows.filter(intent=entry).first() or entry)


@contextmanager
def attempt(
    *,
    permission: Permission,
    actor: Actor,
    action: Action | None = None,
    room: Room | None = None,
    about: Object | None = None,
    target: str = "",
    reason: str = "",
    before: Any = None,
    key: str = "",
    lane: str = "",
) -> Iterator[AuditEntry]:
    """Record a change at Google around the code that makes it: an intent before it, a result after it.

    Inside the block set on `entry` what the result shall say: `detail`, `before`, `after`, `google_says`, `result_code`,
    `space_name`, or `outcome` when it is not simply done. After the block `entry` is the result. A GoogleError or ActionRejected leaves the
    block after its result has been stored; any other exception leaves the intent without a result.

    `action`: where several actions share the `permission`. `about`: what was changed, unless it is the room. Raises DuplicateRequest
    when an entry with this `key` exists: the same form sent twice acts once. Raises NotAllowed, before anything else, for a System
    that does not hold the permission.
    """
    entry = _entry(
        permission=permission,
        action=action,
        actor=actor,
        room=room,
        about=about,
        target=target,
        reason=reason,
        before=before,
        key=key or None,
        lane=lane,
    )
    _begin(entry, key)
    try:
        yield entry
    except GoogleError as error:
        _fail(entry, error)
        raise
    except ActionRejected as rejection:
        entry.detail = rejection.message
        _finish(entry, Outcome.REFUSED)
        raise
    _finish(entry, Outcome.DONE if entry.outcome == Outcome.STARTED else Outcome(entry.outcome))


def _begin(entry: AuditEntry, key: str) -> None:
    """Commit the intent. Raises DuplicateRequest when an entry with this key exists."""
    try:
        with transaction.atomic(durable=True):
            entry.save()
    except IntegrityError:
        if earlier := _earlier(key):
            raise DuplicateRequest(earlier) from None
        raise


def _fail(entry: AuditEntry, error: GoogleError) -> None:
    entry.google_says = error.google_says or entry.google_says
    entry.record_google_error(error.code, error.sentence)
    _finish(entry, Outcome.UNKNOWN if isinstance(error, OutcomeUnknown) else Outcome.FAILED)


def _finish(entry: AuditEntry, outcome: AuditEntry.Outcome) -> None:
    """Append the result of an intent; `entry` becomes the result."""
    entry.intent_id, entry.key = entry.pk, None
    entry.outcome = outcome
    entry.finished_at = timezone.now()
    entry._state.adding = True
    entry.save()


def note(
    *,
    permission: Permission,
    actor: Actor,
    action: Action | None = None,
    room: Room | None = None,
    about: Object | None = None,
    target: str = "",
    reason: str = "",
    detail: str | Message = "",
    before: Any = None,
    after: Any = None,
    key: str = "",
) -> AuditEntry:
    """Record a finished change of our own. Call it in the transaction of the change, as late as possible: from here to its end the
    transaction holds the lock of the audit log.

    `action` and `about`: see `attempt`. Raises DuplicateRequest when an entry with this `key` exists.
    """
    if earlier := _earlier(key):
        raise DuplicateRequest(earlier)
    now = timezone.now()
    entry = _entry(
        permission=permission,
        action=action,
        actor=actor,
        room=room,
        about=about,
        target=target,
        reason=reason,
        before=before,
        after=after,
        key=key or None,
        outcome=Outcome.DONE,
        at=now,
        finished_at=now,
    )
    entry.detail = detail
    entry.save()
    return entry
