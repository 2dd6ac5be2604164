"""What Google's refusals mean: one table from reason, status word, message or web page to code, subject, effect, sentence and cure.

`interpret` reads it. A row is found by `error.details[].reason`, then by `error.errors[].reason`, then by its message (within its status
words), then by the status word, then by a web page in Google's place, and by the HTTP status last, because a 403 alone can mean a dozen
things. Within a step the first row that fits is taken, so the more exact row stands first.

Facts: google.api.ErrorReason (google/api/error_reason.proto), google.rpc.Code, the Meet REST guide on errors, the Calendar and
Directory API guides ("Handle errors") for the older words, RFC 6749, 5.2, for the token endpoint.
"""

import re
from dataclasses import dataclass, replace

from spaces.google import errors
from spaces.google.errors import CURES, WHAT, Effect, GoogleError, Subject
from spaces.words import Text
from spaces.words import text as _


@dataclass(frozen=True, slots=True)
class Row:
    """One meaning, and how to find it.

    `message`: a regular expression, whatever the case; `within`: the status words with which it counts (empty: all). `both`: a reason
    counts only together with the message, a status word only with `http`. `alone`: not if Google gives a reason that is not in the
    table. `certain`: a write that is refused like this had no effect for sure. `pause`: seconds to wait when Google names no time.
    `sentence` may hold `%(api)s` (the API's name), `%(words)s` (Google's own words) and `%(status)s` (the HTTP status).
    """

    code: str
    error: type[GoogleError]
    sentence: Text
    cure: str = ""
    subject: Subject | None = None
    effect: Effect | None = None
    reasons: frozenset[str] = frozenset()
    statuses: frozenset[str] = frozenset()
    message: str = ""
    within: frozenset[str] = frozenset()
    both: bool = False
    alone: bool = False
    http: frozenset[int] = frozenset()
    certain: bool = True
    pause: float | None = None

    def says(self, *texts: str) -> bool:
        """Whether one of the texts is this row's message."""
        return bool(self.message) and any(re.search(self.message, text, re.IGNORECASE) for text in texts)


def words(text: str) -> frozenset[str]:
    """Return the words of `text`."""
    return frozenset(text.split())


VAGUE_REASONS = words("forbidden")  # an older reason that says no more than the status word
_LATER = _("Try again later.")
_LET_THROUGH = _("The network must let this server reach googleapis.com and accounts.google.com unchanged.")
_WORDS = _("Google refused what was sent: “%(words)s”.")


# Account, project, organisation
_ACCESS = (
    Row(
        "scope_missing",
        errors.ScopeMissing,
        _("This Google account was connected without a permission that is needed here."),
        _("Connect it again with all permissions, or add the missing scope to the delegation."),
        reasons=words("ACCESS_TOKEN_SCOPE_INSUFFICIENT insufficientPermissions insufficientScopes"),
        message=r"insufficient authentication scopes",
    ),
    Row(
        "api_disabled",
        errors.ApiDisabled,
        _("%(api)s is switched off in the Cloud project."),
        _(
            "An administrator can enable it in the Google Cloud console; this takes effect some minutes later."
        ),
        reasons=words("SERVICE_DISABLED accessNotConfigured SERVICE_NOT_VISIBLE MCP_SERVER_DISABLED"),
        message=r"has not been used in project|\bAPI\b.{0,40} (?:is|has been) disabled",
    ),
    Row(
        "project_suspended",
        errors.AccessRefused,
        _("Google has suspended the Cloud project that Meetadmin uses."),
        _("An administrator finds the reason in the Google Cloud console and can appeal there."),
        "project",
        reasons=words("CONSUMER_SUSPENDED GCP_SUSPENDED"),
        message=r"\b(?:project|consumer)\b.{0,80}\bsuspended",
    ),
    Row(
        "billing_disabled",
        errors.AccessRefused,
        _("Billing is switched off in the Cloud project, and Google requires it here."),
        _("An administrator can link a billing account to the project in the Google Cloud console."),
        "project",
        reasons=words("BILLING_DISABLED billingNotEnabled"),
        message=r"requires billing|billing (?:account )?(?:is|has been|not|to be)\b.{0,40}(?:disabled|enabled)",
    ),
    Row(
        "project_invalid",
        errors.AccessRefused,
        _("Google does not accept the Cloud project that Meetadmin uses."),
        _("Check that the project of the OAuth client and of the service account still exists."),
        "project",
        reasons=words(
            "CONSUMER_INVALID RESOURCE_PROJECT_INVALID USER_PROJECT_DENIED LOCATION_TAX_POLICY_VIOLATED"
        ),
        message=r"permission denied on resource project\b|project\b.{0,60}(?:has been deleted|not found)",
    ),
    Row(
        "project_role",
        errors.AccessRefused,
        _("The account lacks a role in the Cloud project."),
        _("An administrator can grant it in the Google Cloud console (IAM)."),
        "project",
        reasons=words("IAM_PERMISSION_DENIED"),
    ),
    Row(
        "security_policy",
        errors.AccessRefused,
        _("A security policy of the organisation blocks Meetadmin's requests at Google."),
        _(
            "An administrator must allow the Cloud project and this server in that policy (VPC Service Controls, "
            "context-aware access or an organisation policy)."
        ),
        "organisation",
        reasons=words(
            "SECURITY_POLICY_VIOLATED ORG_RESTRICTION_VIOLATION ORG_RESTRICTION_HEADER_INVALID "
            "LOCATION_POLICY_VIOLATED LOCATION_ORG_POLICY_VIOLATED RESOURCE_USAGE_RESTRICTION_VIOLATED "
            "ENDPOINT_USAGE_RESTRICTION_VIOLATED TLS_ORG_POLICY_VIOLATED TLS_CIPHER_RESTRICTION_VIOLATED"
        ),
        message=r"prohibited by organi[sz]ation.{0,3} policy|vpcServiceControls|access context|context-aware",
    ),
    Row(
        "app_blocked",
        errors.AccessRefused,
        _("An administrator of the organisation has blocked this app or this service for the account."),
        _(
            "An administrator can allow it in the Google Admin console (Security, API controls, App access control; or "
            "Apps, Google Workspace, Google Meet)."
        ),
        "organisation",
        reasons=words("USER_BLOCKED_BY_ADMIN domainPolicy"),
        message=r"administrators? (?:ha(?:s|ve) )?(?:blocked|disabled|turned off)"
        r"|(?:blocked|disabled|turned off) (?:by|for) (?:the|your|this) (?:domain|organi[sz]ation|admin|user|account)",
    ),
    Row(
        "account_disabled",
        errors.AccessRefused,
        _("Google says that this account is suspended, disabled or deleted."),
        _("Check the account in the Google Admin console."),
        effect="account_broken",
        reasons=words("ACCOUNT_STATE_INVALID accountDisabled accountDeleted userSuspended"),
        message=r"\b(?:user|account)\b.{0,40}\b(?:is|has been|was) (?:suspended|disabled|deleted|archived)",
    ),
    Row(
        "not_licensed",
        errors.Refused,
        _("The account lacks the Google Workspace licence for this."),
        _("An administrator can assign a licence in the Google Admin console, or leave this function off."),
        "account",
        reasons=words("licenseRequired notLicensed"),
        message=r"licen[cs]e|\bedition\b|not eligible",
    ),
    Row(
        "account_kind",
        errors.AccessRefused,
        _("Google does not offer this to accounts of this kind."),
        _("Use an ordinary Google Workspace account with Meet."),
        reasons=words("ACCOUNT_TYPE_UNSUPPORTED notACalendarUser"),
    ),
    Row(
        "not_an_admin",
        errors.AccessRefused,
        _("The account lacks the administrator privilege for this."),
        _("Give the account an administrator role with that privilege, or use another account."),
        message=r"not authorized to access this resource/api",
    ),
    Row(
        "api_key",
        errors.AccessRefused,
        _("Google does not accept an API key or origin that came with the request."),
        _("Meetadmin sends none: check the proxy on the way."),
        "network",
        reasons=words(
            "API_KEY_INVALID API_KEY_SERVICE_BLOCKED API_KEY_HTTP_REFERRER_BLOCKED API_KEY_IP_ADDRESS_BLOCKED "
            "API_KEY_ANDROID_APP_BLOCKED API_KEY_IOS_APP_BLOCKED CREDENTIAL_ANDROID_APP_INVALID MISSING_ORIGIN keyInvalid"
        ),
    ),
    Row(
        "token_refused",
        errors.ConnectionBroken,
        WHAT["token_refused"],
        CURES["token_refused"],
        reasons=words(
            "ACCESS_TOKEN_EXPIRED ACCESS_TOKEN_TYPE_UNSUPPORTED CREDENTIALS_MISSING CREDENTIAL_TYPE_UNSUPPORTED "
            "JWT_TOKEN_INVALID OVERLOADED_CREDENTIALS SESSION_COOKIE_INVALID authError"
        ),
        statuses=words("UNAUTHENTICATED"),
        http=frozenset({401}),
    ),
)


# Quota
_DAILY = Row(
    "daily_limit",
    errors.OverQuota,
    _("Google's limit for a day is used up."),
    _("It is free again tomorrow; an administrator can ask for more in the Google Cloud console (Quotas)."),
    reasons=words("dailyLimitExceeded dailyLimitExceededUnreg"),
    message=r"\bdaily limit\b|\bper day\b",
    within=words("RESOURCE_EXHAUSTED"),
    pause=3600.0,
)
_RATE = (
    "RATE_LIMIT_EXCEEDED rateLimitExceeded userRateLimitExceeded servingLimitExceeded concurrentLimitExceeded"
)
_USED_UP = "quotaExceeded RESOURCE_QUOTA_EXCEEDED EMULATOR_QUOTA_EXCEEDED limitExceeded"
_QUOTA = (
    replace(_DAILY, reasons=words(f"{_RATE} {_USED_UP}"), both=True),
    _DAILY,
    Row(
        "quota_used_up",
        errors.OverQuota,
        _("A quota of the account or of the Cloud project at Google is used up."),
        _(
            "Try again in some minutes; an administrator can ask for more in the Google Cloud console (Quotas)."
        ),
        reasons=words(_USED_UP),
        pause=300.0,
    ),
    Row(
        "rate_limit",
        errors.OverQuota,
        _("Google's limit for requests per minute is reached."),
        _("Try again in a minute."),
        reasons=words(_RATE),
        statuses=words("RESOURCE_EXHAUSTED"),
        message=r"quota exceeded|rate limit exceeded|too many requests",
        http=frozenset({429}),
    ),
)

# The object, and what was sent
_HIDDEN = Row(
    "hidden",
    errors.NotPermitted,
    _(
        "Google hides this from the account: it does not own the Meet link, or the link was made by another app or is gone."
    ),
    message=r"^permission denied on resource\b|\(or it might not exist\)",
    within=words("PERMISSION_DENIED"),
)
_OBJECT = (
    Row(
        "nothing_to_end",
        errors.NothingToEnd,
        _("No call is running with this Meet link."),
        message=r"\bno active conference\b",
        within=words("FAILED_PRECONDITION"),
    ),
    _HIDDEN,
    replace(_HIDDEN, message=r"^the caller does not have permission", alone=True),
    Row(
        "unknown_method",
        errors.Refused,
        _("Google does not know this request: “%(words)s”."),
        _("A newer version of Meetadmin may be needed."),
        statuses=words("UNIMPLEMENTED"),
        message=r"^method not found",
        http=frozenset({404, 405, 501}),
    ),
    Row(
        "not_found",
        errors.NotFound,
        _("Google does not know it, or does not show it to this account. It may have expired."),
        reasons=words("notFound"),
        statuses=words("NOT_FOUND"),
        message=r"\bnot found\b",
        within=words("NOT_FOUND"),
    ),
    Row(
        "setting_policy",
        errors.Refused,
        _("A rule of the organisation forbids this: “%(words)s”."),
        _(
            "An administrator can change the rule in the Google Admin console (Apps, Google Workspace, Google Meet)."
        ),
        "organisation",
        message=r"\bpolic(?:y|ies)\b|\badmin(?:istrator)?s?\b|allowed (?:by|in|for) (?:the|your|this) (?:organi|domain)",
        within=words("PERMISSION_DENIED FAILED_PRECONDITION INVALID_ARGUMENT"),
    ),
    Row(
        "precondition",
        errors.Refused,
        _WORDS,
        subject="space",
        effect="recheck_space",
        reasons=words("failedPrecondition conditionNotMet"),
        statuses=words("FAILED_PRECONDITION"),
        http=frozenset({412}),
    ),
    Row(
        "gone",
        errors.Refused,
        _WORDS,
        reasons=words("fullSyncRequired updatedMinTooLongAgo deleted"),
        http=frozenset({410}),
    ),
    Row(
        "already_exists",
        errors.Refused,
        _("Google says that it exists already."),
        reasons=words("duplicate ALREADY_EXISTS"),
        statuses=words("ALREADY_EXISTS"),
    ),
    Row(
        "changed_meanwhile",
        errors.TryLater,
        _("Somebody else changed it at the same moment; nothing was done."),
        _("Try again in a moment."),
        "request",
        reasons=words("conflict aborted"),
        statuses=words("ABORTED"),
        http=frozenset({409}),
    ),
    Row(
        "invalid",
        errors.Refused,
        _WORDS,
        reasons=words("badRequest invalid invalidParameter parseError required SYSTEM_PARAMETER_UNSUPPORTED"),
        statuses=words("INVALID_ARGUMENT OUT_OF_RANGE"),
        http=frozenset({400}),
    ),
    Row(
        "unknown_refusal",
        errors.AccessRefused,
        _("Google refused this: “%(words)s”."),
        effect="recheck_space",
        statuses=words("PERMISSION_DENIED"),
        http=frozenset({403}),
    ),
)

# Google in trouble, and others on the way
_NETWORK = (
    Row(
        "proxy_login",
        errors.Unreachable,
        _(
            "The proxy on the way to Google wants a user name and password, or refuses them; nothing was sent to Google."
        ),
        _("Check MEETADMIN_PROXY."),
        http=frozenset({407}),
    ),
    Row(
        "unavailable",
        errors.TryLater,
        _("Google is not available at the moment; nothing was done."),
        _LATER,
        statuses=words("UNAVAILABLE"),
        http=frozenset({503}),
        both=True,
    ),
    Row(
        "failing",
        errors.TryLater,
        _("Google is not available at the moment."),
        _LATER,
        reasons=words("backendError internalError"),
        statuses=words("UNAVAILABLE INTERNAL UNKNOWN DATA_LOSS DEADLINE_EXCEEDED CANCELLED"),
        http=frozenset({408, *range(500, 600)}),
        certain=False,
    ),
)
NOT_GOOGLE = Row(  # a web page that is not one of Google's front end
    "not_google",
    errors.NotGoogle,
    _("A web filter or proxy answered in Google's place (%(status)s)."),
    _LET_THROUGH,
    certain=False,
)
_ELSEWHERE = _("A redirect (%(status)s) came in place of Google's answer, perhaps to a sign-in page.")
REDIRECTED = replace(NOT_GOOGLE, code="redirected", sentence=_ELSEWHERE)
GATEWAY = Row(  # the same with a status that speaks of trouble
    "gateway",
    errors.TryLater,
    _("Google, or a proxy on the way to it, is not available at the moment (%(status)s)."),
    _LATER,
    certain=False,
)
REFUSED = Row("refused", errors.Refused, _WORDS)  # any other answer

TABLE: tuple[Row, ...] = (*_ACCESS, *_QUOTA, *_OBJECT, *_NETWORK)
