"""What saving a settings form would do, in words, before it is done: what changes, what Google takes away by the way, what would
have no effect, and what to think about twice."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from spaces.google import config
from spaces.google.config import Change
from spaces.models import Account, Space

ACCESS, WAYS, SHUT = "accessType", "entryPointAccess", "CREATOR_APP_ONLY"
COHOST = "COHOST"


@dataclass(frozen=True, slots=True)
class Proposal:
    """From what the person saw to what they chose.

    `changes` are sent. `lost`: restrictions that Google resets because host management goes off. `idle`: chosen, but without
    effect while host management is off, so they are not sent. `shut`: nobody could join by the normal link any more.
    """

    changes: list[Change]
    lost: list[Change]
    idle: list[Change]
    warnings: list[str]
    shut: bool


def propose(seen: Mapping[str, str], wanted: Mapping[str, str], space: Space) -> Proposal:
    """What would come of it. Google's rules: switching host management off resets its four controls, and without it they have
    no effect (Meet REST reference, `ModerationRestrictions`)."""
    result = {**seen, **wanted}
    off = result.get(config.MODERATION) == "OFF"
    differ = config.diff(seen, wanted)
    resting = [change for change in differ if off and change.setting.path in config.RESET_BY_MODERATION_OFF]
    lost = _lost(seen) if off and seen.get(config.MODERATION) != "OFF" else []
    gone = {change.setting.path for change in lost}
    return Proposal(
        changes=[change for change in differ if change not in resting],
        lost=lost,
        idle=[change for change in resting if change.setting.path not in gone],
        warnings=_warnings(result, space),
        shut=result.get(WAYS) == SHUT and seen.get(WAYS) != SHUT,
    )


def _lost(seen: Mapping[str, str]) -> list[Change]:
    """The restrictions in force that would go. What each becomes is a rule of the organisation that no API tells."""
    settings = [config.BY_PATH[path] for path in config.RESET_BY_MODERATION_OFF]
    return [
        Change(setting, seen[setting.path], None)
        for setting in settings
        if seen.get(setting.path) not in {None, setting.choices[0].value}
    ]


# Where nobody hosts, these settings lock people out. The value that does it, and what it means in the end.
_NEEDS_A_HOST = {
    "moderationRestrictions.chatRestriction": ("HOSTS_ONLY", _("Nobody could write in the chat.")),
    "moderationRestrictions.reactionRestriction": ("HOSTS_ONLY", _("Nobody could send reactions.")),
    "moderationRestrictions.presentRestriction": ("HOSTS_ONLY", _("Nobody could share the screen.")),
    "moderationRestrictions.defaultJoinAsViewerType": (
        "ON",
        _("Everybody could only watch and listen, and nobody could give them the word."),
    ),
}


def _warnings(result: Mapping[str, str], space: Space) -> list[str]:
    if space.account.kind != Account.Kind.DELEGATED or space.members.filter(role=COHOST).exists():
        return []  # a human being owns it, or somebody else may host
    found = []
    if result.get(ACCESS) == "RESTRICTED":
        found.append(
            gettext(
                "A room account is never in the call to admit people: nobody could let in those who ask to join, colleagues included, "
                "and after a call is ended nobody may be able to rejoin."
            )
        )
    if result.get(config.MODERATION) == "ON":
        found += [str(words) for path, (value, words) in _NEEDS_A_HOST.items() if result.get(path) == value]
    return found
