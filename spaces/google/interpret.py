"""From an error answer to the GoogleError that it means, by the table in `refusals`."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

from spaces.google import errors
from spaces.google.answers import Answer
from spaces.google.refusals import GATEWAY, NOT_GOOGLE, REDIRECTED, REFUSED, TABLE, VAGUE_REASONS, Row
from spaces.words import joined
from spaces.words import text as _

_LIBRARY = "https://console.cloud.google.com/apis/library/"
_TITLES = {
    "meet.googleapis.com": "Google Meet API",
    "workspaceevents.googleapis.com": "Google Workspace Events API",
    "pubsub.googleapis.com": "Cloud Pub/Sub API",
    "admin.googleapis.com": "Admin SDK API",
    "calendar-json.googleapis.com": "Google Calendar API",
    "chat.googleapis.com": "Google Chat API",
}


@dataclass(frozen=True, slots=True)
class Service:
    """An API of Google: its name for people, its host, and the rows that it has in front of the common table."""

    title: str
    host: str
    rows: tuple[Row, ...] = ()


_UNKNOWN = _("It is not known whether the change was made.")
MEET = Service("Google Meet API", "meet.googleapis.com")


def from_answer(answer: Answer, *, write: bool, service: Service = MEET) -> errors.GoogleError:
    """The error that an answer which is no success means. `write`: the request may have changed something; then an answer that
    leaves that open becomes an OutcomeUnknown."""
    row = _row_for(answer, (*service.rows, *TABLE))
    kind = errors.OutcomeUnknown if write and not row.certain else row.error
    said = errors.scrub(answer.says)
    sentence = row.sentence % {
        "api": _TITLES.get(answer.service, answer.service) or service.title,
        "words": _words(answer, said),
        "status": answer.code,
    }
    unknown, cure = kind is errors.OutcomeUnknown, row.cure
    if unknown and row.error is errors.TryLater:
        cure = _("Check before you repeat it.")
    parts = [sentence, _UNKNOWN if unknown else "", cure]
    problem = kind(joined(*(part for part in parts if part)), detail=answer.detail)
    problem.code, problem.cure, problem.google_says = row.code, cure, said
    problem.subject = row.subject or row.error.subject
    problem.effect = kind.effect if unknown else row.effect or row.error.effect
    _add_details(problem, row, answer, service)
    return problem


def _words(answer: Answer, said: str) -> str:
    """Google's own words, with the fields that it complains about."""
    missing = [field for field in answer.fields if field not in said]
    words = said.rstrip(".") or " ".join((f"HTTP {answer.code}", *answer.reasons, answer.status)).rstrip()
    return f"{words} ({', '.join(missing)})" if missing else words


def _add_details(problem: errors.GoogleError, row: Row, answer: Answer, service: Service) -> None:
    if isinstance(problem, errors.TryLater):
        problem.retry_after = row.pause if answer.retry_after is None else answer.retry_after
    if isinstance(problem, errors.OverQuota):
        problem.quota_limit = answer.quota_limit
    elif isinstance(problem, errors.Refused):
        problem.fields, problem.status = answer.fields, answer.status
    elif isinstance(problem, errors.ConnectionBroken):
        problem.reason = cast(errors.Reason, row.code)
    elif isinstance(problem, errors.ApiDisabled):
        project = answer.consumer.removeprefix("projects/")
        problem.link = (
            _LIBRARY + (answer.service or service.host) + (f"?project={project}" if project else "")
        )


def _row_for(answer: Answer, table: tuple[Row, ...]) -> Row:
    if answer.code < 400:
        return NOT_GOOGLE if answer.code < 300 else REDIRECTED
    return next(_fitting(answer, table), REFUSED)


def _fitting(answer: Answer, table: tuple[Row, ...]) -> Iterator[Row]:
    """The rows that fit, the best one first."""
    texts = (answer.message, answer.says)
    for reason in answer.reasons:
        for row in table:
            if reason in row.reasons and (not row.both or row.says(*texts)):
                yield row
    explained = VAGUE_REASONS.union(*(row.reasons for row in table)).issuperset(answer.reasons)
    for row in table:
        if row.both or (row.alone and not explained) or not row.says(*texts):
            continue
        if not row.within or not answer.status or answer.status in row.within:
            yield row
    for row in table:
        if answer.status in row.statuses and (not row.both or answer.code in row.http):
            yield row
    if answer.page and not answer.of_google and answer.code not in (407, 429):
        yield GATEWAY if answer.code == 408 or answer.code >= 500 else NOT_GOOGLE
    for row in table:
        if answer.code in row.http:
            yield row
