"""The simulator under google-api-python-client and its own Meet discovery document."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from google.oauth2.credentials import Credentials
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError

from tests.support.simulator import CREATED, READONLY, SETTINGS, SimulatorProcess

OWNER = "rooms-ber@example.com"


class Clients:
    """Makes the dynamic clients and closes their connections in the end."""

    def __init__(self, google: SimulatorProcess) -> None:
        self.google = google
        self.made: list[Any] = []

    def __call__(self, email: str | None, *scopes: str) -> Any:
        """The client for somebody, from the discovery document that the library brings."""
        client = build(
            "meet",
            "v2",
            credentials=Credentials(self.google.token(email, *scopes)),
            client_options={"api_endpoint": self.google.url},
            cache_discovery=False,
            static_discovery=True,
        )
        self.made.append(client)
        return client


@pytest.fixture
def meet_of(google: SimulatorProcess) -> Iterator[Clients]:
    """``meet_of(email, *scopes)``: a client of the library."""
    clients = Clients(google)
    yield clients
    for each in clients.made:
        each.close()


def refusal(request: Any) -> tuple[int, str, str]:
    """(HTTP code, status word, message) of a request that must fail."""
    with pytest.raises(HttpError) as caught:
        request.execute()
    error = json.loads(caught.value.content)["error"]
    assert error["code"] == caught.value.status_code
    return error["code"], error["status"], error["message"]


@pytest.fixture
def own(meet_of: Clients) -> dict[str, Any]:
    """A space that our app has just made."""
    made: dict[str, Any] = meet_of(OWNER).spaces().create(body={}).execute()
    return made


@pytest.fixture
def foreign(google: SimulatorProcess) -> str:
    """A space of the same owner, made by another app."""
    return str(google.control("POST", "spaces", {"owner": OWNER, "project": "meet"})["name"])


def test_create_with_settings(meet_of):
    config = {
        "accessType": "RESTRICTED",
        "moderation": "ON",
        "moderationRestrictions": {"presentRestriction": "HOSTS_ONLY"},
        "artifactConfig": {"recordingConfig": {"autoRecordingGeneration": "ON"}},
    }
    made = meet_of(OWNER).spaces().create(body={"config": config}).execute()
    assert made["config"]["accessType"] == "RESTRICTED"
    assert made["config"]["moderationRestrictions"]["presentRestriction"] == "HOSTS_ONLY"
    assert made["config"]["moderationRestrictions"]["chatRestriction"] == "NO_RESTRICTION"
    assert made["config"]["artifactConfig"]["recordingConfig"] == {"autoRecordingGeneration": "ON"}
    assert "activeConference" not in made


def test_create_refusals(meet_of):
    ours = meet_of(OWNER).spaces()
    assert refusal(ours.create(body={"config": {"moderation": "MODERATION_ON"}})) == (
        400,
        "INVALID_ARGUMENT",
        (
            "Invalid value at 'space.config.moderation' "
            '(type.googleapis.com/google.apps.meet.v2.SpaceConfig.Moderation), "MODERATION_ON"'
        ),
    )
    assert refusal(ours.create(body={"title": "Board"}))[2] == (
        "Invalid JSON payload received. Unknown name \"title\" at 'space': Cannot find field."
    )
    assert refusal(ours.create(body={"config": {"moderation": "MODERATION_UNSPECIFIED"}}))[0] == 400
    assert refusal(meet_of(OWNER, READONLY).spaces().create(body={}))[:2] == (
        403,
        "PERMISSION_DENIED",
    )
    assert refusal(meet_of(None).spaces().create(body={}))[0] == 403


def test_get_by_role_id_and_code(google, own, meet_of):
    google.start_conference(own["name"], {"email": "participant@example.com"})
    by_id = meet_of(OWNER).spaces().get(name=own["name"]).execute()
    by_code = meet_of(OWNER).spaces().get(name="spaces/" + own["meetingCode"].upper()).execute()
    assert by_id == by_code
    assert set(by_id) == {
        "name",
        "meetingUri",
        "meetingCode",
        "config",
        "activeConference",
        "phoneAccess",
    }
    participant = meet_of("participant@example.com").spaces().get(name=own["name"]).execute()
    assert set(participant) == {"name", "meetingUri", "meetingCode", "activeConference"}
    other = meet_of("stranger@elsewhere.example").spaces().get(name=own["name"]).execute()
    assert set(other) == {"name", "meetingUri", "meetingCode"}


def test_get_refusals(own, foreign, meet_of):
    unknown = meet_of(OWNER).spaces().get(name="spaces/none")
    assert refusal(unknown) == (
        403,
        "PERMISSION_DENIED",
        "Permission denied on resource Space (or it might not exist)",
    )
    hidden = meet_of(OWNER, CREATED).spaces().get(name=foreign)
    assert refusal(hidden)[2] == "Permission denied on resource MeetingSpace (or it might not exist)"
    assert refusal(meet_of(None).spaces().get(name=own["name"]))[0] == 403


def test_fields_parameter(own, meet_of):
    spaces = meet_of(OWNER).spaces()
    chosen = spaces.get(name=own["name"], fields="name,config(accessType,moderation)").execute()
    assert chosen == {
        "name": own["name"],
        "config": {name: own["config"][name] for name in ("accessType", "moderation")},
    }
    assert refusal(spaces.get(name=own["name"], fields="name,owner"))[0] == 400


def test_patch(own, meet_of):
    spaces = meet_of(OWNER, SETTINGS).spaces()
    body = {"config": {"accessType": "OPEN", "moderation": "ON"}}
    changed = spaces.patch(name=own["name"], body=body, updateMask="config.accessType").execute()
    assert changed["config"] == {**own["config"], "accessType": "OPEN"}
    changed = spaces.patch(name=own["name"], body=body, updateMask="config.access_type,config.moderation")
    assert changed.execute()["config"]["moderation"] == "ON"
    cleared = spaces.patch(name=own["name"], body={}, updateMask="config.accessType").execute()
    assert cleared["config"]["accessType"] == own["config"]["accessType"]


def test_patch_refusals(own, foreign, meet_of):
    body = {"config": {"accessType": "OPEN"}}
    ours = meet_of(OWNER).spaces()
    for mask in ("config.access", "meetingCode", "accessType"):
        assert refusal(ours.patch(name=own["name"], body=body, updateMask=mask))[:2] == (
            400,
            "INVALID_ARGUMENT",
        )
    by_code = ours.patch(name="spaces/" + own["meetingCode"], body=body, updateMask="config.accessType")
    assert refusal(by_code) == (
        403,
        "PERMISSION_DENIED",
        "Permission denied on resource Space (or it might not exist)",
    )
    for caller, name in (
        (("it-admin@example.com",), own["name"]),
        ((OWNER, CREATED), foreign),
        ((OWNER, READONLY), own["name"]),
    ):
        attempt = meet_of(*caller).spaces()
        assert refusal(attempt.patch(name=name, body=body, updateMask="config.accessType"))[0] == 403


def test_end(google, own, foreign, meet_of):
    spaces = meet_of(OWNER).spaces()
    assert refusal(spaces.endActiveConference(name=own["name"], body={})) == (
        400,
        "FAILED_PRECONDITION",
        "There is no active conference for the given space.",
    )
    google.start_conference(own["name"], {"device": "Berlin 1.01"})
    google.start_conference(foreign, {"device": "Berlin 1.02"})
    for caller, name in (
        (("it-admin@example.com",), own["name"]),
        ((OWNER,), "spaces/" + own["meetingCode"]),
        ((OWNER,), foreign),
        ((OWNER, READONLY, SETTINGS), own["name"]),
        ((None,), own["name"]),
    ):
        attempt = meet_of(*caller).spaces()
        assert refusal(attempt.endActiveConference(name=name, body={}))[:2] == (403, "PERMISSION_DENIED")
    assert spaces.endActiveConference(name=own["name"], body={}).execute() == {}
    assert "activeConference" not in spaces.get(name=own["name"]).execute()


def test_members(own, foreign, meet_of):
    members = meet_of(OWNER).spaces().members()
    assert members.list(parent=own["name"]).execute() == {}
    body = {"email": "engineer-01@example.com", "role": "COHOST"}
    made = members.create(parent=own["name"], body=body).execute()
    assert made == {"name": made["name"], **body}
    assert refusal(members.create(parent=own["name"], body=body))[:2] == (409, "ALREADY_EXISTS")
    assert refusal(members.create(parent=own["name"], body={"role": "COHOST"}))[0] == 400
    assert members.get(name=made["name"]).execute() == made
    assert members.list(parent=own["name"]).execute() == {"members": [made]}
    assert refusal(members.create(parent=foreign, body=body))[0] == 403
    plain = members.patch(name=made["name"], body={}, updateMask="role").execute()
    assert "role" not in plain
    assert members.delete(name=made["name"]).execute() == {}
    assert refusal(members.get(name=made["name"]))[:2] == (404, "NOT_FOUND")


def test_records_in_pages(google, own, meet_of):
    made = []
    for _ in range(3):
        call = google.start_conference(own["name"], {"device": "Berlin 1.01"})
        google.control("POST", f"conferences/{call['id']}/end")
        google.advance(5)
        made.append(call["name"])
    records = meet_of(OWNER).conferenceRecords()
    request = records.list(filter=f'space.meeting_code = "{own["meetingCode"]}"', pageSize=2)
    names = []
    pages = 0
    while request is not None:
        answer = request.execute()
        names += [each["name"] for each in answer["conferenceRecords"]]
        pages += 1
        request = records.list_next(request, answer)
    assert names == list(reversed(made))
    assert pages == 2


def test_records_of_nobody_are_an_empty_object(meet_of):
    for email in (None, "it-admin@example.com"):
        assert meet_of(email).conferenceRecords().list(filter="end_time IS NULL").execute() == {}
    assert refusal(meet_of(OWNER).conferenceRecords().list(filter="end_time IS NOT NULL"))[0] == 400
    assert refusal(meet_of(OWNER, SETTINGS).conferenceRecords().list())[0] == 403


def test_running_calls_of_an_account_by_one_request(google, meet_of):
    world = google.world()
    owned = {each["name"] for each in world["spaces"] if each["owner"] == OWNER}
    running = {
        each["name"] for each in world["conferences"] if each["endTime"] is None and each["space"] in owned
    }
    records = meet_of(OWNER).conferenceRecords()
    answer = records.list(filter="end_time IS NULL", pageSize=100).execute()
    assert {each["name"] for each in answer["conferenceRecords"]} == running
    assert running
    assert all(set(each) == {"name", "startTime", "space"} for each in answer["conferenceRecords"])


def test_participants_and_head_count(google, own, meet_of):
    call = google.start_conference(
        own["name"], {"device": "Berlin 1.01"}, {"email": "participant@example.com"}, {"phone": "+49 30 1"}
    )
    google.control("POST", f"conferences/{call['id']}/leave", {"phone": "+49 30 1"})
    participants = meet_of(OWNER).conferenceRecords().participants()
    plain = participants.list(parent=call["name"]).execute()
    assert len(plain["participants"]) == 3
    assert "totalSize" not in plain
    count = participants.list(
        parent=call["name"], filter="latest_end_time IS NULL", pageSize=1, fields="totalSize"
    )
    assert count.execute() == {"totalSize": 2}
    both = participants.list(parent=call["name"], fields="participants/*,next_page_token,totalSize")
    assert both.execute() == {**plain, "totalSize": 3}
    one = plain["participants"][0]
    assert participants.get(name=one["name"]).execute() == one
    sessions = participants.participantSessions().list(parent=one["name"]).execute()
    assert len(sessions["participantSessions"]) == 1
    stranger = meet_of("stranger@elsewhere.example").conferenceRecords()
    assert refusal(stranger.participants().list(parent=call["name"]))[0] == 403
    assert refusal(stranger.get(name=call["name"]))[0] == 403
    there = meet_of("participant@example.com").conferenceRecords().get(name=call["name"])
    assert there.execute()["space"] == own["name"]


def test_rate_limit_reads_as_the_library_knows_it(google, own, meet_of):
    google.control("POST", "faults", {"method": "spaces.get", "status": 429, "retry_after": 7})
    with pytest.raises(HttpError) as caught:
        meet_of(OWNER).spaces().get(name=own["name"]).execute()
    assert caught.value.status_code == 429
    assert caught.value.resp["retry-after"] == "7"
    assert caught.value.error_details[0]["reason"] == "RATE_LIMIT_EXCEEDED"


def test_values_that_the_library_does_not_know_arrive_as_they_are(google, own, meet_of):
    google.control("POST", f"{own['name']}/config", {"accessType": "ORGANIZATION_AND_GUESTS"})
    found = meet_of(OWNER).spaces().get(name=own["name"]).execute()
    assert found["config"]["accessType"] == "ORGANIZATION_AND_GUESTS"


@pytest.mark.parametrize(
    ("preset", "reason"),
    [
        ("daily-limit", "dailyLimitExceeded"),
        ("quota-exceeded", "quotaExceeded"),
        ("user-rate-limit", "userRateLimitExceeded"),
    ],
)
def test_older_reasons_read_as_the_library_knows_them(google, own, meet_of, preset, reason):
    google.control("POST", "faults", {"method": "spaces.get", "preset": preset, "times": 0})
    with pytest.raises(HttpError) as caught:
        meet_of(OWNER).spaces().get(name=own["name"]).execute()
    assert json.loads(caught.value.content)["error"]["errors"][0]["reason"] == reason
    assert caught.value.error_details[0]["reason"] == reason
