"""``/_control/conferences``: start, join, leave and end calls, and switch recordings, transcripts and notes on and off."""

from aiohttp import web

from simulator.control.part import Address, ControlPart
from simulator.entities import Conference, Participant, Space
from simulator.joining import OPTIONS, WHO, let_in
from simulator.leftovers import KINDS, STATES, artifacts_of, change_artifact
from simulator.reading import JSON, ControlError, a_flag, a_number, a_text, read_body
from simulator.world import World

_ACTIONS = ("start", "stop", "file", "none")


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
    """A call, running or ended; ``recording`` tells whether one is running."""
    parts = artifacts_of(world, call, "recordings") if call.end is None else []
    return {
        "name": call.name,
        "id": call.id,
        "space": f"spaces/{call.space}",
        "startTime": world.shown(call.start),
        "endTime": None if call.end is None else world.shown(call.end),
        "recording": any(each.end is None for each in parts),
        "participants": [participant_as_json(world, call, each) for each in call.participants],
    }


def space_named(world: World, handle: str) -> Space:
    """A space by name, id or code; raises ControlError 404."""
    space = world.find_space(handle.removeprefix("spaces/"))
    if space is None:
        raise ControlError(f"There is no space {handle}.", 404)
    return space


class CallControl(ControlPart):
    """The handlers of calls."""

    def addresses(self) -> list[Address]:
        """Every address of this part of the control."""
        return [
            ("POST", "conferences", self.start),
            ("POST", "conferences/{id}/join", self.join),
            ("POST", "conferences/{id}/leave", self.leave),
            ("POST", "conferences/{id}/end", self.end),
            ("POST", "conferences/{id}/{kind:" + "|".join(KINDS) + "}", self.artifact),
        ]

    def _call(self, request: web.Request, *, ended_too: bool = False) -> Conference:
        call = self.world.conferences.get(request.match_info["id"])
        if call is None:
            raise ControlError("There is no such conference.", 404)
        if call.end is not None and not ended_too:
            raise ControlError("This conference has ended.", 409)
        return call

    async def start(self, request: web.Request) -> JSON:
        """POST conferences: start a call in an idle space."""
        body = await read_body(request, allowed={"space", "participants", "started_seconds_ago", "recording"})
        space = space_named(self.world, a_text(body, "space"))
        if space.active is not None:
            raise ControlError("A conference is running in this space already.", 409)
        participants = body.get("participants", [])
        if not isinstance(participants, list):
            raise ControlError("participants must be a list.")
        at = self.world.now() - a_number(body, "started_seconds_ago", 0)
        trial = Conference("trial", space.id, at, "control")
        for each in participants:
            let_in(
                self.world, trial, each, at
            )  # a bad one refuses the whole call before anything has happened
        recording = a_flag(body, "recording", default=False)
        call = self.world.start_call(space, origin="control", at=at)
        for each in participants:
            let_in(self.world, call, each, at)
        if "recording" in body:
            change_artifact(self.world, call, "recordings", "none", at=at)  # whatever the room's habit
        if recording:
            change_artifact(self.world, call, "recordings", "start", at=at)
        self.machine.events.follow(call)
        return conference_as_json(self.world, call)

    async def join(self, request: web.Request) -> JSON:
        """POST conferences/{id}/join."""
        call = self._call(request)
        body = await read_body(request, allowed={*WHO, *OPTIONS})
        return participant_as_json(self.world, call, let_in(self.world, call, body, self.world.now()))

    async def leave(self, request: web.Request) -> JSON:
        """POST conferences/{id}/leave; the last one out ends the call only with ``end``."""
        call = self._call(request)
        body = await read_body(request, allowed={"participant", *WHO, "end"})
        end = a_flag(body, "end", default=False)
        body.pop("end", None)
        if len(body) != 1:
            raise ControlError("Say who leaves: participant, email, device, phone, guest, bot or unknown.")
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
        await read_body(request, allowed=set())
        self.world.end_call(call, at=self.world.now())
        return conference_as_json(self.world, call)

    async def artifact(self, request: web.Request) -> JSON:
        """POST conferences/{id}/recordings (transcripts, smartNotes): start, stop, write the file, or have none at all."""
        body = await read_body(request, allowed={"action", "state"})
        action = a_text(body, "action")
        if action not in _ACTIONS:
            raise ControlError(f"action must be one of {', '.join(_ACTIONS)}.")
        call = self._call(request, ended_too=action in ("file", "none"))
        kind = request.match_info["kind"]
        state = a_text(body, "state") if body.get("state") is not None else ""
        try:
            change_artifact(self.world, call, kind, action, at=self.world.now(), state=state)
        except ValueError as error:
            raise ControlError(str(error), 409) from None
        self.machine.events.follow(call)
        now = self.world.now()
        return {
            kind: [
                {"name": each.name, "state": each.state(now), "known": each.state(now) in STATES}
                for each in artifacts_of(self.world, call, kind)
            ]
        }


def _is_meant(world: World, call: Conference, each: Participant, kind: str, value: str) -> bool:
    if kind == "participant":
        return value in (each.id, f"{call.name}/participants/{each.id}")
    if kind == "email":
        person = world.user(value)
        return each.email == (person.email if person is not None else value.strip().lower())
    if kind == "device":
        names = {each.display_name}
        names.update(room.name for room in world.rooms if f"users/{room.device_id}" == each.user)
        return each.kind == "device" and value in names
    if kind == "unknown":
        return each.kind == f"unknown:{value}"
    return each.kind == kind and each.display_name == value
