"""Recordings, transcripts, entries, notes; and the life and death of meeting codes."""

from typing import Any

import pytest

from simulator.entities import Conference, Space
from simulator.leftovers import HABITS, KINDS, artifacts_of
from tests.support.inside import Inside

OWNER = "rooms-ber@example.com"
DAY = 86400.0
ALL_ON = {
    "artifactConfig": {
        "recordingConfig": {"autoRecordingGeneration": "ON"},
        "transcriptionConfig": {"autoTranscriptionGeneration": "ON"},
        "smartNotesConfig": {"autoSmartNotesGeneration": "ON"},
    }
}


class Room:
    """A space of the Berlin mailbox and what happens in it."""

    def __init__(self, config: dict[str, Any] | None = None) -> None:
        self.google = Inside()
        self.name = self.ask("POST", "spaces", {"config": config or {}})[1]["name"]
        self.world = self.google.world
        self.space: Space = self.world.spaces[self.name.removeprefix("spaces/")]

    def ask(
        self, verb: str, path: str, body: object = None, *, who: str = OWNER
    ) -> tuple[int, dict[str, Any]]:
        """A request to Meet."""
        return self.google.call(verb, f"/v2/{path}", body, token=self.google.token(who))

    def meet(self, *people: str, seconds: float = 0) -> Conference:
        """People meet; with ``seconds`` the call is over after them."""
        call = self.world.start_call(self.space, origin="control", at=self.world.now())
        for each in people:
            self.world.join_person(call, self.world.people[each], at=self.world.now())
        if seconds:
            self.google.live(seconds)
            self.world.end_call(call, at=self.world.now())
        return call


@pytest.mark.parametrize("kind", KINDS)
def test_an_artifact_is_started_then_ended_then_a_file(kind):
    room = Room(ALL_ON)
    call = room.meet("participant@example.com")
    listed = f"{call.name}/{kind}"
    assert room.ask("GET", listed) == (200, {})
    room.google.live(200)
    [started] = room.ask("GET", listed)[1][kind]
    assert started["state"] == "STARTED"
    assert "endTime" not in started
    room.google.live(60)
    room.world.end_call(call, at=room.world.now())
    room.google.live(30)
    [ended] = room.ask("GET", listed)[1][kind]
    assert ended["state"] == "ENDED"
    assert "endTime" in ended
    assert not {"driveDestination", "docsDestination"} & set(ended)
    room.google.live(430)
    [written] = room.ask("GET", listed)[1][kind]
    assert written["state"] == "FILE_GENERATED"
    place = written.get("driveDestination") or written["docsDestination"]
    assert (place.get("file") or place["document"]) in place["exportUri"]
    assert room.ask("GET", written["name"]) == (200, written)
    number = room.ask("GET", f"{written['name']}?%24alt=json%3Benum-encoding%3Dint")[1]["state"]
    assert number == 3
    room.google.live(31 * DAY)
    assert room.ask("GET", written["name"])[0] == 403


def test_nothing_starts_without_a_person_or_without_being_told():
    room = Room(ALL_ON)
    call = room.world.start_call(room.space, origin="control", at=room.world.now())
    room.world.join_device(call, room.world.rooms[0], at=room.world.now())
    room.google.live(3600)
    assert [artifacts_of(room.world, call, kind) for kind in KINDS] == [[], [], []]
    plain = Room()
    call = plain.meet("participant@example.com", seconds=3600)
    assert [artifacts_of(plain.world, call, kind) for kind in KINDS] == [[], [], []]


def test_settings_that_change_later_do_not_rewrite_the_past():
    room = Room(ALL_ON)
    call = room.meet("participant@example.com", seconds=1800)
    off = "config.artifactConfig"
    assert room.ask("PATCH", f"{room.name}?updateMask={off}", {})[0] == 200
    assert artifacts_of(room.world, call, "recordings")
    later = room.meet("participant@example.com", seconds=1800)
    assert not artifacts_of(room.world, later, "recordings")


def test_some_rooms_have_habits_and_the_same_seed_the_same_ones():
    google = Inside(rooms=300, scene="monday-morning")
    calls = list(google.world.conferences.values())
    left = {kind: [bool(artifacts_of(google.world, call, kind)) for call in calls] for kind in KINDS}
    for kind in KINDS:
        assert 0.3 * HABITS[kind] < sum(left[kind]) / len(calls) < 2 * HABITS[kind]
    again = Inside(rooms=300, scene="monday-morning")
    assert {
        kind: [bool(artifacts_of(again.world, call, kind)) for call in again.world.conferences.values()]
        for kind in KINDS
    } == left


def test_entries_are_read_in_pages_oldest_first():
    room = Room(ALL_ON)
    call = room.meet("participant@example.com", "engineer-01@example.com", seconds=1200)
    transcript = room.ask("GET", f"{call.name}/transcripts")[1]["transcripts"][0]["name"]
    entries: list[dict[str, Any]] = []
    token, sizes = "", []
    while True:
        page = room.ask("GET", f"{transcript}/entries?pageToken={token}")[1]
        sizes.append(len(page["transcriptEntries"]))
        entries += page["transcriptEntries"]
        token = page.get("nextPageToken", "")
        if not token:
            break
    assert set(sizes[:-1]) == {10}
    assert len(room.ask("GET", f"{transcript}/entries?pageSize=1000")[1]["transcriptEntries"]) == min(
        100, len(entries)
    )
    starts = [each["startTime"] for each in entries]
    assert starts == sorted(starts)
    assert len({each["name"] for each in entries}) == len(entries)
    people = {each["name"] for each in room.ask("GET", f"{call.name}/participants")[1]["participants"]}
    assert {each["participant"] for each in entries} == people
    assert room.ask("GET", entries[3]["name"]) == (200, entries[3])
    for wrong in ("0", "x", "99999", "٣"):
        assert room.ask("GET", f"{transcript}/entries/{wrong}".replace("٣", "%D9%A3"))[0] == 404
    assert room.ask("GET", f"{transcript}/entries?pageToken=abc")[0] == 400


def test_artifacts_are_for_the_owner_and_those_who_were_there():
    room = Room(ALL_ON)
    call = room.meet("participant@example.com", seconds=1800)
    for who, status in ((OWNER, 200), ("participant@example.com", 200), ("it-admin@example.com", 403)):
        assert room.ask("GET", f"{call.name}/recordings", who=who)[0] == status


# -- codes -----------------------------------------------------------------------------------------------------------


def test_a_code_dies_a_year_after_its_last_use():
    room = Room()
    code = room.space.code
    room.google.live(300 * DAY)
    room.meet("participant@example.com", seconds=60)
    room.google.live(364 * DAY)
    assert room.ask("GET", f"spaces/{code}")[1]["name"] == room.name
    room.google.live(2 * DAY)
    assert room.ask("GET", f"spaces/{code}")[0] == 403
    seen = room.ask("GET", room.name)[1]
    assert not {"meetingCode", "meetingUri"} & set(seen)
    assert "config" in seen


def test_a_dead_code_comes_to_another_space():
    room = Room()
    code = room.space.code
    room.world.drop_code(room.space)
    made = [room.ask("POST", "spaces", {})[1] for _ in range(3)]
    assert code in [each["meetingCode"] for each in made]
    assert room.ask("GET", f"spaces/{code}")[1]["name"] in [each["name"] for each in made]


def test_the_code_of_an_ad_hoc_meeting_dies_with_the_call():
    room = Room()
    fleeting = room.world.add_space(owner=OWNER, project="meet", config=room.space.config, fleeting=True)
    room.space = fleeting
    code = fleeting.code
    room.meet("participant@example.com", seconds=60)
    assert room.ask("GET", f"spaces/{code}")[0] == 403
    assert room.ask("GET", fleeting.name)[0] == 200


def test_a_code_is_kept_while_a_call_is_on():
    room = Room()
    room.meet("participant@example.com")
    room.google.live(400 * DAY)
    assert room.ask("GET", f"spaces/{room.space.code}")[0] == 200


# -- parameters ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (
            "colour=red",
            "Unknown name \"colour\": Cannot bind query parameter. Field 'colour' could not be found",
        ),
        ("filter=x", 'Unknown name "filter"'),
        ("alt=media", "invalid argument"),
    ],
)
def test_parameters_that_do_not_exist(query, message):
    room = Room()
    status, answer = room.ask("GET", f"{room.name}?{query}")
    assert status == 400
    assert message in answer["error"]["message"]


@pytest.mark.parametrize(
    "query",
    [
        "alt=json",
        "%24alt=json",
        "prettyPrint=false",
        "%24.xgafv=2",
        "quotaUser=a",
        "key=k",
        "%24fields=name",
        "fields=*",
    ],
)
def test_parameters_of_every_method(query):
    room = Room()
    assert room.ask("GET", f"{room.name}?{query}")[0] == 200


def test_masks_and_requests_of_a_batch():
    room = Room()
    names = [
        room.ask("POST", f"{room.name}/members", {"email": f"{who}@example.com", "role": "COHOST"})[1]["name"]
        for who in ("a", "b")
    ]
    path = f"{room.name}/members:batchUpdate"
    one = {"member": {"name": names[0]}}
    bodies: list[Any] = [
        {"requests": [{**one, "updateMask": "role"}]},
        {"requests": [{**one, "updateMask": "*"}], "updateMask": "role"},
        {"requests": [one], "updateMask": "email"},
        {"requests": [one] * 501, "updateMask": "role"},
        {"requests": [{"member": {"name": "spaces/x/members/y"}}]},
        {"requests": [{}]},
        {"requests": {}},
        {"members": []},
        [],
    ]
    for body in bodies:
        assert room.ask("POST", path, body)[0] == 400, body
    assert (
        room.ask("POST", path, {"requests": [one, {"member": {"name": f"{room.name}/members/none"}}]})[0]
        == 404
    )
    assert [each.get("role") for each in room.ask("GET", f"{room.name}/members")[1]["members"]] == [
        "COHOST"
    ] * 2
    both = {"requests": [{**one, "update_mask": "role"}], "update_mask": "role"}
    assert room.ask("POST", path, both) == (200, {"members": [{"name": names[0], "email": "a@example.com"}]})


def test_member_pages():
    room = Room()
    for number in range(7):
        room.ask("POST", f"{room.name}/members", {"email": f"person-{number}@example.com"})
    first = room.ask("GET", f"{room.name}/members?pageSize=5")[1]
    rest = room.ask("GET", f"{room.name}/members?pageSize=5&pageToken={first['nextPageToken']}")[1]
    assert len({each["name"] for each in first["members"] + rest["members"]}) == 7
    assert len(room.ask("GET", f"{room.name}/members?pageSize=0")[1]["members"]) == 7
