"""The sentences of Lookup: for every code of spaces.actions.admission one, in the reader's language."""

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from spaces.actions.admission import Explanation, Finding

FINDINGS: Mapping[str, str | Promise] = {
    "no_link": gettext_lazy("This room has no Meet link."),
    "old_link": gettext_lazy("The pasted link is no longer this room's link."),
    "link_gone": gettext_lazy("Google cannot find this link. It may have expired."),
    "code_old": gettext_lazy(
        "This code was last confirmed over 300 days ago. Google drops a code after 365 days without use."
    ),
    "app_only": gettext_lazy(
        "Only the app that created this link can open it. Nobody can join from Google Meet or from a room device."
    ),
    "meet_refused": gettext_lazy("Meet refused this person. Often they are signed in with another account."),
    "caller_host": gettext_lazy("%(address)s owns this link."),
    "caller_cohost": gettext_lazy("%(address)s is a co-host."),
    "caller_member": gettext_lazy("%(address)s is a member."),
    "caller_colleague": gettext_lazy("%(address)s belongs to this organisation."),
    "caller_outsider": gettext_lazy("%(address)s is outside this organisation."),
    "account_refused": gettext_lazy(
        "Google refuses Meetadmin access to the account that owns this link. Its settings may be out of date."
    ),
    "access_unknown": gettext_lazy("Who can join is unknown."),
    "access_open": gettext_lazy("Anyone with the link can join."),
    "access_trusted": gettext_lazy(
        "People of this organisation and invited guests can join. Everyone else has to ask."
    ),
    "access_restricted": gettext_lazy(
        "Only invited people can join. Everyone else has to ask, colleagues included."
    ),
    "gets_in_direct": gettext_lazy("%(address)s can join without asking, signed in with this address."),
    "gets_in_ask": gettext_lazy("%(address)s has to ask to join."),
    "admits_host_present": gettext_lazy("A host is in the call and can let people in."),
    "admits_people_present": gettext_lazy("People in the call can let others in."),
    "admits_host_absent": gettext_lazy("No host is in the call. A host has to join before anyone is let in."),
    "admits_colleague_first": gettext_lazy("A colleague has to join before anyone can be let in."),
    "admits_nobody": gettext_lazy(
        "Nobody can let callers in: a room mailbox owns the link, and there are no co-hosts."
    ),
    "admits_unknown": gettext_lazy("Whether somebody in the call can let people in is unknown."),
    "host_management": gettext_lazy("Host management is on: only hosts can let people in."),
    "ended_locked": gettext_lazy(
        "The call ended %(minutes)s min ago. Rejoining may be locked until a host is back."
    ),
    "ended_open": gettext_lazy(
        "The call ended %(minutes)s min ago. People can usually rejoin within a minute."
    ),
    "viewers": gettext_lazy("People join as viewers until a host lets them speak."),
    "hosts_present_only": gettext_lazy("Only hosts can present."),
}

STEPS: Mapping[str, str | Promise] = {
    "pass_on": gettext_lazy(
        "Use this link, signed in to Meet with your work account. If Meet turns you away, ask an owner or IT."
    ),
    "pass_on_old": gettext_lazy(
        "Use the current link, signed in to Meet with your work account. If Meet turns you away, ask an owner or IT."
    ),
    "replace_link": gettext_lazy(
        "Refresh the room. If Google still cannot find the link, an admin has to replace it."
    ),
    "send_current": gettext_lazy("Send the current link."),
    "send_direct": gettext_lazy("Send the link: anyone with it can join."),
    "send_colleagues": gettext_lazy("Send the link. Colleagues signed in with their work account can join."),
    "check_account": gettext_lazy(
        "Have them sign in to Meet with their work account, then open the link again."
    ),
    "check_address": gettext_lazy("Have them sign in to Meet as %(address)s, then open the link again."),
    "try_link": gettext_lazy("Try the link. If Meet turns callers away, ask an owner."),
    "ask_host_present": gettext_lazy("Have them ask to join. The host in the call can let them in."),
    "ask_people_present": gettext_lazy("Have them ask to join. Somebody in the call can let them in."),
    "colleague_first": gettext_lazy("Have a colleague join first and let the caller in."),
    "host_first": gettext_lazy("Have a host join first and let callers in, or allow colleagues."),
    "host_first_by_owner": gettext_lazy(
        "Have a host join first and let callers in, or ask the owner to allow colleagues."
    ),
    "host_first_by_admin": gettext_lazy(
        "Have a host join first and let callers in, or ask an admin to allow colleagues."
    ),
    "open_entry": gettext_lazy("Set “Ways to join” to “All ways”."),
    "open_entry_by_owner": gettext_lazy("Ask the owner to set “Ways to join” to “All ways”."),
    "open_entry_by_admin": gettext_lazy("Ask an admin to set “Ways to join” to “All ways”."),
    "allow_after_end": gettext_lazy("Callers may be locked out until a host is back. Allow colleagues."),
    "allow_after_end_by_owner": gettext_lazy(
        "Callers may be locked out until a host is back. Ask the owner to allow colleagues."
    ),
    "allow_after_end_by_admin": gettext_lazy(
        "Callers may be locked out until a host is back. Ask an admin to allow colleagues."
    ),
    "invite_outsider": gettext_lazy(
        "Nobody can let this guest in. Add a host who joins, or allow anyone with the link."
    ),
    "invite_outsider_by_owner": gettext_lazy(
        "Nobody can let this guest in. Ask the owner to invite them or to allow anyone with the link."
    ),
    "invite_outsider_by_admin": gettext_lazy(
        "Nobody can let this guest in. Ask an admin to invite them or to allow anyone with the link."
    ),
    "allow_colleagues": gettext_lazy("Nobody can let callers in. Allow colleagues."),
    "allow_colleagues_by_owner": gettext_lazy(
        "Nobody can let callers in. Ask the owner to allow colleagues."
    ),
    "allow_colleagues_by_admin": gettext_lazy("Nobody can let callers in. Ask an admin to allow colleagues."),
    "create_link": gettext_lazy("Create a link for this room."),
    "ask_for_link": gettext_lazy("Ask an admin to create a link."),
    "refresh_state": gettext_lazy("Call status unknown. Refresh to check again."),
    "end_stuck": gettext_lazy("Looks abandoned. End it?"),
    "end_running": gettext_lazy("A call is running. End it only if the room is needed."),
    "hang_up": gettext_lazy(
        "This call can't be ended here, and only room devices are in it. Hang up at the device, or disconnect it in "
        "Google's Admin console."
    ),
    "end_inside": gettext_lazy("This call can't be ended here. Somebody in the call has to end it there."),
    "ask_admin_to_end": gettext_lazy("A call is running, and no owner is recorded. Ask an admin to end it."),
    "ask_owner_stuck": gettext_lazy("Looks abandoned. Ask the owner to end it."),
    "ask_owner_running": gettext_lazy("A call is running. If the room is needed, ask the owner to end it."),
}

ABOUT_CALL = {"ask_owner_stuck", "ask_owner_running"}
"""Steps whose letter is about the call, and not about who can join."""


def letter(room: str, address: str, *, about_call: bool) -> tuple[str, str]:
    """Return subject and text of a letter to the owner, with the address of the page it is about."""
    if about_call:
        subject = _("Call in %(room)s")
        body = _("Please check the call in %(room)s. You can end it here without joining: %(address)s")
    else:
        subject = _("Joining %(room)s")
        body = _("Callers cannot get into %(room)s. Please check who can join: %(address)s")
    return subject % {"room": room}, body % {"room": room, "address": address}


def finding(found: Finding) -> str:
    """Return the sentence of a finding."""
    if found.code == "access_unknown" and found.params.get("access"):
        return _("Google reports an access type that Meetadmin does not know: %(access)s.") % found.params
    said = str(FINDINGS[found.code]) % found.params
    if found.code == "admits_host_absent" and found.params.get("cohosts"):
        cohosts = _("Co-hosts: %(cohosts)s.") % found.params
        return f"{said} {cohosts}"
    if found.code in {"ended_locked", "ended_open"} and found.params.get("by"):
        ended = _("Ended by %(by)s.") % found.params
        return f"{said} {ended}"
    return said


def step(code: str, explanation: Explanation) -> str:
    """Return the sentence of a next step."""
    address = explanation.facts.address
    if code == "check_account" and address:
        code = "check_address"
    return str(STEPS[code]) % {"address": address}
