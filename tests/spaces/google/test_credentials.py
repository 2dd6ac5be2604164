"""Tokens: fetched, refused in every way Google has, and never leaked."""

import base64
import hashlib
import json
import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth import exceptions as auth_errors

from spaces.google import credentials, errors, idtokens
from tests.spaces.google.misbehaving import CLOSE, HANG, RESET, Misbehaving, free_port, http

TOKEN = http(200, {"access_token": "ya29.canary", "expires_in": 3599, "token_type": "Bearer"})
ROOMS = "rooms-ber@example.com"


@pytest.fixture(scope="module")
def signing_key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="module")
def key_file(signing_key):
    pem = signing_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    return {
        "type": "service_account",
        "project_id": "meetadmin-test",
        "private_key_id": "k1",
        "private_key": pem,
        "client_email": "meetadmin@meetadmin-test.iam.gserviceaccount.com",
        "client_id": "123456789012345678901",
        "token_uri": "https://evil.example/token",
    }


def refusal(status, error, description="", **more):
    return http(status, {"error": error, "error_description": description, **more})


REFUSALS = [
    (refusal(400, "invalid_grant", "Token has been expired or revoked."), "revoked"),
    (refusal(400, "invalid_grant", "Bad Request"), "revoked"),
    (refusal(400, "invalid_grant", "reauth related error", error_subtype="invalid_rapt"), "sign_in_again"),
    (refusal(400, "invalid_grant", "Invalid email or User ID"), "unknown_subject"),
    (
        refusal(
            400,
            "invalid_grant",
            "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat",
        ),
        "clock",
    ),
    (refusal(400, "invalid_grant", "Invalid JWT Signature."), "bad_key"),
    (refusal(400, "invalid_request", "Invalid principal"), "not_an_address"),
    (refusal(400, "invalid_scope", "Some requested scopes were invalid."), "bad_scope"),
    (
        refusal(
            401,
            "unauthorized_client",
            "Client is unauthorized to retrieve access tokens using this method, or client not authorized for any of the "
            "scopes requested.",
        ),
        "not_delegated",
    ),
    (refusal(401, "access_denied"), "policy"),
    (refusal(400, "admin_policy_enforced"), "policy"),
    (refusal(401, "invalid_client", "The OAuth client was not found."), "bad_client"),
    (refusal(401, "deleted_client"), "bad_client"),
    (refusal(400, "something_new", "who knows"), "other"),
    (http(400, {}), "other"),
    (http(403, {"error": {"code": 403}}), "other"),
]

TROUBLES = {
    "500": http(500, "<html>"),
    "503": http(503, {"error": "temporarily_unavailable"}),
    "429": http(429, {"error": "rate_limit_exceeded"}),
    "html": http(200, "<html>"),
    "empty": http(200, ""),
    "a list": http(200, []),
    "text": http(200, '"token"'),
    "odd times": http(200, {"access_token": "x", "expires_in": "soon"}),
    "endless": http(200, {"access_token": "x", "expires_in": 10**30}),
    "odd expiry": http(200, {"access_token": "x", "expires_in": []}),
    "html refusal": http(400, "<html>"),
    "truncated": http(200, {"access_token": "x"}, length=4000),
    "a redirect": http(302, "{}", "Location: https://evil.example/"),
    "closed": CLOSE,
    "reset": RESET,
    "hanging": HANG,
}


def user(url):
    return credentials.consented("1//canary", client_id="c", client_secret="canary-secret", token_url=url)


# Delegation


def test_an_assertion_acts_for_the_subject_with_every_scope(key_file, signing_key):
    with Misbehaving([TOKEN]) as google:
        creds = credentials.delegated(
            key_file, subject=ROOMS, scopes=credentials.MEET_SCOPES, token_url=google.url
        )
        credentials.renew(creds)
        credentials.renew(creds)
    assert creds.token == "ya29.canary"
    (request,) = google.requests
    form = parse_qs(request.body.decode())
    assert form["grant_type"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
    claims = jwt.decode(
        form["assertion"][0],
        signing_key.public_key(),
        algorithms=["RS256"],
        audience="https://oauth2.googleapis.com/token",
    )
    assert claims["sub"] == ROOMS
    assert claims["iss"] == key_file["client_email"]
    assert set(claims["scope"].split()) == set(credentials.MEET_SCOPES)
    assert jwt.get_unverified_header(form["assertion"][0])["kid"] == "k1"


def test_one_object_per_subject_scopes_and_key(key_file):
    def build(
        subject: str = ROOMS, scopes: Any = credentials.MEET_SCOPES, url: str = "http://127.0.0.1:1/token"
    ):
        return credentials.delegated(key_file, subject=subject, scopes=scopes, token_url=url)

    assert build() is build(scopes=list(reversed(credentials.MEET_SCOPES)))
    others = [
        build(subject="rooms-muc@example.com"),
        build(scopes=[credentials.CREATED]),
        build(url="http://127.0.0.1:2/token"),
    ]
    assert len({id(one) for one in [build(), *others]}) == 4


@pytest.mark.parametrize(
    "broken", [{}, {"private_key": "no key"}, {"private_key": None}, {"client_email": None}]
)
def test_an_unusable_key_file_is_told_at_once(key_file, broken):
    info = {**key_file, **broken} if broken else {}
    with pytest.raises(ValueError, match=r"service account key|Key") as refusal:
        credentials.delegated(
            {name: value for name, value in info.items() if value is not None},
            subject=ROOMS, scopes=credentials.MEET_SCOPES, token_url=f"http://127.0.0.1/{len(broken)}{broken}",
        )  # fmt: skip
    assert "PRIVATE KEY" not in str(refusal.value)


# Refusals and troubles, the same for both ways


@pytest.mark.parametrize(("answer", "reason"), REFUSALS)
def test_a_refused_token_says_how_to_mend_it(answer, reason, key_file):
    for build in (
        user,
        lambda url: credentials.delegated(
            key_file, subject=ROOMS, scopes=credentials.MEET_SCOPES, token_url=url
        ),
    ):
        with Misbehaving([answer]) as google, pytest.raises(errors.ConnectionBroken) as problem:
            credentials.renew(build(google.url))
        assert problem.value.reason == reason
        assert problem.value.cure == errors.CURES[reason]
        assert len(google.requests) == 1


@pytest.mark.parametrize("answer", TROUBLES.values(), ids=TROUBLES)
def test_trouble_at_the_token_endpoint_breaks_nothing(answer):
    with Misbehaving([answer]) as google:
        started = time.monotonic()
        with pytest.raises(errors.TryLater) as problem:
            credentials.renew(user(google.url), timeout=0.3)
        assert time.monotonic() - started < 3, "google-auth's hidden waiting is back"
    assert not isinstance(problem.value, errors.OutcomeUnknown)
    assert len(google.requests) == 1
    assert "canary" not in problem.value.detail


def test_an_answer_without_a_token_is_no_token():
    with Misbehaving([http(200, {"expires_in": 3599})]) as google, pytest.raises(errors.GoogleError):
        credentials.renew(user(google.url))


def test_a_token_endpoint_that_is_not_there():
    with pytest.raises(errors.Unreachable):
        credentials.renew(user(f"http://127.0.0.1:{free_port()}"))


def test_grant_problems_that_did_not_come_from_us_are_sorted_too():
    assert isinstance(credentials.grant_problem(auth_errors.TransportError("x")), errors.TryLater)
    assert isinstance(
        credentials.grant_problem(auth_errors.RefreshError("x", retryable=True)), errors.TryLater
    )
    assert isinstance(credentials.grant_problem(TypeError("x")), errors.TryLater)
    revoked = auth_errors.RefreshError(
        "invalid_grant: x", {"error": "invalid_grant", "error_description": "x"}
    )
    assert isinstance(credentials.grant_problem(revoked), errors.ConnectionBroken)
    known = errors.NotFound("x.")
    assert credentials.grant_problem(known) is known


def test_a_refresh_sends_only_what_was_granted():
    with Misbehaving(
        [http(200, {"access_token": "x", "expires_in": 9, "scope": credentials.SETTINGS})]
    ) as google:
        credentials.renew(
            credentials.consented(
                "1//r", client_id="c", client_secret="s", token_url=google.url, scopes=[credentials.SETTINGS]
            )
        )
    form = parse_qs(google.requests[0].body.decode())
    assert form["refresh_token"] == ["1//r"]
    assert form["scope"] == [credentials.SETTINGS]


# The connect step


def test_the_address_of_the_connect_step():
    verifier = credentials.new_verifier()
    url = credentials.authorize_url(
        "https://accounts.google.com/o/oauth2/v2/auth",
        client_id="c&x",
        redirect_uri="http://127.0.0.1:8000/accounts/connect/callback/",
        scopes=credentials.IDENTITY_SCOPES + credentials.MEET_SCOPES,
        state="s t",
        nonce="n",
        verifier=verifier,
        login_hint="room-owner@example.com",
    )
    asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    assert asked == {
        "client_id": "c&x",
        "redirect_uri": "http://127.0.0.1:8000/accounts/connect/callback/",
        "response_type": "code",
        "scope": " ".join(credentials.IDENTITY_SCOPES + credentials.MEET_SCOPES),
        "state": "s t",
        "nonce": "n",
        "code_challenge": base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest())
        .decode()
        .rstrip("="),
        "code_challenge_method": "S256",
        "access_type": "offline",
        "prompt": "consent",
        "include_granted_scopes": "true",
        "login_hint": "room-owner@example.com",
    }
    assert 43 <= len(verifier) <= 128
    assert verifier != credentials.new_verifier()


def jwks(key, kid="k1"):
    public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key()))
    return http(200, {"keys": [{**public, "kid": kid, "use": "sig", "alg": "RS256"}]})


def claims(**changes):
    now = int(time.time())
    whole = {
        "iss": "https://accounts.google.com",
        "aud": "client",
        "sub": "104277000000000000001",
        "email": "Room-Owner@example.com",
        "email_verified": True,
        "hd": "example.com",
        "nonce": "nonce",
        "iat": now,
        "exp": now + 3600,
        **changes,
    }
    return {name: value for name, value in whole.items() if value is not None}


def redeem(id_token, certs, our_nonce="nonce", **token_changes):
    reply = {
        "access_token": "ya29.canary",
        "refresh_token": "1//canary",
        "scope": f"openid email {credentials.CREATED}",
        "id_token": id_token,
        **token_changes,
    }
    reply = {name: value for name, value in reply.items() if value is not None}
    with Misbehaving([http(200, reply)]) as token, Misbehaving([certs]) as keys:
        return exchange(token.url, keys.url, our_nonce), token.requests


def exchange(token_url, certs_url, nonce="nonce", timeout=5):
    return credentials.exchange(
        "4/0canary",
        verifier="v",
        nonce=nonce,
        redirect_uri="http://127.0.0.1/cb",
        client_id="client",
        client_secret="canary-secret",
        token_url=token_url,
        keys=idtokens.Keys(certs_url, timeout=timeout),
        timeout=timeout,
    )


def signed(key, kid="k1", algorithm="RS256", **changes):
    return jwt.encode(claims(**changes), key, algorithm=algorithm, headers={"kid": kid})


def test_a_consent_with_all_its_facts(signing_key):
    consent, requests = redeem(signed(signing_key), jwks(signing_key))
    assert consent.refresh_token == "1//canary"
    assert consent.google_id == "104277000000000000001"
    assert consent.email == "room-owner@example.com"
    assert consent.email_verified
    assert consent.hosted_domain == "example.com"
    assert consent.missing == {credentials.READONLY, credentials.SETTINGS}
    assert "canary" not in repr(consent)
    form = {name: values[0] for name, values in parse_qs(requests[0].body.decode()).items()}
    assert form["code_verifier"] == "v"
    assert form["code"] == "4/0canary"


def test_a_consent_without_a_refresh_token(signing_key):
    consent, _ = redeem(
        signed(signing_key, email_verified=None, hd=None), jwks(signing_key), refresh_token=None
    )
    assert consent.refresh_token is None
    assert not consent.email_verified
    assert consent.hosted_domain == ""


def test_a_token_that_names_our_client_as_its_party_is_good(signing_key):
    assert (
        redeem(signed(signing_key, azp="client", sub="1" * 255), jwks(signing_key))[0].google_id == "1" * 255
    )


@pytest.mark.parametrize("iss", ["https://accounts.google.com", "accounts.google.com"])
def test_both_names_of_the_issuer_are_good(signing_key, iss):
    assert redeem(signed(signing_key, iss=iss), jwks(signing_key))[0].google_id


FORGERIES = [
    {"iss": "https://evil.example"},
    {"iss": None},
    {"aud": "another-client"},
    {"aud": None},
    {"aud": ["client", "another-client"]},
    {"aud": ["client"]},
    {"azp": "another-client"},
    {"azp": ""},
    {"sub": None},
    {"sub": ""},
    {"sub": 104277},
    {"sub": "1" * 256},
    {"email": None},
    {"email": "room-owner"},
    {"email": f"{'x' * 250}@example.com"},
    {"hd": ["example.com"]},
    {"exp": 1},
    {"exp": None},
    {"iat": None},
    {"iat": 99999999999},
    {"iat": "soon"},
    {"exp": "never"},
    {"nonce": "another"},
    {"nonce": None},
    {"nonce": ""},
]


@pytest.mark.parametrize("changes", FORGERIES)
def test_an_id_token_for_somebody_else_is_refused(signing_key, changes):
    with pytest.raises(errors.ConnectionBroken) as problem:
        redeem(signed(signing_key, **changes), jwks(signing_key))
    assert problem.value.reason == "consent_failed"


def test_an_id_token_with_a_false_signature_is_refused(signing_key):
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    unsigned = jwt.encode(claims(), "", algorithm="none", headers={"kid": "k1"})
    by_secret = jwt.encode(claims(), "x" * 64, algorithm="HS256", headers={"kid": "k1"})
    for token in (
        signed(stranger),
        signed(signing_key, kid="k2"),
        unsigned,
        by_secret,
        "nonsense",
        "a.b.c",
        "",
    ):
        with pytest.raises(errors.ConnectionBroken):
            redeem(token, jwks(signing_key))


@pytest.mark.parametrize(
    "certs",
    [http(200, {"keys": []}), http(200, {"keys": 7}), http(200, {}), http(404, {}), http(200, "<html>")],
)
def test_without_good_keys_nobody_is_let_in(signing_key, certs):
    with pytest.raises(errors.GoogleError):
        redeem(signed(signing_key), certs)


def test_an_empty_nonce_of_ours_proves_nothing(signing_key):
    with pytest.raises(errors.ConnectionBroken):
        redeem(signed(signing_key, nonce=""), jwks(signing_key), our_nonce="")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (refusal(400, "invalid_grant", "Malformed auth code."), "consent_failed"),
        (refusal(400, "redirect_uri_mismatch"), "redirect"),
        (refusal(401, "invalid_client"), "bad_client"),
        (refusal(400, "odd"), "other"),
    ],
)
def test_a_refused_code(answer, reason):
    with Misbehaving([answer]) as token, pytest.raises(errors.ConnectionBroken) as problem:
        exchange(token.url, token.url)
    assert problem.value.reason == reason
    assert "canary" not in problem.value.detail


@pytest.mark.parametrize("answer", TROUBLES.values(), ids=TROUBLES)
def test_trouble_while_redeeming_is_not_the_persons_fault(answer):
    with Misbehaving([answer]) as token, pytest.raises(errors.TryLater):
        exchange(token.url, token.url, timeout=0.3)


@pytest.mark.parametrize(
    ("word", "reason"),
    [("access_denied", "consent_failed"), ("admin_policy_enforced", "policy"), ("org_internal", "policy"),
     ("redirect_uri_mismatch", "redirect"), ("<script>", "consent_failed")],
)  # fmt: skip
def test_being_sent_back_with_an_error(word, reason):
    assert credentials.redirect_problem(word).reason == reason


def test_withdrawing_a_grant():
    for answer in (http(200, {}), refusal(400, "invalid_token"), refusal(400, "invalid_grant")):
        with Misbehaving([answer]) as google:
            credentials.revoke("1//canary", revoke_url=google.url)
        assert parse_qs(google.requests[0].body.decode()) == {"token": ["1//canary"]}
    with Misbehaving([refusal(400, "invalid_request")]) as google, pytest.raises(errors.ConnectionBroken):
        credentials.revoke("1//canary", revoke_url=google.url)
    with Misbehaving([http(503, "")]) as google, pytest.raises(errors.TryLater):
        credentials.revoke("1//canary", revoke_url=google.url)
