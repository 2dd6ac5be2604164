"""``/_control/users`` and ``/_control/groups``: what an administrator, or a person, does to Google accounts."""

from dataclasses import asdict

from aiohttp import web

from simulator import people
from simulator.control.part import Address, ControlPart
from simulator.directory.state import Group, UserState, new_group
from simulator.entities import Person
from simulator.reading import JSON, ControlError, a_flag, a_text, read_body

_FLAGS = ("suspended", "deleted", "admin", "archived", "restricted")
_FIELDS = {
    "email", "create", "private", "name", "email_verified", "aliases", "non_editable_aliases", "rename", "recreate", *_FLAGS,
}  # fmt: skip
_ROLES = ("OWNER", "MANAGER", "MEMBER")


class PeopleControl(ControlPart):
    """The handlers of accounts and groups."""

    def addresses(self) -> list[Address]:
        """Every address of this part of the control."""
        return [
            ("POST", "users", self.user),
            ("GET", "groups", self.show_groups),
            ("POST", "groups", self.group),
            ("DELETE", "groups", self.remove_group),
        ]

    async def user(self, request: web.Request) -> JSON:
        """POST users: make, change, suspend, delete, make again or rename an account."""
        body = await read_body(request, allowed=_FIELDS)
        email = a_text(body, "email").lower()
        try:
            if a_flag(body, "create", default=False):
                person = self._create(body, email)
            else:
                person = self._known(email)
            if a_flag(body, "recreate", default=False):
                person = self._recreate(person)
            self._change(person, body)
        except ValueError as error:
            raise ControlError(str(error), 409) from None
        return {**person.as_json(), **asdict(self._set_state(person, body))}

    def _known(self, email: str) -> Person:
        person = self.machine.world.user(email)
        if person is None:
            raise ControlError("There is no such person or mailbox.", 404)
        return person

    def _create(self, body: JSON, email: str) -> Person:
        name, _, host = email.partition("@")
        if not name or not host or email in self.machine.directory.groups:
            raise ControlError("email must be a free address.")
        return people.create(
            self.machine.world,
            email,
            name=a_text(body, "name", name.title()),
            hd=people.domain_of(email, private=a_flag(body, "private", default=False)),
            verified=a_flag(body, "email_verified", default=True),
        )

    def _recreate(self, old: Person) -> Person:
        """The account was deleted, and one with the same address was made: nothing of the old one is left."""
        machine, world = self.machine, self.machine.world
        state = machine.directory.users.pop(old.email, UserState())
        state.deleted, state.deleted_at = True, state.deleted_at or world.now()
        machine.directory.former.append((old, state))
        machine.identity.revoke_person(old.email)
        machine.identity.drop_tokens(old.email)
        machine.events.forget_person(old.email)
        return people.recreate(world, old)

    def _change(self, person: Person, body: JSON) -> None:
        if "rename" in body:
            self._rename(person, a_text(body, "rename").lower())
        if "name" in body:
            person.name = a_text(body, "name")
        if "aliases" in body or "non_editable_aliases" in body:
            people.set_aliases(
                self.machine.world,
                person,
                _texts(body, "aliases", person.aliases),
                _texts(body, "non_editable_aliases", person.non_editable_aliases),
            )

    def _rename(self, person: Person, email: str) -> None:
        machine, old = self.machine, person.email
        people.rename(machine.world, person, email)
        machine.identity.rename(old, person.email)
        if old in machine.directory.users:
            machine.directory.users[person.email] = machine.directory.users.pop(old)
        for group in machine.directory.groups.values():
            if old in group.members:
                group.members[person.email] = group.members.pop(old)
        for each in machine.events.subscriptions.values():
            if each.email == old:
                each.email = person.email

    def _set_state(self, person: Person, body: JSON) -> UserState:
        machine = self.machine
        state = machine.directory.state(person.email)
        wanted = UserState(**{name: a_flag(body, name, default=getattr(state, name)) for name in _FLAGS})
        if wanted.deleted:
            wanted.deleted_at = state.deleted_at or machine.world.now()
        machine.directory.users[person.email] = wanted
        machine.world.version += 1
        if wanted.closed_because():
            machine.identity.drop_tokens(person.email)
            machine.events.suspend_person(person.email, "USER_AUTHORIZATION_FAILURE")
        return wanted

    # -- groups ------------------------------------------------------------------------------------------------

    async def show_groups(self, request: web.Request) -> JSON:
        """GET groups."""
        del request
        return {"groups": [asdict(each) for each in self.machine.directory.groups.values()]}

    async def group(self, request: web.Request) -> JSON:
        """POST groups: make a group or replace its members; a member is an address, or {address: role}."""
        body = await read_body(request, allowed={"email", "name", "members"})
        email = a_text(body, "email").lower()
        if "@" not in email or self.machine.world.user(email) is not None:
            raise ControlError("email must be an address that no account has.")
        groups = self.machine.directory.groups
        known = groups.get(email)
        members = _members(body["members"]) if "members" in body else dict(known.members if known else {})
        name = a_text(body, "name", known.name if known else email.partition("@")[0].title())
        found: Group = new_group(email, name, members)
        groups[email] = found
        self.machine.world.version += 1
        return asdict(found)

    async def remove_group(self, request: web.Request) -> JSON:
        """DELETE groups?email=."""
        if self.machine.directory.groups.pop(request.query.get("email", "").lower(), None) is None:
            raise ControlError("There is no such group.", 404)
        self.machine.world.version += 1
        return {}


def _texts(body: JSON, name: str, default: tuple[str, ...]) -> tuple[str, ...]:
    value = body.get(name, list(default))
    if not isinstance(value, list) or not all(isinstance(each, str) and "@" in each for each in value):
        raise ControlError(f"{name} must be a list of addresses.")
    return tuple(value)


def _members(value: object) -> dict[str, str]:
    if isinstance(value, list):
        value = dict.fromkeys(map(str, value), "MEMBER")
    if not isinstance(value, dict) or any("@" not in each for each in value):
        raise ControlError("members must be a list of addresses, or an object of address and role.")
    if any(role not in _ROLES for role in value.values()):
        raise ControlError(f"A role is one of {', '.join(_ROLES)}.")
    return {address.lower(): role for address, role in value.items()}
