"""Physical rooms, the buildings they are in, and who owns them."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from functools import cache
from typing import Any, ClassVar, NamedTuple, Self, overload
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection, models, transaction
from django.db.models import Case, Count, F, Prefetch, Q, QuerySet, Value, When
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from spaces.models.accounts import Account
from spaces.models.derived import DerivedModel
from spaces.models.devices import DeviceIdentity, NormalisedName
from spaces.models.names import NameKeyField, name_key
from spaces.models.people import Person, PersonAlias
from spaces.models.preferences import Favourite
from spaces.models.recognition import RoomNames
from spaces.models.search import SearchField, Term, holds, is_held, terms
from spaces.models.spaces import AGEING_CODE, Liveness, Space, SpaceQuerySet, stuck_condition
from spaces.models.stuck import Limits
from spaces.models.wordindex import begins, index_rooms, rooms_with


class BuildingQuerySet(models.QuerySet["Building"]):
    """The questions asked about buildings."""

    def named(self, name: str) -> "Building | None":
        """Return the building of this name, however it is written; the first if several have it."""
        return self.filter(name_key=name_key(name)).order_by("pk").first()


class Building(DerivedModel):
    """A site. Its time zone is the one in which the pages of its rooms show times."""

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
            *("started_at", "people", "devices", "phones", "guests", "bots", "peak"),
            *("same_since", "host_left_at", "stuck_at", "recording_since"),
        )
    ),
    *("stuck_empty", "stuck_devices", "stuck_alone", "stuck_hostless", "stuck_running"),
)


STATE_FIELDS = ("space__trouble", "space__account__status", "space__liveness")


def state_of(trouble: str, account_status: str, liveness: str) -> str:
    """What a space with these facts is: unknown, idle or live. The conditions below say the same to the database."""
    if trouble or account_status == Account.Status.BROKEN or liveness == Liveness.UNKNOWN:
        return "unknown"
    return "idle" if liveness == Liveness.IDLE else "live"


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


def _recorded() -> Q:
    """With a call that is being recorded."""
    return Q(space__conference__recording_since__isnull=False)


def _live_first() -> Case:
    """Orders rooms with a call on before the others."""
    return Case(When(space__liveness=Liveness.ACTIVE, then=Value(0)), default=Value(1))


@cache
def _spaces_not_known_idle() -> "QuerySet[Space, Any]":
    """Put together once: it is only ever a part of other questions."""
    return SpaceQuerySet(Space).not_known_idle().values("pk")


class Other(NamedTuple):
    """A room that is not known to be empty, and what its place in the list by need depends on besides its name."""

    key: int
    building: str
    need: int  # -1 stuck and being recorded, 0 stuck, 1 unknown, 2 live and well
    live_first: int


@dataclass(frozen=True, slots=True)
class Tally:
    """What a list of rooms holds, before any row of it is loaded: the numbers by building, and the rooms that are not known to be
    empty. That is enough to tell of any page which part of which building it shows, so a page's rooms are found without putting
    all of them in order."""

    rooms: "RoomQuerySet"
    sums: dict[str, Counter[str]]  # by building's name, in the order of the names
    buildings: dict[str, list[int]]  # ids by name; several buildings may have the same
    others: list[Other]  # by name

    @property
    def total(self) -> int:
        """How many rooms there are."""
        return sum(sums["total"] for sums in self.sums.values())

    def by_need(self) -> "Order":
        """The rooms in the order of RoomQuerySet.by_need. Only where the states of all of them were told."""
        rank = {name: place for place, name in enumerate(self.buildings)}
        needy = sorted(
            (one for one in self.others if one.need < 2),
            key=lambda one: (one.need, rank[one.building], one.live_first),
        )
        live: dict[str, list[int]] = {}
        for one in self.others:
            if one.need == 2:
                live.setdefault(one.building, []).append(one.key)
        away = Counter(one.building for one in self.others)
        return Order(
            self,
            [one.key for one in needy],
            [
                (name, live.get(name, []), max(sums["total"] - away[name], 0))
                for name, sums in self.sums.items()
            ],
        )

    def by_building(self) -> "Order":
        """The rooms by the names of their buildings and their own."""
        return Order(self, [], [(name, [], sums["total"]) for name, sums in self.sums.items()], apart=False)


def altogether(sums: dict[str, Counter[str]]) -> Counter[str]:
    """The numbers of all buildings."""
    total: Counter[str] = Counter()
    for one in sums.values():
        total.update(one)
    return total


class Order(Sequence[int]):
    """The keys of a list's rooms in their order; a page of them (a slice) costs at most one narrow question.

    `first` lead the list; of each building follow the rooms that are named and then, by name, as many others as are said.
    `apart`: those others are the rooms known to be empty.
    """

    def __init__(
        self, tally: Tally, first: list[int], runs: list[tuple[str, list[int], int]], *, apart: bool = True
    ) -> None:
        self.tally, self.first, self.runs, self.apart = tally, first, runs, apart

    def __len__(self) -> int:
        return self.tally.total

    @overload
    def __getitem__(self, index: int) -> int: ...
    @overload
    def __getitem__(self, index: slice) -> list[int]: ...
    def __getitem__(self, index: int | slice) -> int | list[int]:
        if isinstance(index, int):
            return self[index : index + 1][0]
        start, stop, _step = index.indices(len(self))
        found: list[int | None] = list(
            self.first[start:stop]
        )  # None: a place for one of those known to be empty
        touched: list[int] = []
        skipped, at = 0, len(self.first)
        for name, named, others in self.runs:
            found += named[max(start - at, 0) : max(stop - at, 0)]
            at += len(named)
            low, high = min(max(start - at, 0), others), min(max(stop - at, 0), others)
            if low < high:
                skipped += 0 if touched else low
                touched += self.tally.buildings[name]
                found += [None] * (high - low)
            at += others
        if not touched:
            return [key for key in found if key is not None]
        empty = self.tally.rooms.filter(building__in=touched)
        if self.apart:
            empty = empty.exclude(space__in=_spaces_not_known_idle())
        rest = iter(
            empty.order_by("building__name", "name", "pk").values_list("pk", flat=True)[
                skipped : skipped + found.count(None)
            ]
        )
        keys = [next(rest, None) if key is None else key for key in found]
        return [key for key in keys if key is not None]


def _tally(
    rooms: "RoomQuerySet",
    counted: Iterable[tuple[Any, ...]],
    judged: Iterable[tuple[Any, ...]],
    linked: dict[int, int] | None,
) -> Tally:
    """The tally out of RoomQuerySet._counted and _judged. `linked`: how many links there are by building of whose states is told;
    None: of all."""
    totals = {building: (total, links) for building, total, links in counted}
    tally = Tally(rooms, {}, {}, others := [])
    for building, name in Building.objects.filter(pk__in=totals).order_by("name").values_list("pk", "name"):
        total, links = totals[building]
        tally.buildings.setdefault(name, []).append(building)
        told = links if linked is None else linked.get(building, 0)
        counts = {"total": total, "none": total - links, "linked": told}
        tally.sums.setdefault(name, Counter()).update(counts)
    names = {building: name for name, those in tally.buildings.items() for building in those}
    for key, building, over, trouble, status, liveness, people, guests in judged:
        if building not in names:
            continue  # its first room has come this very moment
        name = names[building]
        sums = tally.sums[name]
        active = liveness == Liveness.ACTIVE
        if state_of(trouble, status, liveness) == "unknown":
            need = 1
            sums["unknown"] += 1
        else:
            need = (-1 if over == "recorded" else 0) if over and active else 2
            sums["live"] += 1
            sums["stuck"] += need <= 0
            sums["people"] += (people or 0) + (guests or 0)
        others.append(Other(key, name, need, 0 if active else 1))
    for sums in tally.sums.values():
        sums["idle"] = max(sums["linked"] - sums["live"] - sums["unknown"], 0)
    return tally


class Prepared:
    """A question that every page view asks. Its SQL is put together once in a process, because that takes Django as long as the
    answer takes the database. Values come as the database has them, so only numbers and short texts are asked for."""

    _MOMENT = datetime(1, 1, 1, tzinfo=UTC)  # stands in the SQL for now

    def __init__(self, make: "Callable[[datetime], QuerySet[Any, Any]]") -> None:
        self.make = make
        self._kept: tuple[str, tuple[Any, ...]] | None = None

    def ask(self, now: datetime) -> list[tuple[Any, ...]]:
        """The answer as of now."""
        if self._kept is None:
            self._kept = self.make(self._MOMENT).query.sql_with_params()
        sql, params = self._kept
        mark, moment = map(connection.ops.adapt_datetimefield_value, (self._MOMENT, now))
        with connection.cursor() as cursor:
            cursor.execute(sql, [moment if one == mark else one for one in params])
            found: list[tuple[Any, ...]] = cursor.fetchall()
        return found


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

    def with_owners(self) -> Self:
        """With owners and deputies, in one more query."""
        return self.prefetch_related(Prefetch("ownerships", Ownership.objects.select_related("person")))

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
        return self.filter(space__in=_spaces_not_known_idle())

    def ageing(self, now: datetime) -> Self:
        """Whose code may be dead soon."""
        return self.filter(space__code_confirmed_at__lt=now - AGEING_CODE)

    def starred_by(self, person: Person) -> Self:
        """Favourites of this person."""
        return self.filter(pk__in=Favourite.objects.filter(person=person).values("room"))

    def stuck(self, now: datetime) -> Self:
        """With a call that looks forgotten; see Space.stuck_reasons for the rule in words."""
        return self.filter(stuck_room_condition(now))

    def by_need(self, now: datetime) -> Self:
        """What needs a hand first: stuck calls, those being recorded before the others, then what cannot be known; the rest by
        building, live rooms first."""
        unknown = ~Q(space__trouble="") | Q(space__liveness=Liveness.UNKNOWN)
        need = Case(
            When(space=None, then=Value(2)),
            When(space__account__status=Account.Status.BROKEN, then=Value(1)),
            When(unknown, then=Value(1)),
            When(stuck_condition(now, "space__") & _recorded(), then=Value(-1)),
            When(stuck_condition(now, "space__"), then=Value(0)),
            default=Value(2),
        )
        return self.annotate(need=need, live_first=_live_first()).order_by(
            "need", "building__name", "live_first", "name", "pk"
        )

    def tally(self, now: datetime, *, seen: Q | None = None) -> "Tally":
        """How many of these rooms are where and in which state, and how they are ordered. `seen` narrows what states are told of
        (not `none`, which everybody may see).

        Rooms known to be empty are nearly all there are, so only the others are looked at; the empty ones are the rest.
        """
        bare = self.order_by()
        told = bare if seen is None else bare.filter(seen)
        linked = None
        if seen is not None:
            links_told = told.exclude(space=None).values("building").annotate(linked=Count("pk"))
            linked = {one["building"]: one["linked"] for one in links_told}
        return _tally(self, bare._counted(), told._judged(now), linked)

    def _counted(self) -> "QuerySet[Room, Any]":
        """By building: how many there are, and how many have a link."""
        return self.values_list("building").annotate(total=Count("pk"), linked=Count("space"))

    def _judged(self, now: datetime) -> "QuerySet[Room, Any]":
        """Those that are not known to be empty, by name, with what they are judged by."""
        # In letters, because Django converts numbers row by row.
        stuck = Q(space__conference__stuck_at__lte=now)
        over = Case(
            When(stuck & _recorded(), then=Value("recorded")),
            When(stuck, then=Value("over")),
            default=Value(""),
        )
        heads = (f"space__conference__{kind}" for kind in ("people", "guests"))
        judged = self.not_known_idle().order_by("name", "pk").annotate(over=over)
        return judged.values_list("pk", "building", "over", *STATE_FIELDS, *heads)

    def sums(self, now: datetime, *, seen: Q | None = None) -> dict[str, Counter[str]]:
        """By building's name: how many of these rooms there are (`total`), how many in which state, and how many people are in
        them (`people`). `seen` as in `tally`."""
        return self.tally(now, seen=seen).sums

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


_ALL_COUNTED = Prepared(lambda now: RoomQuerySet(Room).current().order_by()._counted())
_ALL_JUDGED = Prepared(lambda now: RoomQuerySet(Room).current().order_by()._judged(now))


def tally_of_all(now: datetime) -> Tally:
    """The tally of all rooms in use, for those who may see every call."""
    rooms = RoomQuerySet(Room).current()
    return _tally(rooms, _ALL_COUNTED.ask(now), _ALL_JUDGED.ask(now), None)


SEARCHED = ("name", "floor", "device_name", "resource_name")
"""What a room is found by."""


class Room(DerivedModel):
    """A physical room. `space` is the persistent Meet link it has now; earlier ones point back by `former_room`."""

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

    objects: ClassVar[models.Manager["Room"]] = RoomQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["building", "name_key"], name="room_name_key_unique_in_building")
        ]
        indexes = [
            models.Index(fields=["archived_at", "name"]),
            # What lists sort and count by, so that they need not read whole rows of all rooms.
            models.Index(fields=["archived_at", "space", "building", "name"], name="room_for_lists"),
            # What they count by building, and find a building's rooms in order by.
            models.Index(fields=["archived_at", "building", "name", "space"], name="room_by_building"),
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

    def state(self, now: datetime) -> str:
        """The room's state in one word: stuck, live, idle, unknown or none (no space). The same rules as the querysets."""
        return self.judged(now)[0]

    def judged(self, now: datetime) -> tuple[str, list[str]]:
        """The same, and why it is stuck, in words."""
        space = self.space
        if space is None:
            return "none", []
        state = state_of(space.trouble, space.account.status, space.liveness)
        if state != "live":
            return state, []
        reasons = space.stuck_reasons(now)
        return ("stuck" if reasons else "live"), reasons

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
