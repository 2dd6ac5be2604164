"""Buildings: list, add, edit, delete."""

from django.db.models import Count, Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from spaces import access
from spaces.access import Permission
from spaces.actions import buildings
from spaces.forms import BuildingForm
from spaces.language import zones
from spaces.models import Building
from spaces.views.replies import Request, carry_out, page, posted


@require_GET
def overview(request: Request) -> HttpResponse:
    """The buildings this person may edit, with their rooms counted."""
    access.require(request.user, Permission.BUILDING_EDIT)
    found = access.buildings_for(request.user).annotate(
        current=Count("rooms", filter=Q(rooms__archived_at=None)),
        archived=Count("rooms", filter=~Q(rooms__archived_at=None)),
    )
    return page(request, "buildings.html", {"buildings": found})


@require_http_methods(["GET", "POST"])
def new(request: Request) -> HttpResponse:
    """Add a building."""
    access.require(request.user, Permission.BUILDING_ADD)
    form = BuildingForm(posted(request))
    if request.method == "POST" and form.is_valid():
        facts = form.facts()
        if carry_out(request, lambda: buildings.add(building=facts, actor=request.user)):
            return redirect("buildings")
        return _form(request, form, None, failed=True)
    return _form(request, form, None)


@require_http_methods(["GET", "POST"])
def edit(request: Request, pk: int) -> HttpResponse:
    """Change a building."""
    found = _find(request, pk)
    known = buildings.facts(found)
    form = BuildingForm(
        posted(request),
        initial={
            "name": known.name,
            "code": known.code,
            "time_zone": known.time_zone,
            "address": known.address,
        },
    )
    if request.method == "POST" and form.is_valid():
        facts = form.facts()
        if carry_out(request, lambda: buildings.edit(building=found, to=facts, actor=request.user)):
            return redirect("buildings")
        return _form(request, form, found, failed=True)
    return _form(request, form, found)


@require_POST
def delete(request: Request, pk: int) -> HttpResponse:
    """Delete a building without rooms."""
    found = _find(request, pk)
    access.require(request.user, Permission.BUILDING_DELETE)
    if carry_out(request, lambda: buildings.delete(building=found, actor=request.user)):
        return redirect("buildings")
    return redirect("building_edit", pk=pk)


def _find(request: Request, pk: int) -> Building:
    """The building for this person; 404 when they may not edit it."""
    access.require(request.user, Permission.BUILDING_EDIT)
    return get_object_or_404(access.buildings_for(request.user), pk=pk)


def _form(
    request: Request, form: BuildingForm, building: Building | None, *, failed: bool = False
) -> HttpResponse:
    rooms = building.rooms.count() if building else 0
    context = {"form": form, "building": building, "rooms": rooms, "zones": zones()}
    return page(request, "building_form.html", context, status=422 if form.errors or failed else 200)
