"""GoogleApi: what all clients of Google's APIs have in common. JSON in and out, everything sent once, every refusal judged.

A client of a further API is a subclass in a file of its own: its `service`, and one method for each call.

Why no library of Google's: docs/decisions/0017. google-auth's AuthorizedSession renews twice, repeats writes by itself and follows
redirects; googleapiclient's httplib2 repeats a write whose connection was closed without an answer.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, ClassVar

from google.auth.credentials import Credentials

from spaces.google import credentials as google_credentials
from spaces.google import endpoints, errors, interpret, transport
from spaces.google.limits import Kind
from spaces.google.quota import Gate

MOST_PAGES = 40
"""A list that has still not ended then is taken for a broken answer: half a list would pass for the whole."""


def moment(text: str) -> datetime | None:
    """A time as Google writes it (RFC 3339); None for what is none."""
    try:
        found = datetime.fromisoformat(text)
        return found.astimezone(UTC) if found.tzinfo else None
    except (ValueError, OverflowError):
        return None


class GoogleApi:
    """One API in the name of one Google user (or of the service account itself).

    `scoped` maps scopes to credentials that hold this one scope: a call uses those of the scope that it needs, so that one missing
    permission breaks nothing else; where there are none, `credentials` are used. `timeout` in seconds covers each call (the token has its own). `quota_user` names whom the quota is counted for, normally the
    user's address; only a hash of it is sent. `quota` is passed before everything that is sent, each page of a list for itself; it may
    be exchanged between calls, as the one who asks changes.
    Every method raises GoogleErrors for anything that goes wrong outside, and ValueError for names and settings that no caller should
    have passed, before anything is sent. Not to be shared between threads.
    """

    service: ClassVar[interpret.Service]
    scope: ClassVar[str] = ""  # what reading needs

    def __init__(
        self,
        credentials: Credentials,
        *,
        base_url: str,
        timeout: float = 8.0,
        quota_user: str | None = None,
        quota: Gate | None = None,
        scoped: Mapping[str, Credentials] | None = None,
    ) -> None:
        self._scoped = scoped or {}
        self._base = endpoints.check(base_url).rstrip("/")
        self._credentials = credentials
        self._timeout = timeout
        self.quota = quota
        self._quota_user = hashlib.sha256(quota_user.encode()).hexdigest()[:40] if quota_user else ""

    def _get(self, path: str, params: transport.Params | None = None) -> dict[str, Any]:
        """Read one object."""
        return self._call("GET", path, params=params)

    def _pages(self, path: str, key: str, params: transport.Params) -> Iterator[Mapping[str, Any]]:
        """Read the rows of a list, page by page. A missing `key` is an empty list (Meet REST reference: empty fields are left out)."""
        token = ""
        for _ in range(MOST_PAGES):
            page = self._get(path, {**params, **({"pageToken": token} if token else {})})
            rows, token = page.get(key, []), page.get("nextPageToken", "")
            if not isinstance(rows, list) or not isinstance(token, str):
                raise errors.unreadable(f"{key} is no list", write=False)
            for row in rows:
                if not isinstance(row, dict):
                    raise errors.unreadable(f"a row of {key} is no object", write=False)
                yield row
            if not token:
                return
        raise errors.unreadable(f"a list of more than {MOST_PAGES} pages", write=False)

    def _call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        params: transport.Params | None = None,
        kind: Kind = "read",
        scope: str = "",
    ) -> dict[str, Any]:
        """Send one call, once; a second time only after a 401, which says that nothing was done. Returns the JSON object."""
        write = method != "GET"
        acting = self._acting(scope or self.scope)
        content = None if body is None else json.dumps(body).encode()
        response = self._send(method, path, content, params, kind, acting)
        if response.status == HTTPStatus.UNAUTHORIZED and not response.answer().page:
            google_credentials.renew(acting, force=True)
            response = self._send(method, path, content, params, kind, acting)
        if response.is_good:
            return response.as_object(write=write)
        problem = interpret.from_answer(response.answer(), write=write, service=self.service)
        if self.quota and isinstance(problem, errors.OverQuota):
            self.quota.refused(kind, problem)
        raise problem

    def _acting(self, scope: str) -> Credentials:
        """Credentials for a call that needs this scope, with an access token that is good for some minutes."""
        acting = self._scoped.get(scope, self._credentials)
        try:
            google_credentials.renew(acting)
        except errors.ConnectionBroken as problem:
            if problem.reason in ("not_delegated", "bad_scope") and self._has_another(scope):
                raise google_credentials.scope_missing(scope, detail=problem.detail) from problem
            raise
        return acting

    def _has_another(self, scope: str) -> bool:
        """Whether Google gives a token for one of the other scopes, so that it is this scope that is missing and no more."""
        for other, credentials in self._scoped.items():
            if other != scope and scope in self._scoped:
                with suppress(errors.ConnectionBroken):
                    google_credentials.renew(credentials)
                    return True
        return False

    def _send(
        self,
        method: str,
        path: str,
        content: bytes | None,
        params: transport.Params | None,
        kind: Kind,
        acting: Credentials,
    ) -> transport.Response:
        if self.quota:
            self.quota.take(kind)
        headers = {"Accept": "application/json"}
        if content is not None:
            headers["Content-Type"] = "application/json"
        if self._quota_user:
            headers["x-goog-quota-user"] = self._quota_user
        acting.apply(headers)
        return transport.send(
            method,
            self._base + path,
            headers=headers,
            body=content,
            params=params,
            timeout=self._timeout,
            write=method != "GET",
        )
