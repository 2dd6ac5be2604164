"""What a person's browser does at the simulator's sign-in page."""

import http.client
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from spaces.google import credentials, idtokens
from tests.support.simulator import MEET_SCOPES, SimulatorProcess

CONNECT_CALLBACK = "http://127.0.0.1:8000/accounts/connect/callback/"
CLIENT_ID = "meetadmin-demo.apps.googleusercontent.com"
CLIENT_SECRET = "demo-only-client-secret"


def choose(
    authorize_url: str, account: str, *, ticked: tuple[str, ...] | None = None, cancel: bool = False
) -> str:
    """Choose an account on the page behind `authorize_url`; the address Google sends the browser back to.

    `ticked`: the Meet scopes that stay ticked (None: all that were asked).
    """
    parts = urlsplit(authorize_url)
    fields = parse_qsl(parts.query)
    fields.append(("cancel", "1") if cancel else ("account", account))
    if ticked is not None:
        fields += [("consent", "shown"), *(("granted_scope", scope) for scope in ticked)]
    link = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=20)
    try:
        link.request(
            "POST", parts.path, urlencode(fields), {"Content-Type": "application/x-www-form-urlencoded"}
        )
        answer = link.getresponse()
        text = answer.read().decode()
        assert answer.status == 302, text
        return answer.headers["Location"]
    finally:
        link.close()


def consent(
    google: SimulatorProcess, account: str, *, ticked: tuple[str, ...] = MEET_SCOPES
) -> credentials.Consent:
    """What Google hands over when this person connects the account."""
    state, nonce, verifier = (credentials.new_verifier() for _ in range(3))
    address = credentials.authorize_url(
        f"{google.url}/o/oauth2/v2/auth",
        client_id=CLIENT_ID,
        redirect_uri=CONNECT_CALLBACK,
        scopes=(*credentials.IDENTITY_SCOPES, *credentials.MEET_SCOPES),
        state=state,
        nonce=nonce,
        verifier=verifier,
    )
    back = parse_qs(urlsplit(choose(address, account, ticked=ticked)).query)
    return credentials.exchange(
        back["code"][0],
        verifier=verifier,
        nonce=nonce,
        redirect_uri=CONNECT_CALLBACK,
        token_url=f"{google.url}/token",
        keys=idtokens.Keys(f"{google.url}/oauth2/v3/certs"),
        client_id=CLIENT_ID,
        client_secret=CLIENT_SECRET,
    )
