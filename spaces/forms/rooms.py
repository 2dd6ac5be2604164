"""Rooms."""

from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db.models import QuerySet
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from spaces.actions.rooms import RoomFacts, new_addresses
from spaces.forms.base import ADDRESS, KeyedForm, NameField
from spaces.google import addresses
from spaces.language import spoken
from spaces.models import Building, Room
from spaces.models.details import DETAILS, Detail, Kind
from spaces.models.names import name_key
from spaces.models.stuck import Limits


class PeopleField(forms.CharField):
    """Addresses in any dress: one a line, with commas, or as mail programs copy them. Hundreds may stand in it, and no browser
    is asked to cut what is pasted: half an address can be somebody else's."""

    LONGEST = 50_000
    MOST = 500

    def __init__(self, *, label: Any, help_text: Any = "") -> None:
        super().__init__(
            label=label,
            help_text=help_text,
            required=False,
            max_length=self.LONGEST,
            widget=forms.Textarea(attrs={"rows": 2}),
        )

    def widget_attrs(self, widget: forms.Widget) -> dict[str, Any]:
        """Those of every text field but maxlength."""
        return {name: value for name, value in super().widget_attrs(widget).items() if name != "maxlength"}

    def clean(self, value: Any) -> tuple[str, ...]:
        """Each address once, in small letters, in the order in which they were written."""
        found = addresses.pasted(super().clean(value))
        if len(found) > self.MOST:
            raise ValidationError(
                _("These are %(number)d addresses. At most %(most)d can be entered.")
                % {"number": len(found), "most": self.MOST}
            )
        for address in found:
            try:
                validate_email(address)
                if len(address) > ADDRESS:
                    raise ValidationError("")
            except ValidationError:
                raise ValidationError(
                    _("“%(address)s” is not an e-mail address.") % {"address": address[:100]}
                ) from None
        return tuple(found)


def _field(detail: Detail) -> forms.Field:
    """Return the form field of a room's attribute."""
    common: dict[str, Any] = {"label": detail.label, "required": detail.required, "help_text": detail.help}
    if detail.kind == Kind.NAME:
        return NameField(max_length=detail.longest, **common)
    if detail.kind == Kind.TEXT:
        widget = forms.Textarea(attrs={"rows": 3})
        return forms.CharField(max_length=detail.longest, widget=widget, **common)
    if detail.kind == Kind.MINUTES:
        usual = getattr(Limits.configured(), detail.name.removeprefix("stuck_"))
        common["help_text"] = gettext("Minutes. Empty: %(minutes)d, as everywhere. 0: never here.") % {
            "minutes": usual
        }
    return forms.IntegerField(min_value=detail.least, max_value=detail.most, **common)


class RoomForm(KeyedForm):
    """A room as an admin enters it."""

    building = forms.ModelChoiceField(
        Building.objects.none(),
        required=False,
        label=_("Building"),
        empty_label=_("Another building (below)"),
    )
    new_building = NameField(max_length=110, required=False, label=_("New building"))
    owners = PeopleField(
        label=_("Owners"),
        help_text=_(
            "Addresses, one a line. They may change settings and end calls, also before their first sign-in."
        ),
    )
    deputies = PeopleField(label=_("Deputies"))
    seen = forms.CharField(widget=forms.HiddenInput, required=False, max_length=64)

    def __init__(
        self,
        *args: Any,
        buildings: QuerySet[Building],
        new_buildings: bool = True,
        room: Room | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.room = room
        if not new_buildings:
            del self.fields["new_building"]
            self.fields["building"] = forms.ModelChoiceField(Building.objects.none(), label=_("Building"))
        self.fields |= {name: _field(detail) for name, detail in DETAILS.items()}
        short = [name for name, detail in DETAILS.items() if detail.kind in {Kind.NAME, Kind.NUMBER}]
        self.order_fields(["name", "building", "new_building", *short, "owners", "deputies"])
        self.fields["building"].queryset = buildings  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """A building, old or new, in which no other room has this name."""
        values = super().clean() or {}
        building, new = values.get("building"), str(values.get("new_building") or "")
        if not building and not new and "new_building" in self.fields:
            self.add_error("building", _("Choose a building, or enter the name of a new one."))
        if not building and new:
            building = Building.objects.named(new) or Building(name=new)
        if building and building.pk and values.get("name"):
            same = Room.objects.filter(building=building, name_key=name_key(values["name"]))
            if self.room:
                same = same.exclude(pk=self.room.pk)
            if same.exists():
                self.add_error(
                    "name", _("%(building)s has a room of this name already.") % {"building": building.name}
                )
        values["building"] = building
        for field in ("owners", "deputies"):
            for address in new_addresses(values.get(field) or (), self.room):
                if why := addresses.explain(address, settings.DOMAINS):
                    self.add_error(field, spoken(why))
        return values

    def facts(self) -> RoomFacts:
        """Return what was entered, for the action."""
        values = self.cleaned_data
        return RoomFacts(**{name: values[name] for name in ("building", "owners", "deputies", *DETAILS)})
