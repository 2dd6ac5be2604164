"""What calls leave behind: recordings, transcripts with their entries, and notes.

Only what the control ordered is stored. Everything else is a function of the call (its name, its participants, its beginning
and end), so ten thousand rooms cost nothing, and the same call always has the same. Some rooms have the habit of recording,
transcribing or taking notes; any space has it whose settings say so when a call begins.

Meet REST guide: Work with artifacts. Nobody entitled = nothing starts: the first signed-in person starts it, a room's
device does not. The file is there some minutes after the end.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from simulator.entities import Conference, Participant, Recorded
from simulator.identifiers import token_of
from simulator.world import World

KINDS = ("recordings", "transcripts", "smartNotes")
STATES = ("STATE_UNSPECIFIED", "STARTED", "ENDED", "FILE_GENERATED")
HABITS = {"recordings": 0.12, "transcripts": 0.2, "smartNotes": 0.15}  # share of the rooms
FILE_AFTER = (240.0, 420.0)  # seconds from the end to the file; 5 to 6 minutes were measured
STEP = 12.0  # seconds from one transcript entry to the next

_SUBJECTS = (
    "The budget", "The new floor plan", "Our release", "The customer visit", "The heating", "This sprint", "The contract",
    "The workshop", "The second offer", "The test run",
)  # fmt: skip
_VERBS = (
    "is ready", "needs another week", "looks better than last time", "should be checked by somebody else",
    "is on the agenda for Thursday", "has moved to next month", "can wait", "is almost done",
)  # fmt: skip
_TAILS = (
    "I will write it down.", "Does anybody object?", "Let us come back to that.", "Can you hear me?",
    "I would like to see the numbers first.", "Thank you.", "That is all from my side.",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Artifact:
    """A recording, a transcript or notes of one call; moments of world time. ``end`` None = still going on."""

    kind: str
    name: str
    start: float
    end: float | None
    file_at: float | None
    file: str
    literal: str = ""

    def state(self, now: float) -> str:
        """STARTED while it goes on, ENDED until its file is written, then FILE_GENERATED; or what the control ordered."""
        if self.literal:
            return self.literal
        if self.end is None:
            return "STARTED"
        return "FILE_GENERATED" if self.file_at is not None and self.file_at <= now else "ENDED"


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that somebody said."""

    number: int
    speaker: Participant
    text: str
    start: float
    end: float


def _share(*parts: object) -> float:
    """A repeatable number from 0 up to 1."""
    raw = hashlib.sha256("/".join(map(str, parts)).encode()).digest()
    return int.from_bytes(raw[:6], "big") / 2**48


def artifacts_of(world: World, call: Conference, kind: str) -> list[Artifact]:
    """What a call has left behind so far, the oldest first."""
    now = world.now()
    found: list[Artifact] = []
    for number, part in enumerate(_parts(world, call, kind)):
        if part.start > now or (call.end is not None and part.start >= call.end):
            continue
        end = call.end if part.end is None else part.end if call.end is None else min(part.end, call.end)
        if end is not None and end > now:
            end = None
        wait = FILE_AFTER[0] + (FILE_AFTER[1] - FILE_AFTER[0]) * _share(kind, "file", call.id, number)
        file_at = part.file_at if part.file_at is not None else None if end is None else end + wait
        found.append(
            Artifact(
                kind=kind,
                name=f"{call.name}/{kind}/{token_of(kind, call.id, number, length=28)}",
                start=part.start,
                end=end,
                file_at=file_at,
                file="1" + token_of("file", kind, call.id, number, length=32),
                literal=part.state,
            )
        )
    return found


def _parts(world: World, call: Conference, kind: str) -> list[Recorded]:
    """When it goes on: as the control ordered, or by habit."""
    if kind in call.recorded:
        return call.recorded[kind]
    begin = _begin(world, call, kind)
    if begin is None:
        return []
    # Every fourth is stopped after a while and started again.
    if _share(kind, "pause", call.id) < 0.25:
        pause = begin + 300 + 900 * _share(kind, "stop", call.id)
        return [Recorded(begin, pause), Recorded(pause + 120)]
    return [Recorded(begin)]


def change_artifact(
    world: World, call: Conference, kind: str, action: str, *, at: float, state: str = ""
) -> None:
    """Start, stop, write the file of, or do without (``none``) a recording, transcript or notes.

    From then on only such orders count for this call, not the room's habit. ``state`` is what Google is to call it. Raises
    ValueError with a sentence if there is nothing to stop or write, or something runs already.
    """
    parts = [
        Recorded(each.start, each.end, each.file_at if each.end is not None else None, each.literal)
        for each in artifacts_of(world, call, kind)
    ]
    running = bool(parts) and parts[-1].end is None
    if action == "none":
        parts = []
    elif action == "start":
        if running:
            raise ValueError("It is running already.")
        parts.append(Recorded(at, state=state))
    elif action == "stop":
        if not running:
            raise ValueError("Nothing is running.")
        parts[-1].end, parts[-1].state = at, state
    else:
        if not parts:
            raise ValueError("There is nothing to write a file of.")
        last = parts[-1]
        last.end, last.file_at, last.state = min(at, last.end or at), at, state
    call.recorded[kind] = parts
    world.version += 1


def _begin(world: World, call: Conference, kind: str) -> float | None:
    """When it is switched on: half a minute to three after the first person came."""
    if kind not in call.automatic:
        room = world.spaces[call.space].room
        if room is None or _share("habit", kind, world.seed, room) >= HABITS[kind]:
            return None
    first = min((each.joined for each in call.participants if each.kind == "person"), default=None)
    if first is None:
        return None
    return max(first, call.start) + 30 + 150 * _share(kind, "begin", call.id)


def entries_of(world: World, call: Conference, transcript: Artifact, *, after: int = -1) -> Iterator[Entry]:
    """What was said, in order, from the entry after number ``after`` on; only people who were there speak."""
    end = world.now() if transcript.end is None else transcript.end
    people = [each for each in call.participants if each.kind in ("person", "guest", "phone")]
    number = after + 1
    while (at := transcript.start + STEP * number) + STEP <= end:
        entry = _entry(transcript, people, number, at)
        if entry is not None:
            yield entry
        number += 1


def entry_of(world: World, call: Conference, transcript: Artifact, number: int) -> Entry | None:
    """One entry by its number; None if there is none."""
    found = next(entries_of(world, call, transcript, after=number - 1), None)
    return found if found is not None and found.number == number else None


def _entry(transcript: Artifact, people: list[Participant], number: int, at: float) -> Entry | None:
    chance = hashlib.sha256(f"{transcript.name}/{number}".encode()).digest()
    start = at + chance[0] / 256 * 3
    there = [
        each
        for each in people
        if any(float(come or 0) <= start and (go is None or go > start) for come, go in each.sessions)
    ]
    if not there:
        return None
    said = f"{_SUBJECTS[chance[2] % len(_SUBJECTS)]} {_VERBS[chance[3] % len(_VERBS)]}."
    if chance[4] % 3 == 0:
        said += " " + _TAILS[chance[5] % len(_TAILS)]
    return Entry(number, there[chance[1] % len(there)], said, start, start + 2 + chance[6] / 256 * 6)
