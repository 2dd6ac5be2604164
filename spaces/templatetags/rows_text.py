"""A room's row in a list, as HTML. A page has fifty of them, and as a template each took ten times as long; `format_html` escapes
whatever it puts in."""

from collections.abc import Collection, Iterator
from functools import cache
from typing import Any, NamedTuple

from django import template
from django.urls import reverse
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from spaces.offers import Act
from spaces.templatetags import spaces_text
from spaces.templatetags.offer_text import way_to_end
from spaces.templatetags.spaces_text import icon

register = template.Library()

NOTHING = SafeString("")


class _Words(NamedTuple):
    """What every row says, in the language of the page, escaped once."""

    select: SafeString
    archived: SafeString
    seats: SafeString
    in_call: SafeString
    since: SafeString
    today: SafeString
    owner: SafeString
    code: SafeString
    seen: SafeString
    create: SafeString
    refresh: SafeString
    favourite: SafeString


@cache
def _words(_language: str | None) -> _Words:
    words = (
        *(_("Select"), _("archived"), _("seats"), _("In the call"), _("Since"), _("Last 24 hours")),
        *(_("Owner"), _("Code"), _("Seen"), _("Create link…"), _("Refresh now"), _("Favourite:")),
    )
    return _Words(*(escape(word) for word in words))


@cache
def _way(name: str) -> str:
    return reverse(name, args=["SLUG"])


def _path(name: str, slug: str) -> str:
    """Return the path of one of a room's pages. Reversing two hundred of them takes as long as asking the database for the rows."""
    return _way(name).replace("SLUG", slug)


@register.simple_tag(takes_context=True)
def room_row(context: template.Context, row: Any) -> SafeString:
    """Return the row of a room. The list is `selectable` and has its `columns`; others show all columns but the day and the owner."""
    columns = context.get("columns") or ()
    selectable = bool(context.get("selectable"))
    words = _words(get_language())
    cells = _cells(row, columns, words, selectable=selectable)
    return format_html(
        '<tr id="room-{}" data-state="{}"{}>{}{}<td class="acts">{}</td></tr>',
        row.room.pk,
        row.state,
        SafeString(' class="needs"') if row.state == "stuck" else "",
        _pick(row, words) if selectable else "",
        SafeString("".join(cells)),  # each made by format_html
        _action(context, row, words),
    )


def _pick(row: Any, words: _Words) -> SafeString:
    room = row.room
    return format_html(
        '<td class="pick"><input type="checkbox" name="room" value="{}" form="selection" data-code="{}" aria-label="{} {}">{}</td>',
        room.slug,
        row.space.meeting_code if row.space else "",
        words.select,
        room.name,
        _star(row, words),
    )


def _star(row: Any, words: _Words) -> SafeString:
    """The button that makes the room a favourite, or stops it being one. All of them send the page's one form `stars`: a form of
    its own in every row would weigh more than the row."""
    return format_html(
        '<button class="quiet icon star" form="stars" formaction="{}" name="on" value="{}" aria-pressed="{}" '
        'aria-label="{} {}">{}</button>',
        _path("star", row.room.slug),
        "0" if row.starred else "1",
        "true" if row.starred else "false",
        words.favourite,
        row.room.name,
        icon("star"),
    )


def _cells(row: Any, columns: Collection[str], words: _Words, *, selectable: bool) -> Iterator[SafeString]:
    """Yield the cells between the box for choosing the row and its action."""
    yield _room(row, words)
    yield _about(row)
    if not selectable or "people" in columns:
        heads = spaces_text.kinds(row.call) if row.call else ""
        yield format_html('<td class="in" data-label="{}">{}</td>', words.in_call, heads)
    if not selectable or "since" in columns:
        yield format_html('<td class="num since" data-label="{}">{}</td>', words.since, _since(row))
    if "today" in columns:
        yield format_html('<td class="today" data-label="{}">{}</td>', words.today, row.strip)
    if "owner" in columns:
        yield format_html('<td class="owner" data-label="{}">{}</td>', words.owner, ", ".join(row.owners))
    if not selectable or "code" in columns:
        yield format_html('<td class="code" data-label="{}">{}</td>', words.code, _code(row))
    if not selectable or "seen" in columns:
        age = spaces_text.age(row.seen_at) if row.seen_at else ""
        yield format_html('<td class="num seen" data-label="{}">{}</td>', words.seen, age)


def _room(row: Any, words: _Words) -> SafeString:
    room = row.room
    return format_html(
        '<th scope="row" class="room"><a href="{}">{}</a>{} <small>{}{}</small></th>',
        _path("room", room.slug),
        room.name,
        format_html(' <span class="badge">{}</span>', words.archived) if room.archived_at else "",
        room.place,
        format_html(" · {} {}", room.capacity, words.seats) if room.capacity else "",
    )


def _about(row: Any) -> SafeString:
    """The state, and why; of a stuck call the reasons say whether it is being recorded."""
    return format_html(
        '<td class="about">{}{}{}</td>',
        spaces_text.state(row.state),
        spaces_text.recording(row.call) if row.state != "stuck" else "",
        format_html('<span class="why">{}</span>', ", ".join(row.reasons)) if row.reasons else "",
    )


def _since(row: Any) -> SafeString:
    if row.running is None:
        return NOTHING
    return format_html(
        '<span title="{}">{}</span>',
        spaces_text.clock(row.call.started_at),
        spaces_text.duration(row.running),
    )


def _code(row: Any) -> SafeString:
    if row.space is None or not row.space.meeting_code:
        return NOTHING
    code = row.space.meeting_code
    return format_html("<code>{}</code>{}", code, spaces_text.copy(code))


def _action(context: template.Context, row: Any, words: _Words) -> SafeString:
    if row.state == "unknown":
        return _refresh(context, row, words) if row.offers[Act.REFRESH].possible else NOTHING
    if row.offers[Act.CREATE].possible:
        return format_html(
            '<a class="btn" href="{}">{}</a>', _path("space_create", row.room.slug), words.create
        )
    return way_to_end(context, row) if row.call else NOTHING


def _refresh(context: template.Context, row: Any, words: _Words) -> SafeString:
    """The form of `_refresh.html`."""
    path = _path("refresh", row.room.slug)
    return format_html(
        '<form method="post" action="{}" hx-post="{}" hx-swap="none">'
        '<input type="hidden" name="csrfmiddlewaretoken" value="{}"><input type="hidden" name="next" value="{}">'
        '<button type="submit">{}{}<span class="unseen"> ({})</span></button></form>',
        path,
        path,
        context.get("csrf_token", ""),
        context["request"].get_full_path(),
        icon("refresh-cw"),
        words.refresh,
        row.room.name,
    )
