"""Verbs about what people arrange for themselves. They touch nobody else and no room, so the audit trail does not tell of them."""

from collections.abc import Iterable

from django.db import IntegrityError, transaction

from spaces import access
from spaces.access import Permission
from spaces.actions.outcomes import Outcome
from spaces.audit import ActionRejected
from spaces.models import Favourite, Person, Preferences, Room, SavedFilter
from spaces.models.preferences import SAVED_AT_MOST


def star(*, room: Room, on: bool, actor: Person) -> Outcome:
    """Make the room one of the actor's favourites, or stop it being one. Safe to repeat. Raises NotAllowed."""
    access.require(actor, Permission.ROOM_SEE, room)
    if on:
        Favourite.objects.get_or_create(person=actor, room=room)
        return Outcome("favourite.added", {"room": room.name})
    Favourite.objects.filter(person=actor, room=room).delete()
    return Outcome("favourite.removed", {"room": room.name})


def save_filter(*, name: str, query: str, actor: Person) -> Outcome:
    """Keep a query string of the overview under a name; the same name again replaces it. Raises ActionRejected when the actor
    keeps too many already."""
    known = SavedFilter.objects.filter(person=actor)
    try:
        with transaction.atomic():
            if known.filter(name__iexact=name).update(name=name, query=query):
                return Outcome("filter.replaced", {"name": name})
            if known.count() >= SAVED_AT_MOST:
                raise ActionRejected("filter.too_many", {"number": SAVED_AT_MOST})
            SavedFilter.objects.create(person=actor, name=name, query=query)
    except IntegrityError:  # the same form, sent twice at once
        known.filter(name__iexact=name).update(query=query)
    return Outcome("filter.saved", {"name": name})


def drop_filter(*, saved: int, actor: Person) -> Outcome:
    """Delete one of the actor's own saved filters. Safe to repeat."""
    SavedFilter.objects.filter(person=actor, pk=saved).delete()
    return Outcome("filter.deleted")


def choose_columns(*, columns: Iterable[str], actor: Person) -> Outcome:
    """Which columns the actor's overview has."""
    Preferences.objects.update_or_create(person=actor, defaults={"columns": list(columns)})
    return Outcome("columns.saved")
