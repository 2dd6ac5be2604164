"""Who gets into a call by the link, as Google decides it: access type, invitations, and what an ending leaves behind.

Meet help, "Manage access" and "End meeting for all"; the REST guide on access types. What endActiveConference does to rejoining is
not documented; the switch ``rejoin_after_end`` tells which reading is in force.
"""

from simulator.entities import Participant, Space
from simulator.world import World

QUICK_ACCESS = ("OPEN", "TRUSTED")
APP_ONLY, KNOCK, HOST_FIRST, NOBODY_YET = (
    "creator-app-only",
    "must-knock",
    "host-must-return",
    "nobody-may-return-yet",
)


def is_locked(world: World, space: Space) -> bool:
    """Whether people must wait for a host since a call was ended for all."""
    mode = world.behaviour.rejoin_after_end
    if not space.ended_for_all or mode in ("anyone", "nobody"):
        return False
    return mode == "host_first" or space.config["accessType"] not in QUICK_ACCESS


def is_shut(world: World, space: Space) -> bool:
    """Whether only a host, or nobody at all, gets in since a call was ended for all."""
    return space.closed_until > world.now() or is_locked(world, space)


def why_not(world: World, space: Space, who: Participant) -> str:
    """Why somebody does not get in at once; empty if they do."""
    if space.closed_until > world.now():
        return NOBODY_YET
    if world.is_host(space, who.email):
        return ""
    if is_locked(world, space):
        return HOST_FIRST
    if space.config["entryPointAccess"] == "CREATOR_APP_ONLY":
        return APP_ONLY
    access = space.config["accessType"]
    if access == "OPEN" or _is_member(world, space, who):
        return ""
    return "" if access == "TRUSTED" and _is_trusted(world, space, who) else KNOCK


def _is_member(world: World, space: Space, who: Participant) -> bool:
    return who.email is not None and any(
        world.is_user(member["email"], who.email) for member in space.members.values()
    )


def _is_trusted(world: World, space: Space, who: Participant) -> bool:
    """TRUSTED: the host's organisation, its devices, and who dials in."""
    if who.kind == "phone":
        return True
    if who.kind == "device":
        return who.user is not None
    person = world.user(who.email) if who.email else None
    owner = world.user(space.owner)
    return person is not None and owner is not None and person.hd is not None and person.hd == owner.hd
