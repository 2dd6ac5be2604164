"""Turn a pasted text into plain characters: one spelling for every letter and dash, no escapes, no mail filters' wrapping.

Wrappers lie within each other (a filter's link in a calendar file in a quoted mail), so the rules are applied repeatedly,
up to a limit. Every rule reads the text once: the time grows with its length, whatever it holds.
"""

import html
import re
import unicodedata
from base64 import urlsafe_b64decode
from binascii import Error as Base64Error
from collections.abc import Callable
from urllib.parse import unquote

MOST_LAYERS = 8
"""Wrappers within wrappers that are undone."""

LONG = 100_000
"""Letters. In a longer text fewer wrappers and escapes are undone."""

MOST_LAYERS_OF_LONG = 2

MOST_ESCAPES = 6_000
"""Places where one kind of escape is undone in one layer of a text of over LONG letters. The rest stays as it is."""

LETTERS = "A-Za-z0-9\u00aa-\u024f\u0300-\u052f\u1e00-\u1fff"
"""For character classes: digits and letters of the scripts that have capitals and separate words by blanks."""

_LONG_LETTERS = re.compile("[\u3300-\u33ff\ufdf0-\ufdff]+")
"""Letters that NFKC turns into whole words, up to 18 letters each."""

_DASH = "–"
"""Stands for every dash that ends a word. A hyphen ("-") may belong to the word."""

_FIRST = {"\r\n": "\n", "\r": "\n", "&nbsp;": " ", "&#160;": " "}

_CHARACTERS = {
    "\r": "\n",
    "\u0085": "\n",
    "\u2028": "\n",
    "\u2029": "\n",
    "\u0130": "I",  # the only letter whose small form is two letters long
    **dict.fromkeys("\u00ad\u034f\u061c\u180e\ufe0e\ufe0f\ufeff", ""),
    **dict.fromkeys(map(chr, [*range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070)]), ""),
    **dict.fromkeys("\u2010\u2012\u2212\u02d7\u2043\u058a\u1806", "-"),
    # The last one is what the "-" key of a Japanese keyboard writes.
    **dict.fromkeys("\u2014\u2015\u2e3a\u2e3b\u3030\u30fc", _DASH),
    "[.]": ".",  # how security staff write a link that nobody is to open
}


def plain(text: str) -> str:
    """Return the text without escapes and wrappers, in characters that the rules of this package know. Never raises."""
    layers, most = (MOST_LAYERS, 0) if len(text) <= LONG else (MOST_LAYERS_OF_LONG, MOST_ESCAPES)
    for old, new in _FIRST.items():
        text = text.replace(old, new)
    for _layer in range(layers):
        undone = text
        # From the outer wrappers to the inner ones, as programs put them around each other.
        for undo in (_soft_breaks, _equals, _backslashes, _entities, _percents, _proofpoint, _base64):
            undone = undo(undone, most)
        if undone == text:
            break
        text = undone
    return _characters(text)


def _characters(text: str) -> str:
    if not text.isascii():
        text = unicodedata.normalize("NFKC", _LONG_LETTERS.sub("?", text))
    for old, new in _CHARACTERS.items():
        if old in text:
            text = text.replace(old, new)
    return text


# --- Escapes -------------------------------------------------------------------------------------------------

_PERCENTS = re.compile(r"%[0-9A-Fa-f]{2}(?:%[0-9A-Fa-f]{2})*")
_PERCENT_AGAIN = re.compile(r"%(?:25)+")
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});")
_AMPERSAND_AGAIN = re.compile(r"&(?:amp;)+")
_BACKSLASH = re.compile(
    r"\\(?<!\\\\)\\*+(?:u([0-9A-Fa-f]{4})|x([0-9A-Fa-f]{2})|([nrt])|([^\w\s\\@]))", re.ASCII
)
_SOFT_BREAK = re.compile(r"=[ \t]{0,8}\n")
# Of quoted-printable only what is written around links: "=AB" also begins many a value in a query.
_EQUALS = re.compile(r"=(?:0[9AD]|2[0267DEF]|3[ACDEF]|5F|C2=A0|E2=80=(?:8B|9[0-5]))")


# Each of these functions undoes at most `most` escapes; 0 means all.


def _soft_breaks(text: str, most: int) -> str:
    return _SOFT_BREAK.sub("", text, most) if "=" in text else text


def _percents(text: str, most: int) -> str:
    """Undo percent-encoding, however often it was applied. An encoded "@" stays: in front of a host it would make another
    link of it."""
    if "%" not in text:
        return text
    text = _PERCENT_AGAIN.sub("%", text.replace("%25", "%"), most)
    return _undo(_PERCENTS, lambda escape: _unquoted(escape, "%").replace("@", "%40"), text, most)


def _entities(text: str, most: int) -> str:
    if "&" not in text:
        return text
    text = _AMPERSAND_AGAIN.sub("&", text.replace("&amp;", "&"), most)
    return _undo(_ENTITY, html.unescape, text, most)


def _equals(text: str, most: int) -> str:
    return _undo(_EQUALS, lambda escape: _unquoted(escape, "="), text, most) if "=" in text else text


def _unquoted(escape: str, sign: str) -> str:
    return bytes.fromhex(escape.replace(sign, "")).decode(errors="replace")


def _undo(pattern: re.Pattern[str], meaning: Callable[[str], str], text: str, most: int) -> str:
    known: dict[str, str] = {}  # the same few escapes stand everywhere in a text

    def replacement(found: re.Match[str]) -> str:
        escape = found[0]
        if escape not in known:
            known[escape] = meaning(escape)
        return known[escape]

    return pattern.sub(replacement, text, most)


def _backslashes(text: str, most: int) -> str:
    r"""Undo what JSON, calendar files, RTF and Markdown write with a backslash: \/ \u0026 \n \, \- and more. Before "@" it
    stays: a browser reads it as a slash there, so that the host is another one."""
    return _BACKSLASH.sub(_backslash, text, most) if "\\" in text else text


def _backslash(found: re.Match[str]) -> str:
    number = found[1] or found[2]
    if number:
        return chr(int(number, 16))
    return "\n" if found[3] else found[4]


# --- Mail filters that write the target in letters of their own ----------------------------------------------
# Every other filter only percent-encodes it. The target takes the place of its coded form, so that the link still says
# which filter it came through.

_PROOFPOINT_2 = re.compile(r"/url\?u=(https?-3[Aa][^\s&\"'<>]{1,4000})")
_PROOFPOINT_2_LETTERS = str.maketrans("-_", "%/")
_PROOFPOINT_3 = "/v3/__"
MOST_PROOFPOINT_3 = 200
_PROOFPOINT_3_END = re.compile(r"__;([A-Za-z0-9_-]{1,400})(?=!)")
_PROOFPOINT_3_MARK = re.compile(r"\*(?:\*(.))?", re.DOTALL)
_RUN_LENGTHS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_BASE64 = re.compile(r"aHR0c(?:HM6|DovL)[A-Za-z0-9+_-]{8,600}")  # "https:" or "http://"


def _proofpoint(text: str, most: int) -> str:
    """Undo Proofpoint's URL Defense. Version 2: "-" for "%" and "_" for "/". Version 3: "*" for a letter that follows later."""
    if "url?u=http" in text:
        text = _PROOFPOINT_2.sub(_proofpoint_2, text, most)
    if _PROOFPOINT_3 not in text:
        return text
    start, *links = text.split(_PROOFPOINT_3, MOST_PROOFPOINT_3)
    return _PROOFPOINT_3.join([start, *(_filled_in(link) for link in links)])


def _proofpoint_2(found: re.Match[str]) -> str:
    return "/url?u=" + unquote(found[1].translate(_PROOFPOINT_2_LETTERS), errors="replace")


def _filled_in(link: str) -> str:
    """Put the letters behind the link in the places of the marks: "*" is one letter, "**A" two, "**B" three and so on."""
    end = _PROOFPOINT_3_END.search(link, 0, 4000)
    if end is None or "*" not in link[: end.start()]:
        return link
    left = iter(_decoded(end[1]))

    def fill(mark: re.Match[str]) -> str:
        number = 1 if mark[1] is None else _RUN_LENGTHS.find(mark[1]) + 2
        return "".join(letter for _count, letter in zip(range(number), left, strict=False))

    return _PROOFPOINT_3_MARK.sub(fill, link[: end.start()]) + "__;" + link[end.end() :]


def _base64(text: str, most: int) -> str:
    if "aHR0c" not in text:
        return text
    return _BASE64.sub(lambda found: _decoded(found[0]) or found[0], text, most // 30)


def _decoded(text: str) -> str:
    """The text of a base64 value; "" if it is none. Padding may be missing."""
    letters = text.replace("+", "-")
    letters = letters[: len(letters) - (len(letters) % 4 == 1)]
    try:
        return urlsafe_b64decode(letters + "=" * (-len(letters) % 4)).decode(errors="replace")
    except Base64Error:
        return ""
