"""What can be permitted, and the sentence of each refusal."""

from enum import StrEnum

from spaces.words import text as _


class Permission(StrEnum):
    """Everything that needs a permission. The same words are the verbs of the audit log."""

    ROOM_SEE = "room:see"
    ROOM_EDIT = "room:edit"
    ROOM_CREATE = "room:create"
    BUILDING_ADD = "building:add"
    BUILDING_EDIT = "building:edit"
    BUILDING_DELETE = "building:delete"
    CALL_SEE = "call:see"
    HISTORY_SEE = "history:see"
    NAMES_SEE = "names:see"
    NAMES_REVEAL = "names:reveal"
    SECRETS_SEE = "joining-secrets:see"
    SETTINGS_SEE = "settings:see"
    SETTINGS_CHANGE = "settings:change"
    SETTINGS_RESTORE = "settings:restore"
    SPACE_CREATE = "space:create"
    SPACE_ADOPT = "space:adopt"
    SPACE_REFRESH = "space:refresh"
    CONFERENCE_END = "conference:end"
    DEVICE_IDENTIFY = "device:identify"
    ACCOUNT_SWEEP = "account:sweep"
    EVENTS_TAKE = "events:take"
    HISTORY_FORGET = "history:forget"
    ACCOUNT_CONNECT = "account:connect"
    ACCOUNT_DISCONNECT = "account:disconnect"
    ACCOUNT_MANAGE = "account:manage"
    ACCOUNT_CHECK = "account:check"
    PEOPLE_MANAGE = "people:manage"
    PEOPLE_ADMIT = "people:admit"
    PEOPLE_MERGE = "people:merge"
    PEOPLE_SUCCEED = "people:succeed"
    LOOKUP_ASK = "lookup:ask"
    AUDIT_ROOM = "audit:room"
    AUDIT_READ = "audit:read"
    SYSTEM_SEE = "system:see"


ROOM_PERMISSIONS = frozenset(
    {
        Permission.ROOM_SEE,
        Permission.ROOM_EDIT,
        Permission.CALL_SEE,
        Permission.HISTORY_SEE,
        Permission.NAMES_SEE,
        Permission.NAMES_REVEAL,
        Permission.SECRETS_SEE,
        Permission.SETTINGS_SEE,
        Permission.SETTINGS_CHANGE,
        Permission.SPACE_CREATE,
        Permission.SPACE_ADOPT,
        Permission.SPACE_REFRESH,
        Permission.CONFERENCE_END,
        Permission.DEVICE_IDENTIFY,
        Permission.AUDIT_ROOM,
    }
)
"""Permissions on a room. A role grants them on the rooms in its scope; all others hold for the whole installation."""

REFUSALS: dict[Permission, str] = {
    Permission.ROOM_SEE: _("Only people of this organisation may see its rooms."),
    Permission.ROOM_EDIT: _("Only admins may change what is written about a room."),
    Permission.ROOM_CREATE: _("Only admins may add rooms."),
    Permission.BUILDING_ADD: _("Only admins may add buildings."),
    Permission.BUILDING_EDIT: _("Only admins may change buildings."),
    Permission.BUILDING_DELETE: _("Only admins may delete buildings."),
    Permission.CALL_SEE: _(
        "Only the room's owner, people in the call and IT staff may see whether a call is on."
    ),
    Permission.HISTORY_SEE: _("Only the room's owner and IT staff may see its earlier calls."),
    Permission.NAMES_SEE: _("Only the room's owner and admins may see who is in the call."),
    Permission.NAMES_REVEAL: _("Only helpdesk staff reveal names, and each time is written down."),
    Permission.SECRETS_SEE: _(
        "Phone PINs let anybody join, so only the room's owner and IT staff may see them."
    ),
    Permission.SETTINGS_SEE: _("Only the room's owner and admins may see its settings."),
    Permission.SETTINGS_CHANGE: _("Only the room's owner, a deputy or an admin may change its settings."),
    Permission.SETTINGS_RESTORE: _("Only Meetadmin itself restores settings after an ending."),
    Permission.SPACE_CREATE: _("Only admins may create a Meet space for a room."),
    Permission.SPACE_ADOPT: _("Only admins may give a room an existing Meet space."),
    Permission.SPACE_REFRESH: _("Only the room's owner and IT staff may refresh it."),
    Permission.CONFERENCE_END: _("Only the room's owner, a deputy or an admin may end its conference."),
    Permission.DEVICE_IDENTIFY: _(
        "Only the room's owner, a deputy or an admin may say which participant is a device."
    ),
    Permission.ACCOUNT_SWEEP: _("Sweeps are the timetable's business."),
    Permission.HISTORY_FORGET: _("What is kept for how long stands in the configuration."),
    Permission.EVENTS_TAKE: _("Events come from Google, not from people."),
    Permission.ACCOUNT_CONNECT: _("Only people of this organisation may connect a Google account."),
    Permission.ACCOUNT_DISCONNECT: _(
        "Only the person who connected an account, or an admin, may disconnect it."
    ),
    Permission.ACCOUNT_MANAGE: _("Only admins may see and manage the Google accounts."),
    Permission.ACCOUNT_CHECK: _("Only admins may have an account's permissions checked."),
    Permission.PEOPLE_MANAGE: _("Only admins may give roles."),
    Permission.PEOPLE_MERGE: _("Only admins may settle whether two entries are one person."),
    Permission.PEOPLE_SUCCEED: _("Only admins may hand rooms over to somebody else."),
    Permission.PEOPLE_ADMIT: _("Signing in admits people, nobody else does."),
    Permission.LOOKUP_ASK: _("Only IT staff may ask Google about a code that is not in our list."),
    Permission.AUDIT_ROOM: _("Only the room's owner and admins may read what was done with it."),
    Permission.AUDIT_READ: _("Only admins may read the audit trail."),
    Permission.SYSTEM_SEE: _("Only IT staff may see how Meetadmin itself is doing."),
}
"""The sentence of a refusal, for each permission."""

# “Only admins” alone would be wrong for an admin of certain buildings.
OUTSIDE = _("You are an admin for certain buildings only, and this goes beyond them.")
