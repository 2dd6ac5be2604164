"""What allauth asks us: whom it may let in, and what a failure looks like."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.providers.base.constants import AuthError
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from requests.exceptions import RequestException

from spaces import live
from spaces.access import SYSTEM
from spaces.actions import people
from spaces.google import transport
from spaces.signin import way_out
from spaces.signin.refusal import WORDS, refuse


class AccountAdapter(DefaultAccountAdapter):
    """There are no local accounts."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Nobody signs up by a form."""
        return False

    def logout(self, request: HttpRequest) -> None:
        """Signing out also ends the streams of the pages that are still open."""
        key = request.session.session_key
        super().logout(request)
        if key:
            live.session_over(key)

    def respond_user_inactive(self, request: HttpRequest, user: Any) -> HttpResponse:
        """Somebody whose access was switched off."""
        return refuse(request, "inactive", user.email)


class GoogleAdapter(DefaultSocialAccountAdapter):
    """Turns a Google account that proved itself into a Person."""

    def pre_social_login(self, request: HttpRequest, sociallogin: Any) -> None:
        """Find or make the person, and tie the Google account to them; the provider has checked the claims."""
        person = people.admit(
            google_id=sociallogin.account.uid,
            email=sociallogin.email_addresses[0].email,
            name=getattr(sociallogin.account, "name_claim", ""),
            actor=SYSTEM,
        )
        sociallogin.email_addresses = []  # addresses live on Person, in one place
        if not sociallogin.is_existing:
            sociallogin.connect(request, person)
        else:
            sociallogin.user = person

    def get_requests_session(self) -> Any:
        """The session for allauth's own requests to Google."""
        session = super().get_requests_session()
        way_out.prepare(session)
        return session

    def on_authentication_error(
        self,
        request: HttpRequest,
        provider: Any,
        error: Any = None,
        exception: Any = None,
        extra_context: Any = None,
    ) -> None:
        """Show our page instead of allauth's. Details go to the log; they never hold a token."""
        word = request.GET.get("error", "")
        blocked = None
        if isinstance(exception, RequestException):
            blocked = transport.explain(
                exception, getattr(exception.request, "url", None) or settings.GOOGLE.token
            )
            why = blocked.code if blocked else "unreachable"
        elif exception is not None:
            why = "google"
        elif error == AuthError.CANCELLED:
            why = "cancelled"
        else:
            why = WORDS.get(word, "google" if word else "stale")
        state = (extra_context or {}).get("state") or {}
        detail = " ".join(
            filter(
                None,
                [
                    repr(word[:60]) if word else "",
                    exception and type(exception).__name__,
                    f"{blocked.what} {blocked.cure}" if blocked else "",
                ],
            )
        )
        raise ImmediateHttpResponse(refuse(request, why, goal=state.get("next") or "", detail=detail))
