"""Writing the audit trail. Only actions call this.

`attempt` surrounds a change at Google: the row is committed as "started" before the call leaves, so that a crash on the way
leaves the honest answer "outcome unknown". `note` records a change of our own, inside the same transaction as the change.

Whatever a System does is recorded here, and recorded only under a permission that it holds: it has no other way to act.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from spaces import access
from spaces.access import Actor, Permission, System
from spaces.google.errors import GoogleError, OutcomeUnknown
from spaces.models import AuditEntry, Person, Room

Outcome = AuditEntry.Outcome


class AlreadyAsked(Exception):
    """This very form has been sent before; `entry` tells how that ended."""

    def __init__(self, entry: AuditEntry) -> None:
        self.entry = entry
        super().__init__(f"already asked at {entry.at}")


class Refused(Exception):
    """The state of things forbids it (not the person's rights). `sentence` says why and what to do."""

    def __init__(self, sentence: str) -> None:
        self.sentence = sentence
        super().__init__(sentence)


def _entry(*, verb: Permission, actor: Actor, room: Room | None, target: str, **fields: Any) -> AuditEntry:
    if isinstance(actor, System):
        access.require(actor, verb, room)
    person = actor if isinstance(actor, Person) else None
    space = room.space if room else None
    return AuditEntry(
        verb=str(verb),
        actor=person,
        actor_name=actor.label,
        room=room,
        target=target or (f"{room.name} ({room.building.name})" if room else ""),
        space_name=fields.pop("space_name", "") or (space.name if space else ""),
        **fields,
    )


@contextmanager
def attempt(
    *,
    verb: Permission,
    actor: Actor,
    room: Room | None = None,
    target: str = "",
    reason: str = "",
    before: Any = None,
    key: str = "",
) -> Iterator[AuditEntry]:
    """Record a change at Google around the code that makes it.

    Inside the block set `entry.detail`, `entry.after`, `entry.google_says` or `entry.outcome` (when it is not simply done). A
    GoogleError or Refused leaves the block after its sentence has been stored; any other exception leaves the row at "started".
    Raises AlreadyAsked when a row with this `key` exists: the same form sent twice acts once. Raises NotAllowed, before anything
    else, for a System that does not hold the permission.
    """
    entry = _entry(
        verb=verb, actor=actor, room=room, target=target, reason=reason, before=before, key=key or None
    )
    try:
        with transaction.atomic(durable=True):
            entry.save()
    except IntegrityError:
        earlier = AuditEntry.objects.filter(key=key).first() if key else None
        if earlier is None:
            raise
        raise AlreadyAsked(earlier) from None
    try:
        yield entry
    except GoogleError as error:
        entry.google_says = error.google_says or entry.google_says
        unknown = isinstance(error, OutcomeUnknown)
        _finish(entry, Outcome.UNKNOWN if unknown else Outcome.FAILED, error.sentence)
        raise
    except Refused as refusal:
        _finish(entry, Outcome.REFUSED, refusal.sentence)
        raise
    _finish(entry, Outcome.DONE if entry.outcome == Outcome.STARTED else Outcome(entry.outcome), entry.detail)


def _finish(entry: AuditEntry, outcome: AuditEntry.Outcome, detail: str) -> None:
    entry.outcome = outcome
    entry.detail = detail
    entry.finished_at = timezone.now()
    entry.save()


def note(
    *,
    verb: Permission,
    actor: Actor,
    room: Room | None = None,
    target: str = "",
    reason: str = "",
    detail: str = "",
    before: Any = None,
    after: Any = None,
    key: str = "",
) -> AuditEntry:
    """Record a finished change of our own. Call it in the transaction of the change.

    Raises AlreadyAsked when a row with this `key` exists.
    """
    if key and (earlier := AuditEntry.objects.filter(key=key).first()):
        raise AlreadyAsked(earlier)
    entry = _entry(
        verb=verb,
        actor=actor,
        room=room,
        target=target,
        reason=reason,
        detail=detail,
        before=before,
        after=after,
        key=key or None,
        outcome=Outcome.DONE,
        finished_at=timezone.now(),
    )
    entry.save()
    return entry
