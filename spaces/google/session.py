"""One user's way to Google's APIs over plain HTTP: token in, errors sorted, everything sent once.

The Meet client hangs it under Google's own library; the clients of Workspace Events and Pub/Sub use it as it is.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

import requests
from google.auth.credentials import Credentials

from spaces.google import credentials as google_credentials
from spaces.google import errors, interpret, transport
from spaces.google.quota import Gate, Kind


class Session(requests.Session):
    """What calls of Google's APIs go through: adds the token, judges every answer, never repeats.

    google-auth's AuthorizedSession is not used here: it renews twice, repeats writes by itself, follows redirects and
    starts a background thread for a feature that delegation does not have.
    """

    def __init__(
        self,
        credentials: Credentials,
        *,
        timeout: float,
        quota_user: str | None = None,
        api: interpret.Api = interpret.MEET,
    ) -> None:
        super().__init__()
        transport.prepare(self)
        self._credentials = credentials
        self._timeout = timeout
        self._api = api
        self.passing: tuple[Kind, Gate | None] = ("read", None)
        self._quota_user = hashlib.sha256(quota_user.encode()).hexdigest()[:40] if quota_user else ""

    def request(  # type: ignore[override]  # our callers and Google's library pass only these
        self,
        method: str,
        url: str,
        *,
        params: Any = None,
        data: Any = None,
        headers: Mapping[str, str],
        **_: Any,
    ) -> requests.Response:
        """One call, sent once; a second time only after a 401, which says that nothing was done."""
        write = method.upper() != "GET"
        google_credentials.renew(self._credentials)
        response = self._send(method, url, params=params, data=data, headers=headers, write=write)
        if response.status_code == 401:
            google_credentials.renew(self._credentials, force=True)
            response = self._send(method, url, params=params, data=data, headers=headers, write=write)
        if not transport.is_good(response):
            problem = interpret.from_answer(transport.answer(response), write=write, api=self._api)
            kind, gate = self.passing
            if gate and isinstance(problem, errors.OverQuota):
                gate.refused(kind, problem)
            raise problem
        if not isinstance(transport.decoded(response), dict):
            raise transport.no_object(response, write=write)
        return response

    def _send(
        self, method: str, url: str, *, params: Any, data: Any, headers: Mapping[str, str], write: bool
    ) -> requests.Response:
        kind, gate = self.passing
        if gate:
            gate.take(kind)
        sent = dict(headers)
        if self._quota_user:
            sent["x-goog-quota-user"] = self._quota_user
        self._credentials.apply(sent)
        return transport.send(
            self, method, url, params=params, data=data, headers=sent, timeout=self._timeout, write=write
        )
