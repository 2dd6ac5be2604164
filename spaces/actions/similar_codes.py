"""Rooms whose code is nearly the one that somebody read out or typed."""

import re
from collections.abc import Iterable, Sequence
from itertools import product

from django.db.models import Q

from spaces.models import Room, Space
from spaces.models.rooms import RoomQuerySet
from spaces.models.spaces import END, MIDDLE, code_part
from spaces.models.wordindex import begins

MOST_PIECES = 4
MOST_ROOMS = 5
MOST_CLOSE = 200
LONGEST = 2000
"""Letters of a text that are searched for something like a code."""

# Letters that look alike or sound alike when spelled, in English or German. i and l are one letter here (see _letters).
_ALIKE = (
    "mn",
    "nu",
    "bcdegptvw",
    "uvw",
    "uy",
    "fsx",
    "sz",
    "ahk",
    "aj",
    "ao",
    "ceo",
    "gq",
    "gj",
    "ck",
    "kqu",
    "hn",
    "iy",
    "ij",
    "ft",
    "nr",
)
_PAIRS = frozenset(f"{a}{b}" for group in _ALIKE for a in group for b in group if a != b)
_PLAIN = str.maketrans("0158l", "oisbi")
_LIKE_A_CODE = re.compile(
    r"(?<![a-z0-9])(?:[a-z0158]{2,4}[-.][a-z0158]{3,5}[-.][a-z0158]{2,4}|[a-z0158]{9,11})(?![a-z0-9])"
)
ALIKE, OTHER, TOO_MUCH = 1, 2, 3
"""Costs of a slip; two letters that are alike may be wrong, or one of any other kind."""


def _letters(code: str) -> str:
    """Return the letters of a code, with i for l, o for 0 and so on, without what stands between them."""
    return re.sub(r"[^a-z]", "", code.lower().translate(_PLAIN))


def cost(said: str, code: str) -> int:
    """Return how far what was said is from the code: 0 for i and l mixed up only, TOO_MUCH and more for something else.

    One letter wrong, missing, too many or swapped with its neighbour counts OTHER, a letter that is alike counts ALIKE.
    """
    return _cost(_letters(said), _letters(code))


def _cost(said: str, code: str) -> int:
    if len(said) != len(code):
        return OTHER if _one_more(said, code) or _one_more(code, said) else TOO_MUCH
    wrong = [place for place, (a, b) in enumerate(zip(said, code, strict=True)) if a != b]
    if len(wrong) > 2:
        return TOO_MUCH
    if len(wrong) == 2 and wrong[1] == wrong[0] + 1:
        first, second = wrong
        if (said[first], said[second]) == (code[second], code[first]):
            return OTHER
    return sum(ALIKE if said[place] + code[place] in _PAIRS else OTHER for place in wrong)


def _one_more(longer: str, shorter: str) -> bool:
    """Return whether the one is the other with one letter more."""
    if len(longer) != len(shorter) + 1:
        return False
    same = next(
        (place for place, (a, b) in enumerate(zip(longer, shorter, strict=False)) if a != b), len(shorter)
    )
    return longer[same + 1 :] == shorter[same:]


def pieces(text: str) -> list[str]:
    """Return what in the text may be a code with a slip in it: three groups, or 9 to 11 letters."""
    low = text[:LONGEST].lower()
    found = dict.fromkeys(match[0] for match in _LIKE_A_CODE.finditer(low))
    whole = re.sub(r"[\s.,-]+", "", low) if len(low) < 40 else ""
    if re.fullmatch(r"[a-z0158]{9,11}", whole):
        found[whole] = None
    return [piece for piece in found if 9 <= len(_letters(piece)) <= 11][:MOST_PIECES]


def near(said: Iterable[str], rooms: RoomQuerySet) -> Sequence[Room]:
    """Return the rooms whose code may be meant by one of these, the likeliest first."""
    wanted = [letters for letters in map(_letters, said) if 9 <= len(letters) <= 11]
    if not wanted:
        return []
    parts = Space.objects.order_by().alias(middle=code_part(MIDDLE), end=code_part(END))
    alike = Q(pk__in=[])
    for letters in wanted:
        alike |= _one_group_right(letters)
    costs = {
        key: distance
        for key, code in parts.filter(alike).values_list("pk", "meeting_code")
        if (distance := min(_cost(one, _letters(code)) for one in wanted)) < TOO_MUCH
    }
    close = list(costs)[:MOST_CLOSE]
    if not close:
        return []
    found = rooms.filter(space__in=close).select_related("building", "space")
    return sorted(found, key=lambda room: (costs[room.space_id or 0], room.name, room.pk))[:MOST_ROOMS]


def _one_group_right(letters: str) -> Q:
    """Return the condition that one of the code's groups is as it was said. With so few slips one always is."""
    condition = Q(end__in=_spellings(letters[-3:]))
    for start in _spellings(letters[:3]):
        condition |= begins("meeting_code", start)
    return condition | Q(middle__in=_spellings(letters[3:7])) if len(letters) == 10 else condition


def _spellings(letters: str) -> list[str]:
    """Return the letters with every i as i and as l (see _letters)."""
    return [
        "".join(spelling) for spelling in product(*("il" if letter == "i" else letter for letter in letters))
    ]


def beginning_with(text: str, rooms: RoomQuerySet) -> Sequence[Room]:
    """Return the rooms whose code begins with the text, if the text is the beginning of a code."""
    begun = text.strip().lower()
    if not re.fullmatch(r"[a-z]{3}-[a-z]{1,4}(?:-[a-z]{0,2})?", begun):
        return []
    found = rooms.select_related("building", "space").filter(begins("space__meeting_code", begun))
    return list(found.order_by("name", "pk")[:MOST_ROOMS])
