"""Verbs about physical rooms: add, edit, archive, restore."""

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.text import slugify

from spaces import access, audit, live
from spaces.access import Actor, Permission
from spaces.actions.outcomes import Outcome
from spaces.models import AuditEntry, Building, Conference, Ownership, Person, Room
from spaces.models.stuck import Limits
from spaces.words import text as _

LIMITS = tuple(f"stuck_{one.name}" for one in fields(Limits))
WRITTEN = ("name", "building", "floor", "capacity", "device_name", "notes", *LIMITS)


@dataclass(frozen=True, slots=True)
class RoomFacts:
    """What an admin writes about a room. Owners and deputies are e-mail addresses, known to us or not yet. `stuck_…`: minutes after which
    a call here counts as stuck (models.stuck), where they differ from the installation's."""

    name: str
    building: Building
    floor: str = ""
    capacity: int | None = None
    device_name: str = ""
    notes: str = ""
    owners: tuple[str, ...] = ()
    deputies: tuple[str, ...] = ()
    stuck_empty: int | None = None
    stuck_devices: int | None = None
    stuck_alone: int | None = None
    stuck_hostless: int | None = None
    stuck_running: int | None = None

    def shown(self) -> dict[str, object]:
        """The facts as the audit trail keeps them."""
        return {**asdict(self), "building": self.building.name}

    @property
    def version(self) -> str:
        """All of it as one word, which a form carries along: it tells whether somebody has changed the room since."""
        return hashlib.sha256(repr(self.shown()).encode()).hexdigest()[:32]


def facts(room: Room) -> RoomFacts:
    """The facts as they stand now."""
    people = list(room.ownerships.select_related("person"))
    return RoomFacts(
        name=room.name,
        building=room.building,
        floor=room.floor,
        capacity=room.capacity,
        device_name=room.device_name,
        notes=room.notes,
        owners=tuple(one.person.email for one in people if one.kind == Ownership.Kind.OWNER),
        deputies=tuple(one.person.email for one in people if one.kind == Ownership.Kind.DEPUTY),
        **{name: getattr(room, name) for name in LIMITS},
    )


def create(*, room: RoomFacts, actor: Actor, key: str = "") -> Room:
    """Add a room. Its address is made of building and name and stays when the name changes.

    Raises NotAllowed, audit.AlreadyAsked when this form was sent before, or audit.Refused when somebody else has just added
    a room of this name.
    """
    access.require(actor, Permission.ROOM_CREATE)
    access.require_building(actor, room.building.pk)
    with _one_of_a_name(room), transaction.atomic():
        made = Room(slug=address_of(room, _is_taken))
        _write(made, room)
        audit.note(verb=Permission.ROOM_CREATE, actor=actor, room=made, after=room.shown(), key=key)
    return made


@contextmanager
def _one_of_a_name(room: RoomFacts) -> Iterator[None]:
    """The form has looked for another room of this name; here somebody was quicker."""
    try:
        yield
    except IntegrityError:
        raise audit.Refused(
            _("%(building)s has just been given a room named %(room)s.")
            % {"building": room.building.name, "room": room.name}
        ) from None


def edit(*, room: Room, to: RoomFacts, actor: Actor, key: str = "", seen: str = "") -> Outcome:
    """Change what is written about a room. `seen`: its version when the actor began, if anything.

    Raises NotAllowed, or audit.Refused when the name is taken or somebody else has changed the room since it was seen.
    """
    access.require(actor, Permission.ROOM_EDIT, room)
    access.require_building(actor, to.building.pk)
    before = facts(room)
    if before == to:
        return Outcome(_("Nothing to save: nothing was changed."), "info")
    try:
        with _one_of_a_name(to), transaction.atomic():
            _unchanged_since(seen, room, key)
            old, new = before.shown(), to.shown()
            _write(room, to)
            audit.note(
                verb=Permission.ROOM_EDIT,
                actor=actor,
                room=room,
                before={name: value for name, value in old.items() if new[name] != value},
                after={name: value for name, value in new.items() if old[name] != value},
                key=key,
            )
    except audit.AlreadyAsked:
        return Outcome(_("This was saved already."), "info")
    return Outcome(_("%(room)s is saved.") % {"room": room.name})


def _unchanged_since(seen: str, room: Room, key: str) -> None:
    now = Room.objects.select_for_update(of=("self",)).select_related("building").get(pk=room.pk)
    if not seen or seen == facts(now).version or (key and AuditEntry.objects.filter(key=key).exists()):
        return  # the same form, sent twice, is told as such
    last = AuditEntry.objects.filter(room=room, verb=Permission.ROOM_EDIT).first()
    raise audit.Refused(
        _(
            "%(person)s has changed this room since you opened the form, so nothing was saved. What you typed is still here: look at "
            "the room in another tab, then save again if yours is to hold."
        )
        % {"person": last.actor_name if last else "–"}
    )


def archive(*, room: Room, actor: Actor) -> Outcome:
    """Take a room out of use. Nothing is lost: its link, history and audit trail stay, and it can be restored."""
    access.require(actor, Permission.ROOM_EDIT, room)
    with transaction.atomic():
        if Room.objects.filter(pk=room.pk, archived_at=None).update(archived_at=timezone.now()):
            audit.note(verb=Permission.ROOM_EDIT, actor=actor, room=room, detail=_("Archived"))
            live.rooms_changed([room.pk])
    return Outcome(
        _("%(room)s is archived. Its link still works at Google; nothing was deleted.") % {"room": room.name}
    )


def restore(*, room: Room, actor: Actor) -> Outcome:
    """Bring an archived room back."""
    access.require(actor, Permission.ROOM_EDIT, room)
    with transaction.atomic():
        if Room.objects.filter(pk=room.pk).exclude(archived_at=None).update(archived_at=None):
            audit.note(verb=Permission.ROOM_EDIT, actor=actor, room=room, detail=_("Restored"))
            live.rooms_changed([room.pk])
    return Outcome(_("%(room)s is back in use.") % {"room": room.name})


def _write(room: Room, to: RoomFacts) -> None:
    room.name, room.building, room.floor = to.name, to.building, to.floor
    room.capacity, room.device_name, room.notes = to.capacity, to.device_name, to.notes
    for name in LIMITS:
        setattr(room, name, getattr(to, name))
    # Only what is written here: the room may have been given another link since it was loaded.
    room.save(update_fields=None if room.pk is None else WRITTEN)
    for call in Conference.objects.filter(running_in__room=room).select_related("space__room"):
        call.judge()
    before = set(room.ownerships.values_list("person", flat=True))
    _set_people(room, Ownership.Kind.OWNER, to.owners)
    _set_people(room, Ownership.Kind.DEPUTY, (email for email in to.deputies if email not in to.owners))
    live.rooms_changed([room.pk])
    live.rights_changed(before ^ set(room.ownerships.values_list("person", flat=True)))


def _set_people(room: Room, kind: Ownership.Kind, emails: Iterable[str]) -> None:
    people = [Person.objects.named(email) for email in emails]
    room.ownerships.filter(kind=kind).exclude(person__in=people).delete()
    for person in people:
        Ownership.objects.update_or_create(room=room, person=person, defaults={"kind": kind})


def address_of(room: RoomFacts, is_taken: Callable[[str], bool]) -> str:
    """Return a free address for a new room, made of building and name."""
    # "3.14" becomes 3-14: as 314 it could be 31.4 as well, and nobody could read it out.
    name = slugify(re.sub(r"(?<=\w)[./](?=\w)", "-", room.name)) or "room"
    wanted = name if name.startswith(slugify(room.building.name)) else f"{slugify(room.building.code)}-{name}"
    slug, number = wanted[:110], 2
    while is_taken(slug):
        slug, number = f"{wanted[:110]}-{number}", number + 1
    return slug


def _is_taken(address: str) -> bool:
    return Room.objects.filter(slug=address).exists()
