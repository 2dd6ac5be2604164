"""``/_control/``: the world as JSON, time, tokens and reset."""

from collections.abc import Callable, Iterable
from typing import Any

from aiohttp import web

from simulator.accounts.requests import base_url
from simulator.control.calls import conference_as_json
from simulator.control.part import Address, ControlPart
from simulator.control.spaces import space_as_json
from simulator.entities import Room
from simulator.identity import (
    CLIENT_ID,
    CLIENT_SECRET,
    DELEGATED,
    KNOWN_SCOPES,
    MEET_SCOPES,
    REDIRECT_PATHS,
    SERVICE_ACCOUNT,
    full_scope,
)
from simulator.reading import JSON, ControlError, a_flag, a_number, a_text, read_body
from simulator.world import OUR_PROJECT, World

# -- the world as JSON -----------------------------------------------------------------------------------------------


def room_as_json(world: World, room: Room) -> JSON:
    """A room, its people, its device and its space."""
    return {
        "name": room.name,
        "building": room.building,
        "floor": room.floor,
        "capacity": room.capacity,
        "device": {"name": room.device_name, "id": room.device_id},
        "owner_email": room.owner_email,
        "deputy_emails": list(room.deputy_emails),
        "account": room.account,
        "space": f"spaces/{room.space}",
        "meeting_code": world.spaces[room.space].code,
    }


WORLD_PARTS: dict[str, Callable[[World], Any]] = {
    "seed": lambda world: world.seed,
    "scene": lambda world: world.scene,
    "now": lambda world: world.shown(world.now()),
    "people": lambda world: [each.as_json() for each in world.people.values()],
    "accounts": lambda world: [each.as_json() for each in world.mailboxes.values()],
    "buildings": lambda world: [each.as_json() for each in world.buildings],
    "rooms": lambda world: [room_as_json(world, each) for each in world.rooms],
    "spaces": lambda world: [space_as_json(each) for each in world.spaces.values()],
    "conferences": lambda world: [
        conference_as_json(world, each)
        for each in world.conferences.values()
        if each.end is None or each.end > world.now() - 86400
    ],
}
"""What ``GET world`` tells; conferences are the running ones, and those that ended within the last day."""


def world_as_json(world: World, only: Iterable[str] = ()) -> JSON:
    """The world, or the named parts of it."""
    return {each: WORLD_PARTS[each](world) for each in only or WORLD_PARTS}


class WorldControl(ControlPart):
    """The handlers of the world, the clock and tokens."""

    def addresses(self) -> list[Address]:
        """Every address of this part of the control."""
        return [
            ("GET", "world", self.get_world),
            ("POST", "clock", self.clock),
            ("POST", "life", self.life),
            ("POST", "token", self.token),
            ("POST", "revoke", self.revoke),
            ("POST", "delegation", self.delegation),
            ("POST", "reset", self.reset),
            ("GET", "oauth-client", self.oauth_client),
            ("GET", "service-account", self.service_account),
        ]

    async def get_world(self, request: web.Request) -> JSON:
        """GET world: everything, or the parts named by ``?only=accounts,buildings``."""
        only = [each for each in request.query.get("only", "").split(",") if each]
        unknown = sorted(set(only) - set(WORLD_PARTS))
        if unknown:
            raise ControlError(f"There is no part {', '.join(unknown)}; parts are {', '.join(WORLD_PARTS)}.")
        return world_as_json(self.world, only)

    # -- time and habits ---------------------------------------------------------------------------------------

    async def clock(self, request: web.Request) -> JSON:
        """POST clock: live on for a while; everything so far becomes that much older."""
        body = await read_body(request, allowed={"advance_seconds"})
        if "advance_seconds" not in body:
            raise ControlError("advance_seconds is missing.")
        self.world.offset += a_number(body, "advance_seconds", 0)
        self.world.version += 1
        self.machine.catch_up()
        return {"now": self.world.shown(self.world.now()), "advanced_seconds": self.world.offset}

    async def life(self, request: web.Request) -> JSON:
        """POST life: stop or go on with the movement."""
        body = await read_body(request, allowed={"running"})
        if a_flag(body, "running", default=True):
            self.machine.life.thaw()
        else:
            self.machine.life.freeze()
        return {"running": self.machine.life.running}

    # -- tokens ------------------------------------------------------------------------------------------------

    async def token(self, request: web.Request) -> JSON:
        """POST token: an access token without the trouble of signing in; without an e-mail, of nobody."""
        body = await read_body(request, allowed={"email", "scopes", "project"})
        scopes = body.get("scopes", list(MEET_SCOPES))
        if isinstance(scopes, str):
            scopes = scopes.split()
        if not isinstance(scopes, list) or any(full_scope(str(each)) not in KNOWN_SCOPES for each in scopes):
            raise ControlError(
                "scopes must be a list of scopes; created, readonly and settings are short for Meet's."
            )
        email = None
        if body.get("email") is not None:
            person = self.world.user(a_text(body, "email"))
            if person is None:
                raise ControlError("There is no such person or mailbox.")
            email = person.email
        text = self.machine.identity.issue(
            email,
            frozenset(full_scope(str(each)) for each in scopes),
            now=self.world.now(),
            project=a_text(body, "project", OUR_PROJECT),
            client=CLIENT_ID if email else SERVICE_ACCOUNT,
        )
        return {"access_token": text}

    async def revoke(self, request: web.Request) -> JSON:
        """POST revoke: a person takes back the consent, as in Google's account pages."""
        body = await read_body(request, allowed={"email"})
        self.machine.identity.revoke_person(a_text(body, "email").lower())
        return {}

    async def delegation(self, request: web.Request) -> JSON:
        """POST delegation: which scopes the service account may use for users; no list = as at the start."""
        body = await read_body(request, allowed={"scopes"})
        scopes = body.get("scopes")
        if scopes is not None and not isinstance(scopes, list):
            raise ControlError("scopes must be a list.")
        chosen = DELEGATED if scopes is None else frozenset(full_scope(str(each)) for each in scopes)
        self.machine.identity.delegated = chosen
        return {"scopes": sorted(chosen)}

    async def reset(self, request: web.Request) -> JSON:
        """POST reset: the world of the seed again; only the keys stay."""
        del request
        self.machine.reset()
        return {"seed": self.world.seed, "scene": self.world.scene, "rooms": len(self.world.rooms)}

    async def oauth_client(self, request: web.Request) -> JSON:
        """GET oauth-client."""
        del request
        return {
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "redirect_paths": list(REDIRECT_PATHS),
        }

    async def service_account(self, request: web.Request) -> JSON:
        """GET service-account: a key file."""
        return dict(self.machine.accounts.information.service_account(base_url(request)))
