"""The overview: all rooms, what needs action first; and the same on a wall."""

from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import F, Q
from django.db.models.functions import Coalesce
from django.http import HttpResponse, QueryDict
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import get_language, gettext_lazy, ngettext
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from spaces import access
from spaces.access import Permission, RoomLinks
from spaces.forms import ColumnsForm, FilterForm, SavedFilterForm
from spaces.models import Account, Ownership, Person, Preferences, Room, SavedFilter
from spaces.models.rooms import RoomQuerySet, altogether
from spaces.offers import Act
from spaces.views.columns import chosen_columns, heads
from spaces.views.live import named_rooms, shared, watched
from spaces.views.replies import Request, page
from spaces.views.rows import Row, load

PER_PAGE = 50
COUNTED = ("live", "stuck", "unknown", "ageing", "idle", "none")
ABOUT_CALLS = {"live", "stuck", "unknown", "idle", "ageing"}  # states that only some may know
OPEN = {"name", "code"}  # orders for everybody, without headings
WALL_PAGE, WALL_SECONDS = 12, 15  # rooms on the wall at once, and how long
WALL_KEPT = 6  # stuck calls that stay while the others turn


def _filtered(person: Person, wanted: dict[str, Any], now: datetime) -> RoomQuerySet:
    """The rooms that fit the filters. Filters about calls look only at rooms whose calls the person may see."""
    found = access.visible_rooms(person)
    state = wanted.get("state")
    if state == "none":
        found = found.without_space()
    elif state:
        found = access.rooms_where(person, Permission.CALL_SEE)
        found = found.ageing(now) if state == "ageing" else getattr(found, state)()
    found = found.exclude(archived_at=None) if wanted.get("archived") else found.current()
    if wanted.get("q"):
        found = found.matching(wanted["q"])
    if wanted.get("building"):
        found = found.filter(building=wanted["building"])
    if wanted.get("floor"):
        found = found.filter(floor=wanted["floor"])
    if wanted.get("device"):
        # About calls, and for those who can answer.
        found = found.filter(pk__in=access.rooms_where(person, Permission.DEVICE_IDENTIFY).values("pk"))
        found = found.without_device() if wanted["device"] == "none" else found.with_unknown_device()
    if wanted.get("owner"):
        found = found.filter(
            pk__in=Ownership.objects.filter(person=Person.objects.by_address(wanted["owner"])).values("room")
        )
    if wanted.get("starred"):
        found = found.starred_by(person)
    return found.owned_by(person) if wanted.get("mine") else found


def _ordered(found: RoomQuerySet, sort: str) -> RoomQuerySet:
    """In the order asked for, where that is not by building."""
    key, backwards = sort.removeprefix("-"), sort.startswith("-")
    if key in {"name", "code"}:
        by = F("name" if key == "name" else "space__meeting_code")
        return found.order_by(
            by.desc(nulls_last=True) if backwards else by.asc(nulls_last=True), "building_name", "pk"
        )
    if key == "people":
        call = "space__conference__"
        heads = F(f"{call}people") + Coalesce(f"{call}guests", 0)
        return found.order_by(
            heads.asc(nulls_last=True) if backwards else heads.desc(nulls_last=True), "name", "pk"
        )
    moment = F("space__conference__started_at" if key == "since" else "space__seen_at")
    return found.order_by(
        moment.desc(nulls_last=True) if backwards else moment.asc(nulls_last=True), "name", "pk"
    )


def _counters(numbers: Counter[str], wanted: dict[str, Any]) -> list[dict[str, Any]]:
    """The numbers as they stand above the list; each is a filter that shows as many rooms, but for the people in them."""
    labels: dict[str, Any] = dict(FilterForm.STATES)
    crowded = wanted.get("state") == "live" and wanted.get("sort") == "people"
    found = [
        {
            "key": key,
            "label": labels[key],
            "number": numbers[key],
            "query": f"state={key}",
            "on": wanted.get("state") == key and not (key == "live" and crowded),
        }
        for key in COUNTED
    ]
    people = {
        "key": "people",
        "label": gettext_lazy("People in rooms"),
        "number": numbers["people"],
        "query": "state=live&sort=people",
        "on": crowded,
    }
    return [*found[:-2], people, *found[-2:]]


@dataclass(frozen=True, slots=True)
class Group:
    """Rows under one heading, with what they sum up to."""

    name: str | Promise
    sums: str
    rows: list[Row]
    code: str = ""  # the building's, for its filter; empty for what needs action


def _grouped(shown: list[Row], sums: dict[str, Counter[str]], *, by_need: bool) -> list[Group]:
    """The rows under their headings, in their order. The sums are those of the whole list, not of this page."""
    found: list[Group] = []
    total = altogether(sums)
    for row in shown:
        name = row.group if by_need else row.room.building.name
        if not found or found[-1].name != name:
            building = name == row.room.building.name
            words = _sums(sums.get(str(name), Counter())) if building else _needs(total)
            found.append(Group(name, words, [], row.room.building.code if building else ""))
        found[-1].rows.append(row)
    return found


def _sums(sums: Counter[str]) -> str:
    """“212 rooms · 9 live · 31 people”"""
    parts = [ngettext("%(number)s room", "%(number)s rooms", sums["total"]) % {"number": sums["total"]}]
    if sums["live"]:
        parts.append(_("%(number)s live") % {"number": sums["live"]})
    if sums["people"]:
        words = ngettext("%(number)s person in them", "%(number)s people in them", sums["people"])
        parts.append(words % {"number": sums["people"]})
    return " · ".join(parts)


def _needs(sums: Counter[str]) -> str:
    """“4 stuck · 1 unknown”"""
    parts = []
    if sums["stuck"]:
        parts.append(_("%(number)s stuck") % {"number": sums["stuck"]})
    if sums["unknown"]:
        parts.append(_("%(number)s unknown") % {"number": sums["unknown"]})
    return " · ".join(parts)


def _emptiness(wanted: dict[str, Any], total: int, *, sees_all_calls: bool) -> str:
    """Why there is no row: nothing is there yet, the filters leave nothing, it may not be seen, or the source has failed."""
    if not total and not wanted:
        return "nothing"
    if wanted.get("state") in ABOUT_CALLS:
        return "calls" if sees_all_calls else "denied"  # of calls it matters whether Google was asked lately
    return "filtered"


@dataclass(frozen=True, slots=True)
class Own:
    """What a person's list has of their own besides their rooms."""

    columns: tuple[str, ...]
    saved: tuple[tuple[str, str], ...]  # filters: name and query
    stars: frozenset[int]  # rooms
    links: RoomLinks

    @classmethod
    def of(cls, person: Person) -> "Own":
        """As it is stored."""
        return cls(
            chosen_columns(Preferences.objects.filter(person=person).first()),
            tuple(SavedFilter.objects.filter(person=person).values_list("name", "query")),
            frozenset(person.favourites.values_list("room", flat=True)),
            access.room_links(person),
        )


@require_GET
@watched
def overview(request: Request) -> HttpResponse:
    """All rooms, what needs action first. Filters, order and page are in the address; nothing here asks Google."""
    now = timezone.now()
    form = FilterForm(request.GET)
    wanted = form.understood()
    if request.GET.get("tv"):
        return _wall(request, now)
    own = Own.of(request.user)
    if not request.htmx:
        return page(request, "overview.html", _whole(request, form, wanted, now, own))
    face = _face(request, wanted, own)
    if named := named_rooms(request):
        rows = partial(_some_rows, request, wanted, now, own, named)
        return shared(request, (*face, tuple(named)), "_rows.html", rows)
    return shared(request, face, "overview.html#board", partial(_list, request, form, wanted, now, own))


def _face(request: Request, wanted: dict[str, Any], own: Own) -> tuple[Hashable, ...]:
    """All that a list depends on besides the rooms: what is asked for, and what is one's own in it. People with the same face
    are shown the same list; most staff have nothing of their own in it."""
    person = request.user
    return (
        request.get_full_path(),
        access.permissions(person),
        person.pk if wanted.get("mine") or wanted.get("starred") else None,
        own,
        get_language(),
        timezone.get_current_timezone_name(),
    )


def _whole(
    request: Request, form: FilterForm, wanted: dict[str, Any], now: datetime, own: Own
) -> dict[str, Any]:
    """What the page shows when it is opened: the list, and what stands around it."""
    return {
        "form": form,
        "more": [name for name in ("floor", "owner", "device", "archived") if wanted.get(name)],
        "columns_form": ColumnsForm(initial={"columns": list(own.columns)}),
        **_list(request, form, wanted, now, own),
    }


def _list(
    request: Request, form: FilterForm, wanted: dict[str, Any], now: datetime, own: Own
) -> dict[str, Any]:
    """What the list and the counters above it show."""
    person = request.user
    whose = access.visible_q(person, Permission.CALL_SEE, own.links)
    in_use = RoomQuerySet(Room).current()
    sums = in_use.sums(seen=whose)
    numbers = _numbers(sums, whose, now)
    sort = wanted.get("sort", "need")
    narrowed = bool(set(wanted) - {"sort"})
    # Without a filter these are all the rooms in use, which everybody may open.
    found = _filtered(person, wanted, now) if narrowed else in_use
    # Orders that would tell of calls are for those who may see every call.
    by_need = whose is None and sort == "need"
    grouped = by_need or sort == "building" or (whose is not None and sort.removeprefix("-") not in OPEN)
    if grouped:
        sums = found.sums(seen=whose) if narrowed else sums
        length = altogether(sums)["total"]
        ordered = found.by_need() if by_need else found.by_building()
    else:
        length = found.count() if narrowed else numbers["total"]
        ordered = _ordered(found, sort)
    leaf = _leaf(ordered.values_list("pk", flat=True), length, request.GET.get("page"))
    shown = load(list(leaf.object_list), person, now, own.links, columns=own.columns, stars=own.stars)
    shown_heads = heads(own.columns, sort, sees_all_calls=whose is None)
    query = form.query()
    return {
        "narrowed": narrowed,
        "query": query,
        "groups": _grouped(shown, sums, by_need=by_need) if grouped else [Group("", "", shown)],
        "grouped": grouped,
        "rows": shown,
        "leaf": leaf,
        "counters": _counters(numbers, wanted),
        "columns": set(own.columns),
        "heads": shown_heads,
        "width": len(shown_heads) + 2,
        "selectable": True,
        "refreshable": any(row.offers[Act.REFRESH].possible for row in shown),
        "saved": _saved(own, query),
        "save_form": SavedFilterForm(initial={"query": query}) if query else None,
        "empty": _emptiness(wanted, numbers["total"], sees_all_calls=whose is None),
        "now": now,
    }


def _numbers(sums: dict[str, Counter[str]], whose: Q | None, now: datetime) -> Counter[str]:
    """The numbers of the counters."""
    numbers = altogether(sums)
    numbers["ageing"] = RoomQuerySet(Room).current().filter(whose or Q()).ageing(now).count()
    return numbers


def _some_rows(
    request: Request, wanted: dict[str, Any], now: datetime, own: Own, named: list[int]
) -> dict[str, Any]:
    """Some rows of the list that an open page shows, for it to put in their places. Rooms that do not fit its filters any more,
    or that the person may not see, are left out."""
    found = _filtered(request.user, wanted, now).filter(pk__in=named).order_by("pk")
    keys = list(found.values_list("pk", flat=True))
    shown = load(keys, request.user, now, own.links, columns=own.columns, stars=own.stars)
    return {"rows": shown, "columns": set(own.columns), "selectable": True, "now": now}


def _leaf(keys: Any, length: int, number: str | None) -> Page[Any]:
    """One page of keys; the rooms behind them are loaded apart, with only what a row needs."""
    paginator: Paginator[Any] = Paginator(keys, PER_PAGE)
    paginator.count = length  # a cached property: known already, so it is not asked for again
    return paginator.get_page(number)


def _saved(own: Own, query: str) -> list[dict[str, Any]]:
    """The person's own filters; `on`: this is what is shown now, whatever the order of its parts."""
    now = sorted(QueryDict(query).items())
    return [
        {"name": name, "query": saved, "on": bool(query) and sorted(QueryDict(saved).items()) == now}
        for name, saved in own.saved
    ]


def _wall(request: Request, now: datetime) -> HttpResponse:
    """For a screen on the wall: what needs action and what is live, no names, codes or addresses, and nothing to press. When
    not all fits, the clock turns the pages, so that it works without JavaScript and every screen shows the same; the first
    stuck calls stay on top of every page."""
    links = access.room_links(request.user)
    whose = access.visible_q(request.user, Permission.CALL_SEE, links)
    numbers = _numbers(RoomQuerySet(Room).current().sums(seen=whose), whose, now)
    found = access.rooms_where(request.user, Permission.CALL_SEE).current().not_known_idle()
    keys = list(found.by_need().values_list("pk", flat=True)[:1000])
    kept = min(numbers["stuck"], WALL_KEPT) if len(keys) > WALL_PAGE else 0
    turning = WALL_PAGE - kept
    pages = max(-(-(len(keys) - kept) // turning), 1)
    number = int(now.timestamp() // WALL_SECONDS) % pages
    page_keys = keys[kept + number * turning : kept + (number + 1) * turning]
    shown = load(keys[:kept] + page_keys, request.user, now, links, columns=())
    context = {
        "checked": bool(shown) or Account.objects.usable().exclude(swept_at=None).exists(),
        "rows": shown,
        "counters": _counters(numbers, {}),
        "number": number + 1,
        "pages": pages,
        "total": len(keys),
        "seconds": WALL_SECONDS,
        "now": now,
    }
    return page(request, "wall.html", context, partial="wall")
