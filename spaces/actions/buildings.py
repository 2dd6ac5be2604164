"""Verbs about buildings."""

from django.db import transaction
from django.utils.text import slugify

from spaces import access, audit
from spaces.access import Actor, Permission
from spaces.models import Building


def add(*, name: str, actor: Actor, code: str = "", time_zone: str = "UTC") -> Building:
    """The building of this name, made when missing. Raises NotAllowed (admins limited to buildings cannot add any)."""
    access.require(actor, Permission.ROOM_CREATE)
    known = Building.objects.filter(name__iexact=name.strip()).first()
    if known:
        return known
    access.require_building(actor, None)
    wanted = (code or slugify(name)[:36] or "site").upper()
    free, number = wanted, 2
    while Building.objects.filter(code=free).exists():
        free, number = f"{wanted}-{number}", number + 1
    with transaction.atomic():
        made = Building.objects.create(code=free, name=name.strip(), time_zone=time_zone)
        audit.note(verb=Permission.ROOM_CREATE, actor=actor, target=f"Building {made.name}")
    return made
