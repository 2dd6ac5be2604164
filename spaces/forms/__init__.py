"""All request input, filters included. Forms check shape; actions check who may do it."""

from spaces.forms.base import ADDRESS, KeyedForm, NameField, new_key
from spaces.forms.buildings import BuildingForm
from spaces.forms.commands import CommandForm
from spaces.forms.conferences import DeviceForm, EndForm
from spaces.forms.history import AuditFilterForm
from spaces.forms.lookup import LookupForm
from spaces.forms.overview import COLUMNS, ColumnsForm, FilterForm, SavedFilterForm, SelectionForm
from spaces.forms.people import AddressForm, HandOverForm, MergeForm, PeopleFilterForm, PersonForm, SettleForm
from spaces.forms.preferences import LanguageForm
from spaces.forms.rooms import PeopleField, RoomForm
from spaces.forms.spaces import KEEP, AdoptForm, ConfigureForm, CreateSpaceForm, SeenField, SettingsForm

__all__ = [
    "ADDRESS",
    "COLUMNS",
    "KEEP",
    "AddressForm",
    "AdoptForm",
    "AuditFilterForm",
    "BuildingForm",
    "ColumnsForm",
    "CommandForm",
    "ConfigureForm",
    "CreateSpaceForm",
    "DeviceForm",
    "EndForm",
    "FilterForm",
    "HandOverForm",
    "KeyedForm",
    "LanguageForm",
    "LookupForm",
    "MergeForm",
    "NameField",
    "PeopleField",
    "PeopleFilterForm",
    "PersonForm",
    "RoomForm",
    "SavedFilterForm",
    "SeenField",
    "SelectionForm",
    "SettingsForm",
    "SettleForm",
    "new_key",
]
