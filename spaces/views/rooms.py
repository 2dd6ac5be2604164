"""Lists of rooms (the overview, one's own), and what is written about a room. One room's page: roompage.py."""

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from spaces import access, audit
from spaces.access import Permission
from spaces.actions import rooms
from spaces.forms import RoomForm
from spaces.models import Building, Room
from spaces.views.live import watched
from spaces.views.replies import Request, back, carry_out, page, posted
from spaces.views.rows import rows


def find(request: Request, slug: str) -> Room:
    """The room for this person; 404 when they may not open it. Loading it is the first check. From here on the page shows times in
    the zone of the room's building, if it has one."""
    found = get_object_or_404(access.visible_rooms(request.user).for_pages(), slug=slug)
    use_zone_of(found.building)
    return found


def use_zone_of(building: Building) -> None:
    """Show times in a building's zone for the rest of this request; where none was chosen, in the person's, as lists do."""
    if building.time_zone:
        timezone.activate(building.zone)


# Across buildings: on a phone nobody scrolls past quiet rooms to the one that is on.
URGENCY = {"stuck": 0, "unknown": 1, "live": 2}


@require_GET
@watched
def mine(request: Request) -> HttpResponse:
    """The rooms somebody owns or is deputy of: what to end, first."""
    now = timezone.now()
    found = access.visible_rooms(request.user).current().owned_by(request.user).for_lists().by_need()
    shown = sorted(rows(found[:500], request.user, now), key=lambda one: URGENCY.get(one.state, len(URGENCY)))
    return page(request, "mine.html", {"rows": shown, "now": now}, partial="board")


@require_http_methods(["GET", "POST"])
def new(request: Request) -> HttpResponse:
    """Add a room."""
    access.require(request.user, Permission.ROOM_CREATE)
    form = RoomForm(
        posted(request),
        buildings=access.buildings_for(request.user),
        new_buildings=access.may_add_buildings(request.user),
    )
    if request.method == "POST" and form.is_valid():
        try:
            made = rooms.create(room=form.facts(), actor=request.user, key=form.cleaned_data["key"])
        except audit.DuplicateRequest as again:
            return redirect(again.entry.room) if again.entry.room else redirect("overview")
        except audit.ActionRejected as refusal:
            form.add_error("name", str(refusal.message))
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
        **known.values(),
        "building": known.building,
        "owners": "\n".join(known.owners),
        "deputies": "\n".join(known.deputies),
        "seen": known.version,
    }
    form = RoomForm(
        posted(request),
        buildings=access.buildings_for(request.user),
        new_buildings=access.may_add_buildings(request.user),
        room=found,
        initial=initial,
    )
    if request.method == "POST" and form.is_valid():
        to = form.facts()
        values = form.cleaned_data
        if carry_out(
            request,
            lambda: rooms.edit(room=found, to=to, actor=request.user, key=values["key"], seen=values["seen"]),
        ):
            return redirect(found)
        # Told of what somebody else has changed, who sends it again means it.
        form.data = data = request.POST.copy()
        data["seen"] = rooms.facts(find(request, slug)).version
        return page(request, "room_form.html", {"form": form, "room": found}, status=422)
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
