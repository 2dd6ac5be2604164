"""Names of rooms and buildings: how they are stored, and when two of them are the same."""

import unicodedata
from collections.abc import Sequence
from typing import Any

from django.db import models

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


class NameKeyField(models.CharField):  # type: ignore[type-arg]
    """The key of the name in `sources` of the same row. It follows that name in `save()` (see Searchable) and `bulk_create()`."""

    def __init__(self, *args: Any, sources: Sequence[str] = ("name",), **kwargs: Any) -> None:
        self.sources = tuple(sources)
        super().__init__(*args, **{"max_length": 400, "default": "", "editable": False, **kwargs})

    def deconstruct(self) -> Any:
        """Return what migrations need to make the field again."""
        name, path, args, kwargs = super().deconstruct()
        return name, path, args, {**kwargs, "sources": self.sources}

    def pre_save(self, model_instance: models.Model, add: bool) -> str:  # noqa: FBT001
        """Return the value to store, made of the name as it is now."""
        key = name_key(" ".join(getattr(model_instance, source) for source in self.sources))
        setattr(model_instance, self.attname, key)
        return key
