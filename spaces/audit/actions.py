"""The words of the audit log for what was done."""

from enum import StrEnum


class Action(StrEnum):
    """Actions that share a permission with another one. Every other action is named like its permission."""

    ROOM_ARCHIVE = "room:archive"
    ROOM_RESTORE = "room:restore"
    PEOPLE_LOCK = "people:lock"
    PEOPLE_UNLOCK = "people:unlock"
    PEOPLE_KEEP_APART = "people:keep_apart"
    PEOPLE_SEPARATE = "people:separate"
    PEOPLE_FIRST_ADMIN = "people:first_admin"
    PEOPLE_LOSE_ADDRESS = "people:lose_address"
