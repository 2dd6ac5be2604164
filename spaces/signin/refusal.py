"""The page that somebody reads who was not let in: what happened and what to do."""

from collections.abc import Mapping
from typing import Any

from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.text import get_text_list
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from spaces.views import problems

SENTENCES: dict[str, tuple[Any, Any]] = {
    "domain": (
        _("This account does not belong to this organisation."),
        _(
            "Meetadmin lets in Google Workspace accounts of %(domains)s only. Nothing was stored. Sign in with your work or school "
            "account."
        ),
    ),
    "private": (
        _("This is a private Google account with a company address."),
        _(
            "Your organisation does not manage it, so it cannot be let in, and nothing was stored. Sign in with your Google Workspace "
            "account; if you have none, ask your IT staff for one."
        ),
    ),
    "merged": (
        _("This Google account was merged with another one."),
        _("Sign in with %(address)s. If that is not you, tell an admin the reference below."),
    ),
    "unverified": (
        _("Google has not verified the address of this account."),
        _("Nothing was stored. Confirm the address in your Google account, then sign in again."),
    ),
    "inactive": (
        _("Your access to Meetadmin was switched off."),
        _(
            "Your rooms and what you did are kept. An admin can switch it on again under “People”; tell them the reference below."
        ),
    ),
    "cancelled": (
        _("You did not finish signing in at Google."),
        _("Nothing was stored. Sign in whenever you like."),
    ),
    "stale": (
        _("This sign-in is no longer valid."),
        _("It was too old, was used already, or began in another browser. Start again from here."),
    ),
    "policy": (
        _("Your organisation's rules at Google do not allow Meetadmin."),
        _(
            "An administrator must allow this app in the Google Admin console (Security, API controls, App access control). Tell "
            "them the reference below."
        ),
    ),
    "browser": (
        _("Google does not let people sign in from within this app."),
        _("Open Meetadmin in a browser such as Chrome, Edge, Firefox or Safari, and try there."),
    ),
    "setup": (
        _("Google does not accept how Meetadmin introduces itself."),
        _(
            "Nothing was stored, and trying again will not help: an operator has to check the OAuth client and its redirect "
            "address. Tell them the reference below."
        ),
    ),
    "unreachable": (
        _("Google cannot be reached for signing in."),
        _(
            "Nothing was stored. Try again in a minute; if it keeps happening, tell your IT staff the reference below."
        ),
    ),
    "untrusted_certificate": (
        _("This server does not trust the certificate with which Google's sign-in service answers."),
        _(
            "Nothing was stored. If a proxy inspects TLS here, an operator has to set MEETADMIN_CA_BUNDLE (docs/install.md). Tell "
            "them the reference below."
        ),
    ),
    "proxy_refused": (
        _("The proxy of this server does not let it reach Google's sign-in service."),
        _(
            "Nothing was stored. An operator has to allow it or to check MEETADMIN_PROXY (docs/install.md). Tell them the reference "
            "below."
        ),
    ),
    "proxy_unreachable": (
        _("The proxy of this server cannot be reached, so Google's sign-in service cannot be asked."),
        _("Nothing was stored. An operator has to check MEETADMIN_PROXY. Tell them the reference below."),
    ),
    "google": (
        _("Google did not complete the sign-in."),
        _("Nothing was stored. Try again; if it keeps happening, tell your IT staff the reference below."),
    ),
}

AWAY = {"unreachable", "untrusted_certificate", "proxy_refused", "proxy_unreachable"}

# The `error` words with which Google sends people back (Google Identity, "OAuth 2.0 for web server applications", errors).
WORDS = {
    "access_denied": "cancelled",
    "admin_policy_enforced": "policy",
    "org_internal": "domain",
    "disallowed_useragent": "browser",
    "redirect_uri_mismatch": "setup",
    "invalid_client": "setup",
    "deleted_client": "setup",
}


class NotLetIn(OAuth2Error):
    """Somebody is not let in; allauth hands it to the adapter, which shows the page. `why` is a key of SENTENCES."""

    def __init__(
        self, why: str, email: str = "", *, detail: str = "", values: Mapping[str, str] | None = None
    ) -> None:
        self.why, self.email, self.detail, self.values = why, email, detail, values
        super().__init__(why)


def refuse(
    request: HttpRequest,
    why: str,
    email: str = "",
    *,
    goal: str = "",
    detail: str = "",
    values: Mapping[str, str] | None = None,
) -> HttpResponse:
    """The refusal page: 403, or 503 when Google is away. `why` is a key of SENTENCES, `values` fills its cure; `goal`: the page
    that the person wanted; `detail`: technical words for the log, never a token."""
    what, cure = SENTENCES[why]
    domains = get_text_list(sorted(settings.DOMAINS), gettext("and")) or gettext("its own domain")
    status = 503 if why in AWAY else 403
    context = {
        "what": what,
        "cure": str(cure) % {"domains": domains, **(values or {})},
        "refused_email": email,
        "reference": problems.log(request, status, why=f"sign-in {why} {detail}".strip()),
        "goal": goal,
    }
    return render(request, "socialaccount/refused.html", context, status=status)
