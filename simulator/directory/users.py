"""The Admin SDK's Directory: users with their aliases, groups and their members, and the customer.

Directory API reference: users, users.aliases, groups, members, customers. A group is an address, not a user: nobody signs in as one.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

from simulator import masks
from simulator.directory.admin import SERVICE, bad, not_found, page_of, require_admin
from simulator.directory.state import CUSTOMER, Group, UserState, etag_of
from simulator.entities import Person
from simulator.errors import OlderError
from simulator.gate import Api, Call, Method
from simulator.reading import JSON
from simulator.world import DOMAIN, World

_SCOPE = "https://www.googleapis.com/auth/admin.directory."
USERS = (_SCOPE + "user", _SCOPE + "user.readonly")
ALIASES = (*USERS, _SCOPE + "user.alias", _SCOPE + "user.alias.readonly")
GROUPS = (_SCOPE + "group", _SCOPE + "group.readonly")
MEMBERS = (*GROUPS, _SCOPE + "group.member", _SCOPE + "group.member.readonly")
CUSTOMERS = (_SCOPE + "customer", _SCOPE + "customer.readonly")
MOST_USERS, MOST_GROUPS = 500, 200
FORBIDDEN = "Not Authorized to access this resource/api"

# -- users -----------------------------------------------------------------------------------------------------------


def get_user(call: Call) -> JSON:
    """users.get: by address, alias or id; deleted and foreign users are not found, suspended ones are shown as such."""
    public = _public_view(call)
    person = person_of(call.world, call.path["key"])
    if person is None or _state(call, person).deleted:
        raise not_found("userKey")
    return user_as_json(call.world, person, _state(call, person), public=public)


def _public_view(call: Call) -> bool:
    """Whether the caller asks for what colleagues may see; raises 403 for what the caller may not see."""
    view = call.query.get("viewType", "admin_view")
    if view not in ("admin_view", "domain_public"):
        raise bad("viewType")
    if view == "admin_view":
        require_admin(call)
    elif not call.caller.endswith(f"@{DOMAIN}"):
        raise OlderError(403, FORBIDDEN, "forbidden")
    return view == "domain_public"


def _state(call: Call, person: Person) -> UserState:
    return call.machine.directory.state(person.email)


def person_of(world: World, key: str) -> Person | None:
    """A user of the customer by address, alias or id."""
    person = world.user(key)
    if person is None:
        for each in (*world.people.values(), *world.mailboxes.values()):
            if each.id == key:
                person = each
    return person if person is not None and person.hd == DOMAIN else None


def user_as_json(world: World, person: Person, state: UserState, *, public: bool) -> JSON:
    """A user, or as much of one as colleagues may see."""
    given, _, family = person.name.partition(" ")
    others = (*person.aliases, *person.non_editable_aliases)
    answer: JSON = {
        "kind": "admin#directory#user",
        "id": person.id,
        "primaryEmail": person.email,
        "name": {"givenName": given, "familyName": family or given, "fullName": person.name},
        "emails": [{"address": person.email, "primary": True}, *({"address": each} for each in others)],
    }
    if not public:
        answer.update(
            {
                "isAdmin": state.admin,
                "isDelegatedAdmin": False,
                "agreedToTerms": True,
                "suspended": state.suspended,
                "archived": state.archived,
                "customerId": CUSTOMER,
                "orgUnitPath": "/",
                "isMailboxSetup": True,
                "includeInGlobalAddressList": True,
                "creationTime": "2024-01-08T08:00:00.000Z",
            }
        )
        if person.aliases:
            answer["aliases"] = list(person.aliases)
        if person.non_editable_aliases:
            answer["nonEditableAliases"] = list(person.non_editable_aliases)
        if state.suspended:
            answer["suspensionReason"] = "ADMIN"
        if state.deleted:
            answer["deletionTime"] = world.shown(state.deleted_at)
    return {**answer, "etag": etag_of(answer)}


def list_users(call: Call) -> JSON:
    """users.list: of a customer or domain, deleted ones only if asked for (``showDeleted``)."""
    public = _public_view(call)
    _check_customer(call)
    show_deleted = call.query.get("showDeleted", "false").lower() == "true"
    holds, directory = _user_query(call.query.get("query", "")), call.machine.directory
    found = [
        (each, directory.state(each.email))
        for each in (*call.world.people.values(), *call.world.mailboxes.values())
        if each.hd == DOMAIN
    ]
    found += directory.former if show_deleted else []
    chosen = [(each, state) for each, state in found if state.deleted == show_deleted and holds(each, state)]
    order = call.query.get("orderBy", "email")
    if order not in ("email", "givenName", "familyName"):
        raise bad("orderBy")
    chosen.sort(
        key=lambda pair: pair[0].email if order == "email" else pair[0].name.split(" ")[-(order[0] == "f")],
        reverse=call.query.get("sortOrder", "ASCENDING").upper() == "DESCENDING",
    )
    what = f"users/{sorted(item for item in call.query.items() if item[0] != 'pageToken')}"
    part, following = page_of(call, chosen, what, default=100, largest=MOST_USERS)
    users = [user_as_json(call.world, each, state, public=public) for each, state in part]
    return _listed("users", users, following)


def _check_customer(call: Call) -> None:
    """A list is of our customer or our domain; raises 400 without either, 403 or 404 for another."""
    customer, domain = call.query.get("customer"), call.query.get("domain")
    if not customer and not domain:
        raise bad("customer")
    if customer and customer not in ("my_customer", CUSTOMER):
        raise OlderError(403, FORBIDDEN, "forbidden")
    if domain and domain != DOMAIN:
        raise OlderError(404, "Domain not found.", "notFound")


def _listed(key: str, items: list[JSON], following: str) -> JSON:
    answer: JSON = {"kind": f"admin#directory#{key}", "etag": etag_of(items)}
    if items:
        answer[key] = items
    if following:
        answer["nextPageToken"] = following
    return answer


_CLAUSE = re.compile(r"(email|name|isSuspended|isArchived|isAdmin)([:=])'?([^'\s]+)'?")
UserHolds = Callable[[Person, UserState], bool]


def _user_query(text: str) -> UserHolds:
    """``query`` of users.list: ``email``, ``name`` (= or : with a star) and the flags, joined by blanks; raises 400."""
    clauses: list[tuple[str, str]] = []
    for part in text.split():
        match = _CLAUSE.fullmatch(part)
        if match is None:
            raise bad("query")
        clauses.append((match[1], match[3].casefold()))

    def holds(person: Person, state: UserState) -> bool:
        return all(_fits(name, value, person, state) for name, value in clauses)

    return holds


def _fits(name: str, value: str, person: Person, state: UserState) -> bool:
    flags = {"isSuspended": state.suspended, "isArchived": state.archived, "isAdmin": state.admin}
    if name in flags:
        return flags[name] == (value == "true")
    texts = [person.email, *person.aliases] if name == "email" else person.name.casefold().split(" ")
    return any(each.startswith(value[:-1]) if value.endswith("*") else each == value for each in texts)


def list_aliases(call: Call) -> JSON:
    """users.aliases.list."""
    require_admin(call)
    person = person_of(call.world, call.path["key"])
    if person is None or _state(call, person).deleted:
        raise not_found("userKey")
    found: list[JSON] = [
        {"kind": "admin#directory#alias", "id": person.id, "primaryEmail": person.email, "alias": each}
        for each in person.aliases
    ]
    return _listed("aliases", [{**each, "etag": etag_of(each)} for each in found], "")


# -- groups ----------------------------------------------------------------------------------------------------------


def group_as_json(group: Group) -> JSON:
    """A group."""
    answer: JSON = {
        "kind": "admin#directory#group",
        "id": group.id,
        "email": group.email,
        "name": group.name,
        "description": "",
        "directMembersCount": str(len(group.members)),
        "adminCreated": True,
    }
    return {**answer, "etag": etag_of(answer)}


def _group(call: Call) -> Group:
    require_admin(call)
    found = call.machine.directory.group_of(call.path["key"])
    if found is None:
        raise not_found("groupKey")
    return found


def get_group(call: Call) -> JSON:
    """groups.get: by address or id."""
    return group_as_json(_group(call))


def list_groups(call: Call) -> JSON:
    """groups.list: of a customer or domain, or those that ``userKey`` is a direct member of."""
    require_admin(call)
    groups = list(call.machine.directory.groups.values())
    key = call.query.get("userKey", "")
    if key:
        address = _address_of(call, key)
        groups = [each for each in groups if address in each.members]
    else:
        _check_customer(call)
    groups.sort(key=lambda each: each.email)
    part, following = page_of(call, groups, f"groups/{key}", default=MOST_GROUPS, largest=MOST_GROUPS)
    return _listed("groups", [group_as_json(each) for each in part], following)


def _address_of(call: Call, key: str) -> str:
    """The primary address of a user or group, by any address or id; raises 404."""
    group = call.machine.directory.group_of(key)
    person = person_of(call.world, key)
    if group is None and person is None:
        raise not_found("memberKey")
    return group.email if group is not None else person.email if person is not None else ""


def _member_as_json(call: Call, address: str, role: str) -> JSON:
    directory = call.machine.directory
    group, person = directory.groups.get(address), call.world.user(address)
    answer: JSON = {"kind": "admin#directory#member", "email": address, "role": role}
    if group is not None:
        answer |= {"id": group.id, "type": "GROUP", "status": "ACTIVE"}
    elif person is not None:
        state = directory.state(person.email)
        answer |= {"id": person.id, "type": "USER", "status": "SUSPENDED" if state.suspended else "ACTIVE"}
    return {**answer, "etag": etag_of(answer)}


def _walk(call: Call, group: Group, seen: set[str], *, derived: bool) -> Iterator[tuple[str, str]]:
    """The members of a group as (address, role); ``derived`` also those of the groups in it, each once."""
    groups = call.machine.directory.groups
    for address, role in group.members.items():
        if address in seen:
            continue
        seen.add(address)
        yield address, role
        if derived and address in groups:
            yield from ((each, "MEMBER") for each, _ in _walk(call, groups[address], seen, derived=True))


def list_members(call: Call) -> JSON:
    """members.list: direct members, or with ``includeDerivedMembership`` all of them."""
    group = _group(call)
    derived = call.query.get("includeDerivedMembership", "").lower() == "true"
    roles = [each.strip() for each in call.query.get("roles", "").split(",") if each.strip()]
    found = [
        (address, role)
        for address, role in _walk(call, group, {group.email}, derived=derived)
        if not roles or role in roles
    ]
    what = f"members/{group.email}/{derived}/{roles}"
    part, following = page_of(call, found, what, default=MOST_GROUPS, largest=MOST_GROUPS)
    return _listed("members", [_member_as_json(call, address, role) for address, role in part], following)


def get_member(call: Call) -> JSON:
    """members.get: a direct member."""
    group = _group(call)
    address = _address_of(call, call.path["member"])
    if address not in group.members:
        raise not_found("memberKey")
    return _member_as_json(call, address, group.members[address])


def has_member(call: Call) -> JSON:
    """members.hasMember: also through groups in the group, but only for members of the same domain."""
    group = _group(call)
    key = call.path["member"]
    if "@" in key and not key.endswith(f"@{DOMAIN}"):
        raise bad("memberKey")
    address = _address_of(call, key)
    return {"isMember": any(each == address for each, _ in _walk(call, group, {group.email}, derived=True))}


# -- the customer ----------------------------------------------------------------------------------------------------


def get_customer(call: Call) -> JSON:
    """customers.get: ``my_customer`` or the id."""
    require_admin(call)
    if call.path["key"] not in ("my_customer", CUSTOMER):
        raise OlderError(403, FORBIDDEN, "forbidden")
    answer: JSON = {
        "kind": "admin#directory#customer",
        "id": CUSTOMER,
        "customerDomain": DOMAIN,
        "customerCreationTime": "2020-01-06T08:00:00.000Z",
        "alternateEmail": "owner@elsewhere.example",
        "language": "en",
        "postalAddress": {"organizationName": "Example", "countryCode": "DE", "locality": "Berlin"},
    }
    return {**answer, "etag": etag_of(answer)}


# -- the table -------------------------------------------------------------------------------------------------------

_LEAF: masks.Tree = {}


def _leaves(*names: str) -> masks.Tree:
    return dict.fromkeys(("kind", "etag", *names), _LEAF)


_USER: masks.Tree = {
    **_leaves(
        "id", "primaryEmail", "isAdmin", "isDelegatedAdmin", "agreedToTerms", "suspended", "suspensionReason", "archived",
        "customerId", "orgUnitPath", "isMailboxSetup", "includeInGlobalAddressList", "creationTime", "deletionTime", "emails",
        "aliases", "nonEditableAliases",
    ),
    "name": dict.fromkeys(("givenName", "familyName", "fullName"), _LEAF),
}  # fmt: skip
_ALIAS = _leaves("id", "primaryEmail", "alias")
_GROUP = _leaves("id", "email", "name", "description", "directMembersCount", "adminCreated")
_MEMBER = _leaves("id", "email", "role", "type", "status")
_CUSTOMER = _leaves(
    "id", "customerDomain", "customerCreationTime", "alternateEmail", "language", "postalAddress"
)
_BASE = "/admin/directory/v1"
_KEY = _BASE + "/users/{key}"
_ONE_GROUP = _BASE + "/groups/{key}"


def _many(key: str, item: masks.Tree) -> masks.Tree:
    return {**_leaves("nextPageToken"), key: item}


_TABLE: list[tuple[str, str, tuple[str, ...], Callable[[Call], Any], masks.Tree]] = [
    (_BASE + "/users", "users.list", USERS, list_users, _many("users", _USER)),
    (_KEY, "users.get", USERS, get_user, _USER),
    (_KEY + "/aliases", "users.aliases.list", ALIASES, list_aliases, _many("aliases", _ALIAS)),
    (_BASE + "/groups", "groups.list", GROUPS, list_groups, _many("groups", _GROUP)),
    (_ONE_GROUP, "groups.get", GROUPS, get_group, _GROUP),
    (_ONE_GROUP + "/members", "members.list", MEMBERS, list_members, _many("members", _MEMBER)),
    (_ONE_GROUP + "/members/{member}", "members.get", MEMBERS, get_member, _MEMBER),
    (_ONE_GROUP + "/hasMember/{member}", "members.hasMember", MEMBERS, has_member, {"isMember": _LEAF}),
    (_BASE + "/customers/{key}", "customers.get", CUSTOMERS, get_customer, _CUSTOMER),
]
METHODS = [
    Method(
        "GET", path, f"directory.{name}", f"ccc.hosted.frontend.directory.v1.{name}", scopes, handler, reply
    )
    for path, name, scopes, handler, reply in _TABLE
]


API = Api(SERVICE, METHODS)
