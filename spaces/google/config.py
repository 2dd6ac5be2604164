"""Every setting of a meeting space, in plain words. Forms, the diff before saving and the audit trail read this list.

Paths are those of the Meet REST reference (`SpaceConfig`) without the `config.` prefix. Values that Google calls
`..._UNSPECIFIED` are never returned and never sent, so they are not here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from spaces.words import Text
from spaces.words import text as _


class Choice(NamedTuple):
    """One value of a setting, its name, and what choosing it brings about (empty when the name says it all)."""

    value: str
    label: str
    consequence: str = ""


_UNKNOWN = _("Meetadmin does not know this value of Google's. It stays unless you choose another.")


class Needs(NamedTuple):
    """A setting has no effect unless the setting at `path` has this `value`."""

    path: str
    value: str


@dataclass(frozen=True, slots=True)
class Setting:
    """One field of SpaceConfig. `artifact` marks what needs the owner's licence and the organisation's consent."""

    path: str
    label: str
    help: str
    choices: tuple[Choice, ...]
    group: str
    needs: Needs | None = None
    artifact: bool = False

    def knows(self, value: str) -> bool:
        """Whether this is one of the values that the catalogue offers."""
        return any(choice.value == value for choice in self.choices)

    def choice(self, value: str) -> Choice:
        """The choice with this value; a value that Google has added since is shown as it is."""
        return next(
            (choice for choice in self.choices if choice.value == value), Choice(value, value, _UNKNOWN)
        )


class Change(NamedTuple):
    """One line of a diff; `before` and `after` are None where Google names no value."""

    setting: Setting
    before: str | None
    after: str | None

    @property
    def consequence(self) -> str:
        """What the new value brings about, or nothing worth saying."""
        return self.setting.choice(self.after).consequence if self.after else ""


MODERATION = "moderation"
_WHILE_MODERATED = Needs(MODERATION, "ON")
_JOINING, _HOSTING, _RECORDING = _("Joining"), _("Host controls"), _("Records of the call")
_STARTS_BY_ITSELF = _(
    "Starts when somebody entitled joins, needs the owner's licence and the organisation's consent. With a room "
    "mailbox as owner it may never start."
)


def _restriction(path: str, label: str, consequence: str) -> Setting:
    return Setting(
        path=f"moderationRestrictions.{path}",
        label=label,
        help=_("Works only while host management is on."),
        choices=(
            Choice("NO_RESTRICTION", _("Everybody")),
            Choice("HOSTS_ONLY", _("Only hosts and co-hosts"), consequence),
        ),
        group=_HOSTING,
        needs=_WHILE_MODERATED,
    )


def _automatic(path: str, label: str) -> Setting:
    return Setting(
        path=f"artifactConfig.{path}",
        label=label,
        help=_STARTS_BY_ITSELF,
        choices=(
            Choice("OFF", _("No")),
            Choice(
                "ON",
                _("Yes, by itself"),
                Text("%(what)s %(how)s")
                % {"what": _("Everybody in the call is recorded in some form."), "how": _STARTS_BY_ITSELF},
            ),
        ),
        group=_RECORDING,
        artifact=True,
    )


CATALOGUE: tuple[Setting, ...] = (
    Setting(
        path="accessType",
        label=_("Who may join without knocking"),
        help=_("Everybody else has to knock and wait until somebody in the call lets them in."),
        choices=(
            Choice(
                "OPEN",
                _("Anyone with the link"),
                _("Whoever gets hold of the link or the phone PIN walks in."),
            ),
            Choice(
                "TRUSTED",
                _("People of our organisation and invited guests"),
                _("Phone callers join directly, too."),
            ),
            Choice(
                "RESTRICTED",
                _("Only invited people"),
                _(
                    "Everybody who was not invited must knock, colleagues included; in an empty room nobody lets them in."
                ),
            ),
        ),
        group=_JOINING,
    ),
    Setting(
        path="entryPointAccess",
        label=_("Ways to join"),
        help=_("Leave this at “All ways” for meeting rooms."),
        choices=(
            Choice("ALL", _("All ways")),
            Choice(
                "CREATOR_APP_ONLY",
                _("Only through the app that made the space"),
                _(
                    "The normal link and the room's own hardware stop working. Nobody can join from Google Meet or from a "
                    "meeting-room device any more."
                ),
            ),
        ),
        group=_JOINING,
    ),
    Setting(
        path=MODERATION,
        label=_("Host management"),
        help=_("Switches the host controls below on and off."),
        choices=(
            Choice("ON", _("On")),
            Choice("OFF", _("Off"), _("Resets the four host controls below to their defaults.")),
        ),
        group=_HOSTING,
    ),
    _restriction(
        "chatRestriction",
        _("Who may write in the chat"),
        _(
            "In a room that nobody hosts (a room mailbox owns it, no co-host is present) "
            "then nobody can chat."
        ),
    ),
    _restriction(
        "reactionRestriction",
        _("Who may send reactions"),
        _(
            "In a room that nobody hosts (a room mailbox owns it, no co-host is present) "
            "then nobody can react."
        ),
    ),
    _restriction(
        "presentRestriction",
        _("Who may share the screen"),
        _(
            "In a room that nobody hosts (a room mailbox owns it, no co-host is present) "
            "then nobody can present."
        ),
    ),
    Setting(
        path="moderationRestrictions.defaultJoinAsViewerType",
        label=_("Join as viewer"),
        help=_("Works only while host management is on. A person's own role as a member comes first."),
        choices=(
            Choice("OFF", _("No, everybody takes part")),
            Choice(
                "ON",
                _("Yes"),
                _("People who join can only watch and listen until a host gives them the word."),
            ),
        ),
        group=_HOSTING,
        needs=_WHILE_MODERATED,
    ),
    Setting(
        path="attendanceReportGenerationType",
        label=_("Attendance report"),
        help=_("Goes by mail and to the Drive of the account that owns the space."),
        choices=(
            Choice("DO_NOT_GENERATE", _("No")),
            Choice(
                "GENERATE_REPORT", _("Yes"), _("The owner's account learns who was there and for how long.")
            ),
        ),
        group=_RECORDING,
        artifact=True,
    ),
    _automatic("recordingConfig.autoRecordingGeneration", _("Record every call")),
    _automatic("transcriptionConfig.autoTranscriptionGeneration", _("Write down every call")),
    _automatic("smartNotesConfig.autoSmartNotesGeneration", _("Take notes of every call")),
)

BY_PATH: Mapping[str, Setting] = {setting.path: setting for setting in CATALOGUE}
GROUPS: tuple[str, ...] = tuple(dict.fromkeys(setting.group for setting in CATALOGUE))

RESET_BY_MODERATION_OFF: tuple[str, ...] = tuple(
    setting.path for setting in CATALOGUE if setting.needs == _WHILE_MODERATED
)
"""Google sets these back to their defaults whenever host management is switched off."""


def check(settings: Mapping[str, str], *, current: Mapping[str, str] | None = None) -> None:
    """Raise ValueError unless every path and value is one that we offer, or a value that holds in `current` already."""
    for path, value in settings.items():
        setting = BY_PATH.get(path)
        if setting is None:
            raise ValueError(f"There is no setting {path!r}.")
        if not setting.knows(value) and (current or {}).get(path) != value:
            raise ValueError(f"{setting.label}: {value!r} is not one of the choices.")


def diff(before: Mapping[str, str], after: Mapping[str, str]) -> list[Change]:
    """What saving `after` over `before` would change, in the order of the catalogue.

    Only paths named in `after` count: a setting that nobody asked about stays as it is. A value in `after` that the catalogue does
    not know is one that Google has invented since; nobody can have chosen it, so it changes nothing.
    """
    return [
        Change(setting, before.get(setting.path), after[setting.path])
        for setting in CATALOGUE
        if setting.path in after
        and after[setting.path] != before.get(setting.path)
        and setting.knows(after[setting.path])
    ]


def to_send(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, str]:
    """The settings to patch so that `before` becomes `after`; empty when nothing changes.

    Host controls are left out when host management ends up off (Google resets them) and bring `moderation: ON` along
    otherwise, because Google ignores them without it (Meet REST reference: `ModerationRestrictions`). Values that the catalogue does
    not know are never sent. Raises ValueError for an unknown path.
    """
    if strange := [path for path in after if path not in BY_PATH]:
        raise ValueError(f"There is no setting {strange[0]!r}.")
    changed = {change.setting.path: after[change.setting.path] for change in diff(before, after)}
    if {**before, **after}.get(MODERATION) == "OFF":
        return {path: value for path, value in changed.items() if path not in RESET_BY_MODERATION_OFF}
    if any(path in RESET_BY_MODERATION_OFF for path in changed):
        changed[MODERATION] = "ON"
    return changed
