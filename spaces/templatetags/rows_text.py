"""A room's row in a list. Most rows of most lists look as they did a moment ago, to everybody with the same rights, but for
their age and the picture of their last day; so rows are kept, by everything else that they show."""

import threading
from collections import OrderedDict
from collections.abc import Hashable, Iterator
from dataclasses import replace
from typing import Any

from django import template
from django.template.loader import get_template
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from spaces.templatetags.spaces_text import age, duration

register = template.Library()

MOST = 1000  # rows of about two kilobytes
# Where a kept row's age and picture are put, and in a row with a form the token against forgery of who asks.
SEEN, STRIP, TOKEN = SafeString("[[seen]]"), SafeString("[[strip]]"), SafeString("[[token]]")
AGEING = {
    "seen_at",
    "counted_at",
    "listed_at",
}  # what changes with every look at Google and is shown as an age at most

_rows: OrderedDict[Hashable, str] = OrderedDict()
_lock = threading.Lock()


@register.simple_tag(takes_context=True)
def room_row(context: template.Context, row: Any) -> SafeString:
    """The row as `_row.html` has it."""
    face: Hashable = tuple(_face(context, row))
    try:
        with _lock:
            html = _rows.get(face)
            if html is not None:
                _rows.move_to_end(face)
    except TypeError:  # loaded with more than a row shows, settings for example
        face, html = None, None
    if html is None:
        with context.push(row=replace(row, strip=STRIP), seen=SEEN, csrf_token=TOKEN):
            html = get_template("_row.html").template.render(context)  # type: ignore[attr-defined]
        if face is not None:
            with _lock:
                _rows[face] = html
                if len(_rows) > MOST:
                    _rows.popitem(last=False)
    if TOKEN in html:
        html = html.replace(TOKEN, str(context.get("csrf_token", "")))
    return SafeString(html.replace(SEEN, age(row.seen_at), 1).replace(STRIP, row.strip, 1))


def _face(context: template.Context, row: Any) -> Iterator[Hashable]:
    """All that a row is made of, its age and picture left out: every field that was loaded for it, whichever of them shows."""
    columns = frozenset(context.get("columns") or ())
    yield columns, bool(context.get("selectable")), get_language(), timezone.get_current_timezone_name()
    yield row.state, tuple(str(reason) for reason in row.reasons), row.may, row.seen_at is None
    yield tuple(row.owners) if "owner" in columns else ()
    space, call = row.space, row.call
    for thing in (row.room, row.room.building, space, space and space.account, call):
        yield thing and tuple(
            item for item in thing.__dict__.items() if item[0][0] != "_" and item[0] not in AGEING
        )
    if call or row.state == "unknown":  # how long it is on, and forms that lead back to this page
        yield duration(row.running), context["request"].get_full_path()
