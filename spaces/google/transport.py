"""HTTP to Google over `requests`: no proxies from the environment, no redirects, no retries, every failure a GoogleError.

All sessions of a process share one connection pool: a TLS handshake costs more than everything else in a call.
"""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import exceptions as pool_errors

from spaces.google import answers, errors, interpret

CONNECT_TIMEOUT = 3.0
"""Seconds for reaching Google at all; the caller's timeout covers the wait for the answer."""

_POOL = HTTPAdapter(pool_connections=8, pool_maxsize=32, max_retries=0)


def new_session() -> requests.Session:
    """A session that reads no proxy, netrc or CA settings from the environment and uses the shared pool."""
    session = requests.Session()
    prepare(session)
    return session


def prepare(session: requests.Session) -> None:
    """Give a session of whatever class the habits of this module."""
    session.trust_env = False
    session.mount("https://", _POOL)
    session.mount("http://", _POOL)


def send(
    session: requests.Session,
    method: str,
    url: str,
    *,
    timeout: float,
    write: bool,
    headers: Mapping[str, str] | None = None,
    data: Any = None,
    params: Any = None,
) -> requests.Response:
    """Send one request once and return the whole answer, whatever its status. `timeout` in seconds.

    Redirects are answers, not instructions: following one would carry the token to another host.
    Raises Unreachable when nothing was sent, else TryLater (reads) or OutcomeUnknown (writes).
    """
    try:
        return requests.Session.request(
            session,
            method,
            url,
            headers=dict(headers or {}),
            data=data,
            params=params,
            timeout=(min(CONNECT_TIMEOUT, timeout), timeout),
            allow_redirects=False,
        )
    except (requests.RequestException, pool_errors.HTTPError) as problem:
        raise _trouble(problem, write=write) from problem


def decoded(response: requests.Response) -> object:
    """The JSON of an answer, or None when it is none."""
    try:
        return json.loads(response.content)
    except (ValueError, RecursionError):
        return None


def answer(response: requests.Response) -> answers.Answer:
    """An error answer, taken apart."""
    body = decoded(response)
    return answers.read_answer(
        response.status_code,
        body,
        retry_after=response.headers.get("Retry-After"),
        page="" if body is not None else response.content[:5000].decode("utf-8", "replace"),
    )


def no_object(response: requests.Response, *, write: bool) -> errors.GoogleError:
    """The error for a success without the JSON object that every success of Google's APIs is."""
    found = answer(response)
    if found.page:
        return interpret.from_answer(found, write=write)
    return errors.unreadable(f"{response.status_code} without a JSON object", write=write)


def is_good(response: requests.Response) -> bool:
    """Whether the status promises a result."""
    return HTTPStatus.OK <= response.status_code < HTTPStatus.MULTIPLE_CHOICES


def _trouble(problem: Exception, *, write: bool) -> errors.GoogleError:
    detail = f"{type(problem).__name__}: {problem}"
    if _never_sent(problem):
        return errors.unreachable(detail)
    if isinstance(
        problem, requests.exceptions.ChunkedEncodingError | requests.exceptions.ContentDecodingError
    ):
        return errors.unreadable(detail, write=write)
    return errors.no_answer(detail, write=write)


def _never_sent(problem: Exception) -> bool:
    """Only what fails while connecting is certain; a connection that breaks later may have carried the request."""
    if isinstance(problem, requests.exceptions.ConnectTimeout | requests.exceptions.InvalidURL):
        return True
    cause = problem.args[0] if problem.args else None
    reason = cause.reason if isinstance(cause, pool_errors.MaxRetryError) else None
    if isinstance(reason, pool_errors.ConnectTimeoutError | pool_errors.NewConnectionError):
        return True
    return isinstance(reason, pool_errors.SSLError) and "CERTIFICATE_VERIFY_FAILED" in str(reason)
