"""Who is who in a call: room device, note-taking bot, phone, guest or person. Pure rules, each with its evidence.

Google tells four things about a participant: a resource name, whether it is signed in, a guest or a phone, a display name, and
for signed-in users a Google id. A meeting-room device is a signed-in user whose display name was set by an administrator
(Meet REST reference, "participants"); no address is given and no API lists Meet hardware. So a device is recognised by what was
answered or learned about its Google id, and otherwise by its name.
"""

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise

LONGEST = 400
"""Letters of a normalised name that are compared and stored."""

# Words that are added to a room's name to name its device, at either end of the name.
DEVICE_WORDS = ("chromebase", "chromebox", "device", "gerät", "hardware", "meet", "room")
# Words by which an unknown account looks like a device rather than like a person. They only lead to a question.
HARDWARE_WORDS = {
    *DEVICE_WORDS,
    *(
        "asus",
        "bar",
        "board",
        "boardroom",
        "cisco",
        "conference",
        "desk",
        "display",
        "huddle",
        "jabra",
        "kit",
        "konferenz",
    ),
    *(
        "lenovo",
        "logitech",
        "meeting",
        "meetup",
        "neat",
        "poly",
        "polycom",
        "raum",
        "rally",
        "rightsense",
        "saal",
        "sala",
    ),
    *("salle", "screen", "series", "studio", "tap", "tv", "webex", "whiteboard", "yealink", "zoom"),
}

# Words in a row anywhere in the name; with "=" in front the name must be nothing else, because people are called so, too.
NOTE_TAKERS = (
    *("notetaker", "note taker", "notetaking", "note taking", "notes taker", "meeting notes", "meeting assistant"),
    *("meeting recorder", "ai assistant", "ai companion", "ai meeting", "ai notes", "ai recorder"),
    *("otter.ai", "otterpilot", "otter pilot", "otter assistant", "otter bot", "=otter"),
    *("fireflies", "fireflies.ai", "read.ai", "readai", "tl;dv", "tldv", "avoma", "sembly", "meetgeek", "supernormal"),
    *("airgram", "zoom ai", "copilot", "circleback", "tactiq", "rewatch", "fellow.app", "bluedot", "laxis", "claap"),
    *("modjo", "happyscribe", "happy scribe", "recall.ai", "meetminutes", "sally ai", "spinach ai", "gong.io", "chorus.ai"),
    *("fathom.video", "fathom ai", "fathom bot", "=fathom", "grain.com", "grain bot", "grain recorder", "notes by grain"),
    *("=grain", "krisp.ai", "krisp ai", "krisp bot", "krisp assistant", "=krisp", "notta.ai", "notta ai", "notta bot", "=notta"),
    *("nyota", "jamie ai", "gong recorder", "noota", "vowel.com", "colibri.ai", "bliro", "meetrecord", "sybill"),
)  # fmt: skip

UNMISTAKABLE = 8
"""Letters of a bot's name from which it is found inside a longer word, too."""


class Kind(StrEnum):
    """What a participant counts as; the values are those of models.Participant.Kind."""

    PERSON = "person"
    DEVICE = "device"
    PHONE = "phone"
    GUEST = "guest"
    BOT = "bot"


class Evidence(StrEnum):
    """Why a participant counts as that: `confirmed` by an answer or by a person's sign-in, by `name`, or for want of both."""

    CONFIRMED = "confirmed"
    NAME = "name"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Seen:
    """What Google tells about a participant; `signed_in`, `guest` or `phone`."""

    kind: str
    google_id: str
    display_name: str


@dataclass(frozen=True, slots=True)
class Identity:
    """What is stored about a Google id. `is_device`: None while nobody has answered and no name has matched."""

    is_device: bool | None
    room: int | None = None
    confirmed: bool = False


@dataclass(frozen=True, slots=True)
class RoomNames:
    """The names under which a room's device may appear. `here`: the call is in this room."""

    pk: int
    name: str
    building: str = ""
    code: str = ""
    floor: str = ""
    device_name: str = ""
    resource_name: str = ""
    here: bool = False


@dataclass(frozen=True, slots=True)
class Known:
    """What recognition goes by. `people`: Google ids of those who sign in here; `names`: key of a name to room, see `index`;
    `bots`: see `patterns`."""

    people: frozenset[str] = frozenset()
    identities: Mapping[str, Identity] = field(default_factory=dict)
    names: Mapping[str, int] = field(default_factory=dict)
    bots: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Recognised:
    """The verdict on one participant. `room`: whose device it is, if known; `ask`: somebody should say whether it is a device."""

    kind: Kind
    evidence: Evidence
    room: int | None = None
    ask: bool = False


def recognise(seen: Seen, known: Known) -> Recognised:
    """Tell what a participant is.

    Somebody who signs in to this installation is a person, whatever the name; then an answer about the Google id counts, then the
    name. A device that comes through another system is a guest; guests can type any name, so theirs must say which room it is.
    """
    if seen.kind == "phone":
        return Recognised(Kind.PHONE, Evidence.CONFIRMED)
    if seen.kind == "signed_in":
        if seen.google_id and seen.google_id in known.people:
            return Recognised(Kind.PERSON, Evidence.CONFIRMED)
        identity = known.identities.get(seen.google_id) if seen.google_id else None
        if identity and identity.is_device is not None:
            evidence = Evidence.CONFIRMED if identity.confirmed else Evidence.NAME
            return Recognised(Kind.DEVICE if identity.is_device else Kind.PERSON, evidence, identity.room)
    for name in spellings(seen.display_name):
        room = known.names.get(key(name))
        if room is not None and (seen.kind == "signed_in" or is_telling(name)):
            return Recognised(Kind.DEVICE, Evidence.NAME, room)
    if is_bot(seen.display_name, known.bots):
        return Recognised(Kind.BOT, Evidence.NAME)
    if seen.kind == "signed_in":
        ask = bool(seen.google_id) and looks_like_device(seen.display_name, known.names)
        return Recognised(Kind.PERSON, Evidence.UNKNOWN, ask=ask)
    return Recognised(Kind.GUEST, Evidence.UNKNOWN)


def is_telling(name: str) -> bool:
    """Whether a normalised name is unlikely to be one that a person has: rooms are named "Ada" as people are."""
    return " " in name or any(letter.isdigit() for letter in name)


def looks_like_device(display_name: str, names: Iterable[str] = ()) -> bool:
    """Whether an unknown account is named like a device: by a word for hardware, a serial or room number, or a room's name at
    one end of its own. "Engineer 01" could be a person's second account."""
    name = words(display_name)
    parts = name.split()
    numbers = [part for part in parts if any(letter.isdigit() for letter in part)]
    if not HARDWARE_WORDS.isdisjoint(parts) or len(numbers) > 1 or any(not one.isdigit() for one in numbers):
        return True
    whole = key(name)
    return any(len(room) > 3 and (whole.startswith(room) or whole.endswith(room)) for room in names)


def is_bot(display_name: str, bots: Iterable[str]) -> bool:
    """Whether the name is that of a note-taking bot; `bots` as made by `patterns`."""
    name = words(display_name)
    return bool(name) and any(_is_named(name, bot) for bot in bots)


def _is_named(name: str, bot: str) -> bool:
    if bot.startswith("="):
        return name == bot[1:]
    if len(bot) >= UNMISTAKABLE and " " not in bot:
        return bot in name  # "OtterNotetaker"
    return f" {bot} " in f" {name} "


def patterns(configured: Iterable[str]) -> tuple[str, ...]:
    """The configured bot names, normalised; the word `default` stands for NOTE_TAKERS."""
    listed = [
        name
        for entry in configured
        for name in (NOTE_TAKERS if entry.strip().lower() == "default" else (entry,))
    ]
    found = [f"={words(name)}" if name.lstrip().startswith("=") else words(name) for name in listed]
    return tuple(one for one in dict.fromkeys(found) if one.strip("="))


def words(text: str) -> str:
    """A name as it is compared: letters and digits only, in one spelling, small, with single blanks between the words.

    Compatibility forms, upper case, ß, blanks, dashes, other signs and invisible characters make no difference.
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return " ".join("".join(_letters(folded)).split())[:LONGEST]


def key(name: str) -> str:
    """A normalised name without the blanks that make no difference: "Berlin 1.01" is "Berlin1.01", but not "Berlin 10.1"."""
    return "".join(
        f" {part}" if before[-1:].isdigit() and part[0].isdigit() else part
        for before, part in pairwise(["", *name.split()])
    )


def _letters(text: str) -> Iterator[str]:
    for letter in text:
        category = unicodedata.category(letter)
        if category[0] in "LNM":
            yield letter
        elif (
            category != "Cf"
        ):  # zero-width and other invisible characters are left out, everything else parts words
            yield " "


def spellings(text: str) -> tuple[str, ...]:
    """The normalised names that a name may stand for, the fullest first: without Calendar's additions in brackets, without the
    building and floor that Calendar puts in front (`BER-1-Berlin 1.01 (8) [Zoom]`), and without words for a device."""
    bare = _without_brackets(text)
    found = [words(text), words(bare)]
    parts = _with_plain_dashes(bare).split("-", 2)
    if len(parts) == 3 and bare != text.strip():
        found.append(words(parts[2]))
    found += [_without_device_words(name) for name in found]
    return tuple(name for name in dict.fromkeys(found) if name)


def barest(text: str) -> str:
    """The key of the shortest of the spellings, by which the database finds candidates."""
    return key(min(spellings(text), key=len, default=""))


def _without_brackets(text: str) -> str:
    text = text.strip()
    for _ in range(4):
        opening = {")": "(", "]": "["}.get(text[-1:], "")
        start = text.rfind(opening) if opening else -1
        if start <= 0:
            break
        text = text[:start].rstrip()
    return text


def _with_plain_dashes(text: str) -> str:
    return "".join("-" if unicodedata.category(letter) == "Pd" else letter for letter in text)


def _without_device_words(name: str) -> str:
    for word in DEVICE_WORDS:
        rest = name.removesuffix(word).removeprefix(word).strip()
        if rest and rest != name:
            return _without_device_words(rest)
    return name


def names_of(room: RoomNames) -> Iterator[str]:
    """The normalised names under which this room's device may appear: its own name, the room's with and without building and
    floor, the resource's."""
    yield from (*spellings(room.device_name), *spellings(room.resource_name))
    floor, places = words(room.floor), [one for one in (words(room.building), words(room.code)) if one]
    names = list(spellings(room.name))
    # Without the building only where a number says which room it is: the rest could be a person's name.
    rests = [name.removeprefix(f"{place} ") for name in names for place in places]
    names += [rest for rest in rests if any(letter.isdigit() for letter in rest)]
    for name in names:
        yield name
        for place in places:
            yield from (f"{place} {name}", f"{name} {place}", f"{place} {floor} {name}")


def index(rooms: Iterable[RoomNames]) -> dict[str, int]:
    """Key of a name to room; where several rooms share a name, the first of them.

    A device may sit in another room's call. There a room's name counts only if no person is likely to have it.
    """
    found: dict[str, int] = {}
    for room in rooms:
        for name in names_of(room):
            if name and (room.here or is_telling(name) or name == words(room.device_name)):
                found.setdefault(key(name), room.pk)
    return found


def candidates(display_names: Iterable[str]) -> set[str]:
    """The keys by which the database finds rooms whose device may be called so: of every beginning and every end of the
    spellings, because building and floor may stand around the room's name."""
    found: set[str] = set()
    for display_name in display_names:
        for name in spellings(display_name):
            parts = name.split()[:12]
            for cut in range(1, len(parts) + 1):
                found |= {key(" ".join(parts[:cut])), key(" ".join(parts[-cut:]))}
    return found
