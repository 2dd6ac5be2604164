"""Named refusals of Google's sign-in: the token endpoint, and the errors with which the consent page sends people back.

OAuth 2.0 guides for web server and server-to-server applications; the list of token errors that GAM (the administrators'
command line) expects. Wordings that only GAM's list shows are marked "GAM"; which situation leads to them is assumed.
"""

from simulator.errors import DEAD_GRANT, SHORT_LIVED, UNAUTHORISED

ACCOUNT_DELETED = "The account has been deleted"  # GAM
ACCOUNT_RESTRICTED = "Account restricted"  # GAM
UNKNOWN_USER = "Invalid email or User ID"
NO_ADDRESS = "Invalid principal"  # seen with a numeric id as subject
BAD_ADDRESS = "Invalid impersonation &quot;sub&quot; field"  # GAM; its list has the quotes escaped as HTML

Body = dict[str, str]


def _body(error: str, description: str = "", subtype: str = "") -> Body:
    body = {"error": error}
    if description:
        body["error_description"] = description
    if subtype:
        body["error_subtype"] = subtype
    return body


TOKEN_ERRORS: dict[str, tuple[int, Body]] = {
    "invalid_grant": (400, _body("invalid_grant", DEAD_GRANT)),
    "bad_request": (400, _body("invalid_grant", "Bad Request")),
    "bare_invalid_grant": (400, _body("invalid_grant")),
    "invalid_rapt": (400, _body("invalid_grant", "reauth related error (invalid_rapt)", "invalid_rapt")),
    "rapt_required": (400, _body("invalid_grant", "reauth related error (rapt_required)", "rapt_required")),
    "invalid_user": (400, _body("invalid_grant", UNKNOWN_USER)),
    "not_an_email": (400, _body("invalid_grant", "Not a valid email")),
    "account_deleted": (400, _body("invalid_grant", ACCOUNT_DELETED)),
    "account_not_found": (400, _body("invalid_grant", "Invalid grant: account not found")),
    "clock_skew": (400, _body("invalid_grant", SHORT_LIVED)),
    "invalid_signature": (400, _body("invalid_grant", "Invalid JWT Signature.")),
    "no_verifier": (400, _body("invalid_grant", "Invalid JWT: No valid verifier found for issuer")),
    "bad_audience": (400, _body("invalid_grant", "Invalid JWT: Failed audience check.")),
    "unauthorized_client": (401, _body("unauthorized_client", UNAUTHORISED)),
    "unauthorized_scope": (
        401, _body("unauthorized_client", "Unauthorized client or scope in request."),
    ),
    "access_denied": (401, _body("access_denied", "Access forbidden.")),
    "client_not_authorized": (401, _body("access_denied", "Requested client not authorized.")),
    "account_restricted": (401, _body("access_denied", ACCOUNT_RESTRICTED)),
    "admin_policy_enforced": (400, _body("admin_policy_enforced", "Access to this app is blocked by the administrator.")),
    "org_internal": (403, _body("org_internal", "This client is restricted to users within its organization.")),
    "invalid_client": (401, _body("invalid_client", "The OAuth client was not found.")),
    "wrong_secret": (401, _body("invalid_client", "Unauthorized")),
    "deleted_client": (401, _body("deleted_client", "The OAuth client was deleted.")),
    "disabled_client": (401, _body("disabled_client", "The OAuth client was disabled.")),
    "invalid_scope": (400, _body("invalid_scope", "Invalid OAuth scope or ID token audience provided.")),
    "invalid_principal": (400, _body("invalid_request", NO_ADDRESS)),
    "invalid_impersonation": (400, _body("invalid_request", f"{BAD_ADDRESS}: nobody")),
    "invalid_impersonation_plain": (
        400, _body("invalid_request", 'Invalid impersonation "sub" field: nobody'),
    ),
    "invalid_impersonation_prn": (400, _body("invalid_request", "Invalid impersonation prn email address.")),
    "redirect_uri_mismatch": (400, _body("redirect_uri_mismatch", "Bad Request")),
    "rate_limit_exceeded": (403, _body("rate_limit_exceeded", "Rate Limit Exceeded")),
    "temporarily_unavailable": (503, _body("temporarily_unavailable")),
    "internal_failure": (500, _body("internal_failure", "Backend Error")),
    "bare_internal_failure": (500, _body("internal_failure")),
}  # fmt: skip
"""Name for the control -> status and body of the token endpoint."""

REDIRECT_ERRORS = (
    "access_denied", "admin_policy_enforced", "org_internal", "redirect_uri_mismatch", "disallowed_useragent", "invalid_client",
    "deleted_client", "disabled_client", "invalid_scope", "invalid_request", "server_error", "temporarily_unavailable",
    "interaction_required", "login_required",
)  # fmt: skip
"""Values of ``error`` with which the consent page (method ``authorize``) can send a person back to the app."""
