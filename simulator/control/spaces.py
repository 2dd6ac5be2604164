"""``/_control/spaces`` and ``/_control/codes``: spaces made elsewhere, settings of tomorrow, members, codes, and the door."""

import re

from aiohttp import web

from simulator import door
from simulator.config import config_as_json
from simulator.control.calls import participant_as_json, space_named
from simulator.control.part import Address, ControlPart
from simulator.entities import Conference, Space
from simulator.identifiers import CODE, token_of
from simulator.joining import OPTIONS, WHO, let_in
from simulator.meet.spaces import as_owner_reads_it
from simulator.reading import JSON, ControlError, a_flag, a_text, read_body
from simulator.world import DEFAULT_CONFIG, OUR_PROJECT

_LEAF = re.compile(r"[a-z][A-Za-z0-9]*(\.[a-z][A-Za-z0-9]*)*")
_VALUE = re.compile(r"[A-Z][A-Z0-9_]*|[0-9]{1,9}")
CALENDAR = "calendar"


def space_as_json(space: Space) -> JSON:
    """A space with its owner and the project that made it."""
    config = SHARED_CONFIG if space.config is DEFAULT_CONFIG else config_as_json(space.config, numbers=False)
    return {
        "name": space.name,
        "meetingCode": space.code,
        "meetingUri": f"https://meet.google.com/{space.code}" if space.code else "",
        "owner": space.owner,
        "project": space.project,
        "config": config,
        "activeConference": space.active.name if space.active else None,
    }


SHARED_CONFIG = config_as_json(DEFAULT_CONFIG, numbers=False)
"""The settings that most spaces of a big world have in common; only to be read."""


class SpaceControl(ControlPart):
    """The handlers of spaces."""

    def addresses(self) -> list[Address]:
        """Every address of this part of the control."""
        return [
            ("GET", "spaces", self.get_spaces),
            ("POST", "spaces", self.make_space),
            ("POST", "spaces/{id}/config", self.configure),
            ("POST", "spaces/{id}/members", self.add_member),
            ("POST", "spaces/{id}/enter", self.enter),
            ("POST", "codes", self.move_code),
        ]

    async def get_spaces(self, request: web.Request) -> JSON:
        """GET spaces: each space as its owner reads it with spaces.get, and whether our app created it."""
        del request
        return {
            "spaces": [
                {
                    "owner": space.owner,
                    "createdByApp": space.project == OUR_PROJECT,
                    "space": as_owner_reads_it(self.world, space),
                }
                for space in self.world.spaces.values()
            ]
        }

    async def make_space(self, request: web.Request) -> JSON:
        """POST spaces: a space that appears without our app, for instance made in Google's own pages.

        A ``fleeting`` one has a code that dies with its first call, as those started on room hardware do. One that
        ``calendar`` made belongs to no app, not even to the one that inserted the event.
        """
        body = await read_body(request, allowed={"owner", "project", "fleeting", "calendar"})
        owner = self.world.user(a_text(body, "owner"))
        if owner is None:
            raise ControlError("The owner must be a person or mailbox of the world.")
        project = a_text(body, "project", "meet")
        if a_flag(body, "calendar", default=False):
            project = CALENDAR
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

    async def configure(self, request: web.Request) -> JSON:
        """POST spaces/{id}/config: settings as if changed in Google's pages, also values and settings unknown today.

        The body is leaf path -> value; a number is a value that has no name yet.
        """
        space = space_named(self.world, request.match_info["id"])
        raw = await read_body(request, allowed=None)
        if not raw:
            raise ControlError("The body must be an object of settings and values.")
        changed: dict[str, str] = {}
        for leaf, value in raw.items():
            text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
            if not _LEAF.fullmatch(leaf) or not _VALUE.fullmatch(text):
                raise ControlError(
                    "A setting is a path such as accessType, a value a name in capitals or a number."
                )
            if any(known.startswith(leaf + ".") or leaf.startswith(known + ".") for known in space.config):
                raise ControlError(f"{leaf} is a group of settings, or below a setting.")
            changed[leaf] = text
        space.config = {**space.config, **changed}
        self.world.version += 1
        return space_as_json(space)

    async def add_member(self, request: web.Request) -> JSON:
        """POST spaces/{id}/members: a member as if added in Google's pages, perhaps with a role unknown today."""
        body = await read_body(request, allowed={"email", "role"})
        space = space_named(self.world, request.match_info["id"])
        email = a_text(body, "email").lower()
        member = {"email": email}
        if body.get("role") is not None:
            member["role"] = a_text(body, "role")
        space.members[token_of("member", space.id, email, length=24)] = member
        self.world.version += 1
        return {"members": list(space.members.values())}

    async def enter(self, request: web.Request) -> JSON:
        """POST spaces/{id}/enter: somebody opens the link, and gets in only if Google would let them in at once."""
        body = await read_body(request, allowed={*WHO, *OPTIONS})
        world = self.world
        space = space_named(world, request.match_info["id"])
        who = let_in(world, Conference("trial", space.id, world.now(), "control"), body, world.now())
        reason = door.why_not(world, space, who)
        if reason:
            return {"admitted": False, "reason": reason, "conference": None}
        call = space.active or world.start_call(space, origin="control", at=world.now())
        joined = let_in(world, call, body, world.now())
        return {
            "admitted": True,
            "reason": "",
            "conference": call.name,
            "participant": participant_as_json(world, call, joined),
        }
