"""The token endpoint, and the end of a consent."""

import base64
import hashlib
import re
import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote_plus

import jwt
from aiohttp import web

from simulator.accounts.requests import base_url
from simulator.entities import Person
from simulator.errors import DEAD_GRANT, SHORT_LIVED, UNAUTHORISED, OAuthError
from simulator.identity import (
    CLIENT_ID,
    CLIENT_SECRET,
    KNOWN_SCOPES,
    SERVICE_ACCOUNT,
    TOKEN_LIFE,
    Identity,
    full_scope,
)
from simulator.token_errors import ACCOUNT_DELETED, ACCOUNT_RESTRICTED, BAD_ADDRESS, NO_ADDRESS, UNKNOWN_USER
from simulator.world import DOMAIN, World

GOOGLE_AUDIENCE = "https://oauth2.googleapis.com/token"
JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_ADDRESS = re.compile(r"[^@\s<>\"]+@[^@\s<>\"]+")


class TokenEndpoint:
    """Tokens for an authorisation code, a refresh token or a service account's assertion."""

    def __init__(self, world: World, identity: Identity, closed_because: Callable[[str], str]) -> None:
        self.world = world
        self.identity = identity
        self.closed_because = closed_because

    async def token(self, request: web.Request) -> web.StreamResponse:
        """The token endpoint: authorisation code, refresh token, or a service account's assertion."""
        form = {name: str(value) for name, value in (await request.post()).items()}
        try:
            kind = form.get("grant_type", "")
            if kind == JWT_GRANT:
                answer = self._by_assertion(form, base_url(request))
            elif kind in ("authorization_code", "refresh_token"):
                self._check_client(request, form)
                answer = self._by_code(form) if kind == "authorization_code" else self._by_refresh(form)
            else:
                raise OAuthError(400, "unsupported_grant_type", f"Invalid grant_type: {kind}")
        except OAuthError as refusal:
            return web.json_response(refusal.envelope(), status=refusal.code)
        return web.json_response(answer, headers={"Cache-Control": "no-store"})

    async def account_of(self, request: web.Request) -> str:
        """For whom a token is asked, as far as that can be told before checking anything."""
        form = await request.post()
        code = self.identity.codes.get(str(form.get("code", "")))
        if code is not None:
            return code.email
        if "assertion" in form:
            try:
                claims = jwt.decode(str(form["assertion"]), options={"verify_signature": False})
            except jwt.PyJWTError:
                return ""
            return str(claims.get("sub") or claims.get("iss") or "")
        return self.identity.holder_of_refresh(str(form.get("refresh_token", ""))) or ""

    def _check_client(self, request: web.Request, form: Mapping[str, str]) -> None:
        client, secret = form.get("client_id", ""), form.get("client_secret", "")
        header = request.headers.get("Authorization", "")
        if header.lower().startswith("basic "):
            try:
                client, _, secret = base64.b64decode(header[6:]).decode().partition(":")
            except ValueError:
                raise OAuthError(401, "invalid_client", "Unauthorized") from None
            client, secret = unquote_plus(client), unquote_plus(secret)
        if client != CLIENT_ID:
            raise OAuthError(401, "invalid_client", "The OAuth client was not found.")
        if not secrets.compare_digest(secret, CLIENT_SECRET):
            raise OAuthError(401, "invalid_client", "Unauthorized")

    def _by_code(self, form: Mapping[str, str]) -> dict[str, Any]:
        code = self.identity.codes.pop(form.get("code", ""), None)
        if code is None or code.expires <= self.world.now():
            raise OAuthError(400, "invalid_grant", "Bad Request")
        if form.get("redirect_uri") != code.redirect_uri:
            raise OAuthError(400, "redirect_uri_mismatch", "Bad Request")
        if code.challenge:
            verifier = form.get("code_verifier", "")
            if not verifier:
                raise OAuthError(400, "invalid_grant", "Missing code verifier.")
            digest = hashlib.sha256(verifier.encode()).digest()
            if base64.urlsafe_b64encode(digest).decode().rstrip("=") != code.challenge:
                raise OAuthError(400, "invalid_grant", "Invalid code verifier.")
        answer = self._user_token(code.email, code.scopes, nonce=code.nonce)
        if code.offline:
            refresh = "1//sim-" + secrets.token_urlsafe(48)
            self.identity.grant_of(code.email).refresh[refresh] = code.scopes
            self.identity.version += 1
            answer["refresh_token"] = refresh
        return answer

    def _by_refresh(self, form: Mapping[str, str]) -> dict[str, Any]:
        token = form.get("refresh_token", "")
        if not token:
            raise OAuthError(400, "invalid_request", "Missing required parameter: refresh_token")
        email = self.identity.holder_of_refresh(token)
        closed = "" if email is None else self.closed_because(email)
        if closed == "restricted":
            raise OAuthError(401, "access_denied", ACCOUNT_RESTRICTED)
        if email is None or closed:
            raise OAuthError(400, "invalid_grant", DEAD_GRANT)
        scopes = self.identity.grants[email].refresh[token]
        if form.get("scope"):
            wanted = [full_scope(name) for name in form["scope"].split()]
            if not set(wanted) <= set(scopes):
                raise OAuthError(400, "invalid_scope", "Some requested scopes were invalid.")
            scopes = wanted
        return self._user_token(email, scopes, nonce="")

    def _user_token(self, email: str, scopes: list[str], *, nonce: str) -> dict[str, Any]:
        access = self.identity.issue(email, frozenset(scopes), now=self.world.now())
        answer: dict[str, Any] = {
            "access_token": access,
            "expires_in": int(TOKEN_LIFE),
            "scope": " ".join(scopes),
            "token_type": "Bearer",
        }
        person = self.world.user(email)
        if "openid" in scopes and person is not None:
            answer["id_token"] = self.identity.id_token(
                person, scopes, nonce=nonce, access_token=access, now=time.time()
            )
        return answer

    def _by_assertion(self, form: Mapping[str, str], own_address: str) -> dict[str, Any]:
        """A service account signs for itself, or with ``sub`` for a user of the domain."""
        claims = self._claims(form.get("assertion", ""))
        if claims.get("iss") != SERVICE_ACCOUNT:
            raise OAuthError(400, "invalid_grant", "Invalid grant: account not found")
        if claims.get("aud") not in (GOOGLE_AUDIENCE, f"{own_address}/token"):
            raise OAuthError(400, "invalid_grant", "Invalid JWT: Failed audience check.")
        issued, expires, now = claims.get("iat"), claims.get("exp"), time.time()
        if not isinstance(issued, int | float) or not isinstance(expires, int | float):
            raise OAuthError(400, "invalid_grant", SHORT_LIVED)
        if expires <= now or issued > now + 300 or expires - issued > 3600 or expires > now + 3900:
            raise OAuthError(400, "invalid_grant", SHORT_LIVED)
        scopes = [full_scope(name) for name in str(claims.get("scope") or "").split()]
        if not scopes:
            raise OAuthError(400, "invalid_scope", "Invalid OAuth scope or ID token audience provided.")
        if any(scope not in KNOWN_SCOPES for scope in scopes):
            raise OAuthError(400, "invalid_scope", "Invalid OAuth scope or ID token audience provided.")
        email = self._delegated(claims.get("sub"), scopes) if claims.get("sub") else None
        access = self.identity.issue(email, frozenset(scopes), now=self.world.now(), client=SERVICE_ACCOUNT)
        return {"access_token": access, "expires_in": int(TOKEN_LIFE), "token_type": "Bearer"}

    def _claims(self, assertion: str) -> dict[str, Any]:
        try:
            claims: dict[str, Any] = jwt.decode(
                assertion,
                self.identity.service.key.public_key(),
                algorithms=["RS256"],
                options={"verify_aud": False, "verify_exp": False, "verify_iat": False, "verify_nbf": False},
            )
        except jwt.InvalidSignatureError:
            raise OAuthError(400, "invalid_grant", "Invalid JWT Signature.") from None
        except jwt.PyJWTError:
            raise OAuthError(400, "invalid_grant", "Bad Request") from None
        return claims

    def _delegated(self, subject: object, scopes: list[str]) -> str:
        if not isinstance(subject, str) or "@" not in subject:
            raise OAuthError(400, "invalid_request", NO_ADDRESS)
        if not _ADDRESS.fullmatch(subject):
            raise OAuthError(400, "invalid_request", f"{BAD_ADDRESS}: {subject}")
        person: Person | None = self.world.user(subject)
        closed = "" if person is None else self.closed_because(person.email)
        if closed == "restricted":
            raise OAuthError(401, "access_denied", ACCOUNT_RESTRICTED)
        if closed == "deleted" and self.world.behaviour.deleted_account_named:
            raise OAuthError(400, "invalid_grant", ACCOUNT_DELETED)
        if person is None or closed:
            raise OAuthError(400, "invalid_grant", UNKNOWN_USER)
        if person.hd != DOMAIN or not set(scopes) <= self.identity.delegated:
            raise OAuthError(401, "unauthorized_client", UNAUTHORISED)
        return person.email

    async def revoke(self, request: web.Request) -> web.StreamResponse:
        """Revoking any token of a consent ends the whole consent."""
        form = await request.post()
        text = str(form.get("token", request.query.get("token", "")))
        email = self.identity.holder_of_refresh(text)
        token = self.identity.tokens.get(text)
        if email is None and token is None:
            refusal = OAuthError(400, "invalid_token", "Token expired or revoked")
            return web.json_response(refusal.envelope(), status=400)
        if token is not None and token.client != CLIENT_ID:
            del self.identity.tokens[text]
            self.identity.version += 1
        else:
            self.identity.revoke_person(email or (token.email if token else "") or "")
        return web.json_response({})
