"""What allauth asks us: whom it may let in, and what a failure looks like."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.providers.base.constants import AuthError
from django.http import HttpRequest, HttpResponse

from spaces import live
from spaces.signin.refusal import WORDS, NotLetIn, refuse


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
        return refuse(request, "inactive", user.email or "")


class GoogleAdapter(DefaultSocialAccountAdapter):
    """Turns a Google account that proved itself into a Person."""

    def pre_social_login(self, request: HttpRequest, sociallogin: Any) -> None:
        """Tie the Google account to the person who was admitted."""
        sociallogin.email_addresses = []  # addresses live on Person, in one place
        if not sociallogin.is_existing:
            sociallogin.connect(request, sociallogin.person)
        else:
            sociallogin.user = sociallogin.person

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
        goal = ((extra_context or {}).get("state") or {}).get("next") or ""
        if isinstance(exception, NotLetIn):
            raise ImmediateHttpResponse(
                refuse(
                    request,
                    exception.why,
                    exception.email,
                    goal=goal,
                    detail=exception.detail,
                    values=exception.values,
                )
            )
        if exception is not None:
            why = "google"
        elif error == AuthError.CANCELLED:
            why = "cancelled"
        else:
            why = WORDS.get(word, "google" if word else "stale")
        detail = " ".join(
            filter(None, [repr(word[:60]) if word else "", exception and type(exception).__name__])
        )
        raise ImmediateHttpResponse(refuse(request, why, goal=goal, detail=detail))
