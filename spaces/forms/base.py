"""Parts that several forms share."""

import secrets
from typing import Any

from django import forms

from spaces.models.names import tidy

ADDRESS = 254  # letters of an e-mail address; what Person has room for


def new_key() -> str:
    """A key for one form on one page: sending it twice acts once."""
    return secrets.token_urlsafe(24)


class KeyedForm(forms.Form):
    """A form that acts once however often it is sent."""

    key = forms.CharField(widget=forms.HiddenInput, max_length=64, min_length=16)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial.setdefault("key", new_key())


class NameField(forms.CharField):
    """A name, stored in one form however it was typed or pasted."""

    def to_python(self, value: Any) -> str:
        """Return the tidy name."""
        return tidy(super().to_python(value) or "")
