"""What can be permitted, and the message of each missing permission."""

from enum import StrEnum

from spaces.message import Message


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


def not_allowed(permission: Permission) -> Message:
    """Return the message of a missing permission: who has it."""
    return Message(f"not_allowed.{permission}")
