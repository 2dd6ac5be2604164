"""Who can sign in at all: one rule for roles, owners, deputies, first admins and the sign-in itself.

Facts: Google Identity, "OpenID Connect" (the `hd` claim is missing for private accounts); Workspace Admin help, "Name guidelines
for users" (no plus sign in a user name); resource calendars, secondary calendars and service accounts are no users.
"""

import re
from collections.abc import Collection
from typing import Literal, Protocol

from spaces.words import text as _

Reason = Literal[
    "malformed", "resource", "calendar", "service_account", "google_group", "private", "plus", "domain"
]

_ADDRESS = re.compile(r"[^\s@]{1,64}@(?:[\w-]{1,63}\.)+[\w-]{2,63}")
PRIVATE = frozenset({"gmail.com", "googlemail.com"})
"""Domains of private Google accounts, whose ID tokens carry no `hd` claim (Google Identity, "OpenID Connect")."""

_SENTENCES = {
    "malformed": _("“%(address)s” is not an e-mail address."),
    "resource": _("%(address)s is the calendar address of a room, and no person can sign in with it."),
    "calendar": _("%(address)s is the address of a calendar, and no person can sign in with it."),
    "service_account": _("%(address)s is a service account, and no person can sign in with it."),
    "google_group": _("%(address)s is a group, and no person can sign in with it. Enter the people instead."),
    "private": _(
        "%(address)s is a private Google account and could not sign in. Enter the person's Workspace address (%(domains)s)."
    ),
    "plus": _("%(address)s only receives mail; nobody signs in with a plus sign. Enter %(base)s instead."),
    "domain": _("%(address)s is not of an allowed domain (%(domains)s) and could not sign in."),
}


def never_signs_in(address: str, domains: Collection[str]) -> Reason | None:
    """Return why nobody can ever sign in with this address; None when somebody may.

    `domains`: the allowed hosted domains; empty: none is configured. A group, an alias or a typing error within an allowed
    domain cannot be told from a person without asking Google: such an address just never signs in.
    """
    if not _ADDRESS.fullmatch(address):
        return "malformed"
    local, _at, domain = address.lower().rpartition("@")
    if domain == "resource.calendar.google.com":
        return "resource"
    if domain.endswith(".calendar.google.com"):
        return "calendar"
    if domain == "gserviceaccount.com" or domain.endswith(".gserviceaccount.com"):
        return "service_account"
    if domain == "googlegroups.com":
        return "google_group"
    if domain in PRIVATE:
        return "private"
    if domains and domain not in domains:
        return "domain"
    return "plus" if "+" in local else None


def explain(address: str, domains: Collection[str]) -> str | None:
    """Return the sentence for `never_signs_in`; None when somebody may sign in with this address."""
    reason = never_signs_in(address, domains)
    if reason is None:
        return None
    local, _at, domain = address.rpartition("@")
    return _SENTENCES[reason] % {
        "address": address[:254],
        "base": f"{local.partition('+')[0]}@{domain}",
        "domains": ", ".join(sorted(domains)),
    }


class Claims(Protocol):
    """What Google says of an account: idtokens.Identity at sign-in, credentials.Consent when one is connected."""

    @property
    def email(self) -> str: ...
    @property
    def email_verified(self) -> bool: ...
    @property
    def hosted_domain(self) -> str: ...


def refusal_of(who: Claims, domains: Collection[str]) -> Literal["unverified", "private", "domain"] | None:
    """Return why this verified identity is not let in; None when it is.

    The `hd` claim decides. Without it the account is a private one, even when its address is of a company: anybody who could
    read one mail to that address can have made it.
    """
    if not who.email_verified:
        return "unverified"
    if who.hosted_domain in domains:
        return None
    if not who.hosted_domain and who.email.rpartition("@")[2] in domains:
        return "private"
    return "domain"


# What a list of addresses is made of: a name in quotes, an address in angle brackets, a separator, other text, a stray sign.
_PIECES = re.compile(r'"[^"\n]*"|<[^<>\n]*>|[,;\n]|[^",;<>\n]+|.')


def pasted(text: str) -> list[str]:
    """Return the addresses in a text, in small letters, each once: one a line, with commas, or as mail programs copy them. What
    stands before `<address>` is that person's name. Takes time in proportion to the text."""
    found: list[str] = []
    words: list[str] = []
    for piece in _PIECES.findall(text):
        if piece.startswith("<") and len(piece) > 1:
            words = []
            found += piece[1:-1].split()
        elif piece in {",", ";", "\n"}:
            found += words
            words = []
        else:
            words += piece.split()
    return list(dict.fromkeys(part.lower().removeprefix("mailto:") for part in found + words))
