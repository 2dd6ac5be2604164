"""Settings of a space, a new space, an existing link."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from spaces.forms.base import KeyedForm
from spaces.google import codes, config
from spaces.language import spoken
from spaces.models import Account

KEEP = "keep"  # "leave this to Google's default", in the form for a new space


def _field_name(path: str) -> str:
    return path.replace(".", "__")


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
