"""What the token endpoint's refusals mean, as rows for `interpret`. It gives an `error` word and a description (RFC 6749, 5.2); the
description decides only within one word. Google Identity guides: "Using OAuth 2.0 for Server to Server Applications", "Error codes"."""

from dataclasses import replace

from spaces.google import errors
from spaces.google.errors import CURES, WHAT, Reason
from spaces.google.interpret import Service
from spaces.google.refusals import Row, words


def _row(reason: Reason, given: str, message: str = "") -> Row:
    return Row(
        reason,
        errors.ConnectionBroken,
        WHAT[reason],
        CURES[reason],
        reasons=words(given),
        message=message,
        both=bool(message),
    )


TOKEN_ENDPOINT = Service(
    "Google's sign-in service",
    "oauth2.googleapis.com",
    (
        _row("sign_in_again", "invalid_rapt rapt_required"),
        _row(
            "unknown_subject",
            "invalid_grant",
            r"invalid email or user id|account has been deleted|account not found",
        ),
        _row(
            "account_off",
            "invalid_grant access_denied",
            r"account (?:has been |is )?(?:restricted|suspended|disabled)",
        ),
        _row("clock", "invalid_grant", r"reasonable timeframe|short-lived"),
        _row("bad_key", "invalid_grant", r"jwt signature"),
        _row("revoked", "invalid_grant"),
        _row("not_an_address", "invalid_request", r"principal|impersonation"),
        _row("not_delegated", "unauthorized_client"),
        _row("bad_scope", "invalid_scope"),
        _row("policy", "access_denied admin_policy_enforced org_internal"),
        _row("bad_client", "invalid_client deleted_client disabled_client"),
        _row("redirect", "redirect_uri_mismatch"),
        _row("browser", "disallowed_useragent"),
        replace(_row("other", ""), http=frozenset({400, 401, 403, 404})),
    ),
)
