"""Facts turned into words for templates: ages, lengths of time, settings and verbs."""

from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from typing import Any
from urllib.parse import quote

from django import template
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from spaces.access import Permission
from spaces.google import config
from spaces.models import AuditEntry, Conference

register = template.Library()

VERBS: dict[str, str] = {
    Permission.ROOM_EDIT: "Edit room",
    Permission.ROOM_CREATE: "Add room",
    Permission.NAMES_REVEAL: "Reveal names",
    Permission.SETTINGS_CHANGE: "Change settings",
    Permission.SPACE_CREATE: "Create link",
    Permission.SPACE_ADOPT: "Use existing link",
    Permission.SPACE_REFRESH: "Refresh",
    Permission.CONFERENCE_END: "End call",
    Permission.ACCOUNT_CONNECT: "Connect account",
    Permission.ACCOUNT_DISCONNECT: "Disconnect account",
    Permission.ACCOUNT_MANAGE: "Manage account",
    Permission.PEOPLE_MANAGE: "Give role",
    Permission.PEOPLE_ADMIT: "First sign-in",
}


@register.filter
def duration(length: timedelta | float | None) -> str:
    """A length of time in its two largest units: “45 s”, “22 min”, “6 h 12 min”, “2 d 4 h”. Takes a timedelta or seconds."""
    if length is None:
        return ""
    seconds = max(int(length.total_seconds() if isinstance(length, timedelta) else length), 0)
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86_400
    if seconds < 60:
        return f"{seconds} s"
    if hours < 1:
        return f"{minutes} min"
    if days < 2:
        return f"{hours} h {minutes % 60:02} min"
    return f"{days} d {hours % 24} h"


@register.filter
def ago(moment: datetime | None, now: datetime | None = None) -> str:
    """How long ago something was, in its largest unit: “8 s ago”, “3 h ago”; “never” when it has not been. `static/js/app.js`
    goes on counting in the same words."""
    if moment is None:
        return "never"
    seconds = max(int(((now or timezone.now()) - moment).total_seconds()), 0)
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= (2 * size if unit == "d" else size):
            return f"{seconds // size} {unit} ago"
    return f"{seconds} s ago"


@register.simple_tag
def age(moment: datetime | None) -> str:
    """A moment as its age in words, which the page keeps counting; the moment itself (UTC) stands behind it."""
    if moment is None:
        return "never"
    utc = moment.astimezone(UTC)
    return format_html(
        '<time datetime="{}" title="{} UTC" data-age>{}</time>',
        utc.isoformat(timespec="seconds"),
        f"{utc:%-d %b %Y, %H:%M:%S}",
        ago(moment),
    )


@register.filter
def clock(moment: datetime) -> str:
    """A moment in UTC, day and minute, short: “3 Mar, 09:40”. Django's own `date` takes several times as long, and lists have
    one in every row."""
    return f"{moment.astimezone(UTC):%-d %b, %H:%M}"


@register.simple_tag
@cache
def icon(name: str) -> SafeString:
    """A drawing out of `static/img/icons.svg`. It says nothing that the words beside it do not say."""
    return format_html(
        '<svg class="i" aria-hidden="true"><use href="{}#{}"></use></svg>', static("img/icons.svg"), name
    )


STATES = {
    "stuck": ("Stuck", "triangle-alert"),
    "live": ("Live", "radio"),
    "idle": ("Idle", "circle"),
    "unknown": ("Unknown", "circle-question-mark"),
    "none": ("No space", "unlink"),
}


@register.simple_tag
@cache
def state(key: str) -> SafeString:
    """A room's state as a pill: word, drawing and colour. Nothing where the person may not know it (`hidden`)."""
    if key not in STATES:
        return SafeString("")
    word, name = STATES[key]
    return format_html('<span class="state {}">{}{}</span>', key, icon(name), word)


@register.simple_tag
def state_icon(key: str) -> SafeString:
    """The drawing of a state alone, where its word stands beside it."""
    return icon(STATES[key][1]) if key in STATES else SafeString("")


@register.simple_tag
def copy(text: str, what: str = "") -> SafeString:
    """A button that copies the text; `what` names it for those who do not see it (else the text itself)."""
    return format_html(
        '<button type="button" class="quiet icon copy" data-copy="{}" aria-label="Copy {}" title="Copy">{}</button>',
        text,
        what or text,
        icon("copy"),
    )


@lru_cache(maxsize=512)
def _kinds(people: int, devices: int, phones: int, guests: int) -> SafeString:
    """See `kinds`; the same few numbers stand in most rows."""
    return format_html(
        '<span class="kinds"><span{} title="People{}">{}{}<span class="unseen">people</span></span>'
        '<span{} title="Room devices">{}{}<span class="unseen">room devices</span></span>'
        '<span{} title="Phones">{}{}<span class="unseen">phones</span></span></span>',
        _EMPTY if not people else "",
        f", {guests} without sign-in" if guests else "",
        icon("user"),
        people,
        _EMPTY if not devices else "",
        icon("monitor"),
        devices,
        _EMPTY if not phones else "",
        icon("phone"),
        phones,
    )


_EMPTY = SafeString(' class="none"')


@register.simple_tag
def kinds(call: Conference) -> SafeString:
    """How many of each kind are in a call: people (guests among them), room devices, phones."""
    if not call.counted:
        return SafeString('<span class="faint">not counted yet</span>')
    guests = call.guests or 0
    return _kinds((call.people or 0) + guests, call.devices or 0, call.phones or 0, guests)


@register.simple_tag(takes_context=True)
def way_to_end(context: template.Context, row: Any, *, solid: bool = False) -> SafeString:
    """The way to end a row's call, where it may be ended; where only Google would refuse, the way to the reason. In a list it
    stands in every row, so it is made here and not in a fragment of its own."""
    name = row.room.name
    if row.can_end:
        address = reverse("end", args=[row.room.slug])
        return format_html(
            '<a class="btn danger{}" href="{}?next={}" hx-get="{}" hx-target="#dialog" hx-swap="innerHTML" '
            'aria-haspopup="dialog">End…<span class="unseen"> (the call in {})</span></a>',
            " solid" if solid else "",
            address,
            quote(context["request"].get_full_path(), safe="/"),
            address,
            name,
        )
    if row.call and Permission.CONFERENCE_END in row.may and row.state != "unknown":
        return format_html(
            '<a class="btn quiet" href="{}">Why no End?<span class="unseen"> ({})</span></a>',
            reverse("end", args=[row.room.slug]),
            name,
        )
    return SafeString("")


@register.filter
def lasted(call: Any) -> str:
    """How long a call that is over went on; empty when its beginning or end is not known."""
    if call.started_at is None or call.ended_at is None:
        return ""
    return duration(call.ended_at - call.started_at)


@register.filter
def label_of(setting: config.Setting, value: str | None) -> str:
    """A setting's value in words; “not set” where Google names none."""
    return setting.choice(value).label if value else "not set"


@register.filter
def consequence(setting: config.Setting, value: str | None) -> str:
    """What choosing this value brings about; empty when its name says it all."""
    return setting.choice(value).consequence if value else ""


@register.filter
def verb(word: str) -> str:
    """A verb of the audit trail as people say it; a word that is not in the list stays as it is."""
    return VERBS.get(word, word)


@register.filter
def differences(entry: AuditEntry) -> list[tuple[str, str, str]]:
    """What an audit entry says was changed: (name, before, after), empty text where there was nothing."""
    before = entry.before if isinstance(entry.before, dict) else {}
    after = entry.after if isinstance(entry.after, dict) else {}
    return [
        (_name(key), _value(key, before.get(key)), _value(key, after.get(key)))
        for key in dict.fromkeys([*before, *after])
        if before.get(key) != after.get(key)
    ]


def _name(key: str) -> str:
    setting = config.BY_PATH.get(key)
    return setting.label if setting else key.replace("_", " ")


def _value(key: str, value: Any) -> str:
    if value in (None, "", [], {}):
        return ""
    setting = config.BY_PATH.get(key)
    if setting and isinstance(value, str):
        return setting.choice(value).label
    if isinstance(value, list | tuple):
        return ", ".join(str(one) for one in value)
    return str(value)
