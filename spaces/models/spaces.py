"""Meeting spaces: the persistent links, what is known of them, and how old that knowledge is."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, ClassVar, Self

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from spaces.models import stuck
from spaces.models.state import FollowedModel, FollowedQuerySet

if TYPE_CHECKING:
    from spaces.models.rooms import Room

AGEING_CODE = timedelta(days=300)  # a code dies 365 days after its last use
CONFIRM_AFTER = timedelta(minutes=2)
"""One refusal of Google says nothing for good: a space counts as hidden, or as somebody else's, when the same answer comes again this
much later and none in between said otherwise."""


class Liveness(models.TextChoices):
    """Whether a conference is on. Unknown is not a state of the room but of our knowledge: Google shows a running call
    to the owner and to those in it, so for anybody else "no call in the answer" says nothing."""

    ACTIVE = "active", _("Live")
    IDLE = "idle", _("Idle")
    UNKNOWN = "unknown", _("Unknown")


class SpaceQuerySet(FollowedQuerySet["Space"]):
    """The questions asked about spaces."""

    def in_use(self) -> Self:
        """Mapped to a room now."""
        return self.filter(retired_at=None)

    def stale(self, before: datetime) -> Self:
        """Whose settings and code were last asked for before that moment, oldest first."""
        asked = self.annotate(asked_at=Coalesce("doubted_at", "checked_at"))
        return asked.filter(Q(asked_at=None) | Q(asked_at__lt=before)).order_by(
            F("asked_at").asc(nulls_first=True)
        )

    def doubtful(self, now: datetime) -> Self:
        """Of which Google's last answer contradicts what we know, to be asked again; those asked longest ago first. A contradiction that
        was confirmed is asked about five times less often."""
        unconfirmed = Q(trouble="", doubted_at__lte=now - CONFIRM_AFTER)
        return self.filter(unconfirmed | Q(doubted_at__lte=now - 5 * CONFIRM_AFTER)).order_by("doubted_at")


MIDDLE, END = (5, 4), (10, 3)
"""Groups of a code such as abc-mnop-xyz: the first letter's place, from 1, and how many letters there are."""


def code_part(group: tuple[int, int]) -> models.Func:
    """Return a group of the code. The numbers are written out, because SQLite takes no index for an expression with parameters."""
    template = f"%(function)s(%(expressions)s, {group[0]}, {group[1]})"
    return models.Func(
        "meeting_code", function="SUBSTR", template=template, output_field=models.CharField(max_length=10)
    )


class Space(FollowedModel):
    """A persistent Meet link. `name` (`spaces/{id}`) is the key: it is immutable and case sensitive. The code is an
    alias that Google may take away and give to another space, so it is kept with the time it was last confirmed.

    An answer that contradicts what is known (hidden all at once, or shown as to a stranger) opens a doubt, from `doubted_since` to
    the last such answer at `doubted_at`; until it is confirmed (`CONFIRM_AFTER`) nothing else changes. Any other answer ends it.
    """

    class Origin(models.TextChoices):
        """Which Cloud project made it; only the one that did may end its calls."""

        OURS = "ours", _("Created by this dashboard")
        FOREIGN = "foreign", _("Created elsewhere")
        UNTESTED = "untested", _("Not known")

    class Trouble(models.TextChoices):
        NONE = "", "None"
        NOT_FOUND = "not_found", _("Not found at Google")
        NOT_PERMITTED = "not_permitted", _("No access")

    state_facts = frozenset({"account", "owned", "trouble", "liveness", "conference"})
    way_from_room = "space"

    name = models.CharField(max_length=200, unique=True)
    account = models.ForeignKey("spaces.Account", on_delete=models.PROTECT, related_name="spaces")
    owned = models.BooleanField(
        default=False, help_text="Google showed the settings, so the account is the owner."
    )
    origin = models.CharField(max_length=10, choices=Origin, default=Origin.UNTESTED)
    created_here = models.BooleanField(
        default=False, help_text="We made it ourselves, so no refusal makes its origin foreign."
    )
    meeting_code = models.CharField(max_length=128, blank=True, db_index=True)
    meeting_uri = models.URLField(blank=True)
    code_confirmed_at = models.DateTimeField(null=True, blank=True)
    settings = models.JSONField(default=dict)
    refused = models.JSONField(
        default=dict,
        blank=True,
        help_text="Settings that Google did not take when last asked: path to the wanted value, the reason and the time.",
    )
    phone_access = models.JSONField(default=list)
    sip_access = models.JSONField(default=list)
    checked_at = models.DateTimeField(
        null=True, blank=True, help_text="When code and settings were last read."
    )
    liveness = models.CharField(max_length=10, choices=Liveness, default=Liveness.UNKNOWN)
    conference = models.OneToOneField(
        "spaces.Conference", on_delete=models.SET_NULL, null=True, blank=True, related_name="running_in"
    )
    seen_at = models.DateTimeField(
        null=True, blank=True, help_text="The moment before liveness was last asked."
    )
    trouble = models.CharField(max_length=20, choices=Trouble, default=Trouble.NONE, blank=True)
    trouble_text = models.TextField(blank=True)
    google_says = models.TextField(
        blank=True, default="", help_text="Google's own sentence about its last refusal, for admins."
    )
    doubted_since = models.DateTimeField(null=True, blank=True)
    doubted_at = models.DateTimeField(null=True, blank=True)
    former_room = models.ForeignKey(
        "spaces.Room", on_delete=models.SET_NULL, null=True, blank=True, related_name="former_spaces"
    )
    retired_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    objects: ClassVar[models.Manager["Space"]] = SpaceQuerySet.as_manager()

    if TYPE_CHECKING:
        room: "Room"

    class Meta:
        ordering = ["name"]
        indexes = [
            models.Index(fields=["account", "liveness"]),
            models.Index(fields=["checked_at"]),
            models.Index(fields=["code_confirmed_at"], name="space_code_age"),
            # By which codes with a slip in another group are found.
            models.Index(code_part(MIDDLE), name="space_code_middle"),
            models.Index(code_part(END), name="space_code_end"),
        ]

    def __str__(self) -> str:
        return self.meeting_code or self.name

    @property
    def can_be_ended(self) -> bool:
        """Whether Google would let us end a call here: the account owns it and our own project made it. An untested
        origin counts as yes, so that Google is asked once and its answer remembered."""
        return self.owned and self.origin != self.Origin.FOREIGN

    def verdict(self, now: datetime) -> stuck.Verdict:
        """How forgotten the running call looks, 0 to 100, and why in words."""
        call = self.conference
        if self.liveness != Liveness.ACTIVE or call is None:
            return stuck.Verdict()
        room = getattr(self, "room", None)  # a list has loaded it; the call's way to it would ask again
        limits = stuck.Limits.configured().but(room.stuck_limits if room else {})
        return stuck.verdict(call, limits, now)

    def stuck_reasons(self, now: datetime) -> list[str]:
        """Why the running call looks forgotten, in words; empty when it does not."""
        return list(self.verdict(now).reasons)

    def code_is_ageing(self, now: datetime) -> bool:
        """Whether the code was last confirmed so long ago that Google may have taken it away."""
        return self.code_confirmed_at is not None and self.code_confirmed_at < now - AGEING_CODE


class PastCode(models.Model):
    """A code that a space had. People keep old links for years, so lookups know them."""

    space = models.ForeignKey(Space, on_delete=models.CASCADE, related_name="past_codes")
    code = models.CharField(max_length=128, db_index=True)
    last_confirmed_at = models.DateTimeField(null=True, blank=True)
    replaced_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-replaced_at"]
        constraints = [models.UniqueConstraint(fields=["space", "code"], name="past_code_once_a_space")]

    def __str__(self) -> str:
        return self.code

    @classmethod
    def remember(cls, space: Space) -> None:
        """Keep the code that the space has until now."""
        cls.objects.update_or_create(
            space=space,
            code=space.meeting_code,
            defaults={"last_confirmed_at": space.code_confirmed_at, "replaced_at": timezone.now()},
        )


class Member(models.Model):
    """Somebody with a lasting place in a space: joins without knocking, a co-host helps to run its calls."""

    space = models.ForeignKey(Space, on_delete=models.CASCADE, related_name="members")
    email = models.EmailField()
    role = models.CharField(max_length=20, blank=True)

    class Meta:
        ordering = ["email"]
        constraints = [models.UniqueConstraint(fields=["space", "email"], name="member_once_a_space")]
        indexes = [models.Index(fields=["email"], name="member_email")]

    def __str__(self) -> str:
        return self.email
