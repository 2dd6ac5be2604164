"""Sorting Google's answers by what to do about them."""

import pickle
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spaces.google import errors
from spaces.google.answers import read_answer
from spaces.google.interpret import from_answer

LIBRARY = "https://console.cloud.google.com/apis/library/meet.googleapis.com"


def body(code=400, status="", message="", *details):
    return {"error": {"code": code, "status": status, "message": message, "details": list(details)}}


def info(reason, **metadata):
    return {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "metadata": metadata}


READS = [
    (400, body(400, "INVALID_ARGUMENT", "Request contains an invalid argument."), errors.Refused),
    (400, body(400, "FAILED_PRECONDITION", "Precondition check failed."), errors.Refused),
    (400, None, errors.Refused),
    (401, body(401, "UNAUTHENTICATED"), errors.ConnectionBroken),
    (403, body(403, "PERMISSION_DENIED", "Permission denied on resource Space"), errors.NotPermitted),
    (403, body(403, "PERMISSION_DENIED", "", info("ACCESS_TOKEN_SCOPE_INSUFFICIENT")), errors.ScopeMissing),
    (403, body(403, "PERMISSION_DENIED", "", info("SERVICE_DISABLED")), errors.ApiDisabled),
    (403, body(403, "", "", info("RATE_LIMIT_EXCEEDED")), errors.OverQuota),
    (403, {"error": {"errors": [{"reason": "userRateLimitExceeded"}]}}, errors.OverQuota),
    (403, None, errors.AccessRefused),
    (404, body(404, "NOT_FOUND"), errors.NotFound),
    (404, None, errors.Refused),
    (408, None, errors.TryLater),
    (409, body(409, "ALREADY_EXISTS"), errors.Refused),
    (409, body(409, "ABORTED"), errors.TryLater),
    (412, None, errors.Refused),
    (429, body(429, "RESOURCE_EXHAUSTED", "", info("RATE_LIMIT_EXCEEDED")), errors.OverQuota),
    (429, None, errors.OverQuota),
    (500, body(500, "INTERNAL"), errors.TryLater),
    (502, None, errors.TryLater),
    (503, body(503, "UNAVAILABLE"), errors.TryLater),
    (504, body(504, "DEADLINE_EXCEEDED"), errors.TryLater),
    (302, None, errors.NotGoogle),
]


@pytest.mark.parametrize(("code", "answer", "kind"), READS)
def test_a_failed_read(code, answer, kind):
    problem = from_answer(read_answer(code, answer), write=False)
    assert type(problem) is kind
    assert problem.sentence.endswith(".")
    assert str(code) in problem.detail


@pytest.mark.parametrize("code", [302, 408, 500, 502, 504, 599])
def test_a_write_that_may_have_happened(code):
    assert type(from_answer(read_answer(code, None), write=True)) is errors.OutcomeUnknown


@pytest.mark.parametrize("code", [400, 401, 403, 404, 409, 412, 429, 503])
def test_a_write_that_certainly_did_not_happen(code):
    assert not isinstance(from_answer(read_answer(code, None), write=True), errors.OutcomeUnknown)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7), ("0", 0), ("-3", 0), ("2.5", 2.5), ("1e9", 3600), ("soon", None), ("", None), (None, None), ("nan", None),
     ("Wed, 99 Foo 2026", None)],
)  # fmt: skip
def test_how_long_to_wait(header, seconds):
    assert read_answer(429, None, retry_after=header).retry_after == seconds


def test_how_long_to_wait_as_a_date():
    header = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    pause = read_answer(503, None, retry_after=header).retry_after
    assert pause is not None
    assert 25 < pause <= 30


def test_how_long_to_wait_as_google_says_in_the_body():
    answer = read_answer(429, body(429, "RESOURCE_EXHAUSTED", "", {"retryDelay": "23s"}), retry_after="99")
    problem = from_answer(answer, write=False)
    assert isinstance(problem, errors.OverQuota)
    assert problem.retry_after == 23


def test_a_refused_setting_is_named():
    violation = {"fieldViolations": [{"field": "space.config.moderation", "description": "bad"}]}
    problem = from_answer(
        read_answer(400, body(400, "INVALID_ARGUMENT", "Invalid value", violation)), write=True
    )
    assert isinstance(problem, errors.Refused)
    assert problem.fields == ("space.config.moderation",)
    assert "space.config.moderation" in problem.sentence
    assert problem.status == "INVALID_ARGUMENT"


def test_a_disabled_api_leads_to_the_switch_of_the_right_project():
    problem = from_answer(
        read_answer(403, body(403, "", "", info("SERVICE_DISABLED", consumer="projects/1234"))), write=False
    )
    assert isinstance(problem, errors.ApiDisabled)
    assert problem.link == LIBRARY + "?project=1234"
    odd = read_answer(403, body(403, "", "", info("SERVICE_DISABLED", consumer='projects/1"><script>')))
    assert from_answer(odd, write=False).link == LIBRARY  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "secret",
    ["ya29.a0AfB_canary", "1//0canary-token", "eyJhbGciOiJSUzI1NiJ9.canary.x", "GOCSPX-canary", "Bearer canary1234",
     "refresh_token=canary1234&x=1", "assertion=canary1234", "4/0AcanaryCode"],
)  # fmt: skip
def test_no_detail_carries_a_token(secret):
    problem = errors.TryLater("Later.", detail=f"POST failed: {secret} was sent")
    assert "canary" not in problem.detail
    assert "POST failed" in problem.detail


def test_a_detail_is_short_and_one_line():
    assert len(errors.Unreadable("x.", detail="a\nb " * 2000).detail) <= 500
    assert "\n" not in errors.Unreadable("x.", detail="a\nb").detail


@pytest.mark.parametrize("reason", list(errors.CURES))
def test_a_broken_connection_says_how_to_mend_it(reason):
    problem = errors.broken(reason, detail="x")
    assert problem.reason == reason
    assert problem.cure in problem.sentence
    assert problem.sentence != problem.cure


def test_errors_survive_the_way_between_processes():
    for problem in (
        errors.broken("clock", detail="skew"),
        errors.OverQuota("Wait.", retry_after=5),
        errors.ApiDisabled("x."),
        from_answer(read_answer(403, body(403, "", "Stop.", info("CONSUMER_SUSPENDED"))), write=False),
    ):
        again = pickle.loads(pickle.dumps(problem))  # noqa: S301 - our own bytes
        assert type(again) is type(problem)
        assert again.__dict__ == problem.__dict__


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "error",
                    "errors",
                    "details",
                    "reason",
                    "status",
                    "message",
                    "metadata",
                    "fieldViolations",
                    "x",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(
    code=st.integers(300, 599), body=json_like, header=st.none() | st.text(max_size=20), write=st.booleans()
)
def test_no_answer_is_too_odd_to_be_sorted(code, body, header, write):
    problem = from_answer(read_answer(code, body, retry_after=header), write=write)
    assert isinstance(problem, errors.GoogleError)
    assert problem.sentence
