"""What can go wrong with Google, as classes that say what to do about it.

Which class an answer of Google becomes is decided by the table in `refusals`; this module holds the classes and the failures that
come without an answer.
"""

import re
from collections.abc import Mapping
from typing import Any, Literal

from spaces.message import Message
from spaces.words import Text, joined
from spaces.words import text as _

Subject = Literal["space", "account", "project", "organisation", "request", "quota", "network"]
"""What an error is about: the Meet link, the Google account, the Cloud project, the organisation's rules, what was sent, the quota,
or the way to Google."""
Effect = Literal["none", "recheck_space", "account_problem", "account_broken", "pause_quota"]
"""What an error means for what is stored. `recheck_space`: conclude nothing about the space before it has been read again as its
owner. `account_problem`: note it at the account and go on trying. `account_broken`: a person has to repair the account."""


class GoogleError(Exception):
    """Something outside went wrong. Raised as one of the subclasses.

    `code` is stable and names the cause. `sentence` says for people what happened and what to do, `cure` only what to do ("" if
    nothing is known). `google_says` is Google's own sentence, without secrets and in one line ("" if there is none).
    `detail` is technical, for logs, without secrets. `subject` and `effect`: see there.
    """

    code: str = "google_error"
    subject: Subject = "request"
    effect: Effect = "none"
    cure: str = ""
    google_says: str = ""

    def __init__(self, sentence: str | Message, *, detail: str = "") -> None:
        super().__init__(sentence)
        self.sentence: Any = sentence
        self.detail = scrub(detail)


class NotFound(GoogleError):
    """Google knows no such object, or hides it from this account. For spaces: treat like NotPermitted."""

    code = "not_found"
    subject: Subject = "space"
    effect: Effect = "recheck_space"


class NotPermitted(GoogleError):
    """Google hides this object from this account: not the owner, unknown, or made by another app. Nothing else ends up here."""

    code = "hidden"
    subject: Subject = "space"
    effect: Effect = "recheck_space"


class AccessRefused(GoogleError):
    """Google refuses the account, the Cloud project or the organisation, whatever object is asked for. Says nothing about a space."""

    code = "access_refused"
    subject: Subject = "account"
    effect: Effect = "account_problem"


class ScopeMissing(AccessRefused):
    """The token was given without a permission that this call needs."""

    code = "scope_missing"
    effect: Effect = "account_broken"


class ApiDisabled(AccessRefused):
    """An API is switched off in the Cloud project. `link` leads to the switch ("" if it is not known which API)."""

    code = "api_disabled"
    subject: Subject = "project"
    link: str = ""


class Refused(GoogleError):
    """Google refused what was sent. `fields` names the settings it complained about, if it said; `status` is its status word."""

    code = "refused"
    fields: tuple[str, ...] = ()
    status: str = ""


class NothingToEnd(Refused):
    """Google says that no conference is active, so there is nothing to end. Counts as done."""

    code = "nothing_to_end"
    subject: Subject = "space"


class TryLater(GoogleError):
    """Not now. `retry_after` in seconds if Google named a time. Nothing was done, unless it is an OutcomeUnknown."""

    code = "try_later"
    subject: Subject = "network"

    def __init__(
        self, sentence: str | Message, *, detail: str = "", retry_after: float | None = None
    ) -> None:
        super().__init__(sentence, detail=detail)
        self.retry_after = retry_after


class OverQuota(TryLater):
    """Too many calls: pause the whole bucket, not just this call. `quota_limit`: the name of the limit that Google found
    exceeded, if it said (Google Cloud API design guide, "Errors", ErrorInfo's metadata). Nothing was done."""

    code = "over_quota"
    subject: Subject = "quota"
    effect: Effect = "pause_quota"

    def __init__(
        self, sentence: str, *, detail: str = "", retry_after: float | None = None, quota_limit: str = ""
    ) -> None:
        super().__init__(sentence, detail=detail, retry_after=retry_after)
        self.quota_limit = quota_limit


class Unreachable(TryLater):
    """The request never reached Google: no network, no such host, connection refused, wrong certificate, a proxy that refuses."""

    code = "unreachable"


class Unreadable(TryLater):
    """Google answered a read with something that makes no sense."""

    code = "unreadable"


class NotGoogle(Unreadable):
    """A web filter, a proxy or a sign-in page of a network answered a read in Google's place."""

    code = "not_google"


class OutcomeUnknown(TryLater):
    """A write was sent and the answer is missing or unreadable: it may have happened. Never repeat it blindly."""

    code = "outcome_unknown"
    effect: Effect = "recheck_space"


Reason = Literal[
    "revoked",
    "sign_in_again",
    "not_delegated",
    "unknown_subject",
    "account_off",
    "not_an_address",
    "clock",
    "bad_key",
    "bad_scope",
    "policy",
    "bad_client",
    "redirect",
    "token_refused",
    "consent_failed",
    "browser",
    "other",
]

CURES: Mapping[Reason, Text] = {
    "revoked": _("Connect the Google account again."),
    "sign_in_again": _(
        "Your organisation wants this account to sign in again from time to time. Connect it again; an "
        "administrator can exempt this app from that rule."
    ),
    "not_delegated": _(
        "In the Google Admin console (Security, API controls, Domain-wide delegation) enter the numeric "
        "client ID of the service account with every Meet scope; one missing scope fails them all. It works some minutes "
        "later."
    ),
    "unknown_subject": _("Check that the mailbox exists, is spelt right and is not suspended."),
    "account_off": _("Check in the Google Admin console whether the account is suspended or restricted."),
    "not_an_address": _("Enter the mailbox as an e-mail address, not as a number or a name."),
    "clock": _("Set the clock of the server; it differs from Google's by more than a few minutes."),
    "bad_key": _(
        "Make a new key for the service account in the Google Cloud console and replace the key file."
    ),
    "bad_scope": _(
        "Google does not know one of the scopes. Check the scopes in the configuration and in the delegation."
    ),
    "policy": _(
        "An administrator must allow this app in the Google Admin console (Security, API controls, App access "
        "control)."
    ),
    "bad_client": _(
        "Check the OAuth client ID and secret in the configuration; the client may have been deleted."
    ),
    "redirect": _(
        "Enter this site's redirect address in the Google Cloud console, exactly as it stands here."
    ),
    "token_refused": _("Connect the Google account again, or check the delegation of the service account."),
    "consent_failed": _("Start again with “Connect my Google account”."),
    "browser": _("Open Meetadmin in a browser such as Chrome, Edge, Firefox or Safari, and try there."),
    "other": _(
        "Connect the Google account again. If that does not help, show the technical detail to an administrator."
    ),
}

WHAT: Mapping[Reason, Text] = {
    "revoked": _("Google no longer accepts this account's permission: it was withdrawn or has expired."),
    "sign_in_again": _("Google wants this account to sign in again."),
    "not_delegated": _("Google does not let our service account act for this mailbox."),
    "unknown_subject": _("Google knows no active user with this address."),
    "account_off": _("Google says that this account is restricted or suspended."),
    "not_an_address": _("Google does not accept the name of the mailbox."),
    "clock": _("Google finds our clock wrong."),
    "bad_key": _("Google does not accept the key of our service account."),
    "bad_scope": _("Google does not know a permission we asked for."),
    "policy": _("Your organisation's rules at Google do not allow this app."),
    "bad_client": _("Google does not accept this app's own credentials."),
    "redirect": _("Google does not accept the address to return to."),
    "token_refused": _("Google refused the account's access even after it was renewed."),
    "consent_failed": _("The connection with Google was not completed."),
    "browser": _("Google does not let people sign in from within this app."),
    "other": _("Google refused access for this account."),
}


class ConnectionBroken(GoogleError):
    """The account cannot be used until a person repairs it; `cure` says how. Never retry."""

    code = "connection_broken"
    subject: Subject = "account"
    effect: Effect = "account_broken"
    reason: Reason = "other"


def broken(reason: Reason, *, detail: str = "") -> ConnectionBroken:
    """A ConnectionBroken with the sentences that belong to `reason`, which is its code, too."""
    problem = ConnectionBroken(joined(WHAT[reason], CURES[reason]), detail=detail)
    problem.reason = problem.code = reason
    problem.cure = CURES[reason]
    return problem


_SECRETS = re.compile(
    r"(?:\bya29\.|\b1//|\beyJ|\bGOCSPX-|\b4/0)[^\s\"'&,;]{4,}"
    r"|(?<=bearer )[^\s\"',;]+"
    r"|(?<=token=)[^\s\"'&,;]+|(?<=assertion=)[^\s\"'&,;]+|(?<=secret=)[^\s\"'&,;]+|(?<=code=)[^\s\"'&,;]+",
    re.IGNORECASE,
)


def scrub(text: str) -> str:
    """`text` in one line, at most 500 characters, with everything that looks like a token removed."""
    return _SECRETS.sub("[removed]", " ".join(text[:2000].split()))[:500]


def unreadable(detail: str, *, write: bool) -> GoogleError:
    """An answer arrived and makes no sense: a read can be repeated, of a write the outcome is unknown."""
    if write:
        return outcome_unknown(detail)
    return Unreadable(_("Google's answer made no sense. Try again in a moment."), detail=detail)


def outcome_unknown(detail: str) -> OutcomeUnknown:
    """A write was sent and nobody knows what became of it."""
    return OutcomeUnknown(
        _(
            "Google did not answer properly, so it is not known whether it happened. Look again before you repeat it."
        ),
        detail=detail,
    )


def unreachable(detail: str) -> Unreachable:
    """Nothing was sent at all."""
    return Unreachable(
        _("Google cannot be reached at the moment, nothing was done. Try again later."), detail=detail
    )


def no_answer(detail: str, *, write: bool) -> GoogleError:
    """The request was sent and no complete answer came in time."""
    if write:
        return outcome_unknown(detail)
    return TryLater(_("Google did not answer in time. Try again in a moment."), detail=detail)
