"""Names of rooms and buildings: how they are stored, and when two of them are the same."""

import unicodedata
from collections.abc import Sequence
from typing import Any

from django.db import models

from spaces.models.derived import DerivedField

_JOINERS = "\u200c\u200d"  # Persian, Hindi and emoji need them inside words


def tidy(text: str) -> str:
    """Return a name as it is stored: composed (NFC), without control and invisible characters, with single blanks."""
    kept = (
        " " if unicodedata.category(letter) == "Cc" else letter
        for letter in unicodedata.normalize("NFC", text)
        if letter in _JOINERS or unicodedata.category(letter) not in ("Cf", "Cs", "Co")
    )
    return " ".join("".join(kept).split()).strip(_JOINERS)


def name_key(text: str) -> str:
    """Return what equal names have in common: case, width, composition and invisible characters make no difference."""
    key = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", tidy(text)).casefold())
    return " ".join("".join(letter for letter in key if letter not in _JOINERS).split())


class NameKeyField(DerivedField, models.CharField):  # type: ignore[type-arg]
    """The key of the row's name."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"max_length": 400, "sources": ("name",), **kwargs})

    def derive(self, texts: Sequence[str]) -> str:
        """Return the key of the name."""
        return name_key(" ".join(texts))
