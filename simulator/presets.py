"""A named refusal for every way in which Google, or something on the way to it, is known to refuse.

Sources: Meet REST reference and guides, google.rpc error model, ``google.api.ErrorReason``, Calendar and Admin SDK error
pages. ``known`` says how sure the wording is: documented, seen (reported by people who received it), or assumed.
"""

from dataclasses import dataclass

from simulator.errors import MESSAGES, STATUS_WORDS
from simulator.refusals import JSON, Refusal

HTML = "text/html; charset=UTF-8"


@dataclass(frozen=True, slots=True)
class Preset:
    """A named refusal: the methods that Google gives it to (patterns), and how sure that is."""

    refusal: Refusal
    methods: tuple[str, ...] = ("*",)
    known: str = "documented"

    def as_json(self, name: str) -> JSON:
        """As ``GET faults/presets`` lists it."""
        refusal = self.refusal
        return {
            "name": name,
            "status": refusal.status,
            "status_word": None if refusal.body is not None else refusal.word or STATUS_WORDS.get(refusal.status),
            "reason": refusal.reason or refusal.errors or None,
            "message": None if refusal.body is not None else refusal.message or MESSAGES.get(refusal.status),
            "content_type": refusal.content_type,
            "methods": list(self.methods),
            "known": self.known,
        }  # fmt: skip


def page(title: str, text: str) -> str:
    """A small HTML page, as proxies and Google's front ends send them."""
    return f"<!DOCTYPE html>\n<html lang=en>\n<meta charset=utf-8>\n<title>{title}</title>\n<p>{text}</p>\n"


def _google_page(status: int, title: str, text: str) -> Refusal:
    return Refusal(status, body=page(f"Error {status} ({title})!!1", text), content_type=HTML)


def _type(name: str) -> str:
    return f"type.googleapis.com/google.rpc.{name}"


_ACTIVATION = "https://console.developers.google.com/apis/api/{service}/overview?project={number}"
_CONSUMER = {"consumer": "projects/{number}"}
_MEET = ("spaces.*", "conferenceRecords.*")
_SPACES = ("spaces.get", "spaces.patch", "spaces.endActiveConference")
_OLD = ("directory.*", "reports.*")
_EVENTS = ("workspaceevents.*",)
_SETTINGS = ("spaces.create", "spaces.patch")
_BOTH = (*_MEET, *_EVENTS)


def _limit(word: str, metric: str, limit: str, value: str, scope: str) -> Refusal:
    return Refusal(
        429,
        message=f"Quota exceeded for quota metric '{word}' and limit '{word} per minute{scope}' of service '{{service}}' for "
        "consumer 'project_number:{number}'.",
        reason="RATE_LIMIT_EXCEEDED",
        metadata={
            **_CONSUMER, "quota_metric": f"{{service}}/{metric}", "quota_limit": limit, "quota_limit_value": value,
            "quota_location": "global", "quota_unit": "1/min/{project}/{user}" if scope else "1/min/{project}",
        },
    )  # fmt: skip


def _usage(status: int, reason: str, message: str) -> Refusal:
    return Refusal(status, word=None, message=message, errors=reason, domain="usageLimits")


PRESETS: dict[str, Preset] = {
    # Rights
    "denied-space": Preset(
        Refusal(403, message="Permission denied on resource Space (or it might not exist)"), _SPACES, "seen"
    ),
    "denied-meeting-space": Preset(
        Refusal(403, message="Permission denied on resource MeetingSpace (or it might not exist)"), ("spaces.get",), "seen"
    ),
    "denied-member": Preset(
        Refusal(403, message="Permission denied on resource Member"), ("spaces.members.*",), "seen"
    ),
    "denied-record": Preset(
        Refusal(403, message="Permission denied on resource ConferenceRecord (or it might not exist)"),
        ("conferenceRecords.*",), "assumed",
    ),
    "denied-caller": Preset(Refusal(403, message="The caller does not have permission")),
    "denied-iam": Preset(
        Refusal(
            403,
            message="Caller does not have required permission to use project meetadmin-demo. Grant the caller the "
            "roles/serviceusage.serviceUsageConsumer role.",
            reason="USER_PROJECT_DENIED",
            metadata=_CONSUMER,
        )
    ),
    "not-authorized": Preset(
        Refusal(403, word=None, message="Not Authorized to access this resource/api", errors="forbidden"), _OLD
    ),
    "target-denied": Preset(
        Refusal(403, message="The caller does not have access to the target resource.", reason="TARGET_RESOURCE_ACCESS_DENIED"),
        ("workspaceevents.subscriptions.create",), "seen",
    ),
    # Token and scope
    "credentials-missing": Preset(
        Refusal(
            401,
            message="Request is missing required authentication credential. Expected OAuth 2 access token, login cookie or "
            "other valid authentication credential.",
            reason="CREDENTIALS_MISSING",
        )
    ),
    "token-expired": Preset(Refusal(401, reason="ACCESS_TOKEN_EXPIRED")),
    "account-state-invalid": Preset(Refusal(401, reason="ACCOUNT_STATE_INVALID")),
    "session-cookie-invalid": Preset(Refusal(401, reason="SESSION_COOKIE_INVALID")),
    "token-type-unsupported": Preset(Refusal(401, reason="ACCESS_TOKEN_TYPE_UNSUPPORTED")),
    "auth-error": Preset(
        Refusal(401, word=None, message="Invalid Credentials", errors="authError"), _OLD
    ),
    "scope-insufficient": Preset(
        Refusal(403, message="Request had insufficient authentication scopes.", reason="ACCESS_TOKEN_SCOPE_INSUFFICIENT")
    ),
    "scope-insufficient-old": Preset(
        Refusal(403, word=None, message="Insufficient Permission", errors="insufficientPermissions"), _OLD
    ),
    "user-blocked": Preset(
        Refusal(403, message="Access to this service is blocked by your administrator.", reason="USER_BLOCKED_BY_ADMIN"),
        known="assumed",
    ),
    # Cloud project
    "service-disabled": Preset(
        Refusal(
            403,
            message="{title} has not been used in project {number} before or it is disabled. Enable it by visiting "
            f"{_ACTIVATION} then retry. If you enabled this API recently, wait a few minutes for the action to propagate to "
            "our systems and retry.",
            details=(
                {
                    "@type": _type("Help"),
                    "links": [{"description": "Google developers console API activation", "url": _ACTIVATION}],
                },
            ),
            reason="SERVICE_DISABLED",
            metadata={
                **_CONSUMER, "serviceTitle": "{title}", "containerInfo": "{number}", "activationUrl": _ACTIVATION,
            },
        )
    ),
    "access-not-configured": Preset(
        Refusal(
            403, message="{title} has not been used in project {number} before or it is disabled.",
            errors="accessNotConfigured", domain="usageLimits",
        ),
        _OLD, "seen",
    ),
    "consumer-suspended": Preset(
        Refusal(
            403, message="Permission denied: Consumer 'project_number:{number}' has been suspended.",
            reason="CONSUMER_SUSPENDED", metadata=_CONSUMER,
        ),
        known="seen",
    ),
    "consumer-invalid": Preset(
        Refusal(400, message="Project '{number}' not found or deleted.", reason="CONSUMER_INVALID", metadata=_CONSUMER),
        known="assumed",
    ),
    "billing-disabled": Preset(
        Refusal(
            403,
            message="This API method requires billing to be enabled. Please enable billing on project #{number} by visiting "
            "https://console.developers.google.com/billing/enable?project={number} then retry.",
            reason="BILLING_DISABLED", metadata=_CONSUMER,
        ),
        known="seen",
    ),
    "security-policy-violated": Preset(
        Refusal(
            403,
            message="Request is prohibited by organization's policy. vpcServiceControlsUniqueIdentifier: simulated0identifier",
            details=(
                {
                    "@type": _type("PreconditionFailure"),
                    "violations": [{"type": "VPC_SERVICE_CONTROLS", "description": "simulated0identifier"}],
                },
            ),
            reason="SECURITY_POLICY_VIOLATED", metadata=_CONSUMER,
        ),
        known="seen",
    ),
    "org-restriction": Preset(
        Refusal(
            403, message="The request violates the organization's access restrictions.", reason="ORG_RESTRICTION_VIOLATION",
        ),
        known="assumed",
    ),
    # Limits
    "rate-limit-user": Preset(
        _limit("Read requests", "read_requests", "ReadRequestsPerMinutePerUserPerProject", "600", " per user"), known="assumed"
    ),
    "rate-limit-project": Preset(
        _limit("Read requests", "read_requests", "ReadRequestsPerMinutePerProject", "6000", ""), known="assumed"
    ),
    "rate-limit-zero": Preset(
        _limit("Write requests", "write_requests", "WriteRequestsPerMinutePerProject", "0", ""), known="assumed"
    ),
    "resource-exhausted": Preset(Refusal(429)),
    "resource-quota": Preset(
        Refusal(429, message="The number of spaces is exceeded.", reason="RESOURCE_QUOTA_EXCEEDED", metadata=_CONSUMER),
        ("spaces.create",), "assumed",
    ),
    "retry-info": Preset(
        Refusal(
            429, details=({"@type": _type("RetryInfo"), "retryDelay": "23s"},), reason="RATE_LIMIT_EXCEEDED",
            metadata=_CONSUMER,
        ),
        known="assumed",
    ),
    "retry-after": Preset(Refusal(429, headers={"Retry-After": "23"}), known="assumed"),
    "user-rate-limit": Preset(_usage(403, "userRateLimitExceeded", "User Rate Limit Exceeded"), _OLD),
    "rate-limit-old": Preset(_usage(403, "rateLimitExceeded", "Rate Limit Exceeded"), _OLD),
    "rate-limit-old-429": Preset(_usage(429, "rateLimitExceeded", "Rate Limit Exceeded"), _OLD),
    "quota-exceeded": Preset(
        _usage(403, "quotaExceeded", "Quota exceeded for quota group 'default' and limit 'Queries per minute'."), _OLD
    ),
    "daily-limit": Preset(
        _usage(
            403, "dailyLimitExceeded",
            "Daily Limit Exceeded. The quota will be reset at midnight Pacific Time (PT). You may monitor your quota usage and "
            "adjust limits in the API Console.",
        ),
        _OLD, "seen",
    ),
    "daily-limit-unregistered": Preset(
        _usage(
            403, "dailyLimitExceededUnreg",
            "Daily Limit for Unauthenticated Use Exceeded. Continued use requires signup.",
        ),
        _OLD, "seen",
    ),
    # Requests that cannot be carried out
    "no-active-conference": Preset(
        Refusal(400, "FAILED_PRECONDITION", "There is no active conference for the given space."),
        ("spaces.endActiveConference",), "seen",
    ),
    "precondition-failed": Preset(
        Refusal(400, "FAILED_PRECONDITION", "Precondition check failed."), known="seen"
    ),
    "precondition-failed-old": Preset(
        Refusal(400, word="FAILED_PRECONDITION", message="Precondition check failed.", errors="failedPrecondition"),
        known="seen",
    ),
    "precondition-412": Preset(Refusal(412, "FAILED_PRECONDITION", "Precondition Failed")),
    "not-resolved": Preset(
        Refusal(400, "FAILED_PRECONDITION", "The error that suspended the subscription is not resolved."),
        ("workspaceevents.subscriptions.reactivate",), "assumed",
    ),
    "policy-403": Preset(
        Refusal(403, message="The setting is not permitted by the administrator's policy."), _SETTINGS, "assumed"
    ),
    "policy-403-caller": Preset(Refusal(403), _SETTINGS, "assumed"),
    "policy-400": Preset(
        Refusal(
            400,
            details=(
                {
                    "@type": _type("BadRequest"),
                    "fieldViolations": [
                        {
                            "field": "space.config.access_type",
                            "description": "Not permitted by the administrator's policy.",
                        }
                    ],
                },
            ),
        ),
        _SETTINGS, "assumed",
    ),
    "policy-400-precondition": Preset(
        Refusal(400, "FAILED_PRECONDITION", "Recording is not available for the owner of this space."), _SETTINGS, "assumed"
    ),
    "invalid-argument": Preset(Refusal(400)),
    "invalid-enum": Preset(
        Refusal(
            400,
            message="Invalid value at 'space.config.moderation' (type.googleapis.com/google.apps.meet.v2.SpaceConfig.Moderation), "
            '"MODERATION_ON"',
        ),
        _SETTINGS, "seen",
    ),
    "invalid-field": Preset(
        Refusal(400, message="Invalid JSON payload received. Unknown name \"config\" at 'space': Cannot find field."),
        _SETTINGS,
    ),
    "invalid-topic": Preset(
        Refusal(400, message="The Pub/Sub topic is not valid.", reason="INVALID_PUBSUB_TOPIC"),
        ("workspaceevents.subscriptions.create",),
    ),
    "invalid-input": Preset(
        Refusal(400, word=None, message="Invalid Input: userKey", errors="invalid"), _OLD
    ),
    "location-policy": Preset(
        Refusal(
            400, "FAILED_PRECONDITION", "Resource location policy violated.", reason="LOCATION_ORG_POLICY_VIOLATED",
        ),
        known="assumed",
    ),
    # Not found, exists, conflict
    "not-found": Preset(Refusal(404)),
    "not-found-old": Preset(
        Refusal(404, word=None, message="Resource Not Found: userKey", errors="notFound"), _OLD
    ),
    "domain-not-found": Preset(
        Refusal(404, word=None, message="Domain not found.", errors="notFound"), _OLD, "seen"
    ),
    "method-not-found": Preset(Refusal(404, message="Method not found.")),
    "gone-sync-token": Preset(
        Refusal(410, word=None, message="Sync token is no longer valid, a full sync is required.", errors="fullSyncRequired",
                domain="calendar"),
        ("calendar.*",),
    ),
    "gone-updated-min": Preset(
        Refusal(410, word=None, message="The requested minimum modification time lies too far in the past.",
                errors="updatedMinTooLongAgo", domain="calendar"),
        ("calendar.*",),
    ),
    "gone-deleted": Preset(
        Refusal(410, word=None, message="Resource has been deleted", errors="deleted"), ("calendar.*",)
    ),
    "already-exists": Preset(
        Refusal(409, "ALREADY_EXISTS"), ("spaces.members.create", "workspaceevents.subscriptions.create")
    ),
    "duplicate-old": Preset(
        Refusal(409, word=None, message="Entity already exists.", errors="duplicate"), ("directory.*",)
    ),
    "aborted": Preset(
        Refusal(409, "ABORTED", "The operation was aborted."), (*_SPACES, "spaces.members.*", *_EVENTS)
    ),
    # Google's side
    "internal": Preset(Refusal(500)),
    "backend-error": Preset(Refusal(500, word=None, message="Backend Error", errors="backendError"), _OLD),
    "unknown-500": Preset(Refusal(500, "UNKNOWN", "Unknown Error.")),
    "not-implemented": Preset(Refusal(501, "UNIMPLEMENTED", "Operation is not implemented, or supported, or enabled."), _BOTH),
    "bad-gateway": Preset(Refusal(502)),
    "unavailable": Preset(Refusal(503)),
    "unavailable-retry-after": Preset(Refusal(503, headers={"Retry-After": "5"})),
    "deadline": Preset(Refusal(504)),
    "cancelled": Preset(Refusal(499, "CANCELLED", "The operation was cancelled.")),
    # Answers that are no JSON, from Google's front ends and from what stands in between
    "html-403-filter": Preset(
        Refusal(
            403,
            body=page(
                "Access Denied", "Your organisation's web filter blocks this site. Category: Web meetings. Reference 4711."
            ),
            content_type=HTML, headers={"Server": "webfilter"},
        ),
        known="seen",
    ),
    "html-403-google": Preset(
        _google_page(403, "Forbidden", "Your client does not have permission to get URL from this server."), known="seen"
    ),
    "html-400": Preset(
        _google_page(400, "Bad Request", "Your client has issued a malformed or illegal request."), known="seen"
    ),
    "html-404": Preset(
        _google_page(404, "Not Found", "The requested URL was not found on this server. That's all we know."), known="seen"
    ),
    "html-429": Preset(
        _google_page(429, "Too Many Requests", "Our systems have detected unusual traffic from your computer network."),
        known="seen",
    ),
    "html-500": Preset(_google_page(500, "Server Error", "The server encountered an error."), known="seen"),
    "html-502": Preset(
        _google_page(502, "Server Error", "The server encountered a temporary error. Please try again in 30 seconds."),
        known="seen",
    ),
    "html-503": Preset(Refusal(503, body=page("Service Unavailable", "No server is available."), content_type=HTML)),
    "proxy-407": Preset(
        Refusal(
            407, body=page("Proxy Authentication Required", "Sign in to the proxy."), content_type=HTML,
            headers={"Proxy-Authenticate": 'Basic realm="proxy"'},
        )
    ),
    "proxy-504": Preset(Refusal(504, body="upstream request timeout", content_type="text/plain")),
    "captive-portal": Preset(
        Refusal(200, body=page("Sign in to the network", "Accept the terms to continue."), content_type=HTML)
    ),
    "empty-403": Preset(Refusal(403, body="", content_type="text/plain")),
    "json-without-error": Preset(Refusal(403, body='{"message": "Forbidden"}')),
    "json-error-text": Preset(Refusal(403, body='{"error": "forbidden", "error_description": "Forbidden"}')),
}  # fmt: skip
"""Name -> refusal. What is listed for ``calendar.*`` is for later: Calendar is not simulated."""
