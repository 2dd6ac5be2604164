"""People: roles, merging, handing over."""

from typing import Any, cast

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from spaces.access import ROLES, assignable_roles
from spaces.forms.base import ADDRESS, KeyedForm
from spaces.language import spoken
from spaces.models import Building


def _roles() -> list[tuple[str, str]]:
    return [(role.name, spoken(role.label)) for role in assignable_roles()]


class PersonForm(forms.Form):
    """A role for somebody, known to us or not yet."""

    email = forms.EmailField(max_length=ADDRESS, label=_("Address"))
    role = forms.ChoiceField(choices=_roles, label=_("Role"))
    buildings = forms.ModelMultipleChoiceField(
        Building.objects.all(),
        required=False,
        to_field_name="code",
        label=_("Only these buildings"),
        help_text=_("For admins. None ticked: all buildings."),
        widget=forms.CheckboxSelectMultiple,
    )

    def clean(self) -> dict[str, Any]:
        """Only admins are limited to buildings. Those that an admin had go with the role; those just ticked are an error."""
        values = super().clean() or {}
        role = ROLES.get(values.get("role", ""))
        if role and not role.limited and values.get("buildings"):
            if "buildings" in self.changed_data:
                self.add_error(
                    "buildings", _("Only admins can be limited to buildings. Choose Admin or no building.")
                )
            else:
                values["buildings"] = Building.objects.none()
        return values


class PeopleFilterForm(forms.Form):
    """Who is listed under “People”."""

    q = forms.CharField(required=False, max_length=200, label=_("Search"))
    role = forms.ChoiceField(required=False, label=_("Role"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = cast(forms.ChoiceField, self.fields["role"])
        field.choices = [("", gettext("Any role")), *_roles()]


class AddressForm(forms.Form):
    """The address of a preview."""

    address = forms.EmailField(required=False, max_length=ADDRESS)


class MergeForm(KeyedForm):
    """Two entries that are one person."""

    other = forms.EmailField(max_length=ADDRESS, label=_("Address of the same person"))
    reason = forms.CharField(max_length=500, label=_("Reason (kept in the audit log)"))


class SettleForm(forms.Form):
    """Why two accounts with one address are kept apart."""

    reason = forms.CharField(required=False, max_length=500, label=_("Reason (kept in the audit log)"))


class HandOverForm(KeyedForm):
    """All rooms of a person for somebody else."""

    to = forms.EmailField(max_length=ADDRESS, label=_("Address of the new owner"))
    deputies = forms.BooleanField(
        required=False, initial=True, label=_("Also hand over the rooms of which they are deputy")
    )
    reason = forms.CharField(max_length=500, label=_("Reason (kept in the audit log)"))
