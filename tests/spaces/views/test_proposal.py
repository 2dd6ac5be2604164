"""What saving settings would do: changes, what goes with host management, what rests, who would be locked out."""

import pytest

from spaces.models import Account, Member, Space
from spaces.views.proposal import propose
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
    found = propose(seen, wanted, space)
    assert [change.setting.path for change in found.changes] == changes
    assert [change.setting.path for change in found.lost] == lost
    assert [change.setting.path for change in found.idle] == idle


@pytest.mark.parametrize(
    ("result", "words"),
    [
        ({"accessType": "TRUSTED"}, []),
        ({"accessType": "RESTRICTED"}, ["let in those who ask to join"]),
        ({**ON, PRESENT: "HOSTS_ONLY"}, ["share the screen"]),
        ({**OFF, PRESENT: "HOSTS_ONLY"}, []),
        ({**ON, CHAT: "HOSTS_ONLY", VIEWER: "ON"}, ["write in the chat", "only watch and listen"]),
    ],
)
def test_who_would_be_locked_out_of_a_room_that_nobody_hosts(space, result, words):
    found = propose({}, result, space).warnings
    assert len(found) == len(words)
    assert all(part in warning for part, warning in zip(words, found, strict=True))


def test_a_co_host_or_a_human_owner_takes_the_warning_away(space):
    wanted = {"accessType": "RESTRICTED"}
    Member.objects.create(space=space, email="member@example.com")
    assert propose({}, wanted, space).warnings
    Member.objects.create(space=space, email="cohost@example.com", role="COHOST")
    assert not propose({}, wanted, space).warnings
    own = factories.make_account("somebody@example.com", kind=Account.Kind.CONSENTED)
    assert not propose({}, wanted, factories.make_space(account=own)).warnings


@pytest.mark.parametrize(
    ("seen", "wanted", "shut"),
    [
        ("ALL", "CREATOR_APP_ONLY", True),
        ("CREATOR_APP_ONLY", "CREATOR_APP_ONLY", False),
        ("CREATOR_APP_ONLY", "ALL", False),
    ],
)
def test_shut_is_what_was_open(space, seen, wanted, shut):
    assert propose({"entryPointAccess": seen}, {"entryPointAccess": wanted}, space).shut is shut
