"""Ending a call, and showing who is in."""

import logging
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST
from kombu.exceptions import OperationalError

from spaces import access, tasks
from spaces.access import Permission
from spaces.actions import conferences, devices
from spaces.actions.outcomes import Rejection
from spaces.forms import DeviceForm, EndForm
from spaces.models import Room
from spaces.views.lanes import ENDING, calls_google
from spaces.views.replies import Request, back, carry_out, page, posted
from spaces.views.rooms import find
from spaces.views.rows import row

logger = logging.getLogger(__name__)

LOOK_AGAIN_AFTER = 4  # seconds; Google may show an ended call a little longer


@require_http_methods(["GET", "POST"])
@calls_google(ENDING)
def end(request: Request, slug: str) -> HttpResponse:
    """What ending will do, in words; then the ending. When it did not work the form comes back with the reason kept, and speaks
    of what is on now."""
    room = find(request, slug)
    access.require(request.user, Permission.CONFERENCE_END, room)
    change = conferences.check_end(room=room, actor=request.user)
    form = EndForm(posted(request), **_about(room, change))
    failed = False
    if request.method == "POST" and form.is_valid():
        values = form.cleaned_data
        ended = carry_out(
            request,
            lambda: conferences.end(
                room=room,
                conference=values["conference"],
                reason=form.reason,
                actor=request.user,
                key=values["key"],
            ),
        )
        _look_again_soon(request, room.pk)
        if ended:
            return back(request, room.get_absolute_url())
        room, failed = find(request, slug), True
        change = conferences.check_end(room=room, actor=request.user)
        form = EndForm(**_about(room, change, preset=values["preset"], other=values["other"]))
    now = timezone.now()
    shown = row(room, request.user, now)
    context = {
        "room": room,
        "row": shown,
        "old": shown.seen_at is None or now - shown.seen_at > _old(),
        "call": room.space.conference if room.space else None,
        "people": form.people,
        "form": form,
        "change": change,
        "next": request.GET.get("next", "") or request.POST.get("next", ""),
    }
    return page(request, "end.html", context, partial="dialog", status=422 if failed or form.errors else 200)


def _old() -> timedelta:
    """What was seen longer ago than this is not called the present. Where events tell of changes, rooms are looked at only every
    few minutes, and that is as good as new."""
    return timedelta(seconds=settings.SWEEP_WITH_PUSH + 60)


def _about(room: Room, change: conferences.EndChange | Rejection, **kept: str) -> dict[str, Any]:
    """Return what the form needs to know: the call that the person saw, and how many people are in it."""
    call = room.space.conference if room.space else None
    people = change.people if isinstance(change, conferences.EndChange) else 0
    return {"room": room, "people": people, "initial": {"conference": call.record if call else "", **kept}}


def _look_again_soon(request: Request, room_id: int) -> None:
    try:
        tasks.order(tasks.settle_ending, room_id=room_id, countdown=LOOK_AGAIN_AFTER, expires=60)
    except OperationalError:
        logger.warning("Redis is away: nobody looks again at the room soon")
        messages.info(
            request,
            _(
                "Redis cannot be reached, so Meetadmin does not look again by itself. Press “Refresh now” in some seconds to see "
                "whether the call is over and the settings are as before."
            ),
        )


@require_POST
def identify(request: Request, slug: str) -> HttpResponse:
    """Say whether a participant is a room device or a person."""
    room = find(request, slug)
    access.require(request.user, Permission.DEVICE_IDENTIFY, room)
    form = DeviceForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Say for one participant whether it is a room device. Nothing was saved."))
        return back(request, room.get_absolute_url())
    values = form.cleaned_data
    carry_out(
        request,
        lambda: devices.identify(
            room=room,
            participant=values["device"] or values["person"],
            is_device=bool(values["device"]),
            actor=request.user,
            key=values["key"],
        ),
    )
    return back(request, room.get_absolute_url())


@require_POST
def reveal(request: Request, slug: str) -> HttpResponse:
    """The names of those in the call, once, for helpdesk staff. It is written down."""
    room = find(request, slug)
    participants = conferences.reveal(room=room, actor=request.user)
    return page(request, "reveal.html", {"room": room, "participants": participants}, partial="names")
