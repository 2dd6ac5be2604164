"""Meet v2, conferenceRecords: list and get, participants and their sessions.

Meet REST guide: Work with conferences; Work with participants.
"""

from simulator import masks
from simulator.entities import Conference, Participant, Space, session_name
from simulator.filters import parse_filter
from simulator.identifiers import CODE
from simulator.identity import READONLY
from simulator.meet.shared import (
    JSON,
    LEAF,
    PAGE,
    READ,
    Call,
    Key,
    is_so,
    listed,
    method,
    missing,
    moment,
    one_page,
    page_of,
    readable_record,
)
from simulator.world import RECORD_LIFE, World

RECORD: masks.Tree = {"name": LEAF, "startTime": LEAF, "endTime": LEAF, "expireTime": LEAF, "space": LEAF}
PARTICIPANT: masks.Tree = {
    "name": LEAF,
    "earliestStartTime": LEAF,
    "latestEndTime": LEAF,
    "signedinUser": {"user": LEAF, "displayName": LEAF},
    "anonymousUser": {"displayName": LEAF},
    "phoneUser": {"displayName": LEAF},
}
SESSION: masks.Tree = {"name": LEAF, "startTime": LEAF, "endTime": LEAF}

_RECORD_TEXTS = {
    "space.name": "space.name",
    "space.meeting_code": "space.meetingCode",
    "space.meetingCode": "space.meetingCode",
}
_TIMES = {"start_time": "start", "startTime": "start", "end_time": "end", "endTime": "end"}
_PARTICIPANT_TIMES = {
    "earliest_start_time": "start",
    "earliestStartTime": "start",
    "latest_end_time": "end",
    "latestEndTime": "end",
}


def record_as_json(world: World, record: Conference) -> JSON:
    """A conference record; without endTime and expireTime while the call is on."""
    answer: JSON = {"name": record.name, "startTime": world.shown(record.start)}
    if record.end is not None:
        answer["endTime"] = world.shown(record.end)
        answer["expireTime"] = world.shown(record.end + RECORD_LIFE)
    answer["space"] = f"spaces/{record.space}"
    return answer


def _names(call: Call, space: Space, asked: list[str]) -> str:
    """The name a filter on space.name is compared with: the code's, if it asks for that and the switch allows it."""
    if call.world.behaviour.filter_takes_code and space.code:
        for each in asked:
            handle = each.removeprefix("spaces/")
            if CODE.fullmatch(handle) and handle.lower() == space.code:
                return each
    return space.name


def list_records(call: Call) -> JSON:
    """conferenceRecords.list: calls of spaces that the caller owns, newest first."""
    conditions = parse_filter(
        call.query.get("filter", ""), texts=_RECORD_TEXTS, times=_TIMES, caseless={"space.meetingCode"}
    )
    running_only = any(each.field == "end" and each.operator == "null" for each in conditions)
    asked_names = [str(each.value) for each in conditions if each.field == "space.name"]
    world = call.world
    latest = world.now() - world.behaviour.list_lag_seconds
    found: list[tuple[Key, Conference]] = []
    for space in world.owned.get(call.caller, []):
        if not call.has(READONLY) and not call.ours(space):
            continue
        if running_only and space.active is None:
            continue
        name = _names(call, space, asked_names) if asked_names else space.name
        for record in [space.active] if running_only and space.active else space.records:
            values = {
                "space.name": name,
                "space.meetingCode": space.code,
                "start": moment(world, record.start),
                "end": moment(world, record.end),
            }
            if record.start <= latest and is_so(conditions, values):
                found.append(((-record.start, record.id), record))
    found.sort(key=lambda pair: pair[0])
    part, following = one_page(
        call, [key for key, _ in found], [each for _, each in found], default=25, maximum=100
    )
    return listed("conferenceRecords", [record_as_json(world, each) for each in part], following)


def get_record(call: Call) -> JSON:
    """conferenceRecords.get."""
    return record_as_json(call.world, readable_record(call))


def participant_as_json(world: World, record: Conference, each: Participant) -> JSON:
    """A participant; a room's device is a signed-in user with the device's name. Without an e-mail.

    ``unknown:field`` is a kind that Google has added since: a field of that name.
    """
    answer: JSON = {
        "name": f"{record.name}/participants/{each.id}",
        "earliestStartTime": world.shown(each.joined),
    }
    if each.left is not None:
        answer["latestEndTime"] = world.shown(each.left)
    if each.kind == "phone":
        answer["phoneUser"] = {"displayName": each.display_name}
    elif each.kind.startswith("unknown:"):
        answer[each.kind.removeprefix("unknown:")] = {"displayName": each.display_name}
    elif each.user is None:
        answer["anonymousUser"] = {"displayName": each.display_name}
    else:
        answer["signedinUser"] = {"user": each.user, "displayName": each.display_name}
    return answer


def list_participants(call: Call) -> JSON:
    """participants.list: newest first; ``totalSize`` only if the selection of fields asks for it."""
    conditions = parse_filter(call.query.get("filter", ""), texts={}, times=_PARTICIPANT_TIMES)
    record = readable_record(call)
    world = call.world
    found = [
        each
        for each in record.participants
        if is_so(conditions, {"start": moment(world, each.joined), "end": moment(world, each.left)})
    ]
    found.sort(key=lambda each: (-each.joined, each.id))
    keys: list[Key] = [(-each.joined, each.id) for each in found]
    part, following = one_page(call, keys, found, default=100, maximum=250)
    answer = listed("participants", [participant_as_json(world, record, each) for each in part], following)
    if call.fields and found:
        answer["totalSize"] = len(found)
    return answer


def _participant(call: Call) -> tuple[Conference, Participant]:
    record = readable_record(call)
    for each in record.participants:
        if each.id == call.path["participant"]:
            return record, each
    raise missing()


def get_participant(call: Call) -> JSON:
    """participants.get."""
    record, each = _participant(call)
    return participant_as_json(call.world, record, each)


def _session_as_json(world: World, record: Conference, each: Participant, number: int) -> JSON:
    start, end = each.sessions[number]
    answer: JSON = {"name": session_name(record, each, number), "startTime": world.shown(start or 0)}
    if end is not None:
        answer["endTime"] = world.shown(end)
    return answer


def list_sessions(call: Call) -> JSON:
    """participantSessions.list: each stay of a participant, newest first."""
    conditions = parse_filter(call.query.get("filter", ""), texts={}, times=_TIMES)
    record, each = _participant(call)
    world = call.world
    numbers = [
        number
        for number, (start, end) in enumerate(each.sessions)
        if is_so(conditions, {"start": moment(world, start), "end": moment(world, end)})
    ]
    numbers.reverse()
    part, following = one_page(call, [(-number,) for number in numbers], numbers, default=100, maximum=250)
    sessions = [_session_as_json(world, record, each, number) for number in part]
    return listed("participantSessions", sessions, following)


def get_session(call: Call) -> JSON:
    """participantSessions.get."""
    record, each = _participant(call)
    number = call.path["session"]
    if not number.isascii() or not number.isdecimal() or len(number) > 9:
        raise missing()
    if not 1 <= int(number) <= len(each.sessions):
        raise missing()
    return _session_as_json(call.world, record, each, int(number) - 1)


_SERVICE = "ConferenceRecordsService."
_RECORDS = "/v2/conferenceRecords"
_PARTICIPANTS = _RECORDS + "/{record}/participants"
_SESSIONS = _PARTICIPANTS + "/{participant}/participantSessions"
_LIST = ("filter", *PAGE)
METHODS = [
    method(
        "GET", _RECORDS, "conferenceRecords.list", _SERVICE + "ListConferenceRecords", READ, list_records,
        page_of("conferenceRecords", RECORD), parameters=_LIST,
    ),
    method(
        "GET", _RECORDS + "/{record}", "conferenceRecords.get", _SERVICE + "GetConferenceRecord", READ, get_record,
        RECORD,
    ),
    method(
        "GET", _PARTICIPANTS, "conferenceRecords.participants.list", _SERVICE + "ListParticipants", READ,
        list_participants, page_of("participants", PARTICIPANT, totalSize=LEAF), parameters=_LIST,
    ),
    method(
        "GET", _PARTICIPANTS + "/{participant}", "conferenceRecords.participants.get", _SERVICE + "GetParticipant",
        READ, get_participant, PARTICIPANT,
    ),
    method(
        "GET", _SESSIONS, "conferenceRecords.participants.participantSessions.list",
        _SERVICE + "ListParticipantSessions", READ, list_sessions, page_of("participantSessions", SESSION),
        parameters=_LIST,
    ),
    method(
        "GET", _SESSIONS + "/{session}", "conferenceRecords.participants.participantSessions.get",
        _SERVICE + "GetParticipantSession", READ, get_session, SESSION,
    ),
]  # fmt: skip
