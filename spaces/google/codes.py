"""What people paste when they mean a meeting: codes, links, whole invitations, and what only looks like one.

Shapes of links: Meet help "Join a meeting" and what Calendar invitations contain. Nothing here asks Google.
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal
from urllib.parse import unquote

from spaces.words import text as _

Kind = Literal[
    "space",
    "code",
    "nickname",
    "phone",
    "no_meeting",
    "other_service",
    "live_stream",
    "hidden_link",
    "two_codes",
    "bad",
]

LONGEST_INPUT = 20_000
"""Letters. Longer texts are refused unread; no invitation comes near."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a pasted text means.

    `value` is the space name, the first code, the nickname, the other service, the mail filter or the codes of several
    links. `sentence` explains every kind but `space` and `code` to a person. `loose`: the code was not in a link, so it may
    be ordinary words; search for those as well when no room has the code. `candidates`: all different loose codes, in the
    order of the text. `refused`: the text is Meet's own error page, so Meet refused the person who copied it.
    """

    kind: Kind
    value: str = ""
    sentence: str = ""
    loose: bool = False
    candidates: tuple[str, ...] = ()
    refused: bool = False


_SERVICES = {
    "zoom.us": "Zoom",
    "zoom.com": "Zoom",
    "zoomgov.com": "Zoom",
    "teams.microsoft.com": "Microsoft Teams",
    "teams.live.com": "Microsoft Teams",
    "teams.microsoft.us": "Microsoft Teams",
    "webex.com": "Webex",
    "gotomeeting.com": "GoTo Meeting",
    "gotomeet.me": "GoTo Meeting",
    "meet.goto.com": "GoTo Meeting",
    "whereby.com": "Whereby",
    "jit.si": "Jitsi Meet",
    "8x8.vc": "Jitsi Meet",
    "skype.com": "Skype",
    "bluejeans.com": "BlueJeans",
    "chime.aws": "Amazon Chime",
    "ringcentral.com": "RingCentral",
    "facetime.apple.com": "FaceTime",
    "discord.gg": "Discord",
    "discord.com": "Discord",
    "slack.com": "Slack",
    "hangouts.google.com": "Google Hangouts",
}

_NO_MEETING_PATHS = {"new", "landing", "home"}

# Every pattern below reads a text in one pass: no two of its repetitions can claim the same letters.
_CODE = re.compile(r"[a-z]{3}-[a-z]{4}-[a-z]{3}")
# As people write and spell codes: whole groups or single letters, with or without something between the groups.
_SPELLED = re.compile(
    r"(?:[a-z]{3}|[a-z]-[a-z]-[a-z])-?(?:[a-z]{4}|[a-z]-[a-z]-[a-z]-[a-z])-?(?:[a-z]{3}|[a-z]-[a-z]-[a-z])"
)
_SPACE = re.compile(r"spaces/[A-Za-z0-9_-]{1,128}")
_CODE_IN_TEXT = re.compile(
    r"(?<![\w/@.%=&?#+-])([a-z]{3}-[a-z]{4}-[a-z]{3})(?![\w/@%=&+-])(?!\.\w)", re.IGNORECASE | re.ASCII
)
_MEET_LINK = re.compile(
    r"(?<![\w.-])(meet\.google\.com|tel\.meet|g\.co(?=/meet)|meet\.new)\.?(?::[0-9]{1,5})?(?![\w:@-]|\.\w)"
    r"((?:/[^\s<>\"'()\[\]{}|?#&]*)?)",
    re.IGNORECASE | re.ASCII,
)
_HOST = re.compile(
    r"(?<![\w.@-])([a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,24})\.?(?=[/:?#]|$)", re.IGNORECASE | re.ASCII
)
_LINK = re.compile(r"\bhttps?://", re.IGNORECASE | re.ASCII)
_PIN = re.compile(r"\bpin\b[^0-9\n]{0,20}[0-9]{2}", re.IGNORECASE)
_NUMBER = re.compile(r"(?<!\w)(?:\+|00)[0-9][0-9 ()./-]{6}")
_ONLY_NUMBER = re.compile(r"(?:tel:)?[+#]?[0-9 ()./#-]{7,}", re.IGNORECASE)

_WRAPPING = " \t\r\n<>\"'`()[]{}|,;.:!?*„“”‚‘’«»‹›"
NOT_CODES = _(
    "Nothing here looks like a meeting link or a code. A code has three groups of letters, such as abc-mnop-xyz."
)


def parse(text: str) -> Parsed:
    """Say what meeting, if any, a pasted text means. Never raises, whatever the text."""
    if len(text) > LONGEST_INPUT:
        return Parsed("bad", "", _("This is far too long for an invitation. Paste only the meeting link."))
    # A space name comes from Google or our own pages: its letters are taken as they are, capitals and dashes included.
    plain = text.strip().strip("<>\"'`\u200b\ufeff \t\r\n")
    if plain.startswith("spaces/"):
        if _SPACE.fullmatch(plain):
            return Parsed("space", plain)
        return Parsed(
            "bad", "", _("This is not a space name: after “spaces/” come letters, digits, “-” and “_” only.")
        )
    clean = _clean(text)
    if not clean:
        return Parsed("bad", "", _("Paste a meeting link or a code."))
    return _by_whole_input(clean) or _by_search(clean)


def _clean(text: str) -> str:
    """Plain letters, one kind of dash, one kind of blank, nothing invisible."""
    letters = []
    for letter in unicodedata.normalize("NFKC", text)[:LONGEST_INPUT]:
        category = unicodedata.category(letter)
        if category == "Pd" or letter in "\u2212\u2043\u02d7":
            letters.append("-")
        elif category == "Cf":
            continue
        elif letter == "\n":
            letters.append("\n")
        else:
            letters.append(" " if letter.isspace() or category in ("Cc", "Cs") else letter)
    return "".join(letters).strip(_WRAPPING)


def _by_whole_input(clean: str) -> Parsed | None:
    """A code and nothing else: capitals, blanks, missing dashes, single letters as they are read out on the phone, and a
    leftover query are all fine."""
    word = clean if len(clean) < 200 else ""
    if " " not in word and "\n" not in word:
        word = word.split("?")[0].split("#")[0].strip("/")
    groups = re.sub(r"[\s-]+", "-", word.strip("- \n")).lower()
    letters = groups.replace("-", "")
    if len(letters) != 10 or not _SPELLED.fullmatch(groups):
        return None
    spelled = any(len(group) == 1 for group in groups.split("-"))  # no word is written like that
    return Parsed(
        "code",
        f"{letters[:3]}-{letters[3:7]}-{letters[7:]}",
        loose=word.count("-") < 2 and not spelled,
    )


def _by_search(clean: str) -> Parsed:
    """A text with something in it: links first, then codes; what cannot be resolved gets its reason."""
    verdicts = _links(clean)
    if not verdicts and "%" in clean:
        # Mail filters and calendars wrap links into links of their own.
        verdicts = _links(unquote(clean, errors="replace"))
    codes = {verdict.value: verdict for verdict in verdicts if verdict.kind == "code"}
    for match in _CODE_IN_TEXT.finditer(clean):
        codes.setdefault(match[1].lower(), Parsed("code", match[1].lower()))
    if len(codes) > 1:
        found = ", ".join(list(codes)[:5])
        return Parsed(
            "two_codes",
            found,
            _("This contains more than one meeting code (%(found)s). Paste just one.") % {"found": found},
        )
    if codes:
        return next(iter(codes.values()))
    return (
        _first(verdicts, "nickname")
        or _other_service(clean)
        or _first(verdicts, "phone")
        or _phone(clean)
        or _first(verdicts)
        or _bad(clean)
    )


def _first(verdicts: list[Parsed], kind: Kind | None = None) -> Parsed | None:
    return next((verdict for verdict in verdicts if kind is None or verdict.kind == kind), None)


def _links(text: str) -> list[Parsed]:
    return [_link(match[1].lower(), match[2]) for match in _MEET_LINK.finditer(text)]


def _link(host: str, path: str) -> Parsed:
    parts = [part for part in path.rstrip(".,;:!*").split("/") if part]
    if host == "g.co":
        return _nickname(parts[1] if len(parts) > 1 else "")
    if host == "tel.meet":
        parts = ["tel", *parts]
    first = parts[0].lower() if parts else ""
    if host == "meet.new" or not parts or first in _NO_MEETING_PATHS:
        return Parsed(
            "no_meeting",
            "",
            _("This is a page for starting a meeting, it names none. Copy the link from the meeting itself."),
        )
    if first == "lookup":
        return _nickname(parts[1] if len(parts) > 1 else "")
    if first in ("tel", "_meet"):
        parts = parts[1:]
    code = parts[0].lower() if parts else ""
    if _CODE.fullmatch(code):
        return Parsed("code", code)
    if first == "tel":
        return _PHONE
    return Parsed(
        "bad",
        "",
        _(
            "This link leads to Google Meet but carries no meeting code such as abc-mnop-xyz. Copy it again from the "
            "meeting."
        ),
    )


def _nickname(name: str) -> Parsed:
    return Parsed(
        "nickname",
        unquote(name, errors="replace")[:100],
        _(
            "This is a nickname link. Google makes a new meeting for every use of a nickname and tells no program which one. "
            "Open it and copy the link that the browser then shows."
        ),
    )


_PHONE = Parsed(
    "phone",
    "",
    _(
        "A phone number with a PIN does not say which meeting it belongs to; Google offers no way to ask. Paste the meeting "
        "link from the same invitation."
    ),
)


def _phone(clean: str) -> Parsed | None:
    if clean.lower().startswith(("sip:", "sips:")) or _PIN.search(clean) or _NUMBER.search(clean):
        return _PHONE
    only_number = _ONLY_NUMBER.fullmatch(clean) and sum(letter.isdigit() for letter in clean) >= 7
    return _PHONE if only_number else None


def _hosts(clean: str) -> list[str]:
    return [match[1].lower() for word in clean.split() for match in _HOST.finditer(word)]


def _other_service(clean: str) -> Parsed | None:
    for host in _hosts(clean):
        for domain, name in _SERVICES.items():
            if host == domain or host.endswith("." + domain):
                return Parsed(
                    "other_service",
                    name,
                    _("This is a link to %(name)s. Only Google Meet calls can be looked up here.")
                    % {"name": name},
                )
    return None


def _bad(clean: str) -> Parsed:
    hosts = _hosts(clean) if _LINK.search(clean) else []
    if hosts:
        return Parsed(
            "bad", "", _("This link leads to %(hosts)s, not to Google Meet.") % {"hosts": hosts[0][:100]}
        )
    return Parsed("bad", "", NOT_CODES)
