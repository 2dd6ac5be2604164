"""Google accounts: the configured mailboxes, and connecting one's own."""

import hmac
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.db.models import Count
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from spaces import access, meet
from spaces.access import Permission
from spaces.actions import accounts
from spaces.actions.outcomes import Outcome
from spaces.google import credentials
from spaces.models import Account
from spaces.views.lanes import calls_google
from spaces.views.replies import Request, back, carry_out, page

PENDING = "connect"  # the session's key for a connection that is under way


@require_GET
def overview(request: Request) -> HttpResponse:
    """Admins see all accounts and what is wrong with them; everybody else their own."""
    access.require(request.user, Permission.ACCOUNT_CONNECT)
    found = Account.objects.annotate(rooms=Count("spaces__room")).order_by("email")
    manages = access.can(request.user, Permission.ACCOUNT_MANAGE)
    if not manages:
        found = found.filter(person=request.user)
    return page(
        request, "accounts.html", {"accounts": found, "manages": manages, "scopes": credentials.MEET_SCOPES}
    )


def _redirect_uri() -> str:
    return f"{settings.BASE_URL}{reverse('connect_callback')}"


@require_POST
def connect(request: Request) -> HttpResponse:
    """Off to Google, to ask for the Meet scopes."""
    access.require(request.user, Permission.ACCOUNT_CONNECT)
    pending = {name: credentials.new_verifier() for name in ("state", "nonce", "verifier")}
    request.session[PENDING] = pending
    domains = sorted(settings.DOMAINS)
    return HttpResponseRedirect(
        credentials.authorize_url(
            settings.GOOGLE.authorize,
            client_id=settings.GOOGLE_CLIENT_ID,
            redirect_uri=_redirect_uri(),
            scopes=(*credentials.IDENTITY_SCOPES, *credentials.MEET_SCOPES),
            login_hint=request.user.email or "",
            hosted_domain=domains[0] if len(domains) == 1 else "",
            **pending,
        )
    )


@require_GET
@calls_google(methods=("GET",))
def connected(request: Request) -> HttpResponse:
    """Back from Google. The state is good for one answer in the session that asked."""
    pending: dict[str, Any] = request.session.pop(PENDING, {})
    if not pending or not hmac.compare_digest(
        request.GET.get("state", "").encode(), pending["state"].encode()
    ):
        messages.error(
            request,
            _("This connection was begun elsewhere or is over already. Nothing was stored; start again."),
        )
        return redirect("accounts")

    def take_in() -> Outcome:
        if "code" not in request.GET:
            raise credentials.redirect_problem(request.GET.get("error", ""))
        consent = credentials.exchange(
            request.GET["code"],
            verifier=pending["verifier"],
            nonce=pending["nonce"],
            redirect_uri=_redirect_uri(),
            client_id=settings.GOOGLE_CLIENT_ID,
            client_secret=settings.GOOGLE_CLIENT_SECRET,
            token_url=settings.GOOGLE.token,
            keys=meet.google_keys(),
        )
        return accounts.connect(consent=consent, actor=request.user)

    carry_out(request, take_in)
    return redirect("accounts")


@require_POST
@calls_google()
def disconnect(request: Request, pk: int) -> HttpResponse:
    """Forget a connected account."""
    if not Account.objects.filter(pk=pk, person=request.user).exists():
        access.require(
            request.user, Permission.ACCOUNT_MANAGE
        )  # which others exist is not everybody's business
    found = get_object_or_404(Account, pk=pk)
    carry_out(request, lambda: accounts.disconnect(account=found, actor=request.user))
    return redirect("accounts")


@require_POST
@calls_google()
def test(request: Request, pk: int) -> HttpResponse:
    """Try an account now."""
    access.require(request.user, Permission.ACCOUNT_MANAGE)
    found = get_object_or_404(Account, pk=pk)
    carry_out(request, lambda: accounts.test(account=found, actor=request.user))
    return back(request, reverse("accounts"))


@require_POST
@calls_google()
def check(request: Request, pk: int) -> HttpResponse:
    """Ask Google for each of the account's permissions by itself."""
    access.require(request.user, Permission.ACCOUNT_CHECK)
    found = get_object_or_404(Account, pk=pk)
    carry_out(request, lambda: accounts.check(account=found, actor=request.user))
    return back(request, reverse("accounts"))
