"""``/_control/``: the world as JSON, spaces, time and tokens. JSON in, JSON out, loopback only."""

import functools
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from simulator.accounts import base_url
from simulator.config import config_as_json
from simulator.control_calls import CallControl, conference_as_json, space_named
from simulator.control_faults import FaultControl
from simulator.control_people import PeopleControl
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
from simulator.machine import Machine
from simulator.orders import Orders
from simulator.reading import JSON, ControlError, a_flag, a_number, a_text, guarded, read_body
from simulator.world import (
    CODE,
    DEFAULT_CONFIG,
    OUR_PROJECT,
    Room,
    Space,
    World,
)

# -- the world as JSON -----------------------------------------------------------------------------------------------


@functools.cache
def _shared_config() -> JSON:
    """The settings that most spaces of a big world have in common; only to be read."""
    return config_as_json(DEFAULT_CONFIG, numbers=False)


def space_as_json(space: Space) -> JSON:
    """A space with its owner and the project that made it."""
    config = (
        _shared_config() if space.config is DEFAULT_CONFIG else config_as_json(space.config, numbers=False)
    )
    return {
        "name": space.name,
        "meetingCode": space.code,
        "meetingUri": f"https://meet.google.com/{space.code}" if space.code else "",
        "owner": space.owner,
        "project": space.project,
        "config": config,
        "activeConference": space.active.name if space.active else None,
    }


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


def world_as_json(world: World) -> JSON:
    """The whole world: running calls, and those that ended within the last day."""
    now = world.now()
    return {
        "seed": world.seed,
        "scene": world.scene,
        "now": world.shown(now),
        "people": [each.as_json() for each in world.people.values()],
        "accounts": [each.as_json() for each in world.mailboxes.values()],
        "buildings": [each.as_json() for each in world.buildings],
        "rooms": [room_as_json(world, each) for each in world.rooms],
        "spaces": [space_as_json(each) for each in world.spaces.values()],
        "conferences": [
            conference_as_json(world, each)
            for each in world.conferences.values()
            if each.end is None or each.end > now - 86400
        ],
    }


class Control:
    """The handlers of ``/_control/``."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine

    @property
    def world(self) -> World:
        """The world as it is; a reset replaces it."""
        return self.machine.world

    def routes(self) -> list[web.RouteDef]:
        """Every address of the control."""
        table: list[tuple[str, str, Callable[[web.Request], Awaitable[Any]]]] = [
            ("GET", "world", self.get_world),
            ("POST", "spaces", self.make_space),
            ("POST", "codes", self.move_code),
            ("POST", "clock", self.clock),
            ("POST", "life", self.life),
            ("POST", "token", self.token),
            ("POST", "revoke", self.revoke),
            ("POST", "delegation", self.delegation),
            ("POST", "reset", self.reset),
            ("GET", "oauth-client", self.oauth_client),
            ("GET", "service-account", self.service_account),
        ]
        own = [web.route(verb, f"/_control/{path}", guarded(handler)) for verb, path, handler in table]
        parts = (
            CallControl(self.machine),
            Orders(self.machine),
            FaultControl(self.machine),
            PeopleControl(self.machine),
        )
        return own + [route for part in parts for route in part.routes()]

    async def get_world(self, request: web.Request) -> JSON:
        """GET world."""
        del request
        return world_as_json(self.world)

    # -- spaces ------------------------------------------------------------------------------------------------

    async def make_space(self, request: web.Request) -> JSON:
        """POST spaces: a space that appears without our app, for instance made in Google's own pages.

        A ``fleeting`` one has a code that dies with its first call, as those started on room hardware do.
        """
        body = await read_body(request, allowed={"owner", "project", "fleeting"})
        owner = self.world.user(a_text(body, "owner"))
        if owner is None:
            raise ControlError("The owner must be a person or mailbox of the world.")
        project = a_text(body, "project", "meet")
        fleeting = a_flag(body, "fleeting", default=False)
        made = self.world.add_space(
            owner=owner.email, project=project, config=DEFAULT_CONFIG, fleeting=fleeting
        )
        return space_as_json(made)

    async def move_code(self, request: web.Request) -> JSON:
        """POST codes: a space gets another code; who had it before gets a fresh one. Null: its code dies."""
        body = await read_body(request, allowed={"space", "meeting_code"})
        space = space_named(self.world, a_text(body, "space"))
        if "meeting_code" in body and body["meeting_code"] is None:
            self.world.drop_code(space)
            return space_as_json(space)
        code = a_text(body, "meeting_code").lower()
        if not CODE.fullmatch(code):
            raise ControlError("meeting_code must look like abc-defg-hij.")
        self.world.move_code(code, space)
        return space_as_json(space)

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
        return dict(self.machine.accounts.service_account(base_url(request)))
