"""Lookup."""

from django import forms
from django.utils.translation import gettext_lazy as _


class LookupForm(forms.Form):
    """Whatever somebody has at hand. What is far too long to be an invitation gets its sentence from the lookup itself."""

    q = forms.CharField(required=False, label=_("Link, code, invitation, room or owner"))
    caller = forms.EmailField(
        required=False,
        max_length=254,
        label=_("Caller's address (optional)"),
        error_messages={"invalid": _("Enter a complete address, such as name@example.com.")},
    )

    def asked(self) -> tuple[str, str]:
        """Return the text and the caller's address; "" for what is missing or no address."""
        self.is_valid()
        return self.cleaned_data.get("q", ""), self.cleaned_data.get("caller", "").lower()
