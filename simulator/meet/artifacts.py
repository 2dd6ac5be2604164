"""Meet v2, conferenceRecords: recordings, transcripts with their entries, smartNotes.

Meet REST guide: Work with artifacts. Lists hold 10 rows unless asked, 100 at most, the oldest first.
"""

from itertools import islice

from simulator import errors, masks
from simulator.config import number_of_name
from simulator.entities import Conference
from simulator.leftovers import STATES, Artifact, Entry, artifacts_of, entries_of, entry_of
from simulator.meet.shared import (
    JSON,
    LEAF,
    PAGE,
    READ,
    Call,
    Method,
    last_key,
    listed,
    method,
    missing,
    one_page,
    page_of,
    page_size,
    readable_record,
    token_after,
)

_DEFAULT, _MOST = 10, 100
_COMMON: masks.Tree = {"name": LEAF, "state": LEAF, "startTime": LEAF, "endTime": LEAF}
RECORDING: masks.Tree = {**_COMMON, "driveDestination": {"file": LEAF, "exportUri": LEAF}}
DOCUMENT: masks.Tree = {**_COMMON, "docsDestination": {"document": LEAF, "exportUri": LEAF}}
ENTRY: masks.Tree = {
    "name": LEAF,
    "participant": LEAF,
    "text": LEAF,
    "languageCode": LEAF,
    "startTime": LEAF,
    "endTime": LEAF,
}


def _as_json(call: Call, artifact: Artifact) -> JSON:
    state = artifact.state(call.world.now())
    answer: JSON = {
        "name": artifact.name,
        "state": number_of_name(STATES, state) if call.enum_numbers else state,
        "startTime": call.world.shown(artifact.start),
    }
    if artifact.end is not None:
        answer["endTime"] = call.world.shown(artifact.end)
    if state == "FILE_GENERATED":
        if artifact.kind == "recordings":
            link = f"https://drive.google.com/file/d/{artifact.file}/view"
            answer["driveDestination"] = {"file": artifact.file, "exportUri": link}
        else:
            link = f"https://docs.google.com/document/d/{artifact.file}/view"
            answer["docsDestination"] = {"document": artifact.file, "exportUri": link}
    return answer


def _kind(call: Call) -> str:
    return call.path["kind"]


def list_artifacts(call: Call) -> JSON:
    """recordings.list, transcripts.list, smartNotes.list."""
    record = readable_record(call)
    found = artifacts_of(call.world, record, _kind(call))
    keys: list[tuple[float | str, ...]] = [(each.start, each.name) for each in found]
    part, following = one_page(call, keys, found, default=_DEFAULT, maximum=_MOST)
    return listed(_kind(call), [_as_json(call, each) for each in part], following)


def _artifact(call: Call, kind: str) -> tuple[Conference, Artifact]:
    record = readable_record(call)
    for each in artifacts_of(call.world, record, kind):
        if each.name.rpartition("/")[2] == call.path["artifact"]:
            return record, each
    raise missing()


def get_artifact(call: Call) -> JSON:
    """recordings.get, transcripts.get, smartNotes.get."""
    return _as_json(call, _artifact(call, _kind(call))[1])


def _entry_as_json(call: Call, record: Conference, transcript: Artifact, entry: Entry) -> JSON:
    return {
        "name": f"{transcript.name}/entries/{entry.number + 1}",
        "participant": f"{record.name}/participants/{entry.speaker.id}",
        "text": entry.text,
        "languageCode": "en-US",
        "startTime": call.world.shown(entry.start),
        "endTime": call.world.shown(entry.end),
    }


def list_entries(call: Call) -> JSON:
    """transcripts.entries.list. The next page is looked for only as far as it takes to know that there is one."""
    record, transcript = _artifact(call, "transcripts")
    size = page_size(call, _DEFAULT, _MOST)
    last = last_key(call)
    if last is not None and (len(last) != 1 or not isinstance(last[0], int)):
        raise errors.invalid("page_token", "Invalid page token.")
    after = last[0] if last else -1
    found = list(islice(entries_of(call.world, record, transcript, after=after), size + 1))
    part = found[:size]
    following = token_after(call, (part[-1].number,)) if len(found) > size else ""
    return listed(
        "transcriptEntries", [_entry_as_json(call, record, transcript, each) for each in part], following
    )


def get_entry(call: Call) -> JSON:
    """transcripts.entries.get."""
    record, transcript = _artifact(call, "transcripts")
    number = call.path["entry"]
    if not number.isascii() or not number.isdecimal() or len(number) > 9 or int(number) < 1:
        raise missing()
    entry = entry_of(call.world, record, transcript, int(number) - 1)
    if entry is None:
        raise missing()
    return _entry_as_json(call, record, transcript, entry)


_SERVICE = "ConferenceRecordsService."
_IN_RECORD = "/v2/conferenceRecords/{record}"
_ENTRIES = _IN_RECORD + "/transcripts/{artifact}/entries"


def _both(kind: str, one: str, many: str, shape: masks.Tree) -> list[Method]:
    # The kind is a variable of the path that matches itself alone.
    folder = f"{_IN_RECORD}/(?P<kind>{kind})"
    name = f"conferenceRecords.{kind}"
    return [
        method(
            "GET", folder, f"{name}.list", f"{_SERVICE}List{many}", READ, list_artifacts, page_of(kind, shape),
            parameters=PAGE,
        ),
        method("GET", folder + "/{artifact}", f"{name}.get", f"{_SERVICE}Get{one}", READ, get_artifact, shape),
    ]  # fmt: skip


METHODS = [
    *_both("recordings", "Recording", "Recordings", RECORDING),
    *_both("transcripts", "Transcript", "Transcripts", DOCUMENT),
    *_both("smartNotes", "SmartNote", "SmartNotes", DOCUMENT),
    method(
        "GET", _ENTRIES, "conferenceRecords.transcripts.entries.list", _SERVICE + "ListTranscriptEntries", READ,
        list_entries, page_of("transcriptEntries", ENTRY), parameters=PAGE,
    ),
    method(
        "GET", _ENTRIES + "/{entry}", "conferenceRecords.transcripts.entries.get", _SERVICE + "GetTranscriptEntry",
        READ, get_entry, ENTRY,
    ),
]  # fmt: skip
