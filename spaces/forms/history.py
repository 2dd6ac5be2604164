"""The audit log."""

from django import forms
from django.utils.translation import gettext_lazy as _


class AuditFilterForm(forms.Form):
    """What is listed in the audit trail."""

    q = forms.CharField(required=False, max_length=200, label=_("Search"))
    outcome = forms.ChoiceField(
        choices=[
            ("", _("Any outcome")),
            ("done", _("Done")),
            ("already", _("Nothing left to do")),
            ("failed", _("Failed")),
            ("refused", _("Refused")),
            ("open", _("Outcome unknown")),
        ],
        label=_("Outcome"),
        required=False,
    )
