"""Sign-in against a hostile or broken token endpoint: whatever it answers, nobody gets in who is not proven, and nothing fails."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from allauth.socialaccount.models import SocialAccount
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.test import Client

from spaces.models import AuditEntry, Person
from tests.spaces.google.misbehaving import Misbehaving, http
from tests.support.signin import CLIENT_ID

pytestmark = pytest.mark.django_db
KEY, OTHER_KEY = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2))
PUBLIC = KEY.public_key().public_bytes(
    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
)
GONE = object()


def jwks(*keys: tuple[str, rsa.RSAPrivateKey]) -> bytes:
    found = [
        json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key()))
        | {"kid": name, "alg": "RS256", "use": "sig"}
        for name, key in keys
    ]
    return http(200, {"keys": found})


class Endpoint:
    """Google's token endpoint in the hands of an attacker, with Google's true public keys beside it."""

    def __init__(self, token: Misbehaving, certs: Misbehaving) -> None:
        self.token, self.certs = token, certs

    def claims(self, nonce: str, /, **changes: Any) -> dict[str, Any]:
        now = int(time.time())
        whole = {
            "iss": "https://accounts.google.com",
            "aud": CLIENT_ID,
            "azp": CLIENT_ID,
            "sub": "104277000000000000001",
            "email": "room-owner@example.com",
            "email_verified": True,
            "hd": "example.com",
            "name": "Room Owner",
            "nonce": nonce,
            "iat": now,
            "exp": now + 3600,
        } | changes
        return {name: value for name, value in whole.items() if value is not GONE}

    def signed(
        self, nonce: str, /, key: Any = KEY, *, kid: str = "k1", algorithm: str = "RS256", **changes: Any
    ) -> str:
        body = jwt.api_jws.encode(
            json.dumps(self.claims(nonce, **changes)).encode(), key, algorithm=algorithm, headers={"kid": kid}
        )
        return str(body)

    def answer(self, client: Client, make: Any) -> Any:
        """Sign in with this browser; `make` gets the nonce and returns the ID token, or the whole answer of the endpoint."""
        asked = parse_qs(urlsplit(client.post("/accounts/google/login/")["Location"]).query)
        made = make(asked["nonce"][0])
        reply = (
            made
            if isinstance(made, bytes)
            else http(200, {"access_token": "ya29.x", "id_token": made, "token_type": "Bearer"})
        )
        self.token.answers[:] = [reply]
        return client.get(
            "/accounts/google/login/callback/", {"state": asked["state"][0], "code": "4/0hostile"}
        )


@pytest.fixture
def endpoint(settings: Any) -> Iterator[Endpoint]:
    with Misbehaving([]) as token, Misbehaving([jwks(("k1", KEY))]) as certs:
        settings.GOOGLE = replace(settings.GOOGLE, token=token.url, certs=certs.url)
        yield Endpoint(token, certs)


def browser() -> Client:
    return Client(HTTP_HOST="127.0.0.1:8000")


def nothing_was_written() -> bool:
    return not (Person.objects.exists() or SocialAccount.objects.exists() or AuditEntry.objects.exists())


@pytest.mark.parametrize("iss", ["https://accounts.google.com", "accounts.google.com"])
@pytest.mark.parametrize("azp", [CLIENT_ID, GONE])
def test_a_proven_person_is_let_in(endpoint, iss, azp):
    client = browser()
    reply = endpoint.answer(client, lambda nonce: endpoint.signed(nonce, iss=iss, azp=azp))
    assert (reply.status_code, reply["Location"]) == (302, "/")
    assert client.get("/").status_code == 200
    assert Person.objects.get().google_id == "104277000000000000001"


def by_public_key(endpoint: Endpoint, nonce: str) -> str:
    """HS256 with the text of the public key as the secret; the library itself refuses to sign this."""
    head = jwt.utils.base64url_encode(json.dumps({"alg": "HS256", "kid": "k1", "typ": "JWT"}).encode())
    body = jwt.utils.base64url_encode(json.dumps(endpoint.claims(nonce)).encode())
    text = head + b"." + body
    algorithm = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    return (text + b"." + jwt.utils.base64url_encode(algorithm.sign(text, PUBLIC))).decode()


NOW = int(time.time())
FORGED = {
    "unsigned": lambda e, n: e.signed(n, None, algorithm="none"),
    "a password": lambda e, n: e.signed(n, "x" * 64, algorithm="HS256"),
    "the public key as a password": by_public_key,
    "another key under the same name": lambda e, n: e.signed(n, OTHER_KEY),
    "a key that google does not publish": lambda e, n: e.signed(n, OTHER_KEY, kid="k9"),
    "another algorithm": lambda e, n: e.signed(n, algorithm="RS512"),
    "no expiry": lambda e, n: e.signed(n, exp=GONE),
    "expired": lambda e, n: e.signed(n, iat=NOW - 7200, exp=NOW - 3600),
    "an expiry in words": lambda e, n: e.signed(n, exp="never"),
    "an endless expiry": lambda e, n: e.signed(n, exp=float("inf")),
    "no beginning": lambda e, n: e.signed(n, iat=GONE),
    "from the future": lambda e, n: e.signed(n, iat=NOW + 3600, exp=NOW + 7200),
    "not good yet": lambda e, n: e.signed(n, nbf=NOW + 3600),
    "no audience": lambda e, n: e.signed(n, aud=GONE),
    "another audience": lambda e, n: e.signed(n, aud="another-client"),
    "a list of audiences": lambda e, n: e.signed(n, aud=[CLIENT_ID, "another-client"], azp="another-client"),
    "a list of one audience": lambda e, n: e.signed(n, aud=[CLIENT_ID]),
    "another party": lambda e, n: e.signed(n, azp="another-client"),
    "no issuer": lambda e, n: e.signed(n, iss=GONE),
    "another issuer": lambda e, n: e.signed(n, iss="https://accounts.google.com.evil.example"),
    "the issuer without tls": lambda e, n: e.signed(n, iss="http://accounts.google.com"),
    "no nonce": lambda e, n: e.signed(n, nonce=GONE),
    "another nonce": lambda e, n: e.signed(n, nonce="another"),
    "a nonce in a list": lambda e, n: e.signed(n, nonce=[n]),
    "nonsense": lambda e, n: "a.b.c",
    "an empty token": lambda e, n: "",
    "a number": lambda e, n: 7,
    "no token": lambda e, n: http(200, {"access_token": "ya29.x"}),
    "a list as the answer": lambda e, n: http(200, ["access_token"]),
    "a lifetime in words": lambda e, n: http(200, {"access_token": "ya29.x", "expires_in": "soon"}),
    "a page": lambda e, n: http(200, "<html>"),
}


@pytest.mark.parametrize("case", FORGED)
def test_a_forged_token_is_refused(endpoint, case):
    client = browser()
    reply = endpoint.answer(client, lambda nonce: FORGED[case](endpoint, nonce))
    assert reply.status_code in {403, 503}
    assert "Reference" in reply.content.decode()
    assert client.get("/").status_code == 302
    assert nothing_was_written()


MALFORMED: dict[str, dict[str, Any]] = {
    "no sub": {"sub": GONE},
    "sub null": {"sub": None},
    "sub empty": {"sub": ""},
    "sub a number": {"sub": 104277},
    "sub a list": {"sub": ["104277"]},
    "sub a truth value": {"sub": True},
    "sub too long": {"sub": "1" * 256},
    "sub far too long": {"sub": "1" * 100_000},
    "sub with blanks": {"sub": "104 277"},
    "sub with nul": {"sub": "104\x00277"},
    "sub in other letters": {"sub": "１０４"},
    "no email": {"email": GONE},
    "email null": {"email": None},
    "email empty": {"email": ""},
    "email a number": {"email": 7},
    "email a list": {"email": ["room-owner@example.com"]},
    "email without domain": {"email": "room-owner"},
    "email with two at signs": {"email": "room-owner@example.com@example.com"},
    "email with a line end": {"email": "room-owner@example.com\nit-admin@example.com"},
    "email with nul": {"email": "room\x00owner@example.com"},
    "email with half a character": {"email": "room\ud800owner@example.com"},
    "email too long": {"email": f"{'x' * 60}@{'y' * 60}.{'z' * 60}.{'a' * 60}.{'b' * 60}.example.com"},
    "email with a long name": {"email": f"{'x' * 300}@example.com"},
    "hd a list": {"hd": ["example.com"]},
    "hd an object": {"hd": {"example.com": True}},
    "hd too long": {"hd": "x" * 100_000},
    "verified in words": {"email_verified": "true"},
    "verified as a number": {"email_verified": 1},
}


@pytest.mark.parametrize("case", MALFORMED)
def test_malformed_claims_get_the_refusal_page(endpoint, case):
    client = browser()
    reply = endpoint.answer(client, lambda nonce: endpoint.signed(nonce, **MALFORMED[case]))
    assert reply.status_code == 403
    assert "Reference" in reply.content.decode()
    assert client.get("/").status_code == 302
    assert nothing_was_written()


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        (GONE, ""),
        (None, ""),
        (7, ""),
        (["Room"], ""),
        ("x" * 5000, "x" * 200),
        ("Room\x00 \ud800Owner\n\u202eevil", "Room Owner evil"),
        ("نام\u200cخانوادگی", "نام\u200cخانوادگی"),
    ],
)
def test_a_name_is_only_shown_and_lets_nobody_in_or_out(endpoint, name, kept):
    reply = endpoint.answer(browser(), lambda nonce: endpoint.signed(nonce, name=name))
    assert reply.status_code == 302
    assert Person.objects.get().name == kept


def test_the_longest_documented_id_is_one_person_each_time(endpoint):
    for _ in range(2):
        reply = endpoint.answer(browser(), lambda nonce: endpoint.signed(nonce, sub="1" * 255))
        assert reply.status_code == 302
    assert Person.objects.get().google_id == "1" * 255
    assert SocialAccount.objects.count() == 1


def test_a_new_signing_key_is_fetched_at_the_next_sign_in(endpoint):
    assert endpoint.answer(browser(), endpoint.signed).status_code == 302
    asked = len(endpoint.certs.requests)
    assert endpoint.answer(browser(), endpoint.signed).status_code == 302
    assert len(endpoint.certs.requests) == asked, "keys are kept"
    endpoint.certs.answers[:] = [jwks(("k2", OTHER_KEY))]
    reply = endpoint.answer(browser(), lambda nonce: endpoint.signed(nonce, OTHER_KEY, kid="k2"))
    assert reply.status_code == 302
    assert len(endpoint.certs.requests) == asked + 1
    assert endpoint.answer(browser(), endpoint.signed).status_code == 403, "the old key is withdrawn"


@pytest.mark.parametrize("keys", [http(503, ""), http(200, "<html>"), http(200, {"keys": []}), http(404, {})])
def test_without_googles_keys_nobody_is_let_in_and_it_is_said_why(endpoint, keys):
    endpoint.certs.answers[:] = [keys]
    reply = endpoint.answer(browser(), endpoint.signed)
    assert reply.status_code == 503
    assert "Google cannot be reached" in reply.content.decode()
    assert nothing_was_written()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"hd": GONE}, "This is a private Google account with a company address."),
        ({"hd": ""}, "This is a private Google account with a company address."),
        ({"hd": GONE, "email": "Room-Owner@EXAMPLE.com"}, "This is a private Google account"),
        ({"hd": GONE, "email": "somebody@gmail.com"}, "does not belong to this organisation"),
        ({"hd": "elsewhere.example"}, "does not belong to this organisation"),
        ({"hd": "example.com.evil.example"}, "does not belong to this organisation"),
        ({"hd": GONE, "email_verified": False}, "has not verified the address"),
    ],
)
def test_who_is_not_of_the_organisation_reads_what_is_wrong_with_the_account(endpoint, changes, words):
    reply = endpoint.answer(browser(), lambda nonce: endpoint.signed(nonce, **changes))
    assert reply.status_code == 403
    assert words in reply.content.decode()
    assert nothing_was_written()
