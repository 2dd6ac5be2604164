"""Figures about the installation as words, icons and bars."""

from datetime import datetime

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from meetadmin.monitoring.health import Level
from spaces.google.quota import Reading
from spaces.language import spoken
from spaces.models import Subscription
from spaces.templatetags.spaces_text import icon

register = template.Library()

LEVELS = {
    "ok": (gettext_lazy("OK"), "circle-check", "live"),
    "warning": (gettext_lazy("Warning"), "triangle-alert", "warn"),
    "critical": (gettext_lazy("Critical"), "circle-x", "stuck"),
    "unknown": (gettext_lazy("Unknown"), "circle-question-mark", "unknown"),
    "off": (gettext_lazy("Off"), "circle", "idle"),
}
KINDS = {
    "read": gettext_lazy("Reading"),
    "write": gettext_lazy("Changing"),
    "create": gettext_lazy("Creating links"),
}
PROCESSES = {
    "worker": gettext_lazy("Worker"),
    "beat": gettext_lazy("Scheduler"),
}


@register.simple_tag
def level(key: Level, word: str = "") -> SafeString:
    """Return a level as a pill with word, icon and colour. `word` replaces the usual one."""
    usual, name, colour = LEVELS[key]
    return format_html('<span class="state {}">{}{}</span>', colour, icon(name), word or usual)


@register.filter
def kind_of_call(key: str) -> str:
    """Return the label of a class of calls."""
    return str(KINDS.get(key, key))


@register.filter
def kind_of_process(key: str) -> str:
    """Return the label of a kind of process."""
    return str(PROCESSES.get(key, key))


@register.filter
def thousands(number: int) -> str:
    """Return a number with thin spaces between its thousands, which no language reads as a comma."""
    return f"{number:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


@register.simple_tag
def bar(percent: float, key: Level, reserve: float = 0) -> SafeString:
    """Return a bar filled to this percentage in the colour of its level, with a line where the `reserve` (0 to 1) begins. It is hidden
    from screen readers: the figure is beside it as text."""
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
    """Return for how long a bucket of the quota is paused, as text."""
    if reading.paused_for > 0:
        return _("paused for %(seconds)s s after Google reported too many requests") % {
            "seconds": round(reading.paused_for)
        }
    return ""


@register.filter
def percent(ratio: float) -> str:
    """Return a ratio as a percentage."""
    return f"{100 * ratio:.0f}"


@register.simple_tag
def words_of(subscription: Subscription, now: datetime) -> str:
    """Return the state of an account's events, with the fix where something is wrong."""
    return spoken(subscription.words(now))
