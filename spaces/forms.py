"""All request input, filters included. Forms check shape; who may do it is the actions' business."""

import re
import secrets
import unicodedata
from collections.abc import Mapping
from typing import Any, cast

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email, validate_slug
from django.db.models import QuerySet
from django.http import QueryDict
from django.utils.http import urlencode
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from spaces.actions.buildings import BuildingFacts
from spaces.actions.rooms import LIMITS, RoomFacts, new_addresses
from spaces.google import addresses, codes, config
from spaces.language import spoken, zones
from spaces.models import Account, Building, Role, Room
from spaces.models.names import name_key, tidy
from spaces.models.stuck import Limits

ADDRESS = 254  # letters of an e-mail address; what Person has room for
KEEP = "keep"  # "leave this to Google's default", in the form for a new space


def new_key() -> str:
    """A key for one form on one page: sending it twice acts once."""
    return secrets.token_urlsafe(24)


class KeyedForm(forms.Form):
    """A form that acts once however often it is sent."""

    key = forms.CharField(widget=forms.HiddenInput, max_length=64, min_length=16)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial.setdefault("key", new_key())


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


class EndForm(KeyedForm):
    """Ending a call: which one the person saw, and why."""

    REASONS = (
        ("Nobody left in the call", _("Nobody left in the call")),
        ("The room is needed", _("The room is needed")),
        ("The owner asked for it", _("The owner asked for it")),
        ("", _("Other reason…")),
    )

    conference = forms.CharField(widget=forms.HiddenInput, max_length=200, required=False)
    preset = forms.ChoiceField(choices=REASONS, required=False, label=_("Reason"), widget=forms.RadioSelect)
    other = forms.CharField(required=False, max_length=500, label=_("In your own words"))
    confirm = forms.CharField(required=False, max_length=120, label=_("Type the room's name"))

    def __init__(self, *args: Any, room: Room, people: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.room, self.people = room, people
        self.initial.setdefault("preset", "" if people else self.REASONS[0][0])
        if not people:
            del self.fields["confirm"]

    @property
    def reason(self) -> str:
        """The reason in words."""
        given = (self.cleaned_data.get("preset"), self.cleaned_data.get("other"))
        return ": ".join(str(one) for one in given if one)

    def clean_confirm(self) -> str:
        """People are in the call: ending it takes more than one careless click."""
        typed = str(self.cleaned_data.get("confirm", "")).strip()
        if _as_read(typed) != _as_read(self.room.name):
            raise ValidationError(
                _("People are in this call. Type “%(room)s” to end it for them.") % {"room": self.room.name}
            )
        return typed

    def clean(self) -> dict[str, Any]:
        """A reason is always kept."""
        values = super().clean() or {}
        if not values.get("other") and not values.get("preset"):
            self.add_error("other", _("Write why; the reason is kept in the audit trail."))
        return values


def _as_read(name: str) -> str:
    """A name as people read it: a page shows two blanks as one, and an accent looks the same in both ways to write it."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def _field_name(path: str) -> str:
    return path.replace(".", "__")


class DeviceForm(KeyedForm):
    """Whether a participant is a room device: the button that was pressed, `device` or `person`, names the participant."""

    device = forms.CharField(widget=forms.HiddenInput, max_length=300, required=False)
    person = forms.CharField(widget=forms.HiddenInput, max_length=300, required=False)

    def clean(self) -> dict[str, Any]:
        """Exactly one of the two."""
        values = super().clean() or {}
        if bool(values.get("device")) == bool(values.get("person")):
            raise ValidationError(
                gettext("Say for one participant whether it is a room device. Nothing was saved.")
            )
        return values


class SettingsForm(KeyedForm):
    """Every setting of a space, one field each, named after Google's path. Fields that depend on host management are kept as
    they were while it is off, because Google resets them then."""

    reason = forms.CharField(required=False, max_length=500, label=_("Reason (kept in the audit trail)"))
    sure = forms.BooleanField(
        required=False,
        label=_("I know that then nobody can join from Google Meet or from a meeting-room device"),
    )

    def __init__(self, *args: Any, current: Mapping[str, str], new: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.current = dict(current)
        if self.is_bound and self.data.get(config.MODERATION) == "OFF":
            # While host management is off its controls are greyed out, and a browser does not send what is greyed out.
            kept = {_field_name(path): current.get(path) or KEEP for path in config.RESET_BY_MODERATION_OFF}
            data: Any = self.data
            self.data = data = data.copy()
            for name, value in kept.items():
                data.setdefault(name, value)
        for setting in config.CATALOGUE:
            known = current.get(setting.path, "")
            choices = [(choice.value, spoken(choice.label)) for choice in setting.choices]
            if known and not setting.knows(known):
                choices.append(
                    (known, known)
                )  # a value that Google has added since; it stays unless another is chosen
            if new or not known:
                choices.insert(
                    0, (KEEP, gettext("As the organisation's rules say") if new else gettext("Not set"))
                )
            self.fields[_field_name(setting.path)] = forms.ChoiceField(
                choices=choices,
                required=False,
                label=spoken(setting.label),
                help_text=spoken(setting.help),
                initial=known or KEEP,
                widget=forms.RadioSelect,
            )

    def groups(self) -> list[tuple[str, list[tuple[config.Setting, forms.BoundField]]]]:
        """The fields under their headings, in the catalogue's order."""
        found: dict[str, list[tuple[config.Setting, forms.BoundField]]] = {}
        for setting in config.CATALOGUE:
            found.setdefault(setting.group, []).append((setting, self[_field_name(setting.path)]))
        return list(found.items())

    def not_sure(self) -> None:
        """Say that shutting a room wants a second word."""
        self.add_error("sure", gettext("Tick this if you mean it; nothing was saved yet."))

    @property
    def wanted(self) -> dict[str, str]:
        """The chosen values by path; what was left alone is left out."""
        chosen = {
            setting.path: self.cleaned_data.get(_field_name(setting.path)) for setting in config.CATALOGUE
        }
        return {path: value for path, value in chosen.items() if value and value != KEEP}


class SeenField(forms.JSONField):
    """The settings as the person saw them, carried along by the page."""

    widget = forms.HiddenInput

    def clean(self, value: Any) -> dict[str, str]:
        """Only known settings pass, with values as Google names them (also values it has added since)."""
        seen = super().clean(value)
        if not isinstance(seen, dict):
            raise ValidationError(_("Open the settings again; this page was damaged on the way."))
        return {
            path: value[:100]
            for path, value in seen.items()
            if path in config.BY_PATH and isinstance(value, str) and value.isprintable()
        }


class ConfigureForm(SettingsForm):
    """Changing the settings of a space that exists."""

    seen = SeenField()


class CreateSpaceForm(SettingsForm):
    """A new space for a room: who owns it, and how it begins."""

    account = forms.ModelChoiceField(
        Account.objects.none(),
        empty_label=None,
        label=_("Account that owns it"),
        help_text=_(
            "Only this Google account can change or end it later. Take a room mailbox that will stay."
        ),
    )
    field_order = ("account",)

    def __init__(self, *args: Any, accounts: QuerySet[Account], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["account"].queryset = accounts  # type: ignore[attr-defined]


class AdoptForm(KeyedForm):
    """An existing link for a room."""

    text = forms.CharField(
        max_length=codes.LONGEST_INPUT,
        label=_("Meet link, code or invitation"),
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_(
            "Paste it as you have it: https://meet.google.com/abc-mnop-xyz, abcmnopxyz, or the whole invitation."
        ),
    )
    account = forms.ModelChoiceField(
        Account.objects.none(),
        required=False,
        empty_label=_("Find the owner among our accounts"),
        label=_("Account that owns it"),
    )
    reason = forms.CharField(required=False, max_length=500, label=_("Reason (kept in the audit trail)"))

    def __init__(self, *args: Any, accounts: QuerySet[Account], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["account"].queryset = accounts  # type: ignore[attr-defined]


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


STUCK_LABELS = {
    "stuck_empty": _("Stuck when nobody is in the call"),
    "stuck_devices": _("Stuck when only room devices, bots and phones are left"),
    "stuck_alone": _("Stuck when one person is alone"),
    "stuck_hostless": _("Stuck when the host has left"),
    "stuck_running": _("Stuck when it has been running"),
}


class NameField(forms.CharField):
    """A name, stored in one form however it was typed or pasted."""

    def to_python(self, value: Any) -> str:
        """Return the tidy name."""
        return tidy(super().to_python(value) or "")


class RoomForm(KeyedForm):
    """A room as an admin enters it."""

    name = NameField(max_length=110, label=_("Name"))
    building = forms.ModelChoiceField(
        Building.objects.none(),
        required=False,
        label=_("Building"),
        empty_label=_("Another building (below)"),
    )
    new_building = NameField(max_length=110, required=False, label=_("New building"))
    floor = NameField(max_length=40, required=False, label=_("Floor"))
    capacity = forms.IntegerField(min_value=1, max_value=10_000, required=False, label=_("Seats"))
    device_name = forms.CharField(
        max_length=200,
        required=False,
        label=_("Meet device"),
        help_text=_("Its name in Google's Admin console. Needed only if it differs from the room's name."),
    )
    resource_name = forms.CharField(
        max_length=200,
        required=False,
        label=_("Name in Google Calendar"),
        help_text=_("A device with this name is recognised, too."),
    )
    owners = PeopleField(
        label=_("Owners"),
        help_text=_(
            "Addresses, one a line. They may change settings and end calls, also before their first sign-in."
        ),
    )
    deputies = PeopleField(label=_("Deputies"))
    notes = forms.CharField(
        label=_("Notes"),
        required=False,
        max_length=5000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("Everybody of the organisation can read them on the room's page."),
    )
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
        usual = Limits.configured()
        for name in LIMITS:
            self.fields[name] = forms.IntegerField(
                label=STUCK_LABELS[name],
                min_value=0,
                max_value=100_000,
                required=False,
                help_text=gettext("Minutes. Empty: %(minutes)d, as everywhere. 0: never here.")
                % {"minutes": getattr(usual, name.removeprefix("stuck_"))},
            )
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
        return RoomFacts(
            name=values["name"],
            building=values["building"],
            floor=values["floor"],
            capacity=values["capacity"],
            device_name=values["device_name"],
            resource_name=values["resource_name"],
            notes=values["notes"],
            owners=values["owners"],
            deputies=values["deputies"],
            **{name: values[name] for name in LIMITS},
        )


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


class PersonForm(forms.Form):
    """A role for somebody, known to us or not yet."""

    email = forms.EmailField(max_length=ADDRESS, label=_("Address"))
    role = forms.ChoiceField(choices=Role, label=_("Role"))
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
        if values.get("role") not in {None, Role.ADMIN} and values.get("buildings"):
            if "buildings" in self.changed_data:
                self.add_error(
                    "buildings", _("Only admins can be limited to buildings. Choose Admin or no building.")
                )
            else:
                values["buildings"] = Building.objects.none()
        return values


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


class PeopleFilterForm(forms.Form):
    """Who is listed under “People”."""

    q = forms.CharField(required=False, max_length=200, label=_("Search"))
    role = forms.ChoiceField(choices=[("", _("Any role")), *Role.choices], required=False, label=_("Role"))


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
