"""What Google tells us of its own accord: the subscription of each account, and the inbox of events."""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Self

from django.db import IntegrityError, connection, models, transaction
from django.db.models import F, Q
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from spaces.models.accounts import Account

if TYPE_CHECKING:
    from spaces.google.pubsub import Received
    from spaces.google.resources import EventSubscription

RENEW_BEFORE = timedelta(hours=48)  # a subscription lives seven days
RENEW_EVERY = timedelta(hours=24)
ABOUT_TO_EXPIRE = timedelta(hours=1)

# Why Google has suspended a subscription, and what to do (Workspace Events REST reference, `ErrorType`).
SUSPENSIONS: dict[str, Promise] = {
    "USER_SCOPE_REVOKED": gettext_lazy(
        "The account's user took the permission back. Connect the account again, or check the delegation of the service account."
    ),
    "APP_SCOPE_REVOKED": gettext_lazy(
        "An administrator took a permission of this app away. Allow the app again in the Google Admin console (Security, API "
        "controls), with all scopes."
    ),
    "RESOURCE_DELETED": gettext_lazy(
        "Google says that what was listened to is gone: the mailbox may have been deleted. Check it in the Google Admin console."
    ),
    "USER_AUTHORIZATION_FAILURE": gettext_lazy(
        "The account may not see its own meetings at the moment: it may be suspended or without a licence for Meet. Check it in "
        "the Google Admin console."
    ),
    "APP_AUTHORIZATION_FAILURE": gettext_lazy(
        "Google no longer lets this app listen. Check in the Google Admin console (Security, API controls) that it is trusted."
    ),
    "ENDPOINT_PERMISSION_DENIED": gettext_lazy(
        "Google may not publish to the Pub/Sub topic. Give meet-api-event-push@system.gserviceaccount.com the role Pub/Sub "
        "Publisher on it."
    ),
    "ENDPOINT_NOT_FOUND": gettext_lazy(
        "The Pub/Sub topic does not exist any more. Create it again under the same name, with its subscription and the publisher "
        "role."
    ),
    "ENDPOINT_RESOURCE_EXHAUSTED": gettext_lazy(
        "The Pub/Sub topic has used up its quota. Look at its quotas in the Google Cloud console; it is tried again by itself."
    ),
}


class SubscriptionQuerySet(models.QuerySet["Subscription"]):
    """The questions asked about subscriptions."""

    def healthy(self, now: datetime) -> Self:
        """Whose events can be relied on: the database's form of Subscription.is_healthy."""
        told = Q(account__push_missed_at=None) | Q(account__push_missed_at__lte=F("account__push_heard_at"))
        return self.filter(
            told,
            state=Subscription.State.ACTIVE,
            expires_at__gt=now + ABOUT_TO_EXPIRE,
            account__push_heard_at__gte=F("created_at"),
        ).exclude(account__status=Account.Status.BROKEN)


class Subscription(models.Model):
    """One account's subscription to events in all its spaces, as we know it.

    `name` is Google's (`subscriptions/…`), empty while there is none. `checked_at` is when Google last told its state,
    `created_at` and `renewed_at` when it began to live and when its life was last made longer. `suspension` is Google's word;
    `problem` is what stopped our last attempt, in words. `next_try_at`: when it is to be looked at again.
    """

    class State(models.TextChoices):
        NONE = "none", gettext_lazy("Not there")
        ACTIVE = "active", gettext_lazy("Active")
        SUSPENDED = "suspended", gettext_lazy("Suspended by Google")

    account = models.OneToOneField("spaces.Account", on_delete=models.CASCADE, related_name="subscription")
    name = models.CharField(max_length=220, blank=True, db_index=True)
    target = models.CharField(max_length=300, blank=True)
    topic = models.CharField(max_length=400, blank=True)
    state = models.CharField(max_length=10, choices=State, default=State.NONE)
    suspension = models.CharField(max_length=60, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(null=True, blank=True)
    renewed_at = models.DateTimeField(null=True, blank=True)
    checked_at = models.DateTimeField(null=True, blank=True)
    problem = models.TextField(blank=True)
    problem_since = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    next_try_at = models.DateTimeField(default=timezone.now)

    objects: ClassVar[models.Manager["Subscription"]] = SubscriptionQuerySet.as_manager()

    class Meta:
        ordering = ["account__email"]

    def __str__(self) -> str:
        return self.name or self.account.email

    @property
    def is_missing_news(self) -> bool:
        """Whether polling found something that no event had told, and nothing has been heard since."""
        missed, heard = self.account.push_missed_at, self.account.push_heard_at
        return missed is not None and (heard is None or missed > heard)

    @property
    def is_proven(self) -> bool:
        """Whether an event has come since it exists. Without the publisher role Google makes subscriptions that stay silent."""
        heard = self.account.push_heard_at
        return heard is not None and self.created_at is not None and heard >= self.created_at

    def is_healthy(self, now: datetime) -> bool:
        """Whether its events can be relied on, so that polling may be slow."""
        return (
            self.state == self.State.ACTIVE
            and self.expires_at is not None
            and self.expires_at > now + ABOUT_TO_EXPIRE
            and self.is_proven
            and not self.is_missing_news
            and self.account.status != Account.Status.BROKEN
        )

    @property
    def tells_since(self) -> datetime | None:
        """From when on an event ought to have come of everything; None while Google sends nothing. Asks less than health: one that
        was never heard of is not relied on, but its silence is worth noticing."""
        return self.created_at if self.state == self.State.ACTIVE else None

    def needs_renewal(self, now: datetime) -> bool:
        """Once a day, and in any case long before it ends: an expired subscription is gone for good."""
        lived = self.renewed_at or self.created_at
        ends_soon = self.expires_at is None or self.expires_at < now + RENEW_BEFORE
        return ends_soon or lived is None or lived < now - RENEW_EVERY

    def words(self, now: datetime) -> str:
        """How it is with this account's events, with the cure where something is wrong."""
        if self.state == self.State.SUSPENDED:
            known = SUSPENSIONS.get(self.suspension)
            cure = str(known) if known else _("Google gave no reason (%(word)s).") % {"word": self.suspension}
            return _("Google has suspended the events. %(cure)s") % {"cure": cure}
        if self.state == self.State.NONE:
            return self.problem or _("Events are being set up.")
        if self.expires_at is None or self.expires_at <= now:
            return self.problem or _("The subscription has ended. It is being made anew.")
        if self.is_missing_news:
            return _(
                "Google says that events are sent, but a change was found that none had told. If this stays so, check that "
                "meet-api-event-push@system.gserviceaccount.com has the role Pub/Sub Publisher on the topic, and that the "
                "Pub/Sub subscription delivers (its metrics in the Google Cloud console). Until then Google is asked more often."
            )
        if not self.is_proven:
            return _(
                "Events are switched on; none has come yet. Until the first one Google is asked as often as without."
            )
        if self.problem:
            return _("Events come, but: %(problem)s") % {"problem": self.problem}
        return _("Events come.")

    def claim(self, *, now: datetime, until: datetime) -> bool:
        """Take the turn of looking after this one; False when it is not due or somebody else has it."""
        return bool(Subscription.objects.filter(pk=self.pk, next_try_at__lte=now).update(next_try_at=until))

    def apply(self, seen: "EventSubscription", *, at: datetime, renewed: bool = False) -> None:
        """Store what Google answered; that it is active clears an earlier problem."""
        self.name, self.target, self.topic = seen.name, seen.target, seen.topic
        suspended = seen.state == "SUSPENDED"
        self.state = self.State.SUSPENDED if suspended else self.State.ACTIVE
        self.suspension = (seen.suspension or "OTHER")[:60] if suspended else ""
        self.expires_at, self.created_at, self.checked_at = (
            seen.expires_at,
            seen.created_at or self.created_at or at,
            at,
        )
        if renewed:
            self.renewed_at = at
        if not suspended:
            self.problem, self.problem_since, self.attempts = "", None, 0
        self.save(
            update_fields=[
                "name", "target", "topic", "state", "suspension", "expires_at", "created_at", "checked_at", "renewed_at",
                "problem", "problem_since", "attempts",
            ]
        )  # fmt: skip

    def forget(self) -> None:
        """It is gone at Google: expired, removed, or never there."""
        self.name, self.state, self.suspension = "", self.State.NONE, ""
        self.expires_at = self.created_at = self.renewed_at = None
        self.save(update_fields=["name", "state", "suspension", "expires_at", "created_at", "renewed_at"])

    def record_failure(self, problem: str, *, at: datetime) -> None:
        """Store why the last attempt failed, in words."""
        self.problem, self.problem_since = problem, self.problem_since or at
        self.attempts += 1
        self.save(update_fields=["problem", "problem_since", "attempts"])

    def reschedule(self, at: datetime, *, claimed: datetime) -> None:
        """Set when it is to be looked at next, after the turn that was taken until `claimed`; unless Google has told of a change
        during that turn, and it is due at once."""
        Subscription.objects.filter(pk=self.pk, next_try_at=claimed).update(next_try_at=at)

    def apply_lifecycle_event(self, change: str, suspension: str, *, now: datetime) -> None:
        """A lifecycle event: a hint, too. What makes matters worse is believed at once, and Google is asked at the next turn."""
        changes: dict[str, Any] = {"next_try_at": now}
        if change == "suspended":
            changes |= {"state": self.State.SUSPENDED, "suspension": suspension or "OTHER"}
        Subscription.objects.filter(pk=self.pk).update(**changes)


class EventQuerySet(models.QuerySet["Event"]):
    """The questions asked about the inbox."""

    def waiting(self) -> Self:
        """Not dealt with yet."""
        return self.filter(processed_at=None)

    def told_before(self, now: datetime, *, record: str, types: Collection[str]) -> Self:
        """Those that wait, came before that moment, and tell of such things in this call."""
        return self.waiting().filter(record=record, type__in=types, received_at__lt=now)

    def due(self, now: datetime) -> Self:
        """To be dealt with now, those due for longest first."""
        return self.waiting().filter(due_at__lte=now).order_by("due_at", "pk")


class Event(models.Model):
    """A message from Google, stored as it came and dealt with later. Events are hints: what they cause is a question to Google.

    `message_id` is Pub/Sub's, `event_id` the event's own; either of them twice is a duplicate, counted in `deliveries`. `due_at`:
    when somebody may deal with it; taking it on moves this into the future, so that it comes back if they die. What was in
    a call is not kept, only which call (`record`): rows are thrown away after a few days.
    """

    class Outcome(models.TextChoices):
        FOLLOWED = "followed", gettext_lazy("Google was asked")
        OLD = "old", gettext_lazy("Known already")
        LIFECYCLE = "lifecycle", gettext_lazy("About the subscription")
        IGNORED = "ignored", gettext_lazy("Of no use here")
        NOT_OURS = "not_ours", gettext_lazy("In none of our rooms")
        UNREADABLE = "unreadable", gettext_lazy("Not readable")
        HIDDEN = "hidden", gettext_lazy("Google does not show the call")
        GIVEN_UP = "given_up", gettext_lazy("Left to the next look")

    message_id = models.CharField(max_length=200, unique=True)
    # Null, not empty: an event without an id is no duplicate of another one without.
    event_id = models.CharField(max_length=200, unique=True, null=True, blank=True)
    type = models.CharField(max_length=200, blank=True)
    subscription = models.CharField(max_length=220, blank=True)
    record = models.CharField(max_length=200, blank=True)
    change = models.CharField(max_length=60, blank=True)
    suspension = models.CharField(max_length=60, blank=True)
    happened_at = models.DateTimeField(null=True, blank=True)
    received_at = models.DateTimeField(default=timezone.now, db_index=True)
    deliveries = models.PositiveIntegerField(default=1)
    due_at = models.DateTimeField(default=timezone.now)
    attempts = models.PositiveIntegerField(default=0)
    processed_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=12, choices=Outcome, blank=True)
    detail = models.CharField(max_length=200, blank=True)

    objects: ClassVar[models.Manager["Event"]] = EventQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        # The inbox holds some days, of which only a handful waits: nothing that is asked all the time may look at the others.
        indexes = [
            models.Index(fields=["due_at"], condition=Q(processed_at=None), name="event_waiting"),
            models.Index(fields=["record"], condition=Q(processed_at=None), name="event_waiting_call"),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.message_id}"

    @classmethod
    def store(cls, received: "Received") -> bool:
        """Store a message in the inbox. Return False when it was there already."""
        event = cls(
            message_id=received.message_id,
            event_id=received.event_id or None,
            type=received.type,
            subscription=received.subscription,
            record=received.record,
            change=received.change[:60],
            suspension=received.suspension,
            happened_at=received.happened_at,
            detail=received.problem,
        )
        try:
            with transaction.atomic():
                event.save(force_insert=True)
        except IntegrityError:
            same = Q(message_id=received.message_id)
            if received.event_id:
                same |= Q(event_id=received.event_id)
            cls.objects.filter(same).update(deliveries=F("deliveries") + 1)
            return False
        return True

    @classmethod
    def claim(cls, most: int, *, now: datetime, until: datetime) -> list["Event"]:
        """Take on events that are due; nobody else gets them before `until`."""
        with transaction.atomic():
            due = EventQuerySet(cls).due(now)
            if connection.features.has_select_for_update_skip_locked:
                due = due.select_for_update(skip_locked=True)
            found = list(due[:most])
            cls.objects.filter(pk__in=[event.pk for event in found]).update(
                due_at=until, attempts=F("attempts") + 1
            )
        return found

    @classmethod
    def finalise(cls, events: Iterable["Event"], outcome: "Event.Outcome") -> None:
        """Mark these as done."""
        cls.objects.filter(pk__in=[event.pk for event in events]).update(
            processed_at=timezone.now(), outcome=outcome
        )

    @classmethod
    def reschedule(cls, events: Iterable["Event"], until: datetime, *, tried: bool) -> None:
        """Make these due at a later time. `tried`: it counts as an attempt."""
        rows = cls.objects.filter(pk__in=[event.pk for event in events])
        rows.update(due_at=until, **({} if tried else {"attempts": F("attempts") - 1}))
