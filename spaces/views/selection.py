"""Rooms that somebody ticked: their codes and links to take along, and asking Google about them."""

import logging

from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST
from kombu.exceptions import OperationalError

from spaces import access, tasks
from spaces.access import Permission
from spaces.forms import SelectionForm
from spaces.views.replies import Request, back, page

logger = logging.getLogger(__name__)

ASKED_AT_ONCE = 50  # each is a call to Google or several; a whole installation is the sweep's business


@require_POST
def selection(request: Request) -> HttpResponse:
    """The chosen rooms with codes and links to copy. With JavaScript the list itself copies them; this is for without. Only
    reads; a POST because a form has one method and two hundred rooms make no good address."""
    chosen = SelectionForm(request.POST).chosen()
    found = access.visible_rooms(request.user).for_lists().filter(slug__in=chosen).order_by("name", "pk")
    return page(request, "selection.html", {"rooms": found})


@require_POST
def refresh(request: Request) -> HttpResponse:
    """Have Google asked about the chosen rooms, by a worker: their rows change by themselves."""
    chosen = SelectionForm(request.POST).chosen()
    allowed = access.rooms_where(request.user, Permission.SPACE_REFRESH).exclude(space=None)
    keys = list(allowed.filter(slug__in=chosen).values_list("pk", flat=True)[:ASKED_AT_ONCE])
    if not keys:
        messages.error(
            request, _("None of these rooms has a link that you may refresh, so nothing was asked.")
        )
        return back(request, reverse("overview"))
    try:
        ordered = tasks.order_refreshes(room_ids=keys, person_id=request.user.pk)
    except OperationalError:
        logger.warning("Redis is away: rooms were not refreshed")
        # Redis may have taken the order before it fell silent.
        messages.error(
            request,
            _(
                "Redis cannot be reached, so it is not certain that Google will be asked about all of these rooms. Each row tells "
                "when it was seen last; “Refresh now” on a room's page asks at once."
            ),
        )
        return back(request, reverse("overview"))
    if not ordered:
        messages.warning(
            request,
            _(
                "The rooms you refreshed before are still being checked, so nothing was added. Try again later."
            ),
        )
        return back(request, reverse("overview"))
    words = ngettext(
        "Google is being asked about %(number)s room; its row changes by itself.",
        "Google is being asked about %(number)s rooms; their rows change by themselves.",
        len(keys),
    )
    messages.success(request, words % {"number": len(keys)})
    if len(chosen) > len(keys):
        messages.info(
            request,
            _(
                "%(number)s of the chosen rooms were left out: no link, not yours to refresh, or more than %(most)s."
            )
            % {"number": len(chosen) - len(keys), "most": ASKED_AT_ONCE},
        )
    return back(request, reverse("overview"))
