"""The result of reading a pasted text, and its sentences for people."""

from dataclasses import dataclass
from typing import Literal

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


NOT_CODES = _("No Meet link or code found. A code has three groups of letters, such as abc-mnop-xyz.")

EMPTY = Parsed("bad", "", _("Paste a Meet link or a code."))
TOO_LONG = Parsed("bad", "", _("This text is too long: at most 1 MB can be read. Paste only the Meet link."))
NOT_A_SPACE = Parsed(
    "bad", "", _("Not a space name: after “spaces/” come letters, digits, “-” and “_” only.")
)
NO_CODE_IN_LINK = Parsed(
    "bad", "", _("This Meet link has no code such as abc-mnop-xyz. Copy the link again from the call.")
)
REFUSED_WITHOUT_CODE = Parsed(
    "bad",
    "",
    _("This is an error page of Google Meet without a code. Paste the link that was opened."),
    refused=True,
)
NO_MEETING = Parsed(
    "no_meeting", "", _("This Meet page belongs to no call. Copy the link from the call itself.")
)
PHONE = Parsed(
    "phone",
    "",
    _(
        "A phone number with a PIN does not identify a call, and Google offers no way to ask. Paste the Meet link from the "
        "same invitation."
    ),
)
LIVE_STREAM = Parsed(
    "live_stream", "", _("This is a live stream for viewers. Paste the link of the call itself.")
)


def nickname(name: str) -> Parsed:
    """Return the result for a nickname link, whose call no API tells."""
    return Parsed(
        "nickname",
        name[:100],
        _(
            "Google does not say which call a nickname link leads to. Open it and copy the link that the browser then shows."
        ),
    )


def other_service(name: str) -> Parsed:
    """Return the result for a link of another meeting service."""
    return Parsed(
        "other_service",
        name,
        _("This is a link to %(name)s. Only Google Meet links can be looked up here.") % {"name": name},
    )


def hidden_link(name: str) -> Parsed:
    """Return the result for a link whose target only `name`, a mail filter or link shortener, knows."""
    return Parsed(
        "hidden_link",
        name,
        _("%(name)s hides where this link leads. Open it and copy the address that the browser then shows.")
        % {"name": name},
    )


def several(values: list[str]) -> Parsed:
    """Return the result for a text with links or codes of several calls, where only one can be meant."""
    found = ", ".join(values[:5])
    return Parsed(
        "two_codes",
        found,
        _("This text has more than one Meet link or code (%(found)s). Paste just one.") % {"found": found},
    )


def elsewhere(host: str) -> Parsed:
    """Return the result for a link that leads to no meeting service."""
    return Parsed(
        "bad",
        "",
        _("This link leads to %(hosts)s, not to Google Meet.") % {"hosts": host[:100]},
    )
