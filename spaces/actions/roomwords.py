"""How well the words of a text fit rooms, taken from the index of words."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

from django.db.models import Count, F, Q, Value
from django.db.models.functions import StrIndex

from spaces.models import Building, RoomWord, SearchWord
from spaces.models.rooms import RoomQuerySet
from spaces.models.search import is_number
from spaces.models.wordindex import AFTER_DIGITS, begins

# How well a word fits a room. A part of a number is another number, so it fits worse than the beginning of a name.
EXACT, BEGINNING, INSIDE, NONE = 3, 2, 1, 0

COMMON = 3000
"""Rooms from which on a word is common: it only weighs rooms that a rarer word has found, if there is any."""

KEYS_AT_ONCE = 5000


class RoomWords:
    """The rooms that each of these words fits: `fits` is word to room (id) to level. `names`: of these rooms. `sites`: the words
    of buildings, by id.

    A common word has only rooms that a rarer word fits, too.
    """

    def __init__(self, wanted: Sequence[str], rooms: RoomQuerySet) -> None:
        self._rooms = rooms.order_by()
        self.sites = dict(Building.objects.order_by().values_list("pk", "search_text"))
        numbers = (f"{a}.{b}" for a, b in pairwise(wanted) if is_number(a) and is_number(b))
        self._all = list(dict.fromkeys([*wanted, *numbers]))
        self._words = {word: dict[int, int]() for word in self._all}  # word -> SearchWord -> level
        for key, token in _vocabulary(self._all):
            for word in self._all:
                if level := _level(word, token):
                    self._words[word][key] = level
        self._places = {  # word -> building -> level
            word: {site: level for site, text in self.sites.items() if (level := _best_level(word, text))}
            for word in self._all
        }
        self._sizes = self._count()
        self.fits: dict[str, dict[int, int]] = {word: {} for word in self._all}
        self._load()

    def _count(self) -> dict[str, int]:
        """Return in how many rooms each word is, about: archived rooms and rooms with several forms of it count, too."""
        keys = {key for keys in self._words.values() for key in keys}
        sites = {site for places in self._places.values() for site in places}
        counted = RoomWord.objects.filter(word__in=keys).order_by().values_list("word")
        number = Counter(dict(counted.annotate(number=Count("pk"))) if keys else {})
        there = self._rooms.filter(building__in=sites).values_list("building")
        number_there = Counter(dict(there.annotate(number=Count("pk"))) if sites else {})
        return {
            word: sum(number[key] for key in self._words[word])
            + sum(number_there[site] for site in self._places[word])
            for word in self._all
        }

    def _load(self) -> None:
        found = [word for word in self._all if self._sizes[word]]
        common = {word for word in found if self._sizes[word] > COMMON}
        if len(common) == len(found):
            common.discard(min(found, key=self._sizes.__getitem__, default=""))
        rare = [word for word in found if word not in common]
        had = self._having({key for word in rare for key in self._words[word]})
        sites = {site for word in rare for site in self._places[word]}
        self.names, site_of = self._visible({key for _room, key in had}, sites)
        for word in rare:
            self._fill(word, had, site_of)
        if common:
            candidates = {room for word in rare for room in self.fits[word]}
            site_of = {room: site for room, site in site_of.items() if room in candidates}
            keys = {key for word in common for key in self._words[word]}
            had = [pair for part in _in_pieces(sorted(site_of)) for pair in self._having(keys, part)]
            for word in common:
                self._fill(word, had, site_of)

    def _visible(self, keys: set[int], sites: set[int]) -> tuple[dict[int, str], dict[int, int]]:
        """Return the names and the buildings of the rooms that have one of these words or are in one of these buildings."""
        names: dict[int, str] = {}
        site_of: dict[int, int] = {}
        having = RoomWord.objects.filter(word__in=keys).values("room")
        for wanted in ([Q(pk__in=having)] if keys else []) + ([Q(building__in=sites)] if sites else []):
            for room, name, site in self._rooms.filter(wanted).values_list("pk", "name", "building"):
                names[room], site_of[room] = name, site
        return names, site_of

    @staticmethod
    def _having(keys: Iterable[int], rooms: Iterable[int] | None = None) -> list[tuple[int, int]]:
        """Return which of these rooms (None: any) has which of these words: (room, word)."""
        wanted = list(keys)
        if not wanted:
            return []
        found = RoomWord.objects.filter(word__in=wanted)
        return list((found if rooms is None else found.filter(room__in=rooms)).values_list("room", "word"))

    def _fill(self, word: str, had: Iterable[tuple[int, int]], site_of: Mapping[int, int]) -> None:
        levels, places, fits = self._words[word], self._places[word], self.fits[word]
        if places:
            fits |= {room: level for room, site in site_of.items() if (level := places.get(site))}
        for room, key in had:
            level = levels.get(key, NONE)
            if level > fits.get(room, NONE) and room in site_of:
                fits[room] = level

    def joined(self, wanted: Sequence[str]) -> list[str]:
        """Return the words, “3 14” made into 3.14 where a room is called so."""
        found = list(wanted)
        for first, second in pairwise(wanted):
            joined = f"{first}.{second}"
            if self.fits.get(joined) and first in found and second in found:
                found[found.index(first)] = joined
                found.remove(second)
        return found

    def is_known(self, word: str) -> bool:
        """Return whether any room has the word."""
        return bool(self.fits[word]) or self._sizes[word] > COMMON

    def best(self, known: Sequence[str]) -> set[int]:
        """Return the rooms that have most of the words, a rare word counting more than a common one."""
        number = self._rooms.count()
        scores: defaultdict[int, float] = defaultdict(float)
        for word in known:
            those = self.fits[word]
            size = max(self._sizes[word], 1) if self._sizes[word] > COMMON else len(those)
            weight = math.log(1 + number / size) / EXACT
            for room, level in those.items():
                scores[room] += weight * level
        best = max(scores.values()) - 1e-9
        return {room for room, score in scores.items() if score > best}


def _vocabulary(wanted: Sequence[str]) -> list[tuple[int, str]]:
    """Return the words of rooms that may fit one of these."""
    fits = Q(text__in={*wanted, *(word.replace(".", "") for word in wanted if is_number(word))})
    for word in wanted:
        if is_number(word):
            fits |= begins("text", f"{word}.")
        elif len(word) > 2:
            fits |= begins("text", word)
    found = dict(SearchWord.objects.filter(fits).values_list("pk", "text"))
    foreign = " ".join(word for word in wanted if not word.isascii())
    if foreign:
        within = SearchWord.objects.alias(place=StrIndex(Value(foreign), F("text")))
        found |= dict(within.filter(text__gt=AFTER_DIGITS, place__gt=0).values_list("pk", "text"))
    return list(found.items())


def _level(word: str, token: str) -> int:
    """Return how well the word fits a word of a room. “2” fits 2 and 2.06, and not 20."""
    if token == word:
        return EXACT
    if is_number(word):
        return EXACT if token.startswith(f"{word}.") else BEGINNING * (token == word.replace(".", ""))
    if len(word) > 2 and token.startswith(word):
        return BEGINNING
    # Languages written without blanks: a name within a sentence.
    within = not word.isascii() and not token.isascii() and len(token) > 1 and token in word
    return BEGINNING if within else NONE


def _best_level(word: str, text: str) -> int:
    return max((_level(word, token) for token in text.split()), default=NONE)


def _in_pieces(keys: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(keys), KEYS_AT_ONCE):
        yield keys[start : start + KEYS_AT_ONCE]
