"""SpaceConfig and Member on the wire: reading bodies strictly, writing replies, update masks.

Meet REST reference v2: SpaceConfig. Enumerations may come as names or as numbers (the client libraries send both).
"""

from dataclasses import dataclass
from typing import Any

from simulator import errors, masks
from simulator.world import DEFAULT_CONFIG

_TYPE = "type.googleapis.com/google.apps.meet.v2."


@dataclass(frozen=True, slots=True)
class Enumeration:
    """Names in the order of their numbers; the first is the unspecified value."""

    type_name: str
    names: tuple[str, ...]
    unset_allowed: bool = True


_RESTRICTION = Enumeration(
    _TYPE + "SpaceConfig.ModerationRestrictions.RestrictionType",
    ("RESTRICTION_TYPE_UNSPECIFIED", "HOSTS_ONLY", "NO_RESTRICTION"),
)
_GENERATION = Enumeration(
    _TYPE + "SpaceConfig.ArtifactConfig.AutoGenerationType", ("AUTO_GENERATION_TYPE_UNSPECIFIED", "ON", "OFF")
)
LEAVES = {
    "accessType": Enumeration(
        _TYPE + "SpaceConfig.AccessType", ("ACCESS_TYPE_UNSPECIFIED", "OPEN", "TRUSTED", "RESTRICTED")
    ),
    "entryPointAccess": Enumeration(
        _TYPE + "SpaceConfig.EntryPointAccess", ("ENTRY_POINT_ACCESS_UNSPECIFIED", "ALL", "CREATOR_APP_ONLY")
    ),
    "moderation": Enumeration(
        _TYPE + "SpaceConfig.Moderation", ("MODERATION_UNSPECIFIED", "OFF", "ON"), unset_allowed=False
    ),
    "moderationRestrictions.chatRestriction": _RESTRICTION,
    "moderationRestrictions.reactionRestriction": _RESTRICTION,
    "moderationRestrictions.presentRestriction": _RESTRICTION,
    "moderationRestrictions.defaultJoinAsViewerType": Enumeration(
        _TYPE + "SpaceConfig.ModerationRestrictions.DefaultJoinAsViewerType",
        ("DEFAULT_JOIN_AS_VIEWER_TYPE_UNSPECIFIED", "ON", "OFF"),
    ),
    "attendanceReportGenerationType": Enumeration(
        _TYPE + "SpaceConfig.AttendanceReportGenerationType",
        ("ATTENDANCE_REPORT_GENERATION_TYPE_UNSPECIFIED", "GENERATE_REPORT", "DO_NOT_GENERATE"),
    ),
    "artifactConfig.recordingConfig.autoRecordingGeneration": _GENERATION,
    "artifactConfig.transcriptionConfig.autoTranscriptionGeneration": _GENERATION,
    "artifactConfig.smartNotesConfig.autoSmartNotesGeneration": _GENERATION,
}
ROLE = Enumeration(_TYPE + "Member.Role", ("ROLE_UNSPECIFIED", "COHOST"))
_GROUPS = {leaf.rpartition(".")[0] for leaf in LEAVES} | {"", "artifactConfig"}
_RESTRICTIONS = [leaf for leaf in LEAVES if leaf.startswith("moderationRestrictions.")]
# Output-only fields are tolerated in a body and have no effect, as everywhere at Google.
_LEAF: masks.Tree = {}
_OUTPUT_ONLY: masks.Tree = {
    "name": _LEAF,
    "meetingUri": _LEAF,
    "meetingCode": _LEAF,
    "activeConference": {"conferenceRecord": _LEAF},
    "phoneAccess": {"phoneNumber": _LEAF, "pin": _LEAF, "regionCode": _LEAF, "languageCode": _LEAF},
    "gatewaySipAccess": {"uri": _LEAF, "sipAccessCode": _LEAF},
}
_LISTS = ("phoneAccess", "gatewaySipAccess")


def _enum(value: Any, kind: Enumeration, path: str) -> str:
    shown = f'"{value}"' if isinstance(value, str) else str(value)
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise errors.invalid_value(masks.snake(path), kind.type_name, shown)
    if isinstance(value, int) and 0 <= value < len(kind.names):
        value = kind.names[value]
    if value not in kind.names:
        raise errors.invalid_value(masks.snake(path), kind.type_name, shown)
    if value == kind.names[0]:
        if not kind.unset_allowed:
            raise errors.invalid(masks.snake(path), f"{value} may not be sent.")
        return ""
    return str(value)


def _object(value: Any, path: str) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise errors.invalid_value(
            masks.snake(path), "type.googleapis.com/google.apps.meet.v2.Space", f"{value!r}"
        )
    return value


def read_space(body: Any) -> dict[str, str]:
    """The settings in a Space body as leaf path -> value; raises ApiError 400 for what does not belong there."""
    found: dict[str, str] = {}
    for name, value in _object(body, "space").items():
        field = masks.camel(name)
        if field == "config":
            _read_group(value, "", found)
        elif field in _OUTPUT_ONLY:
            _look_through(value, _OUTPUT_ONLY[field], f"space.{masks.snake(field)}", repeated=field in _LISTS)
        else:
            raise errors.unknown_name(name, "space")
    return found


def _look_through(value: Any, fields: masks.Tree, path: str, *, repeated: bool = False) -> None:
    """Refuse what does not fit a field whose value is not used; raises ApiError 400."""
    if value is None:
        return
    if repeated:
        if not isinstance(value, list):
            raise errors.invalid_value(path, "a list", f"{value!r}")
        for each in value:
            _look_through(each, fields, path)
    elif not fields:
        if not isinstance(value, str):
            raise errors.invalid_value(path, "TYPE_STRING", f"{value!r}")
    else:
        for name, below in _object(value, path).items():
            if masks.camel(name) not in fields:
                raise errors.unknown_name(name, path)
            _look_through(below, fields[masks.camel(name)], f"{path}.{masks.snake(name)}")


def _read_group(value: Any, group: str, found: dict[str, str]) -> None:
    where = "space.config" + (f".{group}" if group else "")
    for name, below in _object(value, where).items():
        path = f"{group}.{masks.camel(name)}" if group else masks.camel(name)
        if path in LEAVES:
            if below is None:
                continue
            chosen = _enum(below, LEAVES[path], f"space.config.{path}")
            found[path] = chosen or DEFAULT_CONFIG[path]
        elif path in _GROUPS:
            _read_group(below, path, found)
        else:
            raise errors.unknown_name(name, masks.snake(where))


def leaves_of_mask(mask: str) -> list[str]:
    """The settings that an update mask names, in snake or camel case; raises ApiError 400 for anything else."""
    leaves: list[str] = []
    named_paths = [part for part in mask.split(",") if part.strip()]
    for raw in named_paths:
        path = ".".join(masks.camel(part) for part in raw.strip().split("."))
        if path == "*" and len(named_paths) > 1:
            raise errors.invalid("update_mask", "A wildcard stands alone.")
        if path in ("*", "config"):
            leaves += list(LEAVES)
            continue
        inner = path.removeprefix("config.")
        named = [leaf for leaf in LEAVES if leaf == inner or leaf.startswith(inner + ".")]
        if inner == path or not named:
            raise errors.invalid("update_mask", f"Invalid field mask path: {raw.strip()}")
        leaves += named
    return list(dict.fromkeys(leaves))


def settled(config: dict[str, str]) -> dict[str, str]:
    """The settings as they take effect: without moderation the restrictions fall back to their defaults."""
    if config["moderation"] == "OFF":
        return {**config, **{leaf: DEFAULT_CONFIG[leaf] for leaf in _RESTRICTIONS}}
    return config


def number_of_name(names: tuple[str, ...], value: str) -> int:
    """The number of an enumeration's value; one that Google has added since has the next number, or is a number itself."""
    if value in names:
        return names.index(value)
    return int(value) if value.isdecimal() else len(names)


def config_as_json(config: dict[str, str], *, numbers: bool) -> dict[str, Any]:
    """SpaceConfig of a reply; enumerations as numbers if the client asked for that. Settings unknown today go out as they are."""
    answer: dict[str, Any] = {}
    for leaf, value in config.items():
        *groups, last = leaf.split(".")
        below = answer
        for group in groups:
            below = below.setdefault(group, {})
        if (numbers and leaf in LEAVES) or value.isdecimal():
            below[last] = number_of_name(LEAVES[leaf].names if leaf in LEAVES else (), value)
        else:
            below[last] = value
    return answer


def read_member(body: Any, path: str) -> dict[str, str]:
    """A Member body; raises ApiError 400 for what does not belong there."""
    found: dict[str, str] = {}
    for name, value in _object(body, path).items():
        if name not in ("name", "email", "role"):
            raise errors.unknown_name(name, path)
        if value is None:
            continue
        if name == "role":
            found["role"] = _enum(value, ROLE, f"{path}.role")
        elif isinstance(value, str):
            found[name] = value
        else:
            raise errors.invalid_value(f"{path}.{name}", "TYPE_STRING", f"{value!r}")
    return found
