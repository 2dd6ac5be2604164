"""Sign-in, consent, tokens and delegation, as an OAuth client meets them."""

import base64
import hashlib
import json
import re
import secrets
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth.exceptions import RefreshError
from google.auth.transport.requests import Request
from google.oauth2 import service_account

from tests.support.simulator import CREATED, READONLY, SETTINGS, SimulatorProcess

CLIENT = {
    "client_id": "meetadmin-demo.apps.googleusercontent.com",
    "client_secret": "demo-only-client-secret",
}
CALLBACK = "http://127.0.0.1:8000/accounts/google/login/callback/"
JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
MAILBOX = "rooms-ber@example.com"


class Browser:
    """A person in front of the sign-in page, and the app behind it."""

    def __init__(self, google: SimulatorProcess, session: requests.Session) -> None:
        self.google = google
        self.session = session
        self.verifier = secrets.token_urlsafe(48)

    def asked(self, **changes: str) -> dict[str, str]:
        """The parameters of an authorisation request."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        asked = {
            "client_id": CLIENT["client_id"],
            "redirect_uri": CALLBACK,
            "response_type": "code",
            "scope": "openid email profile",
            "state": "a state",
            "nonce": "a nonce",
            "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
            "code_challenge_method": "S256",
            **changes,
        }
        return {name: value for name, value in asked.items() if value}

    def page(self, **changes: str) -> requests.Response:
        """Open the sign-in page."""
        return self.session.get(self.google.url + "/o/oauth2/v2/auth", params=self.asked(**changes))

    def press(self, page: requests.Response, untick: tuple[str, ...] = (), **button: str) -> dict[str, str]:
        """Press a button of the page; what the app gets back."""
        fields = re.findall(r'<input type="(?:hidden|checkbox)" name="([^"]+)" value="([^"]*)"', page.text)
        data = [(name, value) for name, value in fields if value not in untick] + list(button.items())
        reply = self.session.post(self.google.url + "/o/oauth2/v2/auth", data=data, allow_redirects=False)
        assert reply.status_code == 302, reply.text
        back = urlsplit(reply.headers["Location"])
        assert f"{back.scheme}://{back.netloc}{back.path}" == CALLBACK
        return {name: values[0] for name, values in parse_qs(back.query).items()}

    def code(self, email: str, untick: tuple[str, ...] = (), **changes: str) -> str:
        """Choose an account; the code."""
        return self.press(self.page(**changes), untick, account=email)["code"]

    def token(self, **form: str) -> requests.Response:
        """Ask the token endpoint."""
        return self.session.post(self.google.url + "/token", data=form)

    def exchange(self, code: str, **changes: str) -> requests.Response:
        """Turn a code into tokens."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": CALLBACK,
            "code_verifier": self.verifier,
            **CLIENT,
            **changes,
        }
        return self.token(**{name: value for name, value in form.items() if value})

    def sign_in(self, email: str, untick: tuple[str, ...] = (), **changes: str) -> dict[str, Any]:
        """The whole way, to the tokens."""
        reply = self.exchange(self.code(email, untick, **changes))
        assert reply.status_code == 200, reply.text
        answer: dict[str, Any] = reply.json()
        return answer


@pytest.fixture
def browser(google: SimulatorProcess) -> Iterator[Browser]:
    """Somebody with a browser."""
    with requests.Session() as session:
        session.trust_env = False
        yield Browser(google, session)


def test_the_page_offers_every_account_as_a_button(browser):
    text = browser.page().text
    offered = re.findall(r'<button type="submit" name="account" value="([^"]+)">', text)
    for email in (
        "it-admin@example.com",
        "helpdesk@example.com",
        "room-owner@example.com",
        "participant@example.com",
        "stranger@elsewhere.example",
        MAILBOX,
    ):
        assert offered.count(email) == 1
    assert "checkbox" not in text


def test_sign_in_tells_who_somebody_is(browser, google):
    back = browser.press(browser.page(), account="it-admin@example.com")
    assert back["state"] == "a state"
    answer = browser.exchange(back["code"]).json()
    assert answer["token_type"] == "Bearer"
    assert answer["expires_in"] == 3599
    assert "refresh_token" not in answer
    keys = jwt.PyJWKSet.from_dict(requests.get(google.url + "/oauth2/v3/certs").json())
    kid = jwt.get_unverified_header(answer["id_token"])["kid"]
    claims = jwt.decode(
        answer["id_token"],
        keys[kid].key,
        algorithms=["RS256"],
        audience=CLIENT["client_id"],
        issuer="https://accounts.google.com",
    )
    assert claims["hd"] == "example.com"
    assert claims["email"] == "it-admin@example.com"
    assert claims["email_verified"] is True
    assert claims["nonce"] == "a nonce"
    assert len(claims["sub"]) == 21
    certificate = requests.get(google.url + "/oauth2/v1/certs").json()[kid]
    public = x509.load_pem_x509_certificate(certificate.encode()).public_key()
    assert isinstance(public, rsa.RSAPublicKey)
    jwt.decode(answer["id_token"], public, algorithms=["RS256"], audience=CLIENT["client_id"])
    headers = {"Authorization": f"Bearer {answer['access_token']}"}
    info = requests.get(google.url + "/v1/userinfo", headers=headers).json()
    assert info == {name: claims[name] for name in info}
    assert info["sub"] == claims["sub"]


@pytest.mark.parametrize(
    ("email", "hd", "verified"),
    [
        ("stranger@elsewhere.example", "elsewhere.example", True),
        ("consumer@mail.example", None, True),
        ("unverified@example.com", "example.com", False),
    ],
)
def test_claims_of_people_who_do_not_belong(browser, email, hd, verified):
    token = browser.sign_in(email)["id_token"]
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims.get("hd") == hd
    assert claims["email_verified"] is verified


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"client_id": "other"}, "invalid_client"),
        ({"redirect_uri": "http://127.0.0.1:8000/elsewhere/"}, "redirect_uri_mismatch"),
        ({"redirect_uri": "https://evil.example/accounts/google/login/callback/"}, "redirect_uri_mismatch"),
        (
            {"redirect_uri": "http://127.0.0.1.evil.example/accounts/connect/callback/"},
            "redirect_uri_mismatch",
        ),
        ({"redirect_uri": "http://127.0.0.1:x/accounts/connect/callback/"}, "redirect_uri_mismatch"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": ""}, "invalid_request"),
        ({"scope": "openid nonsense"}, "invalid_scope"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
    ],
)
def test_a_bad_request_is_not_sent_back(browser, changes, error):
    reply = browser.page(**changes)
    assert reply.status_code == 400
    assert f"Error 400: {error}" in reply.text
    assert 'name="account"' not in reply.text


def test_what_was_sent_is_escaped_on_the_page(browser):
    assert "<script>" not in browser.page(state='"><script>alert(1)</script>').text


def test_cancel(browser):
    assert browser.press(browser.page(), cancel="1") == {"state": "a state", "error": "access_denied"}


@pytest.mark.parametrize("redirect", ["localhost:1234", "[::1]:8000"])
def test_loopback_has_several_names(browser, redirect):
    assert browser.page(redirect_uri=f"http://{redirect}/accounts/connect/callback/").status_code == 200


def test_a_code_works_once_for_who_asked(browser, google):
    code = browser.code("helpdesk@example.com")
    assert browser.exchange(code).status_code == 200
    again = browser.exchange(code)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    for changes, status, error in (
        ({"code_verifier": "wrong"}, 400, "invalid_grant"),
        ({"code_verifier": ""}, 400, "invalid_grant"),
        ({"redirect_uri": CALLBACK.replace("8000", "8001")}, 400, "redirect_uri_mismatch"),
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"client_id": "wrong"}, 401, "invalid_client"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
    ):
        reply = browser.exchange(browser.code("helpdesk@example.com"), **changes)
        assert (reply.status_code, reply.json()["error"]) == (status, error), changes
    late = browser.code("helpdesk@example.com")
    google.advance(601)
    assert browser.exchange(late).json()["error"] == "invalid_grant"


def test_the_client_may_authenticate_by_basic(browser, google):
    code = browser.code("helpdesk@example.com")
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK}
    form["code_verifier"] = browser.verifier
    right = (CLIENT["client_id"], CLIENT["client_secret"])
    assert requests.post(google.url + "/token", data=form, auth=(right[0], "no")).status_code == 401
    assert requests.post(google.url + "/token", data=form, auth=right).status_code == 200


def _connect(browser: Browser, prompt: str = "") -> dict[str, Any]:
    scope = f"openid email {CREATED} {READONLY} {SETTINGS}"
    return browser.sign_in("room-owner@example.com", scope=scope, access_type="offline", prompt=prompt)


def test_a_refresh_token_comes_with_the_first_consent_only(browser):
    assert "refresh_token" in _connect(browser)
    assert "refresh_token" not in _connect(browser)
    assert "refresh_token" in _connect(browser, prompt="consent")


def test_refresh(browser, google):
    first = _connect(browser)
    google.advance(3600)
    assert google.call("GET", "/v2/conferenceRecords", token=first["access_token"])[0] == 401
    form = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"], **CLIENT}
    renewed = browser.token(**form).json()
    assert "refresh_token" not in renewed
    assert renewed["scope"] == first["scope"]
    assert google.call("GET", "/v2/conferenceRecords", token=renewed["access_token"]) == (200, {})
    assert browser.token(**{**form, "client_secret": "x"}).status_code == 401
    made_up = browser.token(**{**form, "refresh_token": "1//made-up"})
    assert (made_up.status_code, made_up.json()["error"]) == (400, "invalid_grant")


@pytest.mark.parametrize("which", ["access_token", "refresh_token"])
def test_revoking_any_token_ends_the_grant(browser, google, which):
    given = _connect(browser)
    assert requests.post(google.url + "/revoke", data={"token": given[which]}).status_code == 200
    reply = browser.token(grant_type="refresh_token", refresh_token=given["refresh_token"], **CLIENT)
    assert reply.status_code == 400
    assert reply.json() == {
        "error": "invalid_grant",
        "error_description": "Token has been expired or revoked.",
    }
    assert google.call("GET", "/v2/conferenceRecords", token=given["access_token"])[0] == 401
    assert requests.post(google.url + "/revoke", data={"token": given[which]}).status_code == 400


def test_a_person_takes_the_consent_back(browser, google):
    given = _connect(browser)
    google.control("POST", "revoke", {"email": "room-owner@example.com"})
    reply = browser.token(grant_type="refresh_token", refresh_token=given["refresh_token"], **CLIENT)
    assert reply.json()["error"] == "invalid_grant"
    assert "refresh_token" in _connect(browser)


def test_unticked_scopes_are_not_granted(browser, google):
    page = browser.page(scope=f"openid {CREATED} {READONLY}")
    assert page.text.count('type="checkbox"') == 2
    code = browser.press(page, (CREATED,), account=MAILBOX)["code"]
    answer = browser.exchange(code).json()
    assert CREATED not in answer["scope"].split()
    assert READONLY in answer["scope"].split()
    status, refusal = google.call("POST", "/v2/spaces", {}, token=answer["access_token"])
    assert status == 403
    assert refusal["error"]["details"][0]["reason"] == "ACCESS_TOKEN_SCOPE_INSUFFICIENT"


def test_include_granted_scopes(browser):
    _connect(browser)
    plain = browser.sign_in("room-owner@example.com")
    assert SETTINGS not in plain["scope"].split()
    incremental = browser.sign_in("room-owner@example.com", include_granted_scopes="true")
    assert SETTINGS in incremental["scope"].split()


def test_tokeninfo(browser, google):
    token = _connect(browser)["access_token"]
    info = requests.get(google.url + "/tokeninfo", params={"access_token": token}).json()
    assert info["email"] == "room-owner@example.com"
    assert CREATED in info["scope"].split()
    assert 0 < int(info["expires_in"]) <= 3599
    assert requests.get(google.url + "/tokeninfo", params={"access_token": "x"}).status_code == 400


def test_discovery_names_our_addresses_and_googles_issuer(google):
    found = requests.get(google.url + "/.well-known/openid-configuration").json()
    assert found["issuer"] == "https://accounts.google.com"
    for name in ("authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri"):
        assert found[name].startswith(google.url + "/")


# -- the service account ---------------------------------------------------------------------------------------------


@pytest.fixture
def key(google: SimulatorProcess) -> dict[str, Any]:
    """The service account's key file."""
    answer: dict[str, Any] = google.control("GET", "service-account")
    return answer


def _assertion(key: dict[str, Any], **changes: Any) -> str:
    now = int(time.time())
    claims = {
        "iss": key["client_email"],
        "sub": MAILBOX,
        "scope": CREATED,
        "aud": "https://oauth2.googleapis.com/token",
        "iat": now,
        "exp": now + 3600,
        **changes,
    }
    claims = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(claims, key["private_key"], algorithm="RS256", headers={"kid": key["private_key_id"]})


def _by_assertion(google: SimulatorProcess, assertion: str) -> requests.Response:
    form = {"grant_type": JWT_GRANT, "assertion": assertion}
    return requests.post(google.url + "/token", data=form)


def test_the_key_file_works_with_googles_own_library(google, key):
    assert re.fullmatch(r"\d{21}", key["client_id"])
    base = service_account.Credentials.from_service_account_info(key, scopes=[CREATED, READONLY])
    delegated = base.with_subject(MAILBOX)
    delegated.refresh(Request())
    assert google.call("POST", "/v2/spaces", {}, token=delegated.token)[0] == 200
    unknown = base.with_subject("nobody@example.com")
    with pytest.raises(RefreshError, match="Invalid email or User ID"):
        unknown.refresh(Request())


@pytest.mark.parametrize(
    ("changes", "status", "error", "words"),
    [
        ({"sub": "nobody@example.com"}, 400, "invalid_grant", "Invalid email or User ID"),
        ({"sub": "104277000000000000001"}, 400, "invalid_request", "Invalid principal"),
        ({"sub": "stranger@elsewhere.example"}, 401, "unauthorized_client", "Client is unauthorized"),
        (
            {"scope": f"{CREATED} https://www.googleapis.com/auth/drive.readonly"},
            401,
            "unauthorized_client",
            "Client is unauthorized",
        ),
        ({"scope": CREATED + "x"}, 400, "invalid_scope", "Invalid OAuth scope"),
        ({"scope": ""}, 400, "invalid_scope", "Invalid OAuth scope"),
        ({"aud": "https://elsewhere.example/token"}, 400, "invalid_grant", "audience"),
        ({"iss": "other@example.com"}, 400, "invalid_grant", "account not found"),
        ({"exp": int(time.time()) + 7200}, 400, "invalid_grant", "short-lived token"),
        ({"iat": 1, "exp": 3601}, 400, "invalid_grant", "short-lived token"),
        (
            {"iat": int(time.time()) - 200, "exp": int(time.time()) + 3500},
            400,
            "invalid_grant",
            "short-lived token",
        ),
        ({"iat": None}, 400, "invalid_grant", "short-lived token"),
    ],
)
def test_refusals_of_an_assertion(google, key, changes, status, error, words):
    reply = _by_assertion(google, _assertion(key, **changes))
    assert (reply.status_code, reply.json()["error"]) == (status, error)
    assert words in reply.json()["error_description"]


def test_an_assertion_signed_with_another_key(google, key):
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    forged = jwt.encode(
        jwt.decode(_assertion(key), options={"verify_signature": False}), other, algorithm="RS256"
    )
    assert _by_assertion(google, forged).json() == {
        "error": "invalid_grant",
        "error_description": "Invalid JWT Signature.",
    }
    assert _by_assertion(google, "a.b.c").json()["error"] == "invalid_grant"
    unsigned = jwt.encode({"iss": key["client_email"]}, "", algorithm="none")
    assert _by_assertion(google, unsigned).json()["error"] == "invalid_grant"


def test_the_simulators_own_address_is_an_audience_too(google, key):
    reply = _by_assertion(google, _assertion(key, aud=google.url + "/token"))
    assert reply.status_code == 200
    assert set(reply.json()) == {"access_token", "expires_in", "token_type"}


def test_delegation_can_be_taken_back(google, key):
    google.control("POST", "delegation", {"scopes": ["readonly"]})
    assert _by_assertion(google, _assertion(key)).json()["error"] == "unauthorized_client"
    assert _by_assertion(google, _assertion(key, scope=READONLY)).status_code == 200


def test_without_subject_the_service_account_is_nobody(google, key):
    token = _by_assertion(google, _assertion(key, sub=None, scope=f"{CREATED} {READONLY}")).json()
    space = google.world()["rooms"][0]["space"]
    assert google.call("GET", f"/v2/{space}", token=token["access_token"])[0] == 403
    assert google.call("GET", "/v2/conferenceRecords", token=token["access_token"]) == (200, {})


def test_faults_of_the_token_endpoint_for_one_account(google, key):
    google.control("POST", "faults", {"method": "token", "status": 503, "account": MAILBOX})
    other = _assertion(key, sub="rooms-muc@example.com")
    assert _by_assertion(google, other).status_code == 200
    assert _by_assertion(google, _assertion(key)).status_code == 503
    assert _by_assertion(google, _assertion(key)).status_code == 200
    counts = google.control("GET", "requests")
    assert counts["by_method"] == {"token": 3}
    assert counts["by_account"] == {MAILBOX: 2, "rooms-muc@example.com": 1}
    assert json.dumps(counts["by_status"], sort_keys=True) == '{"200": 2, "503": 1}'
