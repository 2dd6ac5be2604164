"""Signing in with Google, narrowed down from allauth's provider.

What is added: a query string can change neither scopes nor parameters, every sign-in carries a nonce, the ID token is verified in
full, and its `hd` and `email_verified` claims decide before anything is written.
"""

import hashlib
from typing import Any

from allauth.socialaccount import app_settings
from allauth.socialaccount.providers.google.provider import GoogleProvider as BaseGoogleProvider
from allauth.socialaccount.providers.google.views import GoogleOAuth2Adapter as BaseGoogleAdapter
from django.conf import settings
from django.http import HttpRequest

from spaces import meet
from spaces.access import SYSTEM
from spaces.actions import people
from spaces.google import credentials, idtokens
from spaces.google.addresses import refusal_of
from spaces.google.errors import ConnectionBroken, GoogleError
from spaces.google.idtokens import Identity
from spaces.signin.refusal import AWAY, NotLetIn


def nonce_for(verifier: str) -> str:
    """The nonce that belongs to a PKCE verifier: as secret and as single-use as the verifier, and nothing more to store."""
    return hashlib.sha256(b"nonce:" + verifier.encode()).hexdigest()


# Which page somebody reads when Google refuses the code; every other refusal is Google's.
_REFUSED: dict[str, str] = {"bad_client": "setup", "redirect": "setup", "policy": "policy"}


class GoogleAdapter(BaseGoogleAdapter):
    """Redeems the code, and verifies the ID token that comes with it: signature, issuer, audience, times and nonce."""

    _nonce = ""

    def get_access_token_data(
        self, request: HttpRequest, app: Any, client: Any, pkce_code_verifier: str | None = None
    ) -> dict[str, Any]:
        """Redeem the code; remember which nonce has to come back. Of the answer only the ID token is of use to us.

        allauth's own client fails on answers that no well-behaved server gives, and would reach Google in a way of its own.
        """
        verifier = pkce_code_verifier or ""
        self._nonce = nonce_for(verifier)
        try:
            answer = credentials.redeem(
                request.GET.get("code", ""),
                verifier=verifier,
                redirect_uri=client.callback_url,
                client_id=app.client_id,
                client_secret=app.secret,
                token_url=settings.GOOGLE.token,
            )
        except GoogleError as problem:
            raise _refused(problem) from problem
        return {"access_token": "", "id_token": answer.get("id_token")}

    def complete_login(self, request: HttpRequest, app: Any, token: Any, **kwargs: Any) -> Any:
        """Refuse everybody whom the ID token does not identify, before the database is read or written; admit the others."""
        try:
            who = idtokens.verify_sign_in(
                kwargs["response"]["id_token"],
                client_id=app.client_id,
                nonce=self._nonce,
                keys=meet.google_keys(),
            )
        except idtokens.WrongNonce as problem:
            raise NotLetIn("stale", detail=str(problem)) from problem
        except idtokens.InvalidToken as problem:
            raise NotLetIn("google", detail=str(problem)) from problem
        except GoogleError as problem:
            raise _refused(problem) from problem
        if why := refusal_of(who, settings.DOMAINS):
            raise NotLetIn(why, who.email)
        # Here and not in allauth's hook: before it is called, allauth has stored the claims of an account that it knows.
        person = people.admit(google_id=who.google_id, email=who.email, name=who.name, actor=SYSTEM)
        if person.merged_into:
            raise NotLetIn("merged", who.email, values={"address": person.merged_into.handle})
        if not person.is_active:
            raise NotLetIn("inactive", who.email)
        login = self.get_provider().sociallogin_of(request, who)
        login.person = person
        return login


def _refused(problem: GoogleError) -> NotLetIn:
    """What an error of Google means for somebody who signs in: the set-up, the organisation's rules, or Google itself."""
    if isinstance(problem, ConnectionBroken):
        why = _REFUSED.get(problem.reason, "google")
    else:
        why = problem.code if problem.code in AWAY else "unreachable"
    return NotLetIn(why, detail=problem.detail)


class GoogleProvider(BaseGoogleProvider):
    """Google, for the allowed hosted domains only."""

    oauth2_adapter_class = GoogleAdapter

    def get_scope_from_request(self, request: HttpRequest) -> list[str]:
        """Always the configured scopes."""
        scopes: list[str] = self.get_scope()
        return scopes

    def get_auth_params_from_request(self, request: HttpRequest, action: str) -> dict[str, str]:
        """Always the configured parameters."""
        params: dict[str, str] = self.get_auth_params()
        return params

    def get_redirect_from_request_kwargs(self, request: HttpRequest) -> dict[str, Any]:
        """Signing in is the only process there is; connecting a Meet account is a step of its own."""
        return {**super().get_redirect_from_request_kwargs(request), "process": "login"}

    def get_pkce_params(self) -> dict[str, str]:
        """PKCE, and the nonce that goes with it."""
        params: dict[str, str] = super().get_pkce_params()
        return {**params, "nonce": nonce_for(params["code_verifier"])}

    def extract_extra_data(self, data: dict[str, Any]) -> dict[str, Any]:
        """Keep no more of the claims than tells where somebody came from."""
        return {"email": data["email"], "hd": data["hd"]}

    def sociallogin_of(self, request: HttpRequest, who: Identity) -> Any:
        """Return allauth's login for a verified identity."""
        claims = {
            "sub": _uid(who.google_id),
            "email": who.email,
            "email_verified": who.email_verified,
            "hd": who.hosted_domain,
        }
        return self.sociallogin_from_response(request, claims)


def _uid(google_id: str) -> str:
    """The id as allauth's table takes it: 191 characters, while Google documents up to 255."""
    return (
        google_id
        if len(google_id) <= app_settings.UID_MAX_LENGTH
        else hashlib.sha256(google_id.encode()).hexdigest()
    )


provider_classes = [GoogleProvider]
