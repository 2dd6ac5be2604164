"""A room's row in a list. Most rows of most lists look as they did a moment ago, to everybody with the same rights, but for
their age and the picture of their last day; so they are kept, by everything else that they show (`Row.facts`)."""

import secrets
import threading
from collections import OrderedDict
from collections.abc import Hashable, Iterator
from dataclasses import replace
from typing import Any

from django import template
from django.template.loader import get_template
from django.utils.safestring import SafeString

from spaces.templatetags.spaces_text import age

register = template.Library()

MOST = 1000  # rows of about two kilobytes
# Where a kept row's age and picture are put, and in a row with a form the token against forgery of who asks; nobody can guess
# them and name a room so.
SEEN, STRIP, TOKEN = (SafeString(f"{word}-{secrets.token_hex(8)}") for word in ("seen", "strip", "token"))

_rows: OrderedDict[Hashable, str] = OrderedDict()
_lock = threading.Lock()


@register.simple_tag(takes_context=True)
def room_row(context: template.Context, row: Any) -> SafeString:
    """The row as `_row.html` has it."""
    face = tuple(_face(context, row)) if row.facts else None
    html = None
    if face is not None:
        with _lock:
            html = _rows.get(face)
            if html is not None:
                _rows.move_to_end(face)
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
    """All that a row is made of, its age and picture left out."""
    yield frozenset(context.get("columns") or ()), bool(context.get("selectable"))
    yield row.facts, row.may, row.state, tuple(row.reasons), row.starred, row.seen_at is None
    if row.call or row.state == "unknown":  # how long it is on, and forms that lead back to this page
        seconds = -1 if row.running is None else row.running.total_seconds()
        yield seconds // (1 if seconds < 60 else 60), context["request"].get_full_path()
