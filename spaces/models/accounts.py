"""Google accounts in whose name the API is called."""

from datetime import datetime
from typing import ClassVar, Self

from django.db import models
from django.db.models import Q
from django.utils import timezone


class AccountQuerySet(models.QuerySet["Account"]):
    """The questions asked about accounts."""

    def usable(self) -> Self:
        """Whose access is not known to be broken."""
        return self.exclude(status=Account.Status.BROKEN)

    def due(self, now: datetime) -> Self:
        """To be swept now: their turn has come and nobody is at it."""
        return self.filter(next_sweep_at__lte=now, lease_until__lte=now).exclude(spaces=None)


class Account(models.Model):
    """A Google user who owns spaces. Acting as them goes one of two ways, `kind`:

    - delegated: a service account with domain-wide delegation impersonates a room mailbox from the configured list;
    - consented: the person connected the account; their refresh token is kept sealed.
    """

    class Kind(models.TextChoices):
        DELEGATED = "delegated", "Delegation"
        CONSENTED = "consented", "Connected by its user"

    class Status(models.TextChoices):
        UNTESTED = "untested", "Not tried yet"
        OK = "ok", "Works"
        BROKEN = "broken", "Broken"

    email = models.EmailField(unique=True)
    google_id = models.CharField(max_length=255, blank=True)
    kind = models.CharField(max_length=20, choices=Kind)
    person = models.ForeignKey(
        "spaces.Person", on_delete=models.SET_NULL, null=True, blank=True, related_name="accounts"
    )
    sealed_token = models.TextField(blank=True)
    scopes = models.JSONField(default=list)
    status = models.CharField(max_length=20, choices=Status, default=Status.UNTESTED)
    problem = models.TextField(blank=True)
    problem_since = models.DateTimeField(null=True, blank=True)
    swept_at = models.DateTimeField(null=True, blank=True)
    next_sweep_at = models.DateTimeField(default=timezone.now)
    lease_until = models.DateTimeField(default=timezone.now)

    objects: ClassVar[models.Manager["Account"]] = AccountQuerySet.as_manager()

    class Meta:
        ordering = ["email"]

    def __str__(self) -> str:
        return self.email

    def claim(self, *, now: datetime, until: datetime) -> bool:
        """Take this account's turn; False when somebody else has it. One conditional update, so that two workers
        (or a sweep that outlasts its interval) never sweep the same account at once."""
        return bool(Account.objects.filter(Q(pk=self.pk), lease_until__lte=now).update(lease_until=until))

    def release(self, *, next_sweep_at: datetime) -> None:
        """Give the turn back and say when the next one is due."""
        Account.objects.filter(pk=self.pk).update(lease_until=timezone.now(), next_sweep_at=next_sweep_at)

    def works(self) -> None:
        """Note that Google accepted us; clears an earlier problem."""
        Account.objects.filter(pk=self.pk).exclude(status=self.Status.OK, problem="").update(
            status=self.Status.OK, problem="", problem_since=None
        )

    def fails(self, problem: str, *, broken: bool) -> None:
        """Note a problem in words. `broken`: only a person can mend it; otherwise it may pass by itself."""
        changes: dict[str, object] = {"problem": problem}
        if broken:
            changes["status"] = self.Status.BROKEN
        same = Account.objects.filter(pk=self.pk)
        same.update(**changes)
        same.filter(problem_since=None).update(problem_since=timezone.now())
