"""Looking things up: a pasted link, code or invitation, a room's name, an owner. Answers from our own data; asking Google
about an unknown code is a separate, stated step."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal
from urllib.parse import urlsplit

from django.conf import settings
from django.db.models import F, Q
from django.utils import timezone
from django.utils.formats import date_format

from spaces import access
from spaces.access import Permission
from spaces.actions.similar_codes import beginning_with, near, pieces
from spaces.actions.wordsearch import Found, by_all_words, by_most_words, in_order
from spaces.google import codes, resources
from spaces.message import Message
from spaces.models import Account, PastCode, Person, Room, Space
from spaces.models.rooms import RoomQuerySet
from spaces.sync.clients import resolve_space, usable_for

MOST_ROOMS = 12
SHORT = 200
"""Letters up to which a text may be a name or a question; what is longer is a document without a link."""

Verdict = Literal["empty", "ours", "former", "unknown", "not_a_code", "rooms", "nothing"]


@dataclass(frozen=True, slots=True)
class Answer:
    """The verdict in one word and one message, and the rooms it is about (only such as the person may open).

    `more`: how many further rooms match. `near`: rooms whose code may be meant by an unknown one, the likeliest first. `ignored`:
    words of the text that no room has. `known`: words that find rooms, when another one finds none. `refused`: the text is
    Meet's own error page. `at`: when the link was replaced, of a former one.
    """

    verdict: Verdict
    message: Message | str
    code: str = ""
    rooms: Sequence[Room] = field(default_factory=list)
    more: int = 0
    near: Sequence[Room] = field(default_factory=list)
    ignored: Sequence[str] = ()
    known: str = ""
    refused: bool = False


def find(*, text: str, actor: Person) -> Answer:
    """Return the answer to whatever somebody pasted or typed. Never asks Google, and writes nothing."""
    text = text.strip()
    if not text:
        return Answer("empty", "")
    slug = _own_address(text)
    if slug:
        return _by_address(slug, actor)
    parsed = codes.parse(text)
    if parsed.kind in {"code", "space"}:
        answer = _by_codes(parsed, text, actor)
    elif parsed.kind == "bad":
        answer = _by_text(parsed, text, actor)
    else:
        answer = Answer("not_a_code", parsed.sentence)
    return replace(answer, refused=True) if parsed.refused else answer


def _rooms(actor: Person) -> RoomQuerySet:
    return access.visible_rooms(actor).for_pages().with_owners()


# --- Addresses of our own pages -----------------------------------------------------------------------------------

_OWN_PATH = re.compile(r"/(?:r|rooms)/([\w-]{1,120})(?:[/?#].*)?", re.ASCII)


def _own_address(text: str) -> str:
    """Return the room named by an address of ours, as it stands on the room's card; "" if the text is something else. The site may
    be left out; an address of another site is not ours."""
    if len(text) > SHORT * 10:
        return ""
    bare = re.sub(r"\Ahttps?://", "", text, flags=re.IGNORECASE)
    site, slash, path = bare.partition("/")
    if site and site.lower() != urlsplit(settings.BASE_URL).netloc.lower():
        return ""
    found = _OWN_PATH.fullmatch(slash + path)
    return found[1].lower() if found else ""


def _by_address(slug: str, actor: Person) -> Answer:
    room = _rooms(actor).filter(slug=slug).first()
    if room is None:
        return Answer("nothing", Message("lookup.no_address", {"slug": slug}))
    return Answer("rooms", Message("lookup.room_address", {"room": room.name}), rooms=[room])


# --- Codes --------------------------------------------------------------------------------------------------------


def _by_codes(parsed: codes.Parsed, text: str, actor: Person) -> Answer:
    """Return the answer to a code. A loose one may be ordinary words: every candidate is tried, then the text as words."""
    said = [parsed.value, *(code for code in parsed.candidates if code != parsed.value)]
    found = _by_several(said, actor)
    if found:
        return found
    unknown = Answer("unknown", Message("lookup.unknown_code", {"code": parsed.value}), parsed.value)
    current = access.visible_rooms(actor).current()
    if parsed.loose:
        named = by_all_words(text, current)
        if named.rooms:
            return _by_words(named, text, current)
    if parsed.kind == "code":
        unknown = replace(unknown, near=near([*said, *pieces(text)] if parsed.loose else said, current))
    if parsed.loose and not unknown.near:
        named = by_most_words(text, current)
        if named.rooms:
            return _by_words(named, text, current)
    return unknown


def _by_several(said: Iterable[str], actor: Person) -> Answer | None:
    """Return the answer to those of these codes that are or were ours; None when there is none."""
    answers = [answer for answer in (_by_code(code, actor) for code in said) if answer]
    rooms = list({room.pk: room for answer in answers for room in answer.rooms}.values())
    if len(rooms) < 2:
        return answers[0] if answers else None
    return Answer("rooms", _rooms_match(len(rooms)), rooms=rooms[:MOST_ROOMS], more=len(rooms[MOST_ROOMS:]))


def _by_code(code: str, actor: Person) -> Answer | None:
    """Return the answer to a code or space name that is or was ours."""
    key = Q(name=code) if code.startswith("spaces/") else Q(meeting_code=code)
    rooms = _rooms(actor)
    # Google gives a code that has died to another space: whoever was seen with it last has it now, in use or not.
    latest = Space.objects.order_by(F("code_confirmed_at").desc(nulls_last=True), "-pk").filter(key)
    those = list(latest.only("retired_at"))
    space = next((space for space in those if space.retired_at is None), those[0] if those else None)
    if space:
        room = rooms.filter(space=space).first()
        if room:
            return Answer("ours", Message("lookup.room_link", {"room": room.name}), code, [room])
        former = rooms.filter(former_spaces=space).first()
        if former:
            return _moved(former, code, "lookup.old_link", space.retired_at)
    past = PastCode.objects.filter(code=code).select_related("space").first()
    if past:
        room = rooms.filter(Q(space=past.space) | Q(pk=past.space.former_room_id)).first()
        if room:
            return _moved(room, code, "lookup.old_code", past.replaced_at)
    return None


def _moved(room: Room, code: str, what: str, when: datetime | None) -> Answer:
    """Return the answer to a former link or code; `what` is the code of its message."""
    day = date_format(timezone.localtime(when), "DATE_FORMAT") if when else ""
    return Answer("former", Message(what, {"room": room.name, "now": _instead(room, day)}), code, [room])


def _instead(room: Room, day: str) -> Message:
    """Return what is to be used now, and since which day if that is known."""
    now = room.space.meeting_code if room.space else ""
    if now and day:
        return Message("lookup.replaced_use_instead", {"day": day, "code": now})
    if now:
        return Message("lookup.use_instead", {"code": now})
    return Message("lookup.replaced_no_link_now", {"day": day}) if day else Message("lookup.no_link_now")


# --- Words --------------------------------------------------------------------------------------------------------


def _by_text(parsed: codes.Parsed, text: str, actor: Person) -> Answer:
    """Return the answer to a text without a code: a name, an owner, a code with a slip in it, or a sentence with a name in it."""
    current = access.visible_rooms(actor).current()
    begun = beginning_with(text, current)
    if begun:
        return Answer("unknown", Message("lookup.beginning_of_code"), near=begun)
    named = by_all_words(text, current)
    if not named.rooms:
        close = near(pieces(text), current)
        if close:
            return Answer("unknown", Message("lookup.not_our_code"), near=close)
        named = by_most_words(text, current)
    has_link = re.search(r"://|\bmeet\.google\b", text[:SHORT]) is not None
    if not named.rooms and (has_link or len(text) > SHORT or text.startswith("spaces/")):
        return Answer("not_a_code", parsed.sentence)
    return _by_words(named, text, current)


def _by_words(found: Found, text: str, rooms: RoomQuerySet) -> Answer:
    number = found.total
    if not found.rooms:
        return _nothing(found, text)
    chosen = found.rooms[:1] if found.certain else found.rooms[:MOST_ROOMS]
    shown = in_order(chosen, rooms)
    if found.partial:
        message = Message("lookup.partial_matches", {"n": number})
    elif found.certain and shown:
        message = Message("lookup.room", {"room": shown[0].name})
    else:
        message = _rooms_match(number)
    return Answer("rooms", message, rooms=shown, more=number - len(chosen), ignored=found.ignored)


def _rooms_match(number: int) -> Message:
    return Message("lookup.rooms_match", {"n": number})


def _nothing(found: Found, text: str) -> Answer:
    if len(text) <= SHORT and re.fullmatch(r"\S+@\S+", text):
        return Answer("nothing", Message("lookup.owns_nothing", {"text": text[:80]}))
    if found.missing and found.known:
        message = Message("lookup.no_room", {"text": ", ".join(found.missing)[:80]})
        return Answer("nothing", message, known=" ".join(found.known))
    shown = text if len(text) <= 80 else f"{text[:79]}…"
    return Answer("nothing", Message("lookup.nothing", {"text": shown}))


# --- Asking Google ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Word:
    """What Google says about a code that is not in our list."""

    message: Message
    space: resources.Space | None = None
    account: Account | None = None


def ask_google(*, text: str, actor: Person) -> Word:
    """Ask Google, through our accounts, what is behind a code. A person's explicit step, one read an account at most.

    Raises NotAllowed, ActionRejected (not a code) or a GoogleError when nobody could be asked.
    """
    access.require(actor, Permission.LOOKUP_ASK)
    parsed = codes.parse_one(text)
    sighting = resolve_space(parsed, usable_for(actor))
    if sighting is None:
        return Word(Message("lookup.google_hides", {"code": parsed.value}))
    space = sighting.space
    if space.asked_by_owner:
        return Word(_owned(space, sighting.account, actor), space, sighting.account)
    ours = Space.objects.filter(name=space.name).first()
    if ours and ours.meeting_code != space.meeting_code:
        room = access.visible_rooms(actor).filter(space=ours).first()
        params = {"room": room.name if room else ours.name, "code": ours.meeting_code}
        return Word(Message("lookup.code_moved", params), space)
    return Word(Message("lookup.somebody_elses"), space)


def _owned(space: resources.Space, account: Account, actor: Person) -> Message:
    """Return what to say of a space of ours. An admin of other buildings learns nothing of a room's calls by its code either."""
    at = f"{timezone.localtime():%H:%M:%S %Z}"
    room = Room.objects.filter(space__name=space.name).first()
    if room and not access.can(actor, Permission.CALL_SEE, room):
        return Message("lookup.room_hidden_call")
    running = bool(space.active_record)
    if room:
        return Message("lookup.room_call" if running else "lookup.room_idle", {"room": room.name, "time": at})
    code = "lookup.account_call" if running else "lookup.account_idle"
    return Message(code, {"account": account.email, "time": at})
