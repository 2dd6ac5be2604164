"""Messages about rights: who may do what. Code: `not_allowed.` and the permission."""

from collections.abc import Mapping

from django.utils.translation import gettext_lazy as _

ACCESS: Mapping[str, object] = {
    "not_allowed.room:see": _("Only people of this organisation may see its rooms."),
    "not_allowed.room:edit": _("Only admins may edit the details of a room."),
    "not_allowed.room:create": _("Only admins may add rooms."),
    "not_allowed.building:add": _("Only admins may add buildings."),
    "not_allowed.building:edit": _("Only admins may change buildings."),
    "not_allowed.building:delete": _("Only admins may delete buildings."),
    "not_allowed.call:see": _(
        "Only the room's owner, people in the call and IT staff may see whether a call is running."
    ),
    "not_allowed.history:see": _("Only the room's owner and IT staff may see its earlier calls."),
    "not_allowed.names:see": _("Only the room's owner and admins may see who is in the call."),
    "not_allowed.names:reveal": _("Only helpdesk staff may reveal names. Each time is logged."),
    "not_allowed.joining-secrets:see": _(
        "Phone PINs let anybody join, so only the room's owner and IT staff may see them."
    ),
    "not_allowed.settings:see": _("Only the room's owner and admins may see its settings."),
    "not_allowed.settings:change": _("Only the room's owner, a deputy or an admin may change its settings."),
    "not_allowed.settings:restore": _("Only Meetadmin itself restores settings after a call was ended."),
    "not_allowed.space:create": _("Only admins may create a Meet link for a room."),
    "not_allowed.space:adopt": _("Only admins may give a room an existing Meet link."),
    "not_allowed.space:refresh": _("Only the room's owner and IT staff may refresh it."),
    "not_allowed.conference:end": _("Only the room's owner, a deputy or an admin may end its call."),
    "not_allowed.device:identify": _(
        "Only the room's owner, a deputy or an admin may say which participant is a device."
    ),
    "not_allowed.account:sweep": _("Only the scheduler can sync accounts."),
    "not_allowed.history:forget": _("Retention is set in the server configuration."),
    "not_allowed.events:take": _("Events come from Google, not from people."),
    "not_allowed.account:connect": _("Only people of this organisation may connect a Google account."),
    "not_allowed.account:disconnect": _(
        "Only the person who connected an account, or an admin, may disconnect it."
    ),
    "not_allowed.account:manage": _("Only admins may see and manage the Google accounts."),
    "not_allowed.account:check": _("Only admins may check the permissions of an account."),
    "not_allowed.people:manage": _("Only admins may give roles."),
    "not_allowed.people:merge": _("Only admins may settle whether two entries are one person."),
    "not_allowed.people:succeed": _("Only admins may hand rooms over to somebody else."),
    "not_allowed.people:admit": _("People are admitted only by signing in."),
    "not_allowed.lookup:ask": _("Only IT staff may ask Google about a code that is not in our list."),
    "not_allowed.audit:room": _("Only the room's owner and admins may read its audit log."),
    "not_allowed.audit:read": _("Only admins may read the audit log."),
    "not_allowed.system:see": _("Only IT staff may see the state of Meetadmin itself."),
    # "Only admins" alone would be wrong for an admin of certain buildings.
    "not_allowed.outside": _("%(why)s Your admin role covers certain buildings only."),
    "role.label_colleague": _("Colleague"),
    "role.label_helpdesk": _("Helpdesk"),
    "role.label_admin": _("Admin"),
}
