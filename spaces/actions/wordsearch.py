"""Rooms by words: which rooms a name, a place or a whole sentence means, best match first."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.db.models import Q

from spaces.actions.roomwords import BEGINNING, EXACT, INSIDE, NONE, RoomWords
from spaces.models import Building, Room, RoomWord
from spaces.models.rooms import RoomQuerySet
from spaces.models.search import MOST_WORDS, fillers, folded, is_number, terms, words

LONGEST = 4000
"""Letters of a text that are searched for words."""


@dataclass(frozen=True, slots=True)
class Found:
    """The rooms (ids) that a text means, best first.

    `certain`: one room is clearly meant, the others only resemble it. `partial`: no room has all the words; these have the most
    telling ones. `ignored`: words that no room has. `missing`: numbers that no room has, for which the rest is no substitute.
    """

    rooms: Sequence[int] = ()
    certain: bool = False
    partial: bool = False
    ignored: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    number: int = 0

    @property
    def total(self) -> int:
        """How many rooms there are, of which `rooms` may be the first only."""
        return self.number or len(self.rooms)


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A room with the words of its name, of everything searched, and of its building."""

    pk: int
    name: str
    own: tuple[str, ...]
    place: tuple[str, ...]


MOST_TERMS = 7
"""Words, parted by blanks, of a name with its place; a text with more is a sentence (by_most_words)."""

MOST_RANKED = 400
"""Rooms that are compared word by word. Of more, those come first that have every word exactly; the others follow by name."""

MOST_READ = 1000
"""Rooms whose words are read. Of more, the database finds the first."""

MOST_LISTED = 24
"""Rooms that are named of more than MOST_RANKED."""


def by_all_words(text: str, rooms: RoomQuerySet) -> Found:
    """Return the rooms that have every word of the text, words around the name left out if need be."""
    if len(terms(text[:LONGEST])) > MOST_TERMS:
        return Found()
    wanted = spoken(text)
    found = rooms.matching(text[:LONGEST])
    few = _candidates(found)
    if not few:
        return Found()
    if len(few) > MOST_RANKED:
        return _many(few, wanted) if len(few) <= MOST_READ else _very_many(found, wanted)
    start = folded(text[:LONGEST].strip())
    ranked = sorted((_rank(one, wanted, start), one.name, one.pk) for one in few)
    best = ranked[0][0]
    kept = [entry for entry in ranked if entry[0][0] == best[0]]
    certain = len(kept) == 1 or (best < kept[1][0] and best[:3] == (-EXACT, -EXACT, -1))
    return Found([pk for _key, _name, pk in kept], certain=certain)


def spoken(text: str) -> list[str]:
    """Return the words of the text that may name a room, in their order."""
    return [word for term in terms(text[:LONGEST]) for word in term.words]


def _candidates(found: RoomQuerySet) -> list[_Candidate]:
    rows = found.order_by().values_list("pk", "name", "search_text", "building__search_text")
    return [
        _Candidate(pk, name, tuple(own.split()), tuple(place.split()))
        for pk, name, own, place in rows[: MOST_READ + 1]
    ]


def _many(few: Sequence[_Candidate], wanted: Sequence[str]) -> Found:
    """Return the first of many rooms: those that have the words exactly, then the others by name."""
    exact = {word for word in wanted if word not in fillers()}
    ranked = sorted((not exact.issubset((*room.own, *room.place)), room.name, room.pk) for room in few)
    return Found([pk for _inexact, _name, pk in ranked[:MOST_LISTED]], number=len(few))


def _very_many(found: RoomQuerySet, wanted: Sequence[str]) -> Found:
    """Do as `_many`, without reading all of the rooms."""
    exact = found
    for word in wanted:
        if word not in fillers():
            having = Q(pk__in=RoomWord.objects.filter(word__text=word).values("room"))
            there = list(
                Building.objects.filter(search_text__contains=f" {word} ").values_list("pk", flat=True)
            )
            exact = exact.filter(having | Q(building__in=there) if there else having)
    first = list(exact.order_by("name", "pk").values_list("pk", flat=True)[:MOST_LISTED])
    if len(first) < MOST_LISTED:
        first += found.order_by("name", "pk").values_list("pk", flat=True)[:MOST_LISTED]
    return Found(list(dict.fromkeys(first))[:MOST_LISTED], number=found.count())


def _rank(room: _Candidate, wanted: Sequence[str], start: str) -> tuple[int, int, int, int]:
    """Return the sort key of a room that has the words: numbers first, then letters, a name wholly said, a name begun."""
    levels = [(is_number(word), _level(word, (*room.own, *room.place))) for word in wanted]
    levels = [
        one for word, one in zip(wanted, levels, strict=True) if one[1] == EXACT or word not in fillers()
    ]
    numbers = [level for number, level in levels if number and level]
    letters = [level for number, level in levels if not number and level]
    whole = set(wanted).issuperset(words(room.name))
    begun = folded(room.name).startswith(start)
    return (-min(numbers, default=EXACT), -min(letters, default=EXACT), -whole, -begun)


def _level(word: str, tokens: Iterable[str]) -> int:
    """Return how well the word fits the best of these words of a room. “2” fits 2 and 2.06, and only begins 20."""
    best = NONE
    for token in tokens:
        if token == word or (is_number(word) and token.startswith(f"{word}.")):
            return EXACT
        if token.startswith(word):
            best = max(best, INSIDE if is_number(word) else BEGINNING)
        elif len(word) > 2 and word in token:
            best = max(best, INSIDE)
    return best


# --- No room has all the words ------------------------------------------------------------------------------------


def by_most_words(text: str, rooms: RoomQuerySet) -> Found:
    """Return the rooms that have the most telling words of the text."""
    said = spoken(text)
    wanted = list(dict.fromkeys(word for word in said if word not in fillers()))[:MOST_WORDS]
    if not wanted:
        return Found()
    words_of_rooms = RoomWords(wanted, rooms)
    fits = words_of_rooms.fits
    wanted = words_of_rooms.joined(wanted)
    known = tuple(word for word in wanted if words_of_rooms.is_known(word))
    missing = tuple(word for word in wanted if is_number(word) and word not in known)
    if not known:
        return Found(_written_together(said, rooms, words_of_rooms.sites), missing=missing)
    top = words_of_rooms.best(known)
    names = sorted((words_of_rooms.names[room], room) for room in top)[:MOST_RANKED]
    named = any(set(known).issuperset(words(name)) for name, _pk in names)
    if missing and not named and not any(is_number(word) for word in known):
        return Found(missing=missing, known=known)
    partial = any(not fits[word].keys() >= top for word in known)
    return Found(
        [pk for _name, pk in names],
        certain=len(top) == 1 and not partial,
        partial=partial,
        ignored=tuple(word for word in wanted if word not in known),
        number=len(top),
    )


LONGEST_TOGETHER = 60
"""Letters of a text without blanks in which a name is looked for."""

MOST_TOGETHER = 5000
"""Rooms whose names are compared with such a text."""


def _written_together(said: Sequence[str], rooms: RoomQuerySet, sites: Mapping[int, str]) -> list[int]:
    """Return the rooms (ids, by name) that have these letters in this order, the building's name perhaps before their own,
    whatever stands between them. One of their words at least is whole in the text."""
    wanted, apart = "".join(said).replace(".", ""), str.maketrans("", "", " .")
    if not 4 <= len(wanted) <= LONGEST_TOGETHER:
        return []
    names = {site: next(iter(text.split()), "") for site, text in sites.items()}
    within = {site for site, name in names.items() if name and wanted.startswith(name)}
    parts = {wanted[start:end] for start in range(len(wanted)) for end in range(start + 2, len(wanted) + 1)}
    having = RoomWord.objects.filter(word__text__in=parts).values_list("room", flat=True)
    keys = set(having.order_by()[:MOST_TOGETHER])
    if within:
        there = Room.objects.filter(building__in=within).order_by()
        keys |= set(there.values_list("pk", flat=True)[:MOST_TOGETHER])
    if not keys:
        return []
    rows = rooms.filter(pk__in=keys).order_by("name", "pk").values_list("pk", "building_id", "search_text")
    found = [
        key
        for key, site, own in rows
        if wanted in own.translate(apart) or (site in within and wanted in names[site] + own.translate(apart))
    ]
    return found[:MOST_RANKED]


def in_order(found: Sequence[int], rooms: RoomQuerySet) -> list[Room]:
    """Return these rooms with all that a page shows, in this order."""
    by_key = rooms.for_pages().with_owners().order_by().in_bulk(found)
    return [by_key[key] for key in found if key in by_key]
