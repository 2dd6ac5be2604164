"""Every method of Google's own description of Meet is served, and every reply is what the description allows."""

import re
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simulator.leftovers import KINDS, artifacts_of
from simulator.meet.service import METHODS
from tests.support.discovery import document, faults_of, methods
from tests.support.inside import Inside, sweep

OWNER = "rooms-ber@example.com"
GUEST = "participant@example.com"
PEOPLE = [OWNER, "rooms-muc@example.com", GUEST, "it-admin@example.com", "stranger@elsewhere.example", None]
DAY = 86400.0
ON = {
    "artifactConfig": {
        "recordingConfig": {"autoRecordingGeneration": "ON"},
        "transcriptionConfig": {"autoTranscriptionGeneration": "ON"},
        "smartNotesConfig": {"autoSmartNotesGeneration": "ON"},
    }
}
DESCRIBED = methods()


@pytest.fixture(scope="module", autouse=True)
def _swept() -> None:
    """Only what happens in these tests counts."""
    sweep()


class Stage:
    """A world with something of everything in it, and the names of it all."""

    def __init__(self, *, rooms: int = 3, seed: int = 1, scene: str = "quiet") -> None:
        self.google = Inside(rooms=rooms, seed=seed, scene=scene)
        world = self.google.world
        world.behaviour.sip_gateway = "sip.example.com"
        token = self.google.token(OWNER)
        made = self.google.call("POST", "/v2/spaces", {"config": ON}, token=token)[1]
        self.space = made["name"]
        member = {"email": "engineer-01@example.com", "role": "COHOST"}
        self.member = self.google.call("POST", f"/v2/{self.space}/members", member, token=token)[1]["name"]
        space = world.spaces[self.space.removeprefix("spaces/")]
        for _ in range(2):
            call = world.start_call(space, origin="control", at=world.now())
            person = world.people[GUEST]
            world.join_person(call, person, at=world.now())
            world.join(call, kind="guest", name="Guest", email=None, user=None, at=world.now())
            world.join(call, kind="phone", name="+49 30 ***-**12", email=None, user=None, at=world.now())
            self.google.live(1800)
            world.leave(call, call.participants[0], at=world.now())
            self.google.live(60)
            world.join_person(call, person, at=world.now())
            if space.records[0] is call:
                world.end_call(call, at=world.now())
                self.google.live(600)
        self.google.live(120)

    def names(self) -> dict[str, list[str]]:
        """What a variable of a method's path may stand for: path without numbers of variables -> names."""
        world = self.google.world
        found: dict[str, list[str]] = {"": [""], "spaces": [], "conferenceRecords": []}
        for space in world.spaces.values():
            found["spaces"].append(space.name)
            if space.code:
                found["spaces"].append(f"spaces/{space.code}")
            for member in space.members:
                found.setdefault("spaces.members", []).append(f"{space.name}/members/{member}")
        for record in world.conferences.values():
            found["conferenceRecords"].append(record.name)
            for each in record.participants:
                name = f"{record.name}/participants/{each.id}"
                found.setdefault("conferenceRecords.participants", []).append(name)
                found.setdefault("conferenceRecords.participants.participantSessions", []).append(
                    f"{name}/participantSessions/{len(each.sessions)}"
                )
            for kind in KINDS:
                for artifact in artifacts_of(world, record, kind):
                    found.setdefault(f"conferenceRecords.{kind}", []).append(artifact.name)
                    if kind == "transcripts":
                        found.setdefault("conferenceRecords.transcripts.entries", []).append(
                            f"{artifact.name}/entries/1"
                        )
        return found


def kind_of(method: dict[str, Any]) -> str:
    """Which kind of name a method's path wants: the collections of ``name`` or ``parent``."""
    pattern = next((each["pattern"] for each in method["parameters"].values() if "pattern" in each), "^$")
    return ".".join(re.findall(r"(\w+)/\[\^/\]\+", pattern))


def address(method: dict[str, Any], name: str) -> str:
    """The path of a method for a resource."""
    return "/" + re.sub(r"\{\+(name|parent)\}", lambda _: name, method["path"])


def body_for(name: str, resource: str) -> Any:
    """A body that the method accepts, if it wants one."""
    if name == "spaces.members.create":
        return {"email": "new@example.com", "role": "COHOST"}
    if name == "spaces.members.batchUpdate":
        return {"requests": [], "updateMask": "role"}
    if name == "spaces.members.patch":
        return {"name": resource, "role": "COHOST"}
    if name == "spaces.patch":
        return {"config": {"accessType": "OPEN"}}
    return {} if DESCRIBED[name]["httpMethod"] == "POST" else None


@pytest.fixture
def stage() -> Stage:
    """Such a world."""
    return Stage()


def test_the_simulator_serves_exactly_what_is_described():
    served = {
        each.name: (
            each.verb,
            each.rpc.rpartition(".")[0],
            {scope.rpartition("/")[2] for scope in each.scopes},
        )
        for each in METHODS
    }
    described = {
        name: (
            method["httpMethod"],
            "google.apps.meet.v2."
            + ("SpacesService" if name.startswith("spaces") else "ConferenceRecordsService"),
            {scope.rpartition("/")[2] for scope in method["scopes"]},
        )
        for name, method in DESCRIBED.items()
    }
    assert served == described


@pytest.mark.parametrize("name", sorted(DESCRIBED))
def test_the_parameters_are_those_described(name):
    served = next(each for each in METHODS if each.name == name)
    described = {key for key, each in DESCRIBED[name]["parameters"].items() if each["location"] == "query"}
    assert set(served.parameters) == described


@pytest.mark.parametrize("name", sorted(DESCRIBED))
def test_every_method_answers_as_described(stage, name):
    method = DESCRIBED[name]
    kind = kind_of(method)
    own = {"spaces": stage.space, "spaces.members": stage.member}
    resource = own.get(kind) or next(
        (each for each in stage.names()[kind] if not each.startswith("spaces/")), ""
    )
    status, answer = stage.google.call(
        method["httpMethod"],
        address(method, resource),
        body_for(name, resource),
        token=stage.google.token(OWNER),
    )
    assert status == 200, answer
    assert faults_of(answer, method["response"]) == []
    if method["httpMethod"] == "GET":
        assert answer, "Nothing came back, so nothing was checked."


# -- random worlds ---------------------------------------------------------------------------------------------------

FIELDS = [
    "*",
    "name",
    "nextPageToken",
    "config",
    "spaces",
    "participants/name,totalSize",
    "config(accessType)",
    "x(",
]
TEXTS = [
    "",
    "end_time IS NULL",
    'space.name = "spaces/a"',
    "latest_end_time IS NULL",
    "nonsense",
    'end_time > "x"',
]
LEAVES = ["accessType", "moderation", "entryPointAccess", "attendanceReportGenerationType"]
VALUES = ["OPEN", "TRUSTED", "ON", "OFF", "ALL", "GENERATE_REPORT", 0, 1, 2, 3, None, {}, "X"]


@st.composite
def questions(draw: st.DrawFn) -> tuple[str, int, list[str], dict[str, str], Any, str | None]:
    """A method, which of its resources, which scopes, query, body and caller: sensible as often as not."""
    name = draw(st.sampled_from(sorted(DESCRIBED)))
    method = DESCRIBED[name]
    query = {}
    for key, each in method["parameters"].items():
        if each["location"] != "query" or draw(st.booleans()):
            continue
        options = {"filter": TEXTS, "pageSize": ["0", "1", "2", "300", "-1", "x"], "updateMask": MASKS}
        query[key] = draw(st.sampled_from(options.get(key, ["", "nonsense"])))
    if draw(st.integers(0, 3)) == 0:
        query["fields"] = draw(st.sampled_from(FIELDS))
    body = None
    if method["httpMethod"] in ("POST", "PATCH"):
        body = draw(
            st.one_of(
                st.just({}),
                st.fixed_dictionaries(
                    {"config": st.dictionaries(st.sampled_from(LEAVES), st.sampled_from(VALUES), max_size=2)}
                ),
                st.fixed_dictionaries(
                    {"email": st.sampled_from(["a@example.com", "b@mail.example", "nobody"])},
                    optional={"role": st.sampled_from(["COHOST", 0, 1, "HOST"])},
                ),
            )
        )
    scopes = draw(st.lists(st.sampled_from(["created", "readonly", "settings"]), min_size=1, unique=True))
    return name, draw(st.integers(0, 10_000)), sorted(scopes), query, body, draw(st.sampled_from(PEOPLE))


MASKS = ["config.accessType", "config.moderation", "*", "role", "config", "meetingCode", ""]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    rooms=st.integers(1, 12),
    seed=st.integers(0, 10**6),
    scene=st.sampled_from(["quiet", "monday-morning", "stuck"]),
    older=st.sampled_from([0.0, 300.0, DAY, 29 * DAY, 400 * DAY]),
    asked=st.lists(questions(), min_size=10, max_size=25),
)
def test_replies_of_random_worlds_fit_their_schemas(rooms, seed, scene, older, asked):
    stage = Stage(rooms=rooms, seed=seed, scene=scene)
    google = stage.google
    google.live(older)
    for name, which, scopes, query, body, caller in asked:
        method = DESCRIBED[name]
        known = stage.names().get(kind_of(method), [])
        resource = known[which % len(known)] if known and which % 7 else _unknown(kind_of(method))
        text = "&".join(f"{key}={quote(value)}" for key, value in query.items())
        status, answer = google.call(
            method["httpMethod"],
            f"{address(method, resource)}?{text}",
            body,
            token=google.token(caller, *scopes),
        )
        if status == 200:
            assert faults_of(answer, method["response"]) == [], (name, resource, query)
        else:
            assert status in (400, 403, 404, 409), answer
            assert set(answer) == {"error"}
            assert answer["error"]["code"] == status
            assert set(answer["error"]) <= {"code", "message", "status", "details"}


def _unknown(kind: str) -> str:
    return "/".join(f"{part}/unknown" for part in kind.split(".")) if kind else ""


def test_the_judge_finds_what_is_wrong():
    schema = {"$ref": "Space"}
    assert faults_of({"name": "spaces/a", "config": {"accessType": "OPEN"}}, schema) == []
    wrongs: list[dict[str, Any]] = [
        {"owner": "a"},
        {"name": 1},
        {"config": {"accessType": "PUBLIC"}},
        {"config": {"accessType": "ACCESS_TYPE_UNSPECIFIED"}},
        {"phoneAccess": {}},
        {"activeConference": "conferenceRecords/a"},
    ]
    for wrong in wrongs:
        assert faults_of(wrong, schema), wrong
    assert faults_of({"startTime": "2026-11-22 08:00"}, {"$ref": "ConferenceRecord"})
    assert faults_of({"totalSize": "3"}, {"$ref": "ListParticipantsResponse"})


def test_the_document_is_the_one_this_was_written_for():
    assert document()["revision"] >= "20261029"
