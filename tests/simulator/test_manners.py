"""Google's manners as the control orders them: quotas, latency, faults in a time window, policies, switches."""

import statistics
import time
from typing import Any

import pytest

from simulator.identity import MEET_SCOPES, SERVICE_ACCOUNT
from simulator.latency import Latency, parse_latency
from simulator.quota import Limit
from tests.support.inside import Inside
from tests.support.simulator import ControlError, SimulatorProcess

OWNER = "rooms-ber@example.com"
OTHER = "rooms-muc@example.com"


@pytest.fixture
def space(google: SimulatorProcess) -> str:
    """A space of the Berlin mailbox."""
    return str(google.call("POST", "/v2/spaces", {}, token=google.token(OWNER))[1]["name"])


def ask(google: SimulatorProcess, path: str, *, who: str = OWNER, times: int = 1) -> list[int]:
    """The statuses of some GETs."""
    token = google.token(who)
    return [google.call("GET", f"/v2/{path}", token=token)[0] for _ in range(times)]


def fresh_minute(google: SimulatorProcess) -> None:
    """Move the clock to the beginning of a minute of world time, so that no window ends in the middle of a test."""
    ahead = google.control("POST", "clock", {"advance_seconds": 0})["advanced_seconds"]
    google.advance(60 - (time.time() + ahead) % 60 + 0.1)


# -- quotas ----------------------------------------------------------------------------------------------------------


def test_the_limits_are_googles_unless_told_otherwise(google):
    assert google.control("GET", "quotas") == {
        "on": True,
        "limits": {
            "read": {"project": 6000, "user": 600},
            "write": {"project": 1000, "user": 100},
            "create": {"project": 100, "user": 10},
        },
        "delegated_as_one": False,
        "retry_info": False,
    }


def test_more_than_ten_spaces_a_minute_are_too_many(google):
    fresh_minute(google)
    token = google.token(OWNER)
    answers = [google.call("POST", "/v2/spaces", {}, token=token) for _ in range(11)]
    assert [status for status, _ in answers] == [200] * 10 + [429]
    error = answers[-1][1]["error"]
    assert error["status"] == "RESOURCE_EXHAUSTED"
    assert error["message"] == (
        "Quota exceeded for quota metric 'Reduced write requests' and limit 'Reduced write requests per minute per "
        "user' of service 'meet.googleapis.com' for consumer 'project_number:123456789012'."
    )
    assert error["details"] == [
        {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "RATE_LIMIT_EXCEEDED",
            "domain": "googleapis.com",
            "metadata": {
                "service": "meet.googleapis.com",
                "consumer": "projects/123456789012",
                "quota_metric": "meet.googleapis.com/reduced_write_requests",
                "quota_limit": "ReducedWriteRequestsPerMinutePerUserPerProject",
                "quota_limit_value": "10",
                "quota_location": "global",
            },
        }
    ]
    assert google.call("POST", "/v2/spaces", {}, token=google.token(OTHER))[0] == 200
    google.advance(60)
    assert google.call("POST", "/v2/spaces", {}, token=google.token(OWNER))[0] == 200


def test_each_class_has_its_own_limits_per_user_and_per_project(google, space):
    google.control("POST", "quotas", {"limits": {"read": {"user": 2, "project": 3}, "write": {"user": 0}}})
    fresh_minute(google)
    assert ask(google, space, times=3) == [200, 200, 429]
    assert ask(google, space, who=OTHER, times=2) == [200, 429]
    token = google.token(OWNER)
    assert google.call("POST", f"/v2/{space}:endActiveConference", {}, token=token)[0] == 429
    google.control("POST", "quotas", {"on": False})
    assert ask(google, space, times=3) == [200, 200, 200]


def test_what_was_used_and_refused_is_counted(google, space):
    fresh_minute(google)
    google.control("DELETE", "requests")
    google.control("POST", "quotas", {"limits": {"read": {"user": 3}}})
    ask(google, space, times=4)
    ask(google, "spaces/unknown", who=OTHER)  # a refusal by Meet itself uses quota too
    google.call("GET", f"/v2/{space}", token="wrong")  # nobody's quota
    quota = google.control("GET", "requests")["quota"]
    assert quota["minutes"][-1]["read"] == {"projects": {"meetadmin-demo": 4}, "users": {OWNER: 3, OTHER: 1}}
    assert quota["refused"] == {"read": 1}
    google.control("DELETE", "requests")
    quota = google.control("GET", "requests")["quota"]
    assert quota["refused"] == {}
    assert quota["minutes"][-1]["read"]["users"][OWNER] == 3


def test_a_quota_user_has_a_bucket_of_its_own(google, space):
    google.control("POST", "quotas", {"limits": {"read": {"user": 1}}})
    fresh_minute(google)
    assert ask(google, f"{space}?quotaUser=one", times=2) == [200, 429]
    assert ask(google, f"{space}?quotaUser=two", times=2) == [200, 429]


@pytest.mark.parametrize(("as_one", "expected"), [(False, [200, 200, 429]), (True, [200, 429, 429])])
def test_delegated_users_may_count_as_one(as_one, expected):
    google = Inside()
    google.machine.quotas.on = True
    google.machine.quotas.limits["read"] = Limit(project=None, user=1)
    google.machine.quotas.delegated_as_one = as_one
    statuses = []
    for email in (OWNER, "it-admin@example.com", "it-admin@example.com"):
        token = google.machine.identity.issue(
            email, frozenset(MEET_SCOPES), now=google.world.now(), client=SERVICE_ACCOUNT
        )
        statuses.append(google.call("GET", "/v2/conferenceRecords", token=token)[0])
    assert statuses == expected


def test_retry_info_when_switched_on(google, space):
    google.control("POST", "quotas", {"limits": {"read": {"user": 0}}, "retry_info": True})
    details = google.call("GET", f"/v2/{space}", token=google.token(OWNER))[1]["error"]["details"]
    assert details[1]["@type"] == "type.googleapis.com/google.rpc.RetryInfo"
    assert 1 <= int(details[1]["retryDelay"].rstrip("s")) <= 60


@pytest.mark.parametrize(
    "body",
    [
        {"limits": {"sip": {"user": 1}}},
        {"limits": {"read": {"user": -1}}},
        {"limits": {"read": 5}},
        {"limits": []},
        {"on": 1},
        {"off": True},
    ],
)
def test_bad_quotas_are_refused(google, body):
    with pytest.raises(ControlError) as refusal:
        google.control("POST", "quotas", body)
    assert refusal.value.status == 400
    assert google.control("GET", "quotas")["limits"]["read"] == {"project": 6000, "user": 600}


# -- latency ---------------------------------------------------------------------------------------------------------


def test_latency_has_the_median_and_the_tail_it_was_given():
    latency = Latency(40, 400, seed=3)
    drawn = sorted(latency.draw() * 1000 for _ in range(20_000))
    assert statistics.median(drawn) == pytest.approx(40, rel=0.05)
    assert drawn[int(len(drawn) * 0.99)] == pytest.approx(400, rel=0.15)
    again = Latency(40, 400, seed=3)
    assert sorted(again.draw() * 1000 for _ in range(20_000)) == drawn


@pytest.mark.parametrize(("text", "expected"), [("0", (0, 0)), ("50", (50, 200)), ("50,60", (50, 60))])
def test_latency_of_the_command_line(text, expected):
    latency = Latency(*parse_latency(text))
    assert (latency.median_ms, latency.p99_ms) == expected


@pytest.mark.parametrize("text", ["", "x", "50,40", "-1"])
def test_bad_latency_of_the_command_line(text):
    with pytest.raises(ValueError, match=r"float|below"):
        parse_latency(text)


def test_ordered_latency_delays_answers(google, space):
    assert google.control("POST", "latency", {"median_ms": 60, "p99_ms": 61}) == {
        "median_ms": 60,
        "p99_ms": 61,
    }
    token = google.token(OWNER)
    begun = time.monotonic()
    google.call("GET", f"/v2/{space}", token=token)
    assert time.monotonic() - begun >= 0.05
    with pytest.raises(ControlError):
        google.control("POST", "latency", {"median_ms": 60, "p99_ms": 10})
    google.reset()
    assert google.control("GET", "latency")["median_ms"] == 0


# -- faults ----------------------------------------------------------------------------------------------------------


def test_a_fault_in_a_window_of_time(google, space):
    google.control("POST", "faults", {"method": "spaces.get", "status": 503, "from": 100, "for": 60})
    assert ask(google, space) == [200]
    google.advance(100)
    assert ask(google, space, times=3) == [503, 503, 503]
    google.advance(60)
    assert ask(google, space) == [200]
    assert google.control("GET", "faults") == {"faults": []}


def test_a_fault_with_a_probability_comes_from_the_seed(google, space):
    google.control("POST", "faults", {"method": "spaces.get", "status": 503, "probability": 0.5})
    first = ask(google, space, times=40)
    assert 8 < first.count(503) < 32
    google.reset()
    again = str(google.call("POST", "/v2/spaces", {}, token=google.token(OWNER))[1]["name"])
    google.control("POST", "faults", {"method": "spaces.get", "status": 503, "probability": 0.5})
    assert ask(google, again, times=40) == first


def test_a_fault_for_one_account(google, space):
    google.control("POST", "faults", {"method": "spaces.*", "status": 500, "account": OTHER, "times": 0})
    assert ask(google, space) == [200]
    assert ask(google, space, who=OTHER) == [500]


def test_a_create_that_happened_although_nobody_heard_of_it(google):
    before = len(google.world()["spaces"])
    google.control("POST", "faults", {"method": "spaces.create", "kind": "timeout", "after": True})
    with pytest.raises(TimeoutError):
        google.call("POST", "/v2/spaces", {}, token=google.token(OWNER), timeout=0.3)
    assert len(google.world()["spaces"]) == before + 1


def test_quota_faults_name_the_limit_of_the_method(google):
    google.control("POST", "faults", {"method": "spaces.create", "status": 429})
    error = google.call("POST", "/v2/spaces", {}, token=google.token(OWNER))[1]["error"]
    assert error["details"][0]["metadata"]["quota_limit_value"] == "10"


@pytest.mark.parametrize(
    ("name", "status", "error"),
    [
        ("invalid_grant", 400, "invalid_grant"),
        ("clock_skew", 400, "invalid_grant"),
        ("invalid_rapt", 400, "invalid_grant"),
        ("unauthorized_client", 401, "unauthorized_client"),
    ],
)
def test_named_errors_of_the_token_endpoint(google, name, status, error):
    google.control("POST", "faults", {"error": name})
    got, answer = google.call("POST", "/token", {})
    assert (got, answer["error"]) == (status, error)
    assert google.call("POST", "/token", {})[1]["error"] == "unsupported_grant_type"


@pytest.mark.parametrize(
    "body",
    [
        {"error": "nonsense"},
        {"error": "invalid_grant", "method": "spaces.get"},
        {"error": "invalid_grant", "status": 400},
        {"status": 500, "probability": 2},
        {"status": 500, "for": -1},
    ],
)
def test_bad_faults_are_refused(google, body):
    with pytest.raises(ControlError):
        google.control("POST", "faults", body)


# -- policies and switches -------------------------------------------------------------------------------------------


def patch(
    google: SimulatorProcess, space: str, config: dict[str, Any], mask: str
) -> tuple[int, dict[str, Any]]:
    """A patch as the owner."""
    return google.call(
        "PATCH", f"/v2/{space}?updateMask={mask}", {"config": config}, token=google.token(OWNER)
    )


def test_a_policy_that_refuses(google, space):
    policy = {"setting": "config.accessType", "allowed": ["TRUSTED", "RESTRICTED"], "account": OWNER}
    google.control("POST", "behaviour", {"policies": [policy]})
    mask = "config.accessType,config.moderation"
    status, answer = patch(google, space, {"accessType": "OPEN", "moderation": "ON"}, mask)
    assert (status, answer["error"]["status"]) == (403, "PERMISSION_DENIED")
    seen = google.call("GET", f"/v2/{space}", token=google.token(OWNER))[1]["config"]
    assert (seen["accessType"], seen["moderation"]) == ("TRUSTED", "OFF")  # all or nothing
    assert patch(google, space, {"moderation": "ON"}, "config.moderation")[0] == 200
    body = {"config": {"accessType": "OPEN"}}
    assert google.call("POST", "/v2/spaces", body, token=google.token(OWNER))[0] == 403
    assert google.call("POST", "/v2/spaces", body, token=google.token(OTHER))[0] == 200


def test_a_missing_licence_that_clamps(google, space):
    policy = {"setting": "artifactConfig", "allowed": ["OFF"], "mode": "clamp"}
    google.control("POST", "behaviour", {"policies": [policy]})
    leaf = "config.artifactConfig.recordingConfig.autoRecordingGeneration"
    config = {"artifactConfig": {"recordingConfig": {"autoRecordingGeneration": "ON"}}}
    status, answer = patch(google, space, config, leaf)
    assert status == 200
    assert answer["config"]["artifactConfig"]["recordingConfig"] == {"autoRecordingGeneration": "OFF"}


@pytest.mark.parametrize(
    "policy",
    [
        {"setting": "config.nonsense", "allowed": ["ON"]},
        {"setting": "accessType", "allowed": ["ON"]},
        {"setting": "accessType", "allowed": []},
        {"setting": "accessType", "allowed": ["OPEN"], "mode": "guess"},
        {"setting": "accessType", "allowed": ["OPEN"], "status": 500},
        {"setting": "accessType", "allowed": ["OPEN"], "why": "x"},
    ],
)
def test_bad_policies_are_refused(google, policy):
    with pytest.raises(ControlError):
        google.control("POST", "behaviour", {"policies": [policy]})


def test_an_api_that_is_not_enabled(google, space):
    google.control("POST", "behaviour", {"disabled_services": ["meet.googleapis.com"]})
    status, answer = google.call("GET", f"/v2/{space}", token=google.token(OWNER))
    error = answer["error"]
    assert (status, error["status"]) == (403, "PERMISSION_DENIED")
    assert error["message"].startswith(
        "Google Meet API has not been used in project 123456789012 before or it is disabled."
    )
    assert error["details"][1]["reason"] == "SERVICE_DISABLED"


def test_switches_are_kept_until_the_reset(google):
    google.control("POST", "behaviour", {"linger_seconds": 3})
    google.control("POST", "behaviour", {"phone_for": "everyone", "sip_gateway": "sip.example.com"})
    kept = google.control("GET", "behaviour")
    assert (kept["linger_seconds"], kept["phone_for"], kept["sip_gateway"]) == (
        3,
        "everyone",
        "sip.example.com",
    )
    wrongs: list[dict[str, Any]] = [
        {"phone_for": "nobody"},
        {"end_foreign": "yes"},
        {"policies": {}},
        {"magic": True},
    ]
    for wrong in wrongs:
        with pytest.raises(ControlError):
            google.control("POST", "behaviour", wrong)
    google.reset()
    assert google.control("GET", "behaviour")["linger_seconds"] == 0


def test_ways_to_dial_in_are_the_owners_unless_switched(google, space):
    stranger = google.token("stranger@elsewhere.example")
    assert "phoneAccess" not in google.call("GET", f"/v2/{space}", token=stranger)[1]
    google.control("POST", "behaviour", {"phone_for": "everyone", "sip_gateway": "sip.example.com"})
    seen = google.call("GET", f"/v2/{space}", token=stranger)[1]
    assert all(
        each["pin"].isdecimal() and each["phoneNumber"].startswith("+") for each in seen["phoneAccess"]
    )
    sip = seen["gatewaySipAccess"][0]
    assert sip["uri"] == f"sip:{sip['sipAccessCode']}@sip.example.com"
    assert len(sip["sipAccessCode"]) == 13


def test_other_readings_of_what_is_not_documented(google, space):
    token = google.token(OWNER)
    foreign = google.control("POST", "spaces", {"owner": OWNER})["name"]
    google.start_conference(foreign, {"guest": "A"})
    google.start_conference(space, {"guest": "A"})
    code = google.call("GET", f"/v2/{space}", token=token)[1]["meetingCode"]
    by_code = f"/v2/conferenceRecords?filter=space.name%3D%22spaces%2F{code}%22"
    member = {"email": "b@example.com"}
    google.call("POST", f"/v2/{space}/members", member, token=token)
    assert google.call("POST", f"/v2/{foreign}:endActiveConference", {}, token=token)[0] == 403
    assert google.call("GET", by_code, token=token)[1] == {}
    assert google.call("POST", f"/v2/{space}/members", member, token=token)[0] == 409
    google.control(
        "POST", "behaviour",
        {"end_foreign": True, "filter_takes_code": True, "member_twice_refused": False, "list_lag_seconds": 30},
    )  # fmt: skip
    assert google.call("POST", f"/v2/{foreign}:endActiveConference", {}, token=token) == (200, {})
    assert google.call("POST", f"/v2/{space}/members", member, token=token)[0] == 200
    assert google.call("GET", by_code, token=token)[1] == {}
    google.advance(31)
    assert len(google.call("GET", by_code, token=google.token(OWNER))[1]["conferenceRecords"]) == 1
