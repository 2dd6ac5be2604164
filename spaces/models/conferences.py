"""Calls: one row for each conference ever seen, and who is in the running ones."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import ClassVar, Self

from django.db import models
from django.utils.translation import gettext_lazy as _

from spaces import live
from spaces.models import stuck
from spaces.models.people import LONGEST_LABEL
from spaces.models.state import FollowedModel, FollowedQuerySet


class ConferenceQuerySet(FollowedQuerySet["Conference"]):
    """The questions asked about calls."""

    def over_since(self, since: datetime, *, spaces: Iterable[int]) -> Self:
        """Calls of these spaces that were over after that moment, oldest first. Only those that began in the week before are
        looked at: the index leads by the beginning, and a room may have years of calls."""
        began = since - timedelta(days=7)
        found = self.filter(space__in=spaces, started_at__gte=began, ended_at__gt=since)
        return found.order_by("space", "started_at")


class Conference(FollowedModel):
    """One call in a space, as far as we have seen it. `record` is Google's name, `conferenceRecords/…`.

    The five counts are of those present when last counted (`counted_at`); who they are was last read at `listed_at`.
    `same_since` is the moment from which the counts have not changed: a call in which nothing moves for hours is what
    "stuck" looks like. `recording_since`: a recording runs since then, as last read at `recordings_read_at`. `host_left_at`: since then nobody is in it who is known to run it; None while one is, and when none
    was ever seen in it. `stuck_at`: from this moment on the call counts as stuck if nothing moves (see models.stuck).

    For history, kept when names are gone: `started_at`, `ended_at`, `ended_by` (who ended it through us; empty: it ended by
    itself or elsewhere), `peak` heads at once (at `peak_at`), and how many of each kind took part in all (`all_…`). `settled_at`:
    when all this was read once more after the end; None while that is still to be done.
    """

    state_facts = frozenset({"people", "guests", "recording_since", "stuck_at"})
    way_from_room = "space__conference"

    record = models.CharField(max_length=200, unique=True)
    space = models.ForeignKey("spaces.Space", on_delete=models.PROTECT, related_name="conferences")
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.CharField(max_length=LONGEST_LABEL, blank=True)
    people = models.PositiveIntegerField(null=True, blank=True)
    devices = models.PositiveIntegerField(null=True, blank=True)
    phones = models.PositiveIntegerField(null=True, blank=True)
    guests = models.PositiveIntegerField(null=True, blank=True)
    bots = models.PositiveIntegerField(null=True, blank=True)
    counted_at = models.DateTimeField(null=True, blank=True)
    same_since = models.DateTimeField(null=True, blank=True)
    listed_at = models.DateTimeField(null=True, blank=True)
    host_left_at = models.DateTimeField(null=True, blank=True)
    stuck_at = models.DateTimeField(null=True, blank=True)
    recording_since = models.DateTimeField(null=True, blank=True)
    recordings_read_at = models.DateTimeField(null=True, blank=True)
    peak = models.PositiveIntegerField(default=0)
    peak_at = models.DateTimeField(null=True, blank=True)
    all_people = models.PositiveIntegerField(null=True, blank=True)
    all_devices = models.PositiveIntegerField(null=True, blank=True)
    all_phones = models.PositiveIntegerField(null=True, blank=True)
    all_guests = models.PositiveIntegerField(null=True, blank=True)
    all_bots = models.PositiveIntegerField(null=True, blank=True)
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
        return sum(getattr(self, name) or 0 for name in COUNTERS.values())

    @property
    def people_in(self) -> int:
        """People in the call, guests included, as every screen counts them; 0 while not counted."""
        return (self.people or 0) + (self.guests or 0)

    def is_stuck(self, now: datetime) -> bool:
        """Whether the call counts as stuck at that moment, if nothing has moved since it was counted."""
        return self.stuck_at is not None and self.stuck_at <= now

    def limits(self) -> stuck.Limits:
        """After how long this call counts as stuck: the room's own limits over those of the installation."""
        room = getattr(self.space, "room", None)
        return stuck.Limits.configured().but(room.stuck_limits if room else {})

    def recompute_stuck_at(self) -> None:
        """Compute again from when the call counts as stuck, after its start or the limits changed. Does nothing if the call was counted
        since this object was loaded."""
        at = stuck.stuck_at(self, self.limits())
        same = Conference.objects.filter(pk=self.pk, listed_at=self.listed_at)
        if at != self.stuck_at and same.update(stuck_at=at):
            live.spaces_changed([self.space_id], moved=True)


class Participant(models.Model):
    """Somebody who is in a running call. Removed when they leave: names are personal data and are not kept here."""

    class Kind(models.TextChoices):
        PERSON = "person", _("Person")
        DEVICE = "device", _("Room device")
        PHONE = "phone", _("Phone")
        GUEST = "guest", _("Guest without sign-in")
        BOT = "bot", _("Note-taking bot")

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


# The counts of those present, by kind; the same names with all_ before them count everybody who took part.
COUNTERS = {
    Participant.Kind.PERSON: "people",
    Participant.Kind.DEVICE: "devices",
    Participant.Kind.PHONE: "phones",
    Participant.Kind.GUEST: "guests",
    Participant.Kind.BOT: "bots",
}
ALL_COUNTERS = [f"all_{name}" for name in COUNTERS.values()]


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
