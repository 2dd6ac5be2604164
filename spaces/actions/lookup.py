"""Looking things up: a pasted link, code or invitation, a room's name, an owner. Answers from our own data; asking Google
about an unknown code is a separate, stated step."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from django.db.models import Q
from django.utils import timezone

from spaces import access
from spaces.access import Permission
from spaces.actions.asking import sight
from spaces.google import codes, resources
from spaces.models import Account, PastCode, Person, Room, Space

MOST_ROOMS = 20

Verdict = Literal["empty", "ours", "former", "retired", "unknown", "not_a_code", "rooms", "nothing"]


@dataclass(frozen=True, slots=True)
class Answer:
    """The verdict in one word and one sentence, and the rooms it speaks of (only such as the person may open)."""

    verdict: Verdict
    sentence: str
    code: str = ""
    rooms: Sequence[Room] = field(default_factory=list)
    more: int = 0


def find(*, text: str, actor: Person) -> Answer:
    """The answer to whatever somebody pasted or typed. Never asks Google."""
    text = text.strip()
    if not text:
        return Answer("empty", "")
    parsed = codes.parse(text)
    if parsed.kind in {"code", "space"}:
        answer = _by_code(parsed, actor)
        if answer.verdict != "unknown" or not parsed.bare:
            return answer
        named = _by_words(text, actor)
        return named if named.rooms else answer
    if parsed.kind == "bad":
        named = _by_words(text, actor)
        if named.rooms or len(text) < 60:
            return named
    return Answer("not_a_code", parsed.sentence)


def _by_code(parsed: codes.Parsed, actor: Person) -> Answer:
    key = Q(meeting_code=parsed.value) if parsed.kind == "code" else Q(name=parsed.value)
    rooms = access.visible_rooms(actor).for_pages().prefetch_related("ownerships__person")
    space = Space.objects.filter(key, retired_at=None).first() or Space.objects.filter(key).first()
    if space:
        room = rooms.filter(space=space).first()
        if room:
            return Answer("ours", f"This is the link of {room.name}.", parsed.value, [room])
        former = rooms.filter(former_spaces=space).first()
        if former:
            return _moved(
                former, parsed.value, "had this link until it was given a new one", space.retired_at
            )
    past = PastCode.objects.filter(code=parsed.value).select_related("space").first()
    if past:
        room = rooms.filter(Q(space=past.space) | Q(pk=past.space.former_room_id)).first()
        if room:
            return _moved(
                room, parsed.value, "had this code; Google has given its space another one", past.replaced_at
            )
    return Answer(
        "unknown",
        f"{parsed.value} is none of our rooms' links, now or earlier. It may be somebody's own meeting, or a code that has died.",
        parsed.value,
    )


def _moved(room: Room, code: str, what: str, when: datetime | None) -> Answer:
    since = f" on {when:%-d %B %Y}" if when else ""
    now = (
        f"Use {room.space.meeting_code} instead."
        if room.space and room.space.meeting_code
        else "It has no link now."
    )
    return Answer("former", f"An old link: {room.name} {what}{since}. {now}", code, [room])


def _by_words(text: str, actor: Person) -> Answer:
    found = access.visible_rooms(actor).current().matching(text[:200])
    rooms = list(found.for_pages().prefetch_related("ownerships__person").order_by("name")[: MOST_ROOMS + 1])
    if not rooms:
        return Answer("nothing", f"No room, place, owner or code matches “{text[:80]}”.")
    more = found.count() - MOST_ROOMS if len(rooms) > MOST_ROOMS else 0
    shown = rooms[:MOST_ROOMS]
    sentence = f"This is {shown[0].name}." if len(rooms) == 1 else f"{len(shown) + more} rooms match."
    return Answer("rooms", sentence, rooms=shown, more=more)


@dataclass(frozen=True, slots=True)
class Word:
    """What Google says about a code that is not in our list."""

    sentence: str
    space: resources.Space | None = None
    account: Account | None = None


def ask_google(*, text: str, actor: Person) -> Word:
    """Ask Google, through our accounts, what is behind a code. A person's explicit step, one read an account at most.

    Raises NotAllowed, audit.Refused (not a code) or a GoogleError when nobody could be asked.
    """
    access.require(actor, Permission.LOOKUP_ASK)
    parsed = codes.parse(text)
    sighting = sight(parsed, Account.objects.usable(), actor=actor)
    if sighting is None:
        return Word(
            f"Google shows none of our accounts a meeting behind {parsed.value}: the code is mistyped, has died, or the meeting "
            "was made by another app and is hidden from us."
        )
    space = sighting.space
    if space.asked_by_owner:
        return Word(_owned(space, sighting.account), space, sighting.account)
    ours = Space.objects.filter(name=space.name).first()
    if ours and ours.meeting_code != space.meeting_code:
        return Word(
            f"This code now belongs to {ours.name}, which we know under {ours.meeting_code}. Refresh its room.",
            space,
        )
    return Word(
        "Google knows this meeting, and none of our accounts owns it: it is somebody's own. Its owner or somebody in the call "
        "can help; Google tells nobody else who that is.",
        space,
    )


def _owned(space: resources.Space, account: Account) -> str:
    state = "a call is on in it" if space.active_record else "no call is on in it"
    return (
        f"This is a meeting of {account.email}, which is one of our accounts; {state}. It belongs to no room here yet: an admin can "
        f"give it to a room (“Use an existing link”). Asked at {timezone.now():%H:%M:%S} UTC."
    )
