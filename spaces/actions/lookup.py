"""Looking things up: a pasted link, code or invitation, a room's name, an owner. Answers from our own data; asking Google
about an unknown code is a separate, stated step."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from django.db.models import F, Q
from django.utils import timezone
from django.utils.formats import date_format

from spaces import access
from spaces.access import Permission
from spaces.actions.asking import sight
from spaces.google import codes, resources
from spaces.models import Account, PastCode, Person, Room, Space
from spaces.words import Text, counted, joined
from spaces.words import text as _

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
    )


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
    found = access.visible_rooms(actor).current().matching(text[:200])
    rooms = list(found.for_pages().prefetch_related("ownerships__person").order_by("name")[: MOST_ROOMS + 1])
    if not rooms:
        return Answer("nothing", _("No room, place, owner or code matches “%(text)s”.") % {"text": text[:80]})
    more = found.count() - MOST_ROOMS if len(rooms) > MOST_ROOMS else 0
    shown = rooms[:MOST_ROOMS]
    sentence = (
        _("This is %(room)s.") % {"room": shown[0].name}
        if len(rooms) == 1
        else counted("%(n)s room matches.", "%(n)s rooms match.", len(shown) + more)
        % {"n": len(shown) + more}
    )
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
