"""Sign-in and tokens, as Google's OAuth 2.0 and OpenID Connect endpoints answer.

Google Identity guides: "Using OAuth 2.0 for Web Server Applications", "OpenID Connect", and "Using OAuth 2.0 for
Server to Server Applications" (service accounts with domain-wide delegation).
"""

import base64
import hashlib
import re
import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote_plus, urlencode, urlsplit, urlunsplit

import jwt
from aiohttp import web
from multidict import MultiMapping

from simulator import pages
from simulator.errors import DEAD_GRANT, SHORT_LIVED, UNAUTHORISED, OAuthError
from simulator.identity import (
    CLIENT_ID,
    CLIENT_SECRET,
    CODE_LIFE,
    ISSUER,
    KNOWN_SCOPES,
    MEET_SCOPES,
    REDIRECT_PATHS,
    SERVICE_ACCOUNT,
    SERVICE_ACCOUNT_ID,
    SIGN_IN,
    TOKEN_LIFE,
    Code,
    Identity,
    Token,
    claims_about,
    full_scope,
)
from simulator.places import CAST
from simulator.reading import is_loopback_name
from simulator.token_errors import ACCOUNT_DELETED, ACCOUNT_RESTRICTED, BAD_ADDRESS, NO_ADDRESS, UNKNOWN_USER
from simulator.world import DOMAIN, Person, World

GOOGLE_AUDIENCE = "https://oauth2.googleapis.com/token"
JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
AUTHORIZE_PATH = "/o/oauth2/v2/auth"
_CARRIED = (
    "client_id", "redirect_uri", "response_type", "scope", "state", "nonce", "code_challenge",
    "code_challenge_method", "access_type", "prompt", "login_hint", "hd", "include_granted_scopes",
)  # fmt: skip
_SHOWN_PEOPLE = 60
_ADDRESS = re.compile(r"[^@\s<>\"]+@[^@\s<>\"]+")


def base_url(request: web.Request) -> str:
    """The address under which the client reached us."""
    return f"{request.scheme}://{request.host}"


def redirect_is_registered(address: str) -> bool:
    """Any loopback address over http with a registered path."""
    try:
        parts = urlsplit(address)
        port_is_fine = parts.port is None or parts.port > 0
    except ValueError:
        return False
    return (
        port_is_fine
        and parts.scheme == "http"
        and is_loopback_name(parts.hostname or "")
        and parts.path in REDIRECT_PATHS
        and not parts.query
        and not parts.fragment
    )


class Accounts:
    """The endpoints of sign-in, over one world and its identity."""

    def __init__(self, world: World, identity: Identity) -> None:
        self.world = world
        self.identity = identity
        self.closed_because: Callable[[str], str] = lambda _: (
            ""
        )  # deleted, suspended, archived, restricted or nothing

    # -- the page ----------------------------------------------------------------------------------------------

    async def authorize(self, request: web.Request) -> web.StreamResponse:
        """Choose an account (GET), and go back to the app with a code (POST of the same form)."""
        given: MultiMapping[Any] = await request.post() if request.method == "POST" else request.query
        asked = {name: str(given[name]) for name in _CARRIED if name in given}
        error, sentence = self._wrong_with(asked)
        if error:
            return _html(pages.refusal(error, sentence), 400)
        scopes = list(dict.fromkeys(full_scope(name) for name in asked["scope"].split()))
        if request.method != "POST" or not ("account" in given or "cancel" in given):
            return _html(self._page(asked, scopes))
        if "cancel" in given:
            return _back(asked, {"error": "access_denied"})
        person = self.world.user(str(given["account"]))
        if person is None or self.closed_because(person.email):
            return _html(pages.refusal("invalid_request", "There is no such account."), 400)
        if "consent" in given:
            ticked = {str(value) for value in given.getall("granted_scope", [])}
            scopes = [scope for scope in scopes if scope not in MEET_SCOPES or scope in ticked]
        grant = self.identity.grant_of(person.email)
        if asked.get("include_granted_scopes") == "true":
            scopes += sorted(grant.scopes - set(scopes))
        first_time = not set(scopes) <= grant.scopes or not grant.refresh
        wants_refresh = asked.get("access_type") == "offline" and (
            first_time or "consent" in asked.get("prompt", "").split()
        )
        grant.scopes |= set(scopes)
        self.identity.version += 1
        code = Code(
            email=person.email,
            scopes=scopes,
            redirect_uri=asked["redirect_uri"],
            challenge=asked.get("code_challenge", ""),
            nonce=asked.get("nonce", ""),
            offline=wants_refresh,
            expires=self.world.now() + CODE_LIFE,
        )
        answer = {"code": self.identity.new_code(code), "scope": " ".join(scopes), "authuser": "0"}
        if person.hd is not None:
            answer["hd"] = person.hd
        return _back(asked, {**answer, "prompt": "consent" if first_time else "none"})

    async def send_back(self, request: web.Request, error: str) -> web.StreamResponse:
        """Send the browser back to the app with an error; a refusal page if the request itself is wrong."""
        given: MultiMapping[Any] = await request.post() if request.method == "POST" else request.query
        asked = {name: str(given[name]) for name in _CARRIED if name in given}
        wrong, sentence = self._wrong_with(asked)
        return _html(pages.refusal(wrong, sentence), 400) if wrong else _back(asked, {"error": error})

    def _wrong_with(self, asked: Mapping[str, str]) -> tuple[str, str]:
        """Error word and sentence for a request that must not be redirected; empty words if all is well."""
        if asked.get("client_id") != CLIENT_ID:
            return "invalid_client", "The OAuth client was not found."
        if not redirect_is_registered(asked.get("redirect_uri", "")):
            return (
                "redirect_uri_mismatch",
                "The redirect URI in the request is not registered for this client.",
            )
        if asked.get("response_type") != "code":
            return "unsupported_response_type", "Only response_type=code is answered here."
        scopes = [full_scope(name) for name in asked.get("scope", "").split()]
        if not scopes:
            return "invalid_request", "Missing required parameter: scope"
        unknown = [scope for scope in scopes if scope not in KNOWN_SCOPES]
        if unknown:
            return "invalid_scope", f"Some requested scopes cannot be shown: {', '.join(unknown)}"
        if asked.get("code_challenge") and asked.get("code_challenge_method") != "S256":
            return "invalid_request", "Only code_challenge_method=S256 is answered here."
        return "", ""

    def _page(self, asked: Mapping[str, str], scopes: list[str]) -> str:
        cast = [email for email, _ in CAST]
        people = list(self.world.people.values())
        first = [
            each for each in people if each.email in cast or each.hd != DOMAIN or not each.email_verified
        ]
        others = [each for each in people if each not in first][:_SHOWN_PEOPLE]
        hinted = self.world.user(asked.get("login_hint", ""))
        groups = [
            ("Accounts to try", first),
            ("Room mailboxes", list(self.world.mailboxes.values())),
            ("Everybody else", others),
        ]
        if hinted is not None:
            groups = [(title, [each for each in members if each is not hinted]) for title, members in groups]
            groups.insert(0, ("Suggested", [hinted]))
        return pages.choose_account(
            action=AUTHORIZE_PATH,
            parameters=list(asked.items()),
            groups=groups,
            meet_scopes=[scope for scope in scopes if scope in MEET_SCOPES],
        )

    # -- tokens ------------------------------------------------------------------------------------------------

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

    # -- what tokens tell --------------------------------------------------------------------------------------

    def live_token(self, text: str) -> Token | None:
        """The access token with this text, unless it is unknown, revoked or expired."""
        token = self.identity.tokens.get(text)
        return token if token is not None and token.expires > self.world.now() else None

    async def userinfo(self, request: web.Request) -> web.StreamResponse:
        """Who signed in, for a token with the openid scope."""
        token = self.live_token(bearer(request))
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
        token = self.live_token(str(request.query.get("access_token", form.get("access_token", ""))))
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
        token = self.live_token(given["access_token"])
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


def bearer(request: web.Request) -> str:
    """The access token of a request; empty if there is none."""
    header = request.headers.get("Authorization", "")
    if header.lower().startswith("bearer "):
        return header[7:].strip()
    return request.query.get("access_token", "")


def _html(text: str, status: int = 200) -> web.Response:
    return web.Response(
        text=text, status=status, content_type="text/html", headers={"Cache-Control": "no-store"}
    )


def _back(asked: Mapping[str, str], answer: Mapping[str, str]) -> web.Response:
    parts = urlsplit(asked["redirect_uri"])
    query = urlencode({**({"state": asked["state"]} if "state" in asked else {}), **answer})
    address = urlunsplit((parts.scheme, parts.netloc, parts.path, query, ""))
    return web.Response(status=302, headers={"Location": address, "Cache-Control": "no-store"})
