"""What a change of settings would do (what changes, what Google resets, what has no effect, who could no longer join), and sending
it to Google."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.utils import timezone

from spaces.google import config, resources
from spaces.google.config import Change
from spaces.google.errors import AccessRefused, GoogleError, NotPermitted, Refused
from spaces.google.meet import MeetClient
from spaces.message import Message
from spaces.models import Account, Space
from spaces.sync.apply.spaces import apply_google_state, apply_refused_settings
from spaces.words import within

_ACCESS, _ENTRY_POINTS, _CREATOR_ONLY = "accessType", "entryPointAccess", "CREATOR_APP_ONLY"
_COHOST = "COHOST"


@dataclass(frozen=True, slots=True)
class SettingsChange:
    """From what the person saw to what they chose.

    `changes` are sent. `reset_by_google`: restrictions that go because host management goes off. `ineffective`: chosen, but without
    effect while host management is off, so they are not sent. `blocks_joining`: nobody could join by the normal link any more.
    """

    space: Space
    changes: list[Change]
    reset_by_google: list[Change]
    ineffective: list[Change]
    warnings: list[Message]
    blocks_joining: bool


def settings_change(*, space: Space, seen: Mapping[str, str], wanted: Mapping[str, str]) -> SettingsChange:
    """Return what saving `wanted` over `seen` would do.

    Switching host management off resets its four controls, and without it they have no effect (Meet REST reference,
    `ModerationRestrictions`).
    """
    result = {**seen, **wanted}
    off = result.get(config.MODERATION) == "OFF"
    differ = config.diff(seen, wanted)
    controls = [change for change in differ if off and change.setting.path in config.RESET_BY_MODERATION_OFF]
    reset = _reset(seen) if off and seen.get(config.MODERATION) != "OFF" else []
    reset_paths = {change.setting.path for change in reset}
    return SettingsChange(
        space=space,
        changes=[change for change in differ if change not in controls],
        reset_by_google=reset,
        ineffective=[change for change in controls if change.setting.path not in reset_paths],
        warnings=_warnings(result, space),
        blocks_joining=blocks_joining(wanted=result, seen=seen),
    )


def blocks_joining(*, wanted: Mapping[str, str], seen: Mapping[str, str]) -> bool:
    """Return whether nobody could join by the normal link any more."""
    return wanted.get(_ENTRY_POINTS) == _CREATOR_ONLY and seen.get(_ENTRY_POINTS) != _CREATOR_ONLY


def _reset(seen: Mapping[str, str]) -> list[Change]:
    """Return the restrictions in force that would go. What each becomes is a rule of the organisation that no API tells."""
    settings = [config.BY_PATH[path] for path in config.RESET_BY_MODERATION_OFF]
    return [
        Change(setting, seen[setting.path], None)
        for setting in settings
        if seen.get(setting.path) not in {None, setting.choices[0].value}
    ]


_NEEDS_A_HOST = {
    "moderationRestrictions.chatRestriction": ("HOSTS_ONLY", Message("settings.nobody_chats")),
    "moderationRestrictions.reactionRestriction": ("HOSTS_ONLY", Message("settings.nobody_reacts")),
    "moderationRestrictions.presentRestriction": ("HOSTS_ONLY", Message("settings.nobody_presents")),
    "moderationRestrictions.defaultJoinAsViewerType": ("ON", Message("settings.nobody_speaks")),
}
"""Settings that lock people out where nobody hosts: the value that does it, and what it means."""


def _warnings(result: Mapping[str, str], space: Space) -> list[Message]:
    if space.account.kind != Account.Kind.DELEGATED or space.members.filter(role=_COHOST).exists():
        return []  # a human being owns it, or somebody else may host
    found = []
    if result.get(_ACCESS) == "RESTRICTED":
        found.append(Message("settings.nobody_admits"))
    if result.get(config.MODERATION) == "ON":
        found += [message for path, (value, message) in _NEEDS_A_HOST.items() if result.get(path) == value]
    return found


# Sending

Reason = str | Message
"""Why Google did not accept a setting."""


def why_kept(space: Space, path: str) -> Reason:
    """Return why Google answered with another value than it was sent, without calling that an error."""
    if path in config.RESET_BY_MODERATION_OFF and space.settings.get(config.MODERATION) == "OFF":
        return Message("setting.no_effect")
    return Message("setting.organisation_rule")


def named(refused: Mapping[str, Reason]) -> tuple[Message, ...]:
    """Return the settings that were not accepted, each with the reason."""
    return tuple(
        Message("setting.refused", {"name": config.BY_PATH[path].label, "why": _within(why)})
        for path, why in refused.items()
    )


def _within(why: Reason) -> Reason:
    return why if isinstance(why, Message) else within(why)


_REFUSALS = (Refused, NotPermitted, AccessRefused)
"""What may be about single settings only, so that others are taken: a licence or a rule of the organisation comes in any of them."""


def patch(client: MeetClient, space: Space, send: Mapping[str, str]) -> dict[str, Reason]:
    """Send the settings; when Google refuses them together, one by one, to learn which. Returns what was not accepted, path to
    reason. Raises the refusal itself when nothing at all was accepted."""
    refused: dict[str, Reason] = {}
    reply: resources.Space | None = None
    saved: set[str] = set()
    try:
        reply = client.patch_space(space.name, send)
        answered_at = timezone.now()
    except _REFUSALS as error:
        if len(send) == 1:
            apply_refused_settings(space, send, dict.fromkeys(send, error.sentence))
            raise
        for path, value in send.items():
            try:
                reply = client.patch_space(space.name, {path: value})
                answered_at = timezone.now()
            except _REFUSALS as one:
                refused[path] = one.sentence
            except GoogleError as one:
                if reply is None:
                    raise
                # Some of it is saved: say which is not, rather than that nothing was.
                refused |= {rest: one.sentence for rest in send if rest not in saved and rest not in refused}
                break
            else:
                saved.add(path)
        if reply is None:
            apply_refused_settings(space, send, refused)
            raise error from None
    apply_google_state(space, reply, seen_at=answered_at)
    holds = reply.settings or {}
    for path, value in send.items():
        if path not in refused and holds.get(path) != value:
            refused[path] = why_kept(space, path)
    return refused
