"""Physical rooms, the buildings they are in, and who owns them."""

from collections import Counter
from dataclasses import fields
from datetime import datetime
from typing import Any, ClassVar, Self
from zoneinfo import ZoneInfo

from django.db import models
from django.db.models import Case, Count, Exists, F, OuterRef, Q, Sum, Value, When
from django.db.models.functions import Coalesce, Lower
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from spaces.models.accounts import Account
from spaces.models.people import Person
from spaces.models.preferences import Favourite
from spaces.models.spaces import Liveness, Space, SpaceQuerySet, stuck_condition
from spaces.models.stuck import Limits


class Building(models.Model):
    """A site. Its time zone is the one in which times of its rooms are read."""

    code = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=120)
    time_zone = models.CharField(max_length=64, default="UTC")

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def zone(self) -> ZoneInfo:
        """The building's time zone."""
        return ZoneInfo(self.time_zone)


# What a row of a list shows, or needs to tell a state.
ROW_FIELDS = (
    *("slug", "name", "floor", "capacity", "archived_at", "building__code", "building__name"),
    *(
        f"space__{name}"
        for name in ("owned", "origin", "meeting_code", "meeting_uri", "liveness", "seen_at", "trouble")
    ),
    *(f"space__account__{name}" for name in ("email", "status", "problem")),
    *(
        f"space__conference__{name}"
        for name in (
            *("started_at", "people", "devices", "phones", "guests", "peak"),
            *("same_since", "host_left_at"),
        )
    ),
    *("stuck_empty", "stuck_devices", "stuck_alone", "stuck_hostless", "stuck_running"),
)


def _reachable() -> Q:
    """Whose account works and whose space Google shows: only then a state is more than a memory."""
    return Q(space__trouble="") & ~Q(space__account__status=Account.Status.BROKEN)


def live_condition() -> Q:
    """With a conference on."""
    return _reachable() & Q(space__liveness=Liveness.ACTIVE)


def idle_condition() -> Q:
    """Known to be empty."""
    return _reachable() & Q(space__liveness=Liveness.IDLE)


def unknown_condition() -> Q:
    """Whose state we may not know or cannot ask."""
    return (
        Q(space__account__status=Account.Status.BROKEN)
        | Q(space__liveness=Liveness.UNKNOWN)
        | (Q(space__isnull=False) & ~Q(space__trouble=""))
    )


def stuck_room_condition(now: datetime) -> Q:
    """With a call that looks forgotten."""
    return _reachable() & stuck_condition(now, "space__")


class RoomQuerySet(models.QuerySet["Room"]):
    """The questions asked about rooms."""

    def current(self) -> Self:
        """Rooms in use, archived ones left out."""
        return self.filter(archived_at=None)

    def for_pages(self) -> Self:
        """With everything a row shows, in one query."""
        return self.select_related("building", "space", "space__account", "space__conference")

    def for_lists(self) -> Self:
        """With what a row of a list shows and no more: whole accounts, settings and times cost more than the query."""
        return self.for_pages().only(*ROW_FIELDS)

    def owned_by(self, person: Person) -> Self:
        """Rooms this person owns or is deputy of."""
        return self.filter(pk__in=Ownership.objects.filter(person=person).values("room"))

    def live(self) -> Self:
        """With a conference on."""
        return self.filter(live_condition())

    def idle(self) -> Self:
        """Known to be empty."""
        return self.filter(idle_condition())

    def unknown(self) -> Self:
        """Whose state we may not know or cannot ask."""
        return self.filter(unknown_condition())

    def not_known_idle(self) -> Self:
        """With a call on, or in a state that cannot be told."""
        return self.filter(space__in=SpaceQuerySet(Space).not_known_idle().values("pk"))

    def ageing(self, now: datetime) -> Self:
        """Whose code may be dead soon."""
        return self.filter(space__in=SpaceQuerySet(Space).ageing(now).values("pk"))

    def starred_by(self, person: Person) -> Self:
        """Favourites of this person."""
        return self.filter(pk__in=Favourite.objects.filter(person=person).values("room"))

    def knowing_stars_of(self, person: Person) -> Self:
        """Each with `starred`: whether it is a favourite of this person."""
        return self.annotate(starred=Exists(Favourite.objects.filter(person=person, room=OuterRef("pk"))))

    def stuck(self, now: datetime) -> Self:
        """With a call that looks forgotten; see Space.stuck_reasons for the rule in words."""
        return self.filter(stuck_room_condition(now))

    def by_need(self, now: datetime) -> Self:
        """What needs a hand first: stuck calls, then what cannot be known; the rest by building, live rooms first."""
        unknown = ~Q(space__trouble="") | Q(space__liveness=Liveness.UNKNOWN)
        need = Case(
            When(space=None, then=Value(2)),
            When(space__account__status=Account.Status.BROKEN, then=Value(1)),
            When(unknown, then=Value(1)),
            When(stuck_condition(now, "space__"), then=Value(0)),
            default=Value(2),
        )
        live = Case(When(space__liveness=Liveness.ACTIVE, then=Value(0)), default=Value(1))
        return self.annotate(need=need, live_first=live).order_by(
            "need", "building__name", "live_first", "name", "pk"
        )

    def sums(self, now: datetime, *, seen: Q | None = None) -> dict[str, Counter[str]]:
        """By building's name: how many of these rooms there are (`total`), how many in which state, and how many people are in
        them (`people`). `seen` narrows what states are counted of (not `none`, which everybody may see).

        Rooms known to be empty are nearly all there are, so only the others are looked at; the empty ones are the rest.
        """
        whose = seen or Q()
        found: dict[str, Counter[str]] = {}
        everything = (
            self.order_by()
            .values("building", "building__name")
            .annotate(
                total=Count("pk"),
                linked=Count("pk", filter=Q(space__isnull=False) & whose),
                none=Count("pk", filter=Q(space=None)),
            )
        )
        live = live_condition()
        others = self.filter(whose).not_known_idle().order_by().values("building")
        others = others.annotate(
            live=Count("pk", filter=live),
            stuck=Count("pk", filter=stuck_room_condition(now)),
            unknown=Count("pk", filter=unknown_condition()),
            **{
                kind: Coalesce(Sum(f"space__conference__{kind}", filter=live), 0)
                for kind in ("people", "guests", "phones")
            },
        )
        names: dict[int, str] = {}
        for row in (dict[str, Any](one) for query in (everything, others) for one in query):
            building = row.pop("building")
            name = names.setdefault(
                building, row.pop("building__name", "")
            )  # the others are among everything
            found.setdefault(name, Counter()).update(row)
        for sums in found.values():
            sums["people"] += sums.pop("guests", 0) + sums.pop("phones", 0)
            sums["idle"] = max(sums["linked"] - sums["live"] - sums["unknown"], 0)
        return found

    def without_space(self) -> Self:
        """Not mapped to any Meet link yet."""
        return self.filter(space=None)

    def matching(self, text: str) -> Self:
        """Rooms whose name, place, code or owner contains every word of the text."""
        found = self
        for word in text.split()[:8]:
            found = found.filter(
                Q(name__icontains=word)
                | Q(building__name__icontains=word)
                | Q(building__code__iexact=word)
                | Q(space__meeting_code__icontains=word)
                | Q(pk__in=Ownership.objects.filter(person__email__icontains=word).values("room"))
            )
        return found


class Room(models.Model):
    """A physical room. `space` is the persistent Meet link it has now; earlier ones point back by `former_room`."""

    slug = models.SlugField(max_length=120, unique=True)
    name = models.CharField(max_length=120)
    building = models.ForeignKey(Building, on_delete=models.PROTECT, related_name="rooms")
    floor = models.CharField(max_length=40, blank=True)
    capacity = models.PositiveSmallIntegerField(null=True, blank=True)
    device_name = models.CharField(
        max_length=200,
        blank=True,
        help_text="Name of the meeting-room device as it is set in Google's Admin console. A participant with this name "
        "is counted as a device, not as a person.",
    )
    notes = models.TextField(blank=True)
    space = models.OneToOneField(
        "spaces.Space", on_delete=models.PROTECT, null=True, blank=True, related_name="room"
    )
    # Minutes after which a call here counts as stuck; empty: what the installation says (models.stuck).
    stuck_empty = models.PositiveIntegerField(null=True, blank=True)
    stuck_devices = models.PositiveIntegerField(null=True, blank=True)
    stuck_alone = models.PositiveIntegerField(null=True, blank=True)
    stuck_hostless = models.PositiveIntegerField(null=True, blank=True)
    stuck_running = models.PositiveIntegerField(null=True, blank=True)
    owners = models.ManyToManyField("spaces.Person", through="spaces.Ownership", related_name="rooms")
    archived_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    objects: ClassVar[models.Manager["Room"]] = RoomQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(Lower("name"), "building", name="room_name_unique_in_building")
        ]
        indexes = [
            models.Index(fields=["archived_at", "name"]),
            # What lists sort and count by, so that they need not read whole rows of all rooms.
            models.Index(fields=["archived_at", "space", "building", "name"], name="room_for_lists"),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """The room's page."""
        return reverse("room", args=[self.slug])

    def state(self, now: datetime) -> str:
        """The room's state in one word: stuck, live, idle, unknown or none (no space). The same rules as the querysets."""
        space = self.space
        if space is None:
            return "none"
        if (
            space.trouble
            or space.account.status == Account.Status.BROKEN
            or space.liveness == Liveness.UNKNOWN
        ):
            return "unknown"
        if space.liveness == Liveness.IDLE:
            return "idle"
        return "stuck" if space.stuck_reasons(now) else "live"

    @property
    def stuck_limits(self) -> dict[str, int | None]:
        """The room's own limits for stuck calls, in minutes; None: as the installation has it."""
        return {one.name: getattr(self, f"stuck_{one.name}") for one in fields(Limits)}

    @property
    def place(self) -> str:
        """Building and floor in a few letters, for rows."""
        return f"{self.building.code} / {self.floor}" if self.floor else self.building.code


class Ownership(models.Model):
    """Somebody answers for a room. Owners and their deputies may do the same; the word tells whom to ask first."""

    class Kind(models.TextChoices):
        OWNER = "owner", _("Owner")
        DEPUTY = "deputy", _("Deputy")

    room = models.ForeignKey(Room, on_delete=models.CASCADE, related_name="ownerships")
    person = models.ForeignKey("spaces.Person", on_delete=models.CASCADE, related_name="ownerships")
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.OWNER)

    class Meta:
        ordering = [F("kind").desc(), "person__email"]
        constraints = [models.UniqueConstraint(fields=["room", "person"], name="one_ownership_each")]

    def __str__(self) -> str:
        return f"{self.person} ({self.kind})"
