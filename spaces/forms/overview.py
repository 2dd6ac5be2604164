"""The overview: filters, columns, saved filters, ticked rooms."""

import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils.http import urlencode
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from spaces.models import Building


class FilterForm(forms.Form):
    """The overview's filters, as they stand in the address. What is not understood counts as not asked for."""

    STATES = (
        ("stuck", _("Stuck")),
        ("live", _("Live")),
        ("idle", _("Idle")),
        ("unknown", _("Unknown")),
        ("ageing", _("Code ageing")),
        ("none", _("No space")),
    )
    # A minus turns an order round; the heads of the columns do that.
    SORTS = (
        ("need", _("Needs action first")),
        ("name", _("Name")),
        ("-name", _("Name, from Z")),
        ("building", _("Building")),
        ("people", _("Most people")),
        ("-people", _("Fewest people")),
        ("since", _("Longest call")),
        ("-since", _("Shortest call")),
        ("code", _("Code")),
        ("-code", _("Code, from Z")),
        ("seen", _("Oldest data")),
        ("-seen", _("Freshest data")),
    )

    q = forms.CharField(
        required=False,
        max_length=200,
        label=_("Search"),
        widget=forms.TextInput(attrs={"type": "search", "placeholder": _("Name, place, code, owner")}),
    )
    building = forms.ModelChoiceField(
        Building.objects.all(),
        required=False,
        to_field_name="code",
        empty_label=_("all"),
        label=_("Building"),
    )
    floor = forms.CharField(required=False, max_length=40, label=_("Floor"))
    state = forms.ChoiceField(choices=[("", _("any")), *STATES], required=False, label=_("State"))
    owner = forms.CharField(required=False, max_length=254, label=_("Owner's address"))
    device = forms.ChoiceField(
        choices=[("", _("any")), ("none", _("No known device")), ("unknown", _("Unknown device seen"))],
        required=False,
        label=_("Room device"),
    )
    mine = forms.BooleanField(required=False, label=_("Mine"))
    starred = forms.BooleanField(required=False, label=_("Favourites"))
    archived = forms.BooleanField(required=False, label=_("Archived"))
    sort = forms.ChoiceField(choices=SORTS, required=False, label=_("Order"))

    def understood(self) -> dict[str, Any]:
        """The filters that make sense; the others are left out, and so is the order that is the usual one."""
        self.is_valid()
        return {
            name: value
            for name, value in self.cleaned_data.items()
            if value and (name, value) != ("sort", "need")
        }

    def query(self) -> str:
        """The filters that make sense, as a query string; the page is no part of it."""
        return urlencode([(name, self.data[name]) for name in self.understood()])


# Columns of the overview besides room and state, which every list has: key, name, whether it is there unless chosen away.
COLUMNS = (
    ("people", _("In the call"), True),
    ("since", _("For"), True),
    ("today", _("Last 24 hours"), True),
    ("owner", _("Owner"), False),
    ("code", _("Code"), True),
    ("seen", _("Seen"), True),
)


class ColumnsForm(forms.Form):
    """Which columns the overview has. None is a choice, too."""

    columns = forms.MultipleChoiceField(
        choices=[(key, label) for key, label, _shown in COLUMNS],
        required=False,
        label=_("Columns of the list of rooms"),
        widget=forms.CheckboxSelectMultiple,
    )


class SavedFilterForm(forms.Form):
    """A name for the filters that are set now."""

    name = forms.CharField(max_length=60, label=_("Name"))
    query = forms.CharField(widget=forms.HiddenInput, required=False, max_length=1000)

    def clean_query(self) -> str:
        """Only what the overview understands is kept, so that a saved address never becomes a strange one."""
        query = FilterForm(QueryDict(self.cleaned_data["query"])).query()
        if not query:
            raise ValidationError(gettext("No filter is set, so there is nothing to save. Set some first."))
        return query


_SLUG = re.compile(r"[-\w]{1,120}", re.ASCII)


class SelectionForm(forms.Form):
    """Rooms that were ticked, by the word in their address."""

    AT_MOST = 200

    def chosen(self) -> list[str]:
        """The rooms, each once and not too many; whether they exist and may be seen is asked elsewhere."""
        data = self.data.getlist("room") if isinstance(self.data, QueryDict) else []
        return list(dict.fromkeys(slug for slug in data if _SLUG.fullmatch(slug)))[: self.AT_MOST]
