"""Scopes: sets of rooms, written once and read both in Python (`contains`) and in SQL (`q`)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from django.db.models import Q, QuerySet

from spaces.models import Room

Column = Literal["pk", "building_id", "space_id"]


class RoomRef(NamedTuple):
    """The columns of a room on which permissions depend, for code that has not loaded the room itself."""

    pk: int
    building_id: int | None
    space_id: int | None


@dataclass(frozen=True, slots=True, eq=False)
class IdQuery:
    """Ids that the database finds: `field` of the rows of `queryset`."""

    queryset: QuerySet[Any, Any]
    field: str

    def __contains__(self, key: object) -> bool:
        return self.queryset.filter(**{self.field: key}).exists()

    def __iter__(self) -> Iterator[int]:
        return iter(self.values())

    def values(self) -> QuerySet[Any, int]:
        """Return the ids as a queryset, for use as a subquery."""
        return self.queryset.values_list(self.field, flat=True)


Ids = frozenset[int] | IdQuery


@dataclass(frozen=True, slots=True)
class Scope:
    """A set of rooms: `everything`, or the rooms of which one column is among the ids given for it.

    `contains` and `q` read the same columns and ids, so a check on one room and a filter on a list cannot differ.
    """

    everything: bool = False
    among: tuple[tuple[Column, Ids], ...] = ()

    @classmethod
    def of(cls, **ids: Ids) -> "Scope":
        """Return the rooms with these ids, given as pk=, building_id= or space_id=."""
        return cls(among=tuple(ids.items()))  # type: ignore[arg-type]

    def __or__(self, other: "Scope") -> "Scope":
        """Return the rooms of both."""
        if self.everything or other.everything:
            return EVERYTHING
        return Scope(among=(*self.among, *other.among))

    def contains(self, room: Room | RoomRef) -> bool:
        """Return whether the room belongs to the scope. Asks the database once for each column that has an IdQuery."""
        if self.everything:
            return True
        for column, ids in self.among:
            value = getattr(room, column)
            if value is not None and value in ids:
                return True
        return False

    @property
    def q(self) -> Q:
        """The same set as a condition on rooms."""
        return self.condition()

    def condition(self, prefix: str = "") -> Q:
        """Return the same set as a condition on rows that lead to a room by this lookup prefix, such as "room__"."""
        if self.everything:
            return Q()
        found = Q(pk__in=[])
        for column, ids in self.among:
            found |= Q(**{f"{prefix}{column}__in": ids.values() if isinstance(ids, IdQuery) else ids})
        return found

    def resolved(self) -> "Scope":
        """Return the same scope with all ids read from the database."""
        return Scope(self.everything, tuple((column, frozenset(ids)) for column, ids in self.among))

    @property
    def size(self) -> int:
        """How many ids the scope names. Those of an IdQuery are not counted."""
        return sum(len(ids) for _column, ids in self.among if not isinstance(ids, IdQuery))


EVERYTHING = Scope(everything=True)
NOTHING = Scope()
