"""Rooms by words: which rooms a name, a place or a whole sentence means, best match first."""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from django.db.models import Q

from spaces.models import Building, Room
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
"""Rooms that are compared word by word. Of more, those are that have every word exactly; the others follow by name."""


def by_all_words(text: str, rooms: RoomQuerySet) -> Found:
    """Return the rooms that have every word of the text, words around the name left out if need be."""
    if len(terms(text[:LONGEST])) > MOST_TERMS:
        return Found()
    wanted = spoken(text)
    found = rooms.matching(text[:LONGEST])
    few = _candidates(found)
    if len(few) > MOST_RANKED:
        return _many(found, wanted)
    if not few:
        return Found()
    start = folded(text.strip())
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
        for pk, name, own, place in rows[: MOST_RANKED + 1]
    ]


def _many(found: RoomQuerySet, wanted: Sequence[str]) -> Found:
    """Return very many rooms: first those that have the words exactly, then the others by name."""
    exact = found
    for word in wanted:
        if word not in fillers():
            there = Building.objects.filter(search_text__contains=f" {word} ").values("pk")
            exact = exact.filter(Q(search_text__contains=f" {word} ") | Q(building__in=there))
    keys = exact.order_by("name", "pk").values_list("pk", flat=True)[:MOST_RANKED]
    first = dict.fromkeys([*keys, *found.order_by("name", "pk").values_list("pk", flat=True)[:MOST_RANKED]])
    return Found(list(first)[:MOST_RANKED], number=found.count())


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
    """Return the rooms that have the most telling words of the text. Reads the search columns of all rooms once."""
    said = spoken(text)
    wanted = list(dict.fromkeys(word for word in said if word not in fillers()))[:MOST_WORDS]
    if not wanted:
        return Found()
    texts = _Texts(rooms)
    _join_numbers(wanted, texts)
    fits = {word: texts.fits(word) for word in wanted}
    known = tuple(word for word in wanted if fits[word])
    missing = tuple(word for word in wanted if is_number(word) and word not in known)
    if not known:
        return Found(texts.written_together(said, rooms), missing=missing)
    top = _best({word: fits[word] for word in known}, len(texts.own))
    kept = rooms.filter(pk__in=[texts.keys[place] for place in sorted(top)[:MOST_RANKED]])
    names = kept.order_by("name", "pk").values_list("pk", "name")
    named = any(set(known).issuperset(words(name)) for _pk, name in names)
    if missing and not named and not any(is_number(word) for word in known):
        return Found(missing=missing, known=known)
    partial = any(not fits[word].keys() >= top for word in known)
    return Found(
        [pk for pk, _name in names],
        certain=len(top) == 1 and not partial,
        partial=partial,
        ignored=tuple(word for word in wanted if word not in known),
        number=len(top),
    )


def _best(fits: dict[str, dict[int, int]], number: int) -> set[int]:
    """Return the positions of the rooms that have most of the words, a rare word counting more than a common one."""
    scores: defaultdict[int, float] = defaultdict(float)
    for those in fits.values():
        weight = math.log(1 + number / len(those)) / EXACT
        for place, level in those.items():
            scores[place] += weight * level
    best = max(scores.values()) - 1e-9
    return {place for place, score in scores.items() if score > best}


def _join_numbers(wanted: list[str], texts: "_Texts") -> None:
    """Make “3 14” into 3.14 where a room is called so."""
    for first, second in pairwise(list(wanted)):
        joined = f"{first}.{second}"
        if is_number(first) and is_number(second) and texts.fits(joined):
            wanted[wanted.index(first)] = joined
            wanted.remove(second)


class _Texts:
    """The search columns of all these rooms, read once for one text: `keys` (ids) and `own` (words) by position."""

    def __init__(self, rooms: RoomQuerySet) -> None:
        rows = list(rooms.order_by().values_list("pk", "building_id", "search_text"))
        self.keys = [row[0] for row in rows]
        self.own = [row[2] for row in rows]
        self._at = [row[1] for row in rows]
        self._sites = dict(Building.objects.values_list("pk", "search_text"))
        self._all = "\n".join(self.own)  # looked through before the rooms are, one by one

    def fits(self, word: str) -> dict[int, int]:
        """Return how well the word fits the rooms that it fits: position to level."""
        found: dict[int, int] = {}
        if is_number(word):
            self._add(found, f" {word.replace('.', '')} ", BEGINNING)
            self._add(found, f" {word}.", EXACT)
        elif len(word) > 2:
            self._add(found, f" {word}", BEGINNING)
        if not word.isascii():  # languages written without blanks: a name within a sentence
            for token in {*self._all.split(), *" ".join(self._sites.values()).split()}:
                if len(token) > 1 and not token.isascii() and token in word:
                    self._add(found, f" {token} ", BEGINNING)
        self._add(found, f" {word} ", EXACT)
        return found

    def _add(self, found: dict[int, int], part: str, level: int) -> None:
        if part in self._all:
            found |= dict.fromkeys([place for place, own in enumerate(self.own) if part in own], level)
        sites = {site for site, text in self._sites.items() if part in text}
        if sites:
            found |= dict.fromkeys([place for place, site in enumerate(self._at) if site in sites], level)

    def written_together(self, said: Sequence[str], rooms: RoomQuerySet) -> list[int]:
        """Return the rooms (ids, by name) that have these letters in this order, the building's name perhaps before their own,
        whatever stands between them."""
        wanted, apart = "".join(said).replace(".", ""), str.maketrans("", "", " .")
        sites = {site: next(iter(text.split()), "") for site, text in self._sites.items()}
        within = {site for site, name in sites.items() if name and wanted.startswith(name)}
        if len(wanted) < 4 or not (within or wanted in self._all.translate(apart)):
            return []
        found = [
            key
            for key, site, own in zip(self.keys, self._at, self.own, strict=True)
            if wanted in own.translate(apart)
            or (site in within and wanted in sites[site] + own.translate(apart))
        ]
        return list(
            rooms.filter(pk__in=found[:MOST_RANKED]).order_by("name", "pk").values_list("pk", flat=True)
        )


def in_order(found: Sequence[int], rooms: RoomQuerySet) -> list[Room]:
    """Return these rooms with all that a page shows, in this order."""
    by_key = rooms.for_pages().prefetch_related("ownerships__person").in_bulk(found)
    return [by_key[key] for key in found if key in by_key]
