"""Calls: one row for each conference ever seen, and who is in the running ones."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import ClassVar, Self

from django.db import models
from django.db.models import Value
from django.db.models.functions import Greatest

from spaces import live


class ConferenceQuerySet(models.QuerySet["Conference"]):
    """The questions asked about calls."""

    def over_since(self, since: datetime, *, spaces: Iterable[int]) -> Self:
        """Calls of these spaces that were over after that moment, oldest first. Only those that began in the week before are
        looked at: the index leads by the beginning, and a room may have years of calls."""
        began = since - timedelta(days=7)
        found = self.filter(space__in=spaces, started_at__gte=began, ended_at__gt=since)
        return found.order_by("space", "started_at")


class Conference(models.Model):
    """One call in a space, as far as we have seen it. `record` is Google's name, `conferenceRecords/…`.

    The four counts are of those present when last counted (`counted_at`); who they are was last read at `listed_at`.
    `same_since` is the moment from which the counts have not changed: a call in which nothing moves for hours is what
    "stuck" looks like. `host_left_at`: since then nobody is in it who is known to run it; None while one is, and when none
    was ever seen in it. `stuck_at`: from this moment on the call counts as stuck if nothing moves (see models.stuck).

    For history, kept when names are gone: `started_at`, `ended_at`, `ended_by` (who ended it through us; empty: it ended by
    itself or elsewhere), `peak` heads at once (at `peak_at`), and how many of each kind took part in all (`all_…`). `settled_at`:
    when all this was read once more after the end; None while that is still to be done.
    """

    record = models.CharField(max_length=200, unique=True)
    space = models.ForeignKey("spaces.Space", on_delete=models.PROTECT, related_name="conferences")
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.CharField(max_length=200, blank=True)
    people = models.PositiveIntegerField(null=True, blank=True)
    devices = models.PositiveIntegerField(null=True, blank=True)
    phones = models.PositiveIntegerField(null=True, blank=True)
    guests = models.PositiveIntegerField(null=True, blank=True)
    counted_at = models.DateTimeField(null=True, blank=True)
    same_since = models.DateTimeField(null=True, blank=True)
    listed_at = models.DateTimeField(null=True, blank=True)
    host_left_at = models.DateTimeField(null=True, blank=True)
    stuck_at = models.DateTimeField(null=True, blank=True)
    peak = models.PositiveIntegerField(default=0)
    peak_at = models.DateTimeField(null=True, blank=True)
    all_people = models.PositiveIntegerField(null=True, blank=True)
    all_devices = models.PositiveIntegerField(null=True, blank=True)
    all_phones = models.PositiveIntegerField(null=True, blank=True)
    all_guests = models.PositiveIntegerField(null=True, blank=True)
    settled_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[models.Manager["Conference"]] = ConferenceQuerySet.as_manager()

    class Meta:
        ordering = ["-started_at", "-pk"]
        indexes = [
            models.Index(fields=["space", "-started_at"]),
            # The end of a call is asked for by those who settle and those who throw away.
            models.Index(fields=["ended_at", "settled_at"], name="conference_ended"),
        ]

    def __str__(self) -> str:
        return self.record

    @property
    def counted(self) -> bool:
        """Whether anybody has counted heads yet."""
        return self.people is not None

    @property
    def heads(self) -> int:
        """Everybody and everything in the call, by any kind; 0 while not counted."""
        return (self.people or 0) + (self.devices or 0) + (self.phones or 0) + (self.guests or 0)

    def count(
        self, participants: list["Participant"], *, counted_at: datetime, last_move: datetime | None
    ) -> None:
        """Store who is present now. An older count never overwrites a newer one, and of a call that is over nobody's name is
        stored any more.

        `last_move` is the latest coming or going that Google reports (None: not known).
        """
        tally = {kind: sum(p.kind == kind for p in participants) for kind in Participant.Kind}
        counts = {
            "people": tally[Participant.Kind.PERSON],
            "devices": tally[Participant.Kind.DEVICE],
            "phones": tally[Participant.Kind.PHONE],
            "guests": tally[Participant.Kind.GUEST],
        }
        newer = Conference.objects.filter(pk=self.pk, ended_at=None).exclude(counted_at__gt=counted_at)
        if not newer.update(
            **counts,
            counted_at=counted_at,
            peak=Greatest("peak", Value(len(participants))),
            same_since=last_move or self.started_at,
        ):
            return
        if any(getattr(self, kind) != number for kind, number in counts.items()):
            live.spaces_changed([self.space_id])
        for participant in participants:
            participant.conference = self
        kept = {p.name for p in participants}
        self.participants.exclude(name__in=kept).delete()
        Participant.objects.bulk_create(
            participants,
            update_conflicts=True,
            unique_fields=["name"],
            update_fields=["kind", "google_id", "display_name", "joined_at"],
        )


class Participant(models.Model):
    """Somebody who is in a running call. Removed when they leave: names are personal data and are not kept here."""

    class Kind(models.TextChoices):
        PERSON = "person", "Person"
        DEVICE = "device", "Room device"
        PHONE = "phone", "Phone"
        GUEST = "guest", "Guest without sign-in"

    conference = models.ForeignKey(Conference, on_delete=models.CASCADE, related_name="participants")
    name = models.CharField(max_length=300, unique=True)
    kind = models.CharField(max_length=10, choices=Kind)
    google_id = models.CharField(max_length=255, blank=True)
    display_name = models.CharField(max_length=300, blank=True)
    joined_at = models.DateTimeField()

    class Meta:
        ordering = ["joined_at"]
        indexes = [models.Index(fields=["google_id"])]

    def __str__(self) -> str:
        return self.display_name or self.kind


class Participation(models.Model):
    """Somebody's part in a call, kept for a while after it: who, as what, from when to when (None: still in it).

    `name` is Google's, `conferenceRecords/…/participants/…`: one a person and call, however often they came and went. Names are
    personal data: rows are thrown away after MEETADMIN_KEEP_NAMES days, the numbers on the conference stay. May be shown
    to those only who may see the names in a running call.
    """

    conference = models.ForeignKey(Conference, on_delete=models.CASCADE, related_name="participations")
    name = models.CharField(max_length=300, unique=True)
    kind = models.CharField(max_length=10, choices=Participant.Kind)
    google_id = models.CharField(max_length=255, blank=True)
    display_name = models.CharField(max_length=300, blank=True)
    joined_at = models.DateTimeField()
    left_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["joined_at"]
        indexes = [models.Index(fields=["left_at"], name="participation_left")]

    def __str__(self) -> str:
        return self.display_name or self.kind
