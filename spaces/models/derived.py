"""Columns that are made of other columns of the same row, so that the database can search and compare by them."""

from collections.abc import Sequence
from typing import Any

from django.db import models


class DerivedField(models.Field):  # type: ignore[type-arg]
    """A field made of others (`sources`) by `derive`. It follows them in `save()` of a DerivedModel and in `bulk_create()`; after
    `QuerySet.update()` of a source, save the row."""

    def __init__(self, *args: Any, sources: Sequence[str] = (), **kwargs: Any) -> None:
        self.sources = tuple(sources)
        super().__init__(*args, **{"blank": True, "default": "", "editable": False, **kwargs})

    def deconstruct(self) -> Any:
        """Return what migrations need to make the field again."""
        name, path, args, kwargs = super().deconstruct()
        return name, path, args, {**kwargs, "sources": self.sources}

    def pre_save(self, model_instance: models.Model, add: Any) -> str:
        """Return the value to store, made of the sources as they are now."""
        value = self.derive([getattr(model_instance, source) or "" for source in self.sources])
        setattr(model_instance, self.attname, value)
        return value

    def derive(self, texts: Sequence[str]) -> str:
        """Return what is stored for these texts."""
        raise NotImplementedError


class DerivedModel(models.Model):
    """A model with derived fields."""

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save the row; a derived field is saved with any of its sources."""
        changed = kwargs.get("update_fields")
        if changed is not None:
            derived = [
                field.name
                for field in self._meta.concrete_fields
                if isinstance(field, DerivedField) and not set(field.sources).isdisjoint(changed)
            ]
            kwargs["update_fields"] = {*changed, *derived}
        super().save(*args, **kwargs)
