"""Messages about people: roles, sign-in, merging and handing over."""

from collections.abc import Mapping

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

PEOPLE: Mapping[str, object] = {
    "address.never_signs_in": "%(why)s",
    "people.not_signed_in": _(
        "Not signed in yet: %(address)s. If this is a group, an alias or a typing error, nobody ever will; enter the person's own "
        "address instead."
    ),
    "people.address_moved": _(
        "The address belongs to another Google account now. The earlier holder's rights did not move with it."
    ),
    "people.first_admin": _("Admin by configuration (MEETADMIN_FIRST_ADMINS)"),
    # Roles
    "role.colleague": _("colleague"),
    "role.helpdesk": _("helpdesk"),
    "role.admin": _("admin"),
    "people.role_given": _("%(address)s is now %(role)s."),
    "people.role_given_unproven": _("%(address)s is now %(role)s. %(then)s"),
    "people.role_unchanged": _("Nothing to save: %(address)s has this role already."),
    "people.buildings_without_admin": _(
        "Only admins can be limited to buildings. Choose the role Admin or no building."
    ),
    "people.merged_away": _("%(person)s was merged into %(into)s. Change that person instead."),
    "people.no_address": _(
        "%(person)s has no address any more and cannot sign in with it, so no role was given."
    ),
    "people.unlocked": _("%(person)s may sign in again."),
    "people.locked": _("%(person)s is locked out."),
    "people.last_admin": _("This is the only unrestricted admin who can sign in. Appoint another first."),
    # Merging
    "merge.same_entry": _("This is the same entry. Choose another person."),
    "merge.one_locked": _(
        "%(person)s is locked out and %(other)s is not. Lock both out or let both in, then merge."
    ),
    "merge.done_already": _("These two are one person already."),
    "merge.done": _("%(old)s and %(kept)s are one person now: %(kept)s."),
    "merge.merged": _("Merged: %(old)s is the same person as %(kept)s."),
    "merge.nothing_to_settle": _("Nothing to settle for %(person)s."),
    "merge.kept_apart": _("Kept apart: %(old)s and %(kept)s are two people."),
    "merge.stay_apart": _("%(old)s and %(kept)s stay two people. The rooms of %(old)s were not moved."),
    "merge.not_merged": _("%(person)s is an entry of their own."),
    "merge.separated": _("Separated: %(old)s is not the same person as %(kept)s."),
    "merge.two_again": _("%(old)s and %(kept)s are two people again. Rooms and role stay with %(kept)s."),
    # Handing over
    "hand_over.same_person": _("The rooms belong to this person already. Choose another address."),
    "hand_over.locked": _("%(person)s is locked out, so nothing was handed over."),
    "hand_over.no_rooms": _("%(person)s has no rooms to hand over."),
    "hand_over.moved": _("Rooms handed over to %(to)s: %(number)s."),
    "hand_over.done": ngettext_lazy(
        "%(number)s room of %(person)s now belongs to %(to)s.",
        "%(number)s rooms of %(person)s now belong to %(to)s.",
        "number",
    ),
    "hand_over.done_unproven": ngettext_lazy(
        "%(number)s room of %(person)s now belongs to %(to)s, who has not signed in yet.",
        "%(number)s rooms of %(person)s now belong to %(to)s, who has not signed in yet.",
        "number",
    ),
}
