"""Error answers of Google's APIs, taken apart. Nothing is judged here; see `refusals`.

Facts about the envelope: Google Cloud API design guide, "Errors" (google.rpc.Status and its details); RFC 6749, 5.2, for the token
endpoint.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

LONGEST_PAUSE = 3600.0
"""Seconds. A longer wait than this in an answer is taken for nonsense and cut."""

_GOOGLE_PAGE = re.compile(r"<title>Error \d{3} \([^)<]{1,60}\)!!1</title>|That.s all we know", re.IGNORECASE)
_VAGUE = re.compile(
    r"request contains an invalid argument|precondition check failed|bad request|^$", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Answer:
    """An error answer of a Google API. Missing parts are empty.

    `reasons` holds those of `error.details[]` before those of `error.errors[]`. `says` is Google's own sentence. `page` tells
    whether the body is a web page, `of_google` whether that page is one of Google's front end.
    """

    code: int
    status: str = ""
    message: str = ""
    reasons: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    says: str = ""
    service: str = ""
    consumer: str = ""
    quota_limit: str = ""
    retry_after: float | None = None
    page: bool = False
    of_google: bool = False

    @property
    def detail(self) -> str:
        """The answer in one technical line."""
        words = [str(self.code), self.status, *self.reasons]
        return f"{' '.join(word for word in words if word)}: {self.message or ('a web page' if self.page else 'no message')}"


def read_answer(code: int, body: object, *, retry_after: str | None = None, page: str = "") -> Answer:
    """Take an error answer apart. `body` is the decoded JSON of whatever shape, or None; `page` the text of an answer that is no
    JSON. Never raises."""
    whole = _mapping(body)
    if isinstance(whole.get("error"), str):
        return _of_token_endpoint(code, whole, retry_after)
    error = _mapping(whole.get("error"))
    details = [_mapping(entry) for entry in _sequence(error.get("details"))]
    older = [_mapping(entry) for entry in _sequence(error.get("errors"))]
    violations = [
        _mapping(each)
        for entry in details
        for each in [*_sequence(entry.get("fieldViolations")), *_sequence(entry.get("violations"))]
    ]
    metadata = [_mapping(entry.get("metadata")) for entry in details]
    message = _text(error.get("message"))
    localized = [
        _text(entry.get("message"))
        for entry in details
        if _text(entry.get("@type")).endswith("LocalizedMessage")
    ]
    delay = _first(_text(entry.get("retryDelay")) for entry in details).rstrip("s")
    return Answer(
        code=code,
        status=_text(error.get("status")),
        message=message,
        reasons=tuple(reason for entry in [*details, *older] if (reason := _text(entry.get("reason")))),
        fields=tuple(field for each in violations if (field := _text(each.get("field")))),
        says=_sentence(_first(localized) or message, (_text(each.get("description")) for each in violations)),
        service=_first(_matching(r"[a-z]+(?:-[a-z]+)*\.googleapis\.com", metadata, "service")),
        consumer=_first(_matching(r"projects/[a-z0-9-]{1,60}", metadata, "consumer")),
        quota_limit=_first(_text(entry.get("quota_limit")) for entry in metadata),
        retry_after=_pause(delay or retry_after),
        page=page.lstrip("\ufeff \t\r\n").startswith("<"),
        of_google=bool(_GOOGLE_PAGE.search(page)),
    )


def _of_token_endpoint(code: int, values: Mapping[str, Any], retry_after: str | None) -> Answer:
    """`{"error": "word", "error_description": "..."}`; the subtype is the more exact word."""
    words = [_text(values.get(name)) for name in ("error_subtype", "error")]
    message = _text(values.get("error_description"))
    return Answer(
        code=code,
        message=message,
        says=message,
        reasons=tuple(word for word in words if word),
        retry_after=_pause(retry_after),
    )


def _sentence(message: str, descriptions: Iterable[str]) -> str:
    """Google's sentence; where it says next to nothing, the descriptions of the violations with it."""
    if not _VAGUE.search(message):
        return message
    return " ".join(dict.fromkeys(part for part in [message, *descriptions] if part))


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


def _matching(shape: str, metadata: Iterable[Mapping[str, Any]], name: str) -> Iterable[str]:
    return (value for entry in metadata if re.fullmatch(shape, value := _text(entry.get(name))))


def _first(values: Iterable[str]) -> str:
    return next((value for value in values if value), "")


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _sequence(value: object) -> Sequence[Any]:
    return value if isinstance(value, list) else []


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
