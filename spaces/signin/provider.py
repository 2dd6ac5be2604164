"""Signing in with Google, narrowed down from allauth's provider.

What is added: a query string can change neither scopes nor parameters, every sign-in carries a nonce, and the verified
`hd` and `email_verified` claims decide before anything is written.
"""

import hashlib
import hmac
from typing import Any

from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.providers.google.provider import GoogleProvider as BaseGoogleProvider
from allauth.socialaccount.providers.google.views import GoogleOAuth2Adapter as BaseGoogleAdapter
from django.conf import settings
from django.http import HttpRequest

from spaces.signin.refusal import refuse


def nonce_for(verifier: str) -> str:
    """The nonce that belongs to a PKCE verifier: as secret and as single-use as the verifier, and nothing more to store."""
    return hashlib.sha256(b"nonce:" + verifier.encode()).hexdigest()


class GoogleAdapter(BaseGoogleAdapter):
    """Checks the nonce of the ID token against the verifier of this very sign-in."""

    _nonce = ""

    def get_access_token_data(
        self, request: HttpRequest, app: Any, client: Any, pkce_code_verifier: str | None = None
    ) -> Any:
        """Redeem the code; remember which nonce has to come back."""
        self._nonce = nonce_for(pkce_code_verifier or "")
        return super().get_access_token_data(request, app, client, pkce_code_verifier=pkce_code_verifier)

    def complete_login(self, request: HttpRequest, app: Any, token: Any, **kwargs: Any) -> Any:
        """Refuse an ID token that was made for another sign-in."""
        # Fetched from Google's token endpoint over TLS, so the signature need not be checked (OpenID Connect Core, 3.1.3.7);
        # issuer, audience and expiry are.
        claims: dict[str, Any] = self._decode_id_token(app, kwargs["response"].get("id_token") or "")
        if not hmac.compare_digest(str(claims.get("nonce", "")), self._nonce):
            raise ImmediateHttpResponse(refuse(request, "stale"))
        return self.get_provider().sociallogin_from_response(request, claims)


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
        return {"email": data.get("email"), "hd": data.get("hd")}

    def sociallogin_from_response(self, request: HttpRequest, response: dict[str, Any]) -> Any:
        """Decide who may come in, before the database is looked at or written to.

        The `hd` claim of the ID token names the Workspace domain (Google Identity, "OpenID Connect"); the one in the
        request is a hint for the page, and the address's domain proves nothing.
        """
        if response.get("email_verified") is not True:
            raise ImmediateHttpResponse(refuse(request, "unverified", str(response.get("email", ""))))
        if str(response.get("hd", "")).lower() not in settings.DOMAINS:
            raise ImmediateHttpResponse(refuse(request, "domain", str(response.get("email", ""))))
        login = super().sociallogin_from_response(request, response)
        login.account.name_claim = str(response.get("name", ""))
        return login


provider_classes = [GoogleProvider]
