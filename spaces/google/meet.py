"""MeetClient: the calls of the Meet API that we make, over Google's own client library with its REST transport.

One method per call. Reads and writes are sent exactly once; who wants to repeat decides so outside. The library's
retries, its 60 s deadlines and its way of raising (by HTTP status only) are all bypassed: our session looks at every
answer first and raises a GoogleError. Facts: Meet REST API reference v2 and its guides, named at each method.

This is the only module that imports google-apps-meet, which brings gRPC along (about 60 MB).
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

from google.api_core import exceptions as api_errors
from google.apps import meet_v2
from google.apps.meet_v2.services.conference_records_service.transports.rest import (
    ConferenceRecordsServiceRestTransport,
)
from google.apps.meet_v2.services.spaces_service.transports.rest import SpacesServiceRestTransport
from google.auth.credentials import AnonymousCredentials, Credentials
from google.protobuf import field_mask_pb2, json_format
from google.protobuf.message import Error as ProtobufError

from spaces.google import config, endpoints, errors
from spaces.google.quota import Gate, Kind
from spaces.google.resources import (
    ConferenceRecord,
    Member,
    Participant,
    ParticipantKind,
    PhoneAccess,
    SipAccess,
    Space,
)
from spaces.google.session import Session

RECORDS_PER_PAGE = 100
PARTICIPANTS_PER_PAGE = 250
MEMBERS_PER_PAGE = 500
MOST_PAGES = 40
"""A list that has still not ended then is taken for a broken answer: half a list would pass for the whole."""

_SPACE = re.compile(r"spaces/[A-Za-z0-9_-]{1,128}")
_CODE = re.compile(r"[a-z]+-[a-z]+-[a-z]+")
_RECORD = re.compile(r"conferenceRecords/[A-Za-z0-9_-]{1,256}")
_NOT_READABLE = (
    json_format.Error,
    ProtobufError,
    api_errors.GoogleAPIError,
    ValueError,
    TypeError,
    RecursionError,
)

T = TypeVar("T")


class MeetClient:
    """The Meet API in the name of one Google user.

    `timeout` in seconds covers each call's wait for an answer (the token has its own). `quota_user` names whom the
    quota is counted for, normally the user's address; only a hash of it is sent. `quota` is passed before everything that
    is sent, each page of a list for itself; it may be exchanged between calls, as the one who asks changes.
    Every method raises GoogleErrors for anything that goes wrong outside, and ValueError for names and settings that
    no caller should have passed, before anything is sent. Not to be shared between threads.
    """

    def __init__(
        self,
        credentials: Credentials,
        *,
        base_url: str,
        timeout: float = 8.0,
        quota_user: str | None = None,
        quota: Gate | None = None,
    ) -> None:
        base = endpoints.check(base_url).rstrip("/")
        session = self._session = Session(credentials, timeout=timeout, quota_user=quota_user)
        self.quota = quota
        self._spaces = meet_v2.SpacesServiceClient(transport=_SpacesTransport(session, base))
        self._records = meet_v2.ConferenceRecordsServiceClient(transport=_RecordsTransport(session, base))
        self._timeout = timeout

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
        wanted = meet_v2.CreateSpaceRequest(space=_space_message(settings))
        return self._call(
            "create", lambda: _space(self._spaces.create_space(wanted, retry=None, timeout=self._timeout))
        )

    def patch_space(self, name: str, settings: Mapping[str, str]) -> Space:
        """Change exactly the settings named and return the space as Google then sees it, which may differ.

        The update mask is always explicit: without one Google guesses, and `*` would clear what is left out (guide
        "Configure meeting spaces"). Harmless to repeat.
        """
        if not settings:
            raise ValueError("A change needs at least one setting.")
        message = _space_message(settings)
        message.name = _require(_SPACE, name, "a space name such as spaces/jQCFfuBOdN5z")
        wanted = meet_v2.UpdateSpaceRequest(
            space=message,
            update_mask=field_mask_pb2.FieldMask(paths=[_snake(f"config.{path}") for path in settings]),
        )
        return self._call(
            "write", lambda: _space(self._spaces.update_space(wanted, retry=None, timeout=self._timeout))
        )

    def end_active_conference(self, name: str) -> None:
        """Throw everybody out of the running call. Raises NothingToEnd when none is on.

        Works only for spaces that our own Cloud project made (scope `meetings.space.created`). The call names no
        conference: look right before that it is still the one somebody meant.
        """
        wanted = meet_v2.EndActiveConferenceRequest(
            name=_require(_SPACE, name, "a space name such as spaces/jQCFfuBOdN5z")
        )
        self._call(
            "write", lambda: self._spaces.end_active_conference(wanted, retry=None, timeout=self._timeout)
        )

    def members(self, name: str) -> list[Member]:
        """Everybody who may join without knocking (guide "Manage meeting space members"); for the owner only."""
        wanted = meet_v2.ListMembersRequest(
            parent=_require(_SPACE, name, "a space name such as spaces/jQCFfuBOdN5z"),
            page_size=MEMBERS_PER_PAGE,
        )
        return self._call(
            "read",
            lambda: [
                _member(row)
                for page in _all(self._spaces.list_members(wanted, retry=None, timeout=self._timeout).pages)
                for row in page.members
            ],
        )

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

    def _list_records(self, wanted_filter: str) -> list[ConferenceRecord]:
        wanted = meet_v2.ListConferenceRecordsRequest(filter=wanted_filter, page_size=RECORDS_PER_PAGE)
        return self._call(
            "read",
            lambda: [
                _record(row)
                for page in _all(
                    self._records.list_conference_records(wanted, retry=None, timeout=self._timeout).pages
                )
                for row in page.conference_records
            ],
        )

    def conference(self, name: str) -> ConferenceRecord:
        """One call by its record name; for the owner and whoever took part, until 30 days after its end."""
        wanted = meet_v2.GetConferenceRecordRequest(name=_require_record(name))
        return self._call(
            "read",
            lambda: _record(self._records.get_conference_record(wanted, retry=None, timeout=self._timeout)),
        )

    def participants(self, record: str, *, present_only: bool = True) -> list[Participant]:
        """Who is in a call, or with `present_only=False` everybody who ever was (guide "Work with participants")."""
        wanted = meet_v2.ListParticipantsRequest(
            parent=_require_record(record),
            page_size=PARTICIPANTS_PER_PAGE,
            filter="latest_end_time IS NULL" if present_only else "",
        )
        return self._call(
            "read",
            lambda: [
                _participant(row)
                for page in _all(
                    self._records.list_participants(wanted, retry=None, timeout=self._timeout).pages
                )
                for row in page.participants
            ],
        )

    def head_count(self, record: str) -> int:
        """How many are in a call now, in one small call: Google counts only when the response mask asks for it."""
        wanted = meet_v2.ListParticipantsRequest(
            parent=_require_record(record), page_size=1, filter="latest_end_time IS NULL"
        )
        return self._call(
            "read",
            lambda: int(
                self._records.list_participants(
                    wanted, retry=None, timeout=self._timeout, metadata=[("x-goog-fieldmask", "totalSize")]
                ).total_size
            ),
        )

    # How

    def _get_space(self, name: str) -> Space:
        wanted = meet_v2.GetSpaceRequest(name=name)
        return self._call(
            "read", lambda: _space(self._spaces.get_space(wanted, retry=None, timeout=self._timeout))
        )

    def _call(self, kind: Kind, call: Callable[[], T]) -> T:
        """Run one call of this class of quota (Meet REST guide, "Usage limits").

        An answer that the library cannot read becomes a GoogleError, whatever the library makes of it.
        """
        self._session.passing = (kind, self.quota)
        try:
            return call()
        except _NOT_READABLE as problem:
            raise errors.unreadable(f"{type(problem).__name__}: {problem}", write=kind != "read") from problem


# The library has no door for a session of one's own; a subclass is the place it leaves. Its methods are tied to the
# session while they are prepared, so ours must be in place by then. The transport itself holds no token.


class _SpacesTransport(SpacesServiceRestTransport):
    def __init__(self, session: Session, base_url: str) -> None:
        self._ours = session
        super().__init__(host=base_url, credentials=AnonymousCredentials())

    def _prep_wrapped_messages(self, client_info: Any) -> None:
        self._session = self._ours  # type: ignore[assignment]  # the library uses only get, post and patch of it
        super()._prep_wrapped_messages(client_info)


class _RecordsTransport(ConferenceRecordsServiceRestTransport):
    def __init__(self, session: Session, base_url: str) -> None:
        self._ours = session
        super().__init__(host=base_url, credentials=AnonymousCredentials())

    def _prep_wrapped_messages(self, client_info: Any) -> None:
        self._session = self._ours  # type: ignore[assignment]  # as above
        super()._prep_wrapped_messages(client_info)


def _require(shape: re.Pattern[str], name: str, wanted: str) -> str:
    if not shape.fullmatch(name):
        raise ValueError(f"{name[:140]!r} is not {wanted}.")
    return name


def _require_record(name: str) -> str:
    return _require(_RECORD, name, "the name of a conference record")


def _all(pages: Iterable[T]) -> Iterator[T]:
    for number, page in enumerate(pages, start=1):
        if number > MOST_PAGES:
            raise errors.unreadable(f"a list of more than {MOST_PAGES} pages", write=False)
        yield page


def _space_message(settings: Mapping[str, str]) -> meet_v2.Space:
    config.check(settings)
    nested: dict[str, Any] = {}
    for path, value in settings.items():
        *parents, leaf = path.split(".")
        place = nested
        for parent in parents:
            place = place.setdefault(parent, {})
        place[leaf] = value
    message = meet_v2.Space()
    json_format.ParseDict({"config": nested} if nested else {}, meet_v2.Space.pb(message))
    return message


def _snake(path: str) -> str:
    return re.sub(r"[A-Z]", lambda letter: "_" + letter[0].lower(), path)


# From messages to our dataclasses. The raw protobuf message is read, not the library's wrapper around it: the wrapper
# warns about values it does not know, and names enums less directly.


def _space(message: meet_v2.Space) -> Space:
    raw = meet_v2.Space.pb(message)
    _require(_SPACE, raw.name, "a space name")
    return Space(
        name=raw.name,
        meeting_code=raw.meeting_code,
        meeting_uri=raw.meeting_uri,
        settings=dict(_leaves(json_format.MessageToDict(raw.config))) if raw.HasField("config") else None,
        active_record=raw.active_conference.conference_record or None,
        phone_access=tuple(
            PhoneAccess(one.phone_number, one.pin, one.region_code, one.language_code)
            for one in raw.phone_access
        ),
        sip_access=tuple(SipAccess(one.uri, one.sip_access_code) for one in raw.gateway_sip_access),
    )


def _leaves(nested: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in nested.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{prefix}{name}.")
        elif isinstance(value, str):
            yield prefix + name, value


def _record(message: meet_v2.ConferenceRecord) -> ConferenceRecord:
    raw = meet_v2.ConferenceRecord.pb(message)
    return ConferenceRecord(
        name=_require_record(raw.name),
        space=_require(_SPACE, raw.space, "a space name"),
        started_at=_moment(raw, "start_time"),
        ended_at=_moment_or_none(raw, "end_time"),
        expires_at=_moment_or_none(raw, "expire_time"),
    )


_KINDS: Mapping[str, ParticipantKind] = {
    "signedin_user": "signed_in",
    "anonymous_user": "guest",
    "phone_user": "phone",
}


def _participant(message: meet_v2.Participant) -> Participant:
    raw = meet_v2.Participant.pb(message)
    field = raw.WhichOneof("user") or ""
    return Participant(
        name=raw.name,
        kind=_KINDS.get(field, "guest"),
        google_id=raw.signedin_user.user.removeprefix("users/") or None,
        display_name=getattr(raw, field).display_name if field else "",
        joined_at=_moment(raw, "earliest_start_time"),
        left_at=_moment_or_none(raw, "latest_end_time"),
    )


def _member(message: meet_v2.Member) -> Member:
    raw = meet_v2.Member.pb(message)
    return Member(
        name=raw.name, email=raw.email, role="COHOST" if raw.role == meet_v2.Member.Role.COHOST else ""
    )


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _moment(raw: Any, field: str) -> datetime:
    if not raw.HasField(field):
        raise ValueError(f"{field} is missing")
    moment: datetime = getattr(raw, field).ToDatetime(tzinfo=UTC)
    return moment


def _moment_or_none(raw: Any, field: str) -> datetime | None:
    return _moment(raw, field) if raw.HasField(field) else None
