"""Calls: one row for each conference ever seen, and who is in the running ones."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import ClassVar, Self

from django.conf import settings
from django.db import models, transaction
from django.utils.translation import gettext_lazy as _

from spaces import live
from spaces.google import resources
from spaces.models import stuck
from spaces.models.people import LONGEST_LABEL
from spaces.models.state import FollowedModel, FollowedQuerySet, states_following


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

    def count(
        self,
        everybody: Sequence["Participation"],
        *,
        counted_at: datetime,
        hosts: frozenset[str] = frozenset(),
        listed_at: datetime | None = None,
    ) -> bool:
        """Store who is in the call and who was, as Google listed them all at `counted_at` (or at `listed_at`, when only their
        kinds are told anew); `hosts` are the Google ids of those who are known to run it.

        An older count never overwrites a newer one, and of a call that is over nobody counts as present any more; their part in
        it is kept all the same. Returns whether anything moved.
        """
        present = [one for one in everybody if one.left_at is None]
        moves = [moment for one in everybody for moment in (one.joined_at, one.left_at) if moment]
        numbers = {name: sum(one.kind == kind for one in present) for kind, name in COUNTERS.items()}
        with states_following():
            known = Conference.objects.select_for_update().get(pk=self.pk)
            if known.counted_at and known.counted_at > counted_at:
                return False
            moved = Participation.keep(known, everybody)
            known._note_all(everybody)
            if known.ended_at is not None:
                known.save(update_fields=ALL_COUNTERS)
                return False
            changed = moved or any(getattr(known, name) != number for name, number in numbers.items())
            was_stuck = known.is_stuck(counted_at)
            for name, number in numbers.items():
                setattr(known, name, number)
            known.counted_at, known.listed_at = counted_at, listed_at or counted_at
            known.same_since = max(moves, default=known.started_at)
            known.host_left_at = _last_host_left(everybody, hosts)
            if len(present) > known.peak:
                known.peak, known.peak_at = len(present), counted_at
            known.stuck_at = stuck.stuck_at(known, known.limits())
            known.save(
                update_fields=[
                    *ALL_COUNTERS,
                    *numbers,
                    *("counted_at", "listed_at", "same_since", "host_left_at", "peak", "peak_at", "stuck_at"),
                ]
            )
            Participant.present(known, present)
            if changed:
                live.spaces_changed([known.space_id], moved=known.is_stuck(counted_at) != was_stuck)
        return changed

    @staticmethod
    def unchanged(calls: Iterable["Conference"], *, counted_at: datetime) -> None:
        """Note that the number of heads in these calls was asked for at `counted_at` and is as it was."""
        same = {call.pk: call for call in calls}
        newer = Conference.objects.filter(pk__in=same, ended_at=None).exclude(counted_at__gt=counted_at)
        newer.update(counted_at=counted_at)
        for call in same.values():
            call.judge()  # the limits may be others now

    def note_recordings(self, recordings: Iterable[resources.Recording], *, read_at: datetime) -> None:
        """Store whether a recording of the call runs, as Google listed its recordings at `read_at`.

        An older answer never overwrites a newer one.
        """
        running = [one.started_at for one in recordings if one.is_running]
        since = min(running, default=None)
        this = Conference.objects.filter(pk=self.pk).exclude(recordings_read_at__gt=read_at)
        before = this.values_list("recording_since", flat=True).first()
        if this.update(recording_since=since, recordings_read_at=read_at) and before != since:
            live.spaces_changed([self.space_id], moved=True)

    def settle(self, everybody: Sequence["Participation"], *, settled_at: datetime) -> None:
        """After the end: keep who took part, as Google lists them now, and the numbers of it. Of a call that nobody counted
        while it ran, the peak is the most who can have been in it at once."""
        with transaction.atomic():
            known = Conference.objects.select_for_update().get(pk=self.pk)
            keep_since = settled_at - timedelta(days=settings.KEEP_NAMES)
            if known.ended_at is None or known.ended_at > keep_since:
                Participation.keep(known, everybody)
            known._note_all(everybody)
            if known.listed_at is None:
                known.peak, known.peak_at = _most_at_once(everybody, known.ended_at)
            known.settled_at = settled_at
            known.save(update_fields=[*ALL_COUNTERS, "peak", "peak_at", "settled_at"])

    def _note_all(self, everybody: Sequence["Participation"]) -> None:
        for kind, name in COUNTERS.items():
            setattr(self, f"all_{name}", sum(one.kind == kind for one in everybody))

    def is_stuck(self, now: datetime) -> bool:
        """Whether the call counts as stuck at that moment, if nothing has moved since it was counted."""
        return self.stuck_at is not None and self.stuck_at <= now

    def limits(self) -> stuck.Limits:
        """After how long this call counts as stuck: the room's own limits over those of the installation."""
        room = getattr(self.space, "room", None)
        return stuck.Limits.configured().but(room.stuck_limits if room else {})

    def judge(self) -> None:
        """Work out anew from when the call counts as stuck, after its beginning or the limits changed. Whoever has counted since this
        was loaded knows better."""
        at = stuck.stuck_at(self, self.limits())
        same = Conference.objects.filter(pk=self.pk, listed_at=self.listed_at)
        if at != self.stuck_at and same.update(stuck_at=at):
            live.spaces_changed([self.space_id], moved=True)


def _last_host_left(everybody: Sequence["Participation"], hosts: frozenset[str]) -> datetime | None:
    """Since when none of the hosts is in the call; None while one is, or when none was ever seen."""
    seen = [one.left_at for one in everybody if one.google_id and one.google_id in hosts]
    left = [moment for moment in seen if moment is not None]
    return max(left) if left and len(left) == len(seen) else None


def _most_at_once(
    everybody: Sequence["Participation"], ended_at: datetime | None
) -> tuple[int, datetime | None]:
    """How many were in it together at most, and when first. Google tells of each the first coming and the last going, so that
    somebody who was out for a while counts as in."""
    moves: list[tuple[datetime, int]] = []
    for one in everybody:
        moves.append((one.joined_at, 1))
        if gone := one.left_at or ended_at:
            moves.append((gone, -1))
    most, most_at, now_in = 0, None, 0
    for moment, step in sorted(moves):
        now_in += step
        if now_in > most:
            most, most_at = now_in, moment
    return most, most_at


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

    @staticmethod
    def present(call: Conference, present: Sequence["Participation"]) -> None:
        """Make the stored list equal to those who are in the call."""
        call.participants.exclude(name__in=[one.name for one in present]).delete()
        known = set(call.participants.values_list(*_FACTS))
        Participant.objects.bulk_create(
            [
                Participant(conference=call, **{fact: getattr(one, fact) for fact in _FACTS})
                for one in present
                if tuple(getattr(one, fact) for fact in _FACTS) not in known
            ],
            update_conflicts=True,
            unique_fields=["name"],
            update_fields=_FACTS[1:],
        )


# The counts of those present, by kind; the same names with all_ before them count everybody who took part.
COUNTERS = {
    Participant.Kind.PERSON: "people",
    Participant.Kind.DEVICE: "devices",
    Participant.Kind.PHONE: "phones",
    Participant.Kind.GUEST: "guests",
    Participant.Kind.BOT: "bots",
}
ALL_COUNTERS = [f"all_{name}" for name in COUNTERS.values()]
_FACTS = ("name", "kind", "google_id", "display_name", "joined_at")


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

    @staticmethod
    def keep(call: Conference, everybody: Sequence["Participation"]) -> bool:
        """Store these parts in the call; only what is new or has changed is written. Returns whether there was any."""
        facts = (*_FACTS, "left_at")
        known = set(call.participations.values_list(*facts))
        changed = [one for one in everybody if tuple(getattr(one, fact) for fact in facts) not in known]
        for one in changed:
            one.conference = call
        Participation.objects.bulk_create(
            changed, update_conflicts=True, unique_fields=["name"], update_fields=facts[1:]
        )
        return bool(changed)
