"""Messages about Google accounts."""

from collections.abc import Mapping

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

ACCOUNTS: Mapping[str, object] = {
    # Connecting
    "account.not_own": _("You chose %(email)s. Connect the account you are signed in with: %(own)s."),
    "account.private": _(
        "%(email)s is a private Google account with a company address. Connect a Workspace account."
    ),
    "account.other_domain": _("%(email)s does not belong to an allowed domain (%(domains)s)."),
    "account.no_token_key": _(
        "No key is configured to encrypt the access (MEETADMIN_TOKEN_KEYS), so nothing was stored. An operator has to set one "
        "(docs/install.md)."
    ),
    "account.scopes_unticked": _(
        "Meetadmin needs the permissions to read, set up and create meetings, but %(scopes)s was left unticked. Nothing was stored. "
        "Connect again and leave all boxes ticked."
    ),
    "account.no_refresh_token": _(
        "Google gave no lasting access this time. Nothing was stored. Remove Meetadmin under “Third-party access” of your Google account "
        "and connect again."
    ),
    "account.other_identity": _(
        "%(email)s was another Google account when it was connected before. Its rooms belong to that one, so nothing was stored. An admin "
        "has to give them new links."
    ),
    "account.connected": _(
        "%(email)s is connected. Meetadmin can now manage this account's own meetings in its name."
    ),
    # Disconnecting
    "account.not_connected": _(
        "%(account)s is not connected by a person; delegation is set up in the configuration."
    ),
    "account.disconnected": _("%(account)s is disconnected."),
    "account.disconnected_here": _(
        "%(account)s is disconnected here, but Google did not confirm it. Also remove Meetadmin under “Third-party access” of that Google "
        "account."
    ),
    "account.revocation_unconfirmed": _("Google did not confirm the withdrawal; our copy is gone."),
    "account.was_disconnected": _(
        "Disconnected. Its rooms show what was known last; connect it again to see and end calls."
    ),
    # Testing and checking
    "account.works": ngettext_lazy(
        "%(account)s works: Google shows %(n)s running call.",
        "%(account)s works: Google shows %(n)s running calls.",
        "n",
    ),
    "account.scopes_missing": _("Missing: %(scopes)s."),
    "account.has_all_scopes": _("%(account)s has every permission it needs."),
    "account.has_no_scope": _("%(account)s has none of the permissions. %(why)s"),
    "account.lacks_scopes": _(
        "%(account)s lacks %(scopes)s, and one missing permission fails every request. Add it to the delegation in the Google Admin "
        "console (Security, API controls, Domain-wide delegation). A person who connected the account connects it again with all boxes "
        "ticked."
    ),
    "account.none_connected": _("No Google account is connected yet. Connect one under “Google accounts”."),
}
