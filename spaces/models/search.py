"""Text search: how names and queries are normalised, and the columns that hold the result.

Case, accents, width, composition, ß and ae/oe/ue make no difference. Separators between digits do not either: “1-01” is “1.01”.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

from django.db import models
from django.db.models import Q

from spaces.models.derived import DerivedField

# Letters that Unicode does not take apart into a plain letter and a mark.
_PLAIN = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "æ": "ae", "œ": "oe", "ı": "i", "þ": "th", "ħ": "h"}
)
_MARKS = re.compile("[\u0300-\u036f]")
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]")
_UMLAUT = re.compile("([aou])e")
_WORD = re.compile(r"\d+(?:[.,:/_-]\d+)*|[^\W\d_]+")
_SEPARATOR = re.compile("[,:/_-]")

# What Calendar appends to a room's name (Directory API reference, `resources.calendars`: generatedResourceName): “(8) [Zoom, Whiteboard]”.
CALENDAR = re.compile(r"\(\d{1,4}\)\s*(?:\[[^\]\n]{0,300}\]|$)|\[[^\]\n]{0,300}\]\s*$")

MOST_WORDS = 60
"""Different words of a query that count; further ones are left out."""

LONGEST_WORD = 200
"""Letters of a word with others joined to it, such as “BER-1-Berlin”, that count."""


def folded(text: str) -> str:
    """Return the text without differences of case, accents, width and composition."""
    if text.isascii():
        return _UMLAUT.sub(r"\1", text.lower())
    plain = unicodedata.normalize("NFKC", _INVISIBLE.sub("", text)).casefold()
    plain = _MARKS.sub("", unicodedata.normalize("NFD", plain)).translate(_PLAIN)
    return _UMLAUT.sub(r"\1", unicodedata.normalize("NFC", plain))


def words(text: str) -> list[str]:
    """Return the words and numbers of the text in their order, normalised: “BER-1-Höyhen 1,01” is ber, 1, hoyhen, 1.01."""
    return [_SEPARATOR.sub(".", word) for word in _WORD.findall(folded(text))]


def is_number(word: str) -> bool:
    """Return whether the word is a number, such as 2 or 1.01."""
    return word[0].isdigit()


def searchable(texts: Iterable[str]) -> str:
    """Return what a search column holds for these texts: their words, each once, between blanks. A number with separators is
    there without them, too, because people say “314” for 3.14."""
    found = dict.fromkeys(word for text in texts for word in words(CALENDAR.sub(" ", text)))
    found |= dict.fromkeys(word.replace(".", "") for word in list(found) if is_number(word))
    return f" {' '.join(found)} " if found else ""


class SearchField(DerivedField, models.TextField):  # type: ignore[type-arg]
    """The searchable form of other fields of the same row."""

    def derive(self, texts: Sequence[str]) -> str:
        """Return the words of these texts."""
        return searchable(texts)


# --- Queries ----------------------------------------------------------------------------------------------------

_FILLERS = """
a an the our my your their we i you they he she it its is are was were be been has have had can cannot cant could not no in into
on onto at of to from for with without and or but by up as this that these those there here now again still please help hi
hello hey dear thanks thank since today morning afternoon somebody someone anybody anyone nobody people person user users guest
guests colleague colleagues customer call calls called meeting meetings meet google link code join joins joining joined get gets
getting got enter stuck blocked blocking broken busy occupied locked laptop computer device screen tv video conference does doesn
don won t s use used using work works working down problem issue error trouble urgent room rooms floor level storey story
building site office seat seats st nd rd th where which what who why how
der die das den dem des ein eine einen einem einer unser unsere unseren unserem unserer mein meine im in ins am an auf zu zum zur
von vom mit ohne und oder aber ist sind war hat haben kann können kommt komme kommen nicht kein keine keiner rein hinein raum
räume zimmer saal besprechungsraum besprechungszimmer konferenzraum meetingraum sitzungszimmer stock stockwerk etage og
obergeschoss ebene gebäude standort büro platz plätze besetzt blockiert belegt hängt klemmt geht funktioniert bitte hilfe hallo
danke wir ich sie er es seit heute gerade noch jemand niemand leute gäste gast kollege kollegen anruf besprechung termin konferenz
rechner gerät bildschirm kaputt fehler beitreten wo wer warum wie
"""


@cache
def fillers() -> frozenset[str]:
    """Words that people say around a name. A search looks for them first, and leaves them out when nothing has them all."""
    return frozenset(words(_FILLERS))


_TAG = re.compile(r"</?[a-z][a-z0-9-]*(?:\s[^<>]{0,300})?/?>", re.IGNORECASE)
_EDGES = " .,;:!?()[]{}<>|*`\"'“”„‟‘’‚‛«»‹›"


@dataclass(frozen=True, slots=True)
class Term:
    """One word as typed (`raw`, lower case, also tried as the beginning of an owner's address or a code) and the words in it."""

    raw: str
    words: tuple[str, ...]

    @property
    def is_filler(self) -> bool:
        """Whether nothing in it names a room by itself."""
        return bool(self.words) and fillers().issuperset(self.words)

    @property
    def is_code(self) -> bool:
        """Whether it is a code, or the beginning of one."""
        return _CODE.fullmatch(self.raw) is not None


_CODE = re.compile(r"[a-z]{3}-[a-z]{0,4}(?:-[a-z]{0,3})?")


def terms(text: str) -> list[Term]:
    """Return what to search for. Web addresses and HTML tags are no names; what Calendar appends to a room's name is left out."""
    plain = CALENDAR.sub(" ", _TAG.sub(" ", text))
    found: dict[Term, None] = {}
    number = 0
    for piece in plain.split():
        raw = piece.strip(_EDGES).lower()
        if "://" in raw or "www." in raw:
            continue
        made = Term(raw, () if "@" in raw else tuple(dict.fromkeys(words(raw[:LONGEST_WORD]))))
        if made.words or "@" in raw:
            found[made] = None
            number += len(made.words)
        if number > MOST_WORDS or len(found) == MOST_WORDS:
            break
    return list(found)


def is_from_start(word: str) -> bool:
    """Return whether the word is looked for from its first letter on (a number or a short word) rather than anywhere."""
    return is_number(word) or (word.isascii() and len(word) < 3)


def holds(word: str, prefix: str = "") -> Q:
    """Return the condition that a search column (reached by `prefix`) holds the word: a number or a short word from its first
    letter on, a longer one anywhere."""
    return Q(**{f"{prefix}search_text__contains": _part(word)})


def is_held(word: str, text: str) -> bool:
    """Return whether a search column with this text holds the word."""
    return _part(word) in text


def _part(word: str) -> str:
    return f" {word}" if is_from_start(word) else word
