"""Rooms by words: which rooms a name, a place or a whole sentence means, best match first."""

import math
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from spaces.models import Room
from spaces.models.rooms import RoomQuerySet
from spaces.models.search import MOST_WORDS, fillers, folded, is_number, terms, words

LONGEST = 4000
"""Letters of a text that are searched for words."""

# How well a word fits a room. A part of a number is another number, so it fits worse than the beginning of a name.
EXACT, BEGINNING, INSIDE, NONE = 3, 2, 1, 0


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


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A room with the words of its name, of everything searched, and of its building."""

    pk: int
    name: str
    own: tuple[str, ...]
    place: tuple[str, ...]


def by_all_words(text: str, rooms: RoomQuerySet) -> Found:
    """Return the rooms that have every word of the text, words around the name left out if need be. Two queries at most."""
    wanted = words(" ".join(term.raw for term in terms(text[:LONGEST]) if "@" not in term.raw))
    names = rooms.matching(text[:LONGEST]).values_list("pk", "name", "search_text", "building__search_text")
    found = [_Candidate(pk, name, tuple(own.split()), tuple(place.split())) for pk, name, own, place in names]
    if not found:
        return Found()
    start = folded(text.strip())
    ranked = sorted((_rank(one, wanted, start), one.name, one.pk) for one in found)
    best = ranked[0][0]
    kept = [entry for entry in ranked if entry[0][0] == best[0]]
    certain = len(kept) == 1 or (best < kept[1][0] and best[:3] == (-EXACT, -EXACT, -1))
    return Found([pk for _rank, _name, pk in kept], certain=certain)


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
    """Return the rooms that have the most telling words of the text. Reads the words of all rooms once."""
    spoken = words(" ".join(term.raw for term in terms(text[:LONGEST]) if "@" not in term.raw))
    wanted = list(dict.fromkeys(word for word in spoken if word not in fillers()))[:MOST_WORDS]
    if not wanted:
        return Found()
    index = _Index(rooms)
    _join_numbers(wanted, index)
    fits = {word: index.fits(word) for word in wanted}
    known = tuple(word for word in wanted if fits[word])
    if not known:
        return Found(index.written_together("".join(spoken)), missing=tuple(filter(is_number, wanted)))
    scores: defaultdict[int, float] = defaultdict(float)
    for word in known:
        weight = math.log(1 + len(index.rooms) / len(fits[word]))
        for place, level in fits[word].items():
            scores[place] += weight * level / EXACT
    best = max(scores.values())
    top = {place for place, score in scores.items() if score > best - 1e-9}
    kept = sorted((index.rooms[place] for place in top), key=lambda room: (room.name, room.pk))
    ignored = tuple(word for word in wanted if word not in known)
    missing = tuple(word for word in ignored if is_number(word))
    named = [room for room in kept if set(known).issuperset(words(room.name))]
    numbered = any(is_number(word) for word in known)
    if missing and not named and not numbered:
        return Found(missing=missing, known=known)
    partial = any(not fits[word].keys() >= top for word in known)
    certain = len(kept) == 1 and not partial
    return Found([room.pk for room in kept], certain=certain, partial=partial, ignored=ignored)


def _join_numbers(wanted: list[str], index: "_Index") -> None:
    """Make “3 14” into 3.14 where a room is called so."""
    for first, second in pairwise(list(wanted)):
        joined = f"{first}.{second}"
        if is_number(first) and is_number(second) and index.fits(joined):
            wanted[wanted.index(first)] = joined
            wanted.remove(second)


class _Index:
    """The words of all these rooms, read once for one text."""

    def __init__(self, rooms: RoomQuerySet) -> None:
        found = rooms.order_by().values_list("pk", "name", "search_text", "building__search_text")
        self.rooms = [_Candidate(pk, name, tuple(own.split()), (place,)) for pk, name, own, place in found]
        places: defaultdict[str, list[int]] = defaultdict(list)
        self._places: defaultdict[str, list[int]] = defaultdict(list)
        for place, room in enumerate(self.rooms):
            for word in room.own:
                self._places[word].append(place)
            places[room.place[0]].append(place)
        for text, those in places.items():
            for word in text.split():
                self._places[word] += those
        self._sorted = sorted(self._places)

    def fits(self, word: str) -> dict[int, int]:
        """Return how well the word fits the rooms that it fits: position to level."""
        found: dict[int, int] = {}
        if is_number(word):
            self._add(found, self._beginning(f"{word}."), EXACT)
            self._add(found, [word.replace(".", "")], BEGINNING)
        elif len(word) >= 3:
            self._add(found, self._beginning(word), BEGINNING)
        if not word.isascii():  # languages written without blanks: a name within a sentence
            self._add(
                found, (t for t in self._sorted if len(t) > 1 and not t.isascii() and t in word), BEGINNING
            )
        self._add(found, [word], EXACT)
        return found

    def _add(self, found: dict[int, int], tokens: Iterable[str], level: int) -> None:
        for token in tokens:
            found |= dict.fromkeys(self._places.get(token, ()), level)

    def _beginning(self, prefix: str) -> list[str]:
        start = bisect_left(self._sorted, prefix)
        end = bisect_left(self._sorted, f"{prefix}\U0010ffff", lo=start)
        return self._sorted[start:end]

    def written_together(self, text: str) -> list[int]:
        """Return the rooms (ids, by name) whose name has these letters in this order, whatever stands between them."""
        wanted = text.replace(".", "")
        if len(wanted) < 4:
            return []
        found = [
            (room.name, room.pk)
            for room in self.rooms
            if wanted in "".join((*room.place[0].split(), *room.own)).replace(".", "")
        ]
        return [pk for _name, pk in sorted(found)]


def in_order(found: Sequence[int], rooms: RoomQuerySet) -> list[Room]:
    """Return these rooms with all that a page shows, in this order."""
    by_key = rooms.for_pages().prefetch_related("ownerships__person").in_bulk(found)
    return [by_key[key] for key in found if key in by_key]
