"""Every part that pages are made of, in every state, in light and dark beside each other. For who builds or judges pages."""

from datetime import timedelta

from django import forms
from django.http import HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from spaces import access
from spaces.access import Permission
from spaces.models import Conference
from spaces.views import daystrip
from spaces.views.daystrip import Bar
from spaces.views.replies import Request, page


class SampleForm(forms.Form):
    """One field of each kind."""

    name = forms.CharField(label=gettext_lazy("Name"), help_text=gettext_lazy("As it stands on the door."))
    floor = forms.CharField(label=gettext_lazy("Floor"), required=False)
    kind = forms.ChoiceField(
        label=gettext_lazy("Who may join without knocking"),
        choices=[
            ("open", gettext_lazy("Anyone with the link")),
            ("trusted", gettext_lazy("People of the organisation")),
        ],
        widget=forms.RadioSelect,
    )
    notes = forms.CharField(label=gettext_lazy("Notes"), widget=forms.Textarea(attrs={"rows": 2}))


@require_GET
def styleguide(request: Request) -> HttpResponse:
    """The style guide."""
    access.require(request.user, Permission.SYSTEM_SEE)
    now = timezone.now()

    def bar(begin: float, end: float, kind: str = "past") -> Bar:
        return Bar(now - timedelta(hours=begin), now - timedelta(hours=end), kind)

    strips = {
        _("calls that are over"): [bar(20, 19), bar(15, 14.5), bar(13, 11)],
        _("a call that is on"): [bar(20, 19), bar(9, 8), bar(1, 0, "live")],
        _("a stuck call"): [bar(20, 19), bar(13, 0, "stuck")],
        _("no call"): [],
    }
    context = {
        # The ids of fields are prefixed, so that no two on the page are the same.
        "schemes": [
            (
                scheme,
                SampleForm(prefix=scheme),
                SampleForm({f"{scheme}-wrong-floor": "3"}, prefix=f"{scheme}-wrong"),
            )
            for scheme in ("light", "dark")
        ],
        "states": ("stuck", "live", "idle", "unknown", "none"),
        "calls": [
            Conference(people=5, devices=1, phones=0, guests=1),
            Conference(people=0, devices=2, phones=0, guests=0, bots=1),
            Conference(),
        ],
        "strips": [(name, daystrip.strip(bars, now)) for name, bars in strips.items()],
        "ages": [now - timedelta(seconds=8), now - timedelta(minutes=41), now - timedelta(days=3)],
    }
    return page(request, "styleguide.html", context)
