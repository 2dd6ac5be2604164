"""The audit log."""

from django import forms
from django.utils.translation import gettext_lazy as _


class AuditFilterForm(forms.Form):
    """The filters of the audit log."""

    q = forms.CharField(required=False, max_length=200, label=_("Search"))
    outcome = forms.ChoiceField(
        choices=[
            ("", _("Any result")),
            ("done", _("Done")),
            ("already", _("Nothing left to do")),
            ("failed", _("Failed")),
            ("refused", _("Refused")),
            ("open", _("Result unknown")),
        ],
        label=_("Result"),
        required=False,
    )
