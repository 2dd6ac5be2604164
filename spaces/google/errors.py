"""What can go wrong with Google, sorted by what to do about it.

Every error carries `sentence` (for people: what happened, what to do) and `detail` (for logs: technical, no tokens).
Facts about codes, status words and reasons: Google Cloud API design guide, "Errors", and the Meet REST reference.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Literal

from spaces.words import Text
from spaces.words import text as _

API_LIBRARY = "https://console.cloud.google.com/apis/library/meet.googleapis.com"
LONGEST_PAUSE = 3600.0
"""Seconds. A longer wait than this in an answer is taken for nonsense and cut."""


class GoogleError(Exception):
    """Something outside went wrong. Raised as one of the subclasses."""

    def __init__(self, sentence: str, *, detail: str = "") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.detail = scrub(detail)


class NotFound(GoogleError):
    """Google knows no such thing, or hides that it does. For spaces: treat like NotPermitted."""


class NotPermitted(GoogleError):
    """Not the owner, unknown, or made by another app: Google does not tell which."""


class ScopeMissing(NotPermitted):
    """The token was given without a permission that this call needs."""


class ApiDisabled(GoogleError):
    """The Meet API is switched off in the Cloud project; `link` leads to the switch."""

    def __init__(self, sentence: str, *, detail: str = "", link: str = API_LIBRARY) -> None:
        super().__init__(sentence, detail=detail)
        self.link = link


class NothingToEnd(GoogleError):
    """No call is on, so there is nothing to end. Counts as done."""


class Refused(GoogleError):
    """Google refused what was sent (400, 409, 412). `fields` names the settings it complained about, if it said."""

    def __init__(
        self, sentence: str, *, detail: str = "", fields: tuple[str, ...] = (), status: str = ""
    ) -> None:
        super().__init__(sentence, detail=detail)
        self.fields = fields
        self.status = status


class TryLater(GoogleError):
    """Not now. `retry_after` in seconds if Google named a time. Nothing was done, unless it is an OutcomeUnknown."""

    def __init__(self, sentence: str, *, detail: str = "", retry_after: float | None = None) -> None:
        super().__init__(sentence, detail=detail)
        self.retry_after = retry_after


class OverQuota(TryLater):
    """Too many calls this minute: pause the whole bucket, not just this call. `quota_limit`: the name of the limit that Google
    found exceeded, if it said (Google Cloud API design guide, "Errors", ErrorInfo's metadata). Nothing was done."""

    def __init__(
        self, sentence: str, *, detail: str = "", retry_after: float | None = None, quota_limit: str = ""
    ) -> None:
        super().__init__(sentence, detail=detail, retry_after=retry_after)
        self.quota_limit = quota_limit


class Unreachable(TryLater):
    """The request never reached Google: no network, no such host, connection refused, wrong certificate."""


class Unreadable(TryLater):
    """Google answered a read with something that makes no sense."""


class OutcomeUnknown(TryLater):
    """A write was sent and the answer is missing or unreadable: it may have happened. Never repeat it blindly."""


Reason = Literal[
    "revoked",
    "sign_in_again",
    "not_delegated",
    "unknown_subject",
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

CURES: Mapping[Reason, str] = {
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

_WHAT: Mapping[Reason, str] = {
    "revoked": _("Google no longer accepts this account's permission: it was withdrawn or has expired."),
    "sign_in_again": _("Google wants this account to sign in again."),
    "not_delegated": _("Google does not let our service account act for this mailbox."),
    "unknown_subject": _("Google knows no active user with this address."),
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
    """The account cannot be used until a person mends it; `cure` says how. Never retry."""

    def __init__(self, sentence: str, *, detail: str = "", reason: Reason = "other") -> None:
        super().__init__(sentence, detail=detail)
        self.reason: Reason = reason

    @property
    def cure(self) -> str:
        """What a person has to do, as one or two sentences."""
        return CURES[self.reason]


def broken(reason: Reason, *, detail: str = "") -> ConnectionBroken:
    """A ConnectionBroken with the sentences that belong to `reason`."""
    return ConnectionBroken(
        Text("%(what)s %(cure)s") % {"what": _WHAT[reason], "cure": CURES[reason]},
        detail=detail,
        reason=reason,
    )


_SECRETS = re.compile(
    r"(?:\bya29\.|\b1//|\beyJ|\bGOCSPX-|\b4/0)[^\s\"'&,;]{4,}"
    r"|(?<=bearer )[^\s\"',;]+"
    r"|(?<=token=)[^\s\"'&,;]+|(?<=assertion=)[^\s\"'&,;]+|(?<=secret=)[^\s\"'&,;]+|(?<=code=)[^\s\"'&,;]+",
    re.IGNORECASE,
)


def scrub(text: str) -> str:
    """`text` in one line, at most 500 characters, with everything that looks like a token removed."""
    return _SECRETS.sub("[removed]", " ".join(text[:2000].split()))[:500]


@dataclass(frozen=True, slots=True)
class Answer:
    """An error answer of a Google API, taken apart. Missing parts are empty: front ends also send HTML."""

    code: int
    status: str = ""
    message: str = ""
    reasons: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    consumer: str = ""
    quota_limit: str = ""
    retry_after: float | None = None

    @property
    def detail(self) -> str:
        """The answer in one technical line."""
        words = [str(self.code), self.status, *self.reasons]
        return f"{' '.join(word for word in words if word)}: {self.message or 'no message'}"


def read_answer(code: int, body: object, *, retry_after: str | None = None) -> Answer:
    """Take an error answer apart. `body` is the decoded JSON of whatever shape, or None; never raises."""
    error = _mapping(_mapping(body).get("error"))
    details = [_mapping(entry) for entry in _sequence(error.get("details"))]
    reasons = [_text(entry.get("reason")) for entry in details]
    reasons += [_text(_mapping(entry).get("reason")) for entry in _sequence(error.get("errors"))]
    violations = [_mapping(one) for entry in details for one in _sequence(entry.get("fieldViolations"))]
    delays = [_text(entry.get("retryDelay")) for entry in details]
    metadata = [_mapping(entry.get("metadata")) for entry in details]
    consumers = [_text(entry.get("consumer")) for entry in metadata]
    limits = [_text(entry.get("quota_limit")) for entry in metadata]
    return Answer(
        code=code,
        status=_text(error.get("status")),
        message=_text(error.get("message")),
        reasons=tuple(reason for reason in reasons if reason),
        fields=tuple(field for one in violations if (field := _text(one.get("field")))),
        consumer=next((one for one in consumers if re.fullmatch(r"projects/[a-z0-9-]{1,60}", one)), ""),
        quota_limit=next((limit for limit in limits if limit), ""),
        retry_after=_pause(next((delay.rstrip("s") for delay in delays if delay), retry_after)),
    )


def from_answer(answer: Answer, *, write: bool) -> GoogleError:
    """The error that an answer (3xx to 5xx) means, for a read or a write."""
    detail = answer.detail
    if answer.code == 429 or {"RATE_LIMIT_EXCEEDED", "rateLimitExceeded", "userRateLimitExceeded"} & {
        *answer.reasons
    }:
        return OverQuota(
            _(
                "Google lets us ask no more for the moment: the quota of this minute is used up. Try again in a minute."
            ),
            detail=detail,
            retry_after=answer.retry_after,
            quota_limit=answer.quota_limit,
        )
    if answer.code == 401:
        return broken("token_refused", detail=detail)
    if answer.code == 403:
        return _forbidden(answer)
    if answer.code == 404:
        return NotFound(
            _("Google does not know it, or does not show it to this account. It may have expired."),
            detail=detail,
        )
    if answer.code == 408 or answer.code >= 500:
        return _failing(answer, write=write)
    if answer.code == 409 and answer.status != "ALREADY_EXISTS":
        return TryLater(
            _("Somebody else changed it at the same moment. Try again."),
            detail=detail,
            retry_after=answer.retry_after,
        )
    if answer.code < 400:
        return unreadable(f"unexpected answer {detail}", write=write)
    return Refused(
        _("Google refused what was sent (%(fields)s).") % {"fields": ", ".join(answer.fields)}
        if answer.fields
        else _("Google refused what was sent."),
        detail=detail,
        fields=answer.fields,
        status=answer.status,
    )


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


def _forbidden(answer: Answer) -> GoogleError:
    if "ACCESS_TOKEN_SCOPE_INSUFFICIENT" in answer.reasons or "insufficientPermissions" in answer.reasons:
        return ScopeMissing(
            _(
                "This account was connected without a permission that is needed here. Connect it again with all "
                "permissions, or add the missing scope to the delegation."
            ),
            detail=answer.detail,
        )
    if "SERVICE_DISABLED" in answer.reasons or "accessNotConfigured" in answer.reasons:
        project = answer.consumer.removeprefix("projects/")
        return ApiDisabled(
            _(
                "The Google Meet API is switched off in the Cloud project. An administrator can enable it in the Google "
                "Cloud console; it works some minutes later."
            ),
            detail=answer.detail,
            link=f"{API_LIBRARY}?project={project}" if project else API_LIBRARY,
        )
    return NotPermitted(
        _(
            "Google does not permit this to the account: it does not own the meeting space, the space does not exist, or "
            "it was made by another app."
        ),
        detail=answer.detail,
    )


def _failing(answer: Answer, *, write: bool) -> GoogleError:
    # Only 503 says for certain that nothing was done; 500, 502 and 504 may come after the deed.
    if write and answer.code != 503:
        return outcome_unknown(answer.detail)
    return TryLater(
        _("Google is not available at the moment. Try again later."),
        detail=answer.detail,
        retry_after=answer.retry_after,
    )


def _pause(value: str | None) -> float | None:
    """Seconds from a Retry-After header (number or HTTP date) or a retryDelay; None if absent or senseless."""
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            moment = parsedate_to_datetime(value)
        except (ValueError, IndexError, OverflowError):
            return None
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        seconds = (moment - datetime.now(UTC)).total_seconds()
    return min(max(seconds, 0.0), LONGEST_PAUSE) if seconds == seconds else None


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _sequence(value: object) -> Sequence[Any]:
    return value if isinstance(value, list) else []


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
