"""Reading a space as its owner, and what the answers are worth.

One rule: nothing is demoted, deleted or declared over on one bad answer. An answer that contradicts what is known is asked for again at
once; if it comes again it opens a doubt (`Space.doubted_since`), and only the same answer some time later is believed.
"""

import logging

from django.utils import timezone

from spaces import meet
from spaces.google import credentials, resources
from spaces.google.errors import GoogleError
from spaces.google.meet import MeetClient
from spaces.meet import Lane
from spaces.models import Account, Space
from spaces.sync.apply.spaces import (
    apply_conference,
    apply_google_state,
    apply_members,
    apply_origin,
    mark_unavailable,
)
from spaces.sync.clients import HIDDEN, acting_as
from spaces.sync.participants import read_participants, read_recordings

logger = logging.getLogger(__name__)


def read_space(client: MeetClient, space: Space) -> resources.Space:
    """Read the space and store the answer. One that contradicts what we know (hidden, or shown as to a stranger) is asked for again at
    once; if it comes again, it opens a doubt, which only time confirms (`mark_unavailable`). Raises the GoogleError."""
    asked_at = timezone.now()
    try:
        seen = client.get_space(space.name)
    except HIDDEN as refusal:
        logger.info("%s is hidden, asking again: %s", space.name, refusal.detail)
    else:
        if seen.asked_by_owner or not space.owned:
            apply_google_state(space, seen, seen_at=asked_at)
            return seen
    asked_at = timezone.now()
    try:
        seen = client.get_space(space.name)
    except HIDDEN as refusal:
        mark_unavailable(space, refusal, seen_at=asked_at)
        raise
    apply_google_state(space, seen, seen_at=asked_at)
    return seen


def shown_as_ours(account: Account, name: str, *, lane: Lane) -> bool | None:
    """Whether Google shows the space `name` to the permission for what our own Cloud project made, and to that alone (Meet REST guide,
    "Authenticate and authorize": `meetings.space.created`). None: no clear answer. Says nothing about the account."""
    try:
        with meet.client(account, lane=lane, scopes=(credentials.CREATED,)) as client:
            client.get_space(name)
    except HIDDEN:
        return False
    except GoogleError as error:
        logger.info("probing %s as %s: %s: %s", name, account.email, error.code, error.detail)
        return None
    return True


def find_origin(account: Account, name: str, *, lane: Lane) -> Space.Origin:
    """Which Cloud project made a space that the account owns. Foreign is said only when the permission for our own spaces is refused
    twice while the owner's other permissions show the space in between; a passing refusal leaves the origin untested."""
    ours = shown_as_ours(account, name, lane=lane)
    if ours is False:
        try:
            with meet.client(account, lane=lane) as client:
                if not client.get_space(name).asked_by_owner:
                    return Space.Origin.UNTESTED
        except GoogleError:
            return Space.Origin.UNTESTED
        ours = shown_as_ours(account, name, lane=lane)
    if ours is None:
        return Space.Origin.UNTESTED
    return Space.Origin.OURS if ours else Space.Origin.FOREIGN


def sync_space(space: Space, *, lane: Lane) -> None:
    """Read one space and its running call with start, participants and recordings; test the origin unless it is known to be ours.

    Raises a GoogleError, after storing what it means. Parts that Google hides are left as they are.
    """
    with acting_as(space.account, kind="link", lane=lane) as client:
        seen = read_space(client, space)
        if seen.active_record:
            _read_call(client, space, seen.active_record)
        if seen.asked_by_owner:
            _read_members(client, space)
    if seen.asked_by_owner and space.origin != Space.Origin.OURS:
        _test_origin(space, lane=lane)


def _read_members(client: MeetClient, space: Space) -> None:
    """Store who may join without asking. A refusal deletes nobody, except where the space is known to be made elsewhere: Google keeps the
    members of such spaces to itself (docs: Meet REST guide, "Manage meeting space members")."""
    try:
        members = client.members(space.name)
    except HIDDEN as refusal:
        logger.info("members of %s are hidden: %s", space.name, refusal.detail)
        if space.origin == Space.Origin.FOREIGN:
            apply_members(space, [])
    else:
        apply_members(space, members)


def _read_call(client: MeetClient, space: Space, record: str) -> None:
    asked_at = timezone.now()
    try:
        call = client.conference(record)
        if call.ended_at is None:
            apply_conference(space, call.name, seen_at=asked_at, started_at=call.started_at)
        space.refresh_from_db()
        if space.conference:
            read_participants(client, space.conference)
            read_recordings(client, space.conference)
    except HIDDEN as refusal:
        logger.info("%s is hidden: %s", record, refusal.detail)


def _test_origin(space: Space, *, lane: Lane) -> None:
    """Find out whether the space is ours after all. A space that counts as foreign needs one answer to become ours."""
    if space.origin == Space.Origin.FOREIGN:
        ours = shown_as_ours(space.account, space.name, lane=lane)
        origin = Space.Origin.OURS if ours else Space.Origin.FOREIGN
    else:
        origin = find_origin(space.account, space.name, lane=lane)
    apply_origin(space, origin)
