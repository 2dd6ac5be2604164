"""What is known about Google ids in calls: room devices, and accounts that somebody was asked about."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar, Self

from django.db import models
from django.utils import timezone

from spaces.models.derived import DerivedField
from spaces.models.recognition import LONGEST, barest

SEEN_AGAIN = timedelta(days=1)
"""A sighting is stored again after so long, so that a device in every call of the day costs one write."""


class NormalisedName(DerivedField, models.CharField):  # type: ignore[type-arg]
    """Another field of the row in the normalised form by which device names are looked up (models.recognition)."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"max_length": LONGEST, **kwargs})

    def derive(self, texts: Sequence[str]) -> str:
        """Return the barest form of the name."""
        return barest(" ".join(texts))


class DeviceIdentityQuerySet(models.QuerySet["DeviceIdentity"]):
    """The questions asked about Google ids."""

    def devices(self) -> Self:
        """Known room devices."""
        return self.filter(is_device=True)

    def undecided(self) -> Self:
        """Accounts that look like a device and that nobody has answered for."""
        return self.filter(is_device=None)


class DeviceIdentity(models.Model):
    """What one Google id in calls is: `is_device` True, False, or None while nobody knows.

    `room`: whose device it is, or for an undecided one in whose call it was seen first. `confirmed_at` is empty while the name alone
    has told. The display name of somebody who turned out to be a person is not kept.
    """

    google_id = models.CharField(max_length=255, unique=True)
    display_name = models.CharField(max_length=300, blank=True)
    room = models.ForeignKey(
        "spaces.Room", on_delete=models.SET_NULL, null=True, blank=True, related_name="device_identities"
    )
    is_device = models.BooleanField(null=True)
    confirmed_by = models.ForeignKey(
        "spaces.Person", on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    confirmed_at = models.DateTimeField(null=True, blank=True)
    seen_at = models.DateTimeField(default=timezone.now)

    objects: ClassVar[models.Manager["DeviceIdentity"]] = DeviceIdentityQuerySet.as_manager()

    class Meta:
        ordering = ["display_name", "pk"]
        verbose_name_plural = "device identities"

    def __str__(self) -> str:
        return self.display_name or self.google_id

    @classmethod
    def note(
        cls, google_id: str, display_name: str, *, room: int | None, is_device: bool | None, seen_at: datetime
    ) -> None:
        """Store that recognition found a device by its name (`is_device` True) or something to ask about (None).

        An answer that somebody gave is never changed, nor is a known device made undecided.
        """
        facts = {
            "display_name": display_name[:300],
            "room_id": room,
            "is_device": is_device,
            "seen_at": seen_at,
        }
        known, made = cls.objects.get_or_create(google_id=google_id, defaults=facts)
        if made:
            return
        this = cls.objects.filter(pk=known.pk)
        if is_device and known.is_device is None:
            this.filter(is_device=None).update(**facts)
        elif known.seen_at < seen_at - SEEN_AGAIN:
            this.update(seen_at=seen_at)
