"""The command bar."""

from django import forms
from django.utils.translation import gettext_lazy as _

from spaces.forms.overview import SelectionForm


class CommandForm(forms.Form):
    """What somebody types into the command bar, and where they are: the room at hand, how many rooms are ticked."""

    q = forms.CharField(required=False, max_length=20_000, label=_("Room, page, code or link"))
    at = forms.CharField(required=False, max_length=120)
    selected = forms.IntegerField(required=False, min_value=1, max_value=SelectionForm.AT_MOST)

    def asked(self) -> tuple[str, str, int]:
        """The words, the room, and how many are ticked; empty and 0 where there is none."""
        self.is_valid()
        values = self.cleaned_data
        return values.get("q", "").strip(), values.get("at", ""), values.get("selected") or 0
