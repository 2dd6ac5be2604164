"""Random sequences of everything that can happen to a space, played against the simulator and against a small model.

The model is written down a second time, from Google's documentation and the simulator's README, and as plainly as possible;
where the two differ, one of them is wrong.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from simulator.entities import Conference
from tests.support.inside import Inside, sweep

OWNER = "rooms-ber@example.com"
VISITOR = "participant@example.com"
STRANGER = "stranger@elsewhere.example"
MINUTE, DAY = 60.0, 86400.0
CHOICES = {
    "accessType": ["OPEN", "TRUSTED", "RESTRICTED"],
    "entryPointAccess": ["ALL", "CREATOR_APP_ONLY"],
    "moderation": ["ON", "OFF"],
    "moderationRestrictions.chatRestriction": ["HOSTS_ONLY", "NO_RESTRICTION"],
    "moderationRestrictions.presentRestriction": ["HOSTS_ONLY", "NO_RESTRICTION"],
    "attendanceReportGenerationType": ["GENERATE_REPORT", "DO_NOT_GENERATE"],
}
AT_FIRST = {
    "accessType": "TRUSTED",
    "entryPointAccess": "ALL",
    "moderation": "OFF",
    "moderationRestrictions.chatRestriction": "NO_RESTRICTION",
    "moderationRestrictions.presentRestriction": "NO_RESTRICTION",
    "attendanceReportGenerationType": "DO_NOT_GENERATE",
}
SETTINGS = st.fixed_dictionaries({}, optional={leaf: st.sampled_from(each) for leaf, each in CHOICES.items()})
MEMBERS = ["a@example.com", "b@example.com", VISITOR]


@pytest.fixture(scope="module", autouse=True)
def _swept() -> None:
    """Only what happens in these tests counts."""
    sweep()


@dataclass
class Call:
    """What the model knows of a call; moments in world time."""

    name: str
    start: float
    end: float | None = None
    stays: dict[str, list[list[float | None]]] = field(default_factory=dict)

    def present(self) -> list[str]:
        """Who is there."""
        return [who for who, stays in self.stays.items() if stays[-1][1] is None]

    def empty_since(self) -> float | None:
        """Since when nobody is there."""
        if self.present():
            return None
        return max([self.start, *(float(stays[-1][1] or 0) for stays in self.stays.values())])


@dataclass
class Room:
    """What the model knows of a space."""

    name: str
    code: str
    used: float
    config: dict[str, str]
    active: Call | None = None
    lingers: float | None = None
    calls: list[Call] = field(default_factory=list)
    members: dict[str, dict[str, str]] = field(default_factory=dict)


def nested(leaves: dict[str, str]) -> dict[str, Any]:
    """Leaf paths as JSON."""
    found: dict[str, Any] = {}
    for leaf, value in leaves.items():
        *groups, last = leaf.split(".")
        below = found
        for group in groups:
            below = below.setdefault(group, {})
        below[last] = value
    return found


class Spaces(RuleBasedStateMachine):
    """One owner, up to four spaces, and everything that can happen to them."""

    @initialize()
    def begin(self) -> None:
        """Two spaces, one of them with somebody in a call."""
        self.google = Inside(rooms=1)
        self.start = self.google.time
        self.offset = 0.0
        self.rooms: list[Room] = []
        self.tighten = False
        self.linger = 0.0
        self.first = {each.name for each in self.google.world.spaces.values()}
        self.make({})
        self.make({"moderation": "ON"})
        self.open(self.rooms[0], [VISITOR])

    # -- the model's clock -------------------------------------------------------------------------------------

    @property
    def now(self) -> float:
        """World time."""
        return self.google.time + self.offset

    def shown(self, moment: float) -> str:
        """A moment as Google tells it."""
        return datetime.fromtimestamp(moment - self.offset, UTC).isoformat(timespec="microseconds")[:-6] + "Z"

    def settle(self) -> None:
        """What happens by the clock alone."""
        for room in self.rooms:
            call = room.active
            if call is not None:
                empty = call.empty_since()
                if room.lingers is not None and room.lingers <= self.now:
                    self.over(room, room.lingers)
                elif empty is not None and empty + MINUTE <= self.now:
                    self.over(room, empty + MINUTE)
            room.calls = [each for each in room.calls if each.end is None or each.end + 30 * DAY > self.now]
            if room.active is None and room.used + 365 * DAY <= self.now:
                room.code = ""

    def over(self, room: Room, at: float) -> None:
        """A call ends."""
        assert room.active is not None
        for stays in room.active.stays.values():
            if stays[-1][1] is None:
                stays[-1][1] = at
        room.active.end = at
        room.used = max(room.used, at)
        room.active = None
        room.lingers = None

    # -- asking ------------------------------------------------------------------------------------------------

    def ask(self, verb: str, path: str, body: Any = None, *, who: str = OWNER) -> tuple[int, Any]:
        """One request."""
        return self.google.call(verb, f"/v2/{path}", body, token=self.google.token(who))

    def real(self, call: Call) -> Conference:
        """The simulator's own object of a call."""
        return self.google.world.conferences[call.name.removeprefix("conferenceRecords/")]

    def expected(self, room: Room, *, who: str) -> dict[str, Any]:
        """What somebody sees of a space."""
        answer: dict[str, Any] = {"name": room.name}
        if room.code:
            answer["meetingCode"] = room.code
            answer["meetingUri"] = f"https://meet.google.com/{room.code}"
        inside = room.active is not None and who in room.active.present()
        if who == OWNER:
            answer["config"] = nested(room.config)
        if room.active is not None and (who == OWNER or inside or who in self.emails(room)):
            answer["activeConference"] = {"conferenceRecord": room.active.name}
        return answer

    def emails(self, room: Room) -> list[str]:
        """Whose addresses are members."""
        return [each["email"] for each in room.members.values()]

    # -- settings ----------------------------------------------------------------------------------------------

    @precondition(lambda self: len(self.rooms) < 4)
    @rule(asked=SETTINGS)
    def create(self, asked: dict[str, str]) -> None:
        """spaces.create."""
        self.make(asked)

    def make(self, asked: dict[str, str]) -> None:
        """A new space, in both worlds."""
        status, made = self.ask("POST", "spaces", {"config": nested(asked)})
        assert status == 200
        assert made["name"] not in {each.name for each in self.rooms} | self.first
        assert made["meetingCode"] not in {each.code for each in self.rooms}
        self.rooms.append(
            Room(made["name"], made["meetingCode"], self.now, self.effective({**AT_FIRST, **asked}))
        )

    def effective(self, config: dict[str, str]) -> dict[str, str]:
        """Without moderation there are no restrictions."""
        if config["moderation"] == "OFF":
            return config | {leaf: AT_FIRST[leaf] for leaf in config if "." in leaf}
        return config

    @precondition(lambda self: self.rooms)
    @rule(data=st.data(), asked=SETTINGS, mask=st.sampled_from(["named", "snake", "none", "all"]))
    def patch(self, data: st.DataObject, asked: dict[str, str], mask: str) -> None:
        """spaces.patch: named leaves (absent from the body: back to the default), those in the body, or all."""
        room = data.draw(st.sampled_from(self.rooms))
        leaves = data.draw(st.lists(st.sampled_from(sorted(CHOICES)), min_size=1, unique=True))
        if mask in ("named", "snake"):
            paths = ",".join(f"config.{leaf}" for leaf in leaves)
            if mask == "snake":
                paths = "".join(f"_{each.lower()}" if each.isupper() else each for each in paths)
            path = f"{room.name}?updateMask={paths}"
        else:
            leaves = list(asked) if mask == "none" else list(CHOICES)
            path = room.name if mask == "none" else f"{room.name}?updateMask=*"
        status, _ = self.ask("PATCH", path, {"config": nested(asked)})
        assert status == 200
        changed = {leaf: asked.get(leaf, AT_FIRST[leaf]) for leaf in leaves}
        room.config = self.effective({**room.config, **changed})

    @precondition(lambda self: self.rooms)
    @rule(data=st.data(), who=st.sampled_from([VISITOR, STRANGER]))
    def others_change_nothing(self, data: st.DataObject, who: str) -> None:
        """Patch, end and members are the owner's business, and want the id."""
        room = data.draw(st.sampled_from(self.rooms))
        body = {"config": {"accessType": "OPEN"}}
        assert self.ask("PATCH", f"{room.name}?updateMask=config.accessType", body, who=who)[0] == 403
        assert self.ask("POST", f"{room.name}:endActiveConference", {}, who=who)[0] == 403
        assert self.ask("GET", f"{room.name}/members", who=who)[0] == 403
        if room.code:
            assert self.ask("POST", f"spaces/{room.code}:endActiveConference", {})[0] == 403

    # -- calls -------------------------------------------------------------------------------------------------

    @precondition(lambda self: any(each.active is None and each.code for each in self.rooms))
    @rule(
        data=st.data(), who=st.lists(st.sampled_from([VISITOR, "guest", "device"]), max_size=2, unique=True)
    )
    def begin_call(self, data: st.DataObject, who: list[str]) -> None:
        """Somebody opens the link."""
        self.open(
            data.draw(st.sampled_from([each for each in self.rooms if each.active is None and each.code])),
            who,
        )

    def open(self, room: Room, who: list[str]) -> None:
        """A call begins, in both worlds."""
        world = self.google.world
        real = world.start_call(
            world.spaces[room.name.removeprefix("spaces/")], origin="control", at=world.now()
        )
        room.active = Call(real.name, self.now)
        room.calls.append(room.active)
        room.used = self.now
        for each in who:
            self.come(room.active, each)

    def come(self, call: Call, who: str) -> None:
        """Somebody comes in, in both worlds."""
        world = self.google.world
        if who == VISITOR:
            world.join_person(self.real(call), world.people[VISITOR], at=world.now())
        elif who == "device":
            world.join_device(self.real(call), world.rooms[0], at=world.now())
        else:
            world.join(self.real(call), kind="guest", name=who, email=None, user=None, at=world.now())
        if who not in call.present():
            call.stays.setdefault(who, []).append([self.now, None])

    def running(self) -> list[Room]:
        """Rooms in which a call is on."""
        return [each for each in self.rooms if each.active is not None]

    @precondition(lambda self: self.running())
    @rule(data=st.data(), who=st.sampled_from([VISITOR, "device", "guest"]))
    def join(self, data: st.DataObject, who: str) -> None:
        """Somebody comes, or comes back; a guest who comes back is another guest."""
        call = data.draw(st.sampled_from(self.running())).active
        assert call is not None
        if who == "guest":
            who = f"guest {sum(name.startswith('guest') for name in call.stays)}"
        self.come(call, who)

    @precondition(lambda self: any(each.active.present() for each in self.running()))
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        """Somebody goes; the call goes on for a minute even if it was the last."""
        calls = [each.active for each in self.running() if each.active is not None]
        call = data.draw(st.sampled_from([each for each in calls if each.present()]))
        who = data.draw(st.sampled_from(call.present()))
        world = self.google.world
        real = self.real(call)
        for each in real.present():
            if who in (each.email, each.display_name) or (who == "device" and each.kind == "device"):
                world.leave(real, each, at=world.now())
        call.stays[who][-1][1] = self.now

    @precondition(lambda self: self.rooms)
    @rule(data=st.data())
    def end(self, data: st.DataObject) -> None:
        """spaces.endActiveConference, with whatever after-effects are switched on."""
        room = data.draw(st.sampled_from(self.rooms))
        status, answer = self.ask("POST", f"{room.name}:endActiveConference", {})
        if room.active is None or room.lingers is not None:
            assert (status, answer["error"]["status"]) == (400, "FAILED_PRECONDITION")
            return
        assert (status, answer) == (200, {})
        if self.tighten:
            room.config["accessType"] = "RESTRICTED"
        if self.linger:
            room.lingers = self.now + self.linger
        else:
            self.over(room, self.now)

    @rule(tighten=st.booleans(), linger=st.sampled_from([0.0, 5.0, 90.0]))
    def switch(self, tighten: bool, linger: float) -> None:  # noqa: FBT001 - hypothesis passes it by name
        """Other after-effects from now on."""
        self.tighten, self.linger = tighten, linger
        self.google.world.behaviour.tighten_after_end = tighten
        self.google.world.behaviour.linger_seconds = linger

    # -- members -----------------------------------------------------------------------------------------------

    @precondition(lambda self: self.rooms)
    @rule(data=st.data(), email=st.sampled_from(MEMBERS), role=st.sampled_from([None, "COHOST", 1, 0]))
    def add_member(self, data: st.DataObject, email: str, role: str | int | None) -> None:
        """members.create; an address can be a member once."""
        room = data.draw(st.sampled_from(self.rooms))
        status, made = self.ask("POST", f"{room.name}/members", {"email": email.upper(), "role": role})
        if email in self.emails(room):
            assert (status, made["error"]["status"]) == (409, "ALREADY_EXISTS")
            return
        assert status == 200
        room.members[made["name"]] = {"email": email} | ({"role": "COHOST"} if role in ("COHOST", 1) else {})

    @precondition(lambda self: any(each.members for each in self.rooms))
    @rule(
        data=st.data(),
        role=st.sampled_from(["COHOST", None]),
        masked=st.booleans(),
        how=st.sampled_from(["patch", "batch", "delete"]),
    )
    def change_member(self, data: st.DataObject, role: str | None, masked: bool, how: str) -> None:  # noqa: FBT001
        """members.patch, batchUpdate and delete; without a mask only the batch clears what is not given."""
        room = data.draw(st.sampled_from([each for each in self.rooms if each.members]))
        name = data.draw(st.sampled_from(sorted(room.members)))
        body = {"role": role} if role else {}
        if how == "delete":
            assert self.ask("DELETE", name) == (200, {})
            assert self.ask("GET", name)[0] == 404
            del room.members[name]
            return
        if how == "batch":
            batch: dict[str, Any] = {"requests": [{"member": {"name": name, **body}}]}
            if masked:
                batch["updateMask"] = "role"
            status, answer = self.ask("POST", f"{room.name}/members:batchUpdate", batch)
            assert status == 200
            assert [each["name"] for each in answer["members"]] == [name]
        else:
            assert self.ask("PATCH", name + ("?updateMask=role" if masked else ""), body)[0] == 200
        if role:
            room.members[name]["role"] = role
        elif masked or how == "batch":
            room.members[name].pop("role", None)

    # -- time --------------------------------------------------------------------------------------------------

    @rule(
        seconds=st.sampled_from([1.0, 4.5, 30.0, 59.0, MINUTE, 600.0, DAY, 29.9 * DAY, 31 * DAY, 366 * DAY]),
        by_control=st.booleans(),
    )
    def wait(self, seconds: float, by_control: bool) -> None:  # noqa: FBT001
        """Time passes, by itself or by the control: then everything so far becomes older instead."""
        if by_control:
            self.offset += seconds
            self.google.world.offset += seconds
        else:
            self.google.time += seconds
        self.google.machine.catch_up()
        self.settle()

    # -- the comparison ----------------------------------------------------------------------------------------

    @invariant()
    def spaces_are_the_same(self) -> None:
        """Everybody sees of every space what the model says, by id and by code."""
        for room in getattr(self, "rooms", []):
            for who in (OWNER, VISITOR, STRANGER):
                status, seen = self.ask("GET", room.name, who=who)
                assert status == 200
                assert seen.pop("phoneAccess", None) is None or who == OWNER
                if who == OWNER:
                    del seen["config"]["artifactConfig"]
                    restrictions = seen["config"]["moderationRestrictions"]
                    del restrictions["reactionRestriction"], restrictions["defaultJoinAsViewerType"]
                assert seen == self.expected(room, who=who)
            if room.code:
                assert self.ask("GET", f"spaces/{room.code.upper()}")[1]["name"] == room.name
            status, answer = self.ask("GET", f"{room.name}/members")
            assert {each.pop("name"): each for each in answer.get("members", [])} == room.members

    @invariant()
    def records_are_the_same(self) -> None:
        """The lists of calls, and of who was in them, are the model's."""
        rooms = getattr(self, "rooms", [])
        calls = [(call, room) for room in rooms for call in room.calls]
        expected = {}
        for call, room in calls:
            record = {"name": call.name, "startTime": self.shown(call.start), "space": room.name}
            if call.end is not None:
                record["endTime"] = self.shown(call.end)
                record["expireTime"] = self.shown(call.end + 30 * DAY)
            expected[call.name] = record
        if not rooms:
            return
        found = self.ask("GET", "conferenceRecords?pageSize=100")[1].get("conferenceRecords", [])
        assert {each["name"]: each for each in found} == expected
        starts = [each["startTime"] for each in found]
        assert starts == sorted(starts, reverse=True)
        running = self.ask("GET", "conferenceRecords?filter=end_time%20IS%20NULL")[1]
        assert {each["name"] for each in running.get("conferenceRecords", [])} == {
            call.name for call, _ in calls if call.end is None
        }
        for call, _ in calls:
            self.compare_participants(call)

    def compare_participants(self, call: Call) -> None:
        """Who was there, from when to when."""
        found = self.ask("GET", f"{call.name}/participants")[1].get("participants", [])
        seen = sorted((each["earliestStartTime"], each.get("latestEndTime", "")) for each in found)
        assert seen == sorted(
            (
                self.shown(float(stays[0][0] or 0)),
                "" if stays[-1][1] is None else self.shown(float(stays[-1][1])),
            )
            for stays in call.stays.values()
        )
        for each in found:
            stays = self.ask("GET", f"{each['name']}/participantSessions")[1]["participantSessions"]
            assert stays[0].get("endTime") == each.get("latestEndTime")
            assert stays[-1]["startTime"] == each["earliestStartTime"]


TestSpaces = Spaces.TestCase
TestSpaces.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
