"""Physical rooms, the buildings they are in, and who owns them."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import fields
from datetime import datetime
from typing import Any, ClassVar, Self
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import models, transaction
from django.db.models import Count, F, Prefetch, Q, QuerySet, Sum
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from spaces.models.derived import DerivedModel
from spaces.models.details import SEARCHED
from spaces.models.devices import DeviceIdentity, NormalisedName
from spaces.models.names import NameKeyField, name_key
from spaces.models.people import Person, PersonAlias
from spaces.models.preferences import Favourite
from spaces.models.recognition import RoomNames
from spaces.models.search import SearchField, Term, holds, is_held, terms
from spaces.models.spaces import AGEING_CODE, Space
from spaces.models.state import FollowedModel, FollowedQuerySet, State
from spaces.models.stuck import Limits
from spaces.models.wordindex import begins, index_rooms, rooms_with


class BuildingQuerySet(FollowedQuerySet["Building"]):
    """The questions asked about buildings."""

    def named(self, name: str) -> "Building | None":
        """Return the building of this name, however it is written; the first if several have it."""
        return self.filter(name_key=name_key(name)).order_by("pk").first()


class Building(FollowedModel, DerivedModel):
    """A site. Its time zone is the one in which the pages of its rooms show times."""

    state_facts = frozenset({"name"})
    way_from_room = "building"

    code = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=120)
    name_key = NameKeyField(db_index=True)
    time_zone = models.CharField(max_length=64, blank=True)  # empty: nobody has chosen one
    address = models.TextField(blank=True)
    search_text = SearchField(sources=("name", "code"))

    objects: ClassVar[models.Manager["Building"]] = BuildingQuerySet.as_manager()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def zone(self) -> ZoneInfo:
        """The building's time zone; where none was chosen, that of the installation."""
        return ZoneInfo(self.time_zone or settings.TIME_ZONE)


# What a row of a list shows.
ROW_FIELDS = (
    *("slug", "name", "floor", "capacity", "archived_at", "building__code", "building__name"),
    *("state", "state_reason"),
    *(
        f"space__{name}"
        for name in ("owned", "origin", "meeting_code", "meeting_uri", "liveness", "seen_at", "trouble")
    ),
    *(f"space__account__{name}" for name in ("email", "status", "problem")),
    *(
        f"space__conference__{name}"
        for name in (
            *("started_at", "people", "devices", "phones", "guests", "bots", "peak"),
            *("same_since", "host_left_at", "stuck_at", "recording_since"),
        )
    ),
    *("stuck_empty", "stuck_devices", "stuck_alone", "stuck_hostless", "stuck_running"),
)


def altogether(sums: dict[str, Counter[str]]) -> Counter[str]:
    """Return the numbers of all buildings together."""
    total: Counter[str] = Counter()
    for numbers in sums.values():
        total.update(numbers)
    return total


class RoomQuerySet(FollowedQuerySet["Room"]):
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

    def with_owners(self) -> Self:
        """With owners and deputies, in one more query."""
        return self.prefetch_related(Prefetch("ownerships", Ownership.objects.select_related("person")))

    def owned_by(self, person: Person) -> Self:
        """Rooms this person owns or is deputy of."""
        return self.filter(pk__in=Ownership.objects.filter(person=person).values("room"))

    def live(self) -> Self:
        """With a call on, stuck ones included."""
        return self.filter(state__in=[State.LIVE, State.STUCK])

    def idle(self) -> Self:
        """Known to be empty."""
        return self.filter(state=State.IDLE)

    def unknown(self) -> Self:
        """Whose state Google does not tell us."""
        return self.filter(need=2)  # leads the index of the order by need

    def not_known_idle(self) -> Self:
        """With a call on, or in an unknown state."""
        return self.filter(rank__lt=4)

    def ageing(self, now: datetime) -> Self:
        """Whose code may be dead soon."""
        return self.filter(space__code_confirmed_at__lt=now - AGEING_CODE)

    def starred_by(self, person: Person) -> Self:
        """Favourites of this person."""
        return self.filter(pk__in=Favourite.objects.filter(person=person).values("room"))

    def stuck(self) -> Self:
        """With a call that looks forgotten."""
        return self.filter(need__lt=2)  # leads the index of the order by need

    def by_need(self) -> Self:
        """What needs action first: stuck calls, those being recorded before the others, then unknown states; the rest by building, live
        rooms first. Only where the person may know the state of all of these rooms."""
        return self.order_by("need", "building_name", "rank", "name", "pk")

    def by_building(self) -> Self:
        """By the names of their buildings and their own."""
        return self.order_by("building_name", "name", "pk")

    def sums(self, *, seen: Q | None = None) -> dict[str, Counter[str]]:
        """Return by building's name how many of these rooms there are (`total`), how many in which state (`live` includes `stuck`), and
        how many people are in them (`people`). `seen` narrows the rooms whose states are counted, but for `none`, which everybody may
        see."""
        sums: dict[str, Counter[str]] = {}
        for name, state, number, people in self._by_state():
            numbers = sums.setdefault(name, Counter())
            numbers["total"] += number
            if seen is None or state == State.NONE:
                _count(numbers, state, number, people)
        for name, state, number, people in self.filter(seen)._by_state() if seen is not None else ():
            if state != State.NONE:
                _count(sums.setdefault(name, Counter()), state, number, people)
        return sums

    def _by_state(self) -> "QuerySet[Room, Any]":
        groups = self.order_by("building_name", "state").values_list("building_name", "state")
        return groups.annotate(number=Count("pk"), people=Sum("people_in"))

    def without_device(self) -> Self:
        """Whose device is not known: no name is entered and no Google id was recognised."""
        known = DeviceIdentity.objects.filter(is_device=True).exclude(room=None)
        return self.filter(device_name="").exclude(pk__in=known.values("room"))

    def with_unknown_device(self) -> Self:
        """In whose calls something was seen that looks like a device and that nobody has answered for."""
        undecided = DeviceIdentity.objects.filter(is_device=None).exclude(room=None)
        return self.filter(pk__in=undecided.values("room"))

    def without_space(self) -> Self:
        """Not mapped to any Meet link yet."""
        return self.filter(space=None)

    def named_like(self, names: Iterable[str]) -> Self:
        """Rooms whose device may have one of these normalised names (recognition.candidates)."""
        wanted = list(names)
        return self.filter(
            Q(name_words__in=wanted) | Q(device_words__in=wanted) | Q(resource_words__in=wanted)
        )

    def matching(self, text: str) -> Self:
        """Rooms whose name, place, device, code or owner has every word of the text. Words that people say around a name (“room”,
        “is blocked”) are required only where some room has them, too."""
        wanted = terms(text)[:MOST_TERMS]
        naming = [term for term in wanted if not term.is_filler]
        narrowed = _Narrowed()
        found = self._having(wanted, narrowed)
        if naming and len(naming) < len(wanted) and not found.exists():
            return self._having(naming, narrowed)
        return found

    def _having(self, wanted: list[Term], narrowed: "_Narrowed") -> Self:
        """Rooms that have all of these terms; none when there is nothing to look for."""
        if not 0 < sum(len(term.words) or 1 for term in wanted) <= MOST_WORDS:
            return self.none()
        few = narrowed.by(wanted)
        if few is not None and not few:
            return self.none()
        found = self if few is None else self.filter(pk__in=few)
        for term in wanted:
            found = found.filter(_has(term))
        return found

    def bulk_create(self, objs: "Iterable[Room]", *args: Any, **kwargs: Any) -> "list[Room]":
        """Add the rooms and their words."""
        with transaction.atomic():
            made = super().bulk_create(objs, *args, **kwargs)
            index_rooms({room.pk: room.search_text for room in made})
        return made


MOST_TERMS = 12
MOST_WORDS = 24  # in them; no name has as many
FEW = 1000
"""Rooms with a term that are taken from the index. Where a term has more, each room's text is looked at."""
ENOUGH = 50
"""Rooms that are left; the index is asked about no further term."""


class _Narrowed:
    """The rooms (ids) that can have the terms of one text, archived rooms too, as the index knows them."""

    def __init__(self) -> None:
        self._sites: dict[int, str] | None = None
        self._found: dict[Term, set[int] | None] = {}

    def by(self, wanted: list[Term]) -> set[int] | None:
        """Return the rooms that can have all these terms; None: more than FEW."""
        few: set[int] | None = None
        for term in sorted(wanted, key=lambda term: (term.is_filler, -len(term.raw))):
            if term not in self._found:
                self._found[term] = self._having(term)
            having = self._found[term]
            if having is not None:
                few = having if few is None else few & having
            if few is not None and len(few) <= ENOUGH:
                break
        return few

    def _having(self, term: Term) -> set[int] | None:
        found: set[int] | None = None if term.words else set()
        for word in sorted(term.words, key=len, reverse=True):
            having = self._with(word)
            if having is not None:
                found = having if found is None else found & having
            if found is not None and len(found) <= ENOUGH:
                break
        others: list[QuerySet[Any, Any]] = []
        if found is not None and _may_be_owner(term):
            others.append(_owned_by(term).values_list("room", flat=True))
        if found is not None and term.is_code:
            others.append(Room.objects.filter(space__in=_coded(term)).values_list("pk", flat=True))
        for keys in others:
            having = _few(keys)
            found = None if having is None or found is None else found | having
        return found

    def _with(self, word: str) -> set[int] | None:
        """Return the rooms that have the word themselves or by their building."""
        found = _few(rooms_with(word).values_list("room", flat=True))
        if self._sites is None:
            self._sites = dict(Building.objects.order_by().values_list("pk", "search_text"))
        there = [key for key, text in self._sites.items() if is_held(word, text)]
        if found is not None and there:
            within = _few(Room.objects.filter(building__in=there).values_list("pk", flat=True))
            return None if within is None else found | within
        return found


def _few(keys: "QuerySet[Any, int]") -> set[int] | None:
    """Return the ids; None when they are more than FEW."""
    found = list(keys.order_by()[: FEW + 1])
    return set(found) if len(found) <= FEW else None


def _has(term: Term) -> Q:
    """A room has a term: all of its words in its name or place, or the whole as the beginning of its code or an owner's address."""
    condition = Q() if term.words else Q(pk__in=[])
    for word in term.words:
        there = Building.objects.filter(holds(word)).values("pk")
        condition &= holds(word) | Q(building__in=there)
    if _may_be_owner(term):
        condition |= Q(pk__in=_owned_by(term).values("room"))
    if term.is_code:
        condition |= Q(space__in=_coded(term))
    return condition


def _count(numbers: Counter[str], state: str, number: int, people: int) -> None:
    numbers[state] += number
    numbers["people"] += people
    if state == State.STUCK:
        numbers[State.LIVE] += number


def _may_be_owner(term: Term) -> bool:
    return len(term.raw) > 2 and not term.is_filler


def _owned_by(term: Term) -> "QuerySet[Ownership]":
    """What people own whose address has the term, or begins with it."""
    if "@" in term.raw:
        people, aliases = Q(email__contains=term.raw), Q(address__contains=term.raw)
    else:
        people, aliases = begins("email", term.raw), begins("address", term.raw)
    people |= Q(pk__in=PersonAlias.objects.filter(aliases).order_by().values("person"))
    return Ownership.objects.filter(person__in=Person.objects.filter(people).values("pk")).order_by()


def _coded(term: Term) -> "QuerySet[Space, Any]":
    """The links whose code begins with the term."""
    return Space.objects.filter(begins("meeting_code", term.raw)).order_by().values("pk")


class Room(FollowedModel, DerivedModel):
    """A physical room. `space` is the persistent Meet link it has now; earlier ones point back by `former_room`.

    The columns from `state` on are written by `models.state` alone; see `Stored` there.
    """

    state_facts = frozenset({"space", "building"})
    way_from_room = "pk"

    slug = models.SlugField(max_length=120, unique=True)
    name = models.CharField(max_length=120)
    name_key = NameKeyField()
    building = models.ForeignKey(Building, on_delete=models.PROTECT, related_name="rooms")
    floor = models.CharField(max_length=40, blank=True)
    capacity = models.PositiveSmallIntegerField(null=True, blank=True)
    device_name = models.CharField(
        max_length=200,
        blank=True,
        help_text="Name of the meeting-room device as it is set in Google's Admin console. A participant with this name "
        "is counted as a device, not as a person.",
    )
    resource_name = models.CharField(
        max_length=200, blank=True, help_text="Name of the room in Google Calendar, as a resource."
    )
    name_words = NormalisedName(sources=("name",))
    device_words = NormalisedName(sources=("device_name",))
    resource_words = NormalisedName(sources=("resource_name",))
    notes = models.TextField(blank=True)
    search_text = SearchField(sources=SEARCHED)
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
    state = models.CharField(max_length=10, default=State.NONE.value, editable=False)
    state_reason = models.CharField(max_length=20, default="", editable=False)
    need = models.PositiveSmallIntegerField(default=3, editable=False)
    rank = models.PositiveSmallIntegerField(default=4, editable=False)
    people_in = models.PositiveIntegerField(default=0, editable=False)
    stuck_at = models.DateTimeField(null=True, editable=False)
    building_name = models.CharField(max_length=120, default="", editable=False)

    objects: ClassVar[models.Manager["Room"]] = RoomQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["building", "name_key"], name="room_name_key_unique_in_building")
        ]
        indexes = [
            # Rooms in use: the order by need (with what its filters need), by building and by name, and the counters. Each is
            # read from its index alone, for SQLite with the condition among the columns.
            models.Index(
                fields=["need", "building_name", "rank", "name", "id", "state", "archived_at"],
                name="room_by_need",
                condition=Q(archived_at=None),
            ),
            models.Index(
                fields=["building_name", "name", "id", "archived_at"],
                name="room_by_building",
                condition=Q(archived_at=None),
            ),
            models.Index(
                fields=["name", "building_name", "id", "archived_at"],
                name="room_by_name",
                condition=Q(archived_at=None),
            ),
            models.Index(
                fields=["building_name", "state", "people_in", "archived_at"],
                name="room_counters",
                condition=Q(archived_at=None),
            ),
            models.Index(fields=["stuck_at"], name="room_stuck_at", condition=Q(stuck_at__isnull=False)),
            # By which rooms are found whose device may have a participant's name.
            models.Index(fields=["name_words"], name="room_name_words"),
            models.Index(fields=["device_words"], name="room_device_words"),
            models.Index(fields=["resource_words"], name="room_resource_words"),
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save the room, and its words in the index if they may have changed."""
        changed = kwargs.get("update_fields")
        with transaction.atomic():
            super().save(*args, **kwargs)
            if changed is None or not set(SEARCHED).isdisjoint(changed):
                index_rooms({self.pk: self.search_text})

    def get_absolute_url(self) -> str:
        """The room's page."""
        return reverse("room", args=[self.slug])

    def device_names(self, *, here: bool = False) -> RoomNames:
        """The names under which the room's device may appear in a call; `here`: in a call of this room."""
        return RoomNames(
            pk=self.pk,
            name=self.name,
            building=self.building.name,
            code=self.building.code,
            floor=self.floor,
            device_name=self.device_name,
            resource_name=self.resource_name,
            here=here,
        )

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
