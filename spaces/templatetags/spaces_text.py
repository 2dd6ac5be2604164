"""Facts turned into words for templates: ages, lengths of time, settings and verbs."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from typing import Any

from django import template
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language, gettext, ngettext
from django.utils.translation import gettext_lazy as _

from spaces.access import Permission
from spaces.audit import Action
from spaces.forms import EndForm
from spaces.google import config
from spaces.language import day_and_time, spoken, time_beside
from spaces.message import Message
from spaces.models import AuditEntry, Conference, Person, Space
from spaces.models.details import DETAILS

register = template.Library()

VERBS: dict[str, Any] = {
    Permission.ROOM_EDIT: _("Edit room"),
    Action.ROOM_ARCHIVE: _("Archive room"),
    Action.ROOM_RESTORE: _("Restore room"),
    Permission.ROOM_CREATE: _("Add room"),
    Permission.BUILDING_ADD: _("Add building"),
    Permission.BUILDING_EDIT: _("Edit building"),
    Permission.BUILDING_DELETE: _("Delete building"),
    Permission.NAMES_REVEAL: _("Reveal names"),
    Permission.SETTINGS_CHANGE: _("Change settings"),
    Permission.SETTINGS_RESTORE: _("Restore settings"),
    Permission.SPACE_CREATE: _("Create link"),
    Permission.SPACE_ADOPT: _("Use existing link"),
    Permission.SPACE_REFRESH: _("Refresh"),
    Permission.CONFERENCE_END: _("End call"),
    Permission.DEVICE_IDENTIFY: _("Identify participant"),
    Permission.ACCOUNT_CONNECT: _("Connect account"),
    Permission.ACCOUNT_DISCONNECT: _("Disconnect account"),
    Permission.ACCOUNT_MANAGE: _("Manage account"),
    Permission.ACCOUNT_CHECK: _("Check permissions"),
    Permission.PEOPLE_MANAGE: _("Give role"),
    Permission.PEOPLE_ADMIT: _("First sign-in"),
    Permission.PEOPLE_MERGE: _("Merge people"),
    Permission.PEOPLE_SUCCEED: _("Hand over rooms"),
    Action.PEOPLE_LOCK: _("Lock out"),
    Action.PEOPLE_UNLOCK: _("Let in again"),
    Action.PEOPLE_KEEP_APART: _("Keep apart"),
    Action.PEOPLE_SEPARATE: _("Separate people"),
    Action.PEOPLE_FIRST_ADMIN: _("Make first admin"),
    Action.PEOPLE_LOSE_ADDRESS: _("Address moved"),
}


@register.simple_tag(takes_context=True)
def joining_secrets(context: dict[str, Any], space: Space) -> dict[str, list[dict[str, str]]]:
    """Return phone numbers with PINs and SIP addresses with codes. The page that shows them is stored by no browser or proxy
    (spaces.views.replies.page)."""
    context["request"].shows_secrets = True
    return {"phones": space.phone_access, "sip": space.sip_access}


@register.filter
def told(sentence: str | Message) -> str:
    """A sentence that came from below (a refusal, Google's trouble, a setting's help, a stored detail) in the reader's language."""
    return spoken(sentence)


@register.filter
def reason(text: str) -> str:
    """Why somebody did something: what they typed as they typed it, what they picked in the reader's language."""
    return gettext(text) if text in {value for value, _label in EndForm.REASONS if value} else text


@register.filter
def duration(length: timedelta | float | None) -> str:
    """A length of time in its two largest units: “45 s”, “22 min”, “6 h 12 min”, “2 d 4 h”. Takes a timedelta or seconds."""
    if length is None:
        return ""
    seconds = max(int(length.total_seconds() if isinstance(length, timedelta) else length), 0)
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86_400
    if seconds < 60:
        return gettext("%(n)s s") % {"n": seconds}
    if hours < 1:
        return gettext("%(n)s min") % {"n": minutes}
    if days < 2:
        return gettext("%(h)s h %(min)s min") % {"h": hours, "min": f"{minutes % 60:02}"}
    return gettext("%(d)s d %(h)s h") % {"d": days, "h": hours % 24}


@register.filter
def ago(moment: datetime | None, now: datetime | None = None) -> str:
    """How long ago something was, in its largest unit: “8 s ago”, “3 h ago”; “never” when it has not been. `static/js/app.js`
    goes on counting in the same words."""
    if moment is None:
        return gettext("never")
    seconds = max(int(((now or timezone.now()) - moment).total_seconds()), 0)
    if seconds >= 2 * 86_400:
        return gettext("{n} d ago").replace("{n}", str(seconds // 86_400))
    if seconds >= 3600:
        return gettext("{n} h ago").replace("{n}", str(seconds // 3600))
    if seconds >= 60:
        return gettext("{n} min ago").replace("{n}", str(seconds // 60))
    return gettext("{n} s ago").replace("{n}", str(seconds))


@register.simple_tag
def age(moment: datetime | None) -> str:
    """A moment as its age in words, which the page keeps counting; the moment itself, in the reader's zone, stands behind it."""
    if moment is None:
        return gettext("never")
    begin = _time_tag(moment, get_language(), timezone.get_current_timezone_name())
    return SafeString(f"{begin}{escape(ago(moment))}</time>")


@lru_cache(maxsize=512)
def _time_tag(moment: datetime, _language: str | None, _zone: str) -> SafeString:
    """Kept, because the rooms of an account were seen at the same moment."""
    return format_html(
        '<time datetime="{}" title="{}" data-age>',
        moment.astimezone(UTC).isoformat(timespec="seconds"),
        day_and_time(moment, exact=True),
    )


@register.filter
def clock(moment: datetime) -> str:
    """A moment in the reader's zone, day and minute, short: “3 Mar, 09:40”. The page's footer names the zone."""
    return day_and_time(moment)


@register.filter
def beside(moment: datetime, other: datetime | None) -> str:
    """A moment beside another one whose day is shown: the time, with the day only where it differs (a call over midnight).
    Without another one the day is always shown."""
    return time_beside(moment, other) if other else day_and_time(moment)


@register.simple_tag
@cache
def icon(name: str) -> SafeString:
    """A drawing out of `static/img/icons.svg`. It says nothing that the words beside it do not say."""
    return format_html(
        '<svg class="i" aria-hidden="true"><use href="{}#{}"></use></svg>', static("img/icons.svg"), name
    )


@register.simple_tag
def mailto(person: Person, *, whole: bool = False) -> SafeString:
    """A person by name, as a link for a mail; as plain text where there is no address that could be mailed. `whole`: with the
    address."""
    if person.mail_address is None:
        return (
            format_html("{} ({})", person.name, person.handle)
            if person.name
            else format_html("{}", person.handle)
        )
    name = f"{person.name} · {person.handle}" if whole and person.name else person.display_name
    return format_html('<a href="mailto:{}">{}</a>', person.mail_address, name)


STATES: dict[str, tuple[Any, str]] = {
    "stuck": (_("Stuck"), "triangle-alert"),
    "live": (_("Live"), "radio"),
    "idle": (_("Idle"), "circle"),
    "unknown": (_("Unknown"), "circle-question-mark"),
    "none": (_("No space"), "unlink"),
}


@register.simple_tag
def state(key: str) -> SafeString:
    """A room's state as a pill: word, drawing and colour. Nothing where the person may not know it (`hidden`)."""
    return _state(key, get_language())


@cache
def _state(key: str, language: str | None) -> SafeString:
    """The few pills there are, kept for each language."""
    if key not in STATES:
        return SafeString("")
    word, name = STATES[key]
    return format_html('<span class="state {}">{}{}</span>', key, icon(name), word)


COUNTER_ICONS = {key: drawing for key, (_word, drawing) in STATES.items()} | {
    "ageing": "clock",
    "people": "users",
}


@register.simple_tag
def state_icon(key: str) -> SafeString:
    """The drawing of a state or counter alone, where its word stands beside it."""
    return icon(COUNTER_ICONS[key]) if key in COUNTER_ICONS else SafeString("")


@register.simple_tag
def copy(text: str, what: str = "") -> SafeString:
    """A button that copies the text; `what` names it for those who do not see it (else the text itself)."""
    return format_html(
        '<button type="button" class="quiet icon copy" data-copy="{}" aria-label="{}" title="{}">{}</button>',
        text,
        gettext("Copy %(what)s") % {"what": what or text},
        gettext("Copy"),
        icon("copy"),
    )


@lru_cache(maxsize=512)
def _kinds(
    people: int, devices: int, phones: int, bots: int, guests: int, language: str | None
) -> SafeString:
    """See `kinds`; the same few numbers stand in most rows."""
    bots_too = ""
    if bots:
        bots_too = format_html(
            '<span title="{}">{}{}<span class="unseen">{}</span></span>',
            gettext("Note-taking bots"),
            icon("bot"),
            bots,
            ngettext("bot", "bots", bots),
        )
    guests_too = ngettext("%(n)s without sign-in", "%(n)s without sign-in", guests) % {"n": guests}
    return format_html(
        '<span class="kinds"><span{} title="{}{}">{}{}<span class="unseen">{}</span></span>'
        '<span{} title="{}">{}{}<span class="unseen">{}</span></span>'
        '<span{} title="{}">{}{}<span class="unseen">{}</span></span>{}</span>',
        _EMPTY if not people else "",
        gettext("People"),
        f", {guests_too}" if guests else "",
        icon("user"),
        people,
        ngettext("person", "people", people),
        _EMPTY if not devices else "",
        gettext("Room devices"),
        icon("monitor"),
        devices,
        ngettext("room device", "room devices", devices),
        _EMPTY if not phones else "",
        gettext("Phones"),
        icon("phone"),
        phones,
        ngettext("phone", "phones", phones),
        bots_too,
    )


_EMPTY = SafeString(' class="none"')


@register.simple_tag
def kinds(call: Conference) -> SafeString:
    """How many of each kind are in a call: people (guests among them), room devices, phones, and bots where there are any."""
    if not call.counted:
        return format_html('<span class="faint">{}</span>', gettext("not counted yet"))
    return _kinds(
        call.people_in,
        call.devices or 0,
        call.phones or 0,
        call.bots or 0,
        call.guests or 0,
        get_language(),
    )


@register.filter
def kinds_in_words(call: Conference) -> str:
    """The same numbers in words, without the kinds that are missing: “3 people, 1 device, 1 phone”; empty for an empty call."""
    return ", ".join(_counted(call))


def _counted(call: Conference) -> Iterator[str]:
    if people := call.people_in:
        yield ngettext("%(n)s person", "%(n)s people", people) % {"n": people}
    if call.devices:
        yield ngettext("%(n)s device", "%(n)s devices", call.devices) % {"n": call.devices}
    if call.phones:
        yield ngettext("%(n)s phone", "%(n)s phones", call.phones) % {"n": call.phones}
    if call.bots:
        yield ngettext("%(n)s bot", "%(n)s bots", call.bots) % {"n": call.bots}


@register.simple_tag
def recording(call: Conference | None) -> SafeString:
    """The mark of a call that is being recorded; nothing where none is."""
    if call is None or call.recording_since is None or call.ended_at is not None:
        return SafeString("")
    return format_html(
        '<span class="state recording" title="{}">{}{}</span>',
        gettext("Recording since %(when)s") % {"when": day_and_time(call.recording_since)},
        icon("circle-dot"),
        gettext("Recording"),
    )


@register.simple_tag
def took_part(call: Conference) -> SafeString:
    """How many of each kind took part in a call in all; nothing while that is not known (it is read after the end)."""
    if call.all_people is None:
        return SafeString("")
    guests = call.all_guests or 0
    return _kinds(
        call.all_people + guests,
        call.all_devices or 0,
        call.all_phones or 0,
        call.all_bots or 0,
        guests,
        get_language(),
    )


@register.filter
def lasted(call: Any) -> str:
    """How long a call that is over went on; empty when its beginning or end is not known."""
    if call.started_at is None or call.ended_at is None:
        return ""
    return duration(call.ended_at - call.started_at)


@register.filter
def label_of(setting: config.Setting, value: str | None) -> str:
    """A setting's value in words; “not set” where Google names none."""
    return spoken(setting.choice(value).label) if value else gettext("not set")


@register.filter
def consequence(setting: config.Setting, value: str | None) -> str:
    """What choosing this value brings about; empty when its name says it all."""
    return spoken(setting.choice(value).consequence) if value else ""


@register.filter
def verb(word: str) -> str:
    """A verb of the audit trail as people say it; a word that is not in the list stays as it is."""
    return str(VERBS.get(word, word))


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
    if detail := DETAILS.get(key):
        return str(detail.label)
    setting = config.BY_PATH.get(key)
    return spoken(setting.label if setting else key.replace("_", " "))


def _value(key: str, value: Any) -> str:
    if value in (None, "", [], {}):
        return ""
    setting = config.BY_PATH.get(key)
    if setting and isinstance(value, str):
        return spoken(setting.choice(value).label)
    if isinstance(value, list | tuple):
        return ", ".join(str(one) for one in value)
    return str(value)
