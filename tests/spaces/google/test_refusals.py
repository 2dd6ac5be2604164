"""The table of refusals: every reason of Google's own list, and what decides when several things speak."""

import pytest
from google.api import error_reason_pb2

from spaces.google import errors
from spaces.google.answers import read_answer
from spaces.google.interpret import from_answer
from spaces.google.refusals import TABLE
from spaces.google.token_refusals import TOKEN_ENDPOINT

HIDDEN = "Permission denied on resource Space (or it might not exist)"
FILTER = "<!DOCTYPE html><html><head><title>Access denied by policy</title></head><body>Category: chat</body></html>"
GOOGLE_PAGE = "<!DOCTYPE html><html lang=en><title>Error 403 (Forbidden)!!1</title>"


def judge(code, *, status="", message="", reason="", older="", page="", write=False, **metadata):
    error = {"code": code, "status": status, "message": message}
    if reason:
        error["details"] = [{"reason": reason, "metadata": metadata}]
    if older:
        error["errors"] = [{"reason": older, "domain": "usageLimits"}]
    return from_answer(read_answer(code, None if page else {"error": error}, page=page), write=write)


@pytest.mark.parametrize("reason", error_reason_pb2.ErrorReason.keys()[1:])
def test_every_reason_of_google_is_in_the_table(reason):
    assert any(reason in row.reasons for row in TABLE)
    problem = judge(403, status="PERMISSION_DENIED", message=HIDDEN, reason=reason)
    assert not isinstance(problem, errors.NotPermitted | errors.NotFound | errors.NothingToEnd)
    assert problem.google_says == HIDDEN
    assert problem.subject != "space"


TELLING = [
    ({"reason": "CONSUMER_SUSPENDED"}, errors.AccessRefused, "project_suspended", "project", "account_problem"),
    ({"reason": "BILLING_DISABLED"}, errors.AccessRefused, "billing_disabled", "project", "account_problem"),
    ({"reason": "SECURITY_POLICY_VIOLATED"}, errors.AccessRefused, "security_policy", "organisation", "account_problem"),
    ({"reason": "SERVICE_DISABLED"}, errors.ApiDisabled, "api_disabled", "project", "account_problem"),
    ({"reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT"}, errors.ScopeMissing, "scope_missing", "account", "account_broken"),
    ({"reason": "ACCOUNT_STATE_INVALID"}, errors.AccessRefused, "account_disabled", "account", "account_broken"),
    ({"reason": "USER_BLOCKED_BY_ADMIN"}, errors.AccessRefused, "app_blocked", "organisation", "account_problem"),
    ({"reason": "RATE_LIMIT_EXCEEDED"}, errors.OverQuota, "rate_limit", "quota", "pause_quota"),
    ({"older": "dailyLimitExceeded"}, errors.OverQuota, "daily_limit", "quota", "pause_quota"),
    ({"older": "quotaExceeded"}, errors.OverQuota, "quota_used_up", "quota", "pause_quota"),
    ({"older": "userRateLimitExceeded"}, errors.OverQuota, "rate_limit", "quota", "pause_quota"),
    ({"older": "accessNotConfigured"}, errors.ApiDisabled, "api_disabled", "project", "account_problem"),
    ({"older": "domainPolicy"}, errors.AccessRefused, "app_blocked", "organisation", "account_problem"),
    ({"message": "Request is prohibited by organization's policy. vpcServiceControlsUniqueIdentifier: 1"},
     errors.AccessRefused, "security_policy", "organisation", "account_problem"),
    ({"message": "Meet API has not been used in project 12 before or it is disabled."},
     errors.ApiDisabled, "api_disabled", "project", "account_problem"),
    ({"message": "The user's account has been suspended."}, errors.AccessRefused, "account_disabled", "account", "account_broken"),
    ({"message": "Permission denied on resource project meet-prod."}, errors.AccessRefused, "project_invalid", "project", "account_problem"),
    ({"message": "The setting is not allowed by your organization's policy."}, errors.Refused, "setting_policy", "organisation", "none"),
    ({"message": "The user lacks the license for recordings."}, errors.Refused, "not_licensed", "account", "none"),
    ({"message": "Not Authorized to access this resource/api", "older": "forbidden"},
     errors.AccessRefused, "not_an_admin", "account", "account_problem"),
    ({"message": "Quota exceeded for quota metric 'Read requests' and limit 'Read requests per day'", "reason": "RATE_LIMIT_EXCEEDED"},
     errors.OverQuota, "daily_limit", "quota", "pause_quota"),
    ({"message": HIDDEN}, errors.NotPermitted, "hidden", "space", "recheck_space"),
    ({"message": HIDDEN, "reason": "NEW_IN_2027"}, errors.NotPermitted, "hidden", "space", "recheck_space"),
    ({"message": "The caller does not have permission"}, errors.NotPermitted, "hidden", "space", "recheck_space"),
    ({"message": "The caller does not have permission", "older": "forbidden"}, errors.NotPermitted, "hidden", "space", "recheck_space"),
    ({"message": "The caller does not have permission", "reason": "NEW_IN_2027"},
     errors.AccessRefused, "unknown_refusal", "account", "recheck_space"),
    ({"message": "Mondays are closed."}, errors.AccessRefused, "unknown_refusal", "account", "recheck_space"),
]  # fmt: skip


@pytest.mark.parametrize(("answer", "kind", "code", "subject", "effect"), TELLING)
@pytest.mark.parametrize("write", [False, True])
def test_a_forbidden_request_is_explained(answer, kind, code, subject, effect, write):
    problem = judge(403, status="PERMISSION_DENIED", write=write, **answer)
    assert (type(problem), problem.code, problem.subject, problem.effect) == (kind, code, subject, effect)
    assert problem.cure in problem.sentence
    assert problem.google_says == answer.get("message", "")
    if kind is not errors.NotPermitted:
        assert "own" not in problem.sentence.split()


@pytest.mark.parametrize(("status", "code"), [("FAILED_PRECONDITION", 400), ("INVALID_ARGUMENT", 400)])
def test_a_setting_against_a_rule_is_refused_in_google_s_words(status, code):
    said = "The value OPEN is forbidden by the administrator of this domain."
    problem = judge(code, status=status, message=said, write=True)
    assert (type(problem), problem.code) == (errors.Refused, "setting_policy")
    assert said.rstrip(".") in problem.sentence


@pytest.mark.parametrize(
    ("status", "message", "kind", "code"),
    [
        ("FAILED_PRECONDITION", "There is no active conference for the given space.", errors.NothingToEnd, "nothing_to_end"),
        ("", "There is no active conference for the given space.", errors.NothingToEnd, "nothing_to_end"),
        ("INVALID_ARGUMENT", "There is no active conference called x.", errors.Refused, "invalid"),
        ("FAILED_PRECONDITION", "Precondition check failed.", errors.Refused, "precondition"),
        ("FAILED_PRECONDITION", "The conference cannot be ended.", errors.Refused, "precondition"),
        ("INVALID_ARGUMENT", "Request contains an invalid argument.", errors.Refused, "invalid"),
    ],
)  # fmt: skip
def test_a_failed_precondition_is_not_always_an_ended_call(status, message, kind, code):
    problem = judge(400, status=status, message=message, write=True)
    assert (type(problem), problem.code) == (kind, code)


@pytest.mark.parametrize(
    ("code", "status", "message", "kind"),
    [
        (404, "NOT_FOUND", "Requested entity was not found.", errors.NotFound),
        (404, "NOT_FOUND", "Method not found.", errors.Refused),
        (404, "", "Not Found", errors.NotFound),
        (501, "UNIMPLEMENTED", "Method not found.", errors.Refused),
        (409, "ALREADY_EXISTS", "Requested entity already exists", errors.Refused),
        (409, "ABORTED", "Concurrent change.", errors.TryLater),
    ],
)
def test_what_is_missing_and_what_was_not_understood_differ(code, status, message, kind):
    assert type(judge(code, status=status, message=message)) is kind


@pytest.mark.parametrize("code", [200, 400, 401, 403, 404, 451])
def test_a_web_filter_is_not_taken_for_google(code):
    problem = judge(code, page=FILTER)
    assert (type(problem), problem.code, problem.subject, problem.effect) == (
        errors.NotGoogle,
        "not_google",
        "network",
        "none",
    )
    assert problem.google_says == ""
    assert str(code) in problem.sentence


@pytest.mark.parametrize("code", [200, 302, 403, 500, 502])
def test_a_write_that_somebody_else_answered_may_have_happened(code):
    problem = judge(code, page=FILTER, write=True)
    assert type(problem) is errors.OutcomeUnknown
    assert problem.cure in problem.sentence
    assert problem.effect == "recheck_space"


def test_a_page_of_google_s_front_end_is_google_s_answer():
    assert judge(403, page=GOOGLE_PAGE).code == "unknown_refusal"
    assert judge(404, page=GOOGLE_PAGE.replace("403 (Forbidden)", "404 (Not Found)")).code == "unknown_method"
    assert judge(502, page=GOOGLE_PAGE.replace("403 (Forbidden)", "502 (Server Error)")).code == "failing"


def test_a_proxy_that_wants_a_password_sent_nothing():
    problem = judge(407, page=FILTER, write=True)
    assert (type(problem), problem.code) == (errors.Unreachable, "proxy_login")


@pytest.mark.parametrize(
    ("older", "pause"), [("dailyLimitExceeded", 3600), ("quotaExceeded", 300), ("rateLimitExceeded", None)]
)
def test_long_limits_pause_for_longer(older, pause):
    problem = judge(403, older=older)
    assert isinstance(problem, errors.OverQuota)
    assert problem.retry_after == pause


def test_the_disabled_api_is_named_as_google_names_it():
    problem = judge(403, reason="SERVICE_DISABLED", service="pubsub.googleapis.com", consumer="projects/12")
    assert isinstance(problem, errors.ApiDisabled)
    assert "Cloud Pub/Sub API" in problem.sentence
    assert problem.link == "https://console.cloud.google.com/apis/library/pubsub.googleapis.com?project=12"


def test_a_vague_message_is_completed_by_its_violations():
    details = [{"violations": [{"type": "TOS", "description": "The recording must be stopped first."}]}]
    body = {
        "error": {
            "code": 400,
            "status": "FAILED_PRECONDITION",
            "message": "Precondition check failed.",
            "details": details,
        }
    }
    problem = from_answer(read_answer(400, body), write=True)
    assert problem.google_says == "Precondition check failed. The recording must be stopped first."


def test_a_rule_of_the_organisation_may_stand_in_a_violation():
    violation = {
        "field": "space.config.access_type",
        "description": "Not permitted by the administrator's policy.",
    }
    error = {"code": 400, "status": "INVALID_ARGUMENT", "message": "Request contains an invalid argument."}
    body = {"error": {**error, "details": [{"fieldViolations": [violation]}]}}
    problem = from_answer(read_answer(400, body), write=True)
    assert (type(problem), problem.code) == (errors.Refused, "setting_policy")
    assert "administrator's policy" in problem.sentence
    assert "space.config.access_type" in problem.sentence


def test_google_s_words_carry_no_secret():
    problem = judge(403, status="PERMISSION_DENIED", message="Token ya29.canary is\nnot welcome.")
    assert "canary" not in problem.google_says + problem.sentence + problem.detail
    assert "\n" not in problem.google_says


@pytest.mark.parametrize(
    ("word", "description", "reason"),
    [
        ("invalid_grant", "Token has been expired or revoked.", "revoked"),
        ("invalid_grant", "Bad Request", "revoked"),
        ("invalid_grant", "Invalid email or User ID", "unknown_subject"),
        ("invalid_grant", "The account has been deleted", "unknown_subject"),
        ("invalid_grant", "Invalid JWT Signature.", "bad_key"),
        ("invalid_grant", "Invalid JWT: Token must be a short-lived token (60 minutes)", "clock"),
        ("invalid_request", "Invalid principal", "not_an_address"),
        ("invalid_request", 'Invalid impersonation "sub" field: 12', "not_an_address"),
        ("access_denied", "Account restricted", "account_off"),
        ("access_denied", "Access forbidden.", "policy"),
        ("unauthorized_client", "Client is unauthorized to retrieve access tokens", "not_delegated"),
        ("something_new", "We have thought of something new.", "other"),
    ],
)
def test_refusals_of_the_token_endpoint(word, description, reason):
    answer = read_answer(400, {"error": word, "error_description": description})
    problem = from_answer(answer, write=False, service=TOKEN_ENDPOINT)
    assert isinstance(problem, errors.ConnectionBroken)
    assert problem.reason == problem.code == reason
    assert problem.google_says == description
