"""Figures about the installation as words, drawings and bars."""

from datetime import datetime

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from spaces.google.quota import Reading
from spaces.health import Level
from spaces.language import spoken
from spaces.models import Subscription
from spaces.templatetags.spaces_text import icon

register = template.Library()

LEVELS = {
    "fine": (gettext_lazy("Fine"), "circle-check", "live"),
    "look": (gettext_lazy("Look at it"), "triangle-alert", "warn"),
    "act": (gettext_lazy("Act"), "circle-x", "stuck"),
    "off": (gettext_lazy("Off"), "circle", "idle"),
}
KINDS = {
    "read": gettext_lazy("Reading"),
    "write": gettext_lazy("Changing"),
    "create": gettext_lazy("Creating links"),
}
PROCESSES = {
    "worker": gettext_lazy("Worker"),
    "beat": gettext_lazy("Timetable"),
}


@register.simple_tag
def level(key: Level, word: str = "") -> SafeString:
    """How a figure is to be taken, as a pill: word, drawing and colour. `word` in place of the usual one."""
    usual, name, colour = LEVELS[key]
    return format_html('<span class="state {}">{}{}</span>', colour, icon(name), word or usual)


@register.filter
def kind_of_call(key: str) -> str:
    """A class of the quota as people say it."""
    return str(KINDS.get(key, key))


@register.filter
def kind_of_process(key: str) -> str:
    """A background process as people say it."""
    return str(PROCESSES.get(key, key))


@register.filter
def thousands(number: int) -> str:
    """A number with its thousands kept apart by a thin space, which no language reads as a comma."""
    return f"{number:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


@register.simple_tag
def bar(percent: float, key: Level, reserve: float = 0) -> SafeString:
    """A bar filled to so many per cent, coloured by its level; with `reserve` (a share) the line machines stop at. The figure stands
    beside it in words, so the drawing says nothing to those who do not see it."""
    line = ""
    if reserve:
        at = f"{100 * (1 - reserve):.0f}"
        line = format_html('<line x1="{}" x2="{}" y1="0" y2="8"></line>', at, at)
    return format_html(
        '<svg class="bar-meter {}" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="all" width="100" height="8"></rect><rect width="{}" height="8"></rect>{}</svg>',
        key,
        f"{min(max(percent, 0), 100):.1f}",
        line,
    )


@register.filter
def pauses(reading: Reading) -> str:
    """What a bucket does at the moment, in words."""
    if reading.paused_for > 0:
        return _("shut for %(seconds)s s after Google said too many") % {"seconds": round(reading.paused_for)}
    return ""


@register.filter
def percent(ratio: float) -> str:
    """A share of one as per cent."""
    return f"{100 * ratio:.0f}"


@register.simple_tag
def words_of(subscription: Subscription, now: datetime) -> str:
    """How it is with an account's events, with the cure where something is wrong."""
    return spoken(subscription.words(now))
