"""Faults with reason and body, and the presets: every known refusal can be produced for every method."""

import json
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

import pytest

from simulator.meet.service import METHODS
from simulator.presets import PRESETS
from simulator.refusals import Refusal
from simulator.token_errors import REDIRECT_ERRORS, TOKEN_ERRORS
from tests.support.simulator import ControlError, SimulatorProcess

OWNER = "rooms-ber@example.com"
ADMIN = "it-admin@example.com"
DIRECTORY = "https://www.googleapis.com/auth/admin.directory.user.readonly"


def get(google: SimulatorProcess, path: str, token: str) -> tuple[int, str, dict[str, str]]:
    """Status, text and headers of a GET."""
    request = urllib.request.Request(google.url + path, headers={"Authorization": f"Bearer {token}"})
    try:
        with urllib.request.urlopen(request, timeout=30) as reply:
            return reply.status, reply.read().decode(), dict(reply.headers)
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, refusal.read().decode(), dict(refusal.headers)


def refused(google: SimulatorProcess, **fault: Any) -> dict[str, Any]:
    """The error that a GET of records receives under a fault."""
    google.control("POST", "faults", {"method": "conferenceRecords.list", **fault})
    text = get(google, "/v2/conferenceRecords", google.token(OWNER))[1]
    error: dict[str, Any] = json.loads(text)["error"]
    return error


def test_fault_with_reason_has_error_info(google):
    error = refused(
        google, status=403, reason="CONSUMER_SUSPENDED", message="Suspended.", metadata={"consumer": "projects/7"},
    )  # fmt: skip
    assert (error["code"], error["status"], error["message"]) == (403, "PERMISSION_DENIED", "Suspended.")
    info = error["details"][0]
    assert (info["reason"], info["domain"]) == ("CONSUMER_SUSPENDED", "googleapis.com")
    assert info["metadata"] == {
        "consumer": "projects/7",
        "service": "meet.googleapis.com",
        "method": "google.apps.meet.v2.ConferenceRecordsService.ListConferenceRecords",
    }


def test_fault_with_status_word_and_details(google):
    detail = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "9s"}
    error = refused(google, status=400, status_word="FAILED_PRECONDITION", details=[detail])
    assert (error["status"], error["details"]) == ("FAILED_PRECONDITION", [detail])


def test_fault_in_the_older_style(google):
    error = refused(google, status=403, status_word=None, errors="quotaExceeded", domain="usageLimits")
    assert "status" not in error
    assert error["errors"] == [
        {"message": error["message"], "domain": "usageLimits", "reason": "quotaExceeded"}
    ]


@pytest.mark.parametrize(
    ("body", "content_type", "expected"),
    [
        ({"error": {"code": 403}}, None, '{"error": {"code": 403}}'),
        ("<html>No entry {}</html>", "text/html", "<html>No entry {}</html>"),
        ("", "text/plain", ""),
    ],
)
def test_fault_with_literal_body(google, body, content_type, expected):
    fault = {"status": 403, "body": body, "headers": {"Server": "filter"}, "retry_after": 7}
    google.control("POST", "faults", fault | ({"content_type": content_type} if content_type else {}))
    status, text, headers = get(google, "/v2/conferenceRecords", google.token(OWNER))
    assert (status, text, headers["Server"], headers["Retry-After"]) == (403, expected, "filter", "7")
    assert headers["Content-Type"] == (content_type or "application/json; charset=UTF-8")


def test_literal_body_may_come_with_success(google):
    google.control("POST", "faults", {"status": 200, "body": "<p>Sign in</p>", "content_type": "text/html"})
    status, text, _ = get(google, "/v2/conferenceRecords", google.token(OWNER))
    assert (status, text) == (200, "<p>Sign in</p>")


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 403, "body": "x", "reason": "Y"},
        {"status": 200},
        {"status": 200, "reason": "X"},
        {"preset": "nonsense"},
        {"preset": "internal", "reason": "X"},
        {"kind": "timeout", "body": "x"},
        {"status": 403, "metadata": {"a": 1}},
        {"status": 403, "details": "x"},
        {"status": 403, "headers": []},
        {"status": 403, "status_word": 5},
        {"error": "access_denied", "method": "authorize.x"},
        {"error": "server_error", "method": "token"},
        {},
    ],
)
def test_bad_fault_is_refused(google, fault):
    with pytest.raises(ControlError) as refusal:
        google.control("POST", "faults", fault)
    assert refusal.value.status == 400
    assert google.control("GET", "faults") == {"faults": []}


def test_presets_are_listed_with_what_identifies_them(google):
    listed = google.control("GET", "faults/presets")
    presets = {each["name"]: each for each in listed["presets"]}
    assert presets.keys() == PRESETS.keys()
    reasons = {each["reason"] for each in listed["presets"]}
    assert reasons >= {
        "ACCESS_TOKEN_SCOPE_INSUFFICIENT", "SERVICE_DISABLED", "CONSUMER_SUSPENDED", "BILLING_DISABLED",
        "SECURITY_POLICY_VIOLATED", "RATE_LIMIT_EXCEEDED", "dailyLimitExceeded", "quotaExceeded", "userRateLimitExceeded",
    }  # fmt: skip
    assert presets["precondition-failed"]["message"] == "Precondition check failed."
    assert {each["status_word"] for each in listed["presets"]} >= {
        "ALREADY_EXISTS",
        "ABORTED",
        "FAILED_PRECONDITION",
    }
    html = {each["status"] for each in listed["presets"] if each["content_type"].startswith("text/html")}
    assert html >= {403, 404, 502}
    assert {each["name"] for each in listed["token_errors"]} == TOKEN_ERRORS.keys()
    assert listed["redirect_errors"] == list(REDIRECT_ERRORS)


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_can_be_ordered_for_any_method(google, name):
    refusal = PRESETS[name].refusal
    for method, path in (("conferenceRecords.list", "/v2/conferenceRecords"), ("spaces.*", "/v2/spaces/x")):
        google.control("POST", "faults", {"method": method, "preset": name})
        status, text, headers = get(google, path, google.token(OWNER))
        assert status == refusal.status
        assert headers["Content-Type"] == refusal.content_type
        assert not [place for place in ("{service}", "{title}", "{method}", "{number}") if place in text]
        if refusal.body is None:
            error = json.loads(text)["error"]
            assert error["code"] == refusal.status
            assert refusal.reason in ("", error.get("details", [{}])[-1].get("reason"))
    counts = google.control("GET", "requests")["by_status"]
    assert counts == {str(refusal.status): 2}


def test_every_preset_has_a_text_for_every_method():
    for name, preset in PRESETS.items():
        for method in METHODS:
            text = preset.refusal.text_for(method.name, method.rpc)
            if preset.refusal.body is None:
                assert json.loads(text)["error"]["message"], name


def test_fault_names_the_service_of_its_method(google):
    google.control("POST", "faults", {"method": "directory.*", "preset": "service-disabled"})
    path = f"/admin/directory/v1/users/{OWNER}"
    error = json.loads(get(google, path, google.token(ADMIN, DIRECTORY))[1])["error"]
    assert error["message"].startswith("Admin SDK API has not been used in project 123456789012")
    assert error["details"][1]["metadata"]["service"] == "admin.googleapis.com"


def test_list_is_refused_for_four_minutes_while_other_calls_work(google):
    google.control(
        "POST", "faults", {"method": "conferenceRecords.list", "preset": "denied-caller", "for": 240}
    )
    space = google.world()["rooms"][0]["space"]
    owner = google.world()["rooms"][0]["account"]
    token = google.token(owner)
    for _ in range(3):
        assert google.call("GET", "/v2/conferenceRecords", token=token)[0] == 403
        assert google.call("GET", f"/v2/{space}", token=token)[0] == 200
        google.advance(79)
    google.advance(4)
    assert google.call("GET", "/v2/conferenceRecords", token=google.token(owner))[0] == 200


def test_preset_can_take_effect_first(google):
    before = len(google.world()["spaces"])
    google.control("POST", "faults", {"method": "spaces.create", "preset": "html-502", "after": True})
    assert google.call("POST", "/v2/spaces", {}, token=google.token(OWNER))[0] == 502
    assert len(google.world()["spaces"]) == before + 1


@pytest.mark.parametrize("name", TOKEN_ERRORS)
def test_every_token_error_can_be_ordered(google, name):
    status, body = TOKEN_ERRORS[name]
    google.control("POST", "faults", {"error": name})
    assert google.call("POST", "/token", {}) == (status, body)


@pytest.mark.parametrize("error", REDIRECT_ERRORS)
def test_consent_page_sends_back_with_the_error(google, error):
    google.control("POST", "faults", {"method": "authorize", "error": error})
    query = urllib.parse.urlencode(
        {
            "client_id": "meetadmin-demo.apps.googleusercontent.com",
            "redirect_uri": "http://127.0.0.1:9/accounts/connect/callback/",
            "response_type": "code",
            "scope": "openid",
            "state": "s",
        }
    )
    opener = urllib.request.build_opener(NoRedirect)
    with pytest.raises(urllib.error.HTTPError) as refusal:
        opener.open(f"{google.url}/o/oauth2/v2/auth?{query}", timeout=30)
    with refusal.value as reply:
        assert reply.code == 302
        assert reply.headers["Location"].endswith(f"?state=s&error={error}")


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """Leaves redirects to the test."""

    def redirect_request(self, *args: Any, **named: Any) -> None:
        """Follow nothing."""


def test_placeholders_are_filled_and_other_braces_stay():
    refusal = Refusal(403, message="{service} {not a place} {number}")
    message = json.loads(refusal.text_for("pubsub.subscriptions.pull", "x"))["error"]["message"]
    assert message == "pubsub.googleapis.com {not a place} 123456789012"
