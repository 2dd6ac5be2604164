"""Verbs about physical rooms: add, edit, archive, restore."""

import hashlib
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace

from anyascii import anyascii
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.text import slugify

from spaces import access, audit, live
from spaces.access import Actor, Permission
from spaces.actions import buildings
from spaces.actions.outcomes import Outcome
from spaces.actions.people import refuse_addresses
from spaces.audit import Action
from spaces.message import Message
from spaces.models import AuditEntry, Building, Conference, Ownership, Person, Room
from spaces.models.details import DETAILS, RoomDetails, details_of
from spaces.sync.participants import recount

WRITTEN = ("building", *DETAILS)


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomFacts(RoomDetails):
    """What an admin enters about a room. A building that is not saved yet is added with the room. Owners and deputies are e-mail
    addresses, known to us or not yet."""

    building: Building
    owners: tuple[str, ...] = ()
    deputies: tuple[str, ...] = ()

    def shown(self) -> dict[str, object]:
        """Return the facts as the audit log keeps them."""
        return {**asdict(self), "building": self.building.name}

    @property
    def version(self) -> str:
        """All of it as one word, which a form carries along: it tells whether somebody has changed the room since."""
        return hashlib.sha256(repr(self.shown()).encode()).hexdigest()[:32]


def facts(room: Room) -> RoomFacts:
    """The facts as they stand now."""
    people = list(room.ownerships.select_related("person"))
    return RoomFacts(
        building=room.building,
        owners=_addresses(people, Ownership.Kind.OWNER),
        deputies=_addresses(people, Ownership.Kind.DEPUTY),
        **details_of(room),
    )


def _addresses(people: Iterable[Ownership], kind: str) -> tuple[str, ...]:
    """The addresses of these owners or deputies. Who has no address any more cannot be written down; see `_set_people`."""
    return tuple(one.person.email for one in people if one.kind == kind and one.person.email)


def new_addresses(given: Iterable[str], room: Room | None) -> list[str]:
    """The addresses with which those of these owners and deputies sign in who are new to the room. Only they are checked, so that
    an owner from before does not keep anybody from editing the room."""
    known = {one.person_id for one in room.ownerships.all()} if room and room.pk else set()
    found = {address: Person.objects.by_address(address) for address in given}
    return [
        person.email or address if person else address
        for address, person in found.items()
        if person is None or person.pk not in known
    ]


def create(*, room: RoomFacts, actor: Actor, key: str = "") -> Room:
    """Add a room, and its building if that is new. Its address is made of building and name and stays when the name changes.

    Raises NotAllowed, audit.DuplicateRequest when this form was sent before, or ActionRejected when the building has a room of this
    name. Nothing is added then.
    """
    access.require(actor, Permission.ROOM_CREATE)
    access.require_building(actor, room.building.pk)
    refuse_addresses(new_addresses((*room.owners, *room.deputies), None))
    with _one_of_a_name(room), transaction.atomic():
        room = _complete(room, actor)
        made = Room(slug=address_of(room, _is_taken))
        _write(made, room)
        audit.note(permission=Permission.ROOM_CREATE, actor=actor, room=made, after=room.shown(), key=key)
    return made


def _complete(room: RoomFacts, actor: Actor) -> RoomFacts:
    """The same with tidy names, in a building that is stored."""
    building = room.building
    if building._state.adding:
        building = buildings.ensure(name=building.name, actor=actor)
    return replace(
        room, building=building, **{name: DETAILS[name].parse(value) for name, value in room.values().items()}
    )


@contextmanager
def _one_of_a_name(room: RoomFacts) -> Iterator[None]:
    try:
        yield
    except IntegrityError:
        params = {"building": room.building.name, "room": room.name}
        raise audit.ActionRejected("room.name_taken", params) from None


def edit(*, room: Room, to: RoomFacts, actor: Actor, key: str = "", seen: str = "") -> Outcome:
    """Change what is written about a room. `seen`: its version when the actor began, if anything.

    Raises NotAllowed, or ActionRejected when the name is taken or somebody else has changed the room since it was seen.
    """
    access.require(actor, Permission.ROOM_EDIT, room)
    access.require_building(actor, to.building.pk)
    before = facts(room)
    added = new_addresses((*to.owners, *to.deputies), room)
    refuse_addresses(added)
    try:
        with _one_of_a_name(to), transaction.atomic():
            to = _complete(to, actor)
            if before == to:
                return Outcome("room.unchanged", level="info")
            _unchanged_since(seen, room, key)
            old, new = before.shown(), to.shown()
            _write(room, to)
            audit.note(
                permission=Permission.ROOM_EDIT,
                actor=actor,
                room=room,
                before={name: value for name, value in old.items() if new[name] != value},
                after={name: value for name, value in new.items() if old[name] != value},
                key=key,
            )
    except audit.DuplicateRequest:
        return Outcome("room.saved_already", level="info")
    if unproven := _not_signed_in(added):
        then = Message("people.not_signed_in", {"address": unproven})
        return Outcome("room.saved_with_new_people", {"room": room.name, "then": then})
    return Outcome("room.saved", {"room": room.name})


def _not_signed_in(added: Iterable[str]) -> tuple[str, ...]:
    """Return those of these addresses with which nobody has signed in yet."""
    return tuple(
        person.handle
        for person in map(Person.objects.by_address, added)
        if person and not person.has_signed_in
    )


def _unchanged_since(seen: str, room: Room, key: str) -> None:
    now = Room.objects.select_for_update(of=("self",)).select_related("building").get(pk=room.pk)
    if not seen or seen == facts(now).version or (key and AuditEntry.objects.filter(key=key).exists()):
        return  # the same form, sent twice, is told as such
    last = AuditEntry.objects.filter(room=room, action=Permission.ROOM_EDIT).first()
    raise audit.ActionRejected("room.changed", {"person": last.actor_name if last else "–"})


def archive(*, room: Room, actor: Actor) -> Outcome:
    """Take a room out of use. Nothing is lost: its link, history and audit trail stay, and it can be restored."""
    access.require(actor, Permission.ROOM_EDIT, room)
    with transaction.atomic():
        if Room.objects.filter(pk=room.pk, archived_at=None).update(archived_at=timezone.now()):
            audit.note(permission=Permission.ROOM_EDIT, action=Action.ROOM_ARCHIVE, actor=actor, room=room)
            live.rooms_changed([room.pk])
    return Outcome("room.archived", {"room": room.name})


def restore(*, room: Room, actor: Actor) -> Outcome:
    """Bring an archived room back."""
    access.require(actor, Permission.ROOM_EDIT, room)
    with transaction.atomic():
        if Room.objects.filter(pk=room.pk).exclude(archived_at=None).update(archived_at=None):
            audit.note(permission=Permission.ROOM_EDIT, action=Action.ROOM_RESTORE, actor=actor, room=room)
            live.rooms_changed([room.pk])
    return Outcome("room.restored", {"room": room.name})


def _write(room: Room, to: RoomFacts) -> None:
    room.building = to.building
    for name, value in to.values().items():
        setattr(room, name, value)
    # Only what is written here: the room may have been given another link since it was loaded.
    room.save(update_fields=None if room.pk is None else WRITTEN)
    for call in Conference.objects.filter(running_in__room=room).select_related(
        "space__room", "space__account"
    ):
        call.recompute_stuck_at()
        recount(call)  # the room's names tell devices from people
    before = set(room.ownerships.values_list("person", flat=True))
    owners = [Person.objects.named(email) for email in to.owners]
    deputies = [Person.objects.named(email) for email in to.deputies]
    _set_people(room, Ownership.Kind.OWNER, owners)
    _set_people(room, Ownership.Kind.DEPUTY, [person for person in deputies if person not in owners])
    live.rooms_changed([room.pk])
    live.rights_changed(before ^ set(room.ownerships.values_list("person", flat=True)))


def _set_people(room: Room, kind: Ownership.Kind, people: Collection[Person]) -> None:
    """Make these people, and those without an address, the room's owners or deputies. Who has no address cannot be written into
    a form, so no form takes them away: an admin settles or hands over what is theirs under “People”."""
    room.ownerships.filter(kind=kind).exclude(person__in=people).exclude(person__email=None).delete()
    for person in people:
        Ownership.objects.update_or_create(room=room, person=person, defaults={"kind": kind})


def address_of(room: RoomFacts, is_taken: Callable[[str], bool]) -> str:
    """Return a free address for a new room, made of building and name."""
    # "3.14" becomes 3-14: as 314 it could be 31.4 as well, and nobody could read it out.
    name = _in_ascii(re.sub(r"(?<=\w)[./](?=\w)", "-", room.name)) or "room"
    place = _in_ascii(room.building.name)
    wanted = name if place and name.startswith(place) else f"{slugify(room.building.code)}-{name}"
    slug, number = wanted[:110], 2
    while is_taken(slug):
        slug, number = f"{wanted[:110]}-{number}", number + 1
    return slug


def _in_ascii(name: str) -> str:
    return slugify(anyascii(name))


def _is_taken(address: str) -> bool:
    return Room.objects.filter(slug=address).exists()
