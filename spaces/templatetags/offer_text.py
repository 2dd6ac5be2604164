"""What pages say about spaces.offers: the sentence why something cannot be done now, and the way to end a call."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from django import template
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy

from spaces.access import Permission, not_allowed
from spaces.offers import Act, Offer

register = template.Library()

WHY: Mapping[str, str | Promise] = {
    "no_link": gettext_lazy("This room has no Meet link yet."),
    "has_link": gettext_lazy("This room has a Meet link already."),
    "no_call": gettext_lazy("No call is running."),
    "made_elsewhere": gettext_lazy(
        "This meeting was made by another app, and Google lets only that app end its calls."
    ),
    "not_owned": gettext_lazy(
        "None of our accounts owns this meeting, so Google would refuse to end it. Somebody in the call can."
    ),
    "names_shown": gettext_lazy("You see the names already."),
    "in_use": gettext_lazy("This room is not archived."),
    "account_works": gettext_lazy("The account works."),
}


@register.filter
def why_not(offer: Offer) -> str:
    """Return why the offer is not possible now; "" when it is."""
    if offer.possible:
        return ""
    if offer.why == "not_permitted":
        return str(not_allowed(Permission(offer.params["permission"])))
    return str(WHY[offer.why])


@register.simple_tag(takes_context=True)
def way_to_end(context: template.Context, row: Any, *, solid: bool = False) -> SafeString:
    """The way to end a row's call, where it may be ended; where only Google would refuse, the way to the reason. In a list it
    stands in every row, so it is made here and not in a fragment of its own."""
    name = row.room.name
    offer = row.offers[Act.END]
    if offer.possible:
        address = reverse("end", args=[row.room.slug])
        return format_html(
            '<a class="btn danger{}" href="{}?next={}" hx-get="{}" hx-target="#dialog" hx-swap="innerHTML" '
            'aria-haspopup="dialog">{}<span class="unseen"> {}</span></a>',
            " solid" if solid else "",
            address,
            quote(context["request"].get_full_path(), safe="/"),
            address,
            gettext("End…"),
            gettext("(the call in %(room)s)") % {"room": name},
        )
    if offer.refused_by_google and row.state != "unknown":
        return format_html(
            '<a class="btn quiet" href="{}">{}<span class="unseen"> ({})</span></a>',
            reverse("end", args=[row.room.slug]),
            gettext("Why no End?"),
            name,
        )
    return SafeString("")
