"""The audit log: append-only rows in a hash chain."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, ClassVar

from django.db import models, transaction
from django.db.models import Exists, OuterRef, Q
from django.db.models.fields.related_descriptors import ForwardManyToOneDescriptor
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from spaces.message import Message
from spaces.models.chain import GENESIS, plain, row_hash
from spaces.models.sentences import pack, unpack

IN_PROGRESS = timedelta(minutes=2)
"""How long an action without a result may still be running: the time limit of a task. After it the result is unknown."""


class _PerhapsGone(ForwardManyToOneDescriptor):  # type: ignore[type-arg]
    """Reads None where the row that a foreign key names was deleted."""

    def get_object(self, instance: models.Model) -> Any:
        try:
            return super().get_object(instance)
        except self.field.remote_field.model.DoesNotExist:
            return None


class HistoricalKey(models.ForeignKey[Any, Any]):
    """A foreign key that keeps its value when the other row is deleted, because audit rows are never updated."""

    forward_related_accessor_class = _PerhapsGone

    def __init__(self, to: Any, on_delete: Any = models.DO_NOTHING, **options: Any) -> None:
        super().__init__(to, on_delete, **options | {"db_constraint": False, "db_index": False})

    def deconstruct(self) -> Any:
        """Return a plain foreign key: migrations read none of its values."""
        name, _path, args, options = super().deconstruct()
        return name, "django.db.models.ForeignKey", args, options


class AuditRows(models.Manager["AuditEntry"]):
    """All rows, intents with a result included."""

    def append(self, entries: Sequence["AuditEntry"]) -> None:
        """Write these entries at the end of the chain: the only writer of the audit log.

        The head stays locked until the surrounding transaction ends, so call it last in a transaction. Raises IntegrityError for a
        key that exists, RuntimeError when rows exist but the head of the chain is gone.
        """
        with transaction.atomic():
            head = AuditHead.locked()
            for entry in entries:
                entry.before, entry.after = plain(entry.before), plain(entry.after)
                entry.result_params = plain(entry.result_params)
                entry.seq, entry.prev_hash = head.seq + 1, head.hash
                entry.hash = row_hash(entry.content())
                head.seq, head.hash = entry.seq, entry.hash
            self.bulk_create(entries, batch_size=1000)
            AuditHead.objects.filter(pk=head.pk).update(seq=head.seq, hash=head.hash)


class AuditLines(AuditRows):
    """One row for each action: its result, or its intent while there is no result."""

    def get_queryset(self) -> models.QuerySet["AuditEntry"]:
        result = AuditEntry.rows.filter(intent=OuterRef("pk"))
        return super().get_queryset().filter(~Q(outcome=AuditEntry.Outcome.STARTED) | ~Exists(result))


class AuditEntry(models.Model):
    """One row of the audit log: the intent to change something at Google, its result, or a finished change of our own.

    The application never updates or deletes a row. Rows outlive what they describe, so they hold names as text. A result repeats
    what its intent says, so that one row tells the whole story.
    """

    class Outcome(models.TextChoices):
        STARTED = "started", _("Result unknown")
        DONE = "done", _("Done")
        ALREADY = "already", _("Nothing left to do")
        REFUSED = "refused", _("Refused")
        FAILED = "failed", _("Failed")
        UNKNOWN = "unknown", _("Result unknown")

    seq = models.BigIntegerField(primary_key=True, help_text="Position in the chain, from 1 without gaps.")
    prev_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)
    intent = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="result"
    )
    at = models.DateTimeField(default=timezone.now, help_text="When the action began.")
    finished_at = models.DateTimeField(null=True, blank=True, help_text="Empty in an intent.")
    action = models.CharField(max_length=40)
    object_type = models.CharField(max_length=20, blank=True)
    object_id = models.BigIntegerField(null=True, blank=True)
    target = models.CharField(max_length=300, help_text="The object's name at that time.")
    room = HistoricalKey("spaces.Room", null=True, blank=True, related_name="audit")
    space_name = models.CharField(max_length=200, blank=True)
    actor = HistoricalKey("spaces.Person", null=True, blank=True, related_name="+")
    actor_name = models.CharField(max_length=300)
    actor_address = models.CharField(max_length=254, blank=True)
    actor_role = models.CharField(max_length=40, blank=True)
    job = models.CharField(max_length=64, blank=True)
    request_id = models.CharField(max_length=64, blank=True)
    lane = models.CharField(max_length=20, blank=True)
    outcome = models.CharField(max_length=10, choices=Outcome, default=Outcome.STARTED)
    result_code = models.CharField(max_length=60, blank=True)
    result_params = models.JSONField(null=True, blank=True)
    reason = models.TextField(blank=True)
    google_says = models.TextField(
        blank=True, default="", help_text="Google's own sentence about a refusal, for admins."
    )
    before = models.JSONField(null=True, blank=True)
    after = models.JSONField(null=True, blank=True)
    key = models.CharField(max_length=64, unique=True, null=True, blank=True)

    objects: ClassVar[AuditLines] = AuditLines()
    rows: ClassVar[AuditRows] = AuditRows()

    class Meta:
        db_table = "spaces_audit"
        ordering = ["-at", "-seq"]
        indexes = [
            models.Index(fields=["-at", "-seq"], name="audit_at"),
            models.Index(fields=["room", "-at", "-seq"], name="audit_room_at"),
            models.Index(fields=["action", "-at"], name="audit_action_at"),
        ]
        verbose_name_plural = "audit entries"

    def __str__(self) -> str:
        return f"{self.actor_name}: {self.action} {self.target}"

    def save(self, *args: Any, **options: Any) -> None:
        """Append a new entry to the chain. Raises TypeError for a stored one."""
        if not self._state.adding:
            raise TypeError("Audit entries are never changed.")
        AuditEntry.rows.append([self])

    def content(self) -> dict[str, Any]:
        """Return what the hash is computed of: every column but the hash."""
        return {
            field.attname: getattr(self, field.attname)
            for field in self._meta.concrete_fields
            if field.attname != "hash"
        }

    @property
    def is_open(self) -> bool:
        """Whether the result is not known: still running, or the process died."""
        return self.outcome in {self.Outcome.STARTED, self.Outcome.UNKNOWN}

    def get_outcome_display(self) -> str:  # type: ignore[no-redef]
        """Return the result for people; an action without one is in progress for two minutes."""
        if self.outcome == self.Outcome.STARTED and timezone.now() - self.at < IN_PROGRESS:
            return str(_("In progress"))
        return str(self.Outcome(self.outcome).label)

    @property
    def detail(self) -> str | Message:
        """The message of the result, "" for none. Rows of older versions have a sentence without a code."""
        params = self.result_params or {}
        if "sentence" in params:
            sentence: str | Message = unpack(params["sentence"])
            return sentence
        return (
            Message(self.result_code, {name: unpack(value) for name, value in params.items()})
            if self.result_code
            else ""
        )

    @detail.setter
    def detail(self, message: str | Message) -> None:
        if isinstance(message, Message):
            self.result_code = message.code
            self.result_params = {name: pack(value) for name, value in message.params.items()} or None
            return
        self.result_code, self.result_params = "", {"sentence": pack(message)} if message else None

    def record_google_error(self, code: str, sentence: str | Message) -> None:
        """Keep the code of a GoogleError and what it says to people."""
        self.result_code, self.result_params = code, {"sentence": pack(sentence)}


class AuditHead(models.Model):
    """The end of the chain: one row with number and hash of the last entry. It shows when the newest entries were removed."""

    seq = models.BigIntegerField(default=0)
    hash = models.CharField(max_length=64, default=GENESIS)

    objects: ClassVar[models.Manager["AuditHead"]] = models.Manager()

    class Meta:
        db_table = "spaces_audit_head"

    def __str__(self) -> str:
        return f"{self.seq}:{self.hash}"

    @classmethod
    def locked(cls) -> "AuditHead":
        """Return the head, locked until the transaction ends (on SQLite the transaction holds the only write lock anyway).

        Raises RuntimeError when it is gone although entries exist: continuing would hide which entries are missing.
        """
        heads = cls.objects.select_for_update()
        if head := heads.first():
            return head
        if AuditEntry.rows.exists():
            raise RuntimeError("The head of the audit log is missing. Run `manage.py audit verify`.")
        cls.objects.bulk_create([cls(pk=1)], ignore_conflicts=True)
        return heads.get(pk=1)
