"""Messages of the lookup: what a pasted text means, and what Google says about a code."""

from collections.abc import Mapping

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

LOOKUP: Mapping[str, object] = {
    # From our own data
    "lookup.no_address": _("No room has the address “%(slug)s”."),
    "lookup.room_address": _("This is the address of %(room)s."),
    "lookup.room_link": _("This is the link of %(room)s."),
    "lookup.old_link": _("This is an old link of %(room)s. %(now)s"),
    "lookup.old_code": _("This is an old code of %(room)s. Google has given its link a new code. %(now)s"),
    "lookup.use_instead": _("Use %(code)s instead."),
    "lookup.replaced_use_instead": _("It was replaced on %(day)s. Use %(code)s instead."),
    "lookup.no_link_now": _("The room has no link now."),
    "lookup.replaced_no_link_now": _("It was replaced on %(day)s. The room has no link now."),
    "lookup.unknown_code": _(
        "%(code)s is not one of our links, past or present. Perhaps a private meeting or an expired code."
    ),
    "lookup.beginning_of_code": _("This is only the beginning of a code."),
    "lookup.not_our_code": _("This is not one of our codes."),
    "lookup.room": _("This is %(room)s."),
    "lookup.rooms_match": ngettext_lazy("%(n)s room matches.", "%(n)s rooms match.", "n"),
    "lookup.partial_matches": ngettext_lazy(
        "No exact match; %(n)s partial match.", "No exact match; %(n)s partial matches.", "n"
    ),
    "lookup.not_a_code": "%(why)s",
    "lookup.owns_nothing": _("%(text)s does not own any room, nor is it a deputy."),
    "lookup.no_room": _("No room matches “%(text)s”."),
    "lookup.nothing": _("No room, building, owner or code matches “%(text)s”."),
    # From Google
    "lookup.google_hides": _(
        "Google shows no meeting for %(code)s to our accounts. The code is mistyped or has expired, or another app made the meeting."
    ),
    "lookup.code_moved": _(
        "This code now belongs to %(room)s, which is listed under %(code)s. Refresh its room."
    ),
    "lookup.somebody_elses": _(
        "Google knows this meeting, but no connected account owns it. Its owner or somebody in the call can help. Google does not name "
        "them."
    ),
    "lookup.room_hidden_call": _("This is the link of a room. You may not see whether a call is running."),
    "lookup.room_call": _("This is the link of %(room)s. A call is running. Checked at %(time)s."),
    "lookup.room_idle": _("This is the link of %(room)s. No call is running. Checked at %(time)s."),
    "lookup.account_call": _(
        "This is a meeting of %(account)s, one of our accounts. A call is running. It belongs to no room here yet: an admin can give it to "
        "a room (“Use an existing link”). Checked at %(time)s."
    ),
    "lookup.account_idle": _(
        "This is a meeting of %(account)s, one of our accounts. No call is running. It belongs to no room here yet: an admin can give it "
        "to a room (“Use an existing link”). Checked at %(time)s."
    ),
}
