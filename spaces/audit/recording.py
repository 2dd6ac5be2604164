"""Recording what is done. Only actions call this.

`attempt` surrounds a change at Google: the intent is committed before the call leaves, so that a crash on the way leaves an intent
without a result. `note` records a change of our own, inside the transaction of the change.

Everything a System does is recorded here, and recorded only under a permission that it holds: it has no other way to act.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from spaces import access, request_id
from spaces.access import Actor, Permission, System
from spaces.audit.actions import Action
from spaces.google.errors import GoogleError, OutcomeUnknown
from spaces.models import Account, AuditEntry, Building, Person, Room

Outcome = AuditEntry.Outcome
Object = Room | Person | Account | Building


class AlreadyAsked(Exception):
    """This very form has been sent before; `entry` is its result, or its intent while there is none."""

    def __init__(self, entry: AuditEntry) -> None:
        self.entry = entry
        super().__init__(f"already asked at {entry.at}")


class Refused(Exception):
    """The state of things forbids it (not the person's rights). `sentence` says why and what to do."""

    def __init__(self, sentence: str) -> None:
        self.sentence = sentence
        super().__init__(sentence)


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
    `space_name`, or `outcome` when it is not simply done. After the block `entry` is the result. A GoogleError or Refused leaves the
    block after its result has been stored; any other exception leaves the intent without a result.

    `action`: where several actions share the `permission`. `about`: what was changed, unless it is the room. Raises AlreadyAsked
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
    try:
        with transaction.atomic(durable=True):
            entry.save()
    except IntegrityError:
        if earlier := _earlier(key):
            raise AlreadyAsked(earlier) from None
        raise
    try:
        yield entry
    except GoogleError as error:
        entry.google_says = error.google_says or entry.google_says
        unknown = isinstance(error, OutcomeUnknown)
        _finish(entry, Outcome.UNKNOWN if unknown else Outcome.FAILED, error)
        raise
    except Refused as refusal:
        _finish(entry, Outcome.REFUSED, refusal)
        raise
    _finish(entry, Outcome.DONE if entry.outcome == Outcome.STARTED else Outcome(entry.outcome))


def _finish(
    entry: AuditEntry, outcome: AuditEntry.Outcome, error: GoogleError | Refused | None = None
) -> None:
    """Append the result of an intent; `entry` becomes the result."""
    if error:
        entry.result_code = getattr(error, "code", "")
        entry.result_params = getattr(error, "params", None)
        entry.detail = error.sentence
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
    detail: str = "",
    before: Any = None,
    after: Any = None,
    key: str = "",
) -> AuditEntry:
    """Record a finished change of our own. Call it in the transaction of the change, as late as possible: from here to its end the
    transaction holds the lock of the audit log.

    `action` and `about`: see `attempt`. Raises AlreadyAsked when an entry with this `key` exists.
    """
    if earlier := _earlier(key):
        raise AlreadyAsked(earlier)
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
