"""Looking things up: a pasted link, code or invitation, a room's name, an owner. Answers from our own data; asking Google
about an unknown code is a separate, stated step."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Literal
from urllib.parse import urlsplit

from django.conf import settings
from django.db.models import F, Q
from django.utils import timezone
from django.utils.formats import date_format

from spaces import access
from spaces.access import Permission
from spaces.actions.asking import sight, usable_for
from spaces.google import codes, resources
from spaces.models import Account, PastCode, Person, Room, Space
from spaces.models.rooms import RoomQuerySet
from spaces.words import Text, counted, joined
from spaces.words import text as _

MOST_ROOMS = 20
MOST_NEAR = 5
MOST_ALIKE = 500

Verdict = Literal["empty", "ours", "former", "retired", "unknown", "not_a_code", "rooms", "nothing"]


@dataclass(frozen=True, slots=True)
class Answer:
    """The verdict in one word and one sentence, and the rooms it speaks of (only such as the person may open)."""

    verdict: Verdict
    sentence: str
    code: str = ""
    rooms: Sequence[Room] = field(default_factory=list)
    more: int = 0
    near: Sequence[Room] = field(default_factory=list)
    """Rooms whose code differs in one letter from an unknown one: perhaps it was misheard."""


def find(*, text: str, actor: Person) -> Answer:
    """The answer to whatever somebody pasted or typed. Never asks Google."""
    text = text.strip()
    if not text:
        return Answer("empty", "")
    slug = _own_address(text)
    if slug:
        return _by_address(slug, actor)
    parsed = codes.parse(text)
    if parsed.kind in {"code", "space"}:
        answer = _by_code(parsed, actor)
        if answer.verdict != "unknown" or not parsed.bare:
            return answer
        named = _by_words(text, actor)
        return named if named.rooms else answer
    if parsed.kind == "bad":
        named = _by_words(text, actor)
        if named.rooms or (len(text) < 60 and parsed.sentence == codes.NOT_CODES):
            return named
    return Answer("not_a_code", parsed.sentence)


_OWN_PATH = re.compile(r"/(?:r|rooms)/([\w-]{1,120})(?:[/?#].*)?", re.ASCII)


def _own_address(text: str) -> str:
    """The room named by an address of ours, as it stands on the card on the wall; "" if the text is something else. The site may
    be left out, another site's address is none of ours."""
    bare = re.sub(r"\Ahttps?://", "", text, flags=re.IGNORECASE)
    site, slash, path = bare.partition("/")
    if site and site.lower() != urlsplit(settings.BASE_URL).netloc.lower():
        return ""
    found = _OWN_PATH.fullmatch(slash + path)
    return found[1].lower() if found else ""


def _by_address(slug: str, actor: Person) -> Answer:
    room = (
        access.visible_rooms(actor)
        .for_pages()
        .prefetch_related("ownerships__person")
        .filter(slug=slug)
        .first()
    )
    if room is None:
        return Answer("nothing", _("No room has the address “%(slug)s” here.") % {"slug": slug})
    return Answer("rooms", _("This is the address of %(room)s.") % {"room": room.name}, rooms=[room])


def _by_code(parsed: codes.Parsed, actor: Person) -> Answer:
    key = Q(meeting_code=parsed.value) if parsed.kind == "code" else Q(name=parsed.value)
    rooms = access.visible_rooms(actor).for_pages().prefetch_related("ownerships__person")
    # Google gives a code that has died to another space: whoever was seen with it last has it now, in use or not.
    latest = Space.objects.order_by(F("code_confirmed_at").desc(nulls_last=True), "-pk").filter(key)
    space = latest.filter(retired_at=None).first() or latest.first()
    if space:
        room = rooms.filter(space=space).first()
        if room:
            return Answer(
                "ours", _("This is the link of %(room)s.") % {"room": room.name}, parsed.value, [room]
            )
        former = rooms.filter(former_spaces=space).first()
        if former:
            return _moved(
                former,
                parsed.value,
                _("An old link: %(room)s had this link until it was given a new one."),
                space.retired_at,
            )
    past = PastCode.objects.filter(code=parsed.value).select_related("space").first()
    if past:
        room = rooms.filter(Q(space=past.space) | Q(pk=past.space.former_room_id)).first()
        if room:
            return _moved(
                room,
                parsed.value,
                _("An old link: %(room)s had this code; Google has given its space another one."),
                past.replaced_at,
            )
    return Answer(
        "unknown",
        _(
            "%(code)s is none of our rooms' links, now or earlier. It may be somebody's own meeting, "
            "or a code that has died."
        )
        % {"code": parsed.value},
        parsed.value,
        near=_near(parsed.value, actor) if parsed.kind == "code" else [],
    )


def _near(code: str, actor: Person) -> list[Room]:
    """Rooms whose code is one letter, or two neighbouring letters in the wrong order, away from this one. One half of the code
    is then as it was said, which the database can look for."""
    halves = Q(space__meeting_code__startswith=code[:6]) | Q(space__meeting_code__endswith=code[6:])
    rooms = access.visible_rooms(actor).current().filter(halves).select_related("space").order_by("name")[:50]
    return [room for room in rooms if room.space and _misheard(code, room.space.meeting_code)][:MOST_NEAR]


def _misheard(said: str, code: str) -> bool:
    if len(said) != len(code):
        return False
    wrong = [place for place, (one, other) in enumerate(zip(said, code, strict=True)) if one != other]
    if len(wrong) == 2 and wrong[1] == wrong[0] + 1:
        return said[wrong[0]] + said[wrong[1]] == code[wrong[1]] + code[wrong[0]]
    return len(wrong) == 1


def _moved(room: Room, code: str, what: Text, when: datetime | None) -> Answer:
    parts = [what % {"room": room.name}]
    if when:
        parts.append(
            _("That was on %(day)s.") % {"day": date_format(timezone.localtime(when), "DATE_FORMAT")}
        )
    if room.space and room.space.meeting_code:
        parts.append(_("Use %(code)s instead.") % {"code": room.space.meeting_code})
    else:
        parts.append(_("It has no link now."))
    return Answer("former", joined(*parts), code, [room])


def _by_words(text: str, actor: Person) -> Answer:
    everything = access.visible_rooms(actor).current()
    rooms, number = _some(everything.matching(text[:200]))
    if rooms:
        sentence = counted("%(n)s room matches.", "%(n)s rooms match.", number) % {"n": number}
        if number == 1:
            sentence = _("This is %(room)s.") % {"room": rooms[0].name}
        return Answer("rooms", sentence, rooms=rooms, more=number - len(rooms))
    if re.fullmatch(r"\S+@\S+", text):
        return Answer("nothing", _("No room has %(text)s as its owner or deputy.") % {"text": text[:80]})
    rooms, number = _some(_nearly(text[:200], everything))
    if not rooms:
        return Answer("nothing", _("No room, place, owner or code matches “%(text)s”.") % {"text": text[:80]})
    sentence = counted(
        "Nothing is called “%(text)s”, but %(n)s room comes near.",
        "Nothing is called “%(text)s”, but %(n)s rooms come near.",
        number,
    ) % {"n": number, "text": text[:80]}
    return Answer("rooms", sentence, rooms=rooms, more=number - len(rooms))


def _some(found: RoomQuerySet) -> tuple[list[Room], int]:
    """The first rooms of these, and how many there are."""
    rooms = list(found.for_pages().prefetch_related("ownerships__person").order_by("name")[: MOST_ROOMS + 1])
    return rooms[:MOST_ROOMS], found.count() if len(rooms) > MOST_ROOMS else len(rooms)


def _nearly(text: str, rooms: RoomQuerySet) -> RoomQuerySet:
    """What is meant by “berlin 314” and by “room 3.14 is blocked”: a name written otherwise, or else the words with a number in
    them, which say which room it is."""
    alike = _written_otherwise(text, rooms)
    if alike:
        return rooms.filter(pk__in=alike)
    numbered = " ".join(re.findall(r"[\w.-]*\d[\w.-]*\b", text))
    return rooms.matching(numbered) if numbered else rooms.none()


def _written_otherwise(text: str, rooms: RoomQuerySet) -> list[int]:
    """Ids of the rooms with the same letters and digits in their place and name, whatever stands between them."""
    wanted = _squashed(text)
    if len(wanted) < 3:
        return []
    names = rooms.values_list("pk", "name", "building__name", "building__code")
    found = (pk for pk, name, *places in names if any(wanted in _squashed(place + name) for place in places))
    return list(islice(found, MOST_ALIKE))


def _squashed(text: str) -> str:
    return "".join(letter for letter in text.casefold() if letter.isalnum())


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
    sighting = sight(parsed, usable_for(actor))
    if sighting is None:
        return Word(
            _(
                "Google shows none of our accounts a meeting behind %(code)s: the code is mistyped, has "
                "died, or the meeting was made by another app and is hidden from us."
            )
            % {"code": parsed.value}
        )
    space = sighting.space
    if space.asked_by_owner:
        return Word(_owned(space, sighting.account, actor), space, sighting.account)
    ours = Space.objects.filter(name=space.name).first()
    if ours and ours.meeting_code != space.meeting_code:
        room = access.visible_rooms(actor).filter(space=ours).first()
        return Word(
            _("This code now belongs to %(room)s, which we know under %(code)s. Refresh its room.")
            % {"room": room.name if room else ours.name, "code": ours.meeting_code},
            space,
        )
    return Word(
        _(
            "Google knows this meeting, and none of our accounts owns it: it is somebody's own. Its owner or somebody in the call "
            "can help; Google tells nobody else who that is."
        ),
        space,
    )


def _owned(space: resources.Space, account: Account, actor: Person) -> Text:
    """A room's law holds here, too: for an admin of other buildings the way round by its code tells nothing of its calls."""
    at = f"{timezone.localtime():%H:%M:%S %Z}"
    room = Room.objects.filter(space__name=space.name).first()
    if room and not access.can(actor, Permission.CALL_SEE, room):
        return _("This is the link of a room, and whether a call is on in it is not open to you.")
    call = _("A call is on in it.") if space.active_record else _("No call is on in it.")
    asked = _("Asked at %(time)s.") % {"time": at}
    if room:
        return joined(_("This is the link of %(room)s.") % {"room": room.name}, call, asked)
    return joined(
        _("This is a meeting of %(account)s, which is one of our accounts.") % {"account": account.email},
        call,
        _("It belongs to no room here yet: an admin can give it to a room (“Use an existing link”)."),
        asked,
    )
