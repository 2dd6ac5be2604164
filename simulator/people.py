"""What becomes of Google accounts: made, renamed, deleted and made again, with aliases; and the same after a restart.

Directory API guide, "Manage users": a renamed user keeps the id, and the old address becomes an alias; a deleted user who is made
again has a new id. What happens to the spaces of a deleted owner is not documented: here nobody owns them any more.
"""

import dataclasses
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from simulator.entities import Person
from simulator.identifiers import number_of
from simulator.world import DOMAIN, World

FORMER = "former:"  # an owner who no longer exists: this and the id


def create(world: World, email: str, *, name: str, hd: str | None, verified: bool = True) -> Person:
    """Make an account; raises ValueError with a sentence if the address is taken. ``hd`` None = a private account."""
    email = email.strip().lower()
    if world.user(email) is not None:
        raise ValueError("There is such an account already.")
    person = Person(email, name, _fresh_id(world, email), hd, verified)
    _keep(world, person)
    return person


def recreate(world: World, old: Person) -> Person:
    """Make an account of a deleted person's address: the same address, a new id, and nothing of what the old one owned."""
    person = dataclasses.replace(old, id=_fresh_id(world, old.email), aliases=(), non_editable_aliases=())
    set_aliases(world, old, ())
    if not world.behaviour.recreated_keeps_spaces:
        _hand_over(world, old.email, FORMER + old.id)
        world.former[FORMER + old.id] = old.email
    _keep(world, person)
    return person


def rename(world: World, person: Person, email: str) -> None:
    """Give a person another primary address; the old one becomes an alias. Raises ValueError with a sentence."""
    email, old = email.strip().lower(), person.email
    if world.user(email) not in (None, person):
        raise ValueError("There is such an account already.")
    people = world.mailboxes if old in world.mailboxes else world.people
    del people[old]
    world.altered.pop(old, None)
    world.removed.add(old)
    _hand_over(world, old, email)
    for call in world.conferences.values():
        for each in call.participants:
            if each.email == old:
                each.email = email
    aliases = (*(each for each in person.aliases if each != email), old)
    person.email = email
    people[email] = person
    set_aliases(world, person, aliases)


def set_aliases(
    world: World, person: Person, aliases: Iterable[str], fixed: Iterable[str] | None = None
) -> None:
    """Replace the aliases of a person (and, if given, those that cannot be edited); raises ValueError with a sentence."""
    wanted = tuple(dict.fromkeys(each.strip().lower() for each in aliases))
    kept = person.non_editable_aliases if fixed is None else tuple(each.strip().lower() for each in fixed)
    for each in (*wanted, *kept):
        if world.user(each) not in (None, person) or each == person.email:
            raise ValueError(f"{each} is taken.")
    person.aliases, person.non_editable_aliases = wanted, kept
    _keep(world, person)


def _fresh_id(world: World, email: str) -> str:
    """An id that no account has had before."""
    world.accounts_made += 1
    return number_of("account", email, world.accounts_made, digits=21, lead="1")


def _keep(world: World, person: Person) -> None:
    """Enter an account into the books, its aliases too."""
    (world.mailboxes if person.email in world.mailboxes else world.people)[person.email] = person
    world.altered[person.email] = person
    world.removed.discard(person.email)
    world.index_aliases()
    world.version += 1


def _hand_over(world: World, old: str, new: str) -> None:
    """Give all spaces of an owner to another one."""
    for space in world.owned.pop(old, []):
        space.owner = new
        world.owned.setdefault(new, []).append(space)
    for room in world.rooms:
        if room.account == old:
            room.account = new


def kept(world: World) -> dict[str, Any]:
    """What a snapshot keeps of the accounts: only what differs from the seed."""
    return {
        "altered": [asdict(each) for each in world.altered.values()],
        "removed": sorted(world.removed),
        "mailboxes": sorted(world.mailboxes),
        "former": world.former,
        "made": world.accounts_made,
    }


def resume(world: World, found: dict[str, Any]) -> None:
    """Go on from a snapshot, before the spaces are entered."""
    for email in found["removed"]:
        world.people.pop(email, None)
        world.mailboxes.pop(email, None)
        world.removed.add(email)
    for values in found["altered"]:
        person = Person(**values)
        person.aliases = tuple(person.aliases)
        person.non_editable_aliases = tuple(person.non_editable_aliases)
        (world.mailboxes if person.email in found["mailboxes"] else world.people)[person.email] = person
        world.altered[person.email] = person
    world.former.update(found["former"])
    world.accounts_made = found["made"]
    world.index_aliases()


def domain_of(email: str, *, private: bool) -> str | None:
    """The hosted domain of a new account: none for a private one, also if its address is in a company's domain."""
    if private:
        return None
    return DOMAIN if email.endswith(f"@{DOMAIN}") else email.rpartition("@")[2]
