"""Find links in a plain text: to Google Meet, to other meeting services, to mail filters that hide the target.

Shapes of Meet's links: Meet help, "Join a meeting", what Calendar invitations contain, and what the address bar shows.
All positions are found with `str.find`; only the few letters around one are looked at more closely.
"""

import re
from collections.abc import Iterator, Mapping
from itertools import islice

from spaces.google.codes import parsed
from spaces.google.codes.parsed import Parsed
from spaces.google.codes.plaintext import LETTERS
from spaces.google.codes.services import FILTERS, SERVICES

MOST_PLACES = 500
"""Places in one text where a Meet link is looked for, of each kind."""

MOST_HOSTS = 100
"""Places in one text where a host is looked for, of each domain."""

_ADDRESSES = ("meet.google.com", "tel.meet", "g.co/meet", "meet.new")
_SCHEMES = ("http:", "https:", "hxxp:", "hxxps:", "intent:", "googlechrome:", "googlechromes:")
_NO_MEETING_PAGES = {"new", "landing", "home"}
_ERROR_PAGES = {"whoops", "oops", "error", "errors", "denied", "blocked", "unavailable", "unsupported"}

_USER = re.compile(r"https?:/{1,2}[^\s/\\?#@]{1,64}@", re.ASCII)
_HOST_END = re.compile(rf"\.?(?::[0-9]{{1,5}}(?![0-9]))?(?![{LETTERS}%@]|-[{LETTERS}]|[.。]\w|:\S)")
_PATH = re.compile(r"(?:[/\\][^\s<>\"'()\[\]{}|?#&]{0,200})?", re.ASCII)

# A link may be broken over lines anywhere: by a mail program, with marks of quotation, by tags that only format.
_GAP = r"(?:[\s=>|*]|<[^<>]{0,100}>){0,20}+"
_BREAK = r"(?:=?[ \t]{0,8}\n[\s>|]{0,20}+|=|<[^<>]{0,100}>){0,4}+"  # not a mere blank: the next word would join the code
_DASH = _GAP + "[-–_]{1,3}" + _GAP
_CODE = _DASH.join([_GAP.join(["[a-z]"] * 3), _GAP.join(["[a-z]"] * 4), _BREAK.join(["[a-z]"] * 3)])
_CODE_END = "(?:(?-i:(?<=[a-z])(?=[A-Z]))|(?![a-z]|-[a-z0-9]))"  # "…/abc-mnop-xyzJoin": the next line was joined to it
_CODE_AFTER_HOST = re.compile(
    rf"(?:[\s/\\>|=*]|<[^<>]{{0,100}}>){{1,20}}+(?:(?:_meet|tel|u/[0-9]{{1,2}})[/\\]{{1,2}}){{0,3}}({_CODE}){_CODE_END}",
    re.ASCII | re.IGNORECASE,
)
_CODE_IN_QUERY = re.compile(
    rf"[^\s<>\"']{{0,300}}?\b(?:alias|meetingcode|meeting_code)=(?:https?:/+meet\.google\.com/)?({_CODE}){_CODE_END}",
    re.ASCII | re.IGNORECASE,
)
_PAGE = re.compile(r"__|[&;=]")  # what ends a page's name: the rest is a mail filter's
_TAG = re.compile(r"<[^<>]*>")
_ERROR_AFTER_CODE = re.compile(r"/(?:_meet/)?(\w+)", re.ASCII)


def meet_links(text: str, low: str) -> list[Parsed]:
    """Return what each Meet link of the text means, in order. `low` is the text in small letters."""
    places = sorted(place for address in _ADDRESSES for place in _places(low, address))
    return [found for start, end in places if (found := _meet_link(text, low, start, end))]


def _places(low: str, words: str) -> Iterator[tuple[int, int]]:
    return islice(_all_places(low, words), MOST_PLACES)


def _all_places(low: str, words: str) -> Iterator[tuple[int, int]]:
    at = low.find(words)
    while at >= 0:
        yield at, at + len(words)
        at = low.find(words, at + len(words))


def _meet_link(text: str, low: str, start: int, end: int) -> Parsed | None:
    """The meaning of the link whose host stands at `start`; None if the host is another one or part of one."""
    stream = low.startswith("stream.", start - 7) if start >= 7 else False
    if stream or low.startswith("www.", max(start - 4, 0)):
        start -= 7 if stream else 4
    address = low[start:end]
    host_end = _HOST_END.match(low, end)
    if host_end is None or not _begins_address(low, start):
        return None
    if address.startswith("g.co"):
        return parsed.nickname(_PAGE.split(_path_parts(text, end)[0])[0])
    at = host_end.end()
    parts = [part.lower() for part in _path_parts(text, at)]
    if stream or parts[:1] == ["stream"]:
        return parsed.LIVE_STREAM
    if address == "meet.new":
        return parsed.NO_MEETING
    return _meet_page(text, low, at, ["tel", *parts] if address == "tel.meet" else parts)


def _path_parts(text: str, at: int) -> list[str]:
    """The parts of the path that begins at `at`; [""] if it is empty."""
    found = _PATH.match(text, at)
    path = found[0].rstrip(".,;:!*_~`") if found else ""
    return [part for part in path.replace("\\", "/").split("/") if part] or [""]


def _meet_page(text: str, low: str, at: int, parts: list[str]) -> Parsed:
    while parts[0] in ("_meet", "u") and len(parts) > 1:
        parts = parts[2:] or [""] if parts[0] == "u" else parts[1:]
    page = _PAGE.split(parts[0])[0]
    if page in _ERROR_PAGES or page in _NO_MEETING_PAGES:
        named = _CODE_IN_QUERY.match(text, at)
        if named:
            return Parsed("code", _letters_of(named[1]), refused=page in _ERROR_PAGES)
        return parsed.REFUSED_WITHOUT_CODE if page in _ERROR_PAGES else parsed.NO_MEETING
    if page == "lookup":
        original = _path_parts(text, at)  # in its own letters, and as long as the parts that are left
        return parsed.nickname(_PAGE.split(original[1 - len(parts)])[0] if len(parts) > 1 else "")
    code = _CODE_AFTER_HOST.match(text, at)
    if code:
        after = _ERROR_AFTER_CODE.match(low, code.end())
        return Parsed("code", _letters_of(code[1]), refused=bool(after and after[1] in _ERROR_PAGES))
    if page == "tel":
        return parsed.PHONE
    return parsed.NO_CODE_IN_LINK if page else parsed.NO_MEETING


def _letters_of(found: str) -> str:
    letters = "".join(re.findall("[a-z]", _TAG.sub("", found).lower()))
    return f"{letters[:3]}-{letters[3:7]}-{letters[7:]}"


def _begins_address(low: str, start: int) -> bool:
    """Whether a host begins here, rather than being the rest of another host, of a path or of a mail address."""
    before = low[max(start - 100, 0) : start]
    last = before[-1:]
    if last in ("/", "\\"):
        root = before.rstrip("/\\")
        return root.endswith(_SCHEMES) or (len(before) - len(root) == 2 and root[-1:] in " \n\t\"'(<[=,;|")
    if last == "@":
        return any(found.end() == len(before) for found in _USER.finditer(before))
    if last == ":":
        return "//" not in re.split(r"[\s\"'<>]", before)[-1]
    if last == "_":
        return not before[-2:-1].isalnum()
    return not last or (not last.isalnum() and last not in ".-%?#&") or _has_no_capitals(last)


def _has_no_capitals(letter: str) -> bool:
    """Whether it is a letter of a script such as Chinese, Arabic or Thai, which is written beside a host without a blank."""
    return letter.isalpha() and letter.lower() == letter.upper()


# --- Other links ---------------------------------------------------------------------------------------------

_END_OF_HOST = re.compile(rf"\.?(?![{LETTERS}@%]|-[{LETTERS}]|\.\w)")
_REST_OF_LINK = re.compile(r"[^\s\"'<>]{0,2000}")
_HOST = re.compile(r"(?:[^\s/\\?#@]*@)?([^\s/\\?#@:()\[\]{},;]{1,255})")
_HOST_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789.-"


def _hosts(low: str, domains: Mapping[str, str]) -> Iterator[tuple[int, int, str]]:
    """Where hosts of these domains stand: where the host begins, where it ends, the domain's name."""
    for domain, name in domains.items():
        for start, end in islice(_all_places(low, domain), MOST_HOSTS):
            before = low[max(start - 100, 0) : start]
            begin = start - len(before) + len(before.rstrip(_HOST_LETTERS))
            if (begin == start or low[start - 1] == ".") and _END_OF_HOST.match(low, end):
                last = low[begin - 1 : begin]
                if last not in ("@", "%", "_") and (
                    last != "/" or _begins_address(low, begin) or low.endswith("://", 0, begin)
                ):
                    yield begin, end, name


def other_service(low: str) -> Parsed | None:
    """Return the first link to another meeting service."""
    found = min(_hosts(low, SERVICES), default=None)
    return parsed.other_service(found[2]) if found else None


def hidden_links(low: str) -> list[tuple[Parsed, bool]]:
    """Return the links whose target a mail filter hides, each with whether it names Google Meet as the target's host."""
    found = []
    for begin, end, name in sorted(_hosts(low, FILTERS)):
        link = _rest_of_link(low, end)
        if len(link) > 1 and ":/" not in link and not low.startswith("www.", begin):
            found.append((parsed.hidden_link(name), "meet.google.com" in link))
    return found


def foreign_host(low: str) -> str:
    """Return the host that the first link leads to, if possible none of a mail filter; "" if there is no link."""
    hosts = []
    for start, end in islice(_all_places(low, "://"), MOST_HOSTS):
        host = _HOST.match(_rest_of_link(low, end).rpartition("://")[2])
        if host and low.endswith(("http", "https"), max(start - 5, 0), start):
            hosts.append(host[1].strip(".-"))
    others = [host for host in hosts if not any(f".{host}".endswith(f".{name}") for name in FILTERS)]
    return next(iter([*others, *hosts]), "")


def _rest_of_link(low: str, at: int) -> str:
    found = _REST_OF_LINK.match(low, at)
    return found[0] if found else ""
