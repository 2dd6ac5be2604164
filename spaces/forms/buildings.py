"""Buildings."""

from typing import Any

from django import forms
from django.conf import settings
from django.core.validators import validate_slug
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from spaces.actions.buildings import BuildingFacts
from spaces.forms.base import NameField
from spaces.language import zones


class BuildingForm(forms.Form):
    """A building as an admin enters it."""

    name = NameField(max_length=110, label=_("Name"))
    code = forms.CharField(
        max_length=40,
        label=_("Short code"),
        required=False,
        validators=[validate_slug],
        help_text=_(
            "Letters, digits and dashes, for example BER. Blank = made of the name. Addresses of rooms stay as they are."
        ),
    )
    time_zone = forms.CharField(
        max_length=64,
        required=False,
        label=_("Time zone"),
        widget=forms.TextInput(attrs={"list": "time-zones", "autocomplete": "off"}),
    )
    address = forms.CharField(
        max_length=500, required=False, label=_("Address"), widget=forms.Textarea(attrs={"rows": 3})
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["time_zone"].help_text = gettext("Blank = that of the installation (%(zone)s).") % {
            "zone": settings.TIME_ZONE
        }

    def clean_code(self) -> str:
        """Return the code in capitals."""
        return str(self.cleaned_data["code"]).upper()

    def clean_time_zone(self) -> str:
        """Return the IANA name, in its own spelling."""
        wanted = str(self.cleaned_data["time_zone"]).strip()
        found = {zone.lower(): zone for zone in zones()}.get(wanted.replace(" ", "_").lower())
        if wanted and not found:
            raise forms.ValidationError(
                _("“%(zone)s” is not a time zone. Choose one from the list, for example Europe/Berlin.")
                % {"zone": wanted}
            )
        return found or ""

    def facts(self) -> BuildingFacts:
        """Return what was entered, for the action."""
        return BuildingFacts(
            **{name: self.cleaned_data[name] for name in ("name", "code", "time_zone", "address")}
        )
