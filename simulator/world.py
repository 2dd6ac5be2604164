"""The simulated world: people, rooms, spaces, calls, and the clock they live by.

All moments inside are seconds of world time. World time runs ahead of the real clock by ``offset``; what is shown
has the offset taken off again. So moving the clock forward makes everything older while "now" stays real.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from simulator.behaviour import Behaviour
from simulator.entities import Building, Conference, Happening, Participant, Person, Room, Space, session_name
from simulator.identifiers import CODE, code_of, number_of, token_of

OUR_PROJECT = "meetadmin-demo"
FOREIGN_PROJECTS = ("another-app", "meet")
DOMAIN = "example.com"

DEFAULT_CONFIG = {
    "accessType": "TRUSTED",
    "entryPointAccess": "ALL",
    "moderation": "OFF",
    "moderationRestrictions.chatRestriction": "NO_RESTRICTION",
    "moderationRestrictions.reactionRestriction": "NO_RESTRICTION",
    "moderationRestrictions.presentRestriction": "NO_RESTRICTION",
    "moderationRestrictions.defaultJoinAsViewerType": "OFF",
    "attendanceReportGenerationType": "DO_NOT_GENERATE",
    "artifactConfig.recordingConfig.autoRecordingGeneration": "OFF",
    "artifactConfig.transcriptionConfig.autoTranscriptionGeneration": "OFF",
    "artifactConfig.smartNotesConfig.autoSmartNotesGeneration": "OFF",
}
"""Leaf path -> value. Shared by all spaces until one is changed: never write into a space's dictionary in place."""

RECORD_LIFE = 30 * 86400.0  # Meet REST guide: Work with conferences; records vanish 30 days after the end
CODE_LIFE = 365 * 86400.0  # Meet help, "Learn about meeting codes": a code dies 365 days after its last use
REUSE_EVERY = 3  # every third new space gets a code that died, if there is one: Google reuses codes
EMPTY_CALL_LIFE = 60.0  # an empty call ends after a minute
RECORD_LIMIT = 20_000  # ended calls kept in memory, oldest dropped first
AUTOMATIC = {
    "artifactConfig.recordingConfig.autoRecordingGeneration": "recordings",
    "artifactConfig.transcriptionConfig.autoTranscriptionGeneration": "transcripts",
    "artifactConfig.smartNotesConfig.autoSmartNotesGeneration": "smartNotes",
}
"""Settings that make every call of a space leave something behind, and the collection it is found in."""


class World:
    """Everything Google knows about Meet in this pretended organisation."""

    def __init__(
        self,
        *,
        seed: int,
        rooms: int,
        scene: str,
        buildings: int | None = None,
        accounts: int | None = None,
        calls: int | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.seed = seed
        self.room_count = rooms
        self.building_count = buildings
        self.account_count = accounts
        self.call_count = calls
        self.scene = scene
        self.offset = 0.0
        self.version = 0  # counts changes, so that a snapshot knows whether it is stale
        self.people: dict[str, Person] = {}
        self.mailboxes: dict[str, Person] = {}
        self.aliases: dict[str, str] = {}  # address -> primary address
        self.altered: dict[str, Person] = {}  # accounts that differ from the seed
        self.removed: set[str] = set()  # addresses of the seed that are no primary addresses any more
        self.former: dict[str, str] = {}  # owner of spaces who no longer exists -> address at that time
        self.accounts_made = 0
        self.buildings: list[Building] = []
        self.rooms: list[Room] = []
        self.spaces: dict[str, Space] = {}
        self.codes: dict[str, str] = {}
        self.owned: dict[str, list[Space]] = {}
        self.conferences: dict[str, Conference] = {}
        self.ended: deque[str] = deque()
        self.created = 0
        self.started = 0
        self.behaviour = Behaviour()
        self.clock = clock  # the real clock, in seconds since the epoch
        self.freed: deque[str] = deque()  # codes that died, the oldest first
        self.next_code_death = float("inf")
        self.watched: set[str] = set()
        self.when_call_ends: Callable[[Space, float], None] | None = None
        self.when_told: Callable[[Happening], None] | None = None

    # -- the clock ---------------------------------------------------------------------------------------------

    def now(self) -> float:
        """World time, in seconds."""
        return self.clock() + self.offset

    def shown(self, moment: float) -> str:
        """A moment of world time as RFC 3339 text, on the real clock."""
        return datetime.fromtimestamp(moment - self.offset, UTC).isoformat(timespec="microseconds")[:-6] + "Z"

    # -- people ------------------------------------------------------------------------------------------------

    def user(self, email: str) -> Person | None:
        """The person or mailbox with this address, primary or alias."""
        email = email.strip().lower()
        email = self.aliases.get(email, email)
        return self.people.get(email) or self.mailboxes.get(email)

    def index_aliases(self) -> None:
        """Find people by their aliases from now on."""
        self.aliases = {
            alias: each.email
            for each in (*self.people.values(), *self.mailboxes.values())
            for alias in (*each.aliases, *each.non_editable_aliases)
        }

    def is_user(self, address: str, email: str) -> bool:
        """Whether an address, perhaps an alias, is that of the account with this primary address."""
        return self.aliases.get(address, address) == email

    def generated_name(self, room: Room) -> str:
        """What the Directory calls a room: building, floor, name and seats."""
        building = next(each for each in self.buildings if each.id == room.building)
        return f"{building.name}-{room.floor}-{room.name} ({room.capacity})"

    # -- spaces ------------------------------------------------------------------------------------------------

    def add_space(
        self,
        *,
        owner: str,
        project: str,
        config: dict[str, str],
        room: int | None = None,
        fleeting: bool = False,
    ) -> Space:
        """A new space with a fresh id and a code that no other space has."""
        number = self.created
        self.created += 1
        salt = 0
        identifier = token_of("space", self.seed, number, length=12)
        code = code_of("code", self.seed, number)
        while code in self.codes or identifier in self.spaces:
            salt += 1
            identifier = token_of("space", self.seed, number, salt, length=12)
            code = code_of("code", self.seed, number, salt)
        if self.freed and number % REUSE_EVERY == 0:
            code = self.freed.popleft()
        space = Space(identifier, code, owner, project, config, room, code_used=self.now(), fleeting=fleeting)
        self.keep_space(space)
        return space

    def keep_space(self, space: Space) -> None:
        """Enter a space into the books."""
        self.spaces[space.id] = space
        if space.code:
            self.codes[space.code] = space.id
            self.next_code_death = min(self.next_code_death, space.code_used + CODE_LIFE)
        self.owned.setdefault(space.owner, []).append(space)
        self.version += 1

    def move_code(self, code: str, space: Space) -> None:
        """Give a space another code; a former holder of that code gets a fresh one."""
        holder = self.spaces.get(self.codes.get(code, ""))
        if holder is space:
            return
        self.drop_code(space)
        if code in self.freed:
            self.freed.remove(code)
        if holder is not None:
            salt = 0
            while (fresh := code_of("moved", self.seed, holder.id, salt)) in self.codes:
                salt += 1
            holder.code = fresh
            self.codes[fresh] = holder.id
        space.code = code
        self.codes[code] = space.id
        self.use_code(space, at=self.now())
        self.version += 1

    def use_code(self, space: Space, *, at: float) -> None:
        """Somebody used the link: its code lives on for a year from then."""
        space.code_used = max(space.code_used, at)
        self.next_code_death = min(self.next_code_death, space.code_used + CODE_LIFE)

    def drop_code(self, space: Space) -> None:
        """The code dies: it finds nothing any more, and may be given to another space."""
        if space.code:
            del self.codes[space.code]
            self.freed.append(space.code)
            space.code = ""
            self.version += 1

    def _let_codes_die(self, now: float) -> None:
        """Drop every code that nobody has used for a year. Looked at only when one may be due."""
        if now < self.next_code_death:
            return
        self.next_code_death = float("inf")
        for space in self.spaces.values():
            if not space.code or space.active is not None:
                continue  # a running call is use
            if space.code_used + CODE_LIFE <= now:
                self.drop_code(space)
            else:
                self.next_code_death = min(self.next_code_death, space.code_used + CODE_LIFE)

    def find_space(self, handle: str, *, by_code: bool = True) -> Space | None:
        """A space by id (case matters) or, if allowed, by meeting code (case does not)."""
        space = self.spaces.get(handle)
        if space is None and by_code and CODE.fullmatch(handle):
            space = self.spaces.get(self.codes.get(handle.lower(), ""))
        return space

    # -- calls -------------------------------------------------------------------------------------------------

    def tell(self, kind: str, call: Conference, resource: str, name: str, at: float) -> None:
        """Report a change to whoever listens (``conference.v2.started``, "conferenceRecord", its name)."""
        # A call that is only tried out, to see whether its participants exist, is nobody's business.
        if self.when_told is not None and self.conferences.get(call.id) is call:
            self.when_told(Happening(kind, call, resource, name, at))

    def _tell_stay(self, kind: str, call: Conference, participant: Participant, at: float) -> None:
        if self.when_told is not None:
            name = session_name(call, participant, len(participant.sessions) - 1)
            self.tell(f"participant.v2.{kind}", call, "participantSession", name, at)

    def start_call(self, space: Space, *, origin: str, at: float) -> Conference:
        """Start a call in an idle space."""
        identifier = token_of("call", self.seed, self.started, space.id, length=42)
        self.started += 1
        automatic = tuple(kind for leaf, kind in AUTOMATIC.items() if space.config[leaf] == "ON")
        call = Conference(identifier, space.id, at, origin, automatic=automatic)
        self.use_code(space, at=at)
        space.active = call
        space.lingers_until = None
        space.records.append(call)
        self.conferences[call.id] = call
        if origin == "control":
            self.watched.add(call.id)
        self.version += 1
        self.tell("conference.v2.started", call, "conferenceRecord", call.name, at)
        return call

    def join(
        self, call: Conference, *, kind: str, name: str, email: str | None, user: str | None, at: float
    ) -> Participant:
        """Let somebody in. People and devices that come back are the same participant with a new session."""
        self.version += 1
        space = self.spaces[call.space]
        # A call that is only tried out, to see whether its participants exist, opens nothing.
        if space.ended_for_all and self.conferences.get(call.id) is call and self.is_host(space, email):
            space.ended_for_all = False
        if user is not None:
            for each in call.participants:
                if each.user == user:
                    if each.left is not None:
                        each.sessions.append([at, None])
                        self._tell_stay("joined", call, each, at)
                    return each
        identifier = number_of("participant", call.id, len(call.participants), digits=15)
        participant = Participant(identifier, kind, name, email, user, [[at, None]])
        call.participants.append(participant)
        self._tell_stay("joined", call, participant, at)
        return participant

    def is_host(self, space: Space, email: str | None) -> bool:
        """Whether an account is the owner or a co-host of a space."""
        return email is not None and (
            email == space.owner
            or any(
                member.get("role") == "COHOST" and self.is_user(member["email"], email)
                for member in space.members.values()
            )
        )

    def join_person(self, call: Conference, person: Person, *, at: float) -> Participant:
        """Let a known person in."""
        return self.join(
            call, kind="person", name=person.name, email=person.email, user=f"users/{person.id}", at=at
        )

    def join_device(self, call: Conference, room: Room, *, at: float) -> Participant:
        """Let a room's device in."""
        return self.join(
            call, kind="device", name=room.device_name, email=None, user=f"users/{room.device_id}", at=at
        )

    def leave(self, call: Conference, participant: Participant, *, at: float) -> None:
        """Let somebody out. The last one out does not end the call at once (see ``settle``)."""
        participant.sessions[-1][1] = at
        self._tell_stay("left", call, participant, at)
        if not call.present():
            self.watched.add(call.id)
        self.version += 1

    def end_call(self, call: Conference, *, at: float) -> None:
        """Everybody is out; the call becomes a record."""
        for each in call.present():
            each.sessions[-1][1] = at
            self._tell_stay("left", call, each, at)
        call.end = at
        self.tell("conference.v2.ended", call, "conferenceRecord", call.name, at)
        self.ended.append(call.id)
        space = self.spaces[call.space]
        if space.active is call:
            space.active = None
            space.lingers_until = None
        self.use_code(space, at=at)
        if space.fleeting:
            self.drop_code(space)
        self.version += 1
        self.forget_old(at)
        if self.when_call_ends is not None:
            self.when_call_ends(space, at)

    def end_by_request(self, space: Space) -> None:
        """End the call of a space as endActiveConference does; the after-effects are those ordered by the control."""
        if space.active is None:
            return
        space.ended_for_all = True
        if self.behaviour.rejoin_after_end == "nobody":
            space.closed_until = self.now() + self.behaviour.rejoin_wait_seconds
        if self.behaviour.tighten_after_end:
            space.config = {**space.config, "accessType": "RESTRICTED"}
        if self.behaviour.linger_seconds > 0:
            space.lingers_until = self.now() + self.behaviour.linger_seconds
            self.watched.add(space.active.id)
            self.version += 1
        else:
            self.end_call(space.active, at=self.now())

    def settle(self) -> None:
        """End what is over: calls that only linger, and calls that have been empty for a minute."""
        now = self.now()
        due: list[tuple[float, str]] = []
        for call in self._watched():
            space = self.spaces[call.space]
            empty = call.empty_since()
            if space.lingers_until is not None and space.lingers_until <= now:
                due.append((space.lingers_until, call.id))
            elif empty is not None and empty + EMPTY_CALL_LIFE <= now:
                due.append((empty + EMPTY_CALL_LIFE, call.id))
        for at, identifier in sorted(due):  # in the order of their ends, as records expire in that order
            self.end_call(self.conferences[identifier], at=at)
        self.forget_old(now)
        self._let_codes_die(now)

    def _watched(self) -> Iterator[Conference]:
        """Calls that can end by the clock alone: marked by a test or by a request, so there are few."""
        for identifier in list(self.watched):
            call = self.conferences.get(identifier)
            if call is None or call.end is not None:
                self.watched.discard(identifier)
            else:
                yield call

    def forget_old(self, now: float) -> None:
        """Drop records that are past their life, or too many."""
        while self.ended:
            call = self.conferences.get(self.ended[0])
            if call is not None:
                expired = call.end is not None and call.end + RECORD_LIFE <= now
                if not expired and len(self.ended) <= RECORD_LIMIT:
                    return
                del self.conferences[call.id]
                self.spaces[call.space].records.remove(call)
            self.ended.popleft()
