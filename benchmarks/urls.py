"""The product's addresses, and Django's own admin under /admin/ with the columns of our overview."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import include, path
from django.utils import timezone

from spaces.models import Room

if TYPE_CHECKING:
    RoomAdmin = admin.ModelAdmin[Room]  # the class takes its argument only in its stubs
else:
    RoomAdmin = admin.ModelAdmin


class Site(admin.AdminSite):
    """An admin that lets in who is signed in: only its speed is of interest."""

    def has_permission(self, request: HttpRequest) -> bool:
        return request.user.is_authenticated


class Rooms(RoomAdmin):
    """The columns of our overview, fifty rows a page, everything joined in the list's one query."""

    list_display = ("name", "place", "state_now", "in_call", "since", "code", "seen")
    list_select_related = ("building", "space", "space__account", "space__conference")
    list_per_page = 50
    ordering = ("name",)
    actions = None

    def has_module_permission(self, request: HttpRequest) -> bool:
        return True

    def has_view_permission(self, request: HttpRequest, obj: Room | None = None) -> bool:
        return True

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Room | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Room | None = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Room]:
        found: QuerySet[Room] = super().get_queryset(request)
        return found.filter(archived_at=None)

    @admin.display(description="State")
    def state_now(self, room: Room) -> str:
        """As on our page."""
        return room.state

    @admin.display(description="In the call")
    def in_call(self, room: Room) -> str:
        """As on our page."""
        call = room.space.conference if room.space else None
        return f"{call.people} people, {call.devices} devices, {call.phones} phones" if call else ""

    @admin.display(description="For")
    def since(self, room: Room) -> timedelta | None:
        """As on our page."""
        call = room.space.conference if room.space else None
        return timezone.now() - call.started_at if call and call.started_at else None

    @admin.display(description="Code")
    def code(self, room: Room) -> str:
        """As on our page."""
        return room.space.meeting_code if room.space else ""

    @admin.display(description="Seen")
    def seen(self, room: Room) -> Any:
        """As on our page."""
        return room.space.seen_at if room.space else None


site = Site(name="admin")
site.register(Room, Rooms)

urlpatterns = [path("admin/", site.urls), path("", include("meetadmin.urls"))]
handler404 = "spaces.views.problems.not_found"
