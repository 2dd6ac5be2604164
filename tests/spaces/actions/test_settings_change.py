"""What saving settings would do: changes, what goes with host management, what rests, who would be locked out."""

import pytest

from spaces.actions.settings_change import settings_change
from spaces.models import Account, Member, Space
from tests import factories

CHAT = "moderationRestrictions.chatRestriction"
PRESENT = "moderationRestrictions.presentRestriction"
VIEWER = "moderationRestrictions.defaultJoinAsViewerType"
ON, OFF = {"moderation": "ON"}, {"moderation": "OFF"}


@pytest.fixture
def space(db: None) -> Space:
    """A space of a room mailbox, without co-hosts."""
    return factories.make_space()


@pytest.mark.parametrize(
    ("seen", "wanted", "changes", "lost", "idle"),
    [
        ({"accessType": "TRUSTED"}, {"accessType": "OPEN"}, ["accessType"], [], []),
        ({"accessType": "OPEN"}, {"accessType": "OPEN"}, [], [], []),
        # Off: restrictions in force go, those that are free already are not worth a line.
        ({**ON, CHAT: "HOSTS_ONLY", PRESENT: "NO_RESTRICTION"}, OFF, ["moderation"], [CHAT], []),
        ({**ON, CHAT: "HOSTS_ONLY"}, {**OFF, CHAT: "HOSTS_ONLY"}, ["moderation"], [CHAT], []),
        ({**ON, VIEWER: "ON"}, {**OFF, VIEWER: "OFF"}, ["moderation"], [VIEWER], []),
        # Chosen in vain, and said so.
        ({**ON, CHAT: "NO_RESTRICTION"}, {**OFF, CHAT: "HOSTS_ONLY"}, ["moderation"], [], [CHAT]),
        ({**OFF, CHAT: "NO_RESTRICTION"}, {**OFF, CHAT: "HOSTS_ONLY"}, [], [], [CHAT]),
        ({**OFF, CHAT: "NO_RESTRICTION"}, {CHAT: "HOSTS_ONLY"}, [], [], [CHAT]),
        # On again: all is sent.
        ({**OFF, CHAT: "NO_RESTRICTION"}, {**ON, CHAT: "HOSTS_ONLY"}, ["moderation", CHAT], [], []),
    ],
)
def test_what_would_come_of_it(space, seen, wanted, changes, lost, idle):
    found = settings_change(space=space, seen=seen, wanted=wanted)
    assert [change.setting.path for change in found.changes] == changes
    assert [change.setting.path for change in found.reset_by_google] == lost
    assert [change.setting.path for change in found.ineffective] == idle


@pytest.mark.parametrize(
    ("result", "codes"),
    [
        ({"accessType": "TRUSTED"}, []),
        ({"accessType": "RESTRICTED"}, ["settings.nobody_admits"]),
        ({**ON, PRESENT: "HOSTS_ONLY"}, ["settings.nobody_presents"]),
        ({**OFF, PRESENT: "HOSTS_ONLY"}, []),
        ({**ON, CHAT: "HOSTS_ONLY", VIEWER: "ON"}, ["settings.nobody_chats", "settings.nobody_speaks"]),
    ],
)
def test_who_would_be_locked_out_of_a_room_that_nobody_hosts(space, result, codes):
    found = settings_change(space=space, seen={}, wanted=result).warnings
    assert [warning.code for warning in found] == codes


def test_a_co_host_or_a_human_owner_takes_the_warning_away(space):
    wanted = {"accessType": "RESTRICTED"}
    Member.objects.create(space=space, email="member@example.com")
    assert settings_change(space=space, seen={}, wanted=wanted).warnings
    Member.objects.create(space=space, email="cohost@example.com", role="COHOST")
    assert not settings_change(space=space, seen={}, wanted=wanted).warnings
    own = factories.make_account("somebody@example.com", kind=Account.Kind.CONSENTED)
    assert not settings_change(space=factories.make_space(account=own), seen={}, wanted=wanted).warnings


@pytest.mark.parametrize(
    ("seen", "wanted", "blocked"),
    [
        ("ALL", "CREATOR_APP_ONLY", True),
        ("CREATOR_APP_ONLY", "CREATOR_APP_ONLY", False),
        ("CREATOR_APP_ONLY", "ALL", False),
    ],
)
def test_joining_is_blocked_only_where_it_was_possible(space, seen, wanted, blocked):
    assert (
        settings_change(
            space=space, seen={"entryPointAccess": seen}, wanted={"entryPointAccess": wanted}
        ).blocks_joining
        is blocked
    )
