"""Ending a call, and which participant is a device."""

import unicodedata
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from spaces.forms.base import KeyedForm
from spaces.models import Room


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
