"""Language and time zone."""

from typing import Any, cast

from django import forms
from django.conf import settings
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from spaces.language import zones


class LanguageForm(forms.Form):
    """Language and time zone, each in its own words."""

    language = forms.ChoiceField(
        choices=[("", _("As my browser asks")), *settings.LANGUAGES],
        required=False,
        label=_("Language"),
        widget=forms.RadioSelect,
    )
    time_zone = forms.ChoiceField(required=False, label=_("Time zone"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        usual = gettext("As usual here (%(zone)s)") % {"zone": settings.TIME_ZONE}
        field = cast(forms.ChoiceField, self.fields["time_zone"])
        field.choices = [("", usual), *((zone, zone.replace("_", " ")) for zone in zones())]
