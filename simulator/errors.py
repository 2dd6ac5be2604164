"""Refusals in the shape Google gives them."""

import hashlib
from typing import Any

STATUS_WORDS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ALREADY_EXISTS",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
MESSAGES = {
    400: "Request contains an invalid argument.",
    401: "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or "
    "other valid authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.",
    403: "The caller does not have permission",
    404: "Requested entity was not found.",
    409: "Requested entity already exists",
    429: "Resource has been exhausted (e.g. check quota).",
    500: "Internal error encountered.",
    502: "The service is currently unavailable.",
    503: "The service is currently unavailable.",
    504: "Deadline expired before operation could complete.",
}
SERVICE = "meet.googleapis.com"
SHORT_LIVED = (
    "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. "
    "Check your iat and exp values in the JWT claim."
)
UNAUTHORISED = (
    "Client is unauthorized to retrieve access tokens using this method, or client not authorized for any of the "
    "scopes requested."
)
DEAD_GRANT = "Token has been expired or revoked."


class ApiError(Exception):
    """A refusal of a Google API: HTTP code, status word, message and details (google.rpc.Status)."""

    def __init__(
        self,
        code: int,
        message: str | None = None,
        *,
        status: str | None = None,
        details: list[dict[str, Any]] | None = None,
    ) -> None:
        self.code = code
        self.message = message or MESSAGES.get(code, "Unknown error.")
        self.status = status or STATUS_WORDS.get(code, "UNKNOWN")
        self.details = details or []
        super().__init__(f"{code} {self.status}: {self.message}")

    def envelope(self) -> dict[str, Any]:
        """The JSON body Google would send."""
        error: dict[str, Any] = {"code": self.code, "message": self.message, "status": self.status}
        if self.details:
            error["details"] = self.details
        return {"error": error}


class OlderError(ApiError):
    """A refusal in the style of the Admin SDK: the message again in ``errors[]``, with domain and reason."""

    def __init__(self, code: int, message: str, reason: str) -> None:
        super().__init__(code, message)
        self.reason = reason

    def envelope(self) -> dict[str, Any]:
        """The dict[str, Any] body Google would send."""
        error = {"message": self.message, "domain": "global", "reason": self.reason}
        return {"error": {"code": self.code, "message": self.message, "errors": [error]}}


class OAuthError(Exception):
    """A refusal of the token endpoint: ``error`` and ``error_description`` (RFC 6749, 5.2)."""

    def __init__(self, code: int, error: str, description: str = "") -> None:
        self.code = code
        self.error = error
        self.description = description
        super().__init__(f"{code} {error}: {description}")

    def envelope(self) -> dict[str, str]:
        """The JSON body Google would send."""
        body = {"error": self.error}
        if self.description:
            body["error_description"] = self.description
        return body


def _error_info(reason: str, method: str, **metadata: str) -> dict[str, Any]:
    return {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": reason,
        "domain": "googleapis.com",
        "metadata": {"service": SERVICE, "method": method, **metadata},
    }


def _bad_request(field: str, description: str) -> list[dict[str, Any]]:
    violation = {"description": description}
    if field:
        violation["field"] = field
    return [{"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [violation]}]


def no_credentials(method: str) -> ApiError:
    """No access token was sent."""
    return ApiError(
        401,
        "Request is missing required authentication credential. Expected OAuth 2 access token, login cookie or "
        "other valid authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.",
        details=[_error_info("CREDENTIALS_MISSING", method)],
    )


def dead_credentials(method: str) -> ApiError:
    """An access token that is expired, revoked or never was."""
    return ApiError(401, details=[_error_info("ACCESS_TOKEN_EXPIRED", method)])


def scope_missing(method: str) -> ApiError:
    """The token lacks every scope that would allow the method."""
    return ApiError(
        403,
        "Request had insufficient authentication scopes.",
        details=[_error_info("ACCESS_TOKEN_SCOPE_INSUFFICIENT", method)],
    )


def denied(resource: str) -> ApiError:
    """Unknown, foreign or forbidden: Google does not say which."""
    return ApiError(403, f"Permission denied on resource {resource} (or it might not exist)")


def nothing_to_end() -> ApiError:
    """endActiveConference on an idle space (Meet REST guide: Manage meeting spaces)."""
    return ApiError(400, "There is no active conference for the given space.", status="FAILED_PRECONDITION")


def unknown_method() -> ApiError:
    """A path that no method answers to."""
    return ApiError(404, "Method not found.")


def invalid(field: str = "", description: str = "") -> ApiError:
    """A bad filter, page token or mask; names the field if there is one."""
    return ApiError(400, details=_bad_request(field, description) if description else None)


def unknown_name(name: str, path: str) -> ApiError:
    """A field in the JSON body that the message does not have."""
    where = f" at '{path}'" if path else ""
    message = f'Invalid JSON payload received. Unknown name "{name}"{where}: Cannot find field.'
    return ApiError(400, message, details=_bad_request(path, message))


def invalid_value(path: str, type_name: str, value: str) -> ApiError:
    """A value in the JSON body that its field cannot hold."""
    message = f"Invalid value at '{path}' ({type_name}), {value}"
    return ApiError(400, message, details=_bad_request(path, message))


def not_an_object(type_name: str) -> ApiError:
    """A body, or a part of it, that is no JSON object."""
    return ApiError(400, f"Invalid JSON payload received. {type_name} must be an object.")


def invalid_number(field: str, value: str) -> ApiError:
    """A query parameter that is no 32-bit number."""
    message = f"Invalid value at '{field}' (TYPE_INT32), \"{value}\""
    return ApiError(400, message, details=_bad_request(field, message))


def unknown_parameter(name: str) -> ApiError:
    """A query parameter that the method does not have."""
    message = (
        f'Invalid JSON payload received. Unknown name "{name}": Cannot bind query parameter. '
        f"Field '{name}' could not be found in request message."
    )
    return ApiError(400, message, details=_bad_request("", message))


def service_disabled(service: str, title: str, project: str) -> ApiError:
    """The API is not switched on in the Cloud project of the client."""
    number = project_number(project)
    link = f"https://console.developers.google.com/apis/api/{service}/overview?project={number}"
    return ApiError(
        403,
        f"{title} has not been used in project {number} before or it is disabled. Enable it by visiting {link} then "
        "retry. If you enabled this API recently, wait a few minutes for the action to propagate to our systems and "
        "retry.",
        details=[
            {
                "@type": "type.googleapis.com/google.rpc.Help",
                "links": [{"description": "Google developers console API activation", "url": link}],
            },
            {
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": "SERVICE_DISABLED",
                "domain": "googleapis.com",
                "metadata": {
                    "service": service,
                    "serviceTitle": title,
                    "consumer": f"projects/{number}",
                    "containerInfo": number,
                    "activationUrl": link,
                },
            },
        ],
    )


def project_number(project: str) -> str:
    """The number of a Cloud project, as quota and activation messages name it."""
    if project == "meetadmin-demo":
        return "123456789012"
    return str(10**11 + int.from_bytes(hashlib.sha256(project.encode()).digest()[:4], "big"))


_QUOTAS = {
    "read": ("Read", "read"),
    "write": ("Write", "write"),
    "create": ("Reduced write", "reduced_write"),
}


def quota_exceeded(
    quota: str, project: str, limit: int, *, per_user: bool, retry_seconds: float | None = None
) -> ApiError:
    """One of the limits per minute is used up. Names of metric and limit are our guess; the shape is Google's."""
    title, key = _QUOTAS.get(quota, (quota.capitalize(), quota))
    scope = " per user" if per_user else ""
    number = project_number(project)
    details: list[dict[str, Any]] = [
        {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "RATE_LIMIT_EXCEEDED",
            "domain": "googleapis.com",
            "metadata": {
                "service": SERVICE,
                "consumer": f"projects/{number}",
                "quota_metric": f"{SERVICE}/{key}_requests",
                "quota_limit": f"{title.title().replace(' ', '')}RequestsPerMinutePer"
                + ("UserPerProject" if per_user else "Project"),
                "quota_limit_value": str(limit),
                "quota_location": "global",
            },
        }
    ]
    if retry_seconds is not None:
        details.append(
            {
                "@type": "type.googleapis.com/google.rpc.RetryInfo",
                "retryDelay": f"{max(1, round(retry_seconds))}s",
            }
        )
    return ApiError(
        429,
        f"Quota exceeded for quota metric '{title} requests' and limit '{title} requests per minute{scope}' of "
        f"service '{SERVICE}' for consumer 'project_number:{number}'.",
        details=details,
    )


def of_status(code: int, method: str, quota: str = "read") -> ApiError:
    """The usual refusal for an HTTP status, for ordered faults."""
    if code == 401:
        return dead_credentials(method)
    if code == 429:
        limit = {"write": 100, "create": 10}.get(quota, 600)
        return quota_exceeded(quota, "meetadmin-demo", limit, per_user=True)
    return ApiError(code)
