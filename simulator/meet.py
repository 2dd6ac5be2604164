"""Meet v2: every method, with Google's names, roles, scopes, masks, filters and pages.

Meet REST reference v2. A handler takes a Call and returns the JSON of the reply, or raises ApiError.
"""

import base64
import hashlib
import json
import re
from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from simulator import errors, masks
from simulator.config import config_as_json, leaves_of_mask, read_member, read_space, settled
from simulator.errors import ApiError
from simulator.filters import Condition, parse_filter
from simulator.identity import CREATED, READONLY, SETTINGS, Token
from simulator.world import (
    DEFAULT_CONFIG,
    RECORD_LIFE,
    Conference,
    Participant,
    Space,
    World,
    number_of,
    token_of,
)

JSON = dict[str, Any]
_LEAF: masks.Tree = {}

SPACE: masks.Tree = {
    "name": _LEAF,
    "meetingUri": _LEAF,
    "meetingCode": _LEAF,
    "config": {
        "accessType": _LEAF,
        "entryPointAccess": _LEAF,
        "moderation": _LEAF,
        "moderationRestrictions": {
            "chatRestriction": _LEAF,
            "reactionRestriction": _LEAF,
            "presentRestriction": _LEAF,
            "defaultJoinAsViewerType": _LEAF,
        },
        "attendanceReportGenerationType": _LEAF,
        "artifactConfig": {
            "recordingConfig": {"autoRecordingGeneration": _LEAF},
            "transcriptionConfig": {"autoTranscriptionGeneration": _LEAF},
            "smartNotesConfig": {"autoSmartNotesGeneration": _LEAF},
        },
    },
    "activeConference": {"conferenceRecord": _LEAF},
    "phoneAccess": {"phoneNumber": _LEAF, "pin": _LEAF, "regionCode": _LEAF, "languageCode": _LEAF},
    "gatewaySipAccess": {"uri": _LEAF, "sipAccessCode": _LEAF},
}
MEMBER: masks.Tree = {"name": _LEAF, "email": _LEAF, "role": _LEAF, "user": _LEAF}
RECORD: masks.Tree = {
    "name": _LEAF,
    "startTime": _LEAF,
    "endTime": _LEAF,
    "expireTime": _LEAF,
    "space": _LEAF,
}
PARTICIPANT: masks.Tree = {
    "name": _LEAF,
    "earliestStartTime": _LEAF,
    "latestEndTime": _LEAF,
    "signedinUser": {"user": _LEAF, "displayName": _LEAF},
    "anonymousUser": {"displayName": _LEAF},
    "phoneUser": {"displayName": _LEAF},
}
SESSION: masks.Tree = {"name": _LEAF, "startTime": _LEAF, "endTime": _LEAF}
ARTIFACT: masks.Tree = {
    "name": _LEAF,
    "state": _LEAF,
    "startTime": _LEAF,
    "endTime": _LEAF,
    "driveDestination": {"file": _LEAF, "exportUri": _LEAF},
    "docsDestination": {"document": _LEAF, "exportUri": _LEAF},
}
ENTRY: masks.Tree = {
    "name": _LEAF,
    "participant": _LEAF,
    "text": _LEAF,
    "languageCode": _LEAF,
    "startTime": _LEAF,
    "endTime": _LEAF,
}


def _page_of(key: str, item: masks.Tree, **more: masks.Tree) -> masks.Tree:
    return {key: item, "nextPageToken": _LEAF, **more}


@dataclass(frozen=True, slots=True)
class Call:
    """One request to Meet, by somebody with a good token."""

    world: World
    token: Token
    path: Mapping[str, str]
    query: Mapping[str, str]
    body: Any
    fields: str | None
    enum_numbers: bool

    @property
    def caller(self) -> str:
        """The address of the user in whose name the request comes; empty for a service account without one."""
        return self.token.email or ""

    def has(self, *scopes: str) -> bool:
        """Whether the token carries one of these scopes."""
        return not self.token.scopes.isdisjoint(scopes)

    def ours(self, space: Space) -> bool:
        """Whether the space was created by the app that calls."""
        return space.project == self.token.project


@dataclass(frozen=True, slots=True)
class Method:
    """A method of the API: where it answers, what it is called, which scopes open it, what its reply holds."""

    verb: str
    path: re.Pattern[str]
    name: str
    rpc: str
    scopes: tuple[str, ...]
    handler: Callable[[Call], JSON]
    reply: masks.Tree


# -- spaces ----------------------------------------------------------------------------------------------------------


def _phone(space: Space) -> list[JSON]:
    return [
        {
            "phoneNumber": "+493055500100",
            "pin": number_of("pin-de", space.id, digits=13, lead="7"),
            "regionCode": "DE",
            "languageCode": "de-DE",
        },
        {
            "phoneNumber": "+16505550100",
            "pin": number_of("pin-us", space.id, digits=11, lead="1"),
            "regionCode": "US",
            "languageCode": "en-US",
        },
    ]


def _takes_part(space: Space, caller: str) -> bool:
    """In the running call, or a member: that is how we read "participant" (unconfirmed for the live service)."""
    if not caller:
        return False
    if caller in (member["email"] for member in space.members.values()):
        return True
    return space.active is not None and any(
        each.email == caller and each.left is None for each in space.active.participants
    )


def space_as_json(call: Call, space: Space) -> JSON:
    """What this caller may see of a space (Meet REST guide: Manage meeting spaces)."""
    answer: JSON = {
        "name": space.name,
        "meetingUri": f"https://meet.google.com/{space.code}",
        "meetingCode": space.code,
    }
    owner = call.caller == space.owner
    if owner:
        answer["config"] = config_as_json(space.config, numbers=call.enum_numbers)
    if space.active is not None and (owner or _takes_part(space, call.caller)):
        answer["activeConference"] = {"conferenceRecord": space.active.name}
    if owner:
        answer["phoneAccess"] = _phone(space)
    return answer


def _own_space(call: Call, *, elsewhere_too: bool = False, resource: str = "Space") -> Space:
    """The space of a request that only its owner may make, by id alone: a meeting code is refused like a stranger.

    ``elsewhere_too``: whether spaces of other apps are within reach (the .settings and .readonly scopes).
    """
    space = call.world.find_space(call.path["space"], by_code=False)
    if space is None or not call.caller or space.owner != call.caller:
        raise ApiError(403, f"Permission denied on resource {resource} (or it might not exist)")
    if not call.ours(space) and not elsewhere_too:
        raise ApiError(403, f"Permission denied on resource {resource} (or it might not exist)")
    return space


def create_space(call: Call) -> JSON:
    """spaces.create: the caller becomes the owner, the app the creator."""
    asked = read_space(call.body)
    if not call.caller:
        raise errors.denied("Space")
    config = settled({**DEFAULT_CONFIG, **asked})
    space = call.world.add_space(owner=call.caller, project=call.token.project, config=config)
    return space_as_json(call, space)


def get_space(call: Call) -> JSON:
    """spaces.get: the only method that takes a meeting code as well as an id."""
    only_own_app = not call.has(READONLY, SETTINGS)
    refusal = errors.denied("MeetingSpace" if only_own_app else "Space")
    space = call.world.find_space(call.path["space"])
    if space is None or not call.caller:
        raise refusal
    if only_own_app and not call.ours(space):
        raise refusal
    return space_as_json(call, space)


def patch_space(call: Call) -> JSON:
    """spaces.patch: leaves named by the mask; absent from the body means back to the default."""
    asked = read_space(call.body)
    mask = call.query.get("updateMask", call.query.get("update_mask", ""))
    leaves = leaves_of_mask(mask) if mask.strip() else list(asked)
    space = _own_space(call, elsewhere_too=call.has(SETTINGS))
    config = dict(space.config)
    for leaf in leaves:
        config[leaf] = asked.get(leaf, DEFAULT_CONFIG[leaf])
    space.config = settled(config)
    call.world.version += 1
    return space_as_json(call, space)


def end_active_conference(call: Call) -> JSON:
    """spaces.endActiveConference: everybody out; an idle space is a failed precondition."""
    if isinstance(call.body, dict):
        for name in call.body:
            raise errors.unknown_name(name, "")
    space = _own_space(call)
    if space.active is None or space.lingers_until is not None:
        raise errors.nothing_to_end()
    call.world.end_by_request(space)
    return {}


# -- members ---------------------------------------------------------------------------------------------------------


def _member_space(call: Call, *, write: bool) -> Space:
    return _own_space(call, elsewhere_too=not write and call.has(READONLY), resource="Member")


def _member_as_json(space: Space, identifier: str) -> JSON:
    return {"name": f"{space.name}/members/{identifier}", **space.members[identifier]}


def list_members(call: Call) -> JSON:
    """spaces.members.list."""
    space = _member_space(call, write=False)
    found = sorted(space.members)
    part, following = _slice(call, [(key,) for key in found], found, default=250, maximum=500)
    return _listed("members", [_member_as_json(space, key) for key in part], following)


def get_member(call: Call) -> JSON:
    """spaces.members.get."""
    space = _member_space(call, write=False)
    return _member_as_json(space, _member_id(space, call.path["member"]))


def _member_id(space: Space, identifier: str) -> str:
    if identifier not in space.members:
        raise ApiError(404)
    return identifier


def create_member(call: Call) -> JSON:
    """spaces.members.create: by e-mail, role COHOST or none."""
    asked = read_member(call.body, "member")
    email = asked.get("email", "").strip().lower()
    if "@" not in email:
        raise errors.invalid("member.email", "A member needs an e-mail address.")
    space = _member_space(call, write=True)
    if any(member["email"] == email for member in space.members.values()):
        raise ApiError(409)
    identifier = token_of("member", space.id, email, length=24)
    space.members[identifier] = {"email": email}
    if asked.get("role"):
        space.members[identifier]["role"] = asked["role"]
    call.world.version += 1
    return _member_as_json(space, identifier)


def _change_member(space: Space, identifier: str, asked: dict[str, str], mask: str) -> None:
    for name in mask.split(","):
        if masks.camel(name.strip()) not in ("role", "*", ""):
            raise errors.invalid("update_mask", f"Invalid path: {name}")
    if asked.get("role"):
        space.members[identifier]["role"] = asked["role"]
    else:
        space.members[identifier].pop("role", None)


def patch_member(call: Call) -> JSON:
    """spaces.members.patch: only the role can change."""
    asked = read_member(call.body, "member")
    space = _member_space(call, write=True)
    identifier = _member_id(space, call.path["member"])
    _change_member(space, identifier, asked, call.query.get("updateMask", ""))
    call.world.version += 1
    return _member_as_json(space, identifier)


def delete_member(call: Call) -> JSON:
    """spaces.members.delete."""
    space = _member_space(call, write=True)
    del space.members[_member_id(space, call.path["member"])]
    call.world.version += 1
    return {}


def batch_update_members(call: Call) -> JSON:
    """spaces.members.batchUpdate: all or nothing, at most 500."""
    body = call.body if isinstance(call.body, dict) else {}
    for name in body:
        if masks.camel(name) not in ("requests", "updateMask"):
            raise errors.unknown_name(name, "")
    requests = body.get("requests", [])
    mask = str(body.get("updateMask", body.get("update_mask", "")))
    if not isinstance(requests, list) or len(requests) > 500:
        raise errors.invalid("requests", "At most 500 requests.")
    space = _member_space(call, write=True)
    changes = []
    for request in requests:
        if not isinstance(request, dict) or not isinstance(request.get("member"), dict):
            raise errors.invalid("requests", "Each request needs a member.")
        child = str(request.get("updateMask", ""))
        if child and child != mask:
            raise errors.invalid("requests.update_mask", "Must be the same as the mask of the batch.")
        prefix = f"{space.name}/members/"
        name = str(request["member"].get("name", ""))
        if not name.startswith(prefix):
            raise errors.invalid("requests.member.name", "Must be a member of the parent.")
        changes.append(
            (
                _member_id(space, name.removeprefix(prefix)),
                read_member(request["member"], "requests.member"),
            )
        )
    for identifier, asked in changes:
        _change_member(space, identifier, asked, mask)
    call.world.version += 1
    return _listed("members", [_member_as_json(space, identifier) for identifier, _ in changes], "")


# -- pages -----------------------------------------------------------------------------------------------------------


def _size(call: Call, default: int, maximum: int) -> int:
    text = call.query.get("pageSize", call.query.get("page_size", "")) or "0"
    try:
        size = int(text)
    except ValueError:
        raise errors.invalid("page_size", f"Not a number: {text}") from None
    if size < 0:
        raise errors.invalid("page_size", "Must not be negative.")
    return min(size or default, maximum)


def _signature(call: Call) -> str:
    text = json.dumps([sorted(call.path.items()), call.query.get("filter", ""), call.caller])
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _slice(
    call: Call, keys: list[tuple[float | str, ...]], items: list[Any], *, default: int, maximum: int
) -> tuple[list[Any], str]:
    """One page of ``items``, which are sorted by ``keys``, and the token of the next page.

    The token remembers the last key, not a position: what begins meanwhile neither repeats nor hides a row.
    """
    size = _size(call, default, maximum)
    start = 0
    text = call.query.get("pageToken", call.query.get("page_token", ""))
    if text:
        try:
            signature, *last = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
            if signature != _signature(call):
                raise ValueError("another list")
            start = bisect_right(keys, tuple(last))
        except (ValueError, TypeError):
            raise errors.invalid("page_token", "Invalid page token.") from None
    part = items[start : start + size]
    following = ""
    if start + size < len(items):
        raw = json.dumps([_signature(call), *keys[start + size - 1]]).encode()
        following = base64.urlsafe_b64encode(raw).decode().rstrip("=")
    return part, following


def _listed(key: str, items: list[JSON], following: str) -> JSON:
    answer: JSON = {}
    if items:
        answer[key] = items
    if following:
        answer["nextPageToken"] = following
    return answer


# -- conference records ----------------------------------------------------------------------------------------------

_RECORD_TEXTS = {
    name: name.split(".")[0] + "." + masks.camel(name.split(".")[1])
    for name in ("space.name", "space.meeting_code", "space.meetingCode")
}
_RECORD_TIMES = {"start_time": "start", "startTime": "start", "end_time": "end", "endTime": "end"}
_PARTICIPANT_TIMES = {
    "earliest_start_time": "start",
    "earliestStartTime": "start",
    "latest_end_time": "end",
    "latestEndTime": "end",
}


def record_as_json(world: World, record: Conference) -> JSON:
    """A conference record; without endTime while the call is on."""
    answer: JSON = {"name": record.name, "startTime": world.shown(record.start)}
    if record.end is not None:
        answer["endTime"] = world.shown(record.end)
        answer["expireTime"] = world.shown(record.end + RECORD_LIFE)
    answer["space"] = f"spaces/{record.space}"
    return answer


def _moment(world: World, moment: float | None) -> float | None:
    """A moment as it is shown (to the microsecond), so that a filter on a shown value finds it."""
    return None if moment is None else round(moment - world.offset, 6)


def _is_so(conditions: list[Condition], values: Mapping[str, str | float | None]) -> bool:
    return all(each.holds(values[each.field]) for each in conditions)


def list_records(call: Call) -> JSON:
    """conferenceRecords.list: calls of spaces that the caller owns, newest first."""
    conditions = parse_filter(call.query.get("filter", ""), texts=_RECORD_TEXTS, times=_RECORD_TIMES)
    running_only = any(each.field == "end" and each.operator == "null" for each in conditions)
    world = call.world
    found: list[tuple[tuple[float | str, ...], Conference]] = []
    for space in world.owned.get(call.caller, []):
        if not call.has(READONLY) and not call.ours(space):
            continue
        if running_only and space.active is None:
            continue
        for record in [space.active] if running_only and space.active else space.records:
            values = {
                "space.name": space.name,
                "space.meetingCode": space.code,
                "start": _moment(world, record.start),
                "end": _moment(world, record.end),
            }
            if _is_so(conditions, values):
                found.append(((-record.start, record.id), record))
    found.sort(key=lambda pair: pair[0])
    part, following = _slice(
        call, [key for key, _ in found], [each for _, each in found], default=25, maximum=100
    )
    return _listed("conferenceRecords", [record_as_json(world, each) for each in part], following)


def _record(call: Call) -> Conference:
    """The record of a request, for its space's owner and for those who were in the call."""
    record = call.world.conferences.get(call.path["record"])
    refusal = errors.denied("ConferenceRecord")
    if record is None or not call.caller:
        raise refusal
    space = call.world.spaces[record.space]
    if not call.has(READONLY) and not call.ours(space):
        raise refusal
    if space.owner != call.caller and all(each.email != call.caller for each in record.participants):
        raise refusal
    return record


def get_record(call: Call) -> JSON:
    """conferenceRecords.get."""
    return record_as_json(call.world, _record(call))


def participant_as_json(world: World, record: Conference, each: Participant) -> JSON:
    """A participant; a room's device is a signed-in user with the device's name. No e-mail is told."""
    answer: JSON = {
        "name": f"{record.name}/participants/{each.id}",
        "earliestStartTime": world.shown(each.joined),
    }
    if each.left is not None:
        answer["latestEndTime"] = world.shown(each.left)
    if each.kind == "phone":
        answer["phoneUser"] = {"displayName": each.display_name}
    elif each.kind == "guest":
        answer["anonymousUser"] = {"displayName": each.display_name}
    else:
        answer["signedinUser"] = {"user": each.user, "displayName": each.display_name}
    return answer


def list_participants(call: Call) -> JSON:
    """participants.list: newest first; ``totalSize`` only if the selection of fields asks for it."""
    conditions = parse_filter(call.query.get("filter", ""), texts={}, times=_PARTICIPANT_TIMES)
    record = _record(call)
    world = call.world
    found = [
        each
        for each in record.participants
        if _is_so(conditions, {"start": _moment(world, each.joined), "end": _moment(world, each.left)})
    ]
    found.sort(key=lambda each: (-each.joined, each.id))
    keys: list[tuple[float | str, ...]] = [(-each.joined, each.id) for each in found]
    part, following = _slice(call, keys, found, default=100, maximum=250)
    answer = _listed("participants", [participant_as_json(world, record, each) for each in part], following)
    if call.fields and found:
        answer["totalSize"] = len(found)
    return answer


def _participant(call: Call) -> tuple[Conference, Participant]:
    record = _record(call)
    for each in record.participants:
        if each.id == call.path["participant"]:
            return record, each
    raise ApiError(404)


def get_participant(call: Call) -> JSON:
    """participants.get."""
    record, each = _participant(call)
    return participant_as_json(call.world, record, each)


def _session_as_json(world: World, record: Conference, each: Participant, number: int) -> JSON:
    start, end = each.sessions[number]
    answer: JSON = {
        "name": f"{record.name}/participants/{each.id}/participantSessions/{number + 1}",
        "startTime": world.shown(start or 0),
    }
    if end is not None:
        answer["endTime"] = world.shown(end)
    return answer


def list_sessions(call: Call) -> JSON:
    """participantSessions.list: each stay of a participant, newest first."""
    times = {"start_time": "start", "startTime": "start", "end_time": "end", "endTime": "end"}
    conditions = parse_filter(call.query.get("filter", ""), texts={}, times=times)
    record, each = _participant(call)
    world = call.world
    numbers = [
        number
        for number, (start, end) in enumerate(each.sessions)
        if _is_so(conditions, {"start": _moment(world, start), "end": _moment(world, end)})
    ]
    numbers.reverse()
    part, following = _slice(call, [(-number,) for number in numbers], numbers, default=100, maximum=250)
    sessions = [_session_as_json(world, record, each, number) for number in part]
    return _listed("participantSessions", sessions, following)


def get_session(call: Call) -> JSON:
    """participantSessions.get."""
    record, each = _participant(call)
    number = call.path["session"]
    if not number.isdecimal() or not 1 <= int(number) <= len(each.sessions):
        raise ApiError(404)
    return _session_as_json(call.world, record, each, int(number) - 1)


def list_nothing(call: Call) -> JSON:
    """Recordings, transcripts and notes: nobody makes any here, so every list is empty."""
    _record(call)
    _size(call, 10, 100)
    return {}


def get_nothing(call: Call) -> JSON:
    """A recording, transcript or note that does not exist."""
    _record(call)
    raise ApiError(404)


# -- the table -------------------------------------------------------------------------------------------------------


def _method(
    verb: str,
    path: str,
    name: str,
    rpc: str,
    scopes: tuple[str, ...],
    handler: Callable[[Call], JSON],
    reply: masks.Tree,
) -> Method:
    pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/:]+)", path)
    return Method(verb, re.compile(pattern), name, f"google.apps.meet.v2.{rpc}", scopes, handler, reply)


_SPACES = "SpacesService."
_RECORDS = "ConferenceRecordsService."
_READ = (CREATED, READONLY)
_IN_RECORD = "/v2/conferenceRecords/{record}"
_IN_PARTICIPANT = _IN_RECORD + "/participants/{participant}"


def _artifacts(folder: str, one: str, many: str) -> list[Method]:
    return [
        _method(
            "GET", f"{_IN_RECORD}/{folder}", f"conferenceRecords.{folder}.list", f"{_RECORDS}List{many}",
            _READ, list_nothing, _page_of(folder, ARTIFACT),
        ),
        _method(
            "GET", f"{_IN_RECORD}/{folder}/{{artifact}}", f"conferenceRecords.{folder}.get", f"{_RECORDS}Get{one}",
            _READ, get_nothing, ARTIFACT,
        ),
    ]  # fmt: skip


METHODS: list[Method] = [
    _method("POST", "/v2/spaces", "spaces.create", _SPACES + "CreateSpace", (CREATED,), create_space, SPACE),
    _method(
        "GET", "/v2/spaces/{space}", "spaces.get", _SPACES + "GetSpace", (CREATED, READONLY, SETTINGS), get_space,
        SPACE,
    ),
    _method(
        "PATCH", "/v2/spaces/{space}", "spaces.patch", _SPACES + "UpdateSpace", (CREATED, SETTINGS), patch_space,
        SPACE,
    ),
    _method(
        "POST", "/v2/spaces/{space}:endActiveConference", "spaces.endActiveConference",
        _SPACES + "EndActiveConference", (CREATED,), end_active_conference, {},
    ),
    _method(
        "GET", "/v2/spaces/{space}/members", "spaces.members.list", _SPACES + "ListMembers", _READ, list_members,
        _page_of("members", MEMBER),
    ),
    _method(
        "POST", "/v2/spaces/{space}/members", "spaces.members.create", _SPACES + "CreateMember", (CREATED,),
        create_member, MEMBER,
    ),
    _method(
        "POST", "/v2/spaces/{space}/members:batchUpdate", "spaces.members.batchUpdate",
        _SPACES + "BatchUpdateMembers", (CREATED,), batch_update_members, {"members": MEMBER},
    ),
    _method(
        "GET", "/v2/spaces/{space}/members/{member}", "spaces.members.get", _SPACES + "GetMember", _READ,
        get_member, MEMBER,
    ),
    _method(
        "PATCH", "/v2/spaces/{space}/members/{member}", "spaces.members.patch", _SPACES + "UpdateMember", (CREATED,),
        patch_member, MEMBER,
    ),
    _method(
        "DELETE", "/v2/spaces/{space}/members/{member}", "spaces.members.delete", _SPACES + "DeleteMember",
        (CREATED,), delete_member, {},
    ),
    _method(
        "GET", "/v2/conferenceRecords", "conferenceRecords.list", _RECORDS + "ListConferenceRecords", _READ,
        list_records, _page_of("conferenceRecords", RECORD),
    ),
    _method(
        "GET", _IN_RECORD, "conferenceRecords.get", _RECORDS + "GetConferenceRecord", _READ, get_record, RECORD
    ),
    _method(
        "GET", _IN_RECORD + "/participants", "conferenceRecords.participants.list", _RECORDS + "ListParticipants",
        _READ, list_participants, _page_of("participants", PARTICIPANT, totalSize=_LEAF),
    ),
    _method(
        "GET", _IN_PARTICIPANT, "conferenceRecords.participants.get", _RECORDS + "GetParticipant", _READ,
        get_participant, PARTICIPANT,
    ),
    _method(
        "GET", _IN_PARTICIPANT + "/participantSessions", "conferenceRecords.participants.participantSessions.list",
        _RECORDS + "ListParticipantSessions", _READ, list_sessions, _page_of("participantSessions", SESSION),
    ),
    _method(
        "GET", _IN_PARTICIPANT + "/participantSessions/{session}",
        "conferenceRecords.participants.participantSessions.get", _RECORDS + "GetParticipantSession", _READ,
        get_session, SESSION,
    ),
    *_artifacts("recordings", "Recording", "Recordings"),
    *_artifacts("transcripts", "Transcript", "Transcripts"),
    *_artifacts("smartNotes", "SmartNote", "SmartNotes"),
    _method(
        "GET", _IN_RECORD + "/transcripts/{artifact}/entries", "conferenceRecords.transcripts.entries.list",
        _RECORDS + "ListTranscriptEntries", _READ, get_nothing, _page_of("transcriptEntries", ENTRY),
    ),
    _method(
        "GET", _IN_RECORD + "/transcripts/{artifact}/entries/{entry}", "conferenceRecords.transcripts.entries.get",
        _RECORDS + "GetTranscriptEntry", _READ, get_nothing, ENTRY,
    ),
]  # fmt: skip


def find_method(verb: str, raw_path: str) -> tuple[Method, dict[str, str]]:
    """The method for an undecoded path, with its path variables; raises ApiError 404.

    An escaped slash is not a slash: Google answers 404 to it.
    """
    if "%2f" not in raw_path.lower():
        path = unquote(raw_path)
        for method in METHODS:
            if method.verb == verb and (match := method.path.fullmatch(path)):
                return method, match.groupdict()
    raise errors.unknown_method()


def answer(method: Method, call: Call) -> JSON:
    """Run a method and keep of its reply what the caller asked for."""
    tree = masks.parse_fields(call.fields, method.reply) if call.fields else None
    reply = method.handler(call)
    if tree is None:
        return reply
    chosen: JSON = masks.select(reply, tree)
    return chosen
