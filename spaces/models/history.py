"""The audit trail."""

from typing import ClassVar

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class AuditEntry(models.Model):
    """Who did what to what, why, and how it ended. Rows outlive everything they speak of, so they hold names as text;
    the links beside them may go away. Nothing in the code deletes or rewrites a finished row."""

    class Outcome(models.TextChoices):
        STARTED = (
            "started",
            _("Outcome unknown"),
        )  # a finished row is never left here: the process died on the way
        DONE = "done", _("Done")
        ALREADY = "already", _("Nothing left to do")
        REFUSED = "refused", _("Refused")
        FAILED = "failed", _("Failed")
        UNKNOWN = "unknown", _("Outcome unknown")

    at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)
    verb = models.CharField(max_length=40)
    actor = models.ForeignKey(
        "spaces.Person", on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    actor_name = models.CharField(max_length=300)
    room = models.ForeignKey(
        "spaces.Room", on_delete=models.SET_NULL, null=True, blank=True, related_name="audit"
    )
    target = models.CharField(max_length=300)
    space_name = models.CharField(max_length=200, blank=True)
    outcome = models.CharField(max_length=10, choices=Outcome, default=Outcome.STARTED)
    reason = models.TextField(blank=True)
    detail = models.TextField(blank=True)
    google_says = models.TextField(
        blank=True, default="", help_text="Google's own sentence about a refusal, for admins."
    )
    before = models.JSONField(null=True, blank=True)
    after = models.JSONField(null=True, blank=True)
    key = models.CharField(max_length=64, unique=True, null=True, blank=True)

    objects: ClassVar[models.Manager["AuditEntry"]] = models.Manager()

    class Meta:
        ordering = ["-at", "-pk"]
        indexes = [
            models.Index(fields=["-at"]),
            models.Index(fields=["room", "-at"]),
            models.Index(fields=["verb", "-at"]),
        ]
        verbose_name_plural = "audit entries"

    def __str__(self) -> str:
        return f"{self.actor_name}: {self.verb} {self.target}"

    @property
    def is_open(self) -> bool:
        """Whether nobody knows how it ended: still running, or its process died."""
        return self.outcome in {self.Outcome.STARTED, self.Outcome.UNKNOWN}
