"""Refusals in the shape Google gives them."""

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
    429: "Quota exceeded for quota metric 'Read requests' and limit 'Read requests per minute per user' of "
    "service 'meet.googleapis.com' for consumer 'project_number:123456789012'.",
    500: "Internal error encountered.",
    502: "The service is currently unavailable.",
    503: "The service is currently unavailable.",
    504: "Deadline expired before operation could complete.",
}
SERVICE = "meet.googleapis.com"


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


def of_status(code: int, method: str) -> ApiError:
    """The usual refusal for an HTTP status, for ordered faults."""
    if code == 401:
        return dead_credentials(method)
    if code == 429:
        return ApiError(
            429,
            details=[
                _error_info(
                    "RATE_LIMIT_EXCEEDED",
                    method,
                    quota_limit="ReadRequestsPerMinutePerUser",
                    quota_limit_value="600",
                    quota_location="global",
                    consumer="projects/123456789012",
                )
            ],
        )
    return ApiError(code)
