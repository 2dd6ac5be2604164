"""Lists of rooms (the overview, one's own), and what is written about a room. One room's page: roompage.py."""

from datetime import datetime
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import F, Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from spaces import access, audit
from spaces.access import Permission
from spaces.actions import buildings, rooms
from spaces.forms import FilterForm, RoomForm
from spaces.models import Building, Ownership, Person, Room
from spaces.models.rooms import RoomQuerySet
from spaces.views.replies import Request, back, carry_out, page, posted
from spaces.views.rows import rows

PER_PAGE = 50
COUNTED = ("live", "stuck", "unknown", "idle", "none")


def find(request: Request, slug: str) -> Room:
    """The room for this person; 404 when they may not open it. Loading it is the first check."""
    return get_object_or_404(access.visible_rooms(request.user).for_pages(), slug=slug)


def _filtered(person: Person, wanted: dict[str, Any], now: datetime) -> RoomQuerySet:
    """The rooms that fit the filters. Filters about calls look only at rooms whose calls the person may see."""
    found = access.visible_rooms(person)
    state = wanted.get("state")
    if state == "none":
        found = found.without_space()
    elif state:
        found = access.rooms_where(person, Permission.CALL_SEE)
        found = found.stuck(now) if state == "stuck" else getattr(found, state)()
    found = found.exclude(archived_at=None) if wanted.get("archived") else found.current()
    if wanted.get("q"):
        found = found.matching(wanted["q"])
    if wanted.get("building"):
        found = found.filter(building=wanted["building"])
    if wanted.get("floor"):
        found = found.filter(floor=wanted["floor"])
    if wanted.get("owner"):
        found = found.filter(
            pk__in=Ownership.objects.filter(person__email=wanted["owner"].lower()).values("room")
        )
    return found.owned_by(person) if wanted.get("mine") else found


def _ordered(found: RoomQuerySet, sort: str, now: datetime, *, sees_all_calls: bool) -> RoomQuerySet:
    """In the order asked for. Orders that would tell of calls are for those who may see every call."""
    if sort == "name":
        return found.order_by("name", "pk")
    if sort == "building" or not sees_all_calls:
        return found.order_by("building__name", "name", "pk")
    if sort == "since":
        return found.order_by(F("space__conference__started_at").asc(nulls_last=True), "pk")
    if sort == "seen":
        return found.order_by(F("space__seen_at").asc(nulls_last=True), "pk")
    return found.by_need(now)


def _tally(person: Person, now: datetime) -> dict[str, int]:
    """How many rooms are in which state, among those whose calls the person may see."""
    seen = None
    if not access.everywhere(person, Permission.CALL_SEE):
        seen = Q(pk__in=access.rooms_where(person, Permission.CALL_SEE).values("pk"))
    return RoomQuerySet(Room).current().tally(now, seen=seen)


def _counters(numbers: dict[str, int]) -> list[dict[str, Any]]:
    """The numbers as they stand above the list; each is a filter."""
    labels = dict(FilterForm.STATES)
    return [{"key": key, "label": labels[key], "number": numbers[key]} for key in COUNTED]


def _shown(found: RoomQuerySet, length: int, number: str | None, person: Person) -> Page[Any]:
    """One page. First the keys, then only those rooms with all that a row needs."""
    paginator: Paginator[Any] = Paginator(found.values_list("pk", flat=True), PER_PAGE)
    paginator.count = length  # a cached property: known already, so it is not asked for again
    leaf: Page[Any] = paginator.get_page(number)
    keys = list(leaf.object_list)
    loaded = {room.pk: room for room in access.visible_rooms(person).for_lists().filter(pk__in=keys)}
    leaf.object_list = [loaded[key] for key in keys if key in loaded]
    return leaf


@require_GET
def overview(request: Request) -> HttpResponse:
    """All rooms, what needs action first. Filters, order and page are in the address; nothing here asks Google."""
    now = timezone.now()
    form = FilterForm(request.GET)
    wanted = form.understood()
    sees_all = access.everywhere(request.user, Permission.CALL_SEE)
    found = _filtered(request.user, wanted, now)
    numbers = _tally(request.user, now)
    # Counted before it is put in order (the order joins what counting does not need), and once where nothing is filtered.
    length = found.count() if set(wanted) - {"sort"} else numbers["total"]
    found = _ordered(found, wanted.get("sort", "need"), now, sees_all_calls=sees_all)
    leaf = _shown(found, length, request.GET.get("page"), request.user)
    context = {
        "form": form,
        "wanted": wanted,
        "rows": rows(leaf.object_list, request.user, now),
        "leaf": leaf,
        "counters": _counters(numbers),
        "buildings": Building.objects.all(),
        "now": now,
        "grouped": sees_all and wanted.get("sort", "need") == "need",
    }
    return page(request, "overview.html", context, partial="board")


@require_GET
def mine(request: Request) -> HttpResponse:
    """The rooms somebody owns or is deputy of: what to end, first."""
    now = timezone.now()
    found = access.visible_rooms(request.user).current().owned_by(request.user).for_lists().by_need(now)
    return page(
        request, "mine.html", {"rows": rows(found[:500], request.user, now), "now": now}, partial="board"
    )


def _building(form: RoomForm, request: Request) -> Building:
    chosen = form.cleaned_data["building"]
    return chosen or buildings.add(name=form.cleaned_data["new_building"], actor=request.user)


@require_http_methods(["GET", "POST"])
def new(request: Request) -> HttpResponse:
    """Add a room."""
    access.require(request.user, Permission.ROOM_CREATE)
    form = RoomForm(posted(request), buildings=access.buildings_for(request.user))
    if request.method == "POST" and form.is_valid():
        try:
            made = rooms.create(
                room=form.facts(_building(form, request)), actor=request.user, key=form.cleaned_data["key"]
            )
        except audit.AlreadyAsked as again:
            return redirect(again.entry.room) if again.entry.room else redirect("overview")
        except audit.Refused as refusal:
            form.add_error("name", refusal.sentence)
        else:
            return redirect(made)
    return page(request, "room_form.html", {"form": form}, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
def edit(request: Request, slug: str) -> HttpResponse:
    """Change what is written about a room."""
    found = find(request, slug)
    access.require(request.user, Permission.ROOM_EDIT, found)
    known = rooms.facts(found)
    initial = {
        "name": known.name,
        "building": known.building,
        "floor": known.floor,
        "capacity": known.capacity,
        "device_name": known.device_name,
        "notes": known.notes,
        "owners": "\n".join(known.owners),
        "deputies": "\n".join(known.deputies),
    }
    form = RoomForm(
        posted(request), buildings=access.buildings_for(request.user), room=found, initial=initial
    )
    if request.method == "POST" and form.is_valid():
        to = form.facts(_building(form, request))
        if carry_out(
            request, lambda: rooms.edit(room=found, to=to, actor=request.user, key=form.cleaned_data["key"])
        ):
            return redirect(found)
    return page(request, "room_form.html", {"form": form, "room": found}, status=422 if form.errors else 200)


@require_POST
def archive(request: Request, slug: str) -> HttpResponse:
    """Take a room out of use."""
    found = find(request, slug)
    carry_out(request, lambda: rooms.archive(room=found, actor=request.user))
    return back(request, found.get_absolute_url())


@require_POST
def restore(request: Request, slug: str) -> HttpResponse:
    """Bring an archived room back."""
    found = find(request, slug)
    carry_out(request, lambda: rooms.restore(room=found, actor=request.user))
    return back(request, found.get_absolute_url())
