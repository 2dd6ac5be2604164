"""Who may do what: keys, consents, authorisation codes and tokens."""

import base64
import datetime
import hashlib
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from simulator.entities import Person
from simulator.world import OUR_PROJECT

CLIENT_ID = "meetadmin-demo.apps.googleusercontent.com"
CLIENT_SECRET = "demo-only-client-secret"  # noqa: S105 - a published constant of a pretended client
REDIRECT_PATHS = ("/accounts/google/login/callback/", "/accounts/connect/callback/")
ISSUER = "https://accounts.google.com"
SERVICE_ACCOUNT = "meetadmin@meetadmin-demo.iam.gserviceaccount.com"
SERVICE_ACCOUNT_ID = "108422770154396120731"
TOKEN_LIFE = 3599.0
CODE_LIFE = 600.0

_AUTH = "https://www.googleapis.com/auth/"
CREATED = _AUTH + "meetings.space.created"
READONLY = _AUTH + "meetings.space.readonly"
SETTINGS = _AUTH + "meetings.space.settings"
MEET_SCOPES = (CREATED, READONLY, SETTINGS)
SHORT = {
    "email": _AUTH + "userinfo.email",
    "profile": _AUTH + "userinfo.profile",
    "created": CREATED,
    "readonly": READONLY,
    "settings": SETTINGS,
    "meetings.space.created": CREATED,
    "meetings.space.readonly": READONLY,
    "meetings.space.settings": SETTINGS,
}
SIGN_IN = ("openid", SHORT["email"], SHORT["profile"])
KNOWN_SCOPES = frozenset(
    [
        *SIGN_IN,
        *MEET_SCOPES,
        *(
            _AUTH + name
            for name in (
                "admin.directory.customer",
                "admin.directory.customer.readonly",
                "admin.directory.group",
                "admin.directory.group.readonly",
                "admin.directory.group.member",
                "admin.directory.group.member.readonly",
                "admin.directory.resource.calendar",
                "admin.directory.resource.calendar.readonly",
                "admin.directory.user",
                "admin.directory.user.readonly",
                "admin.directory.user.alias",
                "admin.directory.user.alias.readonly",
                "admin.reports.audit.readonly",
                "calendar.events.readonly",
                "calendar.readonly",
                "cloud-platform",
                "drive.meet.readonly",
                "drive.readonly",
                "pubsub",
            )
        ),
    ]
)
DELEGATED = frozenset([*SIGN_IN, *MEET_SCOPES])


def full_scope(name: str) -> str:
    """The long spelling of a scope, as Google answers with it (``email`` becomes an address)."""
    return SHORT.get(name, name)


@dataclass(slots=True)
class Token:
    """An access token; ``email`` is None for a service account that acts for nobody."""

    email: str | None
    scopes: frozenset[str]
    project: str
    expires: float
    client: str


@dataclass(slots=True)
class Grant:
    """What a person has allowed our client."""

    scopes: set[str] = field(default_factory=set)
    refresh: dict[str, list[str]] = field(default_factory=dict)


@dataclass(slots=True)
class Code:
    """An authorisation code: single use, bound to what was asked."""

    email: str
    scopes: list[str]
    redirect_uri: str
    challenge: str
    nonce: str
    offline: bool
    expires: float


class KeyPair:
    """An RSA key with a self-signed certificate, as Google publishes them."""

    def __init__(self, pem: str | None = None) -> None:
        if pem is None:
            self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        else:
            loaded = serialization.load_pem_private_key(pem.encode(), password=None)
            if not isinstance(loaded, rsa.RSAPrivateKey):
                raise TypeError("The state file holds a key that is not RSA.")
            self.key = loaded
        self.pem = self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()
        public = self.key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        self.kid = hashlib.sha256(public).hexdigest()[:40]

    def certificate(self) -> str:
        """A PEM certificate around the public key, good for some days around now."""
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "simulated-signer.example.com")])
        now = datetime.datetime.now(datetime.UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=14))
            .sign(self.key, hashes.SHA256())
        )
        return certificate.public_bytes(serialization.Encoding.PEM).decode()

    def jwk(self) -> dict[str, Any]:
        """The public key as a JSON Web Key."""
        answer: dict[str, Any] = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key()))
        answer.pop("key_ops", None)
        return {**answer, "kid": self.kid, "alg": "RS256", "use": "sig"}


class Identity:
    """Keys and everything that was handed out. Keys are made on first use, since that takes a moment."""

    def __init__(self, *, signer: KeyPair | None = None, service: KeyPair | None = None) -> None:
        self.tokens: dict[str, Token] = {}
        self.grants: dict[str, Grant] = {}
        self.codes: dict[str, Code] = {}
        self.delegated: frozenset[str] = DELEGATED
        self.version = 0
        self.when_revoked: Callable[[str], None] | None = None
        self._signer = signer
        self._service = service

    @property
    def signer(self) -> KeyPair:
        """Signs ID tokens."""
        if self._signer is None:
            self._signer = KeyPair()
            self.version += 1
        return self._signer

    @property
    def service(self) -> KeyPair:
        """The service account's key."""
        if self._service is None:
            self._service = KeyPair()
            self.version += 1
        return self._service

    def reset(self) -> None:
        """Forget everything handed out; keys stay, so that key files stay good."""
        self.tokens.clear()
        self.grants.clear()
        self.codes.clear()
        self.delegated = DELEGATED
        self.version += 1

    def issue(
        self,
        email: str | None,
        scopes: frozenset[str],
        *,
        now: float,
        project: str = OUR_PROJECT,
        client: str = CLIENT_ID,
    ) -> str:
        """Hand out an access token that lives about an hour of world time."""
        for stale in [text for text, token in self.tokens.items() if token.expires + TOKEN_LIFE < now]:
            del self.tokens[stale]
        text = "ya29.sim-" + secrets.token_urlsafe(48)
        self.tokens[text] = Token(email, scopes, project, now + TOKEN_LIFE, client)
        self.version += 1
        return text

    def new_code(self, code: Code) -> str:
        """Hand out an authorisation code."""
        text = "4/sim-" + secrets.token_urlsafe(32)
        self.codes[text] = code
        return text

    def grant_of(self, email: str) -> Grant:
        """What a person has allowed; an empty grant if nothing yet."""
        return self.grants.setdefault(email, Grant())

    def live_token(self, text: str, now: float) -> Token | None:
        """Return the access token with this text, unless it is unknown, revoked or expired at ``now`` (world time)."""
        token = self.tokens.get(text)
        return token if token is not None and token.expires > now else None

    def holder_of_refresh(self, token: str) -> str | None:
        """Whose refresh token this is; None if it is dead."""
        for email, grant in self.grants.items():
            if token in grant.refresh:
                return email
        return None

    def rename(self, old: str, new: str) -> None:
        """Go on under another primary address: tokens and consents stay good."""
        if old in self.grants:
            self.grants[new] = self.grants.pop(old)
        for token in self.tokens.values():
            if token.email == old:
                token.email = new
        self.version += 1

    def drop_tokens(self, email: str) -> None:
        """End every access token of an account, whoever got it: the account was suspended or deleted."""
        for text in [text for text, token in self.tokens.items() if token.email == email]:
            del self.tokens[text]
        self.version += 1

    def revoke_person(self, email: str) -> None:
        """End a person's grant: consent, refresh tokens and the access tokens that came from it."""
        if self.when_revoked is not None:
            self.when_revoked(email)
        self.grants.pop(email, None)
        for text in [
            text for text, token in self.tokens.items() if token.email == email and token.client == CLIENT_ID
        ]:
            del self.tokens[text]
        self.version += 1

    def id_token(
        self, person: Person, scopes: list[str], *, nonce: str, access_token: str, now: float
    ) -> str:
        """A signed statement about who signed in (Google Identity: OpenID Connect, "An ID token's payload").

        ``now`` is the real clock, in seconds: clients check it against theirs.
        """
        digest = hashlib.sha256(access_token.encode()).digest()[:16]
        claims: dict[str, Any] = {
            "iss": ISSUER,
            "azp": CLIENT_ID,
            "aud": CLIENT_ID,
            "sub": person.id,
            "at_hash": base64.urlsafe_b64encode(digest).decode().rstrip("="),
            "iat": int(now),
            "exp": int(now) + 3600,
        }
        if person.hd is not None:
            claims["hd"] = person.hd
        if nonce:
            claims["nonce"] = nonce
        claims.update(claims_about(person, scopes))
        return jwt.encode(claims, self.signer.key, algorithm="RS256", headers={"kid": self.signer.kid})


def claims_about(person: Person, scopes: list[str] | frozenset[str]) -> dict[str, Any]:
    """What the sign-in scopes tell about a person."""
    claims: dict[str, Any] = {}
    if SHORT["email"] in scopes:
        claims["email"] = person.email
        claims["email_verified"] = person.email_verified
    if SHORT["profile"] in scopes:
        given, _, family = person.name.partition(" ")
        claims["name"] = person.name
        claims["given_name"] = given
        if family:
            claims["family_name"] = family
    return claims
