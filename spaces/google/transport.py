"""HTTP to Google over `urllib3`: no redirects, no retries, one deadline for each call, every failure a GoogleError."""

import json
import ssl
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urlencode, urlsplit

import urllib3
from urllib3 import exceptions as pool_errors

from spaces.google import answers, errors, interpret, network
from spaces.words import Text, joined
from spaces.words import text as _

CONNECT_TIMEOUT = 3.0
"""Seconds for reaching Google (or the proxy) at all; the caller's timeout covers the wait for the answer."""
LARGEST = 32 * 1024 * 1024
"""Bytes of an answer that are read; no answer of Google's is nearly that large."""

Params = Mapping[str, str | int]


@dataclass(frozen=True, slots=True)
class Response:
    """A whole answer, whatever its status."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def is_good(self) -> bool:
        """Whether the status promises a result."""
        return HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES

    def decoded(self) -> object:
        """The JSON of the answer, or None when it is none."""
        try:
            return json.loads(self.content)
        except (ValueError, RecursionError):
            return None

    def answer(self) -> answers.Answer:
        """The answer, taken apart as an error."""
        body = self.decoded()
        return answers.read_answer(
            self.status,
            body,
            retry_after=self.headers.get("Retry-After"),
            page="" if body is not None else self.content[:5000].decode("utf-8", "replace"),
        )

    def as_object(self, *, write: bool) -> dict[str, object]:
        """The JSON object that every success of Google's APIs is. Raises Unreadable for a read without one, OutcomeUnknown for a
        write."""
        body = self.decoded()
        if isinstance(body, dict):
            return body
        found = self.answer()
        if found.page:
            raise interpret.from_answer(found, write=write)
        raise errors.unreadable(f"{self.status} without a JSON object", write=write)


def send(
    method: str,
    url: str,
    *,
    timeout: float,
    write: bool,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    params: Params | None = None,
) -> Response:
    """Send one request once and return the whole answer, whatever its status. `timeout` in seconds, for all of it.

    Redirects are answers, not instructions: following one would carry the token to another host.
    Raises Unreachable when nothing was sent, else TryLater (reads) or OutcomeUnknown (writes).
    """
    target = f"{url}?{urlencode(params)}" if params else url
    deadline = time.monotonic() + timeout
    try:
        response = (
            network.current()
            .pool_for(url)
            .request(
                method,
                target,
                body=body,
                headers=dict(headers or {}),
                timeout=urllib3.Timeout(connect=min(CONNECT_TIMEOUT, timeout), read=timeout),
                redirect=False,
                retries=False,
                preload_content=False,
            )
        )
        try:
            content = _read(response, deadline)
        except BaseException:
            response.close()  # an answer that was not read to its end spoils the connection
            raise
        response.release_conn()
    except (pool_errors.HTTPError, OSError) as problem:
        raise _trouble(problem, url, write=write) from problem
    return Response(response.status, response.headers, content)


def _read(response: urllib3.BaseHTTPResponse, deadline: float) -> bytes:
    parts: list[bytes] = []
    size = 0
    while part := response.read1(65536, decode_content=True):
        parts.append(part)
        size += len(part)
        if size > LARGEST or time.monotonic() > deadline:
            raise TimeoutError("the answer is too large or came too slowly")
    return b"".join(parts)


def _trouble(problem: Exception, url: str, *, write: bool) -> errors.GoogleError:
    """What a call means that brought no answer. Only what fails while connecting is certain not to have been sent."""
    host = urlsplit(url).hostname or url
    causes = list(_causes(problem))
    detail = f"{host}: " + " < ".join(f"{type(each).__name__}: {each}" for each in causes[:3])
    if blocked := explain(problem, url):
        return _unreachable(blocked, detail)
    if isinstance(problem, _NEVER_SENT):
        return errors.unreachable(detail)
    if any(isinstance(each, _SENSELESS) for each in causes):
        return errors.unreadable(detail, write=write)
    return errors.no_answer(detail, write=write)


_NEVER_SENT = (
    pool_errors.NewConnectionError,
    pool_errors.ConnectTimeoutError,
    pool_errors.LocationValueError,
)
_SENSELESS = (pool_errors.DecodeError, pool_errors.IncompleteRead, pool_errors.InvalidChunkLength)


@dataclass(frozen=True, slots=True)
class Blocked:
    """Why a request cannot leave this network: nothing was sent, and an administrator has to change something."""

    code: str
    what: Text
    cure: Text


def explain(problem: Exception, url: str) -> Blocked | None:
    """Say what blocks the way to `url`: a certificate that is not trusted, or the proxy. None when it is something else.

    Takes the errors of urllib3 and of libraries that wrap them (requests).
    """
    host = urlsplit(url).hostname or url
    proxy = network.current().proxy_name if network.current().proxy_for(url) else ""
    causes = list(_causes(problem))
    of_proxy = bool(proxy) and any(isinstance(each, pool_errors.ProxyError) for each in causes)
    if distrust := next((each for each in causes if isinstance(each, ssl.SSLCertVerificationError)), None):
        why = errors.scrub(distrust.verify_message or str(distrust))[:120].rstrip(".")
        return Blocked(
            "untrusted_certificate",
            _("The certificate of %(host)s is not trusted (%(why)s); nothing was sent.")
            % {"host": proxy if of_proxy else host, "why": why},
            _(
                "Does a proxy inspect TLS here? Then set MEETADMIN_CA_BUNDLE to the certificate of its authority "
                "(docs/install.md)."
            ),
        )
    texts = (str(each) for each in causes)
    if refusal := next((text for text in texts if "tunnel connection failed" in text.lower()), ""):
        why = errors.scrub(refusal[refusal.lower().rindex("tunnel connection failed") + 25 :]).strip("\"')")
        return Blocked(
            "proxy_refused",
            _("The proxy %(proxy)s refuses the connection to %(host)s (%(why)s); nothing was sent.")
            % {"proxy": proxy, "host": host, "why": why},
            _("The proxy must allow this server to reach googleapis.com and accounts.google.com."),
        )
    if of_proxy:
        return Blocked(
            "proxy_unreachable",
            _("The proxy %(proxy)s cannot be reached; nothing was sent.") % {"proxy": proxy},
            _("Check MEETADMIN_PROXY and the proxy."),
        )
    return None


def _unreachable(blocked: Blocked, detail: str) -> errors.Unreachable:
    problem = errors.Unreachable(joined(blocked.what, blocked.cure), detail=detail)
    problem.code, problem.cure = blocked.code, blocked.cure
    return problem


def _causes(problem: BaseException) -> Iterator[BaseException]:
    """The exception and everything that it wraps, the outermost first."""
    waiting: list[object] = [problem]
    seen: list[object] = []
    while waiting:
        each = waiting.pop(0)
        if not isinstance(each, BaseException) or any(each is other for other in seen):
            continue
        seen.append(each)
        yield each
        waiting += [*each.args, getattr(each, "reason", None), getattr(each, "original_error", None)]
        waiting += [each.__cause__, each.__context__]
