"""Find codes that are not in a link: written with dashes, spelled out letter by letter, or in words of a spelling alphabet.

They may as well be ordinary words ("our ten-year-old laptop"), so the caller tries all of them.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import islice

from spaces.google.codes.plaintext import LETTERS

MOST_CANDIDATES = 20
MOST_PLACES = 5_000

LONGEST_SPELLED = 20_000
"""Letters. Nobody spells a code out in a longer text."""

# --- With dashes ---------------------------------------------------------------------------------------------

_DASHED = re.compile(r"[-–](?<=[a-z]{3}[-–])([a-z]{4})[-–]([a-z]{3})")
_LINK = re.compile(r"://[^\s<>\"]*")


def without_links(text: str) -> str:
    """Return the text without its links: what looks like a code in a link to another site is none."""
    return _LINK.sub(" ", text)


def dashed(text: str, low: str) -> list[str]:
    """Return the codes written with dashes, in order. `low` is the text in small letters."""
    return _different(
        f"{low[found.start() - 3 : found.start()]}-{found[1]}-{found[2]}"
        for found in islice(_DASHED.finditer(low), MOST_PLACES)
        if _stands_alone(text, found.start() - 3, found.end())
    )


def _stands_alone(text: str, start: int, end: int) -> bool:
    """Whether the letters are a word of their own, rather than a part of a word, path, host or mail address."""
    before, after = text[max(start - 2, 0) : start], text[end : end + 3]
    last, first = before[-1:], after[:1]
    if _continues(last) or last in ("@", "%") or first in ("@", "%") or _continues(first):
        return False
    if last in ("-", "_", ".", "/") and _continues(before[:-1]):
        return False
    if first in ("-", "_"):
        return not _continues(after[1:2])
    return not (first == "." and after[1:].isalnum() and after[1:].islower())


def _continues(letter: str) -> bool:
    """Whether a word goes on with it. Scripts without capitals are written beside Latin words without a blank."""
    return letter.isdecimal() or (letter.isalpha() and letter.lower() != letter.upper())


def _different(codes: Iterable[str]) -> list[str]:
    return list(islice(dict.fromkeys(islice(codes, MOST_PLACES)), MOST_CANDIDATES))


# --- Spelled out ---------------------------------------------------------------------------------------------

_ALPHABETS = """
alfa alpha bravo charlie delta echo foxtrot golf hotel india juliett juliet kilo lima mike november oscar papa quebec romeo
sierra tango uniform victor whiskey whisky xray yankee zulu
anton berta bertha cäsar caesar dora emil friedrich gustav heinrich ida julius kaufmann konrad ludwig martha nordpol otto paula
quelle richard samuel siegfried theodor ulrich viktor wilhelm xanthippe xaver ypsilon zacharias zeppelin
aachen berlin chemnitz düsseldorf essen frankfurt goslar hamburg ingelheim jena köln leipzig münchen nürnberg offenbach potsdam
quickborn rostock salzwedel tübingen unna völklingen wuppertal xanten zwickau
able baker dog easy fox george how item jig king love nan oboe peter queen roger sugar tare uncle zebra
"""
"""The NATO alphabet (ICAO), DIN 5009 of before and since 2022, and the one of before NATO."""

_LETTER_OF = {word: word[0] for word in _ALPHABETS.split()}
_WORD = re.compile(r"[^\W\d_]+")
_X_RAY = re.compile(r"\bx[- ]rays?\b")
_SAID_DASH = re.compile(
    r"[\s,]{0,3}\b(?:dash|minus|hyphen|bindestrich|gedankenstrich|strich|tiret|trattino|gui[oó]n|h[ií]fen|streepje"
    r"|dot|punkt|underscore|unterstrich)\b[\s,]{0,3}"
)
_FILLER = re.compile(r"\b(?:and|then|und|dann|space|leerzeichen)\b")
_AS_IN = re.compile(
    r"\b([a-z])(?:,?\s{1,3}(?:as in|wie in|wie|for|like|comme|como|come)\s{1,3}[^\W\d_]+|\s?[-–=(:]\s?\1[^\W\d_]{2,}\)?)"
)
_TIMES = re.compile(
    r"\b(?:(?P<two>double|doppel|zweimal|zwei mal)|triple|dreifach|dreimal|drei mal)[\s-]{1,3}(?P<letter>[a-z])\b"
)

_CUE = re.compile(
    r"(?:(?<![a-z])(?:code|codes|kode|kennung|id|number|nummer|c[oó]digo|codice)(?![a-z])|コード|代码|代碼|코드)"
)
_ONE_MORE = rf"[\W_]{{1,8}}[a-z](?![{LETTERS}])"
_SINGLE = re.compile(rf"(?<![{LETTERS}])[a-z](?:{_ONE_MORE}){{9,13}}(?!{_ONE_MORE})")
_GROUPS = re.compile(r"([a-z]{3})(?:\s?[-–]\s?|[.·•_/|~])([a-z]{4})(?:\s?[-–]\s?|[.·•_/|~])([a-z]{3})")
_ENDINGS_OF_HOSTS = ("com", "org", "net", "edu", "gov", "int", "mil", "biz")
_THREE, _FOUR = (rf"(?:[a-z]{{{n}}}|{'-'.join(['[a-z]'] * n)})" for n in (3, 4))
_WHOLE = re.compile(rf"{_THREE}-?{_FOUR}-?{_THREE}")
_IN_GROUPS = re.compile(rf"(?:^|-)(?=({_WHOLE.pattern})(?:-|$))")
_TEN_LETTERS, _TEN_CAPITALS = (
    re.compile(rf"(?<![{LETTERS}@./_-]){letter}{{10}}(?![{LETTERS}@/_-]|\.\w)")
    for letter in ("[a-z]", "[A-Z]")
)
_BETWEEN = re.compile(r"[\W_]+")


def whole(low: str) -> list[str]:
    """Return the code that the text is and nothing else, whatever stands between its letters; [] if it is something else."""
    if len(low) > 400:
        return []
    return _different(code for said in _as_letters(_without_query(low)) if (code := _whole(said)))


def spelled(low: str) -> list[str]:
    """Return the codes that are spelled out in the text: ten single letters or words, or three groups."""
    if len(low) > LONGEST_SPELLED:
        return []
    return _different(code for said in _as_letters(low) for code in (*_groups(said), *_singles(said)))


def hinted(text: str) -> list[str]:
    """Return what may be a code written as one word or three, because the text speaks of a code or writes it in capitals."""
    if len(text) > LONGEST_SPELLED:
        return []
    low = text.lower()
    found = [word.lower() for word in _TEN_CAPITALS.findall(text)]
    cues = [cue.end() for cue in islice(_CUE.finditer(low), MOST_CANDIDATES)]
    if cues:
        found += _TEN_LETTERS.findall(low)
    near = [low[cue : cue + 200] for cue in cues] + [low[max(cue - 60, 0) : cue] for cue in cues]
    said = (words for part in near for words in _as_letters(part))
    found += [code for words in said for code in _IN_GROUPS.findall(_BETWEEN.sub("-", words).strip("-"))]
    return _different(map(_code, found))


def _code(letters: str) -> str:
    letters = letters.replace("-", "")
    return f"{letters[:3]}-{letters[3:7]}-{letters[7:]}"


def _without_query(low: str) -> str:
    """An address bar's or a link's rest without what stands behind the path."""
    word = low.strip()
    return word if re.search(r"\s", word) else re.split(r"[?#]", word)[0].strip("/")


def _whole(said: str) -> str:
    groups = _BETWEEN.sub("-", said).strip("-")
    if not _WHOLE.fullmatch(groups) or _is_host(*groups.split("-")[:3], said=said):
        return ""
    return _code(groups)


def _as_letters(low: str) -> Iterator[str]:
    """The text with "dash" as a dash; and once more with words of spelling alphabets as their letters."""
    said = _SAID_DASH.sub("-", low)
    yield said
    said = _AS_IN.sub(r"\1", _X_RAY.sub("xray", low))
    said = _FILLER.sub(" ", _SAID_DASH.sub("-", said))
    said = _WORD.sub(lambda word: _LETTER_OF.get(word[0], word[0]), said)
    said = _TIMES.sub(lambda found: " ".join(found["letter"] * (2 if found["two"] else 3)), said)
    yield said


def _groups(said: str) -> Iterator[str]:
    for found in islice(_GROUPS.finditer(said), MOST_PLACES):
        if _stands_alone(said, *found.span()) and not _is_host(*found.groups(), said=found[0]):
            yield "-".join(found.groups())


def _is_host(*groups: str, said: str) -> bool:
    return "." in said and (groups[0] == "www" or groups[-1] in _ENDINGS_OF_HOSTS)


def _singles(said: str) -> Iterator[str]:
    for found in islice(_SINGLE.finditer(said), MOST_CANDIDATES):
        letters = _BETWEEN.sub("", found[0])
        for start in reversed(
            range(len(letters) - 9)
        ):  # "Berlin: echo tango …": what is too much stands in front
            yield _code(letters[start : start + 10])
