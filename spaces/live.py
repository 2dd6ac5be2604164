"""Telling open pages that something they may show has changed: names only, never what it is.

Whoever changes a room's visible state says so here, inside the same transaction. After the commit one message goes to a
channel in Redis, to which every web process listens (spaces/stream.py), and the version grows by which a page that asks
again learns that nothing has changed. Pages fetch what has changed through their ordinary, authorised views, so a message
that is lost, doubled or late does no harm: a page looks by itself every minute. For `seen_at` alone nothing is said.
"""

import json
import logging
from collections.abc import Collection

from django.apps import apps
from django.db import DatabaseError, connection, transaction
from django.db.models import Q
from django.utils.crypto import salted_hmac
from redis.exceptions import RedisError

from spaces import broker

logger = logging.getLogger(__name__)

MOST_NAMED = 500
"""Rooms that one message names; when more have changed at once it says "all"."""

# The version is the time in milliseconds, or one more than the last one: it grows even when Redis has lost its memory.
_PUBLISH = """
local now = redis.call('TIME')
local version = math.max(tonumber(redis.call('GET', KEYS[1]) or '0') + 1, now[1] * 1000 + math.floor(now[2] / 1000))
version = string.format('%.0f', version)
redis.call('SET', KEYS[1], version)
redis.call('PUBLISH', KEYS[2], version .. ' ' .. ARGV[1])
return version
"""


def address() -> tuple[str, str]:
    """The key of the version and the name of the channel. A channel belongs to all databases of a Redis, so it names ours."""
    database = broker.link().connection_pool.connection_kwargs.get("db") or 0
    return "meetadmin:live:version", f"meetadmin:live:{database}"


def version() -> int | None:
    """The version of everything that pages show of rooms: as long as it is the same, nobody has told of a change. None while
    Redis is away."""
    try:
        return int(broker.link().get(address()[0]) or 0)
    except (RedisError, OSError):
        return None


class _Outbox:
    """What one transaction has to tell; called after its commit."""

    missed = False  # of this process: something could not be told, so the next message says "all"

    def __init__(self) -> None:
        self.moved: set[int] = set()  # rooms
        self.changed: set[int] = set()
        self.moved_spaces: set[int] = set()
        self.changed_spaces: set[int] = set()
        self.accounts: set[int] = set()
        self.people: set[int] = set()
        self.sessions: set[str] = set()
        self.all = False

    def __call__(self) -> None:
        try:
            message = self.message()
            if message:
                broker.link().eval(_PUBLISH, 2, *address(), json.dumps(message, separators=(",", ":")))
                _Outbox.missed = False
        except (RedisError, OSError, DatabaseError) as error:
            # Nobody's work fails because pages cannot be told; they look by themselves.
            _Outbox.missed = True
            logger.info("open pages could not be told of a change: %s", type(error).__name__)

    def message(self) -> dict[str, object]:
        """What is sent: ids, and only such lists as are not empty."""
        moved, changed = set(self.moved), set(self.changed)
        if self.moved_spaces or self.changed_spaces or self.accounts:
            rooms = apps.get_model("spaces", "Room")._default_manager  # a layer above this one
            those = Q(space__in=self.moved_spaces | self.changed_spaces) | Q(space__account__in=self.accounts)
            for room, space in rooms.filter(those).values_list("pk", "space"):
                (changed if space in self.changed_spaces - self.moved_spaces else moved).add(room)
        everything = self.all or _Outbox.missed or len(moved | changed) > MOST_NAMED
        told = {
            "all": everything,
            "moved": [] if everything else sorted(moved),
            "changed": [] if everything else sorted(changed - moved),
            "people": sorted(self.people),
            "sessions": sorted(self.sessions),
        }
        return {name: value for name, value in told.items() if value}


def _outbox() -> _Outbox:
    """The one of this transaction. What is said inside a savepoint that is rolled back is not said, so each savepoint has its
    own: only callbacks that share the fate of this very place in the transaction are taken."""
    here = set(connection.savepoint_ids)
    for sids, callback, *_ in connection.run_on_commit:
        if isinstance(callback, _Outbox) and sids == here:
            return callback
    return _Outbox()


def _tell(outbox: _Outbox) -> None:
    if all(callback is not outbox for _, callback, *_ in connection.run_on_commit):
        transaction.on_commit(outbox, robust=True)


def rooms_changed(rooms: Collection[int], *, moved: bool = True) -> None:
    """These rooms (ids) look different now. `moved`: perhaps in another place or another list, too."""
    outbox = _outbox()
    (outbox.moved if moved else outbox.changed).update(rooms)
    _tell(outbox)


def spaces_changed(spaces: Collection[int], *, moved: bool = False) -> None:
    """The rooms of these spaces (ids) look different now. `moved`: a call began or ended, or trouble did, so that they may
    belong in another place of a list, too; otherwise only what their rows say has changed."""
    outbox = _outbox()
    (outbox.moved_spaces if moved else outbox.changed_spaces).update(spaces)
    _tell(outbox)


def account_changed(account: int) -> None:
    """All rooms of this account look different now: it broke, or it works again."""
    outbox = _outbox()
    outbox.accounts.add(account)
    _tell(outbox)


def everything_changed() -> None:
    """Any room may look different now."""
    outbox = _outbox()
    outbox.all = True
    _tell(outbox)


def rights_changed(people: Collection[int]) -> None:
    """These people (ids) may see other things than before: their open streams end, and begin again with their new rights."""
    outbox = _outbox()
    outbox.people.update(people)
    _tell(outbox)


def session_over(key: str) -> None:
    """This session is over: its open streams end."""
    outbox = _outbox()
    outbox.sessions.add(session_name(key))
    _tell(outbox)


def session_name(key: str) -> str:
    """What a session is called in messages. Its key would let anybody in who reads along."""
    return salted_hmac("meetadmin.live", key, algorithm="sha256").hexdigest()[:32]
