"""Google accounts in whose name the API is called."""

from datetime import datetime, timedelta
from typing import Any, ClassVar, Literal, Self

from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from spaces import live
from spaces.google.errors import GoogleError
from spaces.models.outbox import DomainEvent
from spaces.models.sentences import in_english
from spaces.models.state import FollowedModel, FollowedQuerySet

RequestKind = Literal["access", "watch", "link", "people", "history", "change"]
"""What Google is asked for in an account's name, as far as its problems are kept apart: the token itself; which calls are running;
one Meet link; the participants of a call; ended calls; a change. A problem ends when a request of the same kind succeeds."""
PROBLEM_KEPT = timedelta(hours=1)
"""A problem that no request has met for this long ends with the next success of any kind: some requests are made only on demand."""


class AccountQuerySet(FollowedQuerySet["Account"]):
    """The questions asked about accounts."""

    def usable(self) -> Self:
        """Whose access is not known to be broken."""
        return self.exclude(status=Account.Status.BROKEN)

    def due(self, now: datetime) -> Self:
        """To be swept now: their turn has come and nobody is at it; who has waited longest first."""
        due = self.filter(next_sweep_at__lte=now, lease_until__lte=now).exclude(spaces=None)
        return due.order_by("next_sweep_at")


class Account(FollowedModel):
    """A Google user who owns spaces. Acting as them goes one of two ways, `kind`:

    - delegated: a service account with domain-wide delegation impersonates a room mailbox from the configured list;
    - consented: the person connected the account; their refresh token is kept sealed.

    What looking after it notes here:

    - `swept_at`: the moment before the last look that succeeded; `failed_at`: the last one that did not;
    - `fail_count`: how many failed in a row; `open_until`: when the next try may be (see `circuit`);
    - `failing`: what Google refuses at present, by kind of request (`RequestKind`), each with its first and last moment, sentence,
      code and Google's own words. `status`, `problem`, `problem_since` and `google_says` show the worst of them;
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

    state_facts = frozenset({"status"})
    way_from_room = "space__account"

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
    google_says = models.TextField(
        blank=True, default="", help_text="Google's own sentence about the problem, for admins."
    )
    failing = models.JSONField(default=dict, blank=True)
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

    def record_push(self, at: datetime) -> None:
        """Store that a pushed event came for one of this account's spaces."""
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

    def record_success(self, *kinds: RequestKind) -> None:
        """Note that Google answered requests of these kinds. It ends earlier problems of the same kinds, and any problem with the access
        itself; other problems keep their beginning."""
        well = Q(status=self.Status.OK, problem="", fail_count=0, open_until=None)
        if not self._with_this_access().exclude(well).exists():
            return
        now = timezone.now()
        with transaction.atomic():
            known = self._with_this_access().select_for_update().first()
            if known is None:
                return
            was = known.status
            known.failing = {
                name: one
                for name, one in known.failing.items()
                if name not in {*kinds, "access"} and datetime.fromisoformat(one["at"]) > now - PROBLEM_KEPT
            }
            known._show_worst()
            if known.status == self.Status.UNTESTED:
                known.status = self.Status.OK
            if not known.failing:
                known.fail_count, known.open_until = 0, None
            known._save_shown(was, "fail_count", "open_until")
            if was == self.Status.BROKEN != known.status:
                DomainEvent.record(DomainEvent.Kind.ACCOUNT_RECOVERED, account=self.pk)
                live.account_changed(self.pk)

    def record_failure(self, kind: RequestKind, error: GoogleError, *, broken: bool) -> None:
        """Note that Google refused a request of this kind for a reason that concerns the account. The first moment stays until
        a request of the same kind succeeds. `broken`: nothing can be known through this account until a person mends it."""
        now = timezone.now()
        with transaction.atomic():
            known = self._with_this_access().select_for_update().first()
            if known is None:
                return
            was, was_told = known.status, known.problem
            known.failing[kind] = {
                "since": known.failing.get(kind, {}).get("since") or now.isoformat(),
                "at": now.isoformat(),
                "broken": broken,
                "sentence": in_english(error.sentence),
                "google_says": error.google_says,
            }
            known._show_worst()
            known.failed_at = now
            known._save_shown(was, "failed_at")
            is_broken = known.status == self.Status.BROKEN
            if is_broken and was != self.Status.BROKEN:
                DomainEvent.record(DomainEvent.Kind.ACCOUNT_FAILED, account=self.pk, params={"request": kind})
            if is_broken != (was == self.Status.BROKEN) or (is_broken and known.problem != was_told):
                live.account_changed(self.pk)

    def forget_problems(self) -> None:
        """Start anew, as after the account was connected: nothing is known to be refused."""
        self.status, self.failing, self.problem, self.problem_since = self.Status.OK, {}, "", None
        self.google_says, self.fail_count, self.open_until = "", 0, None

    def _save_shown(self, former_status: str, *others: str) -> None:
        """Save what pages show and these fields; the status only when it has changed, because the states of all rooms follow it."""
        status = () if self.status == former_status else ("status",)
        self.save(update_fields=[*status, *_SHOWN, *others])

    def _show_worst(self) -> None:
        """Derive what pages show from `failing`: what breaks the account first, then what keeps running calls from being known, then
        what has failed for longest."""
        ordered = sorted(
            self.failing.items(),
            key=lambda item: (not item[1]["broken"], item[0] not in {"access", "watch"}, item[1]["since"]),
        )
        if not ordered:
            self.status, self.problem, self.problem_since, self.google_says = self.Status.OK, "", None, ""
            return
        worst = ordered[0][1]
        self.problem, self.google_says = worst["sentence"], worst["google_says"]
        self.problem_since = datetime.fromisoformat(worst["since"])
        if worst["broken"]:
            self.status = self.Status.BROKEN
        elif self.status == self.Status.BROKEN:
            self.status = self.Status.OK


_SHOWN = ("failing", "problem", "problem_since", "google_says")
