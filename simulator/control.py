"""``/_control/``: what tests and demos may do to the world. JSON in, JSON out, loopback only."""

import ipaddress
import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from simulator.accounts import base_url
from simulator.config import config_as_json
from simulator.faults import KINDS, Fault
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
from simulator.world import (
    CODE,
    DEFAULT_CONFIG,
    OUR_PROJECT,
    Conference,
    Participant,
    Room,
    Space,
    World,
    number_of,
)

JSON = dict[str, Any]
MAX_ADVANCE = 60 * 86400.0


class ControlError(Exception):
    """Bad input to the control: a status and a sentence."""

    def __init__(self, sentence: str, status: int = 400) -> None:
        self.sentence = sentence
        self.status = status
        super().__init__(sentence)


# -- the world as JSON -----------------------------------------------------------------------------------------------


def participant_as_json(world: World, call: Conference, each: Participant) -> JSON:
    """A participant with what Google would not tell (the e-mail)."""
    return {
        "name": f"{call.name}/participants/{each.id}",
        "kind": each.kind,
        "email": each.email,
        "user": each.user,
        "displayName": each.display_name,
        "joinedAt": world.shown(each.joined),
        "leftAt": None if each.left is None else world.shown(each.left),
    }


def conference_as_json(world: World, call: Conference) -> JSON:
    """A call, running or ended."""
    return {
        "name": call.name,
        "id": call.id,
        "space": f"spaces/{call.space}",
        "startTime": world.shown(call.start),
        "endTime": None if call.end is None else world.shown(call.end),
        "participants": [participant_as_json(world, call, each) for each in call.participants],
    }


def space_as_json(space: Space) -> JSON:
    """A space with its owner and the project that made it."""
    return {
        "name": space.name,
        "meetingCode": space.code,
        "meetingUri": f"https://meet.google.com/{space.code}",
        "owner": space.owner,
        "project": space.project,
        "config": config_as_json(space.config, numbers=False),
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


# -- reading what comes in -------------------------------------------------------------------------------------------


async def _body(request: web.Request, *, allowed: set[str]) -> JSON:
    raw = await request.text()
    if not raw.strip():
        return {}
    try:
        body = json.loads(raw)
    except ValueError:
        raise ControlError("The body is not JSON.") from None
    if not isinstance(body, dict):
        raise ControlError("The body must be a JSON object.")
    unknown = sorted(set(body) - allowed)
    if unknown:
        raise ControlError(f"Unknown field: {', '.join(unknown)}. Known here: {', '.join(sorted(allowed))}.")
    return body


def _number(body: JSON, name: str, default: float, *, least: float = 0, most: float = MAX_ADVANCE) -> float:
    value = body.get(name, default)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise ControlError(f"{name} must be a number from {least:g} to {most:g}.")
    return float(value)


def _flag(body: JSON, name: str, *, default: bool) -> bool:
    value = body.get(name, default)
    if not isinstance(value, bool):
        raise ControlError(f"{name} must be true or false.")
    return value


def _text(body: JSON, name: str, default: str | None = None) -> str:
    value = body.get(name, default)
    if not isinstance(value, str) or not value.strip():
        raise ControlError(f"{name} must be a text.")
    return value.strip()


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
            ("POST", "conferences", self.start),
            ("POST", "conferences/{id}/join", self.join),
            ("POST", "conferences/{id}/leave", self.leave),
            ("POST", "conferences/{id}/end", self.end),
            ("POST", "spaces", self.make_space),
            ("POST", "codes", self.move_code),
            ("POST", "clock", self.clock),
            ("POST", "life", self.life),
            ("POST", "behaviour", self.behaviour),
            ("GET", "faults", self.list_faults),
            ("POST", "faults", self.add_fault),
            ("DELETE", "faults", self.clear_faults),
            ("GET", "requests", self.requests),
            ("DELETE", "requests", self.clear_requests),
            ("POST", "token", self.token),
            ("POST", "revoke", self.revoke),
            ("POST", "delegation", self.delegation),
            ("POST", "reset", self.reset),
            ("GET", "oauth-client", self.oauth_client),
            ("GET", "service-account", self.service_account),
        ]
        return [web.route(verb, f"/_control/{path}", self._guarded(handler)) for verb, path, handler in table]

    def _guarded(
        self, handler: Callable[[web.Request], Awaitable[Any]]
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def guarded(request: web.Request) -> web.StreamResponse:
            try:
                if not is_loopback(request.remote):
                    raise ControlError("The control answers to this machine only.", 403)
                return web.json_response(await handler(request))
            except ControlError as refusal:
                return web.json_response({"error": refusal.sentence}, status=refusal.status)

        return guarded

    # -- calls -------------------------------------------------------------------------------------------------

    async def get_world(self, request: web.Request) -> JSON:
        """GET world."""
        del request
        return world_as_json(self.world)

    def _space(self, handle: str) -> Space:
        space = self.world.find_space(handle.removeprefix("spaces/"))
        if space is None:
            raise ControlError(f"There is no space {handle}.", 404)
        return space

    def _call(self, request: web.Request) -> Conference:
        call = self.world.conferences.get(request.match_info["id"])
        if call is None:
            raise ControlError("There is no such conference.", 404)
        if call.end is not None:
            raise ControlError("This conference has ended.", 409)
        return call

    def _let_in(self, call: Conference, body: object, at: float) -> Participant:
        if not isinstance(body, dict) or len(body) != 1:
            raise ControlError('A participant is one of {"email"}, {"device"}, {"phone"} or {"guest"}.')
        kind, value = next(iter(body.items()))
        if (
            kind not in ("email", "device", "phone", "guest")
            or not isinstance(value, str)
            or not value.strip()
        ):
            raise ControlError('A participant is one of {"email"}, {"device"}, {"phone"} or {"guest"}.')
        world = self.world
        if kind == "email":
            person = world.user(value)
            if person is not None:
                return world.join_person(call, person, at=at)
            user = "users/" + number_of("person", value.lower(), digits=21, lead="1")
            return world.join(call, kind="person", name=value, email=value.lower(), user=user, at=at)
        if kind == "device":
            for room in world.rooms:
                if value in (room.name, room.device_name, room.device_id):
                    return world.join_device(call, room, at=at)
            user = "users/" + number_of("device", value, digits=21, lead="1")
            return world.join(call, kind="device", name=value, email=None, user=user, at=at)
        return world.join(call, kind=kind, name=value, email=None, user=None, at=at)

    async def start(self, request: web.Request) -> JSON:
        """POST conferences: start a call in an idle space."""
        body = await _body(request, allowed={"space", "participants", "started_seconds_ago"})
        space = self._space(_text(body, "space"))
        if space.active is not None:
            raise ControlError("A conference is running in this space already.", 409)
        participants = body.get("participants", [])
        if not isinstance(participants, list):
            raise ControlError("participants must be a list.")
        at = self.world.now() - _number(body, "started_seconds_ago", 0)
        trial = Conference("trial", space.id, at, "control")
        for each in participants:
            self._let_in(trial, each, at)  # a bad one refuses the whole call before anything has happened
        call = self.world.start_call(space, origin="control", at=at)
        for each in participants:
            self._let_in(call, each, at)
        return conference_as_json(self.world, call)

    async def join(self, request: web.Request) -> JSON:
        """POST conferences/{id}/join."""
        call = self._call(request)
        body = await _body(request, allowed={"email", "device", "phone", "guest"})
        return participant_as_json(self.world, call, self._let_in(call, body, self.world.now()))

    async def leave(self, request: web.Request) -> JSON:
        """POST conferences/{id}/leave; the last one out ends the call only with ``end``."""
        call = self._call(request)
        body = await _body(request, allowed={"participant", "email", "device", "phone", "guest", "end"})
        end = _flag(body, "end", default=False)
        body.pop("end", None)
        if len(body) != 1:
            raise ControlError("Say who leaves: participant, email, device, phone or guest.")
        kind, value = next(iter(body.items()))
        for each in call.present():
            if _is_meant(self.world, call, each, kind, str(value)):
                self.world.leave(call, each, at=self.world.now())
                if end and not call.present():
                    self.world.end_call(call, at=self.world.now())
                return conference_as_json(self.world, call)
        raise ControlError("Nobody like that is in the conference.", 404)

    async def end(self, request: web.Request) -> JSON:
        """POST conferences/{id}/end."""
        call = self._call(request)
        await _body(request, allowed=set())
        self.world.end_call(call, at=self.world.now())
        return conference_as_json(self.world, call)

    # -- spaces ------------------------------------------------------------------------------------------------

    async def make_space(self, request: web.Request) -> JSON:
        """POST spaces: a space that appears without our app, for instance made in Google's own pages."""
        body = await _body(request, allowed={"owner", "project"})
        owner = self.world.user(_text(body, "owner"))
        if owner is None:
            raise ControlError("The owner must be a person or mailbox of the world.")
        project = _text(body, "project", "meet")
        return space_as_json(self.world.add_space(owner=owner.email, project=project, config=DEFAULT_CONFIG))

    async def move_code(self, request: web.Request) -> JSON:
        """POST codes: a space gets another code; who had it before gets a fresh one."""
        body = await _body(request, allowed={"space", "meeting_code"})
        space = self._space(_text(body, "space"))
        code = _text(body, "meeting_code").lower()
        if not CODE.fullmatch(code):
            raise ControlError("meeting_code must look like abc-defg-hij.")
        self.world.move_code(code, space)
        return space_as_json(space)

    # -- time and habits ---------------------------------------------------------------------------------------

    async def clock(self, request: web.Request) -> JSON:
        """POST clock: live on for a while; everything so far becomes that much older."""
        body = await _body(request, allowed={"advance_seconds"})
        if "advance_seconds" not in body:
            raise ControlError("advance_seconds is missing.")
        self.world.offset += _number(body, "advance_seconds", 0)
        self.world.version += 1
        self.machine.catch_up()
        return {"now": self.world.shown(self.world.now()), "advanced_seconds": self.world.offset}

    async def life(self, request: web.Request) -> JSON:
        """POST life: stop or go on with the movement."""
        body = await _body(request, allowed={"running"})
        if _flag(body, "running", default=True):
            self.machine.life.thaw()
        else:
            self.machine.life.freeze()
        return {"running": self.machine.life.running}

    async def behaviour(self, request: web.Request) -> JSON:
        """POST behaviour: after-effects of endActiveConference that are not documented, to be ready for them."""
        body = await _body(request, allowed={"linger_seconds", "tighten_after_end"})
        world = self.world
        world.linger_seconds = _number(body, "linger_seconds", world.linger_seconds)
        world.tighten_after_end = _flag(body, "tighten_after_end", default=world.tighten_after_end)
        return {"linger_seconds": world.linger_seconds, "tighten_after_end": world.tighten_after_end}

    # -- faults and counts -------------------------------------------------------------------------------------

    async def list_faults(self, request: web.Request) -> JSON:
        """GET faults."""
        del request
        return {"faults": [each.as_json() for each in self.machine.faults.faults]}

    async def add_fault(self, request: web.Request) -> JSON:
        """POST faults: what happens to the next requests of a method."""
        body = await _body(
            request,
            allowed={
                "method", "status", "kind", "times", "delay_ms", "account", "email", "after", "message", "retry_after",
            },
        )  # fmt: skip
        status, kind = body.get("status"), body.get("kind")
        if (status is None) == (kind is None):
            raise ControlError("Give either status or kind.")
        if status is not None and (
            isinstance(status, bool) or not isinstance(status, int) or not 400 <= status <= 599
        ):
            raise ControlError("status must be a number from 400 to 599.")
        if kind is not None and kind not in KINDS:
            raise ControlError(f"kind must be one of {', '.join(KINDS)}.")
        times = body.get("times", 1)
        if times is not None and (isinstance(times, bool) or not isinstance(times, int) or times < 0):
            raise ControlError("times must be a whole number; 0 or null means until the faults are deleted.")
        account = body.get("account", body.get("email"))
        fault = Fault(
            method=_text(body, "method", "*"),
            status=status,
            kind=kind,
            remaining=times or None,
            delay=_number(body, "delay_ms", 2000 if kind == "slow" else 0, most=600_000) / 1000,
            account=str(account).lower() if account is not None else None,
            after=_flag(body, "after", default=False),
            message=_text(body, "message") if "message" in body else None,
            retry_after=str(body["retry_after"]) if "retry_after" in body else None,
        )
        self.machine.faults.faults.append(fault)
        return fault.as_json()

    async def clear_faults(self, request: web.Request) -> JSON:
        """DELETE faults."""
        del request
        self.machine.faults.faults.clear()
        return {"faults": []}

    async def requests(self, request: web.Request) -> JSON:
        """GET requests: counts by method, account and status."""
        del request
        return self.machine.tally.as_json()

    async def clear_requests(self, request: web.Request) -> JSON:
        """DELETE requests."""
        del request
        self.machine.tally.clear()
        return self.machine.tally.as_json()

    # -- tokens ------------------------------------------------------------------------------------------------

    async def token(self, request: web.Request) -> JSON:
        """POST token: an access token without the trouble of signing in; without an e-mail, of nobody."""
        body = await _body(request, allowed={"email", "scopes", "project"})
        scopes = body.get("scopes", list(MEET_SCOPES))
        if isinstance(scopes, str):
            scopes = scopes.split()
        if not isinstance(scopes, list) or any(full_scope(str(each)) not in KNOWN_SCOPES for each in scopes):
            raise ControlError(
                "scopes must be a list of scopes; created, readonly and settings are short for Meet's."
            )
        email = None
        if body.get("email") is not None:
            person = self.world.user(_text(body, "email"))
            if person is None:
                raise ControlError("There is no such person or mailbox.")
            email = person.email
        text = self.machine.identity.issue(
            email,
            frozenset(full_scope(str(each)) for each in scopes),
            now=self.world.now(),
            project=_text(body, "project", OUR_PROJECT),
            client=CLIENT_ID if email else SERVICE_ACCOUNT,
        )
        return {"access_token": text}

    async def revoke(self, request: web.Request) -> JSON:
        """POST revoke: a person takes back the consent, as in Google's account pages."""
        body = await _body(request, allowed={"email"})
        self.machine.identity.revoke_person(_text(body, "email").lower())
        return {}

    async def delegation(self, request: web.Request) -> JSON:
        """POST delegation: which scopes the service account may use for users; no list = as at the start."""
        body = await _body(request, allowed={"scopes"})
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


def _is_meant(world: World, call: Conference, each: Participant, kind: str, value: str) -> bool:
    if kind == "participant":
        return value in (each.id, f"{call.name}/participants/{each.id}")
    if kind == "email":
        return each.email == value.strip().lower()
    if kind == "device":
        names = {each.display_name}
        names.update(room.name for room in world.rooms if f"users/{room.device_id}" == each.user)
        return each.kind == "device" and value in names
    return each.kind == kind and each.display_name == value


def is_loopback(remote: str | None) -> bool:
    """Whether a peer address is this machine."""
    try:
        address = ipaddress.ip_address(remote or "")
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)
