"""MeetClient: the calls of the Meet API that we make. One method per call. Facts: Meet REST API reference v2 and its guides, named at
each method."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

from spaces.google import config, errors, interpret
from spaces.google.credentials import CREATED, READONLY, SETTINGS
from spaces.google.resources import (
    ConferenceRecord,
    Member,
    Participant,
    ParticipantKind,
    PhoneAccess,
    Recording,
    SipAccess,
    Space,
)
from spaces.google.rest import GoogleApi, moment
from spaces.google.transport import Params

RECORDS_PER_PAGE = 100
PARTICIPANTS_PER_PAGE = 250
MEMBERS_PER_PAGE = 500
RECORDINGS_PER_PAGE = 100

_SPACE = re.compile(r"spaces/[A-Za-z0-9_-]{1,128}")
_CODE = re.compile(r"[a-z]+-[a-z]+-[a-z]+")
_RECORD = re.compile(r"conferenceRecords/[A-Za-z0-9_-]{1,256}")

T = TypeVar("T")
Json = Mapping[str, Any]


class MeetClient(GoogleApi):
    """The Meet API in the name of one Google user (see GoogleApi for what all clients have in common)."""

    service = interpret.MEET
    scope = READONLY

    # Spaces

    def get_space(self, name: str) -> Space:
        """The space `spaces/{id}` (guide "Manage meeting spaces"). Raises NotPermitted or NotFound for unknown ones."""
        return self._get_space(_require(_SPACE, name, "a space name such as spaces/jQCFfuBOdN5z"))

    def find_space(self, code: str) -> Space:
        """The space that has this meeting code now: the only call that takes a code (reference: `spaces.get`).

        Codes are reused. Keep the `name` of the answer and use that from then on.
        """
        wanted = code.lower()
        if len(wanted) > 128:
            raise ValueError("A meeting code has at most 128 letters.")
        return self._get_space("spaces/" + _require(_CODE, wanted, "a meeting code such as abc-mnop-xyz"))

    def create_space(self, settings: Mapping[str, str]) -> Space:
        """Make a space owned by this user; what `settings` leaves out follows the organisation's defaults.

        Nothing about this call is repeatable (reference: `spaces.create` has no request id): after an OutcomeUnknown
        there may be a space that nobody can ever list.
        """
        return _parsed(
            _space,
            self._call("POST", "/v2/spaces", _body(settings), kind="create", scope=CREATED),
            write=True,
        )

    def patch_space(self, name: str, settings: Mapping[str, str]) -> Space:
        """Change exactly the settings named and return the space as Google then sees it, which may differ.

        The update mask is always explicit: without one Google guesses, and `*` would clear what is left out (guide
        "Configure meeting spaces"). Harmless to repeat.
        """
        if not settings:
            raise ValueError("A change needs at least one setting.")
        path = "/v2/" + _require(_SPACE, name, "a space name such as spaces/jQCFfuBOdN5z")
        mask = {"updateMask": ",".join(f"config.{setting}" for setting in settings)}
        return _parsed(
            _space,
            self._call("PATCH", path, _body(settings), params=mask, kind="write", scope=SETTINGS),
            write=True,
        )

    def end_active_conference(self, name: str) -> None:
        """End the running call: everybody is disconnected. Raises NothingToEnd when Google says that none is running.

        Works only for spaces that our own Cloud project made (scope `meetings.space.created`). The call names no
        conference: look right before that it is still the one somebody meant.
        """
        path = "/v2/" + _require(_SPACE, name, "a space name such as spaces/jQCFfuBOdN5z")
        self._call("POST", f"{path}:endActiveConference", {}, kind="write", scope=CREATED)

    def members(self, name: str) -> list[Member]:
        """Everybody who may join without knocking (guide "Manage meeting space members"); for the owner only."""
        path = f"/v2/{_require(_SPACE, name, 'a space name such as spaces/jQCFfuBOdN5z')}/members"
        return self._list(path, "members", _member, {"pageSize": MEMBERS_PER_PAGE})

    # Conferences

    def running_conferences(self) -> list[ConferenceRecord]:
        """Every call that runs now in a space this user owns (guide "Work with conferences": filter by end time)."""
        return self._list_records("end_time IS NULL")

    def ended_conferences(self, since: datetime, until: datetime) -> list[ConferenceRecord]:
        """Every call that ended in this time in a space this user owns (reference: `end_time` is one of the fields of the filter;
        Google's examples compare only `start_time`, so it may come out as Refused)."""
        return self._list_records(f'end_time>="{_stamp(since)}" AND end_time<="{_stamp(until)}"')

    def begun_conferences(self, since: datetime, until: datetime) -> list[ConferenceRecord]:
        """Every call that began in this time in a space this user owns, whether it is over or not."""
        return self._list_records(f'start_time>="{_stamp(since)}" AND start_time<="{_stamp(until)}"')

    def _list_records(self, wanted: str) -> list[ConferenceRecord]:
        params: Params = {"filter": wanted, "pageSize": RECORDS_PER_PAGE}
        return self._list("/v2/conferenceRecords", "conferenceRecords", _record, params)

    def conference(self, name: str) -> ConferenceRecord:
        """One call by its record name; for the owner and whoever took part, until 30 days after its end."""
        return _parsed(_record, self._get(f"/v2/{_require_record(name)}"))

    def participants(self, record: str, *, present_only: bool = True) -> list[Participant]:
        """Who is in a call, or with `present_only=False` everybody who ever was (guide "Work with participants")."""
        params: dict[str, str | int] = {"pageSize": PARTICIPANTS_PER_PAGE}
        if present_only:
            params["filter"] = "latest_end_time IS NULL"
        return self._list(f"/v2/{_require_record(record)}/participants", "participants", _participant, params)

    def head_count(self, record: str) -> int:
        """How many are in a call now, in one small call: Google counts only when the response mask asks for it."""
        params: Params = {"pageSize": 1, "filter": "latest_end_time IS NULL", "fields": "totalSize"}
        return _parsed(_total, self._get(f"/v2/{_require_record(record)}/participants", params))

    def recordings(self, record: str) -> list[Recording]:
        """The recordings of a call, the oldest first (guide "Work with artifacts"); also while the call runs."""
        path = f"/v2/{_require_record(record)}/recordings"
        return self._list(path, "recordings", _recording, {"pageSize": RECORDINGS_PER_PAGE})

    def _get_space(self, name: str) -> Space:
        return _parsed(_space, self._get(f"/v2/{name}"))

    def _list(self, path: str, key: str, parse: Callable[[Json], T], params: Params) -> list[T]:
        return [_parsed(parse, row) for row in self._pages(path, key, params)]


def _require(shape: re.Pattern[str], name: str, wanted: str) -> str:
    if not shape.fullmatch(name):
        raise ValueError(f"{name[:140]!r} is not {wanted}.")
    return name


def _require_record(name: str) -> str:
    return _require(_RECORD, name, "the name of a conference record")


def _body(settings: Mapping[str, str]) -> dict[str, Any]:
    """The settings as Google nests them. Raises ValueError for one that is not in the catalogue."""
    config.check(settings)
    nested: dict[str, Any] = {}
    for path, value in settings.items():
        *parents, leaf = path.split(".")
        place = nested
        for parent in parents:
            place = place.setdefault(parent, {})
        place[leaf] = value
    return {"config": nested} if nested else {}


# From JSON to our dataclasses


def _parsed(parse: Callable[[Json], T], raw: Json, *, write: bool = False) -> T:
    """Read an answer. One that makes no sense is Unreadable; if it was to a write, the outcome is unknown."""
    try:
        return parse(raw)
    except (ValueError, TypeError, AttributeError, RecursionError) as problem:
        raise errors.unreadable(f"{type(problem).__name__}: {problem}", write=write) from problem


def _text(raw: Json, name: str) -> str:
    value = raw.get(name, "")
    if not isinstance(value, str):
        raise ValueError(f"{name} is no text")
    return value


def _object(raw: Json, name: str) -> Json | None:
    value = raw.get(name)
    if value is not None and not isinstance(value, dict):
        raise ValueError(f"{name} is no object")
    return value


def _rows(raw: Json, name: str) -> list[Json]:
    rows = raw.get(name, [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError(f"{name} is no list of objects")
    return rows


def space_from_json(answer: Json) -> Space:
    """Read the JSON of a space as `spaces.get` answers it. Raises ValueError when it is none."""
    return _space(answer)


def _space(raw: Json) -> Space:
    settings = _object(raw, "config")
    return Space(
        name=_require(_SPACE, _text(raw, "name"), "a space name"),
        meeting_code=_text(raw, "meetingCode"),
        meeting_uri=_text(raw, "meetingUri"),
        settings=None if settings is None else dict(_leaves(settings)),
        active_record=_text(_object(raw, "activeConference") or {}, "conferenceRecord") or None,
        phone_access=tuple(
            PhoneAccess(
                _text(row, "phoneNumber"),
                _text(row, "pin"),
                _text(row, "regionCode"),
                _text(row, "languageCode"),
            )
            for row in _rows(raw, "phoneAccess")
        ),
        sip_access=tuple(
            SipAccess(_text(row, "uri"), _text(row, "sipAccessCode"))
            for row in _rows(raw, "gatewaySipAccess")
        ),
    )


def _leaves(nested: Json, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Path and value of every setting. What Google has invented since then comes along as it is, as text; `..._UNSPECIFIED` is no
    value (Meet REST reference: never returned)."""
    for name, value in nested.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{prefix}{name}.")
        elif isinstance(value, str):
            if not value.endswith("_UNSPECIFIED"):
                yield prefix + name, value
        elif value is not None:
            yield prefix + name, json.dumps(value)


def _record(raw: Json) -> ConferenceRecord:
    return ConferenceRecord(
        name=_require_record(_text(raw, "name")),
        space=_require(_SPACE, _text(raw, "space"), "a space name"),
        started_at=_moment(raw, "startTime"),
        ended_at=_moment_or_none(raw, "endTime"),
        expires_at=_moment_or_none(raw, "expireTime"),
    )


_KINDS: Mapping[str, ParticipantKind] = {
    "signedinUser": "signed_in",
    "anonymousUser": "guest",
    "phoneUser": "phone",
}


def _participant(raw: Json) -> Participant:
    # Exactly one of the kinds is there; one that Google has added since is a guest under its name.
    field = next((name for name in raw if name.endswith("User")), "")
    user = (_object(raw, field) if field else None) or {}
    google_id = _text(user, "user").removeprefix("users/") if field == "signedinUser" else ""
    return Participant(
        name=_text(raw, "name"),
        kind=_KINDS.get(field, "guest"),
        google_id=google_id or None,
        display_name=_text(user, "displayName"),
        joined_at=_moment(raw, "earliestStartTime"),
        left_at=_moment_or_none(raw, "latestEndTime"),
    )


def _member(raw: Json) -> Member:
    return Member(
        name=_text(raw, "name"),
        email=_text(raw, "email"),
        role="COHOST" if _text(raw, "role") == "COHOST" else "",
    )


def _recording(raw: Json) -> Recording:
    return Recording(
        name=_text(raw, "name"),
        state=_text(raw, "state"),
        started_at=_moment(raw, "startTime"),
        ended_at=_moment_or_none(raw, "endTime"),
    )


def _total(raw: Json) -> int:
    total = raw.get("totalSize", 0)
    if not isinstance(total, int) or isinstance(total, bool):
        raise ValueError("totalSize is no number")
    return total


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _moment(raw: Json, name: str) -> datetime:
    found = moment(_text(raw, name))
    if found is None:
        raise ValueError(f"{name} is missing or no time")
    return found


def _moment_or_none(raw: Json, name: str) -> datetime | None:
    return _moment(raw, name) if name in raw else None
