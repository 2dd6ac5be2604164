"""What people paste when they mean a call: codes, links, whole invitations, and what only looks like one.

`parse` is the one entry. Nothing here asks Google or knows our rooms.
"""

import re
from collections.abc import Iterator
from itertools import islice

from spaces.google.codes import links, loose, parsed
from spaces.google.codes.excerpts import excerpt
from spaces.google.codes.parsed import NOT_CODES, Kind, Parsed
from spaces.google.codes.plaintext import plain

__all__ = ["LONGEST_INPUT", "NOT_CODES", "Kind", "Parsed", "parse", "parse_one"]

LONGEST_INPUT = 1_048_576
"""Letters. A longer text is refused unread."""

LONG = 100_000
"""Letters. A longer text is cut down to an excerpt before it is read."""

MOST_NAMES = 1_000

_SPACE = re.compile(r"spaces/[A-Za-z0-9_-]{1,128}")
_SPACE_IN_TEXT = re.compile(r"spaces/[A-Za-z0-9_-]{10,128}(?![A-Za-z0-9_-])")
_BEFORE_SPACE = re.compile(r"(?:\A|[^A-Za-z0-9_./-]|/v2/|/v2beta/|meet\.googleapis\.com/)\Z")
_AROUND = " \t\r\n<>\"'`()[]{}|,;.:!?*„“”‚‘’«»‹›\u200b\ufeff"
_TAG = re.compile(r"<[^<>]{0,100}>")


def parse(text: str) -> Parsed:
    """Say what call, if any, a pasted text means. Never raises, whatever the text.

    A link to Meet counts more than anything beside it, then a space name, then a code without a link.
    """
    if len(text) > LONGEST_INPUT:
        return parsed.TOO_LONG
    # A space name comes from Google or our own pages: its letters are taken as they are, capitals and dashes included.
    bare = text.strip(_AROUND)
    if _SPACE.fullmatch(bare):
        return Parsed("space", bare)
    text = text.replace("\u0130", "I")
    text = plain(excerpt(text) if len(text) > LONG else text).replace("\u0130", "I")
    if not text.strip(_AROUND):
        return parsed.EMPTY
    low = text.lower()
    found = links.meet_links(text, low)
    return (
        _linked(found)
        or _linked(_in_broken_text(text))
        or _space(text)
        or _loose(loose.whole(low.strip(_AROUND)))
        or _loose(_codes_in_words(text))
        or _other(text, low, found)
        or (parsed.NOT_A_SPACE if bare.startswith("spaces/") else _nothing(low, found))
    )


def parse_one(text: str) -> Parsed:
    """Do as `parse`, for a caller that acts on the code: several codes without a link are refused like several links."""
    found = parse(text)
    return parsed.several(list(found.candidates)) if len(found.candidates) > 1 else found


def _linked(found: list[Parsed]) -> Parsed | None:
    """The call that the links lead to; if they lead to several, all their codes."""
    codes: dict[str, bool] = {}
    for link in found:
        if link.kind == "code":
            codes[link.value] = codes.get(link.value, False) or link.refused
    if len(codes) > 1:
        return parsed.several(list(codes))
    return next((Parsed("code", code, refused=refused) for code, refused in codes.items()), None)


def _in_broken_text(text: str) -> list[Parsed]:
    """Links whose host is broken over lines or interrupted by tags."""
    if "\n" not in text and "<" not in text:
        return []
    joined = _TAG.sub("", "".join(line.strip(" \t>|") for line in text.split("\n")))
    return links.meet_links(joined, joined.lower())


def _space(text: str) -> Parsed | None:
    """A space name in a tool's output or a table: as long as Google's are, and no plain word."""
    names = list(dict.fromkeys(islice(_space_names(text), MOST_NAMES)))
    if len(names) > 1:
        return parsed.several(names)
    return Parsed("space", names[0]) if names else None


def _space_names(text: str) -> Iterator[str]:
    for found in islice(_SPACE_IN_TEXT.finditer(text), MOST_NAMES):
        start, name = found.start(), found[0]
        if re.search("[A-Z0-9_]", name) and _BEFORE_SPACE.search(text[max(start - 24, 0) : start]):
            yield name


def _loose(codes: list[str]) -> Parsed | None:
    different = tuple(dict.fromkeys(codes))
    return Parsed("code", different[0], loose=True, candidates=different) if different else None


def _codes_in_words(text: str) -> list[str]:
    words = loose.without_links(text)
    low = words.lower()
    return [*loose.dashed(words, low), *loose.spelled(low)]


def _other(text: str, low: str, found: list[Parsed]) -> Parsed | None:
    """What the text holds instead of a code; what helps most first."""
    text, low = text[:LONG], low[:LONG]
    hidden = links.hidden_links(low)
    return (
        next((link for link, to_meet in hidden if to_meet), None)
        or _first(found, "nickname")
        or _first(found, "live_stream")
        or links.other_service(low)
        or next((link for link, _to_meet in hidden), None)
        or _first(found, "phone")
        or _phone(low)
        or _loose(loose.hinted(loose.without_links(text)))
    )


def _nothing(low: str, found: list[Parsed]) -> Parsed:
    host = "" if found else links.foreign_host(low[:LONG])
    return (
        next((link for link in found if link.refused), None)
        or next(iter(found), None)
        or (parsed.elsewhere(host) if host else Parsed("bad", "", NOT_CODES))
    )


def _first(found: list[Parsed], kind: Kind) -> Parsed | None:
    return next((link for link in found if link.kind == kind), None)


_PIN = re.compile(r"\bpin\b[^0-9\n]{0,20}[0-9]{2}")
_NUMBER = re.compile(r"(?:\+|(?<!\w)00)[0-9][0-9 ()./-]{6}")
_ONLY_NUMBER = re.compile(r"(?:tel:)?[+#]?[0-9 ()./#-]{7,40}")


def _phone(low: str) -> Parsed | None:
    bare = low.strip(_AROUND)
    only_number = _ONLY_NUMBER.fullmatch(low.strip()) and sum(letter.isdigit() for letter in low) >= 7
    if bare.startswith(("sip:", "sips:")) or _PIN.search(low) or _NUMBER.search(low) or only_number:
        return parsed.PHONE
    return None
