"""Both ways of acting for a Google user: delegation (service account with a subject) and the user's own consent.

Google Identity guides: "Using OAuth 2.0 for Web Server Applications", "... for Server to Server Applications",
"OpenID Connect"; Workspace Admin help: "Control API access with domain-wide delegation".
"""

import base64
import hashlib
import json
import secrets
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from google.auth import exceptions as auth_errors
from google.auth import transport as auth_transport
from google.auth.credentials import Credentials
from google.oauth2 import credentials as user_credentials
from google.oauth2 import service_account

from spaces.google import errors, idtokens, interpret, transport
from spaces.google.answers import read_answer
from spaces.google.idtokens import Keys
from spaces.google.token_refusals import TOKEN_ENDPOINT
from spaces.words import joined
from spaces.words import text as _

CREATED = "https://www.googleapis.com/auth/meetings.space.created"
READONLY = "https://www.googleapis.com/auth/meetings.space.readonly"
SETTINGS = "https://www.googleapis.com/auth/meetings.space.settings"
MEET_SCOPES: tuple[str, ...] = (CREATED, READONLY, SETTINGS)
PUBSUB = "https://www.googleapis.com/auth/pubsub"
IDENTITY_SCOPES: tuple[str, ...] = ("openid", "email", "profile")

TIMEOUT = 10.0
"""Seconds for one call of a token endpoint; google-auth would wait 120."""

_lock = threading.Lock()
_bases: dict[tuple[str, str], service_account.Credentials] = {}
_delegates: dict[tuple[str, str, str, tuple[str, ...]], service_account.Credentials] = {}


def short(scope: str) -> str:
    """A scope as people speak of it: "meetings.space.created"."""
    return scope.rpartition("/auth/")[2]


def scope_missing(scope: str, *, detail: str) -> errors.ScopeMissing:
    """This one permission is missing; others work. (`scope` in full.)"""
    cure = _("Add it to the delegation, or connect the account again with all permissions.")
    what = _("This Google account lacks the permission %(scope)s; what needs no more than the others works.")
    problem = errors.ScopeMissing(joined(what % {"scope": short(scope)}, cure), detail=detail)
    problem.cure = cure
    return problem


def delegated(
    info: Mapping[str, Any], *, subject: str, scopes: Iterable[str], token_url: str
) -> service_account.Credentials:
    """Credentials of the service account in `info` (Google's key file, decoded) that act as `subject`.

    One object per key, subject and scopes lives as long as the process, because each holds its own access token; the
    key is parsed once. `token_url` replaces the address in the file, so that a file cannot send our assertions
    elsewhere. google-auth signs for the audience https://oauth2.googleapis.com/token whatever the address.
    Raises ValueError when `info` is no usable key file. Nothing is sent yet.
    """
    return _of_service(info, subject=subject, scopes=scopes, token_url=token_url)


def own(info: Mapping[str, Any], *, scopes: Iterable[str], token_url: str) -> service_account.Credentials:
    """The same for the service account in its own name, which acts for nobody: what Pub/Sub wants. Such scopes do not belong
    into the delegation."""
    return _of_service(info, subject="", scopes=scopes, token_url=token_url)


def _of_service(
    info: Mapping[str, Any], *, subject: str, scopes: Iterable[str], token_url: str
) -> service_account.Credentials:
    wanted = tuple(sorted(set(scopes)))
    base_key = (hashlib.sha256(str(info.get("private_key")).encode()).hexdigest(), token_url)
    key = (*base_key, subject, wanted)
    with _lock:
        if key not in _delegates:
            if base_key not in _bases:
                _bases[base_key] = _parse_key(info, token_url)
            made = _bases[base_key].with_scopes(wanted)
            _delegates[key] = made.with_subject(subject) if subject else made
        return _delegates[key]


def _parse_key(info: Mapping[str, Any], token_url: str) -> service_account.Credentials:
    try:
        parsed: service_account.Credentials = service_account.Credentials.from_service_account_info(
            {**info, "token_uri": token_url}
        )
    except (ValueError, TypeError, AttributeError) as problem:
        raise ValueError(
            "The service account key is not usable. Download it again from the Google Cloud console (Service accounts, "
            "Keys, JSON) and do not edit it."
        ) from problem
    return parsed


def consented(
    refresh_token: str,
    *,
    client_id: str,
    client_secret: str,
    token_url: str,
    scopes: Iterable[str] | None = None,
) -> user_credentials.Credentials:
    """Credentials of a user who connected the account. Pass only scopes that were granted, or None for all of them.

    Google does not change the refresh token when it is used, so the stored one stays good.
    """
    return user_credentials.Credentials(
        None,
        refresh_token=refresh_token,
        client_id=client_id,
        client_secret=client_secret,
        token_uri=token_url,
        scopes=None if scopes is None else sorted(set(scopes)),
    )


def renew(credentials: Credentials, *, timeout: float = TIMEOUT, force: bool = False) -> None:
    """Fetch an access token if there is none that is good for some minutes, or in any case with `force`.

    Raises ConnectionBroken when a person has to mend something, TryLater when Google is the trouble. Nothing that a
    caller wanted to do has been done when this fails.
    """
    if credentials.valid and not force:
        return
    try:
        credentials.refresh(TokenRequest(timeout=timeout))
    except auth_errors.GoogleAuthError as problem:
        raise grant_problem(problem) from problem
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as problem:
        # google-auth trusts the shape of a good answer; `expires_in: "soon"` comes out as one of these.
        raise errors.unreadable(
            f"token endpoint: {type(problem).__name__}: {problem}", write=False
        ) from problem


class TokenRequest(auth_transport.Request):
    """The way google-auth reaches the token endpoint: our session, our timeout, no waiting between hidden retries."""

    def __init__(self, *, timeout: float = TIMEOUT) -> None:
        self.timeout = timeout

    def __call__(
        self,
        url: str,
        method: str = "GET",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        **kwargs: Any,
    ) -> "_TokenAnswer":
        """Ask once. Raises every refusal itself: google-auth drops parts of some and waits after others."""
        del timeout, kwargs
        status, values = _ask(method, url, body=body, headers=headers, timeout=self.timeout)
        if status != HTTPStatus.OK:
            raise _refusal(values, status=status)
        return _TokenAnswer(status=status, data=json.dumps(values).encode())


@dataclass(frozen=True, slots=True)
class _TokenAnswer:
    """What google-auth wants to see of an answer."""

    status: int
    data: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


def _ask(
    method: str,
    url: str,
    *,
    body: bytes | Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    timeout: float = TIMEOUT,
) -> tuple[int, dict[str, Any]]:
    """One call of an OAuth endpoint: the status (200 or a 4xx) and the JSON object. Raises TryLater for the rest."""
    sent = dict(headers or {})
    if isinstance(body, Mapping):
        body = urlencode(body).encode()
        sent["Content-Type"] = "application/x-www-form-urlencoded"
    response = transport.send(method, url, body=body, headers=sent, timeout=timeout, write=False)
    status, found = response.status, response.answer()
    if found.page or status in (408, 429) or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise interpret.from_answer(found, write=False, service=TOKEN_ENDPOINT)
    values = response.decoded()
    if not isinstance(values, dict) or HTTPStatus.OK < status < HTTPStatus.BAD_REQUEST:
        raise errors.unreadable(f"{status} without a JSON object from {url}", write=False)
    return status, values


def grant_problem(problem: Exception) -> errors.GoogleError:
    """What a failed token request means. Takes google-auth's exceptions; a GoogleError is returned as it is."""
    if isinstance(problem, errors.GoogleError):
        return problem
    detail = f"{type(problem).__name__}: {problem.args[0] if problem.args else ''}"
    if isinstance(problem, auth_errors.RefreshError) and not problem.retryable:
        values = next(
            (value for value in problem.args if isinstance(value, Mapping) and "error" in value), None
        )
        if values is not None:
            return _refusal(values, status=400)
        return errors.broken("other", detail=detail)
    return errors.TryLater(
        _("Google's sign-in service is not available at the moment. Try again later."), detail=detail
    )


def _refusal(values: Mapping[str, Any], *, status: int) -> errors.GoogleError:
    """What a refusal of the token endpoint means (table in `token_refusals`)."""
    return interpret.from_answer(read_answer(status, values), write=False, service=TOKEN_ENDPOINT)


def redirect_problem(word: str) -> errors.ConnectionBroken:
    """What the `error` parameter means with which Google sends a person back from the consent page."""
    if word != "access_denied":
        problem = _refusal({"error": word[:60]}, status=400)
        if isinstance(problem, errors.ConnectionBroken) and problem.code != "other":
            return problem
    return errors.broken("consent_failed", detail=f"authorization page: {word[:60]}")


def new_verifier() -> str:
    """A fresh PKCE verifier; also good as state and nonce. Keep it in the session, use it once."""
    return secrets.token_urlsafe(48)


def challenge(verifier: str) -> str:
    """The S256 challenge of a PKCE verifier."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def authorize_url(
    authorize: str,
    *,
    client_id: str,
    redirect_uri: str,
    scopes: Iterable[str],
    state: str,
    nonce: str,
    verifier: str,
    login_hint: str = "",
    hosted_domain: str = "",
) -> str:
    """Where to send a person's browser to connect the account.

    Asks for a refresh token every time (`prompt=consent`): Google otherwise gives one only on the first consent.
    `hosted_domain` is a hint for the page and protects nothing.
    """
    wanted = {
        "client_id": client_id,
        "redirect_uri": redirect_uri,
        "response_type": "code",
        "scope": " ".join(scopes),
        "state": state,
        "nonce": nonce,
        "code_challenge": challenge(verifier),
        "code_challenge_method": "S256",
        "access_type": "offline",
        "prompt": "consent",
        "include_granted_scopes": "true",
        "login_hint": login_hint,
        "hd": hosted_domain,
    }
    return f"{authorize}?{urlencode({name: value for name, value in wanted.items() if value})}"


@dataclass(frozen=True, slots=True)
class Consent:
    """What a person granted. People can untick scopes: compare `scopes` with what was asked.

    `refresh_token` is None when Google gave none. `google_id` never changes, `email` may. Both tokens are kept out of
    the representation, so that they do not end up in logs.
    """

    refresh_token: str | None = field(repr=False)
    access_token: str = field(repr=False)
    scopes: frozenset[str]
    google_id: str
    email: str
    email_verified: bool
    hosted_domain: str

    @property
    def missing(self) -> frozenset[str]:
        """The Meet scopes that were not granted."""
        return frozenset(MEET_SCOPES) - self.scopes


def redeem(
    code: str,
    *,
    verifier: str,
    redirect_uri: str,
    client_id: str,
    client_secret: str,
    token_url: str,
    timeout: float = TIMEOUT,
) -> Mapping[str, Any]:
    """Redeem an authorization code and return the token endpoint's answer, unchecked but for being a JSON object.

    Raises ConnectionBroken when Google refuses the code, TryLater when Google is the trouble (the code may then be used up:
    start again).
    """
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "code_verifier": verifier,
        "redirect_uri": redirect_uri,
        "client_id": client_id,
        "client_secret": client_secret,
    }
    status, values = _ask("POST", token_url, body=form, timeout=timeout)
    if status != HTTPStatus.OK:
        if values.get("error") == "invalid_grant":
            raise errors.broken("consent_failed", detail=f"invalid_grant: {values.get('error_description')}")
        raise _refusal(values, status=status)
    return values


def exchange(
    code: str,
    *,
    verifier: str,
    nonce: str,
    redirect_uri: str,
    client_id: str,
    client_secret: str,
    token_url: str,
    keys: Keys,
    timeout: float = TIMEOUT,
) -> Consent:
    """Redeem the code of the connect step and verify the ID token that comes with it. `keys`: Google's public keys.

    Raises ConnectionBroken when Google refuses the code or the ID token is not meant for us and this very request,
    TryLater when Google is the trouble (the code may then be used up: start again).
    """
    values = redeem(
        code,
        verifier=verifier,
        redirect_uri=redirect_uri,
        client_id=client_id,
        client_secret=client_secret,
        token_url=token_url,
        timeout=timeout,
    )
    access_token, refresh_token = values.get("access_token"), values.get("refresh_token")
    if not isinstance(access_token, str) or not isinstance(values.get("id_token"), str):
        raise errors.unreadable("token answer without access_token or id_token", write=False)
    try:
        who = idtokens.verify_sign_in(values["id_token"], client_id=client_id, nonce=nonce, keys=keys)
    except idtokens.InvalidToken as problem:
        raise errors.broken("consent_failed", detail=f"ID token: {problem}") from problem
    return Consent(
        refresh_token=refresh_token if isinstance(refresh_token, str) and refresh_token else None,
        access_token=access_token,
        scopes=frozenset(str(values.get("scope") or "").split()),
        google_id=who.google_id,
        email=who.email,
        email_verified=who.email_verified,
        hosted_domain=who.hosted_domain,
    )


def revoke(token: str, *, revoke_url: str) -> None:
    """Withdraw a whole grant at Google; an access or a refresh token names it. A token already dead counts as done.

    Raises TryLater when Google is the trouble, ConnectionBroken for any other refusal.
    """
    status, values = _ask("POST", revoke_url, body={"token": token})
    word = str(values.get("error") or "")
    if status != HTTPStatus.OK and word not in ("invalid_token", "invalid_grant"):
        raise errors.broken("other", detail=f"revoke: {status} {word}")
