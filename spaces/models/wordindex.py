"""Index of the words of rooms: every word once, and the rooms that have it. It works alike on SQLite and PostgreSQL.

It holds what `Room.search_text` holds. The words of buildings are not in it: buildings are few, so they are read whole.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.db import connection, models, transaction
from django.db.models import Q, QuerySet

from spaces.models.search import LONGEST_WORD, is_from_start

ROOMS_AT_ONCE = 500
AFTER_DIGITS = ":"
"""Follows the digits in ASCII, so that words of letters are greater."""
LAST_LETTER = "\U0010ffff"


class SearchWord(models.Model):
    """A word of the name, floor or device of some room, normalised (models.search)."""

    text = models.CharField(max_length=LONGEST_WORD, unique=True)

    objects: ClassVar[models.Manager["SearchWord"]] = models.Manager()

    def __str__(self) -> str:
        return self.text


class RoomWord(models.Model):
    """A room has a word."""

    word = models.ForeignKey(SearchWord, on_delete=models.CASCADE, related_name="rooms", db_index=False)
    room = models.ForeignKey("spaces.Room", on_delete=models.CASCADE, related_name="words")

    objects: ClassVar[models.Manager["RoomWord"]] = models.Manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["word", "room"], name="room_has_word_once")]

    def __str__(self) -> str:
        return f"{self.word}: {self.room}"


def index_rooms(texts: Mapping[int, str]) -> None:
    """Make the index hold the words of these rooms: `search_text` by id."""
    keys = sorted(texts)
    with transaction.atomic():
        for start in range(0, len(keys), ROOMS_AT_ONCE):
            _index({key: texts[key] for key in keys[start : start + ROOMS_AT_ONCE]})


def _index(texts: Mapping[int, str]) -> None:
    wanted = {(key, word[:LONGEST_WORD]) for key, text in texts.items() for word in text.split()}
    there = {
        (room, text): key
        for key, room, text in RoomWord.objects.filter(room__in=texts).values_list("pk", "room", "word__text")
    }
    RoomWord.objects.filter(pk__in=[key for pair, key in there.items() if pair not in wanted]).delete()
    new = wanted - there.keys()
    words = sorted({word for _room, word in new})  # in order, so that two writers do not wait for each other
    SearchWord.objects.bulk_create([SearchWord(text=word) for word in words], ignore_conflicts=True)
    keys = dict(SearchWord.objects.filter(text__in=words).values_list("text", "pk"))
    RoomWord.objects.bulk_create(
        [RoomWord(room_id=room, word_id=keys[word]) for room, word in sorted(new)], ignore_conflicts=True
    )


def begins(field: str, start: str) -> Q:
    """Return the condition that a column begins with the text, in the form that the column's index answers."""
    if connection.vendor == "sqlite":  # whose LIKE uses no index
        return Q(**{f"{field}__gte": start, f"{field}__lt": start + LAST_LETTER})
    return Q(**{f"{field}__startswith": start})


def rooms_with(word: str) -> "QuerySet[RoomWord, Any]":
    """Return the rooms (`room`) that have the word as `search.holds` understands it."""
    fits = begins("text", word) if is_from_start(word) else Q(text__gt=AFTER_DIGITS, text__contains=word)
    return RoomWord.objects.filter(word__in=SearchWord.objects.filter(fits).values("pk"))
