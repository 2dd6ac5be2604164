"""The outbox: what happened, written in the transaction of the change, and how far each consumer has read."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from django.apps import apps
from django.db import connection, models, transaction
from django.utils import timezone

_LOCK = 7_302_025
"""Of PostgreSQL: shared by transactions that write events, until they commit."""


class DomainEvent(models.Model):
    """Something that others may react to. Rows are never updated, and deleted after some days.

    The ids are plain numbers, because an event outlives what it is about. The same thing may be written twice (a call that is seen
    again after a doubt), so consumers must be idempotent.
    """

    class Kind(models.TextChoices):
        CALL_STARTED = "call_started"
        CALL_ENDED = "call_ended"
        CALL_BECAME_STUCK = "call_became_stuck"
        RECORDING_STARTED = "recording_started"
        RECORDING_ENDED = "recording_ended"
        SPACE_UNAVAILABLE = "space_unavailable"
        SPACE_AVAILABLE = "space_available"
        ACCOUNT_FAILED = "account_failed"
        ACCOUNT_RECOVERED = "account_recovered"

    kind = models.CharField(max_length=40, choices=Kind)
    at = models.DateTimeField(default=timezone.now, db_index=True)
    room = models.BigIntegerField(null=True)
    space = models.BigIntegerField(null=True)
    conference = models.BigIntegerField(null=True)
    account = models.BigIntegerField(null=True)
    params = models.JSONField(default=dict)

    objects: ClassVar[models.Manager["DomainEvent"]] = models.Manager()

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"

    @classmethod
    def record(cls, kind: "DomainEvent.Kind", *, space: int | None = None, **ids: Any) -> None:
        """Write that this happened, within the transaction of the change. `ids`: conference, account, params."""
        cls.record_all(kind, [{"space": space, **ids}])

    @classmethod
    def record_all(cls, kind: "DomainEvent.Kind", events: Iterable[Mapping[str, Any]]) -> None:
        """Write several events of a kind. The room is that of the space, unless it is given."""
        rows = [cls(kind=kind, **values) for values in events]
        if not rows:
            return
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", [_LOCK])
        spaces = {row.space for row in rows if row.space and row.room is None}
        if spaces:
            rooms = apps.get_model("spaces", "Room")._default_manager.filter(space__in=spaces)
            room_of = dict(rooms.values_list("space", "pk"))
            for row in rows:
                if row.space and row.room is None:
                    row.room = room_of.get(row.space)
        cls.objects.bulk_create(rows)

    @classmethod
    def complete_to(cls) -> int | None:
        """Return the id up to which all events are committed or will never be; None when that is not known now. Not to be called in a
        transaction.

        PostgreSQL gives ids before the commit, so a lower id may appear after a higher one. The lock is free only when no transaction
        that has written events is open. SQLite has one writer at a time.
        """
        newest = cls.objects.order_by("-pk").values_list("pk", flat=True)
        if connection.vendor != "postgresql":
            return newest.first() or 0
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_LOCK])
                if not cursor.fetchone()[0]:
                    return None
            return newest.first() or 0


class EventCursor(models.Model):
    """The id of the last event that a consumer has handled."""

    consumer = models.CharField(max_length=60, unique=True)
    position = models.BigIntegerField(default=0)

    objects: ClassVar[models.Manager["EventCursor"]] = models.Manager()

    def __str__(self) -> str:
        return f"{self.consumer} {self.position}"
