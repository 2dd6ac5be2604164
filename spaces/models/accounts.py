"""Google accounts in whose name the API is called."""

from datetime import datetime
from typing import Any, ClassVar, Self

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from spaces import live


class AccountQuerySet(models.QuerySet["Account"]):
    """The questions asked about accounts."""

    def usable(self) -> Self:
        """Whose access is not known to be broken."""
        return self.exclude(status=Account.Status.BROKEN)

    def due(self, now: datetime) -> Self:
        """To be swept now: their turn has come and nobody is at it; who has waited longest first."""
        due = self.filter(next_sweep_at__lte=now, lease_until__lte=now).exclude(spaces=None)
        return due.order_by("next_sweep_at")


class Account(models.Model):
    """A Google user who owns spaces. Acting as them goes one of two ways, `kind`:

    - delegated: a service account with domain-wide delegation impersonates a room mailbox from the configured list;
    - consented: the person connected the account; their refresh token is kept sealed.

    What looking after it notes here:

    - `swept_at`: the moment before the last look that succeeded; `failed_at`: the last one that did not;
    - `fail_count`: how many failed in a row; `open_until`: when the next try may be (see `circuit`); why, in words for people,
      is `problem`;
    - `plan`: in words, how the account is looked at and why that way; with `counts_on_push` it is looked at seldom because
      events can be relied on;
    - `live_calls`: the number of calls running at the last look;
    - `push_heard_at`: when the last pushed event came for one of its spaces; `push_missed_at`: when polling last found a change
      that a healthy push should have told before;
    - `harvested_to`: the ended calls of its spaces are known up to this moment.
    """

    class Kind(models.TextChoices):
        DELEGATED = "delegated", _("Delegation")
        CONSENTED = "consented", _("Connected by its user")

    class Status(models.TextChoices):
        UNTESTED = "untested", _("Not tried yet")
        OK = "ok", _("Works")
        BROKEN = "broken", _("Broken")

    class Circuit(models.TextChoices):
        """Whether the timetable asks Google as this account: as usual, not before `open_until`, or once to try."""

        CLOSED = "closed", _("Asked as usual")
        OPEN = "open", _("Left alone for now")
        PROBING = "probing", _("Being tried again")

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
    failed_at = models.DateTimeField(null=True, blank=True)
    fail_count = models.PositiveIntegerField(default=0)
    open_until = models.DateTimeField(null=True, blank=True)
    plan = models.TextField(blank=True)
    counts_on_push = models.BooleanField(default=False)
    live_calls = models.PositiveIntegerField(default=0)
    push_heard_at = models.DateTimeField(null=True, blank=True)
    push_missed_at = models.DateTimeField(null=True, blank=True)
    harvested_to = models.DateTimeField(null=True, blank=True)
    next_sweep_at = models.DateTimeField(default=timezone.now)
    lease_until = models.DateTimeField(default=timezone.now)

    objects: ClassVar[models.Manager["Account"]] = AccountQuerySet.as_manager()

    class Meta:
        ordering = ["email"]

    def __str__(self) -> str:
        return self.email

    def circuit(self, now: datetime) -> "Account.Circuit":
        """How the timetable treats the account now. People's clicks are always carried out."""
        if self.open_until is None:
            return self.Circuit.CLOSED
        return self.Circuit.OPEN if self.open_until > now else self.Circuit.PROBING

    def heard(self, at: datetime) -> None:
        """Note that a pushed event came for one of this account's spaces."""
        Account.objects.filter(pk=self.pk).exclude(push_heard_at__gte=at).update(push_heard_at=at)

    def claim(self, *, now: datetime, until: datetime, due: bool = True) -> bool:
        """Take this account's turn; False when it is not due (any more) or somebody else has it. One conditional update, so
        that however many workers and timetables run, each turn is taken once. Without `due` the turn may come early."""
        free = Account.objects.filter(pk=self.pk, lease_until__lte=now)
        if due:
            free = free.filter(next_sweep_at__lte=now)
        return bool(free.update(lease_until=until))

    def _with_this_access(self) -> models.QuerySet["Account"]:
        """This account's row, unless it was connected or disconnected since it was loaded: how an access fared that is gone says
        nothing about the one there is now."""
        return Account.objects.filter(pk=self.pk, kind=self.kind, sealed_token=self.sealed_token)

    def release(self, *, next_sweep_at: datetime, **noted: Any) -> None:
        """Give the turn back, say when the next one is due, and note fields of the account with it; when its access is another
        one by now, nothing is noted and the next turn is due at once."""
        now = timezone.now()
        if not self._with_this_access().update(lease_until=now, next_sweep_at=next_sweep_at, **noted):
            Account.objects.filter(pk=self.pk).update(lease_until=now, next_sweep_at=now)

    def works(self) -> None:
        """Note that Google accepted us; clears an earlier problem."""
        same = self._with_this_access()
        well = Q(status=self.Status.OK, problem="", fail_count=0, open_until=None)
        known = same.exclude(well).values_list("status", flat=True).first()
        if known is not None:
            same.update(status=self.Status.OK, problem="", problem_since=None, fail_count=0, open_until=None)
        if known == self.Status.BROKEN:
            live.account_changed(self.pk)

    def fails(self, problem: str, *, broken: bool) -> None:
        """Note a problem in words. `broken`: only a person can mend it; otherwise it may pass by itself."""
        changes: dict[str, object] = {"problem": problem}
        if broken:
            changes["status"] = self.Status.BROKEN
        same = self._with_this_access()
        if same.exclude(**changes).update(**changes) and broken:
            live.account_changed(self.pk)
        now = timezone.now()
        same.update(failed_at=now)
        same.filter(problem_since=None).update(problem_since=now)
