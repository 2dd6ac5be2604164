"""MeetClient against answers of every kind: read right, sorted right, sent once."""

import gzip
import hashlib
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from google.auth.credentials import Credentials
from google.oauth2.credentials import Credentials as UserCredentials

from spaces.google import errors, rest
from spaces.google.meet import MeetClient
from spaces.google.resources import (
    ConferenceRecord,
    Member,
    Participant,
    PhoneAccess,
    Recording,
    SipAccess,
    Space,
)
from tests.spaces.google.misbehaving import CLOSE, HANG, RESET, Misbehaving, free_port, http

NAME = "spaces/jQCFfuBOdN5z"
RECORD = "conferenceRecords/kRyYx8b7vNDsLpR1tG_cNjFUQBoBRhHIMoGJAJkBCQ"
SPACE = {"name": NAME, "meetingUri": "https://meet.google.com/abc-mnop-xyz", "meetingCode": "abc-mnop-xyz"}
GOOD_SPACE = http(200, {**SPACE, "config": {"accessType": "OPEN"}})
HTML = http(200, "<!doctype html><title>Sorry</title>", "Content-Type: text/html")

READS = {
    "get_space": lambda client: client.get_space(NAME),
    "find_space": lambda client: client.find_space("abc-mnop-xyz"),
    "running_conferences": lambda client: client.running_conferences(),
    "conference": lambda client: client.conference(RECORD),
    "participants": lambda client: client.participants(RECORD),
    "head_count": lambda client: client.head_count(RECORD),
    "members": lambda client: client.members(NAME),
    "recordings": lambda client: client.recordings(RECORD),
}
WRITES = {
    "create_space": lambda client: client.create_space({"accessType": "OPEN"}),
    "patch_space": lambda client: client.patch_space(NAME, {"accessType": "OPEN"}),
    "end_active_conference": lambda client: client.end_active_conference(NAME),
}


def client_of(
    url: str, *, timeout: float = 5, quota_user: str | None = None, credentials: Credentials | None = None
):
    return MeetClient(
        credentials or UserCredentials("canary-access-token"),
        base_url=url,
        timeout=timeout,
        quota_user=quota_user,
    )


# What is read


def ask(answer, call):
    with Misbehaving([answer]) as google:
        return call(client_of(google.url)), google.requests


def test_a_whole_space():
    full = {
        **SPACE,
        "config": {
            "accessType": "TRUSTED",
            "entryPointAccess": "ALL",
            "moderation": "ON",
            "moderationRestrictions": {"presentRestriction": "HOSTS_ONLY", "defaultJoinAsViewerType": "OFF"},
            "artifactConfig": {"recordingConfig": {"autoRecordingGeneration": "OFF"}},
        },
        "activeConference": {"conferenceRecord": RECORD},
        "phoneAccess": [
            {"phoneNumber": "+16505550100", "pin": "197", "regionCode": "US", "languageCode": "en-US"}
        ],
        "gatewaySipAccess": [{"uri": "sip:123@gw.example", "sipAccessCode": "123"}],
    }
    space, requests = ask(http(200, full), READS["get_space"])
    assert space == Space(
        name=NAME,
        meeting_code="abc-mnop-xyz",
        meeting_uri="https://meet.google.com/abc-mnop-xyz",
        settings={
            "accessType": "TRUSTED",
            "entryPointAccess": "ALL",
            "moderation": "ON",
            "moderationRestrictions.presentRestriction": "HOSTS_ONLY",
            "moderationRestrictions.defaultJoinAsViewerType": "OFF",
            "artifactConfig.recordingConfig.autoRecordingGeneration": "OFF",
        },
        active_record=RECORD,
        phone_access=(PhoneAccess("+16505550100", "197", "US", "en-US"),),
        sip_access=(SipAccess("sip:123@gw.example", "123"),),
    )
    assert space.asked_by_owner
    assert space.liveness == "active"
    assert [(one.method, urlsplit(one.path).path) for one in requests] == [("GET", f"/v2/{NAME}")]


@pytest.mark.parametrize(
    ("more", "liveness"),
    [
        ({}, "unknown"),
        ({"config": {}}, "idle"),
        ({"config": {"accessType": "OPEN"}}, "idle"),
        ({"activeConference": {"conferenceRecord": RECORD}}, "active"),
        ({"config": {}, "activeConference": {"conferenceRecord": RECORD}}, "active"),
    ],
)
def test_liveness_has_three_values(more, liveness):
    space, _ = ask(http(200, {**SPACE, **more}), READS["get_space"])
    assert space.liveness == liveness


@pytest.mark.parametrize(
    ("config", "settings"),
    [
        ({"accessType": "FRIENDS_OF_FRIENDS"}, {"accessType": "FRIENDS_OF_FRIENDS"}),
        ({"accessType": 99}, {"accessType": "99"}),
        ({"firstJoinerType": "HOST"}, {"firstJoinerType": "HOST"}),
        ({"artifactConfig": {"captions": {"on": True}}}, {"artifactConfig.captions.on": "true"}),
        ({"languages": ["en"]}, {"languages": '["en"]'}),
        ({"accessType": "ACCESS_TYPE_UNSPECIFIED"}, {}),
        ({"accessType": None}, {}),
    ],
)
def test_values_and_fields_google_invents_later_arrive_as_they_are(config, settings):
    space, _ = ask(
        http(200, {**SPACE, "config": {**config, "moderation": "ON"}, "novelty": [1]}), READS["get_space"]
    )
    assert space.settings == {"moderation": "ON", **settings}


def test_a_code_is_asked_for_in_small_letters():
    _, requests = ask(GOOD_SPACE, lambda client: client.find_space("ABC-MNOP-XYZ"))
    assert urlsplit(requests[0].path).path == "/v2/spaces/abc-mnop-xyz"


@pytest.mark.parametrize("fraction", ["", ".120", ".120459", ".120459123"])
def test_times_of_every_precision(fraction):
    row = {
        "name": RECORD,
        "space": NAME,
        "startTime": f"2026-11-20T08:00:03{fraction}Z",
        "endTime": "2026-11-20T09:42:11+01:00",
    }
    record, _ = ask(http(200, row), READS["conference"])
    micro = int((fraction.lstrip(".") + "000000")[:6])
    assert record == ConferenceRecord(
        name=RECORD,
        space=NAME,
        started_at=datetime(2026, 11, 20, 8, 0, 3, micro, tzinfo=UTC),
        ended_at=datetime(2026, 11, 20, 8, 42, 11, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    "row",
    [
        {"name": RECORD, "space": NAME},
        {"name": RECORD, "startTime": "2026-11-20T08:00:00Z"},
        {"space": NAME},
        {},
    ],
)
def test_a_record_without_its_essentials_makes_no_sense(row):
    with Misbehaving([http(200, row)]) as google, pytest.raises(errors.Unreadable):
        client_of(google.url).conference(RECORD)


def test_running_conferences_over_all_pages():
    def page(number, token):
        row = {"name": f"conferenceRecords/r{number}", "space": NAME, "startTime": "2026-11-20T08:00:00Z"}
        return http(200, {"conferenceRecords": [row], **({"nextPageToken": token} if token else {})})

    with Misbehaving([page(1, "two"), page(2, "three"), page(3, "")]) as google:
        records = client_of(google.url).running_conferences()
    assert [record.name for record in records] == [f"conferenceRecords/r{number}" for number in (1, 2, 3)]
    assert all(record.ended_at is None for record in records)
    queries = [parse_qs(urlsplit(one.path).query) for one in google.requests]
    assert [query.get("pageToken") for query in queries] == [None, ["two"], ["three"]]
    assert {query["filter"][0] for query in queries} == {"end_time IS NULL"}
    assert {query["pageSize"][0] for query in queries} == {"100"}


def test_a_list_without_end_is_not_taken_for_an_answer():
    row = {"name": "conferenceRecords/r", "space": NAME, "startTime": "2026-11-20T08:00:00Z"}
    page = http(200, {"conferenceRecords": [row], "nextPageToken": "again"})
    with Misbehaving([page]) as google, pytest.raises(errors.Unreadable):
        client_of(google.url).running_conferences()
    assert len(google.requests) == rest.MOST_PAGES


@pytest.mark.parametrize("name", ["running_conferences", "participants", "members"])
def test_an_empty_list_is_an_empty_object(name):
    rows, _ = ask(http(200, {}), READS[name])
    assert rows == []


def test_participants_of_every_kind():
    rows = [
        {"name": f"{RECORD}/participants/1", "earliestStartTime": "2026-11-20T08:00:00Z",
         "signedinUser": {"user": "users/104277000000000000001", "displayName": "Altostrat Room"}},
        {"name": f"{RECORD}/participants/2", "earliestStartTime": "2026-11-20T08:01:00Z",
         "latestEndTime": "2026-11-20T08:10:00Z", "anonymousUser": {"displayName": "Guest"}},
        {"name": f"{RECORD}/participants/3", "earliestStartTime": "2026-11-20T08:02:00Z",
         "phoneUser": {"displayName": "+1 650-***-**00"}},
        {"name": f"{RECORD}/participants/4", "earliestStartTime": "2026-11-20T08:03:00Z", "robotUser": {}},
    ]  # fmt: skip
    people, requests = ask(http(200, {"participants": rows}), READS["participants"])
    at = datetime(2026, 11, 20, 8, tzinfo=UTC)
    minute = timedelta(minutes=1)
    assert people == [
        Participant(f"{RECORD}/participants/1", "signed_in", "104277000000000000001", "Altostrat Room", at),
        Participant(f"{RECORD}/participants/2", "guest", None, "Guest", at + minute, at + 10 * minute),
        Participant(f"{RECORD}/participants/3", "phone", None, "+1 650-***-**00", at + 2 * minute),
        Participant(f"{RECORD}/participants/4", "guest", None, "", at + 3 * minute),
    ]
    query = parse_qs(urlsplit(requests[0].path).query)
    assert query["filter"] == ["latest_end_time IS NULL"]
    assert query["pageSize"] == ["250"]


def test_participants_who_left_are_asked_for_without_a_filter():
    _, requests = ask(http(200, {}), lambda client: client.participants(RECORD, present_only=False))
    assert "filter" not in parse_qs(urlsplit(requests[0].path).query)


def test_a_head_count_asks_for_the_number_only():
    count, requests = ask(http(200, {"totalSize": 17}), READS["head_count"])
    assert count == 17
    query = parse_qs(urlsplit(requests[0].path).query)
    assert query["fields"] == ["totalSize"]
    assert query["filter"] == ["latest_end_time IS NULL"]


def test_recordings_with_a_state_of_later():
    started = {"name": f"{RECORD}/recordings/1", "state": "STARTED", "startTime": "2026-11-20T08:00:00Z"}
    done = {
        "name": f"{RECORD}/recordings/0",
        "state": "FILE_GENERATED",
        "startTime": "2026-11-20T07:00:00Z",
        "endTime": "2026-11-20T07:30:00Z",
        "driveDestination": {"file": "x", "exportUri": "https://drive.google.com/file/d/x/view"},
    }
    later = {"name": f"{RECORD}/recordings/2", "state": "PAUSED", "startTime": "2026-11-20T08:00:00Z"}
    rows = [done, started, later]
    recordings, requests = ask(http(200, {"recordings": rows}), READS["recordings"])
    assert recordings == [
        Recording(
            f"{RECORD}/recordings/0",
            "FILE_GENERATED",
            datetime(2026, 11, 20, 7, tzinfo=UTC),
            datetime(2026, 11, 20, 7, 30, tzinfo=UTC),
        ),
        Recording(f"{RECORD}/recordings/1", "STARTED", datetime(2026, 11, 20, 8, tzinfo=UTC)),
        Recording(f"{RECORD}/recordings/2", "PAUSED", datetime(2026, 11, 20, 8, tzinfo=UTC)),
    ]
    assert [recording.is_running for recording in recordings] == [False, True, True]
    assert urlsplit(requests[0].path).path == f"/v2/{RECORD}/recordings"


def test_members():
    rows = [
        {"name": f"{NAME}/members/1", "email": "a@example.com", "role": "COHOST"},
        {"name": f"{NAME}/members/2", "email": "b@example.com"},
    ]
    members, _ = ask(http(200, {"members": rows}), READS["members"])
    assert members == [
        Member(f"{NAME}/members/1", "a@example.com", "COHOST"),
        Member(f"{NAME}/members/2", "b@example.com", ""),
    ]


# What is sent


def test_a_patch_names_exactly_what_it_changes():
    settings = {
        "moderation": "ON",
        "moderationRestrictions.chatRestriction": "NO_RESTRICTION",
        "artifactConfig.smartNotesConfig.autoSmartNotesGeneration": "OFF",
    }
    _, requests = ask(GOOD_SPACE, lambda client: client.patch_space(NAME, settings))
    (request,) = requests
    assert (request.method, urlsplit(request.path).path) == ("PATCH", f"/v2/{NAME}")
    assert parse_qs(urlsplit(request.path).query)["updateMask"] == [
        ",".join(f"config.{path}" for path in settings)
    ]
    assert b"accessType" not in request.body


def test_an_empty_wish_makes_a_space_with_defaults():
    space, requests = ask(GOOD_SPACE, lambda client: client.create_space({}))
    assert space.name == NAME
    assert (requests[0].method, urlsplit(requests[0].path).path) == ("POST", "/v2/spaces")
    assert b"config" not in requests[0].body


def test_an_ended_call():
    result, requests = ask(http(200, {}), WRITES["end_active_conference"])
    assert result is None
    assert (requests[0].method, urlsplit(requests[0].path).path) == (
        "POST",
        f"/v2/{NAME}:endActiveConference",
    )


def test_the_quota_is_counted_for_a_hash_of_the_user():
    with Misbehaving([GOOD_SPACE]) as google:
        client_of(google.url, quota_user="rooms-ber@example.com").get_space(NAME)
    sent = google.requests[0].headers
    assert sent["x-goog-quota-user"] == hashlib.sha256(b"rooms-ber@example.com").hexdigest()[:40]
    assert sent["authorization"] == "Bearer canary-access-token"
    assert "rooms-ber" not in str(google.requests)


@pytest.mark.parametrize(
    "name",
    ["", "abc-mnop-xyz", "jQCFfuBOdN5z", "spaces/", "spaces/a/b", "spaces/a?b", "spaces/a:endActiveConference", "spaces/..", "spaces/a ",
     "spaces/a\n", "spaces/ä", "spaces/" + "a" * 129, "https://meet.google.com/abc-mnop-xyz", "conferenceRecords/x"],
)  # fmt: skip
def test_nothing_but_a_space_name_reaches_google(name):
    with Misbehaving([GOOD_SPACE]) as google:
        client = client_of(google.url)
        for call in (
            lambda: client.get_space(name),
            lambda: client.patch_space(name, {"accessType": "OPEN"}),
            lambda: client.end_active_conference(name),
            lambda: client.members(name),
        ):
            with pytest.raises(ValueError, match="is not a space name"):
                call()
    assert google.requests == []


def test_other_senseless_requests_are_not_sent_either():
    with Misbehaving([GOOD_SPACE]) as google:
        client = client_of(google.url)
        for call in (
            lambda: client.find_space(NAME),
            lambda: client.find_space("abcmnopxyz"),
            lambda: client.find_space("a-b-" + "c" * 130),
            lambda: client.conference(NAME),
            lambda: client.participants("conferenceRecords/a/participants/b"),
            lambda: client.head_count("conferenceRecords/"),
            lambda: client.patch_space(NAME, {}),
            lambda: client.patch_space(NAME, {"accessType": "ANYONE"}),
            lambda: client.patch_space(NAME, {"*": "OPEN"}),
            lambda: client.create_space({"config.accessType": "OPEN"}),
        ):
            with pytest.raises(ValueError, match=r"\."):
                call()
    assert google.requests == []


@pytest.mark.parametrize(
    "url", ["http://meet.googleapis.com", "https://evil.example", "http://127.0.0.1@evil.example"]
)
def test_a_client_for_elsewhere_is_never_built(url):
    with pytest.raises(ValueError, match="access tokens"):
        client_of(url)


# What goes wrong

SENSELESS = {
    "html": HTML,
    "empty": http(200, ""),
    "garbage": http(200, b"\x00\xff\xfe garbage"),
    "a list": http(200, []),
    "a number": http(200, "7"),
    "wrong types": http(
        200,
        {
            "name": 7,
            "conferenceRecords": "none",
            "participants": {},
            "members": 1,
            "recordings": ["none"],
            "totalSize": "many",
            "config": [],
        },
    ),
    "nested too deep": http(200, "[" * 20_000),
    "a redirect": http(302, "", "Location: https://evil.example/"),
    "not modified": http(304, ""),
    "truncated": http(200, {**SPACE}, length=4000),
    "not really packed": http(200, "plain", "Content-Encoding: gzip"),
    "half packed": http(200, gzip.compress(b"{}" * 500)[:20], "Content-Encoding: gzip"),
}
BROKEN = {
    "closed": CLOSE,
    "reset": RESET,
    "no http": b"SSH-2.0-OpenSSH\r\n\r\n",
    "hanging": HANG,
    "hanging inside": b"HTTP/1.1 200 X\r\nContent-Length: 9\r\n\r\n{",
}


@pytest.mark.parametrize("call", READS.values(), ids=READS)
@pytest.mark.parametrize("answer", SENSELESS.values(), ids=SENSELESS)
def test_a_senseless_answer_to_a_read(answer, call):
    with Misbehaving([answer]) as google, pytest.raises(errors.Unreadable) as problem:
        call(client_of(google.url))
    assert len(google.requests) == 1
    assert not isinstance(problem.value, errors.OutcomeUnknown)


@pytest.mark.parametrize("call", WRITES.values(), ids=WRITES)
@pytest.mark.parametrize("answer", SENSELESS.values(), ids=SENSELESS)
def test_a_senseless_answer_to_a_write_leaves_the_outcome_open(answer, call):
    if call is WRITES["end_active_conference"] and answer is SENSELESS["wrong types"]:
        return  # "end" promises an empty object, and any object will do
    with Misbehaving([answer]) as google, pytest.raises(errors.OutcomeUnknown):
        call(client_of(google.url))
    assert len(google.requests) == 1


@pytest.mark.parametrize("answer", BROKEN.values(), ids=BROKEN)
def test_a_broken_connection(answer):
    for call in (READS["get_space"], READS["running_conferences"]):
        with Misbehaving([answer]) as google, pytest.raises(errors.TryLater) as problem:
            call(client_of(google.url, timeout=0.3))
        assert type(problem.value) in (errors.TryLater, errors.Unreadable)
        assert len(google.requests) == 1
    for call in WRITES.values():
        with Misbehaving([answer]) as google, pytest.raises(errors.OutcomeUnknown):
            call(client_of(google.url, timeout=0.3))
        assert len(google.requests) == 1


@pytest.mark.parametrize("call", [*READS.values(), *WRITES.values()], ids=[*READS, *WRITES])
def test_a_closed_door(call):
    with pytest.raises(errors.Unreachable) as problem:
        call(client_of(f"http://127.0.0.1:{free_port()}"))
    assert not isinstance(problem.value, errors.OutcomeUnknown)


HIDDEN = "Permission denied on resource Space (or it might not exist)"


def refusal(code, status, *details, message="m"):
    error = {"code": code, "status": status, "message": message, "details": list(details)}
    return http(code, {"error": error})


STATUSES = [
    (refusal(400, "INVALID_ARGUMENT"), errors.Refused),
    (http(400, ""), errors.Refused),
    (http(400, {"error": "just text"}), errors.Refused),
    (http(400, "[]"), errors.Refused),
    (refusal(403, "PERMISSION_DENIED", message=HIDDEN), errors.NotPermitted),
    (refusal(403, "PERMISSION_DENIED"), errors.AccessRefused),
    (refusal(403, "PERMISSION_DENIED", {"reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT"}), errors.ScopeMissing),
    (refusal(403, "PERMISSION_DENIED", {"reason": "SERVICE_DISABLED"}), errors.ApiDisabled),
    (refusal(404, "NOT_FOUND"), errors.NotFound),
    (http(404, ""), errors.Refused),
    (http(404, "<title>Error 404 (Not Found)!!1</title>"), errors.Refused),
    (refusal(429, "RESOURCE_EXHAUSTED"), errors.OverQuota),
    (refusal(503, "UNAVAILABLE"), errors.TryLater),
]


@pytest.mark.parametrize(("answer", "kind"), STATUSES)
@pytest.mark.parametrize("call", [READS["get_space"], *WRITES.values()])
def test_a_clear_refusal_is_sorted_and_never_repeated(answer, kind, call):
    with Misbehaving([answer]) as google, pytest.raises(errors.GoogleError) as problem:
        call(client_of(google.url))
    assert type(problem.value) is kind
    assert len(google.requests) == 1


@pytest.mark.parametrize("code", [500, 502, 504])
def test_a_failing_google_leaves_only_writes_open(code):
    for calls, kind in ((READS, errors.TryLater), (WRITES, errors.OutcomeUnknown)):
        for call in calls.values():
            with Misbehaving([http(code, "<html>")]) as google, pytest.raises(errors.GoogleError) as problem:
                call(client_of(google.url))
            assert type(problem.value) is kind
            assert len(google.requests) == 1


def test_nothing_to_end_only_when_google_says_so():
    over = refusal(400, "FAILED_PRECONDITION", message="There is no active conference for the given space.")
    with Misbehaving([over]) as google, pytest.raises(errors.NothingToEnd):
        client_of(google.url).end_active_conference(NAME)
    other = refusal(400, "FAILED_PRECONDITION", message="Precondition check failed.")
    with Misbehaving([other]) as google, pytest.raises(errors.Refused) as problem:
        client_of(google.url).end_active_conference(NAME)
    assert type(problem.value) is errors.Refused
    assert (problem.value.code, problem.value.effect) == ("precondition", "recheck_space")
    assert problem.value.google_says == "Precondition check failed."


def test_how_long_to_wait_comes_along():
    with (
        Misbehaving([http(429, "", "Retry-After: 17")]) as google,
        pytest.raises(errors.OverQuota) as problem,
    ):
        client_of(google.url).get_space(NAME)
    assert problem.value.retry_after == 17


def test_a_redirect_never_carries_the_token_away():
    with Misbehaving([GOOD_SPACE]) as thief:
        moved = http(307, "", f"Location: {thief.url}/v2/{NAME}")
        with Misbehaving([moved]) as google, pytest.raises(errors.Unreadable):
            client_of(google.url).get_space(NAME)
    assert thief.requests == []


def test_no_proxy_of_the_environment_sees_the_token(monkeypatch):
    with Misbehaving([GOOD_SPACE]) as proxy, Misbehaving([GOOD_SPACE]) as google:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("http_proxy", proxy.url)
        client_of(google.url).get_space(NAME)
    assert proxy.requests == []


@pytest.mark.parametrize("answer", [*SENSELESS.values(), refusal(403, "PERMISSION_DENIED"), CLOSE])
def test_no_message_carries_the_token(answer):
    with Misbehaving([answer]) as google, pytest.raises(errors.GoogleError) as problem:
        client_of(google.url).get_space(NAME)
    assert "canary" not in problem.value.sentence + problem.value.detail + repr(problem.value)


# The token on the way


def renewable(token_url):
    return UserCredentials(
        "stale", refresh_token="1//canary", token_uri=token_url, client_id="c", client_secret="canary-secret"
    )


TOKEN = http(200, {"access_token": "fresh", "expires_in": 3599, "token_type": "Bearer"})
EXPIRED = http(401, {"error": {"code": 401, "status": "UNAUTHENTICATED"}})


@pytest.mark.parametrize("call", [READS["get_space"], WRITES["patch_space"]])
def test_an_expired_token_is_renewed_once_and_the_call_sent_again(call):
    with Misbehaving([TOKEN]) as door, Misbehaving([EXPIRED, GOOD_SPACE]) as google:
        assert call(client_of(google.url, credentials=renewable(door.url))).name == NAME
    assert [one.headers["authorization"] for one in google.requests] == ["Bearer stale", "Bearer fresh"]
    assert len(door.requests) == 1


def test_a_token_refused_twice_is_a_broken_connection():
    with (
        Misbehaving([TOKEN]) as door,
        Misbehaving([EXPIRED]) as google,
        pytest.raises(errors.ConnectionBroken) as problem,
    ):
        client_of(google.url, credentials=renewable(door.url)).end_active_conference(NAME)
    assert problem.value.reason == "token_refused"
    assert (len(google.requests), len(door.requests)) == (2, 1)


def test_a_token_that_cannot_be_renewed_is_a_broken_connection():
    with Misbehaving([EXPIRED]) as google, pytest.raises(errors.ConnectionBroken):
        client_of(google.url).get_space(NAME)


def test_a_write_whose_token_cannot_be_fetched_was_not_sent():
    credentials = renewable(f"http://127.0.0.1:{free_port()}")
    credentials.token = None
    with Misbehaving([http(200, {})]) as google, pytest.raises(errors.Unreachable):
        client_of(google.url, credentials=credentials).end_active_conference(NAME)
    assert google.requests == []
