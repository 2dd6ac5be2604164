"""Verbs about buildings: add, edit, delete."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace

from anyascii import anyascii
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError
from django.utils.text import slugify

from spaces import access, audit, live
from spaces.access import Actor, Permission
from spaces.actions.outcomes import Outcome
from spaces.models import Building, Room
from spaces.models.names import tidy


@dataclass(frozen=True, slots=True)
class BuildingFacts:
    """What an admin enters about a building. `code`: a few letters for rows and new addresses; `time_zone`: an IANA name, or empty
    for the installation's."""

    name: str
    code: str = ""
    time_zone: str = ""
    address: str = ""


def facts(building: Building) -> BuildingFacts:
    """Return what is stored now."""
    return BuildingFacts(building.name, building.code, building.time_zone, building.address)


def ensure(*, name: str, actor: Actor, code: str = "", time_zone: str = "", address: str = "") -> Building:
    """Return the building of this name, added when there is none. Without `code` a free one is made of the name.

    Raises NotAllowed (admins limited to buildings cannot add any), or ActionRejected when another building has the code.
    """
    access.require(actor, Permission.ROOM_CREATE)
    known = Building.objects.named(name)
    return known or _add(BuildingFacts(name, code, time_zone, address), actor)


def add(*, building: BuildingFacts, actor: Actor) -> Outcome:
    """Add a building. Raises NotAllowed, or ActionRejected when another building has the name or the code."""
    known = Building.objects.named(building.name)
    if known:
        raise audit.ActionRejected("building.name_taken", {"name": known.name})
    return _saved(_add(building, actor))


def _add(entered: BuildingFacts, actor: Actor) -> Building:
    access.require_building(actor, None)
    access.require(actor, Permission.BUILDING_ADD)
    code = entered.code.upper() or _free_code(entered.name)
    entered = replace(entered, name=tidy(entered.name), code=code, address=entered.address.strip())
    with _one_of_a_code(entered.code), transaction.atomic():
        made = Building.objects.create(**asdict(entered))
        audit.note(
            permission=Permission.BUILDING_ADD,
            actor=actor,
            about=made,
            target=made.name,
            after=asdict(entered),
        )
    return made


def edit(*, building: Building, to: BuildingFacts, actor: Actor) -> Outcome:
    """Change what is stored about a building. Addresses of its rooms stay as they are.

    Raises NotAllowed, or ActionRejected when another building has the name or the code.
    """
    access.require(actor, Permission.BUILDING_EDIT)
    access.require_building(actor, building.pk)
    before, after = asdict(facts(building)), asdict(to) | {"name": tidy(to.name)}
    if before == after:
        return Outcome("room.unchanged", level="info")
    other = Building.objects.named(to.name)
    if other and other.pk != building.pk:
        raise audit.ActionRejected("building.name_taken", {"name": other.name})
    changed = [name for name in after if before[name] != after[name]]
    with _one_of_a_code(to.code), transaction.atomic():
        for name in changed:
            setattr(building, name, after[name])
        building.save(update_fields=changed)
        audit.note(
            permission=Permission.BUILDING_EDIT,
            actor=actor,
            about=building,
            target=building.name,
            before={name: before[name] for name in changed},
            after={name: after[name] for name in changed},
        )
        live.rooms_changed(list(Room.objects.filter(building=building).values_list("pk", flat=True)))
    return _saved(building)


def _saved(building: Building) -> Outcome:
    return Outcome("building.saved", {"building": building.name})


def delete(*, building: Building, actor: Actor) -> Outcome:
    """Delete a building without rooms.

    Raises NotAllowed, or ActionRejected while it has rooms (archived ones included), or while an admin is limited to it: with their
    last building gone they would be admin everywhere.
    """
    access.require(actor, Permission.BUILDING_DELETE)
    access.require_building(actor, building.pk)
    try:
        with transaction.atomic():
            Building.objects.select_for_update().get(pk=building.pk)
            limited = building.admins.order_by("email").first()
            if limited:
                params = {"person": limited.label, "building": building.name}
                raise audit.ActionRejected("building.has_admins", params)
            audit.note(
                permission=Permission.BUILDING_DELETE,
                actor=actor,
                about=building,
                target=building.name,
                before=asdict(facts(building)),
            )
            building.delete()
    except ProtectedError:
        raise audit.ActionRejected("building.has_rooms", {"building": building.name}) from None
    return Outcome("building.deleted", {"building": building.name})


@contextmanager
def _one_of_a_code(code: str) -> Iterator[None]:
    try:
        yield
    except IntegrityError:
        raise audit.ActionRejected("building.code_taken", {"code": code}) from None


def _free_code(name: str) -> str:
    wanted = (slugify(anyascii(name))[:36] or "site").upper()
    free, number = wanted, 2
    while Building.objects.filter(code__iexact=free).exists():
        free, number = f"{wanted}-{number}", number + 1
    return free
