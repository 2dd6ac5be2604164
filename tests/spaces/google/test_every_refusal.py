"""Every refusal that the simulator can give, through every method of every client."""

from collections.abc import Callable
from typing import Any

import pytest

from spaces.google import credentials, errors
from spaces.google.events import EventsClient
from spaces.google.meet import MeetClient
from spaces.google.pubsub import PullClient
from tests.support.simulator import SimulatorProcess

pytestmark = pytest.mark.slow

OWNER = "rooms-ber@example.com"
NAME = "spaces/jQCFfuBOdN5z"
RECORD = "conferenceRecords/kRyYx8b7vNDsLpR1tG_cNjFUQBoBRhHIMoGJAJkBCQ"
PULLED = "projects/meetadmin-demo/subscriptions/meet-events"

READS: dict[str, tuple[str, Callable[[Any], object]]] = {
    "get_space": ("spaces.get", lambda meet: meet.get_space(NAME)),
    "find_space": ("spaces.get", lambda meet: meet.find_space("abc-mnop-xyz")),
    "members": ("spaces.members.list", lambda meet: meet.members(NAME)),
    "running_conferences": ("conferenceRecords.list", lambda meet: meet.running_conferences()),
    "conference": ("conferenceRecords.get", lambda meet: meet.conference(RECORD)),
    "participants": ("conferenceRecords.participants.list", lambda meet: meet.participants(RECORD)),
    "head_count": ("conferenceRecords.participants.list", lambda meet: meet.head_count(RECORD)),
    "recordings": ("conferenceRecords.recordings.list", lambda meet: meet.recordings(RECORD)),
}
WRITES: dict[str, tuple[str, Callable[[Any], object]]] = {
    "create_space": ("spaces.create", lambda meet: meet.create_space({})),
    "patch_space": ("spaces.patch", lambda meet: meet.patch_space(NAME, {"accessType": "OPEN"})),
    "end": ("spaces.endActiveConference", lambda meet: meet.end_active_conference(NAME)),
}
OF_EVENTS: dict[str, tuple[str, Callable[[Any], object]]] = {
    "find": ("workspaceevents.subscriptions.list", lambda events: events.find("//x")),
    "get": ("workspaceevents.subscriptions.get", lambda events: events.get("subscriptions/x")),
    "create": ("workspaceevents.subscriptions.create", lambda events: events.create("//x", topic="t")),
    "renew": ("workspaceevents.subscriptions.patch", lambda events: events.renew("subscriptions/x")),
    "reactivate": (
        "workspaceevents.subscriptions.reactivate",
        lambda events: events.reactivate("subscriptions/x"),
    ),
    "delete": ("workspaceevents.subscriptions.delete", lambda events: events.delete("subscriptions/x")),
}
OF_PUBSUB: dict[str, tuple[str, Callable[[Any], object]]] = {
    "pull": ("pubsub.subscriptions.pull", lambda pull: pull.pull(PULLED)),
    "acknowledge": ("pubsub.subscriptions.acknowledge", lambda pull: pull.acknowledge(PULLED, ["x"])),
}

MEANS = {
    "denied-space": "hidden",
    "denied-meeting-space": "hidden",
    "denied-member": "hidden",
    "denied-record": "hidden",
    "denied-caller": "hidden",
    "policy-403-caller": "hidden",
    "denied-iam": "project_invalid",
    "not-authorized": "not_an_admin",
    "target-denied": "unknown_refusal",
    "credentials-missing": "token_refused",
    "token-expired": "token_refused",
    "session-cookie-invalid": "token_refused",
    "token-type-unsupported": "token_refused",
    "auth-error": "token_refused",
    "account-state-invalid": "account_disabled",
    "scope-insufficient": "scope_missing",
    "scope-insufficient-old": "scope_missing",
    "user-blocked": "app_blocked",
    "service-disabled": "api_disabled",
    "access-not-configured": "api_disabled",
    "consumer-suspended": "project_suspended",
    "consumer-invalid": "project_invalid",
    "billing-disabled": "billing_disabled",
    "security-policy-violated": "security_policy",
    "org-restriction": "security_policy",
    "location-policy": "security_policy",
    "rate-limit-user": "rate_limit",
    "rate-limit-project": "rate_limit",
    "rate-limit-zero": "rate_limit",
    "resource-exhausted": "rate_limit",
    "retry-info": "rate_limit",
    "retry-after": "rate_limit",
    "user-rate-limit": "rate_limit",
    "rate-limit-old": "rate_limit",
    "rate-limit-old-429": "rate_limit",
    "html-429": "rate_limit",
    "resource-quota": "quota_used_up",
    "quota-exceeded": "quota_used_up",
    "daily-limit": "daily_limit",
    "daily-limit-unregistered": "daily_limit",
    "no-active-conference": "nothing_to_end",
    "precondition-failed": "precondition",
    "precondition-failed-old": "precondition",
    "precondition-412": "precondition",
    "not-resolved": "precondition",
    "policy-400-precondition": "precondition",
    "policy-403": "setting_policy",
    "policy-400": "setting_policy",
    "invalid-argument": "invalid",
    "invalid-enum": "invalid",
    "invalid-field": "invalid",
    "invalid-topic": "invalid",
    "invalid-input": "invalid",
    "html-400": "invalid",
    "not-found": "not_found",
    "not-found-old": "not_found",
    "domain-not-found": "not_found",
    "method-not-found": "unknown_method",
    "not-implemented": "unknown_method",
    "html-404": "unknown_method",
    "gone-sync-token": "gone",
    "gone-updated-min": "gone",
    "gone-deleted": "gone",
    "already-exists": "already_exists",
    "duplicate-old": "already_exists",
    "aborted": "changed_meanwhile",
    "internal": "failing",
    "backend-error": "failing",
    "unknown-500": "failing",
    "bad-gateway": "failing",
    "deadline": "failing",
    "cancelled": "failing",
    "html-500": "failing",
    "html-502": "failing",
    "proxy-504": "failing",
    "unavailable": "unavailable",
    "unavailable-retry-after": "unavailable",
    "html-503": "gateway",
    "html-403-filter": "not_google",
    "captive-portal": "not_google",
    "html-403-google": "unknown_refusal",
    "empty-403": "unknown_refusal",
    "json-without-error": "unknown_refusal",
    "json-error-text": "unknown_refusal",
    "proxy-407": "proxy_login",
}
OF_ONE_API = {
    ("events", "hidden"): "target_hidden",
    ("events", "target-denied"): "target_hidden",
    ("events", "invalid-topic"): "topic_refused",
    ("events", "already_exists"): "already_there",
    ("pubsub", "hidden"): "pull_not_allowed",
    ("pubsub", "not_found"): "no_subscription",
}
ABOUT_AN_OBJECT = {"hidden", "not_found", "target_hidden", "pull_not_allowed", "no_subscription"}
OPEN = {"failing", "gateway", "not_google"}


@pytest.fixture(scope="module")
def clients(simulator: SimulatorProcess, key_of_service: dict[str, Any]) -> dict[str, Any]:
    token_url = f"{simulator.url}/token"
    acting = credentials.delegated(
        key_of_service, subject=OWNER, scopes=credentials.MEET_SCOPES, token_url=token_url
    )
    own = credentials.own(key_of_service, scopes=[credentials.PUBSUB], token_url=token_url)
    return {
        "meet": MeetClient(acting, base_url=simulator.url, timeout=10),
        "events": EventsClient(acting, base_url=simulator.url, timeout=10),
        "pubsub": PullClient(own, base_url=simulator.url, timeout=10),
    }


def test_every_preset_of_the_simulator_has_its_meaning_here(simulator):
    assert {preset["name"] for preset in presets(simulator)} == set(MEANS)


def presets(simulator: SimulatorProcess) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = simulator.control("GET", "faults/presets")["presets"]
    return found


def refused(
    simulator: SimulatorProcess, client: Any, method: str, call: Callable[[Any], object], preset: str
) -> errors.GoogleError:
    """The error with which a call ends that is refused like this, every time."""
    simulator.control("POST", "faults", {"method": method, "preset": preset, "times": 0})
    try:
        with pytest.raises(errors.GoogleError) as problem:
            call(client)
    finally:
        simulator.control("DELETE", "faults")
    return problem.value


@pytest.mark.parametrize("preset", MEANS)
def test_a_refusal_means_the_same_in_every_method(simulator, clients, preset):
    for api, name, method, call in (
        *(("meet", name, *what) for name, what in (READS | WRITES).items()),
        *(("events", name, *what) for name, what in OF_EVENTS.items()),
        *(("pubsub", name, *what) for name, what in OF_PUBSUB.items()),
    ):
        write = name in WRITES or name in OF_PUBSUB or (name in OF_EVENTS and name not in ("find", "get"))
        problem = refused(simulator, clients[api], method, call, preset)
        means = MEANS[preset]
        code = OF_ONE_API.get((api, preset)) or OF_ONE_API.get((api, means)) or means
        told = f"{name}: {problem.code} {problem.detail}"
        assert problem.code == code, told
        assert isinstance(problem, errors.OutcomeUnknown) is (write and means in OPEN), told
        assert isinstance(problem, errors.NotFound | errors.NotPermitted) is (code in ABOUT_AN_OBJECT), told
        assert isinstance(problem, errors.NothingToEnd) is (preset == "no-active-conference"), told
        assert isinstance(problem, errors.OverQuota) is (problem.subject == "quota"), told
        assert problem.cure in problem.sentence
        assert problem.sentence.rstrip().endswith((".", "?", ")."))


def test_google_s_own_sentence_is_kept(simulator, clients):
    for preset in presets(simulator):
        if not preset["message"] or "{" in preset["message"]:
            continue
        problem = refused(simulator, clients["meet"], "spaces.get", READS["get_space"][1], preset["name"])
        assert problem.google_says.startswith(errors.scrub(preset["message"])), preset["name"]
