"""The page that somebody reads who was not let in: what happened and what to do."""

import uuid

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

SENTENCES = {
    "domain": (
        "This account does not belong to this organisation.",
        "Meetadmin lets in Google Workspace accounts of {domains} only. Sign in with your work or school account.",
    ),
    "unverified": (
        "Google has not verified the address of this account.",
        "Confirm the address in your Google account, then sign in again.",
    ),
    "inactive": (
        "Your access to Meetadmin was switched off.",
        "An admin can switch it on again under “People”.",
    ),
    "cancelled": (
        "You did not finish signing in at Google.",
        "Nothing was stored. Sign in whenever you like.",
    ),
    "stale": (
        "This sign-in is no longer valid.",
        "It was too old, was used already, or began in another browser. Start again from here.",
    ),
    "google": (
        "Google did not complete the sign-in.",
        "Nothing was stored. Try again; if it keeps happening, tell your IT staff the reference below.",
    ),
}


def refuse(request: HttpRequest, why: str, email: str = "") -> HttpResponse:
    """The refusal page, status 403. `why` is a key of SENTENCES."""
    what, cure = SENTENCES[why]
    context = {
        "what": what,
        "cure": cure.format(domains=" and ".join(sorted(settings.DOMAINS)) or "its own domain"),
        "refused_email": email,
        "reference": uuid.uuid4().hex[:8],
    }
    return render(request, "socialaccount/refused.html", context, status=403)
