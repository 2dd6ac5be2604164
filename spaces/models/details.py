"""A room's own attributes, each declared once. Form, storing, audit log and search derive from the declaration.

A further attribute needs its column in `Room`, a migration and one line in `RoomDetails`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any

from django.db.models import Model
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from spaces.models.names import tidy


class Kind(StrEnum):
    """The type of an attribute; it decides how a form asks for it and how its value is stored."""

    NAME = "name"  # one line, stored without invisible characters
    TEXT = "text"  # several lines
    NUMBER = "number"
    MINUTES = "minutes"  # a limit that replaces the installation's; None: as configured


@dataclass(frozen=True, slots=True)
class Detail:
    """One attribute: `name` is its column and its key in the audit log, `label` its word on screens and in the audit log, and
    `heading` its column in files.

    `longest`: characters of a text. `least`, `most`: range of a number.
    """

    name: str
    kind: Kind
    label: str | Promise
    help: str | Promise = ""
    longest: int | None = None
    least: int = 0
    most: int = 100_000
    required: bool = False
    searched: bool = False

    @property
    def heading(self) -> str:
        """The column's heading in files: the same in every language."""
        return self.name

    def parse(self, value: Any) -> Any:
        """Return the value as it is stored, of a value as typed or read from a file. Raises ValueError for what is no number."""
        if self.kind in {Kind.NUMBER, Kind.MINUTES}:
            return None if value in {None, ""} else int(value)
        return tidy(value) if self.kind == Kind.NAME else value


def _detail(
    kind: Kind, label: str | Promise, *, default: Any = "", required: bool = False, **more: Any
) -> Any:
    about = {"kind": kind, "label": label, "required": required, **more}
    return field(metadata=about) if required else field(default=default, metadata=about)


def _minutes(label: str | Promise) -> Any:
    return _detail(Kind.MINUTES, label, default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomDetails:
    """The attributes that an admin enters about a room, besides its building and its people.

    `stuck_...`: minutes after which a call here counts as stuck (models.stuck), where they differ from the installation's.
    """

    name: str = _detail(Kind.NAME, _("Name"), longest=110, required=True, searched=True)
    floor: str = _detail(Kind.NAME, _("Floor"), longest=40, searched=True)
    capacity: int | None = _detail(Kind.NUMBER, _("Seats"), default=None, least=1, most=10_000)
    device_name: str = _detail(
        Kind.NAME,
        _("Meet device"),
        longest=200,
        searched=True,
        help=_("Its name in Google's Admin console. Needed only if it differs from the room's name."),
    )
    resource_name: str = _detail(
        Kind.NAME,
        _("Name in Google Calendar"),
        longest=200,
        searched=True,
        help=_("A device with this name is recognised, too."),
    )
    notes: str = _detail(
        Kind.TEXT,
        _("Notes"),
        longest=5000,
        help=_("Everybody of the organisation can read them on the room's page."),
    )
    stuck_empty: int | None = _minutes(_("Stuck when nobody is in the call"))
    stuck_devices: int | None = _minutes(_("Stuck when only room devices, bots and phones are left"))
    stuck_alone: int | None = _minutes(_("Stuck when one person is alone"))
    stuck_hostless: int | None = _minutes(_("Stuck when the host has left"))
    stuck_running: int | None = _minutes(_("Stuck when it has been running"))

    def values(self) -> dict[str, Any]:
        """Return the attributes by name, without those of a subclass."""
        return {name: getattr(self, name) for name in DETAILS}


DETAILS: Mapping[str, Detail] = {one.name: Detail(one.name, **one.metadata) for one in fields(RoomDetails)}
"""The declarations by name, in the order in which screens show them."""

SEARCHED = tuple(name for name, detail in DETAILS.items() if detail.searched)
"""The columns whose words find a room."""


def details_of(room: Model) -> dict[str, Any]:
    """Return a room's attributes by name, as they are stored."""
    return {name: getattr(room, name) for name in DETAILS}
