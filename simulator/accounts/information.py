"""What tokens say, and the keys that they are checked with."""

import time
from collections.abc import Mapping
from typing import Any

import jwt
from aiohttp import web

from simulator.accounts.requests import AUTHORIZE_PATH, base_url, bearer
from simulator.accounts.tokens import JWT_GRANT
from simulator.identity import (
    CLIENT_ID,
    ISSUER,
    SERVICE_ACCOUNT,
    SERVICE_ACCOUNT_ID,
    SIGN_IN,
    Identity,
    claims_about,
)
from simulator.world import World


class TokenInformation:
    """Who a token belongs to, what it allows, and Google's signing keys."""

    def __init__(self, world: World, identity: Identity) -> None:
        self.world = world
        self.identity = identity

    async def userinfo(self, request: web.Request) -> web.StreamResponse:
        """Who signed in, for a token with the openid scope."""
        token = self.identity.live_token(bearer(request), self.world.now())
        person = self.world.user(token.email) if token and token.email else None
        if token is None or person is None or token.scopes.isdisjoint(SIGN_IN):
            body = {"error": "invalid_request", "error_description": "Invalid Credentials"}
            return web.json_response(body, status=401, headers={"WWW-Authenticate": "Bearer"})
        answer: dict[str, Any] = {"sub": person.id, **claims_about(person, token.scopes)}
        if person.hd is not None:
            answer["hd"] = person.hd
        return web.json_response(answer)

    async def tokeninfo(self, request: web.Request) -> web.StreamResponse:
        """What an access token is good for (for debugging)."""
        form = await request.post()
        token = self.identity.live_token(
            str(request.query.get("access_token", form.get("access_token", ""))), self.world.now()
        )
        if token is None:
            return web.json_response(
                {"error": "invalid_token", "error_description": "Invalid Value"}, status=400
            )
        answer: dict[str, Any] = {
            "azp": token.client,
            "aud": token.client,
            "scope": " ".join(sorted(token.scopes)),
            "exp": str(int(token.expires - self.world.offset)),
            "expires_in": str(int(token.expires - self.world.now())),
            "access_type": "offline" if token.email else "online",
        }
        person = self.world.user(token.email) if token.email else None
        if person is not None:
            answer["sub"] = person.id
            answer.update(
                {
                    name: str(value).lower() if isinstance(value, bool) else value
                    for name, value in claims_about(person, token.scopes).items()
                    if name.startswith("email")
                }
            )
        return web.json_response(answer)

    async def older_tokeninfo(self, request: web.Request) -> web.StreamResponse:
        """``oauth2.tokeninfo`` of the API oauth2 v2, for an access token or an ID token; other names, numbers as numbers."""
        form = await request.post()
        given = {
            name: str(request.query.get(name, form.get(name, ""))) for name in ("access_token", "id_token")
        }
        token = self.identity.live_token(given["access_token"], self.world.now())
        if token is None:
            return self._about_id_token(given["id_token"])
        person = self.world.user(token.email) if token.email else None
        answer: dict[str, Any] = {
            "issued_to": token.client,
            "audience": token.client,
            "scope": " ".join(sorted(token.scopes)),
            "expires_in": int(token.expires - self.world.now()),
            "access_type": "offline" if token.email else "online",
        }
        if person is not None:
            answer["user_id"] = person.id
            answer.update(_older_names(claims_about(person, token.scopes)))
        return web.json_response(answer)

    def _about_id_token(self, text: str) -> web.Response:
        key = self.identity.signer.key.public_key()
        try:
            claims = jwt.decode(text, key, algorithms=["RS256"], audience=CLIENT_ID)
        except jwt.PyJWTError:
            body = {"error": "invalid_token", "error_description": "Invalid Value"}
            return web.json_response(body, status=400)
        answer = {
            "issued_to": claims["azp"],
            "audience": claims["aud"],
            "user_id": claims["sub"],
            "issuer": claims["iss"],
            "issued_at": claims["iat"],
            "expires_in": int(claims["exp"] - time.time()),
        }
        return web.json_response({**answer, **_older_names(claims)})

    async def certificates(self, request: web.Request) -> web.StreamResponse:
        """The signing certificate as a map of PEM texts."""
        del request
        signer = self.identity.signer
        return web.json_response({signer.kid: signer.certificate()}, headers=_KEYS_CACHE)

    async def key_set(self, request: web.Request) -> web.StreamResponse:
        """The signing key as a JSON Web Key Set."""
        del request
        return web.json_response({"keys": [self.identity.signer.jwk()]}, headers=_KEYS_CACHE)

    async def discovery(self, request: web.Request) -> web.StreamResponse:
        """OpenID configuration; the issuer is Google's, the addresses are ours."""
        here = base_url(request)
        return web.json_response(
            {
                "issuer": ISSUER,
                "authorization_endpoint": here + AUTHORIZE_PATH,
                "token_endpoint": f"{here}/token",
                "userinfo_endpoint": f"{here}/v1/userinfo",
                "revocation_endpoint": f"{here}/revoke",
                "jwks_uri": f"{here}/oauth2/v3/certs",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "scopes_supported": ["openid", "email", "profile"],
                "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
                "code_challenge_methods_supported": ["S256"],
                "grant_types_supported": ["authorization_code", "refresh_token", JWT_GRANT],
            }
        )

    def service_account(self, here: str) -> dict[str, str]:
        """A key file in Google's format, whose tokens come from here."""
        pair = self.identity.service
        return {
            "type": "service_account",
            "project_id": "meetadmin-demo",
            "private_key_id": pair.kid,
            "private_key": pair.pem,
            "client_email": SERVICE_ACCOUNT,
            "client_id": SERVICE_ACCOUNT_ID,
            "auth_uri": here + AUTHORIZE_PATH,
            "token_uri": f"{here}/token",
            "auth_provider_x509_cert_url": f"{here}/oauth2/v1/certs",
            "client_x509_cert_url": f"{here}/oauth2/v1/certs",
            "universe_domain": "googleapis.com",
        }


def _older_names(claims: Mapping[str, Any]) -> dict[str, Any]:
    """The address as oauth2 v2 names it, if the claims have it."""
    if "email" not in claims:
        return {}
    return {"email": claims["email"], "verified_email": claims["email_verified"]}


_KEYS_CACHE = {"Cache-Control": "public, max-age=20000, must-revalidate, no-transform"}
